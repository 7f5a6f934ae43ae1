//! After an owner's death, or a call of unknown fate: which posts in the thread are this turn's.
//!
//! A post of ours is this turn's if a part that we know of has its timestamp, if its metadata names the turn, or if it is a
//! stream that nobody ended well and that carries no metadata yet: `chat.startStream` takes none. Answers of a thread never
//! overlap, and each ends its streams before it counts as delivered, so no earlier answer's post is like that. Commands run
//! beside answers and never stream: such a stream is none of theirs.

use std::time::Duration;

use chathakase_session::{
    SlackTs, chain, fault_point,
    turn::{Turn, TurnKind},
};
use chathakase_slack::{
    api::{ApiError, Mark},
    payload::Post,
    reply::OwnPost,
    text,
};

use super::{
    driver::Driver,
    journal::{Known, Lost},
};
use crate::reading::Pages;

/// Posts asked for in one page of a thread.
const PAGE: u32 = 200;
/// Pages read from the question on. An answer is in the first, unless hundreds of people wrote meanwhile.
const PAGES_MAX: usize = 10;

/// What a thread shows of a turn.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// Its posts, oldest first.
    pub(super) posts: Vec<OwnPost>,
    /// What they say, as plain text; `None` when Slack does not show us the thread.
    pub(super) said: Option<String>,
    /// Slack does not show us the thread, and posts that we know nothing of may stand there.
    pub(super) unsure: bool,
}

impl Standing {
    /// What `known` says without looking.
    fn unseen(known: &Known) -> Self {
        let posts = known.posts().into_iter().map(|ts| OwnPost { ts, streaming: false }).collect();
        Self { posts, said: None, unsure: known.is_unsure() }
    }
    /// Whether surely nothing of the turn is there.
    pub(super) fn is_nothing(&self) -> bool {
        self.posts.is_empty() && !self.unsure
    }
}

/// The waits before a thread that could not be read, or an answer that could not be brought, is tried again: 2 s, doubling
/// up to 30 s, and never less than Slack asks for.
#[derive(Debug)]
pub(super) struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(Duration::from_secs(2))
    }
}

impl Pauses {
    const MAX: Duration = Duration::from_secs(30);

    pub(super) fn after(&mut self, error: Option<&ApiError>) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(Self::MAX);
        error.and_then(ApiError::retry_after).map_or(pause, |asked| asked.max(pause))
    }
}

/// This turn's posts in its thread. Reads the thread until Slack lets us, because what is there decides what may be said; but
/// no longer than `Settings::read_back_patience`, and not at all when Slack refuses for good: then what we know has to do.
pub(super) async fn standing(driver: &Driver<'_>, turn: &Turn) -> Result<Standing, Lost> {
    let clock = &driver.tools.clock;
    let (began, mut pauses) = (clock.monotonic(), Pauses::default());
    loop {
        let error = match read(driver, turn).await {
            Ok(standing) => {
                fault_point!("thread.read");
                return Ok(standing);
            }
            Err(error) => error,
        };
        if error.is_token_fatal() {
            // Nothing can be said either. What stands there shows when Slack lets us in again.
            return Err(Lost(turn.id));
        }
        let passes = error.is_transient() || error.code().is_none();
        let unseen = Standing::unseen(&driver.known);
        // Saying it again is right once: after that, as long as we wait nothing is doubled.
        let patient = passes && unseen.unsure && driver.has_repeated();
        let over = clock.monotonic().saturating_sub(began) >= driver.tools.settings.read_back_patience;
        if !patient && (over || !passes) {
            tracing::warn!(error = %chain(&error), thread.key = %turn.key, unsure = unseen.unsure, "the thread cannot be read; what is known of it has to do");
            return Ok(unseen);
        }
        tracing::warn!(error = %chain(&error), thread.key = %turn.key, "the thread cannot be read; trying again");
        driver.pause(pauses.after(Some(&error))).await?;
    }
}

async fn read(driver: &Driver<'_>, turn: &Turn) -> Result<Standing, ApiError> {
    let known = driver.known.posts();
    let mut found = Vec::new();
    let mut pages = Pages::of(&driver.tools.api, &turn.key, Some(turn.first_ts), PAGE);
    for _ in 0..PAGES_MAX {
        found.extend(pages.next().await?.into_iter().filter(|post| is_this_turns(driver, turn, &known, post)));
        if pages.are_over {
            break;
        }
    }
    found.sort_by_key(|post: &Post| post.ts);
    found.dedup_by_key(|post| post.ts);
    let said: Vec<String> = found.iter().map(|post| text::plain(&post.text, &text::NoNames)).collect();
    let posts = found.iter().map(|post| OwnPost { ts: post.ts, streaming: is_streaming(post) }).collect();
    Ok(Standing { posts, said: Some(said.join("\n")), unsure: false })
}

fn is_this_turns(driver: &Driver<'_>, turn: &Turn, known: &[SlackTs], post: &Post) -> bool {
    let ours = driver.tools.me.wrote(&post.author);
    let marked = Mark::of(post.metadata.as_ref()).map(|mark| mark.turn == turn.id.to_string());
    let unmarked = || turn.kind == TurnKind::Answer && is_unfinished(post);
    ours && post.ts > turn.first_ts && (known.contains(&post.ts) || marked.unwrap_or_else(unmarked))
}

fn is_streaming(post: &Post) -> bool {
    post.streaming_state.as_deref() == Some("in_progress")
}

/// A stream that we stopped says whose it is; one that Slack ended, or nobody yet, does not.
fn is_unfinished(post: &Post) -> bool {
    post.streaming_state.as_deref().is_some_and(|state| state != "completed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        let mut pauses = Pauses::default();
        let secs: Vec<u64> = (0..6).map(|_| pauses.after(None).as_secs()).collect();
        assert_eq!(secs, [2, 4, 8, 16, 30, 30]);
    }
}
