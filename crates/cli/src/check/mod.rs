//! `chathakase check`: looks at everything that the assistant needs, and says what is right and how to mend what is not.
//!
//! It disturbs no assistant that runs: nothing that Slack delivers is acknowledged, so that Slack delivers it again; the database
//! of a running `serve` is only read. It says nothing in Slack.

mod live;
mod model;
mod report;
mod slack;
mod store;

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use chathakase_session::time::SharedClock;

pub use live::Spot;
pub(crate) use model::look as model;
pub(crate) use report::chain;
pub use report::{Finding, Report, Verdict};

use crate::{
    args,
    clock::SystemClock,
    config::{Config, ConfigError, duration},
};

/// A clock that is wrong by more is a fault: signed requests are refused from 300 s on.
const CLOCK_OFF_MAX: Duration = Duration::from_secs(60);

/// What is looked at.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Wait for events from these places; empty to leave them out.
    pub live: Vec<Spot>,
    /// The longest wait for them.
    pub wait: Duration,
    /// What people are to write, so that nobody else's words are taken for theirs.
    pub word: String,
}

/// Runs a check with what `args` and the settings say; `false` when something is wrong.
pub async fn run(args: &args::Check) -> anyhow::Result<bool> {
    let wait = duration::parse(&args.wait).context("--wait must be a duration such as `90s` or `3m`")?;
    let clock = Arc::new(SystemClock::new());
    let wishes = Wishes { live: args.live.clone().unwrap_or_default(), wait, word: word(&*clock) };
    // A machine reads standard output; a person is told only what there is to do.
    let mut tell = |line: &str| match args.json {
        true if wishes.live.is_empty() => {}
        true => note(line),
        false => say(line),
    };
    let report = match Config::load_here(args.settings.settings.config.as_deref(), &args.settings.flags()) {
        Ok(config) => look(&config, clock, &wishes, &mut tell).await,
        Err(errors) => {
            let findings: Vec<Finding> = errors.each().map(setting).collect();
            findings.iter().for_each(|finding| tell(&finding.line()));
            errors.next_step().into_iter().for_each(&mut tell);
            Report::of(findings)
        }
    };
    if args.json {
        say(&serde_json::to_string_pretty(&report)?);
    } else {
        say(&report.summary());
    }
    Ok(report.ok)
}

/// A setting that cannot be used, or is missing.
fn setting(error: &ConfigError) -> Finding {
    let finding = Finding::fault("settings", error);
    match error {
        ConfigError::Missing { key, next } => Finding::wrong("settings", format!("`{key}` is not set"), *next),
        ConfigError::Bad { key, place, wanted } => {
            Finding::wrong("settings", format!("{place}: `{key}` cannot be used"), format!("write {wanted}"))
        }
        ConfigError::Syntax { .. } => Finding { mend: Some("correct the line that is named".to_owned()), ..finding },
        ConfigError::Unknown { near: None, .. } => {
            Finding { mend: Some("`chathakase config` prints every setting there is".to_owned()), ..finding }
        }
        ConfigError::Unknown { .. } | ConfigError::File { .. } | ConfigError::SecretFile { .. } => finding,
    }
}

/// Looks at everything. Each line is told as soon as it is known.
pub async fn look(config: &Config, clock: SharedClock, wishes: &Wishes, tell: &mut (dyn FnMut(&str) + Send)) -> Report {
    let mut look = Look { config, clock, found: Vec::new(), tell };
    slack::look(&mut look, wishes).await;
    let model = model::look(config, look.clock.clone()).await;
    look.add(model);
    let store = store::look(config, look.clock.clone()).await;
    look.add(store);
    Report::of(look.found)
}

/// A check under way.
struct Look<'a> {
    config: &'a Config,
    clock: SharedClock,
    found: Vec<Finding>,
    tell: &'a mut (dyn FnMut(&str) + Send),
}

impl Look<'_> {
    fn add(&mut self, finding: Finding) {
        (self.tell)(&finding.line());
        self.found.push(finding);
    }
}

/// A word that is another one each time.
fn word(clock: &dyn chathakase_session::time::Clock) -> String {
    format!("check {:04}", clock.now().as_millis().rem_euclid(10_000))
}

/// Whoever reads it may have gone; the exit code says the rest.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// What a person is to read while a machine reads standard output.
fn note(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
