//! Nets, in the world's time. Nothing that is measured waits for them.

use std::time::Duration;

/// For a process to come up, or to come to an end.
pub(crate) const START_MAX: Duration = Duration::from_secs(60);
