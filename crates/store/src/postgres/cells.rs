//! Reading a row column by column, so that a bad one says where it is; and what PostgreSQL's errors mean to a caller.

use std::{str::FromStr, time::Duration};

use chathakase_session::{
    SlackTs, Timestamp,
    store::{Result, StoreError},
};
use tokio_postgres::{
    Row,
    error::SqlState,
    types::{FromSql, Type},
};

use crate::{
    code::Code,
    table::{Table, UnknownCode},
};

/// One row of a table.
#[derive(Clone, Copy)]
pub(super) struct Cells<'r> {
    table: &'static Table,
    row: &'r Row,
}

#[derive(Debug, thiserror::Error)]
#[error("it is out of range")]
struct OutOfRange;

impl<'r> Cells<'r> {
    pub(super) const fn new(table: &'static Table, row: &'r Row) -> Self {
        Self { table, row }
    }

    pub(super) fn get<T: FromSql<'r>>(self, column: usize) -> Result<T> {
        self.row.try_get(column).map_err(|cause| self.bad(column, cause))
    }
    pub(super) fn flag(self, column: usize) -> Result<bool> {
        self.get(column)
    }
    /// A number that is never negative.
    pub(super) fn count<T: TryFrom<i64>>(self, column: usize) -> Result<T> {
        T::try_from(self.get::<i64>(column)?).map_err(|_| self.bad(column, OutOfRange))
    }
    pub(super) fn count_or_none<T: TryFrom<i64>>(self, column: usize) -> Result<Option<T>> {
        let number: Option<i64> = self.get(column)?;
        number.map(|number| T::try_from(number).map_err(|_| self.bad(column, OutOfRange))).transpose()
    }
    pub(super) fn code<T: Code>(self, column: usize) -> Result<T> {
        let code = i64::from(self.get::<i16>(column)?);
        T::of(code).ok_or_else(|| self.bad(column, UnknownCode(code)))
    }
    pub(super) fn code_or_none<T: Code>(self, column: usize) -> Result<Option<T>> {
        let code: Option<i16> = self.get(column)?;
        code.map(i64::from).map(|code| T::of(code).ok_or_else(|| self.bad(column, UnknownCode(code)))).transpose()
    }
    pub(super) fn ts(self, column: usize) -> Result<SlackTs> {
        SlackTs::from_micros(self.get(column)?).map_err(|cause| self.bad(column, cause))
    }
    pub(super) fn ts_or_none(self, column: usize) -> Result<Option<SlackTs>> {
        let micros: Option<i64> = self.get(column)?;
        micros.map(|micros| SlackTs::from_micros(micros).map_err(|cause| self.bad(column, cause))).transpose()
    }
    pub(super) fn time(self, column: usize) -> Result<Timestamp> {
        Ok(Timestamp::from_millis(self.get(column)?))
    }
    pub(super) fn time_or_none(self, column: usize) -> Result<Option<Timestamp>> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_millis))
    }
    pub(super) fn id<T: FromStr>(self, column: usize) -> Result<T>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        self.get::<&str>(column)?.parse().map_err(|cause| self.bad(column, cause))
    }
    pub(super) fn id_or_none<T: FromStr>(self, column: usize) -> Result<Option<T>>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let text: Option<&str> = self.get(column)?;
        text.map(|text| text.parse().map_err(|cause| self.bad(column, cause))).transpose()
    }

    /// The error that says where the row is; never what it holds besides its key.
    pub(super) fn bad(self, column: usize, cause: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        let key = |column: usize| {
            let is_text = self.row.columns().get(column).is_some_and(|column| *column.type_() == Type::TEXT);
            let key = if is_text {
                self.row.try_get::<_, String>(column)
            } else {
                self.row.try_get::<_, i64>(column).map(|number| number.to_string())
            };
            key.unwrap_or_else(|_| "?".to_owned())
        };
        let row = (0..self.table.key_columns).map(key).collect::<Vec<_>>().join("/");
        self.table.bad(column, row, cause)
    }
}

/// The database did not answer in time: it hangs, or the network does.
#[derive(Debug, thiserror::Error)]
#[error("no answer came within {} s", limit.as_secs_f64())]
pub(super) struct Unanswered {
    pub(super) limit: Duration,
}

/// What stands in the way of a step, in words that end up in a log.
pub(super) fn unavailable(cause: tokio_postgres::Error) -> StoreError {
    let what = match cause.code() {
        _ if cause.is_closed() => "the connection to the database was lost",
        Some(&SqlState::DISK_FULL) => "the database's disk is full",
        Some(&SqlState::QUERY_CANCELED) => "a read took longer than it may",
        Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => "the database takes no writes: is it a standby?",
        Some(&SqlState::TOO_MANY_CONNECTIONS) => "the database has no connection to spare",
        Some(&SqlState::ADMIN_SHUTDOWN | &SqlState::CRASH_SHUTDOWN | &SqlState::CANNOT_CONNECT_NOW) => {
            "the database is going down or coming up"
        }
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => "the database's user may not do this",
        Some(_) => "PostgreSQL refused",
        None => "the database cannot be reached",
    };
    StoreError::Unavailable { what: what.to_owned(), cause: Some(Box::new(cause)) }
}

/// PostgreSQL's error inside ours.
pub(super) fn postgres(error: &StoreError) -> Option<&tokio_postgres::Error> {
    let StoreError::Unavailable { cause: Some(cause), .. } = error else { return None };
    cause.downcast_ref()
}

/// Two transactions were in each other's way and this one had to yield: the same again may succeed at once.
pub(super) fn is_clash(error: &StoreError) -> bool {
    let code = postgres(error).and_then(tokio_postgres::Error::code);
    matches!(code, Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED))
}

/// The connection is gone, or about to go.
pub(super) fn is_loss(error: &StoreError) -> bool {
    let Some(error) = postgres(error) else { return is_unanswered(error) };
    let going = [&SqlState::ADMIN_SHUTDOWN, &SqlState::CRASH_SHUTDOWN, &SqlState::CANNOT_CONNECT_NOW];
    match error.code() {
        Some(code) => going.contains(&code) || code.code().starts_with("08"),
        None => true,
    }
}

/// Whether no answer came in time.
pub(super) fn is_unanswered(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { cause: Some(cause), .. } if cause.is::<Unanswered>())
}

/// Whether the error says that no transaction has such a number yet.
pub(super) fn is_unheard_of(error: &StoreError) -> bool {
    postgres(error).and_then(tokio_postgres::Error::code) == Some(&SqlState::INVALID_PARAMETER_VALUE)
}

/// Whether the error says that the transaction had failed before already.
pub(super) fn is_aftermath(error: &StoreError) -> bool {
    postgres(error).and_then(tokio_postgres::Error::code) == Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
}
