//! Failures on demand, asked for per call.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::watch;

/// A gate that holds a call until a test opens it. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<GateState>>);

#[derive(Clone, Copy, Debug, Default)]
struct GateState {
    open: bool,
    reached: usize,
}

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(GateState::default())))
    }

    /// Lets pass who waits and who will come.
    pub fn open(&self) {
        self.0.send_modify(|state| state.open = true);
    }

    /// Ends when a call stands before the gate, or has passed it.
    pub async fn reached(&self) {
        let _ = self.0.subscribe().wait_for(|state| state.reached > 0).await;
    }

    /// Stands before the gate until it opens.
    pub async fn pass(&self) {
        self.0.send_modify(|state| state.reached += 1);
        let _ = self.0.subscribe().wait_for(|state| state.open).await;
    }
}

/// What goes wrong with a call. Made by [`SmallSlack::next`](super::SmallSlack::next); happens once unless [`Fault::times`] says otherwise.
#[derive(Clone, Debug)]
pub struct Fault(Arc<Mutex<Planned>>);

#[derive(Debug)]
struct Planned {
    method: String,
    skip: usize,
    left: usize,
    hits: usize,
    effect: Option<Effect>,
}

#[derive(Clone, Debug)]
pub(crate) enum Effect {
    RateLimited { secs: u64 },
    Refused(String),
    Http(u16),
    Hangs,
    CutBefore,
    CutAfter,
    SlowBefore(Gate),
    SlowAfter(Gate),
    Late(Gate),
    Garbage(String),
}

impl Fault {
    /// HTTP 429 with `Retry-After: secs`.
    pub fn fails_429(self, secs: u64) -> Self {
        self.effect(Effect::RateLimited { secs })
    }
    /// `{"ok":false,"error":code}`.
    pub fn fails(self, code: &str) -> Self {
        self.effect(Effect::Refused(code.to_owned()))
    }
    /// An HTTP error page with this status; nothing happened.
    pub fn http(self, status: u16) -> Self {
        self.effect(Effect::Http(status))
    }
    /// HTTP 200 with this text instead of Slack's JSON; nothing happened.
    pub fn says(self, body: &str) -> Self {
        self.effect(Effect::Garbage(body.to_owned()))
    }
    /// No answer ever; nothing happened.
    pub fn hangs(self) -> Self {
        self.effect(Effect::Hangs)
    }
    /// The connection is reset after the effect happened: the caller cannot know.
    pub fn cut(self) -> Self {
        self.effect(Effect::CutAfter)
    }
    /// The connection is reset before anything happened.
    pub fn cut_before(self) -> Self {
        self.effect(Effect::CutBefore)
    }
    /// Waits at the gate, then happens and answers.
    pub fn slow(self, gate: &Gate) -> Self {
        self.effect(Effect::SlowBefore(gate.clone()))
    }
    /// Happens at once; the answer waits at the gate.
    pub fn answers_late(self, gate: &Gate) -> Self {
        self.effect(Effect::SlowAfter(gate.clone()))
    }
    /// Happens when the gate opens, whether or not the caller still waits for it: Slack works on what it has taken in.
    pub fn happens_late(self, gate: &Gate) -> Self {
        self.effect(Effect::Late(gate.clone()))
    }
    /// Happens to so many calls (default 1).
    pub fn times(self, times: usize) -> Self {
        self.lock().left = times;
        self
    }
    /// Happens to every call from now on.
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }
    /// Lets so many calls of the method pass first.
    pub fn after(self, calls: usize) -> Self {
        self.lock().skip = calls;
        self
    }
    /// How many calls it has happened to.
    pub fn hits(&self) -> usize {
        self.lock().hits
    }
    /// Does not happen any more.
    pub fn lifted(&self) {
        self.lock().left = 0;
    }

    fn effect(self, effect: Effect) -> Self {
        self.lock().effect = Some(effect);
        self
    }

    fn lock(&self) -> MutexGuard<'_, Planned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// A cheap look that keeps the lock out of benches.
    any: AtomicBool,
    planned: Mutex<Vec<Fault>>,
}

impl Faults {
    /// `*` stands for every method.
    pub(crate) fn plan(&self, method: &str) -> Fault {
        let planned = Planned { method: method.to_owned(), skip: 0, left: 1, hits: 0, effect: None };
        let fault = Fault(Arc::new(Mutex::new(planned)));
        self.planned.lock().unwrap_or_else(PoisonError::into_inner).push(fault.clone());
        self.any.store(true, Ordering::SeqCst);
        fault
    }

    /// What is to go wrong with this call: the first plan for its method that is not used up.
    pub(crate) fn take(&self, method: &str) -> Option<Effect> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let mut all = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|fault| fault.lock().left > 0);
        for fault in all.iter() {
            let mut planned = fault.lock();
            if planned.effect.is_none() || (planned.method != method && planned.method != "*") {
                continue;
            }
            if planned.skip > 0 {
                planned.skip -= 1;
                continue;
            }
            planned.left = planned.left.saturating_sub(1);
            planned.hits += 1;
            return planned.effect.clone();
        }
        None
    }
}
