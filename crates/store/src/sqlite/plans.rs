//! No statement does work that grows with what is stored: SQLite says how it would carry out each of them.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use chathakase_session::{
    Kind, ThreadKey, Timestamp,
    message::Ending,
    store::{
        Claimed, Closing, Count, Edit, Looked, NewPost, Page, Press, ReadBack, Receipt, Rules, SessionStore, Usage,
    },
    turn::{Claimant, Outcome, OwnerId, Part, PartMode, PartState},
};
use chathakase_sim::ManualClock;

use super::{SqliteStore, cells::unavailable};
use crate::rows::ThreadRows;

/// Every statement that was prepared since the process began.
static PREPARED: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

pub(super) fn met(sql: &'static str) {
    PREPARED.lock().unwrap().insert(sql);
}

/// Takes thousands of erased rows to be met.
const RARE: &str = "DELETE FROM content WHERE no BETWEEN ? AND ?";

/// Tables that grow with use.
const GROW: [&str; 8] = ["thread", "post", "message", "person", "turn", "part", "content", "discarded"];

/// What would be wrong elsewhere: a piece of the statement, and why it is right there.
const ALLOWED: [(&str, &str); 7] = [
    ("SELECT 1 FROM thread WHERE session IS NOT NULL LIMIT", "ends at its limit, and needs no order"),
    ("FROM discarded ORDER BY session LIMIT 1", "ends at the first row, in the order of its key"),
    ("FROM turn WHERE due > ?2 AND due <= ?3", "sorts open turns that nobody runs: no more than run and wait"),
    ("AND users + answers > 0", "people ask for lists and numbers of all sessions; no message does"),
    ("FROM thread WHERE session IS NOT NULL AND (expires_at IS NULL", "the same"),
    ("FROM message, thread", "the thread is one row"),
    ("SELECT thread, owner FROM turn WHERE due IS NOT NULL", "counts turns that are open: no more than run and wait"),
];

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

fn key() -> ThreadKey {
    ThreadKey { workspace: "T1".parse().unwrap(), channel: "C1".parse().unwrap(), root: ts(0) }
}

fn ts(secs: i64) -> chathakase_session::SlackTs {
    chathakase_session::SlackTs::from_micros((1_700_000_000 + secs) * 1_000_000).unwrap()
}

fn post(secs: i64, kind: Kind) -> NewPost {
    let name = Some(format!("Ana {secs}"));
    NewPost { name, ..NewPost::from_user("U1".parse().unwrap(), &key(), ts(secs), kind, "words") }
}

fn says(outcome: Outcome) -> Closing {
    Closing {
        outcome,
        text: "answer".to_owned(),
        ending: Ending::Complete,
        note: Some("note".to_owned()),
        model: Some("m".to_owned()),
        usage: Usage::default(),
    }
}

fn reading() -> ReadBack {
    ReadBack {
        posts: vec![post(1, Kind::Context)],
        stood: vec![ts(1)],
        whole_from: Some(ts(0)),
        began: at(5),
        began_by_slack: at(5),
        left_out: 0,
        questions_max: 20,
    }
}

async fn runs(store: &SqliteStore, post: NewPost, us: &Claimant, now: Timestamp) -> Claimed {
    match store.receive(post, Some(us), now).await.unwrap().receipt {
        Receipt::Run(claimed) => *claimed,
        other => panic!("{other:?}"),
    }
}

/// What processes do beside their turns.
async fn beside_turns(store: &SqliteStore, key: &ThreadKey, us: &Claimant) {
    for process in ["us", "others"].map(|owner| Claimant { owner: OwnerId::new(owner), ..us.clone() }) {
        store.note_good(&process, at(12), at(12)).await.unwrap();
    }
    store.good_until(us, at(100)).await.unwrap();
    let place = Looked { channel: key.channel.clone(), root: None, since: at(12), at: at(100) };
    store.note_looked(&key.workspace, &place, at(100)).await.unwrap();
    store.looked(&key.workspace, at(100)).await.unwrap();
    store.leave(us, None, at(100)).await.unwrap();
}

/// Everything that a store can be asked for.
async fn live(store: &SqliteStore) {
    let us = Claimant {
        owner: OwnerId::new("us"),
        lease: Duration::from_secs(30),
        history_max: 20,
        commands_max: 64,
        slack_now: None,
    };
    let (key, second) = (key(), Duration::from_secs(30));
    let workspace = &key.workspace;
    // An answer, with everything that may happen on its way.
    let turn = runs(store, post(5, Kind::Accepted), &us, at(5)).await;
    store.learn(&turn.lease, reading(), at(5)).await.unwrap();
    store.receive(post(6, Kind::Accepted), Some(&us), at(6)).await.unwrap();
    store.receive(post(7, Kind::Accepted), Some(&us), at(7)).await.unwrap();
    store.erase(workspace, &key.channel, ts(7), at(7)).await.unwrap();
    store.receive(post(8, Kind::Context), None, at(8)).await.unwrap();
    store.receive(post(8, Kind::Accepted), None, at(8)).await.unwrap();
    store.part_intended(&turn.lease, 1, PartMode::Stream).await.unwrap();
    store.part_open(&turn.lease, 1, PartMode::Stream, ts(9)).await.unwrap();
    store.part_done(&turn.lease, 1, 1).await.unwrap();
    store.repeats(&turn.lease).await.unwrap();
    store.posts_of_others(&turn.lease, &[ts(9)]).await.unwrap();
    store.stop(&key, &Press::at(ts(9))).await.unwrap();
    store.renew(std::slice::from_ref(&turn.lease), second, at(9)).await.unwrap();
    store.stopped(std::slice::from_ref(&turn.lease)).await.unwrap();
    // Asked when a turn's own row is damaged.
    let id = turn.turn.id;
    assert!(store.step(0, move |sql| sql.thread_of(id)).await.unwrap().is_some());
    store.history(&key, Some(turn.turn.id), 1, at(9)).await.unwrap();
    store.close(&turn.lease, says(Outcome::Answered), at(9)).await.unwrap();
    store.cut_short(&turn.lease, "ans", Ending::Cut, at(9)).await.unwrap();
    let part = Part { index: 0, mode: PartMode::Stream, state: PartState::Done, ts: Some(ts(9)), hash: 1 };
    let next = store.delivered(&turn.lease, &[part], Some(&us), at(10)).await.unwrap().unwrap();
    store.release(&[next.lease], std::time::Duration::ZERO, at(10)).await.unwrap();
    let again = store.claim(&us, 4, at(11)).await.unwrap().remove(0);
    store.close(&again.lease, says(Outcome::Answered), at(11)).await.unwrap();
    store.delivered(&again.lease, &[], None, at(11)).await.unwrap();
    // A deleted post of an answer takes the answer along.
    assert!(store.retract(&key, ts(9), at(12)).await.unwrap());
    // What people and operators ask.
    let edit = |secs| Edit { post: post(secs, Kind::Context), edited_ts: ts(12), leaves_mark: true, enters: true };
    for secs in [5, 90] {
        store.amend(edit(secs), at(12)).await.unwrap();
    }
    store.counted(&key, &[Count { seq: 1, bytes: 5, tokens: 2 }]).await.unwrap();
    store.mark(&key, at(12)).await.unwrap();
    store.load(at(12)).await.unwrap();
    store.joined_since(workspace, at(0), 5, at(12)).await.unwrap();
    beside_turns(store, &key, &us).await;
    // Who has nothing left in a session is not in it any more.
    store
        .receive(NewPost { author: Some("U2".parse().unwrap()), ..post(13, Kind::Context) }, None, at(13))
        .await
        .unwrap();
    store.erase(workspace, &key.channel, ts(13), at(13)).await.unwrap();
    store.session(&key, at(12)).await.unwrap();
    store.messages(&key, 0, 5, at(12)).await.unwrap();
    for workspace in [None, Some(workspace.clone())] {
        store.stats(workspace.as_ref(), at(12)).await.unwrap();
        store.sessions(&Page { workspace, number: 0, size: 5 }, at(12)).await.unwrap();
    }
    // Forgetting, by command and by time.
    let command = runs(store, post(20, Kind::Command), &us, at(20)).await;
    store.clear_and_close(&command.lease, ts(6), |_| says(Outcome::Answered), at(20)).await.unwrap();
    store.delivered(&command.lease, &[], None, at(20)).await.unwrap();
    store.clear(&key, ts(5), at(20)).await.unwrap();
    store.expire(0, 10, at(10_000)).await.unwrap();
    store.expire(0, 10, at(200_000)).await.unwrap();
    store.check().await.unwrap();
}

/// How SQLite would carry `sql` out, line by line.
async fn plan(store: &SqliteStore, sql: &'static str) -> Vec<String> {
    let explained = store.readers.read(move |reader| {
        let mut statement = reader.conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).map_err(unavailable)?;
        let lines = statement.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>();
        lines.map_err(unavailable)
    });
    explained.await.unwrap()
}

fn grows(line: &str) -> bool {
    let scans = |table: &&str| line == format!("SCAN {table}") || line.starts_with(&format!("SCAN {table} "));
    // A last term orders rows that are equal up to it.
    let sorts = line.starts_with("USE TEMP B-TREE") && !line.contains("LAST TERM");
    sorts || GROW.iter().any(scans)
}

/// The string literals of a source file.
fn literals(source: &str) -> Vec<String> {
    let code: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).map(|l| format!("{l}\n")).collect();
    code.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[tokio::test]
async fn no_statement_scans_or_sorts_what_grows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::open(&path, Rules::default(), Arc::new(ManualClock::new())).unwrap();
    live(&store).await;
    met(RARE);
    let prepared: Vec<&str> = PREPARED.lock().unwrap().iter().copied().collect();

    let mut wrong = Vec::new();
    let verbs = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
    for sql in prepared.iter().filter(|sql| verbs.iter().any(|verb| sql.starts_with(verb))) {
        if ALLOWED.iter().any(|(piece, _)| sql.contains(piece)) {
            continue;
        }
        wrong.extend(
            plan(&store, sql).await.into_iter().filter(|line| grows(line)).map(|line| format!("{line}: {sql}")),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");

    // And none was left out.
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sqlite/tables");
    let mut unmet = Vec::new();
    for file in fs::read_dir(tables).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap();
        let statements = literals(code)
            .into_iter()
            .filter(|text| ["WHERE ", "ORDER BY", "INSERT INTO"].iter().any(|word| text.contains(word)));
        unmet.extend(statements.filter(|text| !prepared.iter().any(|sql| sql.contains(text.as_str()))));
    }
    assert!(unmet.is_empty(), "statements that this test does not meet: {unmet:#?}");
}
