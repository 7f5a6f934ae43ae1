//! The checks, by topic.

pub(crate) mod leases;
pub(crate) mod receiving;
pub(crate) mod turns;
