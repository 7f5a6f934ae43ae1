//! The recorder, and its page.

use std::{sync::LazyLock, time::Duration};

use chathakase_metrics::{self as metrics, ALL, BUILD_INFO, Kind};
use chathakase_session::{chain, time::SharedClock};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// How often samples are put into their buckets. Without that they would pile up from one request for the page to the next.
const TIDY_EVERY: Duration = Duration::from_secs(12);

/// One for the process, as the recorder is.
static PAGE: LazyLock<Option<PrometheusHandle>> = LazyLock::new(|| match recorder() {
    Ok(page) => {
        metrics::switch_on();
        BUILD_INFO.is(1, [env!("CARGO_PKG_VERSION")]);
        Some(page)
    }
    Err(error) => {
        tracing::error!(error = %chain(&error), "there will be no metrics");
        None
    }
});

/// Counts from now on. To be called before anything that is counted begins; again, it does nothing.
pub fn begin() {
    LazyLock::force(&PAGE);
}

/// The page as Prometheus reads it; `None` when there is no recorder.
pub(super) fn page() -> Option<String> {
    PAGE.as_ref().map(PrometheusHandle::render)
}

/// Keeps the recorder tidy for as long as it is polled.
pub(crate) async fn tidy(clock: SharedClock) {
    loop {
        clock.sleep(TIDY_EVERY).await;
        if let Some(page) = &*PAGE {
            page.run_upkeep();
        }
    }
}

fn recorder() -> Result<PrometheusHandle, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in ALL {
        if let Kind::Histogram(bounds) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)?;
        }
    }
    builder.install_recorder()
}
