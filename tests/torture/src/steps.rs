//! Death at a named step between two writes or calls (`chathakase_session::fault`). Only where this program is built with the feature
//! `fault-points`.

use crate::schedule::Power;

/// Told to a process at its start: the step at which it dies.
pub(crate) const VARIABLE: &str = "FAULT_POINT";

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

/// All steps; none in a build that has none.
#[cfg(feature = "fault-points")]
pub(crate) fn all() -> Vec<&'static str> {
    use chathakase_session::fault::{BESIDE_TURNS, OF_A_TURN};
    [OF_A_TURN, BESIDE_TURNS].concat()
}

#[cfg(not(feature = "fault-points"))]
pub(crate) fn all() -> Vec<&'static str> {
    Vec::new()
}
