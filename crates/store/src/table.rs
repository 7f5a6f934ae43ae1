//! A table as rows of it are read, and the error that says where a bad row is.

use chathakase_session::store::StoreError;

/// The columns in the order of every `SELECT`, the key first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// Separated by `, `.
    pub(crate) columns: &'static str,
    pub(crate) key_columns: usize,
}

/// A number in a row that is no word.
#[derive(Debug, thiserror::Error)]
#[error("{0} stands for nothing this build knows")]
pub(crate) struct UnknownCode(pub(crate) i64);

impl Table {
    /// What cannot be read in `column` of `row`.
    pub(crate) fn bad(
        &self,
        column: usize,
        row: String,
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> StoreError {
        let column = self.columns.split(", ").nth(column).unwrap_or("?");
        StoreError::BadRow { table: self.name, column, row, cause: Some(Box::new(cause)) }
    }
}
