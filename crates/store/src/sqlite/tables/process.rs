//! Processes on the store: one lives, and others may have left something to be looked for.

use chathakase_session::{
    SlackTs, Timestamp, WorkspaceId,
    store::{Looked, Result},
    turn::OwnerId,
};
use rusqlite::params;

use super::Sql;
use crate::{
    rows::{ProcessRow, ProcessRows},
    sqlite::cells::Cells,
    table::Table,
};

const PROCESS: Table = Table { name: "process", columns: "owner, until, good_until", key_columns: 1 };
const LOOKED: Table = Table { name: "looked", columns: "workspace, channel, root, since, at", key_columns: 3 };

/// The `root` of what stands in a channel itself.
const NO_ROOT: i64 = 0;

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

    fn looked(&self, workspace: &WorkspaceId) -> Result<Vec<Looked>> {
        let read = |cells: Cells<'_, '_>| {
            let root = if cells.get::<i64>(2)? == NO_ROOT { None } else { Some(cells.ts(2)?) };
            Ok(Looked { channel: cells.id(1)?, root, since: cells.time(3)?, at: cells.time(4)? })
        };
        let sql = "SELECT workspace, channel, root, since, at FROM looked WHERE workspace = ?";
        self.readable(&LOOKED, sql, params![workspace.as_str()], read)
    }

    fn put_looked(&mut self, workspace: &WorkspaceId, looked: &Looked) -> Result<()> {
        let sql = "INSERT INTO looked (workspace, channel, root, since, at) VALUES (?, ?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET since = excluded.since, at = excluded.at WHERE excluded.at > at";
        let root = looked.root.map_or(NO_ROOT, SlackTs::as_micros);
        let [since, at] = [looked.since, looked.at].map(Timestamp::as_millis);
        self.run(sql, params![workspace.as_str(), looked.channel.as_str(), root, since, at])?;
        Ok(())
    }

    fn remove_looked(&mut self, up_to: Timestamp) -> Result<()> {
        self.run("DELETE FROM looked WHERE at <= ?", params![up_to.as_millis()])?;
        Ok(())
    }
}
