//! The checks, by topic.

pub(crate) mod changing;
pub(crate) mod editing;
pub(crate) mod ending;
pub(crate) mod leases;
pub(crate) mod looking;
pub(crate) mod processes;
pub(crate) mod receiving;
pub(crate) mod refusing;
pub(crate) mod turns;
