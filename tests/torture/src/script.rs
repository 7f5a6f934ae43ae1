//! Who writes what, where, and when: the play, written before it begins.

use std::time::Duration;

use rand::Rng;

use crate::{
    dice::{Dice, dice, millis},
    speech::{Mark, Mood, Token},
};

/// One thread's part of the play.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) thread: u32,
    /// The channel; none for direct messages.
    pub(crate) channel: Option<String>,
    /// Who takes part; the first one opens the thread.
    pub(crate) people: Vec<String>,
    pub(crate) steps: Vec<Step>,
}

/// Messages that come quickly one after another, and what is done about one that was said.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) lines: Vec<Line>,
    pub(crate) deed: Option<Deed>,
    /// A command that the first of the people says then.
    pub(crate) order: Option<Order>,
    /// Whether people wait, after it, until all that was asked so far is answered.
    pub(crate) waits: bool,
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) mark: Mark,
    /// Index of its author.
    pub(crate) who: usize,
    /// How long its author takes to write it.
    pub(crate) after: Duration,
    pub(crate) mentions: bool,
}

/// What is done about a message that was said, so long after the last one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deed {
    pub(crate) token: Token,
    pub(crate) what: What,
    pub(crate) after: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Its author writes other words.
    Edits,
    /// Its author takes it away.
    Deletes,
    /// Somebody has read enough of its answer.
    Stops,
}

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// `session info`.
    Info,
    /// `clear session`.
    Clear,
}

/// What people do next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Beat {
    Say(Line),
    Do(Deed),
    Order(Order),
    /// They wait until all that was asked so far is answered.
    Wait,
}

impl Script {
    /// All of it, in order. The first is said.
    pub(crate) fn beats(&self) -> impl Iterator<Item = Beat> {
        self.steps.iter().flat_map(|step| {
            let said = step.lines.iter().copied().map(Beat::Say);
            let done = said.chain(step.deed.map(Beat::Do)).chain(step.order.map(Beat::Order));
            done.chain(step.waits.then_some(Beat::Wait))
        })
    }
}

/// Messages of one thread on average.
const MESSAGES_PER_THREAD: u32 = 20;
/// Threads that share a channel, and with it the one post a second that Slack allows there.
const THREADS_PER_CHANNEL: u32 = 3;
const BURST_MAX: u32 = 4;

/// The whole play of `messages` messages that want an answer. With `silences`, sometimes nobody says anything for long.
pub(crate) fn play(seed: u64, messages: u32, silences: bool) -> Vec<Script> {
    let threads = messages.div_ceil(MESSAGES_PER_THREAD).max(1);
    let mut left = messages;
    (1..=threads)
        .map(|thread| {
            let share = left.div_ceil(threads - thread + 1);
            left -= share;
            one(seed, thread, share, silences)
        })
        .collect()
}

fn one(seed: u64, thread: u32, messages: u32, silences: bool) -> Script {
    let orders = &mut dice(seed, &format!("orders {thread}"));
    let dice = &mut dice(seed, &format!("script {thread}"));
    let direct = dice.random_ratio(1, 4);
    let people = if direct { 1 } else { dice.random_range(1..=3) };
    let people: Vec<String> = (1..=people).map(|person| format!("person{thread}of{person}")).collect();
    let channel = (!direct).then(|| format!("#c{}", thread / THREADS_PER_CHANNEL));
    let mut writer = Writer { dice, thread, people: people.len(), silences, number: 0, plain: Vec::new() };
    let mut steps = vec![writer.opening()];
    let mut left = messages.saturating_sub(1);
    while left > 0 {
        let step = match writer.dice.random_range(0..16) {
            0 | 1 => writer.failing(),
            2 if left > 1 => writer.changing(),
            _ => writer.burst(left),
        };
        left -= u32::try_from(step.lines.iter().filter(|line| line.mark.mood != Mood::Aside).count()).unwrap_or(left);
        // A message that the model fails at must not be answered together with others.
        let alone = step.lines.iter().any(|line| line.mark.mood.fails());
        if let Some(before) = steps.last_mut() {
            before.waits |= alone;
        }
        steps.push(step);
        if writer.dice.random_ratio(1, 12) {
            let before = steps.last_mut().expect("one was pushed");
            let later = writer.later();
            before.waits |= later.is_some();
            steps.extend(later);
        }
        if let Some(order) = order(orders) {
            // What is cleared while it waits has no answer, and nobody could tell which that was.
            steps.last_mut().expect("one was pushed").waits |= order == Order::Clear;
            steps.push(Step { lines: Vec::new(), deed: None, order: Some(order), waits: true });
        }
    }
    if let Some(last) = steps.last_mut() {
        last.waits = true;
    }
    Script { thread, channel, people, steps }
}

/// A command now and then, from dice of its own.
fn order(dice: &mut Dice) -> Option<Order> {
    match dice.random_range(0..16) {
        0 => Some(Order::Info),
        1 => Some(Order::Clear),
        _ => None,
    }
}

struct Writer<'a> {
    dice: &'a mut Dice,
    thread: u32,
    people: usize,
    silences: bool,
    number: u32,
    /// Messages that something may still be done about.
    plain: Vec<Token>,
}

impl Writer<'_> {
    /// The first message. Mostly the thread goes on when it is answered; what is said sooner may arrive before it.
    fn opening(&mut self) -> Step {
        let mood = self.mood();
        let opening = Line { mentions: true, who: 0, ..self.line(mood) };
        Step { lines: vec![opening], deed: None, order: None, waits: self.dice.random_ratio(2, 3) }
    }

    fn failing(&mut self) -> Step {
        // Silence takes a minute of everybody's time, so it is rare.
        let mood = match self.dice.random_range(0..10) {
            0..5 => Mood::FailsError,
            5..8 => Mood::FailsCut,
            8 => Mood::FailsHang,
            _ => Mood::FailsSilent,
        };
        Step { lines: vec![self.line(mood)], deed: None, order: None, waits: true }
    }

    fn burst(&mut self, most: u32) -> Step {
        let length = if self.dice.random_ratio(1, 2) { 1 } else { self.dice.random_range(1..=BURST_MAX.min(most)) };
        let mut lines = Vec::new();
        for _ in 0..length {
            if self.people > 1 && self.dice.random_ratio(1, 10) {
                lines.push(self.line(Mood::Aside));
            }
            let mood = self.mood();
            let line = self.line(mood);
            self.plain.extend((mood == Mood::Plain).then_some(line.mark.token));
            lines.push(line);
        }
        // After a long silence a session may be over.
        if let Some(first) = lines.first_mut().filter(|_| self.silences && self.dice.random_ratio(1, 6)) {
            first.after = millis(self.dice, 11_000, 16_000);
        }
        Step { lines, deed: None, order: None, waits: self.dice.random_ratio(2, 3) }
    }

    /// A long moment, in which somebody stops, edits or deletes what is being answered, or edits or deletes what waits behind it.
    fn changing(&mut self) -> Step {
        let (running, waiting) = (self.line(Mood::Slow), self.line(Mood::Plain));
        let what = [What::Stops, What::Edits, What::Deletes][self.dice.random_range(0..3)];
        let about = if what == What::Stops || self.dice.random_ratio(1, 3) { running } else { waiting };
        let deed = Deed { token: about.mark.token, what, after: millis(self.dice, 0, 12_000) };
        Step { lines: vec![running, waiting], deed: Some(deed), order: None, waits: true }
    }

    /// Something is done about a message that was answered.
    fn later(&mut self) -> Option<Step> {
        let token =
            (!self.plain.is_empty()).then(|| self.plain.swap_remove(self.dice.random_range(0..self.plain.len())));
        let what = if self.dice.random_ratio(1, 2) { What::Edits } else { What::Deletes };
        let after = millis(self.dice, 0, 3_000);
        token.map(|token| Step { lines: Vec::new(), deed: Some(Deed { token, what, after }), order: None, waits: true })
    }

    fn mood(&mut self) -> Mood {
        match self.dice.random_range(0..100) {
            0..60 => Mood::Plain,
            60..70 => Mood::Long,
            70..90 => Mood::Slow,
            90..95 => Mood::StumblesError,
            _ => Mood::StumblesCut,
        }
    }

    fn line(&mut self, mood: Mood) -> Line {
        self.number += 1;
        let mark = Mark { token: Token { thread: self.thread, number: self.number }, edits: 0, mood };
        let who = self.dice.random_range(0..self.people);
        let mentions = mood != Mood::Aside && self.dice.random_ratio(1, 5);
        Line { mark, who, after: millis(self.dice, 0, 3_000), mentions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_play_with_as_many_messages_as_asked_for() {
        for messages in [1, 19, 20, 21, 500] {
            let play = play(7, messages, true);
            let lines = || play.iter().flat_map(|script| &script.steps).flat_map(|step| &step.lines);
            assert_eq!(lines().filter(|line| line.mark.mood != Mood::Aside).count(), messages as usize);
            assert_eq!(format!("{play:?}"), format!("{:?}", super::play(7, messages, true)));
        }
        assert_ne!(format!("{:?}", play(7, 20, true)), format!("{:?}", play(8, 20, true)));
    }

    #[test]
    fn what_the_model_fails_at_is_said_alone() {
        for script in play(1, 2_000, true) {
            for pair in script.steps.windows(2) {
                let fails = pair[1].lines.iter().any(|line| line.mark.mood.fails());
                assert!(!fails || (pair[0].waits && pair[1].waits && pair[1].lines.len() == 1));
            }
            assert!(script.steps.last().is_some_and(|step| step.waits));
        }
    }
}
