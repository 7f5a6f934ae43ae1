//! `chathakase store copy`: moves everything from one store into another, for whoever goes from one machine to several or back.

use std::io::{IsTerminal, Write};

use anyhow::Context;
use chathakase_store::{Doing, Progress, RedactedUrl, Same};
use serde::Serialize;

use crate::{
    args::{self, StoreAsk},
    config::Config,
};

/// Cells of the bar.
const BAR: u64 = 30;

/// Does what was asked.
pub async fn run(args: &args::Store) -> anyhow::Result<()> {
    let StoreAsk::Copy { from, to, json } = &args.ask;
    let configured = || anyhow::Ok(Config::load_here(args.config.as_deref(), &[])?.store_url);
    let from = from.clone().map_or_else(configured, Ok)?;
    let to = to.clone().map_or_else(configured, Ok)?;
    let (source, target, mut bar) = (from.clone(), to.clone(), Bar::default());
    // It blocks, and stores in PostgreSQL bring a runtime of their own.
    let work = move || {
        let copied = chathakase_store::copy(&source, &target, |progress| bar.shows(progress));
        bar.ends();
        copied
    };
    let tables = tokio::task::spawn_blocking(work).await.context("the copy was broken off; do the same again")??;
    let (from, to) = (RedactedUrl::new(&from), RedactedUrl::new(&to));
    say(&if *json { as_json(&from, &to, &tables)? } else { in_words(&from, &to, &tables) })
}

fn in_words(from: &RedactedUrl, to: &RedactedUrl, tables: &[Same]) -> String {
    let line =
        |same: &Same| format!("{:<10} {:>12} rows  {:016x}  the same in both", same.table, same.rows, same.checksum);
    let mut lines: Vec<String> = tables.iter().map(line).collect();
    lines.push(format!(
        "{to} holds all that {from} holds. Start `chathakase serve` with the new address, and with it alone. Then delete \
         {from}: nothing expires there any more."
    ));
    lines.join("\n")
}

fn as_json(from: &RedactedUrl, to: &RedactedUrl, tables: &[Same]) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Line {
        table: &'static str,
        rows: u64,
        checksum: String,
    }
    let line = |same: &Same| Line { table: same.table, rows: same.rows, checksum: format!("{:016x}", same.checksum) };
    let tables: Vec<Line> = tables.iter().map(line).collect();
    serde_json::to_string_pretty(&serde_json::json!({"from": from.to_string(), "to": to.to_string(), "tables": tables}))
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

/// Shows how far it is: on a terminal one line that moves, else a line for each table.
#[derive(Default)]
struct Bar {
    shown: String,
}

impl Bar {
    fn shows(&mut self, progress: Progress) {
        let moves = std::io::stderr().is_terminal();
        let line = if moves { drawn(progress) } else { plain(progress) };
        if line != self.shown {
            let ends = if moves { ["\r\x1b[K", ""] } else { ["", "\n"] };
            // Who does not want to see it does not stop it.
            let _ = write!(std::io::stderr(), "{}{line}{}", ends[0], ends[1]);
            self.shown = line;
        }
    }
    fn ends(&mut self) {
        if !self.shown.is_empty() && std::io::stderr().is_terminal() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn plain(progress: Progress) -> String {
    match progress.doing {
        Doing::Copying => format!("copying {}", progress.table),
        Doing::Comparing => format!("comparing {}", progress.table),
        Doing::Anew => "the source has changed since the copy was cut: beginning anew".to_owned(),
    }
}

fn drawn(progress: Progress) -> String {
    let Progress { done, total, .. } = progress;
    let share = |of: u64| (done.min(total) * of).checked_div(total).unwrap_or(of);
    let full = usize::try_from(share(BAR)).unwrap_or_default();
    let bar = format!("{}{}", "#".repeat(full), "-".repeat(BAR as usize - full));
    format!("[{bar}] {:>3} %  {done} of {total} rows  {}", share(100), plain(progress))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_how_far_it_is() {
        let at = |done| drawn(Progress { doing: Doing::Copying, table: "message", done, total: 300 });
        assert_eq!(at(0), "[------------------------------]   0 %  0 of 300 rows  copying message");
        assert_eq!(at(151), "[###############---------------]  50 %  151 of 300 rows  copying message");
        assert_eq!(at(300), "[##############################] 100 %  300 of 300 rows  copying message");
        let nothing = Progress { doing: Doing::Comparing, table: "part", done: 0, total: 0 };
        assert!(drawn(nothing).contains("100 %") && drawn(nothing).ends_with("comparing part"));
    }
}
