//! What goes wrong, and after how many messages: decided by the seed before anything begins.

use std::{fmt, time::Duration};

use rand::{Rng, seq::IndexedRandom};

use crate::dice::{Dice, dice, millis};

/// A fault and its time.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    /// It happens when so many messages were said.
    pub(crate) after: u64,
    pub(crate) fault: Fault,
}

#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Kill(Kill),
    /// A process is asked to end (SIGTERM), and started again.
    Restart {
        replica: usize,
    },
    /// A process stands still (SIGSTOP) for so long.
    Pause {
        replica: usize,
        lasts: Duration,
    },
    /// What happens next is delivered twice, so many times.
    DuplicateNext {
        times: usize,
    },
    /// An older event is sent again.
    Redeliver {
        back: usize,
        new_id: bool,
    },
    /// Events are held back, and come late, perhaps in reverse order.
    Hold {
        lasts: Duration,
        reversed: bool,
    },
    /// Slack says 429 to so many calls.
    RateLimits {
        calls: usize,
        secs: u64,
    },
    /// Slack answers with status 500.
    ServerErrors {
        calls: usize,
    },
    /// The connection ends before the deed.
    CutBefore {
        calls: usize,
    },
    /// The connection ends after the deed: its fate is unknown.
    CutAfter {
        calls: usize,
    },
    /// A call takes longer than anybody waits for it.
    Hang {
        calls: usize,
    },
    /// Connections of Socket Mode are reset.
    DropSockets,
    /// They stay open and dead.
    SilenceSockets,
    /// Slack asks to reconnect.
    Reconnect,
    /// Slack ends all running streams.
    EndStreams,
}

/// `kill -9`.
#[derive(Clone, Debug)]
pub(crate) struct Kill {
    pub(crate) replica: usize,
    pub(crate) moment: Moment,
    pub(crate) power: Power,
    /// How long until it is started again.
    pub(crate) down: Duration,
    /// How wrong the wall clock of its next life is.
    pub(crate) clock_wrong_ms: i64,
}

/// When exactly.
#[derive(Clone, Debug)]
pub(crate) enum Moment {
    Now,
    /// When the call of this number, from now on, is on its way and has not happened.
    BeforeCall(usize),
    /// When it has happened and the answer is on its way.
    AfterCall(usize),
}

/// What a kill leaves of what was written and not yet synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    /// Everything: only the process died.
    Stays,
    /// Of each file, by its place in the list, everything or nothing.
    Fails { keeps: [bool; 2] },
}

impl Fault {
    /// The line in the table.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Kill(Kill { power: Power::Fails { .. }, .. }) => "kill -9, unsynced writes forgotten",
            Self::Kill(Kill { moment: Moment::Now, .. }) => "kill -9 at random",
            Self::Kill(_) => "kill -9 at a call of Slack",
            Self::Restart { .. } => "restart (SIGTERM)",
            Self::Pause { .. } => "pause (SIGSTOP)",
            Self::DuplicateNext { .. } => "events delivered twice",
            Self::Redeliver { .. } => "old events sent again",
            Self::Hold { reversed: false, .. } => "events delayed",
            Self::Hold { reversed: true, .. } => "events delayed and reversed",
            Self::RateLimits { .. } => "429 storm",
            Self::ServerErrors { .. } => "status 500 from Slack",
            Self::CutBefore { .. } => "call cut before the deed",
            Self::CutAfter { .. } => "call cut after the deed",
            Self::Hang { .. } => "call that hangs",
            Self::DropSockets => "sockets dropped",
            Self::SilenceSockets => "sockets half open",
            Self::Reconnect => "sockets recycled",
            Self::EndStreams => "streams ended by Slack",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} messages: {:?}", self.after, self.fault)
    }
}

/// How a run is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) messages: u32,
    pub(crate) kills: u32,
    pub(crate) replicas: usize,
    pub(crate) sockets: bool,
    /// Whether the file layer can forget.
    pub(crate) forgets: bool,
    /// Nothing but kills.
    pub(crate) calm: bool,
}

/// Messages for each fault that is no kill.
const MESSAGES_PER_FAULT: u32 = 8;

pub(crate) fn schedule(seed: u64, bounds: Bounds) -> Vec<Act> {
    let dice = &mut dice(seed, "schedule");
    let mut acts: Vec<Act> = Vec::new();
    for _ in 0..bounds.kills {
        let after = dice.random_range(1..=u64::from(bounds.messages));
        acts.push(Act { after, fault: Fault::Kill(kill(dice, bounds)) });
    }
    for _ in 0..if bounds.calm { 0 } else { bounds.messages / MESSAGES_PER_FAULT } {
        let after = dice.random_range(1..=u64::from(bounds.messages));
        acts.push(Act { after, fault: trouble(dice, bounds) });
    }
    acts.sort_by_key(|act| act.after);
    acts
}

fn kill(dice: &mut Dice, bounds: Bounds) -> Kill {
    let moment = match dice.random_range(0..4) {
        0 | 1 => Moment::Now,
        2 => Moment::BeforeCall(dice.random_range(0..12)),
        _ => Moment::AfterCall(dice.random_range(0..12)),
    };
    let fails = bounds.forgets && dice.random_ratio(2, 3);
    let power =
        if fails { Power::Fails { keeps: [dice.random_ratio(1, 4), dice.random_ratio(1, 4)] } } else { Power::Stays };
    let wrong = dice.random_ratio(1, 4);
    Kill {
        replica: dice.random_range(0..bounds.replicas),
        moment,
        power,
        down: millis(dice, 0, 4_000),
        clock_wrong_ms: if wrong { dice.random_range(-120_000..=120_000) } else { 0 },
    }
}

fn trouble(dice: &mut Dice, bounds: Bounds) -> Fault {
    let sockets = [Fault::DropSockets, Fault::SilenceSockets, Fault::Reconnect];
    match dice.random_range(0..if bounds.sockets { 13 } else { 11 }) {
        // Past the lease, which lasts 30 s.
        0 => Fault::Pause { replica: dice.random_range(0..bounds.replicas), lasts: millis(dice, 1_000, 50_000) },
        1 => Fault::DuplicateNext { times: dice.random_range(1..6) },
        2 => Fault::Redeliver { back: dice.random_range(0..40), new_id: dice.random_bool(0.5) },
        3 => Fault::Hold { lasts: millis(dice, 500, 15_000), reversed: dice.random_bool(0.5) },
        4 => Fault::RateLimits { calls: dice.random_range(1..25), secs: dice.random_range(1..4) },
        5 => Fault::ServerErrors { calls: dice.random_range(1..12) },
        6 => Fault::CutBefore { calls: dice.random_range(1..8) },
        7 => Fault::CutAfter { calls: dice.random_range(1..8) },
        8 => Fault::Hang { calls: dice.random_range(1..4) },
        9 => Fault::EndStreams,
        10 => Fault::Restart { replica: dice.random_range(0..bounds.replicas) },
        _ => sockets.choose(dice).cloned().unwrap_or(Fault::Reconnect),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_schedule_with_as_many_kills_as_asked_for() {
        let bounds = Bounds { messages: 400, kills: 37, replicas: 2, sockets: true, forgets: true, calm: false };
        let acts = schedule(5, bounds);
        assert_eq!(acts.iter().filter(|act| matches!(act.fault, Fault::Kill(_))).count(), 37);
        assert!(acts.is_sorted_by_key(|act| act.after));
        assert_eq!(format!("{acts:?}"), format!("{:?}", schedule(5, bounds)));
        assert_ne!(format!("{acts:?}"), format!("{:?}", schedule(6, bounds)));
    }
}
