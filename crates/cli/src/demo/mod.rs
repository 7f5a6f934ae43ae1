//! `chathakase demo`: the whole thing in a terminal.

use crate::args;

/// Runs the demo.
pub async fn run(_args: &args::Demo) -> anyhow::Result<()> {
    Ok(())
}
