//! Reading a thread's earlier posts when we join it in its middle, or come back to it after its session expired.

use std::time::Duration;

use chathakase_session::{SlackTs, fault_point, turn::Turn};
use chathakase_slack::api::ApiError;

use super::{
    driver::Driver,
    journal::{Lost, insist},
};
use crate::reading::{self, as_context, is_command};

/// How long a call waits for Slack to allow it. People wait for the answer meanwhile: rather than a minute's silence they get
/// one that rests on what could be read.
const RATE_LIMIT_WAIT_MAX: Duration = Duration::from_secs(5);

/// Reads the thread once, within the limits, and keeps what people and we said as context. Slack's refusal is no reason
/// not to answer: then the question stands alone.
pub(super) async fn learn(driver: &Driver<'_>, turn: &Turn) -> Result<(), Lost> {
    let (tools, hold) = (driver.tools, &driver.hold);
    let settings = &tools.settings;
    let began = insist!(hold, tools.store.time(driver.now()))?;
    let mark = insist!(hold, tools.store.mark(&turn.key, driver.now()))?;
    let api = tools.api.waiting_up_to(RATE_LIMIT_WAIT_MAX);
    let reading = reading::read(&api, &turn.key, mark.cleared_before, settings.read_back_calls_max, began);
    let reading = driver.unless_silenced(reading).await?;
    if reading.failed.as_ref().is_some_and(ApiError::is_token_fatal) {
        // The answer could not be shown either: better later, and with all of the thread.
        return Err(Lost(turn.id));
    }
    let authors: Vec<_> = reading.posts.iter().filter_map(|post| post.author.user.clone()).collect();
    let names = driver.unless_silenced(tools.people.names(authors)).await?;
    // What was written since the turn began comes by itself, and may be a question. It began after the edit that asks, if one does, and
    // Slack's time is known to the second only.
    let until = SlackTs::at(turn.started_at.unwrap_or(began)).max(turn.last_ts);
    let until = mark.joined_from.map_or(until, |from| until.max(from));
    let read = reading.until(until, turn.first_ts, settings.read_back_posts_max, |post| {
        if is_command(&post, &turn.key.workspace, &tools.me, &mark, &settings.access) {
            return None;
        }
        let name = post.author.user.as_ref().and_then(|id| names.get(id).cloned());
        Some(as_context(&turn.key, post, &tools.me, name, settings.message_chars_max))
    });
    let left_out = read.left_out;
    let learned = insist!(hold, tools.store.learn(&hold.lease, read.clone(), driver.now()))?;
    fault_point!("thread.learned");
    tracing::info!(thread.key = %turn.key, posts = learned.new, edited = learned.amended, gone = learned.erased, left_out, "earlier posts of the thread were read");
    Ok(())
}
