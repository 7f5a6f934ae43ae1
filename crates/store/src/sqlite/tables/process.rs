//! Processes on the store: one lives, and others may have left something to be looked for.

use chathakase_session::{Timestamp, store::Result, turn::OwnerId};
use rusqlite::params;

use super::Sql;
use crate::{
    rows::{ProcessRow, ProcessRows},
    sqlite::cells::Cells,
    table::Table,
};

const PROCESS: Table = Table { name: "process", columns: "owner, until, good_until", key_columns: 1 };

impl ProcessRows for Sql<'_> {
    fn processes(&self) -> Result<Vec<ProcessRow>> {
        let read = |cells: Cells<'_, '_>| {
            Ok(ProcessRow {
                owner: OwnerId::new(&cells.get::<String>(0)?),
                until: cells.time(1)?,
                good_until: cells.time_or_none(2)?,
            })
        };
        self.readable(&PROCESS, "SELECT owner, until, good_until FROM process", [], read)
    }

    fn put_process(&mut self, process: &ProcessRow) -> Result<()> {
        let sql = "INSERT INTO process (owner, until, good_until) VALUES (?, ?, ?)
                   ON CONFLICT DO UPDATE SET until = excluded.until, good_until = excluded.good_until";
        let good_until = process.good_until.map(Timestamp::as_millis);
        self.run(sql, params![process.owner.as_str(), process.until.as_millis(), good_until])?;
        Ok(())
    }

    fn remove_process(&mut self, owner: &OwnerId) -> Result<()> {
        self.run("DELETE FROM process WHERE owner = ?", params![owner.as_str()])?;
        Ok(())
    }
}
