//! Any order of steps gives on every store what it gives on the simplest one.

use std::ops::Range;

use chathakase_session::{
    Kind, Role, ThreadKey, Timestamp,
    message::Ending,
    store::{Claimed, Closing, Edit, NewPost, Page, Press, ReadBack, Receipt, Rules},
    turn::{Lease, Outcome, PartMode},
};
use proptest::prelude::*;

use crate::{
    kit::*,
    open::{self, Open, Opened},
};

/// One step, over few threads, posts and processes, so that they meet often.
#[derive(Clone, Debug)]
enum Step {
    Receive { thread: usize, secs: i64, kind: Kind, user: u8, claims: Option<u8>, joined_only: bool },
    Learn { lease: usize, secs: Vec<i64>, whole: bool },
    Reconcile { thread: usize, secs: Vec<i64>, whole: bool },
    Retract { thread: usize, secs: i64 },
    Claim { process: u8, limit: usize },
    Renew { lease: usize },
    Release { lease: usize, wait: u32 },
    Part { lease: usize, what: u8, index: u32 },
    Close { lease: usize, outcome: Outcome, words: bool },
    Deliver { lease: usize, claims: Option<u8> },
    Amend { thread: usize, secs: i64, edited: i64 },
    Stop { thread: usize, secs: i64 },
    Erase { thread: usize, secs: i64 },
    Clear { thread: usize, secs: i64 },
    ClearAndClose { lease: usize, secs: i64 },
    CutShort { lease: usize },
    Expire { keep: usize, limit: usize },
    Counted { thread: usize, seq: u64 },
    Pass { secs: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let thread = || 0..THREADS;
    let secs = || 0..8_i64;
    let seen = || prop::collection::vec(0..8_i64, 0..4);
    let lease = || 0..6_usize;
    let claims = || proptest::option::of(0..2_u8);
    let kind = prop_oneof![3 => Just(Kind::Accepted), 2 => Just(Kind::Context), 1 => Just(Kind::Command)];
    let outcome = prop_oneof![Just(Outcome::Answered), Just(Outcome::Failed), Just(Outcome::Stopped)];
    let step = prop_oneof![
        12 => (thread(), secs(), kind, 0..3_u8, claims(), any::<bool>()).prop_map(
            |(thread, secs, kind, user, claims, joined_only)| Step::Receive { thread, secs, kind, user, claims, joined_only }
        ),
        3 => (lease(), seen(), any::<bool>()).prop_map(|(lease, secs, whole)| Step::Learn { lease, secs, whole }),
        2 => (thread(), seen(), any::<bool>()).prop_map(|(thread, secs, whole)| Step::Reconcile { thread, secs, whole }),
        1 => (thread(), secs()).prop_map(|(thread, secs)| Step::Retract { thread, secs }),
        4 => (0..2_u8, 0..4_usize).prop_map(|(process, limit)| Step::Claim { process, limit }),
        2 => lease().prop_map(|lease| Step::Renew { lease }),
        1 => (lease(), 0..9_u32).prop_map(|(lease, wait)| Step::Release { lease, wait }),
        2 => (lease(), 0..3_u8, 0..3_u32).prop_map(|(lease, what, index)| Step::Part { lease, what, index }),
        8 => (lease(), outcome, any::<bool>()).prop_map(|(lease, outcome, words)| Step::Close { lease, outcome, words }),
        8 => (lease(), claims()).prop_map(|(lease, claims)| Step::Deliver { lease, claims }),
        3 => (thread(), secs(), 0..20_i64).prop_map(|(thread, secs, edited)| Step::Amend { thread, secs, edited }),
        1 => (thread(), 0..90_i64).prop_map(|(thread, secs)| Step::Stop { thread, secs }),
        3 => (thread(), secs()).prop_map(|(thread, secs)| Step::Erase { thread, secs }),
        2 => (thread(), secs()).prop_map(|(thread, secs)| Step::Clear { thread, secs }),
        1 => (lease(), secs()).prop_map(|(lease, secs)| Step::ClearAndClose { lease, secs }),
        1 => lease().prop_map(|lease| Step::CutShort { lease }),
        2 => (0..3_usize, 0..4_usize).prop_map(|(keep, limit)| Step::Expire { keep, limit }),
        1 => (thread(), 0..9_u64).prop_map(|(thread, seq)| Step::Counted { thread, seq }),
        3 => prop_oneof![Just(1), Just(20), Just(40), Just(3600), Just(90_000)].prop_map(|secs| Step::Pass { secs }),
    ];
    prop::collection::vec(step, 1..60)
}

const THREADS: usize = 4;

/// These posts, the even ones edited, as a reading of the thread shows them.
fn read_back(key: &ThreadKey, secs: &[i64], whole: bool, now: Timestamp) -> ReadBack {
    let post = |secs: &i64| NewPost {
        role: if secs % 3 == 2 { Role::Assistant } else { Role::User },
        edited_ts: (secs % 2 == 0).then(|| ts(10 + secs)),
        ..tells(key, *secs, &format!("read back {secs} in {key}"))
    };
    let posts = secs.iter().map(post).collect();
    ReadBack {
        posts,
        stood: Vec::new(),
        whole_from: whole.then(|| ts(0)),
        began: now,
        began_by_slack: now,
        left_out: 2,
        questions_max: 20,
    }
}

/// Equal roots in two channels and two workspaces, and a second thread in one of the channels.
fn key(thread: usize) -> ThreadKey {
    let (workspace, channel, root) = [("T1", "C1", 0), ("T1", "C2", 0), ("T2", "C1", 0), ("T1", "C1", 1)][thread];
    thread_of(workspace, channel, root)
}

/// A store with what its callers hold.
struct Side {
    store: Opened,
    leases: Vec<Lease>,
}

impl Side {
    fn new(open: Open) -> Self {
        Self { store: open(Rules { waiting_max: 3, ..Rules::default() }), leases: Vec::new() }
    }

    /// Any lease that was ever given, the newest first: most steps meet a turn that is open.
    fn lease(&self, back: usize) -> Option<Lease> {
        self.leases.iter().rev().nth(back).cloned()
    }

    fn hold<'a>(&mut self, claimed: impl IntoIterator<Item = &'a Claimed>) {
        self.leases.extend(claimed.into_iter().map(|claimed| claimed.lease.clone()));
    }

    /// Does a step and tells what it gave.
    async fn take(&mut self, step: &Step, now: Timestamp) -> String {
        match step {
            Step::Receive { thread, secs, kind, user, claims, joined_only } => {
                let user = format!("U{user}");
                let text = format!("{user} says {secs} in {}", key(*thread));
                let post = by(&user, &format!("Name of {user}"), asks(&key(*thread), *secs, &text));
                let post = NewPost { kind: *kind, joined_only: *joined_only, by_bot: user == "U2", ..post };
                let claimant = claims.map(|n| process(&n.to_string()));
                let received = self.store.receive(post, claimant.as_ref(), now).await;
                if let Ok(Receipt::Run(claimed)) = received.as_ref().map(|received| &received.receipt) {
                    self.hold([&**claimed]);
                }
                format!("{received:?}")
            }
            Step::Claim { process: owner, limit } => {
                let claimed = self.store.claim(&process(&owner.to_string()), *limit, now).await.unwrap();
                self.hold(&claimed);
                format!("{claimed:?}")
            }
            Step::Amend { thread, secs, edited } => {
                let key = key(*thread);
                let text = format!("edit {edited} of {secs} in {}/{}", key.workspace, key.channel);
                let edit = edit(&key, *secs, &text, *edited);
                let edit = Edit { leaves_mark: edited % 3 > 0, enters: edited % 2 > 0, ..edit };
                format!("{:?}", self.store.amend(edit, now).await)
            }
            Step::Reconcile { thread, secs, whole } => {
                let key = key(*thread);
                format!("{:?}", self.store.reconcile(&key, read_back(&key, secs, *whole, now), now).await)
            }
            Step::Retract { thread, secs } => format!("{:?}", self.store.retract(&key(*thread), ts(*secs), now).await),
            Step::Erase { thread, secs } => {
                let ThreadKey { workspace, channel, .. } = key(*thread);
                format!("{:?}", self.store.erase(&workspace, &channel, ts(*secs), now).await)
            }
            Step::Clear { thread, secs } => format!("{:?}", self.store.clear(&key(*thread), ts(*secs), now).await),
            Step::Stop { thread, secs } => format!("{:?}", self.store.stop(&key(*thread), &Press::at(ts(*secs))).await),
            Step::Expire { keep, limit } => format!("{:?}", self.store.expire(*keep, *limit, now).await),
            Step::Counted { thread, seq } => {
                let (key, seq) = (key(*thread), *seq);
                let there = self.store.messages(&key, 0, 100, now).await.unwrap();
                let bytes = there.iter().find(|message| message.seq == seq).map_or(1, |message| message.text.len());
                format!("{:?}", self.store.counted(&key, &[count(seq, bytes, 9)]).await)
            }
            Step::Pass { .. } => String::new(),
            of_turn => self.take_of_turn(of_turn, now).await,
        }
    }

    async fn take_of_turn(&mut self, step: &Step, now: Timestamp) -> String {
        let (Step::Learn { lease, .. }
        | Step::Renew { lease }
        | Step::Release { lease, .. }
        | Step::Part { lease, .. }
        | Step::Close { lease, .. }
        | Step::ClearAndClose { lease, .. }
        | Step::CutShort { lease }
        | Step::Deliver { lease, .. }) = step
        else {
            unreachable!("{step:?} is of no turn")
        };
        let Some(lease) = self.lease(*lease) else { return String::new() };
        match step {
            Step::Learn { secs, whole, .. } => {
                format!("{:?}", self.store.learn(&lease, read_back(&lease.key, secs, *whole, now), now).await)
            }
            Step::Renew { .. } => {
                format!("{:?}", self.store.renew(std::slice::from_ref(&lease), 30 * SECOND, now).await)
            }
            Step::Release { wait, .. } => {
                format!("{:?}", self.store.release(std::slice::from_ref(&lease), *wait * SECOND, now).await)
            }
            Step::Part { what: 0, index, .. } => {
                format!("{:?}", self.store.part_intended(&lease, *index, PartMode::Update).await)
            }
            Step::Part { what: 1, index, .. } => {
                format!("{:?}", self.store.part_open(&lease, *index, PartMode::Stream, ts(2)).await)
            }
            Step::Part { index, .. } => format!("{:?}", self.store.part_done(&lease, *index, u64::MAX).await),
            Step::Close { outcome, words, .. } => {
                let text = if *words { format!("turn {} answers in {}", lease.turn, lease.key) } else { String::new() };
                let closing = Closing {
                    outcome: *outcome,
                    ending: if *outcome == Outcome::Answered { Ending::Complete } else { Ending::Cut },
                    note: (!words).then(|| "a note".to_owned()),
                    ..says(&text)
                };
                format!("{:?}", self.store.close(&lease, closing, now).await)
            }
            Step::CutShort { .. } => {
                let text = format!("turn {} in {}", lease.turn, lease.key);
                format!("{:?}", self.store.cut_short(&lease, &text, Ending::Stopped, now).await)
            }
            Step::ClearAndClose { secs, .. } => {
                format!("{:?}", self.store.clear_and_close(&lease, ts(*secs), |_| says(""), now).await)
            }
            Step::Deliver { claims, .. } => {
                let claimant = claims.map(|n| process(&n.to_string()));
                let next = self.store.delivered(&lease, &[part(0, 2)], claimant.as_ref(), now).await;
                self.hold(next.iter().flatten());
                format!("{next:?}")
            }
            other => unreachable!("{other:?} is of no turn"),
        }
    }

    /// All that a reader can see of these threads, and of all of them together.
    async fn seen(&self, threads: Range<usize>, now: Timestamp) -> Vec<String> {
        let store = &self.store;
        let mut seen = Vec::new();
        for key in threads.map(key) {
            seen.push(format!("{:?}", store.mark(&key, now).await));
            seen.push(format!("{:?}", store.session(&key, now).await));
            seen.push(format!("{:?}", store.messages(&key, 0, 50, now).await));
            let newest = self.leases.last().map(|lease| lease.turn);
            for (turn, limit) in [(None, 20), (newest, 2)] {
                seen.push(format!("{:?}", store.history(&key, turn, limit, now).await));
            }
        }
        let page = Page { workspace: None, number: 0, size: 50 };
        let mut sessions: Vec<_> =
            store.sessions(&page, now).await.unwrap().iter().map(|info| format!("{info:?}")).collect();
        // Those of the same instant may come in either order.
        sessions.sort();
        seen.extend(sessions);
        seen.push(format!("{:?}", store.stats(Some(&"T1".parse().unwrap()), now).await));
        seen
    }

    /// What must hold of these threads whatever was done.
    async fn holds(&self, threads: Range<usize>, now: Timestamp) {
        for key in threads.map(key) {
            let history = self.store.history(&key, None, 50, now).await.unwrap();
            let order: Vec<_> =
                history.newest.iter().map(|m| (m.ts, m.role == Role::Assistant && m.turn.is_some())).collect();
            assert!(order.is_sorted(), "{history:?}");
            for message in &history.newest {
                // An edit names a post by its channel, so that is all its text can say.
                let places = [format!("in {key}"), format!("in {}/{}", key.workspace, key.channel)];
                assert!(places.iter().any(|place| message.text.ends_with(place)), "{message:?} is not of {key}");
                assert_ne!(message.kind, Kind::Command);
            }
            let cleared = self.store.mark(&key, now).await.unwrap().cleared_before;
            assert!(history.newest.iter().all(|message| Some(message.ts) > cleared), "{history:?}");
            let info = self.store.session(&key, now).await.unwrap();
            let (users, answers) = info.map_or((0, 0), |info| (info.user_messages, info.assistant_messages));
            let all = self.store.messages(&key, 0, 100, now).await.unwrap();
            let counted = all.iter().filter(|message| message.kind != Kind::Command).count() as u64;
            assert_eq!(counted, users + answers, "the counters of {key} are wrong");
        }
    }
}

async fn same(open: Open, steps: &[Step]) {
    let (mut simple, mut tested, mut now) = (Side::new(open::memory), Side::new(open), at(0));
    for (at, step) in steps.iter().enumerate() {
        if let Step::Pass { secs } = step {
            now = now + SECOND * u32::try_from(*secs).unwrap();
        }
        let (wanted, found) = (simple.take(step, now).await, tested.take(step, now).await);
        assert_eq!(found, wanted, "{step:?}");
        // One thread after each step, in turn, and all in the end: a database is asked over a wire.
        let looked_at = if at + 1 == steps.len() { 0..THREADS } else { at % THREADS..at % THREADS + 1 };
        assert_eq!(
            tested.seen(looked_at.clone(), now).await,
            simple.seen(looked_at.clone(), now).await,
            "after {step:?}"
        );
        tested.holds(looked_at, now).await;
    }
}

fn any_order_gives_the_same(open: Open) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    proptest!(ProptestConfig { cases: 48, ..ProptestConfig::default() }, |(steps in steps())| {
        runtime.block_on(same(open, &steps));
    });
}

mod any_order_of_steps_gives_the_same {
    #[test]
    fn memory() {
        super::any_order_gives_the_same(crate::open::memory);
    }
    #[test]
    fn sqlite() {
        super::any_order_gives_the_same(crate::open::sqlite);
    }
    #[test]
    fn postgres() {
        if test_database::TestDatabase::is_there() {
            super::any_order_gives_the_same(crate::open::postgres);
        }
    }
    #[test]
    fn postgres_behind_a_pooler() {
        if test_database::TestDatabase::is_there() {
            super::any_order_gives_the_same(crate::open::pooled);
        }
    }
}
