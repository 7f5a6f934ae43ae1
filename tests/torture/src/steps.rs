//! Death at a named step between two writes or calls (`chathakase_session::fault`). Only where this program is built with the feature
//! `fault-points`.

/// Told to a process at its start: the step at which it dies.
pub(crate) const VARIABLE: &str = "FAULT_POINT";

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
