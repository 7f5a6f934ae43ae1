//! Why a step of a store was not done.

use crate::turn::TurnId;

/// Why a step was not done. Nothing of it happened, but where [`StoreError::Unavailable`] says that this is not known: then it can be
/// done again, and what was done already stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The caller does not hold the turn any more and must fall silent about it.
    #[error("turn {turn} was taken over by another process")]
    LeaseLost {
        /// The turn.
        turn: TurnId,
    },
    /// The step may succeed later: the disk is full, the database is away or overloaded. Nothing was acknowledged.
    #[error("the store cannot write now ({what}); it will be tried again")]
    Unavailable {
        /// What is in the way, in a few words.
        what: String,
        /// The driver's error.
        #[source]
        cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A row cannot be read. The rows beside it are not concerned.
    #[error("row {row} of {table} cannot be read: bad {column}; restore it from a backup or erase that session")]
    BadRow {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        row: String,
        /// What is wrong with it.
        #[source]
        cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The store has been shut down.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the same step may succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// What a step returns.
pub type Result<T> = std::result::Result<T, StoreError>;
