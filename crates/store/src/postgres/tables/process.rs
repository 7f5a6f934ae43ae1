//! Processes on the store: those that live, and others that left something to be looked for.

use chathakase_session::{
    SlackTs, Timestamp, WorkspaceId,
    store::{Looked, Result},
    turn::OwnerId,
};

use super::{Cells, Sql, params};
use crate::{
    rows::{ProcessRow, ProcessRows},
    table::Table,
};

const PROCESS: Table = Table { name: "process", columns: "owner, until, good_until", key_columns: 1 };
const LOOKED: Table = Table { name: "looked", columns: "workspace, channel, root, since, at", key_columns: 3 };

/// The `root` of what stands in a channel itself.
const NO_ROOT: i64 = 0;

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

    fn looked(&self, workspace: &WorkspaceId) -> Result<Vec<Looked>> {
        let read = |cells: Cells<'_>| {
            let root = if cells.get::<i64>(2)? == NO_ROOT { None } else { Some(cells.ts(2)?) };
            Ok(Looked { channel: cells.id(1)?, root, since: cells.time(3)?, at: cells.time(4)? })
        };
        let sql = "SELECT workspace, channel, root, since, at FROM chathakase.looked WHERE workspace = $1";
        self.readable(&LOOKED, sql, params![workspace.as_str()], read)
    }

    fn put_looked(&mut self, workspace: &WorkspaceId, looked: &Looked) -> Result<()> {
        let sql =
            "INSERT INTO chathakase.looked AS known (workspace, channel, root, since, at) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (workspace, channel, root) DO UPDATE SET since = excluded.since, at = excluded.at
                   WHERE excluded.at > known.at";
        let root = looked.root.map_or(NO_ROOT, SlackTs::as_micros);
        self.run(sql, params![workspace.as_str(), looked.channel.as_str(), root, looked.since, looked.at])
    }

    fn remove_looked(&mut self, up_to: Timestamp) -> Result<()> {
        self.run("DELETE FROM chathakase.looked WHERE at <= $1", params![up_to])
    }
}
