//! Reading a row column by column, so that a bad one says where it is; and what SQLite's errors mean to a caller.

use std::str::FromStr;

use chathakase_session::{
    SlackTs, Timestamp,
    store::{Result, StoreError},
};
use rusqlite::{Row, types::FromSql};

use crate::{
    code::Code,
    table::{Table, UnknownCode},
};

/// One row of a table.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'r, 's> {
    table: &'static Table,
    row: &'r Row<'s>,
}

impl<'r, 's> Cells<'r, 's> {
    pub(crate) const fn new(table: &'static Table, row: &'r Row<'s>) -> Self {
        Self { table, row }
    }

    pub(crate) fn get<T: FromSql>(self, column: usize) -> Result<T> {
        self.row.get(column).map_err(|cause| self.bad(column, cause))
    }
    pub(crate) fn flag(self, column: usize) -> Result<bool> {
        self.get(column)
    }
    pub(crate) fn code<T: Code>(self, column: usize) -> Result<T> {
        let code = self.get(column)?;
        T::of(code).ok_or_else(|| self.bad(column, UnknownCode(code)))
    }
    pub(crate) fn code_or_none<T: Code>(self, column: usize) -> Result<Option<T>> {
        let code: Option<i64> = self.get(column)?;
        code.map(|code| T::of(code).ok_or_else(|| self.bad(column, UnknownCode(code)))).transpose()
    }
    pub(crate) fn ts(self, column: usize) -> Result<SlackTs> {
        SlackTs::from_micros(self.get(column)?).map_err(|cause| self.bad(column, cause))
    }
    pub(crate) fn ts_or_none(self, column: usize) -> Result<Option<SlackTs>> {
        let micros: Option<i64> = self.get(column)?;
        micros.map(|micros| SlackTs::from_micros(micros).map_err(|cause| self.bad(column, cause))).transpose()
    }
    pub(crate) fn time(self, column: usize) -> Result<Timestamp> {
        Ok(Timestamp::from_millis(self.get(column)?))
    }
    pub(crate) fn time_or_none(self, column: usize) -> Result<Option<Timestamp>> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_millis))
    }
    pub(crate) fn id<T: FromStr>(self, column: usize) -> Result<T>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let text = self.row.get_ref(column).map_err(unavailable)?.as_str().map_err(|cause| self.bad(column, cause))?;
        text.parse().map_err(|cause| self.bad(column, cause))
    }
    pub(crate) fn id_or_none<T: FromStr>(self, column: usize) -> Result<Option<T>>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let cell = self.row.get_ref(column).map_err(unavailable)?;
        let text = cell.as_str_or_null().map_err(|cause| self.bad(column, cause))?;
        text.map(|text| text.parse().map_err(|cause| self.bad(column, cause))).transpose()
    }

    /// The error that says where the row is; never what it holds besides its key.
    pub(crate) fn bad(self, column: usize, cause: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        let key = |column: usize| match self.row.get_ref(column) {
            Ok(rusqlite::types::ValueRef::Integer(number)) => number.to_string(),
            Ok(value) => value.as_str().unwrap_or("?").to_owned(),
            Err(_) => "?".to_owned(),
        };
        let row = (0..self.table.key_columns).map(key).collect::<Vec<_>>().join("/");
        self.table.bad(column, row, cause)
    }
}

/// What stands in the way of a step, in words that end up in a log.
pub(crate) fn unavailable(cause: rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode;
    let what = match cause.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::SystemIoFailure) => "the disk reports an error",
        Some(ErrorCode::ReadOnly) => "the database file is read-only",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program holds the database",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "the database file is damaged",
        Some(ErrorCode::OutOfMemory) => "memory has run out",
        Some(ErrorCode::OperationInterrupted) => "a read took longer than it may",
        Some(ErrorCode::CannotOpen) => "the database file cannot be opened",
        _ => "SQLite refused",
    };
    StoreError::Unavailable { what: what.to_owned(), cause: Some(Box::new(cause)) }
}

/// Whether an error concerns the whole database, and so every step of a transaction, rather than one step alone.
pub(crate) fn is_everyones(error: &StoreError) -> bool {
    use rusqlite::ErrorCode;
    let StoreError::Unavailable { cause: Some(cause), .. } = error else { return false };
    let code = cause.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
    !matches!(code, Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch))
}
