//! What callers are told of a transaction that holds the steps of many.

use std::{error::Error, fmt, sync::Arc};

use chathakase_session::store::{Result, StoreError};
use tokio::sync::oneshot;

/// Why a whole transaction failed, to be told to each of its callers.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    what: String,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Refusal {
    pub(crate) fn error(&self) -> StoreError {
        let cause = self.cause.clone().map(|cause| Box::new(SharedCause(cause)) as Box<dyn Error + Send + Sync>);
        StoreError::Unavailable { what: self.what.clone(), cause }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { what, cause } => Self { what, cause: cause.map(Into::into) },
            other => Self { what: "the transaction failed".to_owned(), cause: Some(Arc::new(other)) },
        }
    }
}

/// One cause that many callers are told.
#[derive(Clone, Debug)]
struct SharedCause(Arc<dyn Error + Send + Sync>);

impl fmt::Display for SharedCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl Error for SharedCause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// Tells a caller what its step gave, or what refused the whole transaction.
pub(crate) fn answer<T>(caller: oneshot::Sender<Result<T>>, given: Option<Result<T>>, refused: Option<&Refusal>) {
    let given = match (refused, given) {
        // A step's own failure stands, whatever became of the others.
        (_, Some(Err(error))) => Err(error),
        (Some(refusal), _) => Err(refusal.error()),
        (None, Some(given)) => given,
        (None, None) => return,
    };
    // A caller that has gone is owed nothing; the step is done all the same.
    let _ = caller.send(given);
}
