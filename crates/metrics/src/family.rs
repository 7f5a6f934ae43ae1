//! A metric with its series. Each series is looked up in the recorder once and then kept at hand.

use std::{
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use metrics::{Key, Level, Metadata, Unit};

use crate::{ALL, Kind, Metric};

static ON: AtomicBool = AtomicBool::new(false);
static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// Tells the installed recorder of every metric, begins those series at zero whose labels are known beforehand, and keeps
/// what is counted from now on. Call it once, after the recorder was installed.
pub fn switch_on() {
    metrics::with_recorder(|recorder| {
        for metric in ALL {
            let (name, help) = (metric.name.into(), metric.help.into());
            let unit = match metric.unit() {
                Some("seconds") => Some(Unit::Seconds),
                Some("bytes") => Some(Unit::Bytes),
                _ => None,
            };
            match metric.kind {
                Kind::Counter => recorder.describe_counter(name, unit, help),
                Kind::Gauge => recorder.describe_gauge(name, unit, help),
                Kind::Histogram(_) => recorder.describe_histogram(name, unit, help),
            }
            // A rate needs a zero to begin from. Histograms and gauges would only be noise without a value.
            if metric.kind == Kind::Counter {
                for values in combinations(metric) {
                    drop(recorder.register_counter(&key(metric, &values), &METADATA));
                }
            }
        }
    });
    ON.store(true, Relaxed);
}

/// Every combination of the values of a metric's labels; none when a label's values are not known beforehand.
fn combinations(metric: &Metric) -> Vec<Vec<&'static str>> {
    metric.labels.iter().fold(vec![Vec::new()], |before, label| {
        let with = |value: &&'static str| before.iter().map(|values| [values.as_slice(), &[*value]].concat()).collect();
        label.values.iter().map(with).collect::<Vec<Vec<_>>>().concat()
    })
}

fn key(metric: &Metric, values: &[&'static str]) -> Key {
    let labels = metric.labels.iter().zip(values);
    let labels: Vec<metrics::Label> =
        labels.map(|(l, value)| metrics::Label::from_static_parts(l.name, value)).collect();
    Key::from_parts(metric.name, labels)
}

/// The series of one metric that were used so far. There are few: looking through them is quicker than hashing.
struct Series<const N: usize, H>(RwLock<Vec<([&'static str; N], H)>>);

impl<const N: usize, H> Series<N, H> {
    fn with(&self, metric: &Metric, values: [&'static str; N], register: impl FnOnce(&Key) -> H, act: impl Fn(&H)) {
        if !ON.load(Relaxed) {
            return;
        }
        let find = |known: &[([&str; N], H)]| known.iter().find(|(of, _)| *of == values).map(|(_, handle)| act(handle));
        if find(&self.0.read().unwrap_or_else(PoisonError::into_inner)).is_some() {
            return;
        }
        debug_assert!(is_listed(metric, &values), "{}: {values:?} is not in the list", metric.name);
        let handle = register(&key(metric, &values));
        act(&handle);
        self.0.write().unwrap_or_else(PoisonError::into_inner).push((values, handle));
    }
}

fn is_listed(metric: &Metric, values: &[&'static str]) -> bool {
    metric.labels.iter().zip(values).all(|(label, value)| label.values.is_empty() || label.values.contains(value))
}

macro_rules! family {
    ($(#[$doc:meta])* $name:ident, $handle:ty, $register:ident, $kind:expr $(, $argument:ident: $type:ty)?) => {
        $(#[$doc])*
        pub struct $name<const N: usize> {
            /// Its line in the list.
            pub metric: Metric,
            series: Series<N, $handle>,
        }

        impl<const N: usize> $name<N> {
            pub(crate) const fn new(
                name: &'static str,
                labels: &'static [crate::Label; N],
                $($argument: $type,)?
                help: &'static str,
            ) -> Self {
                let metric = Metric { name, kind: $kind, labels, help };
                Self { metric, series: Series(RwLock::new(Vec::new())) }
            }

            fn with(&self, values: [&'static str; N], act: impl Fn(&$handle)) {
                let register = |key: &Key| metrics::with_recorder(|recorder| recorder.$register(key, &METADATA));
                self.series.with(&self.metric, values, register, act);
            }
        }
    };
}

family! {
    /// A count that only grows.
    Counter, metrics::Counter, register_counter, Kind::Counter
}
family! {
    /// A value that goes up and down.
    Gauge, metrics::Gauge, register_gauge, Kind::Gauge
}
family! {
    /// Counts times by their length.
    Histogram, metrics::Histogram, register_histogram, Kind::Histogram(bounds), bounds: &'static [f64]
}

impl<const N: usize> Counter<N> {
    /// One more.
    pub fn count(&self, labels: [&'static str; N]) {
        self.add(1, labels);
    }
    /// So many more.
    pub fn add(&self, more: u64, labels: [&'static str; N]) {
        self.with(labels, |counter| counter.increment(more));
    }
    /// The whole count, as somebody else keeps it.
    pub fn is(&self, count: u64, labels: [&'static str; N]) {
        self.with(labels, |counter| counter.absolute(count));
    }
}

impl<const N: usize> Gauge<N> {
    /// The value now.
    #[expect(clippy::cast_precision_loss, reason = "nothing here comes near 2^53")]
    pub fn is(&self, value: u64, labels: [&'static str; N]) {
        self.with(labels, |gauge| gauge.set(value as f64));
    }
}

impl<const N: usize> Histogram<N> {
    /// Something took so long.
    pub fn took(&self, time: Duration, labels: [&'static str; N]) {
        self.with(labels, |histogram| histogram.record(time.as_secs_f64()));
    }
}
