//! What became of a commit that was sent and whose answer did not come: PostgreSQL itself is asked, by the number of the transaction.

use std::{future::pending, time::Duration};

use chathakase_session::{
    chain,
    store::{Result, StoreError},
};
use tokio::runtime::Builder;
use tokio_postgres::types::Type;

use super::{
    address::Address,
    cells::{is_unanswered, is_unheard_of, unavailable},
    link::{established, unanswered, within},
};

/// How long a database that takes no connection is left alone.
const WAIT: Duration = Duration::from_millis(250);

/// Whether the transaction with this number was committed; `None` when that cannot be known in time, or, while `is_closing`, at the
/// first look. `lost` is how its connection was lost.
///
/// In time is half as long again as an answer may take, from when the commit was sent on (15 s): its callers can still renew their
/// leases then, which last 30 s.
pub(super) fn ask(address: &Address, id: &str, lost: &StoreError, is_closing: impl Fn() -> bool) -> Option<bool> {
    let half = address.answered_within / 2;
    let limit = if is_unanswered(lost) { half } else { half * 3 };
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let asking = async {
        loop {
            match look(address, id).await {
                Ok(fate) => return Some(fate),
                Err(error) => tracing::warn!(error = %chain(&error), "what became of a commit is not known yet"),
            }
            if is_closing() {
                return None;
            }
            let _ = within(WAIT, pending::<()>()).await;
        }
    };
    runtime.block_on(within(limit, asking)).ok().flatten()
}

/// What callers are told of a commit whose fate is not known.
pub(super) fn unknown(cause: StoreError) -> StoreError {
    let what = "the connection to the database was lost in a commit, and whether that was done is not known";
    StoreError::Unavailable { what: what.to_owned(), cause: Some(Box::new(cause)) }
}

/// Asks over a connection of its own until the transaction is over.
async fn look(address: &Address, id: &str) -> Result<bool> {
    let (client, connection) = established(address).await?;
    let asking = async {
        loop {
            // The wait gives the server time to find out that the client has gone.
            let sql = "SELECT pg_sleep(0.05)::text, pg_xact_status($1::text::xid8)";
            let answer = within(address.answered_within, client.query_typed(sql, &[(&id, Type::TEXT)])).await;
            let rows = match answer.map_err(|_| unanswered(address.answered_within))?.map_err(unavailable) {
                Ok(rows) => rows,
                // After a failover: the new server has never heard of that number.
                Err(error) if is_unheard_of(&error) => return Ok(false),
                Err(error) => return Err(error),
            };
            match rows.first().and_then(|row| row.try_get::<_, Option<&str>>(1).ok().flatten()) {
                Some("committed") => return Ok(true),
                Some("in progress") => {}
                _ => return Ok(false),
            }
        }
    };
    tokio::select! {
        told = asking => told,
        ended = connection => Err(ended.err().map_or_else(|| unanswered(address.answered_within), unavailable)),
    }
}
