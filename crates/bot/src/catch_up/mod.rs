//! Looking for what was missed: threads we were in first, then direct messages, then the channels we are in. What is found
//! goes the way of everything that arrives, so nothing is doubled, whoever else found it.
//!
//! Bounded in calls and time, and in the background: live answers have the greater part of Slack's limits. The store keeps how far it
//! came: where processes die before they are through, the next one begins with the spots that none came to yet.

mod look;
mod reach;

use std::{sync::Arc, time::Duration};

use chathakase_metrics::CATCH_UP_LOOKS;
use chathakase_session::{
    WorkspaceId, fault_point,
    store::{Others, StoreError},
};

use crate::{gaps::Gap, intake::Intake, proof::Cause};
use look::Look;
use reach::Reach;

/// Threads that are read after one gap; those with the newest activity.
const THREADS_MAX: usize = 250;
/// A thread with activity in so long a time before the gap is among those, also where sessions are over sooner.
const RECENT: Duration = Duration::from_secs(3600);
/// How much longer than others a thread may have been silent to be read as well, behind everything else and only if the look has
/// made few calls: there may be any number of those, and Slack tells of replies only thread by thread.
const OLDER: Duration = Duration::from_secs(24 * 3600);
const OLDER_MAX: usize = 100;

/// Looks for what was missed; gives what the store tells of other processes then. Fails when the store does, and ends with nothing
/// when another stretch of time began before all was looked through: then it is to be done again.
pub(crate) async fn run(intake: &Arc<Intake>, workspace: &WorkspaceId, gap: Gap) -> Result<Option<Others>, StoreError> {
    CATCH_UP_LOOKS.count([gap.cause.name()]);
    intake.gaps.note(|report| {
        report.looks += 1;
        report.looking_from = Some(gap.began);
    });
    let done = look(intake, workspace, gap).await;
    intake.gaps.note(|report| report.looking_from = None);
    done
}

async fn look(intake: &Arc<Intake>, workspace: &WorkspaceId, gap: Gap) -> Result<Option<Others>, StoreError> {
    let Gap { stretch, cause, suspected, began } = gap;
    let (tools, process, gaps) = (&intake.runner.tools, &intake.runner.claimant, &intake.gaps);
    let (good, age_max) = (tools.store.good_until(process, began).await?, tools.settings.catch_up);
    fault_point!("gap.taken");
    // Before the first good moment nobody was there to miss anything.
    let Some(good) = good.filter(|_| !age_max.is_zero()) else {
        gaps.list_nothing(stretch);
        return tools.store.note_good(process, began, tools.clock.now()).await.map(Some);
    };
    let good = suspected.map_or(good, |suspected| suspected.min(good));
    let looked = tools.store.looked(workspace, tools.clock.now()).await?;
    let reach = Reach::new(good, began - age_max, looked, [tools.clock.now(), tools.api.slack_now()]);
    let active_since = good - tools.settings.session_timeout.max(RECENT);
    let mut threads = tools.store.joined_since(workspace, active_since, THREADS_MAX + 1, began).await?;
    let too_many = threads.len() > THREADS_MAX;
    threads.truncate(THREADS_MAX);
    // Where most likely nothing was missed, nobody waits for it.
    if cause != Cause::Silence {
        let older_max = threads.len() + OLDER_MAX;
        let mut older = tools.store.joined_since(workspace, active_since - OLDER, older_max, began).await?;
        older.retain(|key| !threads.contains(key));
        older.sort_by_key(|key| reach.came_to(&key.into()));
        gaps.list(stretch, threads.clone(), older);
    }
    gaps.note(|report| report.looking_from = Some(reach.since()));
    let mut look = Look::new(intake, workspace, gap, reach);
    if too_many {
        look.give_up("more threads were active than are read");
    }
    let mut done = look.everything(&threads).await;
    if let Ok(true) = done {
        done = look.older().await;
    }
    look.log_result();
    if !done? {
        gaps.list_nothing(stretch);
        return Ok(None);
    }
    fault_point!("gap.looked");
    tools.store.note_good(process, began, tools.clock.now()).await.map(Some)
}
