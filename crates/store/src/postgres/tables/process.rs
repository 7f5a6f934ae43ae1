//! Processes on the store: those that live, and others that left something to be looked for.

use chathakase_session::{store::Result, turn::OwnerId};

use super::{Cells, Sql, params};
use crate::{
    rows::{ProcessRow, ProcessRows},
    table::Table,
};

const PROCESS: Table = Table { name: "process", columns: "owner, until, good_until", key_columns: 1 };

/// The lock that all steps about processes take. No channel is called so.
const PROCESSES: &str = "processes";

impl ProcessRows for Sql<'_> {
    /// Takes a lock, so it is the first thing in a transaction of its own.
    fn processes(&self) -> Result<Vec<ProcessRow>> {
        self.lock(vec![PROCESSES.to_owned()])?;
        let read = |cells: Cells<'_>| {
            Ok(ProcessRow {
                owner: OwnerId::new(cells.get(0)?),
                until: cells.time(1)?,
                good_until: cells.time_or_none(2)?,
            })
        };
        self.readable(&PROCESS, "SELECT owner, until, good_until FROM chathakase.process", Vec::new(), read)
    }

    fn put_process(&mut self, process: &ProcessRow) -> Result<()> {
        let sql = "INSERT INTO chathakase.process (owner, until, good_until) VALUES ($1, $2, $3)
                   ON CONFLICT (owner) DO UPDATE SET until = excluded.until, good_until = excluded.good_until";
        self.run(sql, params![process.owner.as_str(), process.until, process.good_until])
    }

    fn remove_process(&mut self, owner: &OwnerId) -> Result<()> {
        self.run("DELETE FROM chathakase.process WHERE owner = $1", params![owner.as_str()])
    }
}
