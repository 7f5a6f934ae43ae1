//! Posts that are refused: their authors are told, and it stays so.

use chathakase_session::{
    Kind,
    store::{Amended, Erased, NewPost, Receipt, Received, Rules, SessionStore},
    turn::Claimant,
};

use crate::{kit::*, open::Open};

/// One may wait.
fn rules() -> Rules {
    Rules { waiting_max: 1, ..Rules::default() }
}

/// A thread where one message waits behind a running turn, from `secs` on.
async fn full(store: &dyn SessionStore, secs: i64) -> chathakase_session::store::Claimed {
    let turn = runs(store, asks(&thread(), secs, "question"), at(secs)).await;
    assert!(matches!(receipt(store, asks(&thread(), secs + 1, "waits"), at(secs + 1)).await, Receipt::Waiting(_)));
    turn
}

pub(crate) async fn what_was_refused_stays_so_when_there_is_room(open: Open) {
    let store = open(rules());
    let (key, again) = (thread(), Received { receipt: Receipt::Refused, created: false, passed: Vec::new() });
    let turn = full(&*store, 0).await;
    assert_eq!(receipt(&*store, asks(&key, 2, "too much"), at(2)).await, Receipt::Full);
    assert_eq!(store.receive(asks(&key, 2, "too much"), None, at(2)).await.unwrap(), again);
    let next = answers(&*store, &turn, "answer", at(3)).await.unwrap();
    answers(&*store, &next, "answer", at(4)).await;
    let edited = NewPost { edited_ts: Some(ts(5)), asked_by_edit: Some(ts(5)), ..asks(&key, 2, "too much!") };
    for post in [asks(&key, 2, "too much"), commands(&key, 2, "help"), edited] {
        assert_eq!(store.receive(post, Some(&us()), at(5)).await.unwrap(), again);
    }
    // Nobody hears of a refusal whose words ask nothing, such as what a post said before it was edited.
    assert_eq!(receipt(&*store, tells(&key, 2, "too much"), at(5)).await, Receipt::Known);
    assert_eq!(store.amend(edit(&key, 2, "too much!", 5), at(5)).await.unwrap(), Amended::Gone);
    assert_eq!(window(&*store, &key, at(5)).await, ["question", "answer", "waits", "answer"]);
    assert!(store.claim(&us(), 9, at(1000)).await.unwrap().is_empty());
    // For as long as Slack may send it again.
    store.expire(0, 10, at(90_002)).await.unwrap();
    assert_eq!(receipt(&*store, asks(&key, 2, "too much"), at(90_002)).await, Receipt::Refused);
    store.expire(0, 10, at(90_003)).await.unwrap();
    assert!(matches!(receipt(&*store, asks(&key, 2, "too much"), at(90_003)).await, Receipt::Run(_)));
}

pub(crate) async fn what_was_refused_may_be_read_back_and_is_never_asked(open: Open) {
    let store = open(rules());
    let key = thread();
    let turn = full(&*store, 5).await;
    for secs in [7, 8, 9] {
        assert_eq!(receipt(&*store, asks(&key, secs, "too much"), at(secs)).await, Receipt::Full);
    }
    // Slack shows it as it is now, and what was deleted not at all.
    store.amend(edit(&key, 8, "edited", 10), at(10)).await.unwrap();
    assert_eq!(store.erase(&key.workspace, &key.channel, ts(9), at(10)).await.unwrap(), Erased::Gone);
    let shown = vec![asks(&key, 7, "too much"), NewPost { edited_ts: Some(ts(10)), ..asks(&key, 8, "edited") }];
    let late = vec![asks(&key, 9, "too much")];
    assert_eq!(store.learn(&turn.lease, read(shown), at(11)).await.unwrap().new, 2);
    assert_eq!(store.learn(&turn.lease, read(late), at(11)).await.unwrap().new, 0);
    assert_eq!(window(&*store, &key, at(11)).await, ["question", "too much", "edited"]);
    answers(&*store, &turn, "answer", at(12)).await.unwrap();
    for (secs, known) in [(7, Receipt::Refused), (8, Receipt::Refused), (9, Receipt::Gone)] {
        assert_eq!(receipt(&*store, asks(&key, secs, "too much"), at(12)).await, known);
    }
    assert_eq!(store.session(&key, at(12)).await.unwrap().unwrap().waiting, 0);
}

pub(crate) async fn context_that_asks_when_too_much_waits_stays_context(open: Open) {
    let store = open(rules());
    let key = thread();
    let turn = full(&*store, 0).await;
    assert_eq!(receipt(&*store, tells(&key, 2, "told"), at(2)).await, Receipt::Kept);
    assert_eq!(receipt(&*store, asks(&key, 2, "told"), at(3)).await, Receipt::Full);
    answers(&*store, &turn, "answer", at(4)).await.unwrap();
    assert_eq!(receipt(&*store, asks(&key, 2, "told"), at(5)).await, Receipt::Refused);
    assert_eq!(window(&*store, &key, at(5)).await, ["question", "answer", "waits", "told"]);
    // As context it may be edited and deleted.
    assert_eq!(store.amend(edit(&key, 2, "edited", 6), at(6)).await.unwrap(), Amended::Done);
    assert_eq!(receipt(&*store, asks(&key, 2, "told"), at(6)).await, Receipt::Refused);
    assert_eq!(window(&*store, &key, at(6)).await, ["question", "answer", "waits", "edited"]);
    store.erase(&key.workspace, &key.channel, ts(2), at(7)).await.unwrap();
    assert_eq!(receipt(&*store, asks(&key, 2, "told"), at(7)).await, Receipt::Gone);
}

pub(crate) async fn context_that_was_refused_is_known_as_that_when_its_session_is_over(open: Open) {
    let store = open(rules());
    let key = thread();
    let turn = full(&*store, 0).await;
    assert_eq!(receipt(&*store, tells(&key, 2, "told"), at(2)).await, Receipt::Kept);
    assert_eq!(receipt(&*store, asks(&key, 2, "told"), at(3)).await, Receipt::Full);
    let next = answers(&*store, &turn, "answer", at(4)).await.unwrap();
    answers(&*store, &next, "answer", at(5)).await;
    // Before the sweep, and after it.
    assert_eq!(receipt(&*store, asks(&key, 2, "told"), at(5000)).await, Receipt::Refused);
    store.expire(0, 10, at(5000)).await.unwrap();
    assert_eq!(receipt(&*store, asks(&key, 2, "told"), at(5000)).await, Receipt::Refused);
    // Also when the next session reads it back.
    let next = runs(&*store, asks(&key, 5001, "more"), at(5001)).await;
    assert_eq!(store.learn(&next.lease, read(vec![asks(&key, 2, "told")]), at(5002)).await.unwrap().new, 1);
    assert_eq!(receipt(&*store, asks(&key, 2, "told"), at(5003)).await, Receipt::Refused);
    assert_eq!(window(&*store, &key, at(5003)).await, ["told", "more"]);
}

pub(crate) async fn a_reply_refused_after_its_mention_came_is_not_named_again(open: Open) {
    let store = open(rules());
    let key = thread();
    let reply = |secs| NewPost { joined_only: true, ..asks(&key, secs, "reply") };
    assert_eq!(receipt(&*store, reply(7), at(7)).await, Receipt::NotJoined);
    let mention = async |claimant: Option<&Claimant>, now| {
        store.receive(asks(&key, 0, "mention"), claimant, at(now)).await.unwrap().passed
    };
    assert_eq!(mention(Some(&us()), 8).await, [ts(7)]);
    assert!(matches!(receipt(&*store, reply(8), at(8)).await, Receipt::Waiting(_)));
    assert_eq!(receipt(&*store, reply(7), at(9)).await, Receipt::Full);
    assert_eq!(mention(None, 10).await, []);
}

pub(crate) async fn a_bot_that_was_one_too_many_in_a_row_is_not_answered_later(open: Open) {
    let store = open(Rules { bots_in_row_max: 1, ..Rules::default() });
    let key = thread();
    let bot = |secs| NewPost { by_bot: true, ..asks(&key, secs, "beep") };
    runs(&*store, bot(0), at(0)).await;
    assert_eq!(receipt(&*store, bot(1), at(1)).await, Receipt::TooManyBots);
    let aside = NewPost { kind: Kind::Context, ..bot(2) };
    assert_eq!(receipt(&*store, aside.clone(), at(2)).await, Receipt::TooManyBots);
    assert!(matches!(receipt(&*store, asks(&key, 3, "hi"), at(3)).await, Receipt::Waiting(_)));
    // Nobody is to be told.
    assert_eq!(receipt(&*store, bot(1), at(4)).await, Receipt::Known);
    assert_eq!(receipt(&*store, aside, at(4)).await, Receipt::Known);
    // It asked nothing yet.
    assert!(matches!(receipt(&*store, bot(2), at(5)).await, Receipt::Waiting(_)));
}
