//! Who runs turns in this process: how many at once, whose leases are renewed, what is adopted, and how it all ends.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use chathakase_session::{
    ThreadKey, Timestamp, chain, fault_point,
    store::{Claimed, Press, Renewed, StoreError},
    time::timeout,
    turn::{Claimant, Lease, OwnerId, TurnId, TurnKind},
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::turn::{Driver, Hold, Tools};

/// How long after the drain what was told to fall silent may take to do so: a Slack call's 8 s and a little more.
const SILENT_WITHIN: Duration = Duration::from_secs(10);

/// Commands that are carried out at once before more of those that others left are taken over. New ones begin whatever else runs.
const COMMANDS_MAX: usize = 64;

/// The shortest and the longest wait before a turn that could not go on is tried again.
const PUT_OFF_MIN: Duration = Duration::from_secs(5);
const PUT_OFF_MAX: Duration = Duration::from_secs(60);

/// Runs turns, each in a task of its own.
pub(crate) struct Runner {
    pub(crate) tools: Tools,
    pub(crate) claimant: Claimant,
    held: Mutex<HashMap<TurnId, Arc<Hold>>>,
    slots: Arc<Semaphore>,
    commands: Arc<Semaphore>,
    tasks: TaskTracker,
    /// How many processes live, this one among them.
    processes: AtomicU32,
    /// Something may wait for a process with room.
    waiting: Notify,
    /// No new turns are begun.
    closing: CancellationToken,
    /// Running turns fall silent.
    silence: CancellationToken,
}

impl Runner {
    /// A runner under the name `owner`, which no other process may have.
    pub(crate) fn new(tools: Tools, owner: OwnerId) -> Arc<Self> {
        let slots = Arc::new(Semaphore::new(tools.settings.running_max));
        let history_max = tools.settings.window.max_messages;
        let commands_max = COMMANDS_MAX;
        let claimant = Claimant { owner, lease: tools.settings.lease, history_max, commands_max, slack_now: None };
        Arc::new(Self {
            tools,
            claimant,
            held: Mutex::default(),
            slots,
            commands: Arc::new(Semaphore::new(COMMANDS_MAX)),
            tasks: TaskTracker::new(),
            processes: AtomicU32::new(1),
            waiting: Notify::new(),
            closing: CancellationToken::new(),
            silence: CancellationToken::new(),
        })
    }

    /// Room for one more turn of the model; `None` when there is none, or no new ones are begun.
    pub(crate) fn room(&self) -> Option<OwnedSemaphorePermit> {
        if self.closing.is_cancelled() { None } else { Arc::clone(&self.slots).try_acquire_owned().ok() }
    }

    /// Who gets a turn that begins now.
    pub(crate) fn claimant_now(&self) -> Claimant {
        self.tools.begins_now(&self.claimant)
    }

    /// Ends when no new turns are begun any more.
    pub(crate) async fn until_closing(&self) {
        self.closing.cancelled().await;
    }

    /// Whether no new turns are begun.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Says that a turn was left waiting for a process with room.
    pub(crate) fn something_waits(&self) {
        self.waiting.notify_one();
    }

    /// Runs a turn that was claimed by a request made at `asked_at`, and after it those that its thread hands over.
    /// Commands take no `room` of these: they are short, and waiting for the model is not for them.
    pub(crate) fn run(self: &Arc<Self>, claimed: Claimed, room: Option<OwnedSemaphorePermit>, asked_at: Duration) {
        let runner = Arc::clone(self);
        let of_commands = || Arc::clone(&self.commands).try_acquire_owned().ok();
        let room = if claimed.turn.kind == TurnKind::Command { of_commands() } else { room };
        self.tasks.spawn(async move {
            let mut next = Some((claimed, asked_at));
            while let Some((claimed, asked_at)) = next.take() {
                if runner.is_closing() {
                    // The end of the process came between the claim and now.
                    runner.give_back(&[claimed.lease], Duration::ZERO).await;
                    break;
                }
                next = runner.run_one(claimed, asked_at).await;
            }
            // In this order: who is told that something may go on must find the room empty.
            drop(room);
            runner.waiting.notify_one();
        });
    }

    /// Does something beside the turns. The end of the process waits for it as long as the drain lasts.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let silence = self.silence.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = work => {}
                () = silence.cancelled() => {}
            }
        });
    }

    async fn run_one(self: &Arc<Self>, claimed: Claimed, asked_at: Duration) -> Option<(Claimed, Duration)> {
        let held = Held::new(self, &claimed.lease, asked_at);
        let claimant = (claimed.turn.kind == TurnKind::Answer).then_some(&self.claimant);
        let began = claimed.turn.started_at;
        let driver = Driver {
            tools: &self.tools,
            hold: Arc::clone(&held.hold),
            claimant,
            tasks: self.tasks.clone(),
            closing: self.closing.clone(),
            known: Arc::default(),
            counts: Mutex::default(),
            repeated: AtomicBool::new(claimed.turn.repeated),
        };
        match driver.run(claimed).await {
            Ok(next) => next,
            Err(lost) => {
                tracing::info!(turn.id = %lost.0, "this process works no more on the turn");
                // What does not pass counts as a death when the lease runs out, so that the turn is set aside in the end.
                if !held.hold.has_failed() {
                    self.put_off(&held.hold.lease, began).await;
                }
                None
            }
        }
    }

    /// Gives a turn back that was not brought to its end, if it is still ours, to be tried again later. Nobody died: a lease that
    /// ran out would count as a death.
    async fn put_off(&self, lease: &Lease, began: Option<Timestamp>) {
        // At the end of the process all are given back together, at once.
        if !self.silence.is_cancelled() {
            // As long again as it has taken so far: what lasts is tried less and less often.
            let took = began.map(|began| self.tools.api.slack_now().since(began)).unwrap_or_default();
            // Who begins no new turns takes this one up no more either: others may at once.
            let wait = if self.is_closing() { Duration::ZERO } else { took.clamp(PUT_OFF_MIN, PUT_OFF_MAX) };
            self.give_back(std::slice::from_ref(lease), wait).await;
        }
    }

    /// A person pressed Stop: the answer that ran in that thread ends with what is shown of it. Remembered before anything
    /// else, so that a death takes nothing back; another process that runs the turn learns of it by looking, a moment later.
    pub(crate) async fn stop(&self, key: &ThreadKey, press: &Press) -> Result<(), StoreError> {
        let stopped = self.tools.store.stop(key, press).await?;
        fault_point!("stop.stored");
        stopped.into_iter().for_each(|turn| self.stop_turn(turn));
        Ok(())
    }

    /// A turn is stopped, or all that it was to answer is gone: if it runs here, it ends with what is shown of it.
    pub(crate) fn stop_turn(&self, turn: TurnId) {
        if let Some(hold) = self.lock().get(&turn) {
            hold.stopped.cancel();
        }
    }

    /// Renews leases, adopts turns without an owner and sweeps expired sessions, until the process ends.
    pub(crate) async fn keep(self: Arc<Self>) {
        let clock = &self.tools.clock;
        let settings = &self.tools.settings;
        let renewing = async {
            loop {
                if settings.shared {
                    self.live().await;
                }
                clock.sleep(settings.lease / 3).await;
                self.renew().await;
            }
        };
        let adopting = async {
            loop {
                if self.processes.load(Relaxed) > 1 {
                    self.heed_stops().await;
                }
                self.adopt().await;
                tokio::select! {
                    () = clock.sleep(settings.adopt_every) => {}
                    () = self.waiting.notified() => {}
                }
            }
        };
        let sweeping = async {
            loop {
                clock.sleep(settings.sweep_every).await;
                self.sweep(0).await;
            }
        };
        tokio::select! {
            () = self.silence.cancelled() => {}
            () = async { tokio::join!(renewing, adopting, sweeping); } => {}
        }
    }

    /// Erases the content of sessions that are due, unless no more than `keep_up_to` are active.
    pub(crate) async fn sweep(&self, keep_up_to: usize) {
        const AT_ONCE: usize = 100;
        loop {
            match self.tools.store.expire(keep_up_to, AT_ONCE, self.tools.clock.now()).await {
                Ok(expired) => {
                    fault_point!("sweep.stored");
                    if expired.sessions > 0 {
                        tracing::info!(sessions = expired.sessions, "expired sessions were erased");
                    }
                    if !expired.more {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        error = %chain(&error),
                        "expired sessions could not be swept; the next sweep tries again"
                    );
                    return;
                }
            }
        }
    }

    /// Ends answers of ours that a person stopped, or whose questions were deleted, where this was told to nobody or only to another
    /// process.
    pub(crate) async fn heed_stops(&self) {
        let leases = self.leases();
        if leases.is_empty() {
            return;
        }
        match self.tools.store.stopped(&leases).await {
            Ok(stopped) => stopped.into_iter().for_each(|turn| self.stop_turn(turn)),
            Err(error) => {
                tracing::warn!(error = %chain(&error), "what others stopped could not be looked for; trying again soon")
            }
        }
    }

    async fn adopt(self: &Arc<Self>) {
        // Also without room: commands wait for none.
        while !self.closing.is_cancelled() {
            // After a pause of the process, or when the clock was set ahead, our own leases may be over; they are not for
            // anybody, least of all for us, to take over.
            let looks_abandoned = self.lock().values().any(|hold| hold.looks_abandoned());
            if looks_abandoned && !self.renew().await {
                return;
            }
            let asked_at = self.tools.clock.monotonic();
            let commands_max = self.commands.available_permits();
            let claimant = Claimant { commands_max, ..self.claimant_now() };
            let found = self.tools.store.claim(&claimant, self.slots.available_permits(), self.tools.clock.now()).await;
            let found = match found {
                Ok(found) if found.is_empty() => return,
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(
                        error = %chain(&error),
                        "turns without an owner could not be looked for; trying again soon"
                    );
                    return;
                }
            };
            fault_point!("claim.stored");
            for claimed in found {
                tracing::info!(turn.id = %claimed.turn.id, thread.key = %claimed.turn.key, deaths = claimed.turn.deaths, "carrying on with a turn");
                // Whoever came first may have taken the last room meanwhile; one more is better than a turn held by nobody.
                let is_answer = claimed.turn.kind == TurnKind::Answer;
                let room = if is_answer { Arc::clone(&self.slots).try_acquire_owned().ok() } else { None };
                self.run(claimed, room, asked_at);
            }
        }
    }

    /// Says that this process lives, and takes its share of what Slack allows to all that do.
    async fn live(&self) {
        match self.tools.store.live(&self.claimant, self.tools.clock.now()).await {
            Ok(processes) => {
                fault_point!("live.stored");
                if self.processes.swap(processes, Relaxed) != processes {
                    tracing::info!(processes, "Slack's limits are shared among the processes that live");
                }
                self.tools.replies.shared_by(processes);
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the store was not told that this process lives; trying again");
            }
        }
    }

    /// Renews all leases; says whether the store could.
    async fn renew(&self) -> bool {
        let holds: Vec<Arc<Hold>> = self.lock().values().cloned().collect();
        if holds.is_empty() {
            return true;
        }
        let leases: Vec<Lease> = holds.iter().map(|hold| hold.lease.clone()).collect();
        let (asked_at, now) = (self.tools.clock.monotonic(), self.tools.clock.now());
        match self.tools.store.renew(&leases, self.claimant.lease, now).await {
            Ok(Renewed { lost, stopped }) => {
                for hold in holds {
                    let turn = &hold.lease.turn;
                    if lost.contains(turn) {
                        hold.silenced.cancel();
                        continue;
                    }
                    if stopped.contains(turn) {
                        hold.stopped.cancel();
                    }
                    hold.extend(asked_at, now, self.claimant.lease);
                }
                true
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "leases could not be renewed; trying again");
                false
            }
        }
    }

    /// Begins no new turns, lets running ones end within the time that is set for it, and gives the others back.
    pub(crate) async fn drain(&self) {
        self.closing.cancel();
        self.tasks.close();
        let ended = timeout(&*self.tools.clock, self.tools.settings.drain, self.tasks.wait()).await;
        let left = self.leases();
        self.silence.cancel();
        if ended.is_err() {
            if !left.is_empty() {
                tracing::warn!(
                    turns = left.len(),
                    "turns were still running at the end of the drain; they go on after the next start"
                );
            }
            // A call that waits for Slack is not heard out for ever: whoever asked us to end may lose patience and kill.
            let _ = timeout(&*self.tools.clock, SILENT_WITHIN, self.tasks.wait()).await;
        }
        self.give_back(&left, Duration::ZERO).await;
    }

    async fn give_back(&self, leases: &[Lease], wait: Duration) {
        if leases.is_empty() {
            return;
        }
        match self.tools.store.release(leases, wait, self.tools.clock.now()).await {
            Ok(()) => {
                fault_point!("release.stored");
            }
            Err(error) => tracing::warn!(
                error = %chain(&error),
                "leases could not be given back; others wait until they run out"
            ),
        }
    }

    fn leases(&self) -> Vec<Lease> {
        self.lock().values().map(|hold| hold.lease.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TurnId, Arc<Hold>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn in the list of those whose leases are renewed. Leaves it however the turn ends, also by a panic: then the lease
/// runs out and the turn is adopted.
struct Held<'a> {
    runner: &'a Runner,
    hold: Arc<Hold>,
}

impl<'a> Held<'a> {
    fn new(runner: &'a Runner, lease: &Lease, asked_at: Duration) -> Self {
        let clock = Arc::clone(&runner.tools.clock);
        let hold = Hold::new(lease.clone(), clock, asked_at, runner.claimant.lease, runner.silence.child_token());
        if let Some(older) = runner.lock().insert(lease.turn, Arc::clone(&hold)) {
            older.silenced.cancel();
        }
        Self { runner, hold }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut held = self.runner.lock();
        // The turn may have been taken up again meanwhile, by a newer lease.
        if held.get(&self.hold.lease.turn).is_some_and(|hold| Arc::ptr_eq(hold, &self.hold)) {
            held.remove(&self.hold.lease.turn);
        }
    }
}
