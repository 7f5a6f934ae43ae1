//! Log lines: for people at a terminal, else as JSON.

use std::{
    io::IsTerminal,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use tracing::{Level, Metadata};
use tracing_subscriber::{EnvFilter, filter::filter_fn, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::LogFormat;

/// Whether log lines are JSON.
static JSON: AtomicBool = AtomicBool::new(false);

/// Whether an error is to be told as a line of JSON: whoever reads the log line by line reads nothing else.
pub fn is_json() -> bool {
    JSON.load(Relaxed) && tracing::enabled!(Level::ERROR)
}

/// Sends log lines to standard error from now on. `RUST_LOG` wins over `level`.
pub fn start(level: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(filter) if !filter.is_empty() => filter,
        _ => level.to_owned(),
    };
    if let Some(word) = no_level(&filter) {
        anyhow::bail!(
            "`log.level` (or RUST_LOG): `{word}` is no level; use `error`, `warn`, `info`, `debug`, `trace`, `off`, or a filter such as `info,chathakase_slack=debug`"
        );
    }
    let filter = EnvFilter::try_new(&filter)
        .map_err(|cause| anyhow::anyhow!("`log.level` (or RUST_LOG) must be a level such as `info`, or a filter such as `info,chathakase_slack=debug`: {cause}"))?;
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let logs = tracing_subscriber::registry().with(filter).with(filter_fn(is_ours_or_harmless));
    JSON.store(json, Relaxed);
    if json {
        logs.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).init();
    } else {
        logs.with(fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr)).init();
    }
    Ok(())
}

/// The first word of a filter that stands alone and is no level. The filter would take it for the name of a part of the
/// program and then show nothing at all: a slip of the pen must not silence the log.
fn no_level(filter: &str) -> Option<&str> {
    const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
    let alone = filter.split(',').map(str::trim).filter(|word| !word.is_empty() && !word.contains(['=', '[']));
    alone.into_iter().find(|word| !LEVELS.contains(&word.to_lowercase().as_str()) && !word.starts_with("chathakase"))
}

/// Below `info`, libraries write down what they carry: WebSocket frames, headers, with people's words and our tokens in them. Only our own
/// crates are known to keep quiet about those, so nobody else's are logged, whatever the filter says.
fn is_ours_or_harmless(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::INFO || line.target().starts_with("chathakase")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_found() {
        for good in ["info", "INFO,chathakase_slack=debug", "off", "chathakase_bot", "warn, hyper=off", ""] {
            assert_eq!(no_level(good), None, "{good:?}");
        }
        assert_eq!(no_level("inof"), Some("inof"));
        assert_eq!(no_level("info,verbose"), Some("verbose"));
    }
}
