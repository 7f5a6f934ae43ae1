//! What goes wrong, and after how many messages: decided by the seed before anything begins.

use std::{fmt, time::Duration};

use rand::Rng;

use crate::{
    dice::{Dice, dice, millis},
    stage::CLOCK_WRONG_MS,
    steps, store,
};

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
        moment: Moment,
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
    /// What a call posts comes to stand after so long, when nobody waits for it any more.
    Late {
        method: &'static str,
        lasts: Duration,
    },
    /// Connections of Socket Mode are reset.
    DropSockets,
    /// They stay open and dead.
    SilenceSockets,
    /// Slack asks to reconnect.
    Reconnect,
    /// Slack ends all running streams.
    EndStreams,
    /// The database ends all its connections.
    EndConnections,
    /// The wire to the database is cut: nobody knows how far what was on its way has come.
    CutDatabase,
    /// Nobody reaches the database for so long.
    NoDatabase {
        lasts: Duration,
    },
}

/// `kill -9`.
#[derive(Clone, Debug)]
pub(crate) struct Kill {
    pub(crate) replica: usize,
    pub(crate) moment: Moment,
    pub(crate) power: Power,
    /// How long until it is started again.
    pub(crate) down: Duration,
    /// How wrong the wall clock of its next life is, until somebody sets it right.
    pub(crate) clock_wrong_ms: i64,
    /// How that life is to end, if it comes there.
    pub(crate) next: Option<Death>,
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

/// How a process is to die, if it comes there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Death {
    pub(crate) step: &'static str,
    pub(crate) power: Power,
}

impl Death {
    /// The line in the table.
    pub(crate) fn kind(self) -> &'static str {
        match self.power {
            Power::Stays => "death at a step",
            Power::Fails { .. } => "death at a step, writes forgotten",
        }
    }
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
            Self::Late { .. } => "post that comes late",
            Self::DropSockets => "sockets dropped",
            Self::SilenceSockets => "sockets half open",
            Self::Reconnect => "sockets recycled",
            Self::EndStreams => "streams ended by Slack",
            Self::EndConnections => "connections ended by the database",
            Self::CutDatabase => "wire to the database cut",
            Self::NoDatabase { .. } => "database out of reach",
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
    pub(crate) pauses: u32,
    pub(crate) replicas: usize,
    pub(crate) sockets: bool,
    pub(crate) store: store::Kind,
    /// Nothing but kills, pauses and reversals.
    pub(crate) calm: bool,
    /// Events that come late and in the wrong order, besides what goes wrong anyway.
    pub(crate) reversals: u32,
}

/// How long a lease lasts: the assistant's default.
const LEASE_MS: u64 = 30_000;
/// How long the assistant waits for an answer of Slack.
const GIVEN_UP_MS: u64 = 8_000;
/// What comes even later, after a death, is nobody's promise: the second look at a thread is over then.
const LATE_MAX_MS: u64 = 12_000;
/// Messages for each fault that is no kill.
const MESSAGES_PER_FAULT: u32 = 8;

pub(crate) fn schedule(seed: u64, bounds: Bounds) -> Vec<Act> {
    // Dice of its own: a build without steps plays the same otherwise.
    let (dice, step_dice) = (&mut dice(seed, "schedule"), &mut dice(seed, "steps"));
    let mut acts: Vec<Act> = Vec::new();
    for _ in 0..bounds.kills {
        let after = dice.random_range(1..=u64::from(bounds.messages));
        let kill = Kill { next: death(step_dice, bounds), ..kill(dice, bounds) };
        acts.push(Act { after, fault: Fault::Kill(kill) });
    }
    for _ in 0..bounds.pauses {
        let after = dice.random_range(1..=u64::from(bounds.messages));
        acts.push(Act { after, fault: pause(dice, bounds, LEASE_MS + 2_000) });
    }
    for _ in 0..bounds.reversals {
        let after = dice.random_range(1..=u64::from(bounds.messages));
        acts.push(Act { after, fault: Fault::Hold { lasts: millis(dice, 5_000, 15_000), reversed: true } });
    }
    for _ in 0..if bounds.calm { 0 } else { bounds.messages / MESSAGES_PER_FAULT } {
        let after = dice.random_range(1..=u64::from(bounds.messages));
        acts.push(Act { after, fault: trouble(dice, bounds) });
    }
    acts.sort_by_key(|act| act.after);
    acts
}

fn kill(dice: &mut Dice, bounds: Bounds) -> Kill {
    let (moment, power) = (moment(dice), power(dice, bounds));
    let wrong = dice.random_ratio(1, 4);
    Kill {
        replica: dice.random_range(0..bounds.replicas),
        moment,
        power,
        // Sometimes so long that the others take over what it did.
        down: if bounds.replicas > 1 && dice.random_ratio(1, 4) {
            millis(dice, 20_000, 60_000)
        } else {
            millis(dice, 0, 4_000)
        },
        clock_wrong_ms: if wrong { dice.random_range(-CLOCK_WRONG_MS..=CLOCK_WRONG_MS) } else { 0 },
        next: None,
    }
}

/// The death of every other life that follows on a kill.
fn death(dice: &mut Dice, bounds: Bounds) -> Option<Death> {
    let steps = steps::all();
    if steps.is_empty() || dice.random_bool(0.5) {
        return None;
    }
    Some(Death { step: steps[dice.random_range(0..steps.len())], power: power(dice, bounds) })
}

fn power(dice: &mut Dice, bounds: Bounds) -> Power {
    let fails = bounds.store == store::Kind::Sqlite && dice.random_ratio(2, 3);
    if fails { Power::Fails { keeps: [dice.random_ratio(1, 4), dice.random_ratio(1, 4)] } } else { Power::Stays }
}

fn moment(dice: &mut Dice) -> Moment {
    match dice.random_range(0..4) {
        0 | 1 => Moment::Now,
        2 => Moment::BeforeCall(dice.random_range(0..12)),
        _ => Moment::AfterCall(dice.random_range(0..12)),
    }
}

/// A pause of so many milliseconds at least, and at most long past the lease.
fn pause(dice: &mut Dice, bounds: Bounds, least: u64) -> Fault {
    let replica = dice.random_range(0..bounds.replicas);
    Fault::Pause { replica, moment: moment(dice), lasts: millis(dice, least, LEASE_MS + 20_000) }
}

fn trouble(dice: &mut Dice, bounds: Bounds) -> Fault {
    // Slack's sockets and the database take as many turns as others, where there are any.
    let sockets = if bounds.sockets { 2 } else { 0 };
    let database = if bounds.store.is_shared() { 3 } else { 0 };
    match dice.random_range(0..12 + sockets + database) {
        0 => pause(dice, bounds, 1_000),
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
        11 => {
            let method = if dice.random_bool(0.5) { "chat.startStream" } else { "chat.postMessage" };
            Fault::Late { method, lasts: millis(dice, GIVEN_UP_MS + 500, LATE_MAX_MS - 1_000) }
        }
        n if n < 12 + sockets => match dice.random_range(0..3) {
            0 => Fault::DropSockets,
            1 => Fault::SilenceSockets,
            _ => Fault::Reconnect,
        },
        _ => match dice.random_range(0..5) {
            0 | 1 => Fault::EndConnections,
            2 | 3 => Fault::CutDatabase,
            _ => Fault::NoDatabase { lasts: millis(dice, 500, 40_000) },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_schedule_with_as_many_kills_as_asked_for() {
        let store = store::Kind::Postgres;
        let bounds = Bounds {
            messages: 400,
            kills: 37,
            pauses: 3,
            reversals: 2,
            replicas: 2,
            sockets: true,
            store,
            calm: false,
        };
        let acts = schedule(5, bounds);
        assert_eq!(acts.iter().filter(|act| matches!(act.fault, Fault::Kill(_))).count(), 37);
        assert!(acts.is_sorted_by_key(|act| act.after));
        assert_eq!(format!("{acts:?}"), format!("{:?}", schedule(5, bounds)));
        assert_ne!(format!("{acts:?}"), format!("{:?}", schedule(6, bounds)));
    }
}
