//! Many at once, on threads that share their root's timestamp: no thread ever shows a word of another, and none loses one.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use chathakase_session::{
    Kind, Message, Role, ThreadKey, Timestamp, WindowLimits,
    store::{Claimed, History, NewPost, Page, Press, Receipt, Rules, SessionStore},
    tokens::BytesAsTokens,
    window,
};
use proptest::prelude::*;

use crate::{
    kit::*,
    open::{self, Open, Opened},
};

/// One root in two channels of two workspaces. In the first and the last nothing is ever taken away; the two between, each of which
/// shares its channel or its workspace with either, lose what they can.
const PLACES: [(&str, &str); 4] = [("T1", "C1"), ("T1", "C2"), ("T2", "C1"), ("T2", "C2")];

fn key(place: usize) -> ThreadKey {
    let (workspace, channel) = PLACES[place];
    thread_of(workspace, channel, 0)
}

fn place_of(wanted: &ThreadKey) -> usize {
    (0..PLACES.len()).find(|place| key(*place) == *wanted).unwrap()
}

fn keeps(place: usize) -> bool {
    place == 0 || place == 3
}

/// What one of many does next. Posts have the same few timestamps everywhere, and come in any order and more than once.
#[derive(Clone, Debug)]
enum Deed {
    Ask { place: usize, secs: i64 },
    Tell { place: usize, secs: i64 },
    Answer,
    ReadThread,
    Look { place: usize },
    Claim,
    Spoil { place: usize, secs: i64, how: u8 },
    Sweep,
}

const POSTS: i64 = 12;
/// The root, and all there is, of a thread whose session is over.
const OVER: i64 = 90;
/// From here on the timestamps of answers.
const ANSWERS: i64 = 100;

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let (place, secs) = (|| 0..PLACES.len(), || 0..POSTS);
    let deed = prop_oneof![
        8 => (place(), secs()).prop_map(|(place, secs)| Deed::Ask { place, secs }),
        3 => (place(), secs()).prop_map(|(place, secs)| Deed::Tell { place, secs }),
        5 => Just(Deed::Answer),
        2 => Just(Deed::ReadThread),
        2 => place().prop_map(|place| Deed::Look { place }),
        2 => Just(Deed::Claim),
        3 => (1..3_usize, secs(), 0..6_u8).prop_map(|(place, secs, how)| Deed::Spoil { place, secs, how }),
        1 => Just(Deed::Sweep),
    ];
    prop::collection::vec(deed, 1..25)
}

/// One of two who write, each under a name that tells the thread.
fn post(place: usize, secs: i64) -> NewPost {
    let (key, user) = (key(place), ["U1ANA", "U2BEN"][usize::from(secs % 2 == 0)]);
    let name = format!("{user} in {key}");
    by(user, &name, asks(&key, secs, &format!("post {secs} in {key}")))
}

fn of(key: &ThreadKey, message: &Message) {
    assert!(message.text.ends_with(&format!("in {key}")), "{message:?} is not of {key}");
}

/// Nothing of what a window would be made of, and of the window, is another thread's.
fn is_of(key: &ThreadKey, history: &History) {
    history.first.iter().chain(&history.newest).for_each(|message| of(key, message));
    assert!(history.people.values().all(|name| name.ends_with(&key.to_string())), "{:?} in {key}", history.people);
    let limits = WindowLimits { max_messages: 8, ..WindowLimits::default() };
    for message in window("", history, &limits, &BytesAsTokens).messages {
        let whose = message.content.ends_with(&format!("in {key}"));
        let named = message.role == Role::Assistant
            || history.people.len() < 2
            || message.content.contains(&format!(" in {key}: "));
        assert!(whose && named, "{message:?} in a window of {key}");
    }
}

/// One of many, with what it holds.
struct One {
    store: Arc<dyn SessionStore>,
    name: String,
    held: Vec<Claimed>,
    /// How many posts of answers each place has: the next one's timestamp.
    answers: Arc<[AtomicI64; 4]>,
}

impl One {
    fn hold(&mut self, claimed: Claimed) {
        let key = &claimed.lease.key;
        assert_eq!(&claimed.turn.key, key);
        claimed.history.iter().for_each(|history| is_of(key, history));
        self.held.push(claimed);
    }

    async fn does(&mut self, deed: Deed, now: Timestamp) {
        let (store, us) = (self.store.clone(), process(&self.name));
        match deed {
            Deed::Ask { place, secs } => {
                let received = store.receive(post(place, secs), Some(&us), now).await.unwrap();
                if let Receipt::Run(claimed) = received.receipt {
                    assert_eq!(claimed.lease.key, key(place));
                    self.hold(*claimed);
                }
            }
            Deed::Tell { place, secs } => {
                let told = NewPost { kind: Kind::Context, ..post(place, secs) };
                store.receive(told, None, now).await.unwrap();
            }
            Deed::Answer => self.answer(now).await,
            Deed::ReadThread => {
                let Some(claimed) = self.held.last() else { return };
                let place = place_of(&claimed.lease.key);
                let posts = (0..POSTS / 2).map(|secs| NewPost { kind: Kind::Context, ..post(place, secs) }).collect();
                store.learn(&claimed.lease, read(posts), now).await.unwrap();
            }
            Deed::Look { place } => look(&*store, place, now).await,
            Deed::Claim => {
                for claimed in store.claim(&us, 2, now).await.unwrap() {
                    self.hold(claimed);
                }
            }
            Deed::Spoil { place, secs, how } => spoil(&*store, &key(place), secs, how, now).await,
            Deed::Sweep => drop(store.expire(0, 2, now).await.unwrap()),
        }
    }

    /// Answers what it took first, and holds what comes after.
    async fn answer(&mut self, now: Timestamp) {
        if self.held.is_empty() {
            return;
        }
        let Claimed { lease, turn, .. } = self.held.remove(0);
        let (store, us) = (self.store.clone(), process(&self.name));
        is_of(&lease.key, &store.history(&lease.key, Some(turn.id), 8, now).await.unwrap());
        let secs = ANSWERS + self.answers[place_of(&lease.key)].fetch_add(1, Relaxed);
        let shown = part(0, secs);
        store.part_open(&lease, 0, shown.mode, ts(secs)).await.unwrap();
        store.close(&lease, says(&format!("turn {} answers in {}", turn.id, lease.key)), now).await.unwrap();
        if let Some(next) = store.delivered(&lease, &[shown], Some(&us), now).await.unwrap() {
            assert_eq!(next.lease.key, lease.key);
            self.hold(next);
        }
    }
}

/// Everything that a reader is shown of a place.
async fn look(store: &dyn SessionStore, place: usize, now: Timestamp) {
    let key = key(place);
    is_of(&key, &store.history(&key, None, 8, now).await.unwrap());
    store.messages(&key, 0, 200, now).await.unwrap().iter().for_each(|message| of(&key, message));
    let page = Page { workspace: Some(key.workspace.clone()), number: 0, size: 100 };
    for info in store.sessions(&page, now).await.unwrap() {
        assert_eq!(info.key.workspace, key.workspace);
        assert!(info.people.values().all(|name| name.ends_with(&info.key.to_string())), "{info:?}");
    }
}

/// Takes away or changes what stands under a timestamp that other places have too.
async fn spoil(store: &dyn SessionStore, key: &ThreadKey, secs: i64, how: u8, now: Timestamp) {
    match how {
        0 => drop(store.erase(&key.workspace, &key.channel, ts(secs), now).await.unwrap()),
        1 => drop(store.erase(&key.workspace, &key.channel, ts(ANSWERS + secs), now).await.unwrap()),
        2 => drop(store.retract(key, ts(ANSWERS + secs), now).await.unwrap()),
        3 => drop(store.clear(key, ts(secs), now).await.unwrap()),
        4 => drop(store.amend(edit(key, secs, &format!("edited in {key}"), 50 + secs), now).await.unwrap()),
        _ => drop(store.stop(key, &Press::at(ts(ANSWERS + secs))).await.unwrap()),
    }
}

/// Sessions of other roots that are over, so that sweeps have something to take away beside what lives.
async fn some_that_are_over(store: &dyn SessionStore) {
    for (workspace, channel) in PLACES {
        let key = thread_of(workspace, channel, OVER);
        store.receive(tells(&key, OVER, &format!("long ago in {key}")), None, at(-9000)).await.unwrap();
    }
}

/// Does all that `scripts` say at once, each on one of the handles, and looks at what came of it.
async fn at_once(handles: [Opened; 2], scripts: Vec<Vec<Deed>>) {
    some_that_are_over(&*handles[0]).await;
    let answers = Arc::new([0, 0, 0, 0].map(AtomicI64::new));
    let mut said = [const { BTreeSet::new() }; 4];
    for deed in scripts.iter().flatten() {
        if let Deed::Ask { place, secs } | Deed::Tell { place, secs } = deed {
            said[*place].insert(format!("post {secs} in {}", key(*place)));
        }
    }
    let tasks = scripts.into_iter().enumerate().map(|(n, script)| {
        let store = Arc::clone(&handles[n % 2].store);
        let mut one = One { store, name: format!("p{n}"), held: Vec::new(), answers: answers.clone() };
        tokio::spawn(async move {
            for deed in script {
                one.does(deed, at(ANSWERS)).await;
            }
            while !one.held.is_empty() {
                one.answer(at(ANSWERS)).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let mut last = One { store: Arc::clone(&handles[1].store), name: "last".to_owned(), held: Vec::new(), answers };
    loop {
        last.does(Deed::Claim, at(ANSWERS)).await;
        if last.held.is_empty() {
            break;
        }
        last.answer(at(ANSWERS)).await;
    }
    for (place, said) in said.iter().enumerate() {
        look(&*handles[0], place, at(ANSWERS)).await;
        if keeps(place) {
            nothing_is_missing(&*handles[0], place, said).await;
        }
    }
}

/// Each post is there once, and each question has its answer.
async fn nothing_is_missing(store: &dyn SessionStore, place: usize, said: &BTreeSet<String>) {
    let all = store.messages(&key(place), 0, 200, at(ANSWERS)).await.unwrap();
    let (answers, posts): (Vec<&Message>, Vec<&Message>) =
        all.iter().partition(|message| message.role == Role::Assistant);
    let mut there: Vec<&str> = posts.iter().map(|message| message.text.as_str()).collect();
    there.sort_unstable();
    let read: Vec<&str> = there.iter().copied().filter(|text| said.contains(*text)).collect();
    let mut wanted: Vec<&str> = said.iter().map(String::as_str).collect();
    wanted.sort_unstable();
    assert_eq!(read, wanted, "in {}", key(place));
    there.dedup();
    assert_eq!(there.len(), posts.len(), "each is there once");
    for question in posts.iter().filter(|message| message.turn.is_some()) {
        assert!(answers.iter().any(|answer| answer.turn == question.turn), "{question:?} has no answer");
    }
}

fn many_at_once_never_mix(open: Open, cases: u32) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scripts = prop::collection::vec(deeds(), 2..8);
    proptest!(ProptestConfig { cases, ..ProptestConfig::default() }, |(scripts in scripts)| {
        runtime.block_on(async {
            let rules = Rules { waiting_max: 500, ..Rules::default() };
            let one = open(rules.clone());
            at_once([one.beside(rules), one], scripts).await;
        });
    });
}

mod many_at_once_on_equal_roots_never_mix {
    use super::{many_at_once_never_mix, open};

    #[test]
    fn memory() {
        many_at_once_never_mix(open::memory, 64);
    }
    #[test]
    fn sqlite() {
        many_at_once_never_mix(open::sqlite, 24);
    }
    #[test]
    fn postgres() {
        if test_database::TestDatabase::is_there() {
            many_at_once_never_mix(open::postgres, 8);
        }
    }
    #[test]
    fn postgres_behind_a_pooler() {
        if test_database::TestDatabase::is_there() {
            many_at_once_never_mix(open::pooled, 8);
        }
    }
}
