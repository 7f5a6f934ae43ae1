//! Looks at a streamed answer as it passes: how many deltas there were, what the model counted.

use serde_json::Value;

/// The end of a stream that is kept: the usage stands in its last event.
const TAIL_BYTES: usize = 4096;

const DELTA: &str = "\"content\":\"";
const END: &str = "\"finish_reason\":\"";

/// What the model counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Of the request.
    pub prompt: u64,
    /// Of the answer.
    pub completion: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Scan {
    tail: Vec<u8>,
    /// Events with a piece of the answer.
    pub(crate) deltas: usize,
    /// The event that says why the answer ended has come.
    pub(crate) ended: bool,
}

impl Scan {
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        self.deltas += text.matches(DELTA).count();
        self.ended |= text.contains(END);
        self.tail.extend_from_slice(bytes);
        let surplus = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..surplus);
    }

    /// Where to cut a piece so that so many deltas are through at most, and never the end; none when it may pass whole.
    pub(crate) fn cut_at(&self, bytes: &[u8], deltas_max: usize) -> Option<usize> {
        let (mut deltas, mut at) = (self.deltas, 0);
        for event in String::from_utf8_lossy(bytes).split_inclusive("\n\n") {
            deltas += usize::from(event.contains(DELTA));
            if deltas > deltas_max || event.contains(END) {
                return Some(at);
            }
            at += event.len();
        }
        None
    }

    /// What the model counted, if it told by now: in the last event, or in an answer that was no stream.
    pub(crate) fn tokens(&self) -> Option<Tokens> {
        let text = String::from_utf8_lossy(&self.tail);
        let usage = text.lines().rev().find_map(|line| {
            let json = line.strip_prefix("data:").unwrap_or(line).trim();
            let value: Value = serde_json::from_str(json).ok()?;
            value.get("usage").filter(|usage| usage.is_object()).cloned()
        })?;
        Some(Tokens { prompt: usage["prompt_tokens"].as_u64()?, completion: usage["completion_tokens"].as_u64()? })
    }
}
