//! The watch over gaps.
//!
//! Once a minute the store is told until when this process missed nothing ([`Proof`](crate::proof::Proof)). After a start, a link that was down, a delivery
//! that could not be stored, one that Slack could not bring at once, a long silence, a sleep of the whole process, or the death of
//! another one, [`catch_up`] looks for posts from then on.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use chathakase_session::{
    Timestamp, WorkspaceId, chain, fault_point,
    store::{Others, StoreError},
};

use super::{Gap, Stretch};
use crate::{catch_up, intake::Intake, proof::Cause};

/// How often the store is told that nothing was missed.
const BEAT: Duration = Duration::from_secs(60);
/// A beat that comes so late says that the process slept.
const LATE: Duration = Duration::from_secs(180);
/// The wait before a look that the store or the process could not finish is tried again.
const AGAIN: Duration = Duration::from_secs(15);

/// Sees to it that gaps in `stretch` are looked at. What comes from now on waits until it is known what was missed before.
pub(crate) fn keep(intake: &Arc<Intake>, workspace: WorkspaceId, stretch: Stretch) {
    if intake.gaps.stretch.set(stretch.clone()).is_err() {
        return;
    }
    let intake = Arc::clone(intake);
    let runner = Arc::clone(&intake.runner);
    runner.spawn(async move {
        tokio::select! {
            () = keep_watch(&intake, &workspace, stretch) => {}
            () = intake.runner.until_closing() => {}
        }
    });
}

async fn keep_watch(intake: &Arc<Intake>, workspace: &WorkspaceId, mut stretch: Stretch) {
    let (tools, process, gaps) = (&intake.runner.tools, &intake.runner.claimant, &intake.gaps);
    let (mut looked_at, mut beat_at) = (None, None::<Timestamp>);
    let mut is_first = true;
    loop {
        let now = tools.clock.now();
        let slept = beat_at.is_some_and(|at| now.since(at) > LATE);
        let current = *stretch.borrow_and_update();
        let mut wait = BEAT;
        gaps.closed.store(false, SeqCst);
        if let Some(number) = current {
            let missed = gaps.missed.swap(false, SeqCst) || slept || looked_at != current;
            let cause = if missed { Some(Cause::Gap) } else { gaps.proof().due(is_first, now) };
            let done = match cause {
                Some(cause) => look(intake, workspace, number, cause, now).await,
                None => {
                    let good = gaps.proof().good();
                    tools.store.note_good(process, good, now).await.map(Some)
                }
            };
            match done {
                Ok(None) => gaps.missed(),
                Ok(Some(others)) => {
                    fault_point!("good.stored");
                    looked_at = current;
                    is_first = others.asker_is_first;
                    others.good_ago.into_iter().for_each(|ago| gaps.proof().told(now - ago));
                    gaps.closed.store(!others.left_some, SeqCst);
                    if others.left_some {
                        gaps.missed();
                    }
                }
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "what was missed could not be looked for; trying again");
                    gaps.missed.store(true, SeqCst);
                    gaps.list_nothing(number);
                    wait = AGAIN;
                }
            }
        }
        beat_at = Some(tools.clock.now());
        tokio::select! {
            () = tools.clock.sleep(wait) => {}
            () = changed(&mut stretch) => {}
            () = gaps.nudge.notified(), if wait == BEAT => {}
        }
    }
}

async fn look(
    intake: &Arc<Intake>,
    workspace: &WorkspaceId,
    stretch: u64,
    cause: Cause,
    began: Timestamp,
) -> Result<Option<Others>, StoreError> {
    let suspected = intake.gaps.proof().looks();
    let gap = Gap { stretch, cause, suspected, began };
    let done = catch_up::run(intake, workspace, gap).await;
    intake.gaps.proof().looked(began, matches!(done, Ok(Some(_))), suspected);
    done
}

async fn changed(stretch: &mut Stretch) {
    if stretch.changed().await.is_err() {
        // It will stay as it is.
        std::future::pending::<()>().await;
    }
}
