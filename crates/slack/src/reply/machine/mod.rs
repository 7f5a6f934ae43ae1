//! Decides what a reply does next, and does nothing: no I/O, no clock, no await.
//!
//! [`Machine::next`] says what is wanted. When the budgets grant it, [`Machine::begin`] fixes the text of the call (all that has
//! come by then), and [`Machine::done`] takes its outcome. One call is under way at a time.

mod outcome;

use std::{collections::VecDeque, time::Duration};

use chathakase_session::SlackTs;

use super::{
    Mode, ReplyLimits,
    note::behind,
    types::{Delivered, PartShown, ReplyError, part_hash},
};
use crate::{
    pacing::Ask,
    render::{Out, Renderer},
};

/// What is wanted next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing, until there is news.
    Rest,
    /// Nothing, until there is news or this moment has come.
    RestUntil(Duration),
    /// A part is to be opened.
    Open(Ask),
    /// An append; the last call was `since` ago.
    Append { since: Duration },
    /// An update on the way; the last call was `since` ago.
    UpdateOnTheWay { since: Duration },
    /// An update that has to be.
    Update,
    /// The stream has to stop.
    Stop,
    /// This part stands whole, and another follows.
    PartDone { part: u32, hash: u64 },
    /// All is over: [`Machine::take_end`] says how.
    End,
}

/// One part's text as it is rendered so far.
#[derive(Debug, Default)]
struct PartText {
    text: String,
    closed: bool,
}

/// What the thread shows of the running part.
#[derive(Debug)]
enum Place {
    Unposted,
    Open(Open),
    /// A person deleted it: what remains of its text is not posted again.
    Deleted,
}

#[derive(Debug)]
struct Open {
    ts: SlackTs,
    streaming: bool,
    /// How many bytes of the part's text are shown, if `sure`.
    shown: usize,
    /// Whether what is shown is known.
    sure: bool,
    /// The stream has to be stopped, without more text, before anything else.
    must_stop: bool,
    opened: Duration,
    last: Duration,
}

/// The call under way: how much of the part's text the message has once it succeeds.
#[derive(Debug)]
struct UnderWay {
    step: Step,
    mode: Mode,
    upto: usize,
}

#[derive(Debug)]
pub(super) struct Machine {
    limits: ReplyLimits,
    renderer: Renderer,
    anything_pushed: bool,
    /// The running part first.
    parts: VecDeque<PartText>,
    index: u32,
    place: Place,
    under_way: Option<UnderWay>,
    /// No more text will come.
    finished: bool,
    /// A person wants no more: what is not shown by now is not shown any more.
    stopped: bool,
    /// Our own sentence at the end, until the first call that may show it.
    note: Option<String>,
    rolled: bool,
    /// Slack may be asked for streams.
    streams: bool,
    tries: u32,
    not_before: Duration,
    limited_since: Option<Duration>,
    shown_parts: Vec<PartShown>,
    /// What they say, for the one case in which that is less than the answer; `None` when that is not known.
    said: Option<Vec<String>>,
    mode: Option<Mode>,
    end: Option<Result<(), ReplyError>>,
    /// Nobody acts on it any more.
    over: bool,
}

impl Machine {
    pub(super) fn new(limits: ReplyLimits) -> Self {
        Self {
            limits,
            renderer: Renderer::new(limits.part),
            anything_pushed: false,
            parts: VecDeque::new(),
            index: 0,
            place: Place::Unposted,
            under_way: None,
            finished: false,
            stopped: false,
            note: None,
            rolled: false,
            streams: true,
            tries: 0,
            not_before: Duration::ZERO,
            limited_since: None,
            shown_parts: Vec::new(),
            said: Some(Vec::new()),
            mode: None,
            end: None,
            over: false,
        }
    }

    /// Takes more of the answer. True when there was nothing to do before and now there is, or a part is complete.
    pub(super) fn push(&mut self, delta: &str) -> bool {
        if self.finished || self.stopped || self.end.is_some() {
            return false;
        }
        self.anything_pushed |= !delta.trim().is_empty();
        let had = self.pending();
        let outs = self.renderer.push(delta);
        self.take_in(outs) || !had && self.pending()
    }

    /// No more text will come but this note.
    pub(super) fn finish(&mut self, note: Option<&str>) {
        if self.finished || self.stopped {
            return;
        }
        if let Some(note) = note {
            self.note = Some(note.to_owned());
            let note = behind(&self.renderer, !self.anything_pushed, note);
            self.push(&note);
        }
        self.finished = true;
        let outs = self.renderer.finish();
        self.take_in(outs);
        if let Some(last) = self.parts.back_mut() {
            last.closed = true;
        }
    }

    /// A person wants no more of it. A call that was made is heard out; after it only a stream that still runs is ended.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    /// The note, once: from the call that begins next it may be seen.
    pub(super) fn take_note(&mut self) -> Option<String> {
        self.note.take()
    }

    /// Nothing more is to be said, not even what was pushed.
    pub(super) fn abandon(&mut self) {
        self.end.get_or_insert(Err(ReplyError::Silenced));
    }

    /// The driver has ended.
    pub(super) fn over(&mut self) {
        self.over = true;
    }

    pub(super) fn is_over(&self) -> bool {
        self.over || self.end.is_some() || self.stopped
    }

    /// How it ended. Only after [`Step::End`].
    pub(super) fn take_end(&mut self) -> Result<Delivered, ReplyError> {
        let parts = std::mem::take(&mut self.shown_parts);
        let shown = Delivered { parts, mode: self.mode.unwrap_or(Mode::SinglePost) };
        match self.end.take() {
            Some(Err(ReplyError::Stopped { .. })) => {
                Err(ReplyError::Stopped { shown, said: self.said.take().map(|said| said.join("\n")) })
            }
            Some(Err(error)) => Err(error),
            Some(Ok(())) | None => Ok(shown),
        }
    }

    /// What is wanted now.
    pub(super) fn next(&mut self, now: Duration) -> Step {
        loop {
            if self.end.is_some() {
                return Step::End;
            }
            if now < self.not_before {
                return Step::RestUntil(self.not_before);
            }
            if let Some(step) = self.wanted(now) {
                return step;
            }
        }
    }

    /// `None` when something changed and the question has to be asked again.
    fn wanted(&mut self, now: Duration) -> Option<Step> {
        if self.stopped {
            return self.wanted_of_stopped();
        }
        let Some(part) = self.parts.front() else {
            return self.rest_or_end();
        };
        let part_age = match &self.place {
            Place::Deleted if !part.closed => return Some(Step::Rest),
            Place::Unposted if part.text.trim().is_empty() && !part.closed => return Some(Step::Rest),
            Place::Unposted if part.text.trim().is_empty() => {
                self.advance();
                return None;
            }
            Place::Deleted => {
                self.advance();
                return None;
            }
            Place::Unposted => {
                return Some(Step::Open(Ask { whole: part.closed, stream: self.streams }));
            }
            Place::Open(open) if open.must_stop => return Some(Step::Stop),
            Place::Open(open) if !open.streaming => return self.wanted_of_post(now),
            Place::Open(open) => now.saturating_sub(open.opened),
        };
        if part.closed {
            return Some(Step::Stop);
        }
        let Place::Open(open) = &mut self.place else { return None };
        if part_age >= self.limits.part_time + self.limits.part_time_grace {
            open.must_stop = true;
            return Some(Step::Stop);
        }
        if part_age >= self.limits.part_time && !self.rolled {
            self.roll();
            return None;
        }
        if part.text.get(open.shown..).unwrap_or_default().trim().is_empty() {
            let grace = if self.rolled { self.limits.part_time_grace } else { Duration::ZERO };
            return Some(Step::RestUntil(open.opened + self.limits.part_time + grace));
        }
        Some(Step::Append { since: now.saturating_sub(open.last) })
    }

    /// A post, or a stream that was stopped: it is changed by updates.
    fn wanted_of_post(&mut self, now: Duration) -> Option<Step> {
        let (Place::Open(open), Some(part)) = (&self.place, self.parts.front()) else { return None };
        let whole = open.sure && open.shown == part.text.len();
        match (part.closed, whole) {
            (true, true) if self.parts.len() > 1 => {
                Some(Step::PartDone { part: self.index, hash: part_hash(&part.text) })
            }
            (true, true) => {
                self.part_done();
                None
            }
            (false, true) => Some(Step::Rest),
            (false, false) if open.sure => Some(Step::UpdateOnTheWay { since: now.saturating_sub(open.last) }),
            (_, false) => Some(Step::Update),
        }
    }

    /// Nothing but the end of a stream, if one runs: then what is shown is all.
    fn wanted_of_stopped(&mut self) -> Option<Step> {
        if let Place::Open(open) = &mut self.place
            && open.streaming
        {
            open.must_stop = true;
            return Some(Step::Stop);
        }
        let whole = self.finished && self.parts.iter().all(|part| part.text.trim().is_empty()) || self.shows_all();
        if let (Place::Open(open), Some(part)) = (&self.place, self.parts.front_mut()) {
            part.text.truncate(open.shown);
            self.said.take_if(|_| !open.sure);
            self.part_done();
        }
        // What stands there is put in at the end.
        let shown = Delivered { parts: Vec::new(), mode: Mode::Stream };
        self.end = Some(if whole { Ok(()) } else { Err(ReplyError::Stopped { shown, said: None }) });
        None
    }

    /// Whether the answer came whole before anybody stopped it.
    fn shows_all(&self) -> bool {
        let (Place::Open(open), Some(part)) = (&self.place, self.parts.front()) else { return false };
        self.finished && self.parts.len() == 1 && open.sure && open.shown == part.text.len()
    }

    /// The running part is whole, and the journal knows. Goes on to the next.
    pub(super) fn part_done(&mut self) {
        if let (Place::Open(open), Some(part)) = (&self.place, self.parts.front_mut()) {
            self.shown_parts.push(PartShown { index: self.index, ts: open.ts, hash: part_hash(&part.text) });
            let text = std::mem::take(&mut part.text);
            if let Some(said) = &mut self.said {
                said.push(text);
            }
        }
        self.advance();
    }

    fn advance(&mut self) {
        self.parts.pop_front();
        self.index += 1;
        self.place = Place::Unposted;
        self.rolled = false;
        self.tries = 0;
    }

    fn rest_or_end(&mut self) -> Option<Step> {
        if !self.finished {
            return Some(Step::Rest);
        }
        self.end = Some(Ok(()));
        None
    }

    /// The running part is to end at the next good place, unless its end is known already.
    fn roll(&mut self) {
        self.rolled = true;
        if self.parts.len() == 1 && !self.finished {
            self.renderer.roll();
        }
    }

    /// Files what the renderer gave under its parts. True when a part was completed.
    fn take_in(&mut self, outs: Vec<Out>) -> bool {
        let mut closes = false;
        for out in outs {
            match out {
                Out::NewPart => {
                    if let Some(part) = self.parts.back_mut() {
                        part.closed = true;
                    }
                    self.parts.push_back(PartText::default());
                    closes = true;
                }
                Out::Text(text) => match self.parts.back_mut() {
                    Some(part) => part.text.push_str(&text),
                    None => self.parts.push_back(PartText { text, closed: false }),
                },
            }
        }
        closes
    }

    /// Whether the running part has text that could be shown.
    fn pending(&self) -> bool {
        let Some(part) = self.parts.front() else { return false };
        match &self.place {
            Place::Unposted => !part.text.trim().is_empty(),
            Place::Open(open) => part.text.len() > open.shown,
            Place::Deleted => false,
        }
    }
}

#[cfg(test)]
mod tests;
