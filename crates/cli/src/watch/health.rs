//! Whether each part is ready, as far as can be known, and what to do where it is not. Pure.

use std::{collections::BTreeMap, time::Duration};

use chathakase_bot::CatchUpReport;
use chathakase_metrics::Report;
use chathakase_session::{Timestamp, store::StoreError, time::TimedOut};
use chathakase_slack::socket::LinkReport;
use serde::Serialize;

use super::inbox::Refused;

/// A link that was heard within this time is alive for sure. Past it, it is pinged; after 30 s of silence it is given up.
const HEARD_WITHIN: Duration = Duration::from_secs(15);
/// How long a failed call says something about now.
const BELIEVED_FOR: Duration = Duration::from_secs(600);
/// How long something that was not looked for is a reason to look: nothing takes it back by itself.
const SAID_FOR: Duration = Duration::from_secs(3600);

/// How a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It works.
    Ok,
    /// Nothing is known yet; no reason to worry.
    Unknown,
    /// Something is wrong, and events are taken in all the same: taking this process away would only lose them.
    Degraded,
    /// Events cannot be taken in.
    Failing,
}

/// What is known of a part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Part {
    state: State,
    /// In one sentence.
    says: String,
    /// How old this knowledge is.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_step: Option<String>,
}

impl Part {
    fn new(state: State, says: impl Into<String>) -> Self {
        Self { state, says: says.into(), age_seconds: None, next_step: None }
    }
    pub(super) fn aged(self, age: Duration) -> Self {
        Self { age_seconds: Some(age.as_secs()), ..self }
    }
    fn then(self, next_step: impl Into<String>) -> Self {
        Self { next_step: Some(next_step.into()), ..self }
    }
    pub(super) fn is_well(&self) -> bool {
        self.state <= State::Unknown
    }
}

/// All parts.
#[derive(Debug, Serialize)]
pub(crate) struct Health {
    /// `ready`, `degraded` or `not ready`.
    status: &'static str,
    parts: BTreeMap<&'static str, Part>,
}

impl Health {
    pub(super) fn of(parts: Vec<(&'static str, Part)>) -> Self {
        let status = match parts.iter().map(|(_, part)| part.state).max() {
            Some(State::Failing) => "not ready",
            Some(State::Degraded) => "degraded",
            _ => "ready",
        };
        Self { status, parts: parts.into_iter().collect() }
    }
    pub(crate) fn is_ready(&self) -> bool {
        self.status != "not ready"
    }
    pub(super) fn parts(&self) -> impl Iterator<Item = (&'static str, &Part)> {
        self.parts.iter().map(|(name, part)| (*name, part))
    }
}

pub(super) fn process(ending: bool) -> Part {
    match ending {
        false => Part::new(State::Ok, "it runs"),
        true => Part::new(State::Failing, "it ends: running answers are finished, nothing new is taken in")
            .then("nothing to do; what Slack cannot deliver now it sends again"),
    }
}

/// What a write to the store, which took so long, came to.
pub(super) fn store(checked: Result<Result<(), StoreError>, TimedOut>, took: Duration) -> Part {
    let failing = |says: String| Part::new(State::Failing, says).aged(Duration::ZERO);
    match checked {
        Ok(Ok(())) => Part::new(State::Ok, format!("a write took {} ms", took.as_millis())).aged(Duration::ZERO),
        Ok(Err(error)) => failing(error.to_string())
            .then("check the disk's room and permissions, or the database server; the log says more"),
        Err(TimedOut { limit }) => failing(format!("a write was not done within {} s", limit.as_secs()))
            .then("look at the disk's or the database server's load"),
    }
}

/// The Socket Mode link, by what was heard on it.
pub(super) fn socket(link: &LinkReport, last_event: Option<Timestamp>, now: Timestamp) -> Part {
    let heard = link.last_frame_at.map(|at| now.since(at));
    let events = match last_event {
        Some(at) => format!("the last event came {} ago", long(now.since(at))),
        None => "no event has come yet".to_owned(),
    };
    let part = match (link.connected_since, heard) {
        (None, _) => {
            let why = link.last_trouble.as_deref().unwrap_or("it was not up yet, or has just ended");
            let next = "the next try comes by itself; if it lasts, check SLACK_APP_TOKEN, Socket Mode in the app's settings and the network";
            Part::new(State::Failing, format!("no link is up: {why}")).then(next)
        }
        (Some(_), Some(silence)) if silence > HEARD_WITHIN => {
            let says = format!("nothing was heard for {}, though we asked; {events}", long(silence));
            Part::new(State::Degraded, says).then("nothing yet: after 30 s of silence a new link is opened")
        }
        (Some(since), _) => {
            // Pings show that the link is alive, and only events show that Slack sends them: both are said.
            let part = Part::new(State::Ok, format!("up for {} and alive; {events}", long(now.since(since))));
            match last_event {
                Some(_) => part,
                None => part.then("if messages were written to the assistant, check the app's event subscriptions"),
            }
        }
    };
    Part { age_seconds: heard.map(|silence| silence.as_secs()), ..part }
}

/// Where Slack calls us, nothing can be known but that it did, or that somebody did whose signature does not fit.
pub(super) fn http(last_event: Option<Timestamp>, refused: Option<Refused>, now: Timestamp) -> Part {
    let refused = refused.filter(|refused| now.since(refused.last_at) <= BELIEVED_FOR);
    match (last_event, refused) {
        (Some(at), None) => {
            let age = now.since(at);
            Part::new(State::Ok, format!("Slack's last event came {} ago", long(age))).aged(age)
        }
        // Whoever else finds the address may call it, so this alone is no reason to worry.
        (Some(at), Some(refused)) => {
            let (age, requests) = (now.since(at), refused.said());
            let says = format!("Slack's last event came {} ago; {requests} since", long(age));
            Part::new(State::Ok, says).then(WRONG_SIGNATURE).aged(age)
        }
        (None, Some(refused)) => {
            let (ago, requests) = (now.since(refused.last_at), refused.said());
            let says = format!("no event has come yet, and {requests}, the last {} ago", long(ago));
            Part::new(State::Degraded, says).then(WRONG_SIGNATURE).aged(ago)
        }
        (None, None) => Part::new(State::Unknown, "no event has come yet; whether Slack reaches us shows only then")
            .then("write to the assistant; if nothing comes, check the request URL and the signing secret"),
    }
}

const WRONG_SIGNATURE: &str = "if you wrote to the assistant meanwhile: copy the signing secret again from \"Basic Information\" in the app's settings, and check this machine's clock; else somebody who is not Slack called";

impl Refused {
    fn said(&self) -> String {
        match self.requests {
            1 => "1 request was refused for its signature".to_owned(),
            many => format!("{many} requests were refused for their signature"),
        }
    }
}

/// Somebody whom we call. What they cannot do now is told to people in their threads, so it is no reason to take us away.
pub(super) fn others(report: &Report, who: &str, now: Timestamp) -> Part {
    match (&report.failure, report.worked_at) {
        (Some(failure), _) if now.since(failure.at) <= BELIEVED_FOR => {
            Part::new(State::Degraded, format!("the last call to {who} failed"))
                .then(&*failure.why)
                .aged(now.since(failure.at))
        }
        (Some(failure), _) => {
            Part::new(State::Unknown, format!("the last call to {who} failed, and none was made since"))
                .then(&*failure.why)
                .aged(now.since(failure.at))
        }
        (None, Some(at)) => Part::new(State::Ok, format!("the last call to {who} worked")).aged(now.since(at)),
        (None, None) => Part::new(State::Unknown, format!("{who} was not called yet")),
    }
}

/// What was looked for after gaps, and what was not: messages there may stay without an answer.
pub(super) fn catch_up(report: &CatchUpReport, now: Timestamp) -> Part {
    match (&report.last_given_up, report.looking_from) {
        (Some((at, what)), _) if now.since(*at) <= SAID_FOR => {
            let times = report.given_up;
            let says =
                format!("what may have been missed was not looked for, {times} times since the start; last: {what}");
            let next =
                "messages there may be without an answer: mend the cause, and ask again there; the log says where";
            Part::new(State::Degraded, says).then(next).aged(now.since(*at))
        }
        (_, Some(from)) => {
            Part::new(State::Ok, format!("what was missed in the last {} is looked for", long(now.since(from))))
        }
        _ if report.looks == 0 => Part::new(State::Unknown, "what may have been missed was not looked for yet"),
        _ => Part::new(State::Ok, format!("missed messages found since the start: {}", report.found)),
    }
}

fn long(time: Duration) -> String {
    match time.as_secs() {
        secs @ 0..120 => format!("{secs} s"),
        secs @ 120..7200 => format!("{} min", secs / 60),
        secs => format!("{} h", secs / 3600),
    }
}
