//! Death at a named step between two writes or calls (`chathakase_session::fault`): told to a process by its standard input, a line
//! with the step's name. Only where this program is built with the feature `fault-points`.

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

/// Dies at the step that is named, when it comes there.
#[cfg(feature = "fault-points")]
pub(crate) fn obey() {
    // A thread of its own: who waits for standard input keeps a runtime from its end.
    std::thread::spawn(|| {
        std::io::stdin().lines().map_while(Result::ok).for_each(|step| chathakase_session::fault::plan(&step))
    });
}

#[cfg(not(feature = "fault-points"))]
pub(crate) fn obey() {}
