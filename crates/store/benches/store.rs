//! Durable steps a second, beside the same statements run without our code: `cargo bench -p chathakase-store`.
//!
//! A step is one `receive` of a 200-byte post, each caller waiting for its own commit. The floor runs the statements of as
//! many steps in one transaction as there are callers, on one thread that waits for nobody.
#![allow(clippy::print_stdout, reason = "its output is what a bench is for")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on says where")]
#![allow(clippy::disallowed_methods, reason = "it measures real time")]

mod floor;

use std::{path::Path, sync::Arc, time::Instant};

use chathakase_session::{
    Kind, SlackTs, ThreadKey, Timestamp,
    store::{NewPost, Rules, SessionStore},
};
use chathakase_sim::ManualClock;
use chathakase_store::SqliteStore;

/// Ours must reach this share of the floor.
const BAR: f64 = 0.8;
/// Threads that the posts go to, in turn.
const THREADS: i64 = 1000;
/// Pairs of runs for each line; the middle one counts.
const ROUNDS: usize = 5;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn micros(n: i64) -> i64 {
    NOW.as_millis() * 1000 + n
}

fn post(n: i64, text: &str) -> NewPost {
    let key = ThreadKey {
        workspace: "T0123ABCD".parse().unwrap(),
        channel: "C0123ABCD".parse().unwrap(),
        root: SlackTs::from_micros(micros(n % THREADS)).unwrap(),
    };
    let ts = SlackTs::from_micros(micros(n)).unwrap();
    NewPost {
        author_team: Some("T0123ABCD".parse().unwrap()),
        name: Some("Ana".to_owned()),
        ..NewPost::from_user("U0123ABCD".parse().unwrap(), &key, ts, Kind::Context, text)
    }
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Rules::default(), Arc::new(ManualClock::new())).unwrap()
}

/// A file in which every thread has its first message.
async fn begin(path: &Path, text: &str) {
    let store = open(path);
    for n in 0..THREADS {
        store.receive(post(n, text), None, NOW).await.unwrap();
    }
    store.shutdown().await;
}

/// Steps a second of ours.
async fn ours(path: &Path, callers: i64, steps: i64, text: &Arc<str>) -> f64 {
    let store = Arc::new(open(path));
    let began = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (store, text) = (store.clone(), text.clone());
            tokio::spawn(async move {
                for n in (caller..steps).step_by(usize::try_from(callers).unwrap()) {
                    store.receive(post(THREADS + n, &text), None, NOW).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let took = began.elapsed();
    store.shutdown().await;
    steps as f64 / took.as_secs_f64()
}

/// Steps a second of the bare statements.
fn bare(path: &Path, callers: i64, steps: i64, text: &str) -> f64 {
    let conn = floor::open(path);
    let began = Instant::now();
    for first in (0..steps).step_by(usize::try_from(callers).unwrap()) {
        let posts = (first..(first + callers).min(steps)).map(|n| floor::Post {
            workspace: "T0123ABCD",
            channel: "C0123ABCD",
            root: micros((THREADS + n) % THREADS),
            ts: micros(THREADS + n),
            author: "U0123ABCD",
            text,
            now: NOW.as_millis(),
        });
        floor::batch(&conn, posts);
    }
    steps as f64 / began.elapsed().as_secs_f64()
}

async fn line(callers: i64, steps: i64) {
    let text: Arc<str> = "x".repeat(200).into();
    let mut pairs = Vec::new();
    for round in 0..ROUNDS {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [first, second] = folders.each_ref().map(|folder| folder.path().join("sessions.db"));
        begin(&first, &text).await;
        begin(&second, &text).await;
        // Whoever comes second may find a warmer machine: they take turns.
        let pair = if round % 2 == 0 {
            let floor = bare(&first, callers, steps, &text);
            (ours(&second, callers, steps, &text).await, floor)
        } else {
            let ours = ours(&second, callers, steps, &text).await;
            (ours, bare(&first, callers, steps, &text))
        };
        pairs.push(pair);
    }
    pairs.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let (ours, floor) = pairs[ROUNDS / 2];
    let ratio = ours / floor;
    let verdict = if ratio >= BAR { "ok" } else { "MISSED" };
    println!("  {callers:>4} callers  {ours:>9.0} steps/s  floor {floor:>9.0}  ratio {ratio:.2}  bar {BAR} {verdict}");
}

fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").map_or("unknown".to_owned(), |load| load[..14.min(load.len())].to_owned())
}

fn main() {
    // `cargo test --benches` starts benches too, and wants nothing of them.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("\ndurable steps, SQLite, synchronous=FULL (load average {}, {cores} cores)\n", load());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (callers, steps) in [(1, 1000), (16, 8000), (64, 16_000), (512, 32_000)] {
        runtime.block_on(line(callers, steps));
    }
    println!("\n  load average at the end {}", load());
}
