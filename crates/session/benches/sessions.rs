//! Sessions in memory, in time: `cargo bench -p chathakase-session`.
//!
//! In microseconds per operation on 200-byte messages: the quickest of many short rounds, which is the one that other work
//! on the machine disturbed least, and the middle one beside it.
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::print_stdout, reason = "its output is what a bench is for")]
#![allow(clippy::unwrap_used, reason = "the ids are our own")]

mod figures;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use chathakase_session::{
    ChannelId, ManagerConfig, SessionManager, SlackTs, ThreadKey, Timestamp, UserId, WindowLimits, WorkspaceId,
    tokens::BytesAsTokens, window,
};

const ROUNDS: usize = 100;
/// Sessions that live while another is created, a message is added, or some expire.
const LIVE: u32 = 10_000;

fn key(n: u32) -> ThreadKey {
    ThreadKey {
        workspace: WorkspaceId::parse("T0123ABCD").unwrap(),
        channel: ChannelId::parse("C0123ABCD").unwrap(),
        root: ts(n),
    }
}

fn ts(n: u32) -> SlackTs {
    SlackTs::from_micros(1_700_000_000_000_000 + i64::from(n) * 1_000).unwrap()
}

fn at(ms: u32) -> Timestamp {
    Timestamp::from_millis(i64::from(ms))
}

/// 200 bytes as people write them: words, a few lines, a quotation.
fn text() -> String {
    let text = "Could you explain what a \"decorator\" does in this example?\nI read it twice and still do not see why \
                the function is called at import time.\n\nThe traceback says that the name is not defined, on line 12.";
    assert_eq!(text.len(), 200);
    text.to_owned()
}

struct Bench {
    keys: Vec<ThreadKey>,
    user: UserId,
    text: String,
}

impl Bench {
    fn say(&self, manager: &mut SessionManager, key: u32, n: u32) {
        let key = &self.keys[key as usize];
        let inserted = match n % 2 {
            0 => manager.add_user_message(key, &self.user, Some("Ana"), &self.text, ts(n), at(n)),
            _ => manager.add_assistant_message(key, &self.text, ts(n - 1), at(n)),
        };
        black_box(inserted).unwrap();
    }

    /// A manager of `sessions` sessions of `messages` messages each.
    fn manager(&self, sessions: u32, messages: u32) -> SessionManager {
        let mut manager = SessionManager::new(ManagerConfig::default());
        for n in 0..sessions {
            manager.get_or_create_session(&self.keys[n as usize], at(0));
            (0..messages).for_each(|message| self.say(&mut manager, n, message));
        }
        manager
    }

    fn create(&self) -> (f64, f64) {
        let mut manager = self.manager(LIVE, 0);
        let mut next = LIVE;
        rounds(|| {
            let began = Instant::now();
            for n in next..next + 500 {
                black_box(manager.get_or_create_session(&self.keys[n as usize], at(1)));
            }
            let took = began.elapsed();
            next += 500;
            (took, 500)
        })
    }

    /// An hour's flow of sessions: each creation finds one that has just expired, and sweeps it.
    fn create_and_sweep(&self) -> (f64, f64) {
        let mut manager = SessionManager::new(ManagerConfig::default());
        let mut next = 0;
        let mut create = |count: u32| {
            for n in next..next + count {
                let key = &self.keys[n as usize % self.keys.len()];
                black_box(manager.get_or_create_session(key, at(n * (3_600_000 / LIVE))));
            }
            next += count;
            assert_eq!(manager.held(), next.min(LIVE) as usize);
        };
        create(LIVE);
        rounds(|| {
            let began = Instant::now();
            create(500);
            (began.elapsed(), 500)
        })
    }

    fn append_hot(&self) -> (f64, f64) {
        let mut manager = self.manager(1, 0);
        let mut next = 0;
        rounds(|| {
            manager.clear_session(&self.keys[0], at(next));
            let began = Instant::now();
            (next..next + 1000).for_each(|n| self.say(&mut manager, 0, n));
            let took = began.elapsed();
            next += 1000;
            (took, 1000)
        })
    }

    fn append_cold(&self) -> (f64, f64) {
        let mut manager = self.manager(LIVE, 20);
        let (mut next, mut first) = (20, 0);
        rounds(|| {
            let began = Instant::now();
            (first..first + 500).for_each(|session| self.say(&mut manager, session, next));
            let took = began.elapsed();
            first = (first + 500) % LIVE;
            next += u32::from(first == 0);
            (took, 500)
        })
    }

    fn request_json(&self) -> (f64, f64) {
        let manager = self.manager(1, 200);
        let session = manager.session(&self.keys[0], at(200)).unwrap();
        let mut out = Vec::new();
        rounds(|| {
            let began = Instant::now();
            for _ in 0..100 {
                out.clear();
                session.write_openai_json(true, 20, &mut out);
                black_box(&out);
            }
            (began.elapsed(), 100)
        })
    }

    fn window(&self) -> (f64, f64) {
        let manager = self.manager(1, 200);
        let session = manager.session(&self.keys[0], at(200)).unwrap();
        rounds(|| {
            let began = Instant::now();
            for _ in 0..100 {
                let history = session.history(20);
                black_box(window("Be kind.", &history, &WindowLimits::default(), &BytesAsTokens));
            }
            (began.elapsed(), 100)
        })
    }

    fn expire(&self) -> (f64, f64) {
        rounds(|| {
            let mut manager = self.manager(500, 20);
            let began = Instant::now();
            let swept = manager.cleanup_expired_sessions(at(3_600_020));
            let took = began.elapsed();
            assert_eq!(swept, 500);
            (took, 500)
        })
    }
}

/// The quickest round and the middle one, in microseconds per operation.
fn rounds(mut round: impl FnMut() -> (Duration, u32)) -> (f64, f64) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let (took, operations) = round();
            took.as_secs_f64() * 1e6 / f64::from(operations)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    (rounds[0], rounds[ROUNDS / 2])
}

fn show(what: &str, (quickest, middle): (f64, f64), bar: Option<f64>) {
    figures::line(&format!("{what} (middle {middle:.2})"), quickest, "us", bar);
}

fn main() {
    if !figures::asked_for() {
        return;
    }
    let keys = (0..LIVE + 500 * ROUNDS as u32).map(key).collect();
    let bench = Bench { keys, user: UserId::parse("U0123ABCD").unwrap(), text: text() };
    figures::title("sessions in memory, time for each operation");
    show("create, 10,000 live, nothing due", bench.create(), Some(0.7));
    show("create, 10,000 live, one expires each time", bench.create_and_sweep(), Some(0.7));
    show("append, to one session", bench.append_hot(), Some(0.5));
    show("append, to 10,000 sessions in turn", bench.append_cold(), Some(0.5));
    show("last 20 of 200 as request JSON", bench.request_json(), Some(1.0));
    show("expire a session of 20 messages", bench.expire(), Some(3.0));
    show("window of 20 of 200, with its history", bench.window(), None);
}
