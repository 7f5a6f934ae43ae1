//! Which processes live, and until when each missed nothing.
//!
//! A process that dies leaves its row, with the moment from which on it may have missed something. Whoever looks for what was missed
//! takes that moment over with the row: so nothing is looked for by nobody, also when the one who looks dies, or by everybody. Where it
//! came to is kept too: where one process after the other dies, each begins where none was yet.

use std::time::Duration;

use chathakase_session::{
    Timestamp, WorkspaceId, fault_point,
    store::{Looked, Others, Result},
    turn::Claimant,
};

use crate::rows::{ProcessRow, ProcessRows};

/// As long as anything is looked for (`limits.catch_up`, at most).
const LOOKED_BACK_MAX: Duration = Duration::from_secs(24 * 3600);

/// The process, alive from now on, and the others.
fn begin(rows: &impl ProcessRows, process: &Claimant, now: Timestamp) -> Result<(ProcessRow, Vec<ProcessRow>)> {
    let mut others = rows.processes()?;
    let known = others.iter().position(|other| other.owner == process.owner).map(|at| others.swap_remove(at));
    let good_until = match known {
        Some(known) => known.good_until,
        None => others.iter().filter_map(|other| other.good_until).min(),
    };
    Ok((ProcessRow { owner: process.owner.clone(), until: now + process.lease, good_until }, others))
}

pub(crate) fn live(rows: &mut impl ProcessRows, process: &Claimant, now: Timestamp) -> Result<u32> {
    let (own, others) = begin(rows, process, now)?;
    rows.put_process(&own)?;
    fault_point!("live.uncommitted");
    let others = others.iter().filter(|other| other.until > now).count();
    Ok(u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1))
}

pub(crate) fn note_good(
    rows: &mut impl ProcessRows,
    process: &Claimant,
    at: Timestamp,
    now: Timestamp,
) -> Result<Others> {
    let (own, others) = begin(rows, process, now)?;
    let goods: Vec<Option<Timestamp>> = others.iter().map(|other| other.good_until).collect();
    let (alive, dead): (Vec<_>, Vec<_>) = others.into_iter().partition(|other| other.until > now);
    let told = Others {
        left_some: !dead.is_empty(),
        good_ago: alive.iter().filter_map(|other| other.good_until).max().map(|good| now.since(good)),
        asker_is_first: alive.iter().all(|other| own.owner < other.owner),
    };
    let good_until = own.good_until.map_or(at, |good| good.max(at));
    rows.put_process(&ProcessRow { good_until: Some(good_until), ..own })?;
    // Of a look before that, nobody needs to know.
    let all_good = goods.into_iter().chain([Some(good_until)]).min().flatten();
    let too_old = now - LOOKED_BACK_MAX;
    rows.remove_looked(all_good.map_or(too_old, |good| good.max(too_old)))?;
    fault_point!("note_good.uncommitted");
    Ok(told)
}

/// From when on something may have been missed that this process is to look for.
pub(crate) fn good_until(rows: &mut impl ProcessRows, process: &Claimant, now: Timestamp) -> Result<Option<Timestamp>> {
    let (own, others) = begin(rows, process, now)?;
    let dead: Vec<ProcessRow> = others.into_iter().filter(|other| other.until <= now).collect();
    let good_until = dead.iter().filter_map(|dead| dead.good_until).chain(own.good_until).min();
    rows.put_process(&ProcessRow { good_until, ..own })?;
    dead.iter().try_for_each(|dead| rows.remove_process(&dead.owner))?;
    fault_point!("good_until.uncommitted");
    Ok(good_until)
}

pub(crate) fn note_looked(rows: &mut impl ProcessRows, workspace: &WorkspaceId, looked: &Looked) -> Result<()> {
    rows.put_looked(workspace, looked)?;
    fault_point!("note_looked.uncommitted");
    Ok(())
}

pub(crate) fn leave(
    rows: &mut impl ProcessRows,
    process: &Claimant,
    good: Option<Timestamp>,
    now: Timestamp,
) -> Result<()> {
    let (own, others) = begin(rows, process, now)?;
    if good.is_some() && others.iter().any(|other| other.until > now) {
        return rows.remove_process(&own.owner);
    }
    rows.put_process(&ProcessRow { until: now, good_until: own.good_until.max(good), ..own })?;
    fault_point!("leave.uncommitted");
    Ok(())
}
