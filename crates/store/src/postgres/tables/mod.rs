//! The rows of each table in SQL. One transaction is open around whatever is called here.

mod lists;
mod message;
mod post;
mod process;
mod start;
mod thread;
mod turn;

use std::cell::{Cell, RefCell};

use chathakase_session::{
    WorkspaceId, chain,
    store::{Result, StoreError},
    turn::TurnId,
};
use tokio_postgres::Row;

pub(super) use start::{Needs, Start};

use super::{
    book::Book,
    cells::Cells,
    link::Link,
    numbers::{Lot, OTHERS_AT_ONCE, TURNS_AT_ONCE},
    param::{Param, int, params},
};
use crate::table::Table;

/// A transaction as the steps see it.
pub(super) struct Sql<'c> {
    link: &'c Link,
    book: RefCell<Book>,
    lot: RefCell<Lot>,
    /// The workspace that the step at hand is about: every key begins with it.
    workspace: RefCell<String>,
    /// The first and the people of a session that were asked for together with its newest messages.
    ahead: RefCell<Option<lists::Ahead>>,
    writes: Cell<usize>,
    /// Whether sessions were left to be purged.
    pub(super) discarded: Cell<bool>,
    /// A number could not be had where nobody could be told.
    poisoned: Cell<bool>,
}

const NUMBER: Table = Table { name: "sequence", columns: "number", key_columns: 0 };

impl<'c> Sql<'c> {
    fn new(link: &'c Link, lot: Lot) -> Self {
        Self {
            link,
            book: RefCell::default(),
            lot: RefCell::new(lot),
            workspace: RefCell::default(),
            ahead: RefCell::default(),
            writes: Cell::default(),
            discarded: Cell::default(),
            poisoned: Cell::default(),
        }
    }

    /// How many rows were written so far, about.
    pub(super) fn writes(&self) -> usize {
        self.writes.get()
    }
    /// Whether what was written is what was meant.
    pub(super) fn is_sound(&self) -> bool {
        !self.poisoned.get()
    }
    /// The numbers that were not used.
    pub(super) fn into_lot(self) -> Lot {
        self.lot.into_inner()
    }
    /// Says which workspace the next step is about.
    pub(super) fn enter(&self, workspace: &WorkspaceId) {
        workspace.as_str().clone_into(&mut self.workspace.borrow_mut());
    }
    /// Writes something, to see whether that works.
    pub(super) fn beat(&self) -> Result<()> {
        self.run("UPDATE chathakase.pulse SET beats = beats + 1", Vec::new())
    }
    /// A setting as PostgreSQL tells it.
    pub(super) fn setting(&self, name: &str) -> Result<String> {
        crate::postgres::migrate::setting(self.link, name)
    }
    /// Locks channels, one after the other in the order in which everybody does. Once in a transaction: whoever holds one
    /// lock and waits for the next may wait for ever.
    fn lock(&self, channels: Vec<String>) -> Result<()> {
        self.link.query(start::LOCK, params![channels]).map(drop)
    }

    fn workspace(&self) -> Param {
        Param::Text(Some(self.workspace.borrow().clone()))
    }
    /// Where a turn is, which is then what the step is about.
    fn home(&self, turn: TurnId) -> Param {
        if let Some(home) = self.book.borrow().homes.get(&turn) {
            self.enter(home);
        }
        self.workspace()
    }

    /// Writes, without waiting for it.
    fn run(&self, sql: &'static str, params: Vec<Param>) -> Result<()> {
        self.writes.set(self.writes.get() + 1);
        self.ahead.take();
        self.link.send(sql, params)
    }
    /// Writes, and tells what the statement says of it.
    fn run_for<T>(
        &self,
        table: &'static Table,
        sql: &'static str,
        params: Vec<Param>,
        read: impl FnOnce(Cells<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.writes.set(self.writes.get() + 1);
        self.ahead.take();
        self.one(table, sql, params, read)
    }
    /// The first row that a query gives.
    fn one<T>(
        &self,
        table: &'static Table,
        sql: &'static str,
        params: Vec<Param>,
        read: impl FnOnce(Cells<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.link.query(sql, params)?.first().map(|row| read(Cells::new(table, row))).transpose()
    }
    /// All rows that a query gives; the first bad one fails it.
    fn all<T>(
        &self,
        table: &'static Table,
        sql: &'static str,
        params: Vec<Param>,
        read: impl FnMut(Cells<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        all(table, &self.link.query(sql, params)?, read)
    }
    /// The rows that a query gives and that can be read.
    fn readable<T>(
        &self,
        table: &'static Table,
        sql: &'static str,
        params: Vec<Param>,
        read: impl FnMut(Cells<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        readable(table, &self.link.query(sql, params)?, read)
    }

    fn number(&self) -> Result<u64> {
        loop {
            if let Some(number) = self.lot.borrow_mut().others.pop_first() {
                return Ok(number);
            }
            let rows = self.link.query(start::OTHER_NUMBERS, params![1u64])?;
            take_numbers(&rows, OTHERS_AT_ONCE, &mut self.lot.borrow_mut().others)?;
        }
    }
    fn turn_number(&self) -> Result<u64> {
        loop {
            if let Some(number) = self.lot.borrow_mut().turns.pop_first() {
                return Ok(number);
            }
            let rows = self.link.query(start::TURN_NUMBERS, params![1u64])?;
            take_numbers(&rows, TURNS_AT_ONCE, &mut self.lot.borrow_mut().turns)?;
        }
    }
    /// A number for whoever cannot be told that there is none: the transaction is then refused as a whole.
    fn surely(&self, number: Result<u64>) -> u64 {
        number.unwrap_or_else(|error| {
            tracing::error!(error = %chain(&error), "no numbers for new rows");
            self.poisoned.set(true);
            0
        })
    }
}

/// Numbers from the rows of a sequence, each of which stands for `each`.
fn take_numbers(rows: &[Row], each: u64, into: &mut std::collections::BTreeSet<u64>) -> Result<()> {
    for first in all(&NUMBER, rows, |cells| cells.count::<u64>(0))? {
        into.extend(first..first + each);
    }
    Ok(())
}

fn all<T>(table: &'static Table, rows: &[Row], mut read: impl FnMut(Cells<'_>) -> Result<T>) -> Result<Vec<T>> {
    rows.iter().map(|row| read(Cells::new(table, row))).collect()
}

/// The rows that can be read. The others are logged: they hide none beside them.
fn readable<T>(table: &'static Table, rows: &[Row], mut read: impl FnMut(Cells<'_>) -> Result<T>) -> Result<Vec<T>> {
    let read = |cells: Cells<'_>| match read(cells) {
        Ok(value) => Ok(Some(value)),
        Err(error @ StoreError::BadRow { .. }) => {
            tracing::error!(error = %chain(&error), "a row is left out");
            Ok(None)
        }
        Err(error) => Err(error),
    };
    Ok(all(table, rows, read)?.into_iter().flatten().collect())
}
