//! After an owner's death: which posts in the thread are this turn's.
//!
//! `chat.startStream` takes no metadata, so a stream that was never ended carries none. Everything else that we post says
//! which turn it belongs to. Turns of a thread never overlap, so what is ours, unmarked, and in no earlier turn's parts is this turn's.

use chathakase_session::{
    SlackTs,
    turn::{Part, Turn},
};
use chathakase_slack::{
    api::{ApiError, METADATA_EVENT_TYPE, PageRequest},
    payload::{Place, Post, post_from_history},
    reply::OwnPost,
};
use serde::Deserialize;

use super::{driver::Driver, journal::Lost};

/// Posts asked for in one page of a thread.
const PAGE: u32 = 200;
/// Pages read from the question on. An answer is in the first, unless hundreds of people wrote meanwhile.
const PAGES_MAX: usize = 10;
/// The wait before a thread that could not be read is read again.
const RETRY_WAIT: std::time::Duration = std::time::Duration::from_secs(2);

#[derive(Deserialize)]
struct Mark {
    turn: String,
}

/// This turn's posts in its thread, oldest first; `parts` are those that the store knows. Reads the thread until Slack lets
/// us: what is there already decides what may be said.
pub(super) async fn own_posts(driver: &Driver<'_>, turn: &Turn, parts: &[Part]) -> Result<Vec<OwnPost>, Lost> {
    loop {
        match read(driver, turn, parts).await {
            Ok(found) => return Ok(found),
            Err(error) if error.is_transient() || error.code().is_none() => {
                tracing::warn!(error = &error as &dyn std::error::Error, thread.key = %turn.key, "the thread cannot be read; trying again");
                driver.unless_silenced(driver.tools.clock.sleep(RETRY_WAIT)).await?;
            }
            Err(error) => {
                // Slack will not show it to us, so only what the store knows can be mended.
                tracing::warn!(error = &error as &dyn std::error::Error, thread.key = %turn.key, "the thread cannot be read");
                return Ok(parts.iter().filter_map(|p| Some(OwnPost { ts: p.ts?, streaming: false })).collect());
            }
        }
    }
}

async fn read(driver: &Driver<'_>, turn: &Turn, parts: &[Part]) -> Result<Vec<OwnPost>, ApiError> {
    let mut found = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let page = PageRequest {
            oldest: Some(turn.first_ts),
            inclusive: Some(true),
            limit: Some(PAGE),
            cursor: cursor.as_deref(),
            include_all_metadata: Some(true),
            ..PageRequest::default()
        };
        let page = driver.tools.api.conversations_replies(&turn.key.channel, turn.key.root, page).await?;
        let posts = page.messages.iter().filter_map(|m| post_from_history(m.get(), &turn.key.channel, Place::Unknown));
        found.extend(
            posts
                .filter(|post| is_this_turns(driver, turn, parts, post))
                .map(|post| OwnPost { ts: post.ts, streaming: is_streaming(&post) }),
        );
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    found.sort_by_key(|post: &OwnPost| post.ts);
    found.dedup_by_key(|post| post.ts);
    Ok(found)
}

fn is_this_turns(driver: &Driver<'_>, turn: &Turn, parts: &[Part], post: &Post) -> bool {
    let me = &driver.tools.me;
    let ours = post.author.user.as_ref() == Some(&me.user) || (post.author.bot.is_some() && post.author.bot == me.bot);
    let listed = |ts: SlackTs| parts.iter().any(|part| part.ts == Some(ts));
    let marked = post
        .metadata
        .as_ref()
        .filter(|m| m.event_type == METADATA_EVENT_TYPE)
        .map(|m| serde_json::from_str::<Mark>(&m.event_payload).is_ok_and(|mark| mark.turn == turn.id.to_string()));
    ours && post.ts > turn.first_ts && (listed(post.ts) || marked.unwrap_or_else(|| is_unfinished(post)))
}

fn is_streaming(post: &Post) -> bool {
    post.streaming_state.as_deref() == Some("in_progress")
}

/// A stream that was stopped says whose it is; one that Slack ended, or nobody yet, does not.
fn is_unfinished(post: &Post) -> bool {
    post.streaming_state.as_deref().is_some_and(|state| state != "completed")
}
