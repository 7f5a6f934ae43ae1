//! From a wish to a call, and from its outcome to what is known of the thread.

use std::time::Duration;

use chathakase_session::SlackTs;

use super::{Machine, Open, PartText, Place, Step, UnderWay};
use crate::{
    api::ApiError,
    pacing::Mode,
    reply::{
        speaker::Call,
        trouble::{Failure, Trouble, try_pause},
        types::ReplyError,
    },
};

/// A part that Slack calls too long is halved, but not below this many bytes.
const SPLIT_BYTES_LEAST: usize = 64;

impl Machine {
    /// The call that fulfils `step`, with all the text that has come by now. `None` when it is not wanted any more.
    pub(in crate::reply) fn begin(&mut self, step: Step, mode: Mode) -> Option<Call> {
        if self.end.is_some() {
            return None;
        }
        let (part, text) = (self.index, &self.parts.front()?.text);
        let (call, upto) = match (&self.place, step) {
            (Place::Unposted, Step::Open(_)) => (Call::Open { part, mode, text: text.clone() }, text.len()),
            (Place::Open(open), Step::Append { .. }) => {
                (Call::Append { ts: open.ts, text: text.get(open.shown..)?.to_owned() }, text.len())
            }
            (Place::Open(open), Step::Stop) if open.must_stop => {
                (Call::Stop { part, ts: open.ts, text: None }, open.shown)
            }
            (Place::Open(open), Step::Stop) => {
                let rest = text.get(open.shown..)?;
                let rest = (!rest.is_empty()).then(|| rest.to_owned());
                (Call::Stop { part, ts: open.ts, text: rest }, text.len())
            }
            (Place::Open(open), Step::Update | Step::UpdateOnTheWay { .. }) => {
                (Call::Update { part, ts: open.ts, text: text.clone() }, text.len())
            }
            _ => return None,
        };
        self.under_way = Some(UnderWay { step, mode, upto });
        Some(call)
    }

    /// Takes back the call under way, which is not made yet, if a person stopped the answer meanwhile. True when it did.
    pub(in crate::reply) fn withdraw_stopped(&mut self) -> bool {
        let opens = |call: &mut UnderWay| matches!(call.step, Step::Open(_));
        self.stopped && self.under_way.take_if(opens).is_some()
    }

    /// What came of the call under way.
    pub(in crate::reply) fn done(&mut self, outcome: Result<Option<SlackTs>, Failure>, now: Duration) {
        let Some(call) = self.under_way.take() else { return };
        match outcome {
            Ok(ts) => {
                self.tries = 0;
                self.limited_since = None;
                self.succeeded(&call, ts, now);
            }
            Err(failure) => self.failed(&call, failure, now),
        }
    }

    fn succeeded(&mut self, call: &UnderWay, ts: Option<SlackTs>, now: Duration) {
        match (&mut self.place, call.step, ts) {
            (_, Step::Open(_), Some(ts)) => {
                self.mode.get_or_insert(call.mode);
                let streaming = call.mode == Mode::Stream;
                let open =
                    Open { ts, streaming, shown: call.upto, sure: true, must_stop: false, opened: now, last: now };
                self.place = Place::Open(open);
            }
            (Place::Open(open), Step::Stop, _) => {
                open.streaming = false;
                open.must_stop = false;
                open.shown = call.upto;
                open.last = now;
            }
            (Place::Open(open), _, _) => {
                open.shown = call.upto;
                open.sure = true;
                open.last = now;
            }
            _ => {}
        }
    }

    fn failed(&mut self, call: &UnderWay, failure: Failure, now: Duration) {
        let Failure { trouble, error } = failure;
        let Some(error) = error.filter(|_| trouble != Trouble::Silenced) else {
            self.end = Some(Err(ReplyError::Silenced));
            return;
        };
        let opening = matches!(call.step, Step::Open(_));
        match trouble {
            Trouble::Silenced => {}
            _ if error.is_token_fatal() => self.end = Some(Err(ReplyError::Slack(error))),
            _ if self.only_closes(call) => self.not_closed(trouble, now),
            Trouble::Limited(wait) => self.limited(wait, error, now),
            Trouble::Unknown if opening => {
                self.end = Some(Err(ReplyError::Unknown { part: self.index, cause: error }));
            }
            Trouble::Transient => self.try_again(error, now),
            Trouble::NoStreams(_) => self.streams = false,
            Trouble::StoppedByUser => self.stop(),
            Trouble::TooLong => self.too_long(call, error),
            Trouble::Deleted if !opening => self.place = Place::Deleted,
            Trouble::Frozen if !opening => self.go_on_elsewhere(),
            Trouble::CannotPost => {
                let code = error.code().unwrap_or_default().to_owned();
                self.end = Some(Err(ReplyError::CannotPost { code }));
            }
            Trouble::StillStreaming => {
                self.mend(true);
                self.try_again(error, now);
            }
            Trouble::StreamOver => {
                self.mend(false);
                self.roll();
            }
            Trouble::Unknown | Trouble::Refused | Trouble::Deleted | Trouble::Frozen => match call.step {
                // Not repeated: it may stand there already. Once the stream is stopped, the whole part is written.
                Step::Append { .. } => self.mend(true),
                Step::Stop => self.mend(false),
                _ if trouble == Trouble::Unknown => {
                    self.mend(false);
                    self.try_again(error, now);
                }
                _ => self.end = Some(Err(ReplyError::Slack(error))),
            },
        }
    }

    /// What the part shows is not known any more: the whole of it is to be written, after a stop if it may still stream.
    fn mend(&mut self, stop_first: bool) {
        if let Place::Open(open) = &mut self.place {
            open.sure = false;
            open.must_stop = stop_first;
            open.streaming = stop_first;
        }
    }

    /// Whether the call ends the stream of a stopped answer, and adds nothing to it.
    fn only_closes(&self, call: &UnderWay) -> bool {
        let adds_nothing = |open: &Open| matches!(call.step, Step::Stop) && open.shown == call.upto;
        self.stopped && matches!(&self.place, Place::Open(open) if adds_nothing(open))
    }

    /// Tries that call again for as long as any. Then the stream is left to Slack, which has ended it already if Stop was pressed, and
    /// ends every one after some minutes: what stands there is known as before.
    fn not_closed(&mut self, trouble: Trouble, now: Duration) {
        match (trouble, try_pause(self.tries)) {
            (Trouble::Limited(wait), _) if self.may_wait(wait, now) => {}
            (Trouble::Transient | Trouble::Unknown, Some(pause)) => {
                self.tries += 1;
                self.not_before = now + pause;
            }
            (Trouble::Deleted, _) => self.place = Place::Deleted,
            _ => {
                if let Place::Open(open) = &mut self.place {
                    open.streaming = false;
                }
            }
        }
    }

    /// A passing failure: again, after a pause that doubles, a few times.
    fn try_again(&mut self, error: ApiError, now: Duration) {
        match try_pause(self.tries) {
            Some(pause) => {
                self.tries += 1;
                self.not_before = now + pause;
            }
            None => self.end = Some(Err(ReplyError::Slack(error))),
        }
    }

    /// The budgets know of it and will hold the next call back; here it is only counted how long that goes on.
    fn limited(&mut self, wait: Duration, error: ApiError, now: Duration) {
        if !self.may_wait(wait, now) {
            self.end = Some(Err(ReplyError::Slack(error)));
        }
    }

    fn may_wait(&mut self, wait: Duration, now: Duration) -> bool {
        let since = *self.limited_since.get_or_insert(now);
        now.saturating_sub(since) + wait <= self.limits.rate_limit_patience
    }

    /// Slack's limit is lower than ours. A stream is stopped and its part written by an update, which takes more; a text
    /// that is too long for that goes on in a part of its own.
    fn too_long(&mut self, call: &UnderWay, error: ApiError) {
        self.roll();
        if matches!(call.step, Step::Append { .. } | Step::Stop) {
            return self.mend(true);
        }
        let shown = if let Place::Open(open) = &self.place { open.shown } else { 0 };
        let Some(part) = self.parts.front() else { return };
        let at = if shown > 0 && shown < part.text.len() { shown } else { half(&part.text) };
        if part.text.len() < SPLIT_BYTES_LEAST {
            self.end = Some(Err(ReplyError::Slack(error)));
        } else {
            self.split(at);
        }
    }

    /// The message can be changed no more: what it does not show yet goes into a new one.
    fn go_on_elsewhere(&mut self) {
        let Place::Open(open) = &mut self.place else { return };
        self.said.take_if(|_| !open.sure);
        open.sure = true;
        open.streaming = false;
        open.must_stop = false;
        let at = open.shown;
        self.roll();
        self.split(at);
    }

    /// The running part ends at `at`; the rest of its text is the next one's.
    fn split(&mut self, at: usize) {
        let Some(part) = self.parts.front_mut() else { return };
        if at > part.text.len() || !part.text.is_char_boundary(at) {
            return;
        }
        let rest = PartText { text: part.text.split_off(at), closed: part.closed };
        part.closed = true;
        self.parts.insert(1, rest);
    }
}

/// About the middle of a text: behind a line end if there is one near, else between two characters.
fn half(text: &str) -> usize {
    let middle = text.floor_char_boundary(text.len() / 2);
    let quarter = text.floor_char_boundary(text.len() / 4);
    text[quarter..middle].rfind('\n').map_or(middle, |at| quarter + at + 1)
}
