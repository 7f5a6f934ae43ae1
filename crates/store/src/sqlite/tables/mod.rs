//! The rows of each table in SQL. One transaction is open around whatever is called here.

mod lists;
mod message;
mod post;
mod process;
mod thread;
mod trim;
mod turn;

use std::cell::{Cell, RefCell};

use chathakase_session::{chain, store::Result};
use rusqlite::{Connection, Params, Row, Statement};

use super::cells::{Cells, unavailable};
use crate::table::Table;

/// A connection, and what its writer counts.
#[derive(Debug)]
pub(crate) struct Sql<'c> {
    pub(crate) conn: &'c Connection,
    pub(crate) state: &'c State,
}

/// What the writer remembers from one transaction to the next. A rolled-back one leaves gaps, never repetitions.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) last_session: Cell<u64>,
    pub(crate) last_turn: Cell<u64>,
    /// Whether content was erased since the last checkpoint that took its traces away.
    pub(crate) erased: Cell<bool>,
    /// Whether discarded sessions may be left to purge.
    pub(crate) discarded: Cell<bool>,
    /// Where the walk over erased texts is.
    walk: RefCell<trim::Walk>,
}

/// A number of a caller's as SQLite takes it: what is greater than any row's is as good as the greatest there can be.
fn int(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

impl Sql<'_> {
    /// Writes something, to see whether that works.
    pub(super) fn beat(&self) -> Result<()> {
        self.run("UPDATE pulse SET beats = beats + 1", []).map(drop)
    }
    /// A setting as SQLite tells it.
    pub(super) fn pragma(&self, name: &str) -> Result<String> {
        super::open::pragma(self.conn, name).map_err(unavailable)
    }
    fn prepare(&self, sql: &'static str) -> Result<rusqlite::CachedStatement<'_>> {
        #[cfg(test)]
        super::plans::met(sql);
        self.conn.prepare_cached(sql).map_err(unavailable)
    }
    /// Runs a statement; returns how many rows it changed.
    pub(super) fn run(&self, sql: &'static str, params: impl Params) -> Result<usize> {
        self.prepare(sql)?.execute(params).map_err(unavailable)
    }
    /// The first row that a query gives.
    fn one<T>(
        &self,
        table: &'static Table,
        sql: &'static str,
        params: impl Params,
        read: impl FnOnce(Cells<'_, '_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params).map_err(unavailable)?;
        rows.next().map_err(unavailable)?.map(|row| read(Cells::new(table, row))).transpose()
    }
    /// All rows that a query gives; the first bad one fails it.
    fn all<T>(
        &self,
        table: &'static Table,
        sql: &'static str,
        params: impl Params,
        read: impl FnMut(Cells<'_, '_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.prepare(sql)?;
        collect(&mut statement, params, table, read)
    }
    /// The rows that a query gives and that can be read. The others are logged: they hide none beside them.
    fn readable<T>(
        &self,
        table: &'static Table,
        sql: &'static str,
        params: impl Params,
        mut read: impl FnMut(Cells<'_, '_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        use chathakase_session::store::StoreError;
        let read = |cells: Cells<'_, '_>| match read(cells) {
            Ok(value) => Ok(Some(value)),
            Err(error @ StoreError::BadRow { .. }) => {
                tracing::error!(error = %chain(&error), "a row is left out");
                Ok(None)
            }
            Err(error) => Err(error),
        };
        Ok(self.all(table, sql, params, read)?.into_iter().flatten().collect())
    }
}

fn collect<T>(
    statement: &mut Statement<'_>,
    params: impl Params,
    table: &'static Table,
    mut read: impl FnMut(Cells<'_, '_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut rows = statement.query(params).map_err(unavailable)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().map_err(unavailable)? {
        let row: &Row<'_> = row;
        all.push(read(Cells::new(table, row))?);
    }
    Ok(all)
}
