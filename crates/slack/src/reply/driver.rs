//! Carries out what the machine wants: one task per reply, one call at a time.

use std::{sync::Arc, time::Duration};

use chathakase_metrics::PACING_WAIT;

use super::{Delivered, Mode, ReplyError, Shared, machine::Step, speaker::Speaker};
use crate::pacing::{Lane, Slot};

pub(super) async fn run(mut speaker: Speaker, shared: Arc<Shared>) -> Result<Delivered, ReplyError> {
    let _over = Over(shared.clone());
    // The part's place in the budgets; given back when the part is done or the reply ends.
    let mut slot: Option<Slot> = None;
    let mut queue = Queue::default();
    loop {
        let now = speaker.clock.monotonic();
        let step = shared.lock().next(now);
        match step {
            Step::End => break,
            Step::Rest => shared.wake.notified().await,
            Step::RestUntil(moment) => rest(&speaker, &shared, moment.saturating_sub(now)).await,
            Step::PartDone { part, hash } => {
                let silenced = speaker.journal.part_done(part, hash).await.is_err();
                let mut machine = shared.lock();
                if silenced { machine.abandon() } else { machine.part_done() }
            }
            Step::Open(_) | Step::Append { .. } | Step::UpdateOnTheWay { .. } | Step::Update | Step::Stop => {
                match grant(&speaker, step, &mut slot) {
                    Ok(mode) => {
                        queue.left(step, now);
                        act(&mut speaker, &shared, step, mode).await;
                    }
                    Err(wait) => {
                        queue.joined(step, now);
                        rest(&speaker, &shared, wait).await;
                    }
                }
            }
        }
        if shared.lock().is_over() {
            shared.over.notify_waiters();
        }
    }
    shared.lock().take_end()
}

/// Asks the budgets for what the machine wants.
fn grant(speaker: &Speaker, step: Step, slot: &mut Option<Slot>) -> Result<Mode, Duration> {
    let (pacing, workspace) = (&speaker.pacing, &speaker.target.workspace);
    match step {
        Step::Open(ask) => {
            *slot = None;
            *slot = Some(pacing.open(workspace, &speaker.target.channel, ask)?);
        }
        Step::Append { since } => pacing.append(workspace, since)?,
        Step::UpdateOnTheWay { since } => pacing.update_on_the_way(workspace, since)?,
        Step::Stop => pacing.closing(workspace, Lane::Stop)?,
        Step::Update => pacing.closing(workspace, Lane::Update)?,
        Step::Rest | Step::RestUntil(_) | Step::PartDone { .. } | Step::End => {}
    }
    Ok(slot.as_ref().map_or(Mode::SinglePost, Slot::mode))
}

async fn act(speaker: &mut Speaker, shared: &Shared, step: Step, mode: Mode) {
    let (note, call) = {
        let mut machine = shared.lock();
        (machine.take_note(), machine.begin(step, mode))
    };
    speaker.target.notes.extend(note);
    let Some(call) = call else { return };
    let outcome = match speaker.intend(&call).await {
        // Writing that down may have taken a while.
        Ok(()) if shared.lock().withdraw_stopped() => return,
        Ok(()) => speaker.say(&call).await,
        Err(failure) => Err(failure),
    };
    shared.lock().done(outcome, speaker.clock.monotonic());
}

/// Since when a call waits for its place in the budgets, and which.
#[derive(Default)]
struct Queue(Option<(&'static str, Duration)>);

impl Queue {
    fn joined(&mut self, step: Step, now: Duration) {
        let call = name(step);
        // Something else is wanted by now: what was wanted before need not be any more.
        if self.0.is_none_or(|(waiting, _)| waiting != call) {
            self.0 = Some((call, now));
        }
    }

    fn left(&mut self, step: Step, now: Duration) {
        if let Some((call, since)) = self.0.take().filter(|(call, _)| *call == name(step)) {
            PACING_WAIT.took(now.saturating_sub(since), [call]);
        }
    }
}

/// The call that a step wants, as a metric's label names it.
fn name(step: Step) -> &'static str {
    let lane = match step {
        Step::Append { .. } => Lane::Append,
        Step::UpdateOnTheWay { .. } | Step::Update => Lane::Update,
        Step::Stop => Lane::Stop,
        Step::Open(_) | Step::Rest | Step::RestUntil(_) | Step::PartDone { .. } | Step::End => Lane::Start,
    };
    lane.does()
}

/// Waits, but not past news.
async fn rest(speaker: &Speaker, shared: &Shared, wait: Duration) {
    tokio::select! {
        () = speaker.clock.sleep(wait) => {}
        () = shared.wake.notified() => {}
    }
}

/// Says that the driver has ended, however it did.
struct Over(Arc<Shared>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.lock().over();
        self.0.over.notify_waiters();
    }
}
