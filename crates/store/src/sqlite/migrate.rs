//! Numbered migrations, only ever added. Each is applied once, in a transaction of its own, and known by its checksum.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::{OpenError, checksum::checksum};

/// Says in the file's header that it is ours: "ChHk".
const APPLICATION_ID: i32 = 0x4368_486b;

/// All migrations, the first has number 1.
const ALL: &[&str] = &[
    include_str!("migrations/0001_sessions.sql"),
    include_str!("migrations/0002_stop.sql"),
    include_str!("migrations/0003_gaps.sql"),
    include_str!("migrations/0004_suspects.sql"),
    include_str!("migrations/0005_lookups.sql"),
    include_str!("migrations/0006_passed.sql"),
    include_str!("migrations/0007_copying.sql"),
    include_str!("migrations/0008_processes.sql"),
    include_str!("migrations/0009_repeated.sql"),
    include_str!("migrations/0010_refused.sql"),
    include_str!("migrations/0011_refused_context.sql"),
    include_str!("migrations/0012_looked.sql"),
];

/// The schema that this build writes.
pub const SCHEMA: u32 = ALL.len() as u32;

/// Brings the database to this build's schema.
pub(crate) fn run(conn: &mut Connection, path: &Path) -> Result<(), OpenError> {
    check_owner(conn, path)?;
    apply(conn, path)
}

/// The schema that the database is at, which this build knows; 0 for one without tables. Changes nothing.
pub(super) fn found(conn: &Connection, path: &Path) -> Result<u32, OpenError> {
    if check_owner(conn, path)? == 0 {
        return Ok(0);
    }
    let found = conn.query_row("SELECT coalesce(max(number), 0) FROM migration", [], |row| row.get(0));
    match found.map_err(|cause| super::open::refused(path, cause))? {
        found if found > SCHEMA => Err(OpenError::NewerSchema { path: path.into(), found, known: SCHEMA }),
        found => Ok(found),
    }
}

/// Refuses what is no database of ours; gives back how many tables it has.
fn check_owner(conn: &Connection, path: &Path) -> Result<u32, OpenError> {
    let sqlite = |cause| super::open::refused(path, cause);
    let tables: u32 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(sqlite)?;
    let ours: i32 = conn.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(sqlite)?;
    if tables > 0 && ours != APPLICATION_ID { Err(OpenError::NotOurs { path: path.into() }) } else { Ok(tables) }
}

fn apply(conn: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let sqlite = |cause| super::open::refused(path, cause);
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite)?;
    transaction
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, checksum INTEGER NOT NULL) STRICT",
        )
        .and_then(|()| transaction.pragma_update(None, "application_id", APPLICATION_ID))
        .map_err(sqlite)?;
    let found: u32 = transaction
        .query_row("SELECT coalesce(max(number), 0) FROM migration", [], |row| row.get(0))
        .map_err(sqlite)?;
    if found > SCHEMA {
        return Err(OpenError::NewerSchema { path: path.into(), found, known: SCHEMA });
    }
    for (number, sql) in (1u32..).zip(ALL) {
        let known: Option<i64> = transaction
            .query_row("SELECT checksum FROM migration WHERE number = ?", [number], |row| row.get(0))
            .optional()
            .map_err(sqlite)?;
        match known {
            Some(known) if known == checksum(sql) => {}
            Some(_) => return Err(OpenError::ChangedMigration { path: path.into(), number }),
            None => transaction
                .execute_batch(sql)
                .and_then(|()| {
                    transaction.execute("INSERT INTO migration VALUES (?, ?)", params![number, checksum(sql)]).map(drop)
                })
                .map_err(sqlite)?,
        }
    }
    transaction.commit().map_err(sqlite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_only_added() {
        // A new migration is a new line here. A line that changes breaks every database out there.
        assert_eq!(
            ALL.iter().map(|sql| checksum(sql)).collect::<Vec<_>>(),
            [
                -5_747_507_702_395_347_160,
                -4_287_464_035_144_996_747,
                1_781_119_765_063_167_178,
                2_402_403_308_581_794_327,
                -515_092_084_027_244_614,
                3_015_780_333_096_219_861,
                -702_169_966_637_078_330,
                -7_119_638_545_915_879_229,
                -3_121_697_056_080_529_895,
                2_585_825_679_982_834_347,
                4_073_046_383_015_581_475,
                9_161_754_229_748_214_758
            ]
        );
    }
}
