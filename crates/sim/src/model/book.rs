//! What the scripted model keeps: the turns to come, the requests it saw, and what was wrong with them.

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use super::{
    request::RequestSeen,
    script::{Progress, TurnScript},
};

/// Requests it remembers unless told otherwise; the oldest are forgotten first.
const REQUESTS_KEPT_MAX: usize = 10_000;

/// Complaints it remembers; a test fails at the first one.
const COMPLAINTS_MAX: usize = 100;

/// Computes an answer from the request.
pub(crate) type AnswerFn = Arc<dyn Fn(&RequestSeen) -> String + Send + Sync>;

/// Computes a turn from the request.
pub(crate) type TurnFn = Arc<dyn Fn(&RequestSeen) -> TurnScript + Send + Sync>;

/// How a request is answered.
pub(crate) enum Reply {
    /// By a turn of the script.
    Turn(TurnScript),
    /// By a function, with a pause after each word.
    Computed { answer: AnswerFn, pace: Duration },
    /// Nobody planned it.
    Unexpected,
}

pub(crate) struct Book {
    turns: VecDeque<TurnScript>,
    requests: VecDeque<RequestSeen>,
    requests_seen: u64,
    unexpected: Vec<String>,
    broken: Vec<String>,
    pub(crate) answer: Option<AnswerFn>,
    pub(crate) turn: Option<TurnFn>,
    pub(crate) pace: Duration,
    pub(crate) requests_kept_max: usize,
    pub(crate) secrets: Vec<String>,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            turns: VecDeque::new(),
            requests: VecDeque::new(),
            requests_seen: 0,
            unexpected: Vec::new(),
            broken: Vec::new(),
            answer: None,
            turn: None,
            pace: Duration::ZERO,
            requests_kept_max: REQUESTS_KEPT_MAX,
            secrets: Vec::new(),
        }
    }
}

impl Book {
    pub(crate) fn queue(&mut self, turn: TurnScript) {
        self.turns.push_back(turn);
    }

    /// Files the request and finds what answers it: the first waiting turn that wants it, else the function. The number
    /// counts requests from 1.
    pub(crate) fn take(&mut self, request: &RequestSeen, broken_rules: Vec<String>) -> (u64, Reply) {
        self.requests_seen += 1;
        broken_rules.into_iter().for_each(|rule| self.broken(rule));
        if self.secrets.iter().any(|secret| request.tells(secret)) {
            self.broken("a secret is in the request".to_owned());
        }
        self.keep(request);
        let wanted = self.turns.iter().position(|turn| turn.answers(request));
        let wanted = wanted.and_then(|at| self.turns.remove(at));
        let reply = match (wanted.or_else(|| self.turn.as_ref().map(|turn| turn(request))), &self.answer) {
            (Some(turn), _) => Reply::Turn(turn),
            (None, Some(answer)) => Reply::Computed { answer: Arc::clone(answer), pace: self.pace },
            (None, None) => {
                self.unexpected(format!("nobody planned an answer to {:?}", request.question()));
                Reply::Unexpected
            }
        };
        (self.requests_seen, reply)
    }

    fn keep(&mut self, request: &RequestSeen) {
        if self.requests_kept_max > 0 {
            self.requests.push_back(request.clone());
        }
        while self.requests.len() > self.requests_kept_max {
            self.requests.pop_front();
        }
    }

    pub(crate) fn unexpected(&mut self, what: String) {
        note(&mut self.unexpected, what);
    }

    pub(crate) fn broken(&mut self, rule: String) {
        let at = self.requests_seen;
        note(&mut self.broken, format!("request {at}: {rule}"));
    }

    pub(crate) fn requests(&self) -> Vec<RequestSeen> {
        self.requests.iter().cloned().collect()
    }

    pub(crate) fn last_request(&self) -> Option<RequestSeen> {
        self.requests.back().cloned()
    }

    pub(crate) fn requests_seen(&self) -> u64 {
        self.requests_seen
    }

    pub(crate) fn unexpected_requests(&self) -> Vec<String> {
        self.unexpected.clone()
    }

    /// All that a test must not end with, except turns that nobody asked for.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.unexpected.iter().chain(&self.broken).cloned().collect()
    }

    /// The turns that no request has taken.
    pub(crate) fn waiting(&self) -> Vec<String> {
        let waiting = self.turns.iter().filter(|turn| turn.progress() == Progress::Waiting);
        waiting.map(TurnScript::describe).collect()
    }
}

fn note(notes: &mut Vec<String>, what: String) {
    if notes.len() < COMPLAINTS_MAX {
        notes.push(what);
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (turns, requests) = (self.turns.len(), self.requests_seen);
        f.debug_struct("Book").field("turns", &turns).field("requests_seen", &requests).finish_non_exhaustive()
    }
}
