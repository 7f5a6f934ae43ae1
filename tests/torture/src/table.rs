//! What a run came to, on one screen.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use crate::{
    judge::{Verdict, Wrong},
    steps,
};

/// Findings shown; more are counted.
const FINDINGS_MAX: usize = 12;

/// What was counted in a run, or in several.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) kills: u64,
    /// The named steps at which processes died.
    pub(crate) steps: BTreeSet<&'static str>,
    /// How often each kind of fault happened.
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) verdict: Verdict,
}

impl Table {
    pub(crate) fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.steps.extend(other.steps);
        other.faults.into_iter().for_each(|(kind, times)| *self.faults.entry(kind).or_default() += times);
        self.verdict.add(other.verdict);
    }

    /// Nothing is wrong.
    pub(crate) fn is_clean(&self) -> bool {
        self.verdict.findings.is_empty() && self.verdict.apologised == self.verdict.apologies_due
    }
}

/// Everything that is known when a run is over.
pub(crate) struct Report {
    pub(crate) seed: u64,
    /// Store, processes and transport.
    pub(crate) setup: String,
    pub(crate) threads: usize,
    pub(crate) took: Duration,
    pub(crate) table: Table,
    /// The threads that findings are about, as people see them.
    pub(crate) transcripts: Vec<String>,
    /// Where the logs are, if they were kept.
    pub(crate) folder: Option<String>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = &self.verdict;
        let wrong = |wrong| verdict.count(wrong).to_string();
        let apologised = format!("{} of {}", verdict.apologised, verdict.apologies_due);
        let columns = [
            ("sent", verdict.sent.to_string()),
            ("answered once", verdict.answered_once.to_string()),
            ("asked again", verdict.asked_again.to_string()),
            ("twice", wrong(Wrong::Twice)),
            ("lost", wrong(Wrong::Lost)),
            ("taken back", verdict.taken_back.to_string()),
            ("unwanted words", wrong(Wrong::Unwanted)),
            ("apologised", apologised),
            ("unasked apologies", wrong(Wrong::Apology)),
            ("interleaved", wrong(Wrong::Interleaved)),
            ("text differences", wrong(Wrong::Text)),
            ("stuck statuses", wrong(Wrong::Stuck)),
            ("leaks", wrong(Wrong::Leak)),
            ("wrong windows", wrong(Wrong::History)),
            ("process faults", wrong(Wrong::Process)),
            ("edited", verdict.edited.to_string()),
            ("deleted", verdict.deleted.to_string()),
            ("stopped", verdict.stopped.to_string()),
            ("commands", verdict.commands.to_string()),
            ("given up by Slack", verdict.given_up.to_string()),
            ("kills", self.kills.to_string()),
            ("named steps met", format!("{} of {}", self.steps.len(), steps::all().len())),
        ];
        for (name, value) in &columns {
            writeln!(f, "  {name:<20} {value:>10}")?;
        }
        writeln!(f, "  what went wrong on purpose:")?;
        for (kind, times) in &self.faults {
            writeln!(f, "    {kind:<36} {times:>6}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, setup, threads, took, table, .. } = self;
        writeln!(f, "\nseed {seed}: {setup}; {threads} threads, {:.1} s\n{table}", took.as_secs_f64())?;
        self.findings(f)
    }
}

impl Report {
    fn findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = &self.table.verdict;
        if self.table.is_clean() {
            return writeln!(f, "  nothing is wrong");
        }
        for finding in verdict.findings.iter().take(FINDINGS_MAX) {
            let place = finding.thread.map_or_else(String::new, |thread| format!(" in thread {thread}"));
            let token = finding.token.map_or_else(String::new, |token| format!(" {token}"));
            writeln!(f, "  WRONG ({:?}, seed {}){place}:{token} {}", finding.wrong, self.seed, finding.what)?;
        }
        let more = verdict.findings.len().saturating_sub(FINDINGS_MAX);
        if more > 0 {
            writeln!(f, "  and {more} more")?;
        }
        for transcript in &self.transcripts {
            writeln!(f, "{transcript}")?;
        }
        match &self.folder {
            Some(folder) => writeln!(f, "  the logs are in {folder}"),
            None => Ok(()),
        }
    }
}
