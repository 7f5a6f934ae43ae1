//! Replies against the small Slack, with all of its rules.

mod budgets;
mod mending;
mod streaming;
mod sweep;
mod trouble;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use chathakase_session::{
    SlackTs, Timestamp,
    time::{Clock, Sleep},
};
use chathakase_sim::{
    ManualClock,
    slack::{Gate, Options, SmallSlack, Thread, Transport},
};

use super::{Journal, Mode, Replies, Reply, ReplyLimits, Silenced, Target};
use crate::{
    api::{Api, ApiConfig},
    pacing::{Limits, Pacing},
    render::PartLimits,
};

/// A small Slack, our replies, and what they wrote down.
struct Stage {
    slack: SmallSlack,
    clock: ManualClock,
    replies: Replies,
    journal: Arc<Notes>,
    under_way: Arc<AtomicUsize>,
}

/// A journal that keeps what it is told, and can take the right to speak away, or its time.
#[derive(Default)]
struct Notes {
    kept: Mutex<Vec<Note>>,
    silent: AtomicBool,
    /// What the writing of an intention waits for.
    slow: Mutex<Option<Gate>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Note {
    Intended(u32, Mode),
    Open(u32, Mode),
    Unknown(u32, Mode),
    Done(u32, u64),
}

impl Notes {
    fn note(&self, note: Note) -> Result<(), Silenced> {
        self.kept.lock().unwrap().push(note);
        if self.silent.load(SeqCst) { Err(Silenced) } else { Ok(()) }
    }
    fn all(&self) -> Vec<Note> {
        self.kept.lock().unwrap().clone()
    }
}

#[async_trait]
impl Journal for Notes {
    async fn part_intended(&self, part: u32, mode: Mode) -> Result<(), Silenced> {
        let slow = self.slow.lock().unwrap().clone();
        if let Some(gate) = slow {
            gate.pass().await;
        }
        self.note(Note::Intended(part, mode))
    }
    async fn part_unknown(&self, part: u32, mode: Mode) -> Result<(), Silenced> {
        self.note(Note::Unknown(part, mode))
    }
    async fn part_open(&self, part: u32, mode: Mode, _: SlackTs) -> Result<(), Silenced> {
        self.note(Note::Open(part, mode))
    }
    async fn part_done(&self, part: u32, hash: u64) -> Result<(), Silenced> {
        self.note(Note::Done(part, hash))
    }
    fn may_speak(&self) -> bool {
        !self.silent.load(SeqCst)
    }
}

/// The clock of the client: each call holds one sleep, its time limit, so their number is that of the calls under way.
#[derive(Debug)]
struct CallClock {
    clock: ManualClock,
    under_way: Arc<AtomicUsize>,
}

struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Clock for CallClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }
    fn sleep(&self, wait: Duration) -> Sleep {
        self.under_way.fetch_add(1, SeqCst);
        let (nap, call) = (self.clock.sleep(wait), UnderWay(self.under_way.clone()));
        Box::pin(async move {
            nap.await;
            drop(call);
        })
    }
}

/// Parts of the smallest size, so that an answer of a few lines has several.
const SMALL: PartLimits = PartLimits { chars_max: 256, bytes_max: 640 };

impl Stage {
    async fn new() -> Self {
        Self::with(ReplyLimits::default(), Limits::default()).await
    }

    async fn small_parts() -> Self {
        Self::with(ReplyLimits { part: SMALL, ..ReplyLimits::default() }, Limits::default()).await
    }

    async fn with(limits: ReplyLimits, budgets: Limits) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = ManualClock::new();
        let slack = SmallSlack::start(Options::driven_by(&clock, Transport::Http)).await;
        let shared: chathakase_session::time::SharedClock = Arc::new(clock.clone());
        let mut config = ApiConfig::new(slack.bot_token().to_owned().into());
        config.base_url = slack.api_url();
        let calls = CallClock { clock: clock.clone(), under_way: Arc::default() };
        let under_way = calls.under_way.clone();
        let api = Api::new(config, Arc::new(calls)).unwrap();
        let replies = Replies::new(&api, Pacing::new(budgets, shared.clone()), limits, shared);
        Self { slack, clock, replies, journal: Arc::default(), under_way }
    }

    /// Ana asks something in `#general`.
    async fn question(&self) -> Thread {
        self.slack.post("ana", "#general", "What is new?").await
    }

    fn target(&self, thread: &Thread) -> Target {
        Target {
            workspace: self.slack.workspace(),
            channel: thread.channel().clone(),
            thread_ts: thread.root(),
            recipient_user: Some(self.slack.person("ana")),
            recipient_team: Some(self.slack.workspace()),
            turn: "t1".to_owned(),
            kind: "answer",
            notes: Vec::new(),
        }
    }

    fn start(&self, thread: &Thread) -> Reply {
        self.replies.start(self.target(thread), self.journal.clone())
    }

    /// A reply that shows its first words already.
    async fn begun(&self, thread: &Thread, text: &str) -> Reply {
        let mut reply = self.start(thread);
        reply.push(text);
        thread.shows(text).await;
        // Its timestamp comes back, and goes into the journal.
        self.later(Duration::ZERO).await;
        reply
    }

    /// Ends when `work` does; sleeps of up to `longest` pass by themselves meanwhile, while no call is under way.
    async fn passing<T>(&self, longest: Duration, work: impl Future<Output = T>) -> T {
        let time_passes = async {
            let mut passed = 0;
            while passed < SLEEPS_MAX {
                settle().await;
                if self.under_way.load(SeqCst) == 0 {
                    self.clock.pass_sleep_now(..=longest);
                    passed += 1;
                }
            }
        };
        tokio::select! {
            done = work => done,
            () = time_passes => panic!("nothing comes of it\n{}", self.slack.transcript()),
        }
    }

    /// Lets so much time pass at once, and everybody do what they do then.
    async fn later(&self, time: Duration) {
        settle().await;
        self.clock.advance(time);
        settle().await;
        while self.under_way.load(SeqCst) > 0 {
            settle().await;
        }
    }

    /// How often a method was called, and how often Slack took it.
    fn calls(&self, method: &str) -> (usize, usize) {
        let calls = self.slack.calls(method);
        (calls.len(), calls.iter().filter(|call| call.answer == "ok").count())
    }
}

/// So many sleeps may pass while a test waits for something; then it has failed.
const SLEEPS_MAX: usize = 20_000;

/// Lets whoever is awake run, before more time passes.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// So many lines, each with its number.
fn lines(count: usize) -> String {
    (1..=count).map(|n| format!("This is line {n} of the answer.\n")).collect()
}
