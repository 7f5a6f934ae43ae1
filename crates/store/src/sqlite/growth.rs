//! A step costs the same however long its thread is and however many threads there are: counted in what SQLite does for it.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use chathakase_session::{
    Kind, SlackTs, ThreadKey, Timestamp, WorkspaceId,
    message::Ending,
    store::{Claimed, Closing, Edit, NewPost, Press, ReadBack, Receipt, Result, Rules, Usage},
    turn::{Claimant, Outcome, OwnerId, Part, PartMode, PartState},
};

use super::{Options, open, open::Opened, tables::Sql};
use crate::{
    rows::{Lists, PostName, ThreadRows},
    steps::{Incoming, edit, edit::Edited, expire, learn, learn::Seen, lease, look, receive, speak, speak::Words},
};

/// A file with its writer's connection, and a count of what SQLite did.
struct File {
    opened: Opened,
    ops: Arc<AtomicU64>,
    _folder: tempfile::TempDir,
}

fn us() -> Claimant {
    Claimant {
        owner: OwnerId::new("us"),
        lease: Duration::from_secs(30),
        history_max: 20,
        commands_max: 64,
        slack_now: None,
    }
}
fn ts(secs: i64) -> SlackTs {
    SlackTs::from_micros((1_700_000_000 + secs) * 1_000_000).unwrap()
}
fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}
fn thread(workspace: &str, root: i64) -> ThreadKey {
    ThreadKey { workspace: workspace.parse().unwrap(), channel: "C1".parse().unwrap(), root: ts(root) }
}
fn post(key: &ThreadKey, secs: i64, kind: Kind) -> NewPost {
    NewPost::from_user("U1".parse().unwrap(), key, ts(secs), kind, "words")
}
fn says() -> Words {
    Words::new(Closing {
        outcome: Outcome::Answered,
        text: "answer".to_owned(),
        ending: Ending::Complete,
        note: None,
        model: None,
        usage: Usage::default(),
    })
}

impl File {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut opened = open::open(&folder.path().join("sessions.db"), &Options::default()).unwrap();
        let ops = Arc::new(AtomicU64::new(0));
        let count = ops.clone();
        let counted = move || {
            count.fetch_add(1, SeqCst);
            false
        };
        opened.writer.pragma_update(None, "synchronous", "OFF").unwrap();
        opened.writer.progress_handler(1, Some(counted)).unwrap();
        Self { opened, ops, _folder: folder }
    }

    fn step<T>(&self, work: impl FnOnce(&mut Sql<'_>) -> Result<T>) -> T {
        let transaction = self.opened.writer.unchecked_transaction().unwrap();
        let given = work(&mut Sql { conn: &transaction, state: &self.opened.state }).unwrap();
        transaction.commit().unwrap();
        given
    }

    /// How many operations a step takes once its statements are prepared. Nothing of it stays.
    fn cost<T: Debug>(&self, work: impl Fn(&mut Sql<'_>) -> Result<T>) -> (u64, String) {
        let mut given = String::new();
        for _ in 0..2 {
            self.ops.store(0, SeqCst);
            let transaction = self.opened.writer.unchecked_transaction().unwrap();
            given = format!("{:?}", work(&mut Sql { conn: &transaction, state: &self.opened.state }).unwrap());
            transaction.rollback().unwrap();
        }
        (self.ops.load(SeqCst), given)
    }

    fn asks(&self, key: &ThreadKey, secs: i64) -> Claimed {
        let incoming = Incoming::new(post(key, secs, Kind::Accepted));
        match self.step(|sql| receive::receive(sql, &Rules::default(), &incoming, Some(&us()), at(secs))).receipt {
            Receipt::Run(claimed) => *claimed,
            other => panic!("{other:?}"),
        }
    }

    /// A question at `secs` and its answer, whose post comes a second later.
    fn talks(&self, key: &ThreadKey, secs: i64) {
        let turn = self.asks(key, secs);
        let part = Part { index: 0, mode: PartMode::Single, state: PartState::Done, ts: Some(ts(secs + 1)), hash: 1 };
        self.step(|sql| speak::close(sql, &turn.lease, &says(), at(secs + 1)));
        self.step(|sql| {
            speak::delivered(sql, &Rules::default(), &turn.lease, std::slice::from_ref(&part), None, at(secs + 1))
        });
    }
}

/// What each step costs after so many turns of its thread, and beside so many other threads of which most have expired.
fn costs(turns: i64, threads: i64) -> Vec<(&'static str, u64)> {
    let (file, rules) = (File::new(), Rules::default());
    for root in 0..threads {
        file.talks(&thread("T2", 10 * root), 10 * root);
    }
    file.step(|sql| expire::end_due(sql, 0, usize::MAX, at(1_000_000)));
    while file.step(|sql| sql.purge(100)) {}
    let (key, other) = (thread("T1", 2_000_000), thread("T1", 3_000_000));
    for turn in 0..turns {
        file.talks(&key, 2_000_000 + 10 * turn);
    }
    let end = 2_000_000 + 10 * turns;
    file.talks(&other, end + 3);
    let running = file.asks(&key, end);
    let (last, now) = (ts(end - 9), at(end));
    let (workspace, channel): (&WorkspaceId, _) = (&key.workspace, &key.channel);
    let name = |secs| PostName { workspace: workspace.clone(), channel: channel.clone(), ts: ts(secs) };
    let new = Incoming::new(post(&key, end + 1, Kind::Accepted));
    let elsewhere = NewPost { joined_only: true, ..post(&thread("T1", end), end + 2, Kind::Accepted) };
    let reply = Incoming::new(elsewhere);
    let edited = |secs| {
        let post = post(&key, secs, Kind::Context);
        Edited::new(Edit { post, edited_ts: ts(end), leaves_mark: true, enters: true })
    };
    // The last three questions and answers, and one of the questions is gone.
    let read = ReadBack {
        posts: Vec::new(),
        stood: (-30..=0).filter(|secs| *secs != -20).map(|secs| ts(end + secs)).collect(),
        whole_from: Some(ts(end - 30)),
        began: now,
        began_by_slack: now,
        left_out: 0,
        questions_max: 20,
    };
    let seen = Seen::new(read);
    let told = |(ops, given): (u64, String), wanted: &str| {
        assert!(given.contains(wanted), "{given}");
        ops
    };
    vec![
        ("receive", told(file.cost(|sql| receive::receive(sql, &rules, &new, None, now)), "Waiting")),
        (
            "receive what is not for us",
            told(file.cost(|sql| receive::receive(sql, &rules, &reply, None, now)), "NotJoined"),
        ),
        ("amend", told(file.cost(|sql| edit::amend(sql, &rules, &edited(end - 10), now)), "Done")),
        ("amend what is unknown", told(file.cost(|sql| edit::amend(sql, &rules, &edited(end + 8), now)), "Unknown")),
        ("erase", told(file.cost(|sql| edit::erase(sql, &rules, &name(end - 10), now)), "Done")),
        ("erase what is unknown", told(file.cost(|sql| edit::erase(sql, &rules, &name(end + 7), now)), "Marked")),
        ("retract", told(file.cost(|sql| edit::retract(sql, &rules, &key, last, now)), "true")),
        (
            "retract what is no answer",
            told(file.cost(|sql| edit::retract(sql, &rules, &key, ts(end + 7), now)), "false"),
        ),
        ("reconcile", told(file.cost(|sql| learn::reconcile(sql, &rules, &key, &seen, now)), "erased: 1")),
        ("stop", told(file.cost(|sql| lease::stop(sql, &key, &Press::at(ts(end + 7)))), "Some")),
        ("close", told(file.cost(|sql| speak::close(sql, &running.lease, &says(), now)), "")),
        ("history", told(file.cost(|sql| look::history(sql, &key, Some(running.turn.id), 3, now)), "words")),
        ("joined_since", told(file.cost(|sql| look::joined_since(sql, workspace, at(0), 2)), "C1")),
        ("sessions_held", told(file.cost(|sql| sql.sessions_held(11)), "2")),
        ("load", told(file.cost(|sql| sql.load(100_000, now)), "")),
        ("stats", told(file.cost(|sql| sql.stats(None, now)), "")),
        ("end_due", told(file.cost(|sql| expire::end_due(sql, 0, 10, now)), "")),
    ]
}

#[test]
fn a_step_costs_the_same_in_a_long_thread_and_among_many_that_are_over() {
    let (few, many) = (costs(5, 5), costs(150, 150));
    for ((step, short), (_, long)) in few.into_iter().zip(many) {
        // What a window shows may be all there is of a short thread.
        assert!(long <= short + short / 4 + 20, "{step}: {short} operations, {long} where there is more");
    }
}
