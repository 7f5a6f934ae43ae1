//! Short words for what the checks say.

use std::time::Duration;

use chathakase_session::{
    Kind, Message, SlackTs, ThreadKey, Timestamp,
    message::Ending,
    store::{Claimed, Closing, Count, Edit, History, NewPost, ReadBack, Receipt, SessionStore, Usage},
    turn::{Claimant, Outcome, OwnerId, Part, PartMode, PartState},
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// The moment `secs` seconds into the story.
pub(crate) fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

/// Slack's name for a post `secs` seconds into the story.
pub(crate) fn ts(secs: i64) -> SlackTs {
    SlackTs::from_micros((1_700_000_000 + secs) * 1_000_000).unwrap()
}

/// The thread of a workspace, a channel and the root posted at `secs`.
pub(crate) fn thread_of(workspace: &str, channel: &str, secs: i64) -> ThreadKey {
    ThreadKey { workspace: workspace.parse().unwrap(), channel: channel.parse().unwrap(), root: ts(secs) }
}

/// The thread in C1 whose root is posted at the beginning.
pub(crate) fn thread() -> ThreadKey {
    thread_of("T1", "C1", 0)
}

/// Ana asks.
pub(crate) fn asks(key: &ThreadKey, secs: i64, text: &str) -> NewPost {
    NewPost {
        author_team: Some("T1".parse().unwrap()),
        name: Some("Ana".to_owned()),
        ..NewPost::from_user("U1ANA".parse().unwrap(), key, ts(secs), Kind::Accepted, text)
    }
}

/// Ana speaks to others.
pub(crate) fn tells(key: &ThreadKey, secs: i64, text: &str) -> NewPost {
    NewPost { kind: Kind::Context, ..asks(key, secs, text) }
}

/// Ana gives a command.
pub(crate) fn commands(key: &ThreadKey, secs: i64, text: &str) -> NewPost {
    NewPost { kind: Kind::Command, ..asks(key, secs, text) }
}

/// A post of the thread was edited.
pub(crate) fn edit(key: &ThreadKey, secs: i64, text: &str, edited: i64) -> Edit {
    Edit { post: tells(key, secs, text), edited_ts: ts(edited), leaves_mark: true, enters: false }
}

/// The post, from somebody else.
pub(crate) fn by(user: &str, name: &str, post: NewPost) -> NewPost {
    NewPost { author: Some(user.parse().unwrap()), name: Some(name.to_owned()), ..post }
}

/// A process that takes turns for 30 seconds.
pub(crate) fn process(name: &str) -> Claimant {
    Claimant { owner: OwnerId::new(name), lease: 30 * SECOND, history_max: 20, commands_max: 64, slack_now: None }
}

/// Our process.
pub(crate) fn us() -> Claimant {
    process("us")
}

/// Receives a post that must open a turn, which is ours.
pub(crate) async fn runs(store: &dyn SessionStore, post: NewPost, now: Timestamp) -> Claimed {
    match store.receive(post, Some(&us()), now).await.unwrap().receipt {
        Receipt::Run(claimed) => *claimed,
        other => panic!("expected a turn of ours, got {other:?}"),
    }
}

/// Receives a post.
pub(crate) async fn receipt(store: &dyn SessionStore, post: NewPost, now: Timestamp) -> Receipt {
    store.receive(post, Some(&us()), now).await.unwrap().receipt
}

/// What a model says, whole.
pub(crate) fn says(text: &str) -> Closing {
    Closing {
        outcome: Outcome::Answered,
        text: text.to_owned(),
        ending: Ending::Complete,
        note: None,
        model: Some("test-1".to_owned()),
        usage: Usage { prompt: 7, completion: 3 },
    }
}

/// A part that stands in the thread.
pub(crate) fn part(index: u32, secs: i64) -> Part {
    Part { index, mode: PartMode::Stream, state: PartState::Done, ts: Some(ts(secs)), hash: 0xfeed_0000_0000_0001 }
}

/// The thread shows an answer; where, does not matter.
pub(crate) fn shown() -> [Part; 1] {
    [Part { ts: None, ..part(0, 0) }]
}

/// Closes a turn with `text` and says that the thread shows it; returns the next turn.
pub(crate) async fn answers(store: &dyn SessionStore, turn: &Claimed, text: &str, now: Timestamp) -> Option<Claimed> {
    store.close(&turn.lease, says(text), now).await.unwrap();
    store.delivered(&turn.lease, &shown(), Some(&us()), now).await.unwrap()
}

/// What a text of so many bytes was counted to.
pub(crate) fn count(seq: u64, bytes: usize, tokens: u32) -> Count {
    Count { seq, bytes, tokens }
}

/// The texts of messages.
pub(crate) fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.text.as_str()).collect()
}

/// The newest twenty as a window would see them.
pub(crate) async fn window(store: &dyn SessionStore, key: &ThreadKey, now: Timestamp) -> Vec<String> {
    let History { newest, .. } = store.history(key, None, 20, now).await.unwrap();
    newest.into_iter().map(|message| message.text).collect()
}

/// Posts that were read back from a thread of which more may stand.
pub(crate) fn read(posts: Vec<NewPost>) -> ReadBack {
    ReadBack {
        posts,
        stood: Vec::new(),
        whole_from: None,
        began: at(0),
        began_by_slack: at(0),
        left_out: 0,
        questions_max: 20,
    }
}

/// All that stands in a thread, read by `began`.
pub(crate) fn whole(posts: Vec<NewPost>, began: i64) -> ReadBack {
    ReadBack { whole_from: Some(ts(0)), began: at(began), began_by_slack: at(began), ..read(posts) }
}
