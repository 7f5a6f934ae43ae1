//! What a check found: a line for each thing it looked at, for people or for machines.

use serde::Serialize;

/// How it is with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Right,
    /// Nothing is broken, but somebody may want to know.
    Hint,
    /// It must be mended.
    Wrong,
}

/// What was found about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: `slack.bot_token`, `scope im:history`, `event message.im`, `model`, ..
    pub part: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen.
    pub says: String,
    /// What to do, where something can be done.
    pub mend: Option<String>,
}

impl Finding {
    pub(super) fn right(part: impl Into<String>, says: impl Into<String>) -> Self {
        Self { part: part.into(), verdict: Verdict::Right, says: says.into(), mend: None }
    }

    pub(super) fn hint(part: impl Into<String>, says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { part: part.into(), verdict: Verdict::Hint, says: says.into(), mend: Some(mend.into()) }
    }

    pub(super) fn wrong(part: impl Into<String>, says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { part: part.into(), verdict: Verdict::Wrong, says: says.into(), mend: Some(mend.into()) }
    }

    /// A fault that says in its own words what to do: behind its last semicolon.
    pub(super) fn fault(part: impl Into<String>, error: &(dyn std::error::Error + 'static)) -> Self {
        let says = chain(error);
        let own = error.to_string();
        let (says, mend) = match own.rsplit_once("; ") {
            Some((what, next)) => (says.replacen(&own, what, 1), Some(next.to_owned())),
            None => (says, None),
        };
        Self { part: part.into(), verdict: Verdict::Wrong, says, mend }
    }

    /// One line, and one more with the mend.
    pub fn line(&self) -> String {
        let mark = match self.verdict {
            Verdict::Right => "ok   ",
            Verdict::Hint => "hint ",
            Verdict::Wrong => "WRONG",
        };
        let mend = self.mend.as_ref().map(|mend| format!("\n        -> {mend}")).unwrap_or_default();
        format!("{mark}  {}: {}{mend}", self.part, self.says)
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        next = cause.source();
    }
    said
}

/// All that was found, in the order in which it was looked at.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Nothing must be mended.
    pub ok: bool,
    /// Each of them.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn of(findings: Vec<Finding>) -> Self {
        Self { ok: findings.iter().all(|finding| finding.verdict != Verdict::Wrong), findings }
    }

    /// The parts of which this is the verdict.
    pub fn parts(&self, verdict: Verdict) -> Vec<&str> {
        self.findings.iter().filter(|finding| finding.verdict == verdict).map(|finding| finding.part.as_str()).collect()
    }

    /// The last line for people.
    pub fn summary(&self) -> String {
        match self.parts(Verdict::Wrong).len() {
            0 => match self.parts(Verdict::Hint).len() {
                0 => "Everything that was looked at is right.".to_owned(),
                1 => "Nothing is wrong; 1 hint says what could not be tried, or could be better.".to_owned(),
                hints => format!("Nothing is wrong; {hints} hints say what could not be tried, or could be better."),
            },
            1 => "1 thing is wrong.".to_owned(),
            wrong => format!("{wrong} things are wrong."),
        }
    }
}
