//! Log lines: for people at a terminal, else as JSON.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::{EnvFilter, filter::filter_fn, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::LogFormat;

/// Sends log lines to standard error from now on. `RUST_LOG` wins over `level`.
pub fn start(level: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(filter) if !filter.is_empty() => filter,
        _ => level.to_owned(),
    };
    let filter = EnvFilter::try_new(&filter)
        .map_err(|cause| anyhow::anyhow!("`log.level` (or RUST_LOG) must be a level such as `info`, or a filter such as `info,chathakase_slack=debug`: {cause}"))?;
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let logs = tracing_subscriber::registry().with(filter).with(filter_fn(is_ours_or_harmless));
    if json {
        logs.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).init();
    } else {
        logs.with(fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr)).init();
    }
    Ok(())
}

/// Below `info`, libraries write down what they carry: WebSocket frames, headers, with people's words and our tokens in them. Only our own
/// crates are known to keep quiet about those, so nobody else's are logged, whatever the filter says.
fn is_ours_or_harmless(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::INFO || line.target().starts_with("chathakase")
}
