//! What the app asked for, kept for the test to look at.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chathakase_session::Timestamp;
use serde_json::Value;

/// Calls kept; older ones are forgotten.
const CALLS_KEPT: usize = 20_000;

/// One request to the Web API.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method's name, such as `chat.postMessage`.
    pub method: String,
    /// What it was asked with. Of a form every value is a string.
    pub args: Value,
    /// When it came.
    pub at: Timestamp,
    /// How it was answered: `ok`, Slack's error code, `http 500`, `cut`, or empty while it is not.
    pub answer: String,
}

#[derive(Debug)]
pub(crate) struct Calls {
    keep: bool,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    forgotten: usize,
    calls: VecDeque<Call>,
    unknown: Vec<String>,
}

impl Calls {
    pub(crate) fn new(keep: bool) -> Self {
        Self { keep, kept: Mutex::default() }
    }

    /// Keeps a call and says under which number its answer is to be noted.
    pub(crate) fn came(&self, method: &str, args: impl FnOnce() -> Value, at: Timestamp) -> usize {
        if !self.keep {
            return 0;
        }
        let mut kept = self.lock();
        if kept.calls.len() == CALLS_KEPT {
            kept.calls.pop_front();
            kept.forgotten += 1;
        }
        kept.calls.push_back(Call { method: method.to_owned(), args: args(), at, answer: String::new() });
        kept.forgotten + kept.calls.len() - 1
    }

    pub(crate) fn answered(&self, number: usize, answer: &str) {
        if !self.keep {
            return;
        }
        let mut kept = self.lock();
        let index = number.checked_sub(kept.forgotten);
        if let Some(call) = index.and_then(|index| kept.calls.get_mut(index)) {
            answer.clone_into(&mut call.answer);
        }
    }

    pub(crate) fn unknown(&self, method: &str) {
        self.lock().unknown.push(method.to_owned());
    }

    pub(crate) fn unknown_methods(&self) -> Vec<String> {
        self.lock().unknown.clone()
    }

    pub(crate) fn of(&self, method: Option<&str>) -> Vec<Call> {
        let kept = self.lock();
        kept.calls.iter().filter(|call| method.is_none_or(|method| call.method == method)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
