//! What the first words of an answer wait for: one commit, as the store's own file and the wire to it show them.

use std::{fs, path::PathBuf};

use chathakase_sim::slack::{
    Gate, Thread,
    Transport::{self, Http},
};
use test_database::{Proxy, TestDatabase};

use crate::{
    pages::series,
    patience::in_time,
    stage::{Serving, Stage, on_both_transports},
};

/// Where commits are seen.
enum Seen {
    InFile(PathBuf),
    OnWire(Proxy),
}

impl Seen {
    fn commits(&self) -> usize {
        match self {
            Self::InFile(wal) => commits_in(&fs::read(wal).unwrap()),
            Self::OnWire(wire) => wire.commits(),
        }
    }
}

/// Commits in SQLite's write-ahead log: the frames that say how large the database is after them.
fn commits_in(wal: &[u8]) -> usize {
    const HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;
    if wal.len() < HEADER {
        return 0;
    }
    let word = |at: usize| u32::from_be_bytes(wal[at..at + 4].try_into().unwrap());
    let frame = FRAME_HEADER + word(8) as usize;
    let frames = (HEADER..).step_by(frame).take_while(|at| at + frame <= wal.len());
    // What is left from before a checkpoint has an older salt.
    let frames = frames.take_while(|at| wal[at + 8..at + 16] == wal[16..24]);
    frames.filter(|at| word(at + 4) != 0).count()
}

/// How often the process did these steps.
async fn done(serving: &Serving, steps: &[&str]) -> f64 {
    let series = series(&serving.door.get("/metrics").await.body);
    let is_one = |labels: &str| steps.iter().any(|step| labels == format!("step=\"{step}\""));
    let counts = series.get("chathakase_store_step_seconds_count").into_iter().flatten();
    counts.filter(|(labels, _)| is_one(labels)).map(|(_, count)| count).sum()
}

/// What a process writes whether anybody asks or not. A claim or a sweep that finds nothing writes nothing.
const OF_THE_PROCESS: [&str; 5] = ["live", "note_good", "good_until", "renew", "check"];

/// A thread whose next window must be counted: its messages have more bytes than a window may have tokens.
async fn long_thread(stage: &Stage) -> Thread {
    // Who is known can be named, and what names him is no question for us.
    stage.slack.person("ben");
    stage.openai.answers("Hello.");
    let thread = stage.slack.mention("ana", "#general", "hello").await;
    thread.finishes("Hello.").await;
    for _ in 0..10 {
        thread.reply("ana", format!("@ben {}", "word ".repeat(750))).await;
    }
    thread
}

/// Commits from a question until the first words of its answer are on their way to Slack; none when the process wrote something
/// of its own meanwhile, or they cannot be told.
async fn until_first_words(stage: &Stage, serving: &Serving, seen: &Seen, is_long: bool) -> Option<usize> {
    let answered = done(serving, &["delivered"]).await + f64::from(u8::from(is_long));
    let long = if is_long { Some(long_thread(stage).await) } else { None };
    let at_rest = async { while done(serving, &["delivered"]).await < answered {} };
    in_time(at_rest).await.expect("earlier answers are delivered");

    let gate = Gate::closed();
    drop(stage.slack.next("chat.startStream").slow(&gate));
    let answer = stage.openai.turn().text("Hello").gate("end").text(" Ana.");
    let counted = done(serving, &["counted"]).await;
    let (own, before) = (done(serving, &OF_THE_PROCESS).await, seen.commits());
    let asking = async {
        match long {
            Some(thread) => {
                thread.reply("ana", "and now?").await;
                thread
            }
            None => stage.slack.dm("ana", "hello").await,
        }
    };
    let (thread, reached) = tokio::join!(asking, in_time(gate.reached()));
    reached.expect("the first words are on their way");
    // None when the log began anew meanwhile: a checkpoint empties it.
    let commits = seen.commits().checked_sub(before);
    let alone = done(serving, &OF_THE_PROCESS).await == own;
    gate.open();
    answer.open("end");
    thread.finishes("Hello Ana.").await;
    if is_long {
        let kept = async { while done(serving, &["counted"]).await == counted {} };
        in_time(kept).await.expect("the long thread was counted, and that is written down later");
    }
    commits.filter(|_| alone)
}

/// How often is counted what something else wrote beside.
const TRIES: usize = 5;

async fn one_commit(stage: Stage, seen: Seen) {
    let serving = stage.serve().await;
    for is_long in [false, true] {
        // What the process writes of its own may come in between, and be counted late: a second commit of the answer's would be there
        // each time.
        let mut tries = 0;
        let commits = loop {
            let counted = until_first_words(&stage, &serving, &seen, is_long).await;
            tries += usize::from(counted.is_some());
            match counted {
                Some(commits) if commits == 1 || tries == TRIES => break commits,
                _ => {}
            }
        };
        assert_eq!(commits, 1, "in a {} thread", if is_long { "long" } else { "short" });
    }
    serving.ends().await;
}

on_both_transports! { the_first_words_of_an_answer_cost_one_commit }

async fn the_first_words_of_an_answer_cost_one_commit(transport: Transport) {
    let stage = Stage::new(transport).await;
    let seen = Seen::InFile(stage.path("chathakase.db-wal"));
    one_commit(stage, seen).await;
}

#[tokio::test]
async fn the_first_words_of_an_answer_cost_one_commit_on_postgresql() {
    if TestDatabase::is_there() {
        let (mut stage, database) = (Stage::new(Http).await, TestDatabase::new());
        let wire = Proxy::to(&database.url()).await;
        stage.set("DATABASE_URL", &wire.url(&database.url()));
        one_commit(stage, Seen::OnWire(wire)).await;
    }
}
