//! Carries out what the machine wants: one task per reply, one call at a time.

use std::{sync::Arc, time::Duration};

use super::{Delivered, Mode, ReplyError, Shared, machine::Step, speaker::Speaker};
use crate::pacing::{Lane, Slot};

pub(super) async fn run(speaker: Speaker, shared: Arc<Shared>) -> Result<Delivered, ReplyError> {
    let _over = Over(shared.clone());
    // The part's place in the budgets; given back when the part is done or the reply ends.
    let mut slot: Option<Slot> = None;
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
                    Ok(mode) => act(&speaker, &shared, step, mode).await,
                    Err(wait) => rest(&speaker, &shared, wait).await,
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

async fn act(speaker: &Speaker, shared: &Shared, step: Step, mode: Mode) {
    let Some(call) = shared.lock().begin(step, mode) else { return };
    let outcome = speaker.say(&call).await;
    shared.lock().done(outcome, speaker.clock.monotonic());
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
