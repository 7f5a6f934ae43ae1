//! Numbered migrations, only ever added. Each is applied once and known by its checksum; one process at a time applies them.

use chathakase_session::store::Result;

use super::{address::Address, cells::unavailable, link::Link, param::params};
use crate::{OpenError, checksum::checksum};

/// All migrations, the first has number 1.
const ALL: &[&str] = &[
    include_str!("migrations/0001_sessions.sql"),
    include_str!("migrations/0002_suspects.sql"),
    include_str!("migrations/0003_lookups.sql"),
    include_str!("migrations/0004_passed.sql"),
    include_str!("migrations/0005_copying.sql"),
    include_str!("migrations/0006_processes.sql"),
    include_str!("migrations/0007_repeated.sql"),
    include_str!("migrations/0008_refused.sql"),
    include_str!("migrations/0009_refused_context.sql"),
    include_str!("migrations/0010_looked.sql"),
];

/// The schema that this build writes.
pub const SCHEMA: u32 = ALL.len() as u32;

/// The oldest PostgreSQL that can be asked what became of a transaction, in its own way of numbering.
const POSTGRES_MIN: i32 = 130_000;

/// Makes the tables where there are none, and brings those of an earlier build up to date if it `upgrades`.
pub(super) fn run(link: &Link, address: &Address, upgrades: bool) -> std::result::Result<(), OpenError> {
    let refused = |cause| OpenError::postgres(&address.shown, cause);
    let version = setting(link, "server_version_num").map_err(refused)?.parse().unwrap_or(0);
    if version < POSTGRES_MIN {
        return Err(OpenError::OldPostgres { found: version / 10_000 });
    }
    if setting(link, "fsync").map_err(refused)? == "off" {
        tracing::warn!("the database runs with fsync = off: a crash of its machine loses what was acknowledged");
    }
    let applied = applied(link).map_err(refused)?;
    check(&applied, address)?;
    match applied.len() {
        found @ 1.. if found < ALL.len() && !upgrades => {
            Err(OpenError::OlderDatabase { url: address.shown.clone(), found, needed: SCHEMA })
        }
        found if found < ALL.len() => apply(link, address),
        _ => Ok(()),
    }
}

/// A setting as PostgreSQL tells it.
pub(super) fn setting(link: &Link, name: &str) -> Result<String> {
    let rows = link.query("SELECT current_setting($1::text)", params![name])?;
    rows.first().map_or(Ok(String::new()), |row| row.try_get(0).map_err(unavailable))
}

/// Whether any migration was applied.
pub(super) fn has_begun(link: &Link) -> Result<bool> {
    applied(link).map(|applied| !applied.is_empty())
}

/// Numbers and checksums of the migrations that the database has.
fn applied(link: &Link) -> Result<Vec<(i64, i64)>> {
    // Not `to_regclass`: it may not have heard yet of a table that another process made while we waited for the lock.
    let sql = "SELECT count(*) > 0 FROM pg_tables WHERE schemaname = 'chathakase' AND tablename = 'migration'";
    let there = link.query(sql, Vec::new())?;
    if !there.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
        return Ok(Vec::new());
    }
    let rows = link.query("SELECT number, checksum FROM chathakase.migration ORDER BY number", Vec::new())?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect::<std::result::Result<_, _>>()
        .map_err(unavailable)
}

fn check(applied: &[(i64, i64)], address: &Address) -> std::result::Result<(), OpenError> {
    let url = address.shown.clone();
    let found = applied.last().map_or(0, |(number, _)| *number);
    if found > i64::from(SCHEMA) {
        return Err(OpenError::NewerDatabase { url, found, known: SCHEMA });
    }
    for ((number, found), sql) in applied.iter().zip(ALL) {
        if *found != checksum(sql) {
            return Err(OpenError::ChangedDatabase { url, number: *number });
        }
    }
    Ok(())
}

/// Applies what is missing, all of it or nothing.
fn apply(link: &Link, address: &Address) -> std::result::Result<(), OpenError> {
    let refused = |cause| OpenError::postgres(&address.shown, cause);
    link.command("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").map_err(refused)?;
    // Another process may be doing the same; then there is nothing left to do.
    link.query("SELECT pg_advisory_xact_lock(hashtextextended('chathakase/migrations', 20260101))", Vec::new())
        .map_err(refused)?;
    let there = applied(link).map_err(refused)?;
    let done = check(&there, address).and_then(|()| {
        let missing = add(link, there.len()).map_err(refused);
        missing.and_then(|()| link.command("COMMIT").and_then(|()| link.settle()).map_err(refused))
    });
    if done.is_err() {
        let _ = link.command("ROLLBACK").and_then(|()| link.settle());
    }
    done
}

fn add(link: &Link, there: usize) -> Result<()> {
    if there == 0 {
        link.command(
            "CREATE SCHEMA IF NOT EXISTS chathakase;
             CREATE TABLE chathakase.migration (number BIGINT PRIMARY KEY, checksum BIGINT NOT NULL)",
        )?;
    }
    for (number, sql) in (1u64..).zip(ALL).skip(there) {
        link.command(sql)?;
        link.send(
            "INSERT INTO chathakase.migration (number, checksum) VALUES ($1, $2)",
            params![number, checksum(sql)],
        )?;
        link.settle()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_of_postgresql_are_only_added() {
        // A new migration is a new line here. A line that changes breaks every database out there.
        assert_eq!(
            ALL.iter().map(|sql| checksum(sql)).collect::<Vec<_>>(),
            [
                7_641_745_271_468_820_258,
                4_852_506_725_142_773_312,
                -1_662_901_824_506_869_003,
                6_325_134_850_592_617_158,
                4_257_049_808_532_920_940,
                -7_705_505_963_811_968_270,
                -6_736_469_858_102_601_927,
                2_585_825_679_982_834_347,
                4_073_046_383_015_581_475,
                8_325_535_470_353_561_967
            ]
        );
    }
}
