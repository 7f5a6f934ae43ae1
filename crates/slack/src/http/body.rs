//! Reading a body within limits, whoever sends it.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use chathakase_session::time::{Clock, timeout};
use futures_util::StreamExt;

use super::answer::Answer;

/// Longest wait for a whole body; past it the answer is 408. Slack itself gives up after three seconds.
pub(super) const BODY_WAIT_MAX: Duration = Duration::from_secs(10);

/// How much of a body that is too long is still taken in and thrown away. A sender that is cut off while it writes
/// often loses the answer too; one that gets rid of its body reads 413 and knows why.
pub(super) const SWALLOWED_BYTES_MAX: usize = 16 << 20;

/// The body, if it is not longer than `limit_bytes` and comes in time. Holds no more than the limit in memory.
pub(super) async fn read(body: Body, limit_bytes: usize, clock: &dyn Clock) -> Result<Bytes, Answer> {
    timeout(clock, BODY_WAIT_MAX, within(body, limit_bytes)).await.unwrap_or(Err(Answer::Slow))
}

async fn within(body: Body, limit_bytes: usize) -> Result<Bytes, Answer> {
    let mut chunks = body.into_data_stream();
    let mut kept = BytesMut::new();
    let mut seen = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(Answer::Cut)?;
        seen += chunk.len();
        if seen <= limit_bytes {
            kept.extend_from_slice(&chunk);
        } else if seen > SWALLOWED_BYTES_MAX {
            break;
        } else {
            kept = BytesMut::new();
        }
    }
    if seen > limit_bytes { Err(Answer::TooLong { limit_bytes }) } else { Ok(kept.freeze()) }
}
