//! What is counted and measured, in one list: [`ALL`].
//!
//! Who does the work adds to a metric by its name ([`SLACK_CALLS`], [`TURNS`], …). Nothing is kept until a recorder is installed
//! and [`switch_on`] was called, so that a program without a page of metrics pays nothing for them.
//!
//! A label's value is a `&'static str`: no person, channel or text can become one, and the number of series is bounded by this
//! program's own text.
//!
//! [`Lately`] keeps how the last calls to somebody else went, for whoever asks whether we are ready.

mod family;
mod label;
mod lately;
mod list;
mod table;

pub use family::{Counter, Gauge, Histogram, switch_on};
pub use label::label;
pub use lately::{Failure, Lately, Report};
pub use list::*;
pub use table::markdown_table;

/// What a metric is, to Prometheus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size; these are the upper bounds, in the metric's unit.
    Histogram(&'static [f64]),
}

impl Kind {
    /// Prometheus' word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// What a series is told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// All values it can have. Empty where the code that counts names them: methods of Slack, steps of the store, the one
    /// configured model, the version.
    pub values: &'static [&'static str],
}

/// One line of the list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// As Prometheus shows it; its end says the unit.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What its series are told apart by.
    pub labels: &'static [Label],
    /// What it says.
    pub help: &'static str,
}

impl Metric {
    /// The unit of its values; `None` where they are only counted.
    pub fn unit(&self) -> Option<&'static str> {
        let name = self.name.strip_suffix("_total").unwrap_or(self.name);
        ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(unit))
    }
}
