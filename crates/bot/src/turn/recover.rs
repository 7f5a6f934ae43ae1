//! After an owner's death, or a call of unknown fate: which posts in the thread are this turn's.
//!
//! A post of ours is this turn's if a part that we know of has its timestamp, if its metadata names the turn and does not say that it
//! only speaks of the answer, or if it is a stream without metadata that no other turn is known to have made: `chat.startStream` takes
//! none, and a stream that a person stops before we end it stays without. Answers of a thread never overlap, and the posts of each are
//! known before it counts as delivered; those of sessions that expired are known no more, but they are older than this turn. Commands
//! run beside answers and never stream: such a stream is none of theirs.

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
    journal::{Known, Lost, insist},
};
use crate::{
    reading::{Pages, our_words},
    texts,
};

/// Posts asked for in one page of a thread.
const PAGE: u32 = 200;
/// Pages read from the question on. An answer is in the first, unless hundreds of people wrote meanwhile.
const PAGES_MAX: usize = 10;

/// How long a thread is asked for at most of which a person stopped the answer: what waits behind it is worth more than its words.
const STOPPED_PATIENCE: Duration = Duration::from_secs(60);

/// A post that came to stand so long before its turn began, by what we know of Slack's clock, is not the turn's.
const EARLY_MAX: Duration = Duration::from_secs(15);

/// What a thread shows of a turn.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// Its posts, oldest first.
    pub(super) posts: Vec<OwnPost>,
    /// What they say, as plain text and without our notes; `None` when Slack does not show us the thread.
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
    fn seen(mut posts: Vec<Post>) -> Self {
        posts.sort_by_key(|post| post.ts);
        posts.dedup_by_key(|post| post.ts);
        let said = posts.iter().map(|post| text::plain(&our_words(post), &text::NoNames));
        let said: Vec<String> = said.filter(|words| !words.is_empty()).collect();
        let posts = posts.iter().map(|post| OwnPost { ts: post.ts, streaming: is_streaming(post) }).collect();
        Self { posts, said: Some(said.join("\n")), unsure: false }
    }
    /// What they say, as far as anybody knows: that something stands there is remembered also where Slack does not show it, or only a
    /// note of ours.
    pub(super) fn text(&self) -> &str {
        let unseen = if self.is_nothing() { "" } else { texts::UNSEEN };
        self.said.as_deref().filter(|said| !said.is_empty()).unwrap_or(unseen)
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
        let error = match seen(driver, turn).await? {
            Ok(posts) => {
                fault_point!("thread.read");
                return Ok(Standing::seen(posts));
            }
            Err(error) => error,
        };
        let passes = passes(&error);
        let unseen = Standing::unseen(&driver.known);
        // Saying it again is right once: after that, as long as we wait nothing is doubled. What was stopped is not said again.
        let is_stopped = driver.hold.stopped.is_cancelled();
        let patient = passes && unseen.unsure && driver.has_repeated() && !is_stopped;
        let patience = if is_stopped { STOPPED_PATIENCE } else { Duration::MAX };
        let patience = driver.tools.settings.read_back_patience.min(patience);
        let over = clock.monotonic().saturating_sub(began) >= patience;
        if !patient && (over || !passes) {
            tracing::warn!(error = %chain(&error), thread.key = %turn.key, unsure = unseen.unsure, "the thread cannot be read; what is known of it has to do");
            driver.known.nobody_looks();
            return Ok(unseen);
        }
        tracing::warn!(error = %chain(&error), thread.key = %turn.key, "the thread cannot be read; trying again");
        driver.pause(pauses.after(Some(&error))).await?;
    }
}

/// The turn's posts, by one look at the thread. Where Slack takes our token no more, nothing can be said either: what stands there
/// shows when Slack lets us in again.
pub(super) async fn seen(driver: &Driver<'_>, turn: &Turn) -> Result<Result<Vec<Post>, ApiError>, Lost> {
    match read(driver, turn).await {
        Ok(found) => this_turns(driver, found).await.map(Ok),
        Err(error) if error.is_token_fatal() => Err(Lost(turn.id)),
        Err(error) => Ok(Err(error)),
    }
}

/// Whether a later look may be let in where this one was not.
pub(super) fn passes(error: &ApiError) -> bool {
    error.is_transient() || error.code().is_none()
}

/// The posts of the thread that may be this turn's.
async fn read(driver: &Driver<'_>, turn: &Turn) -> Result<Vec<Post>, ApiError> {
    let mut found = Vec::new();
    let mut pages = Pages::of(&driver.tools.api, &turn.key, Some(turn.first_ts), PAGE);
    for _ in 0..PAGES_MAX {
        found.extend(pages.next().await?.into_iter().filter(|post| may_be_this_turns(driver, turn, post)));
        if pages.are_over {
            break;
        }
    }
    Ok(found)
}

fn may_be_this_turns(driver: &Driver<'_>, turn: &Turn, post: &Post) -> bool {
    let ours = driver.tools.me.wrote(&post.author) && post.ts > turn.first_ts;
    let is_turns = |mark: Mark| mark.turn == turn.id.to_string() && !mark.is_notice();
    let marked = Mark::of(post.metadata.as_ref()).map(is_turns);
    let begun = turn.started_at.is_none_or(|began| post.ts >= SlackTs::at(began - EARLY_MAX));
    let streamed = || turn.kind == TurnKind::Answer && post.streaming_state.is_some() && begun;
    ours && (driver.known.posts().contains(&post.ts) || marked.unwrap_or_else(streamed))
}

/// Leaves out what another turn streamed.
async fn this_turns(driver: &Driver<'_>, mut found: Vec<Post>) -> Result<Vec<Post>, Lost> {
    let known = driver.known.posts();
    let nameless = |post: &&Post| !known.contains(&post.ts) && Mark::of(post.metadata.as_ref()).is_none();
    let nameless: Vec<SlackTs> = found.iter().filter(nameless).map(|post| post.ts).collect();
    if !nameless.is_empty() {
        let (hold, store) = (&driver.hold, &driver.tools.store);
        let others = insist!(hold, store.posts_of_others(&hold.lease, &nameless))?;
        found.retain(|post| !others.contains(&post.ts));
    }
    Ok(found)
}

pub(super) fn is_streaming(post: &Post) -> bool {
    post.streaming_state.as_deref() == Some("in_progress")
}

#[cfg(test)]
mod tests {
    use chathakase_slack::payload::post_from_history;

    use super::*;

    /// What stands in a thread that shows these posts of an answer, each with its note.
    fn standing(posts: &[(&str, &str)]) -> Standing {
        let post = |(ts, (text, notes)): (u32, &(&str, &str))| {
            let json = serde_json::json!({
                "ts": format!("{ts}.000000"), "user": "U0ME", "text": text,
                "metadata": {
                    "event_type": "chathakase_turn",
                    "event_payload": {"turn": "t1", "kind": "answer", "part": 0, "notes": notes},
                },
            });
            post_from_history(&json.to_string(), &"C1".parse().unwrap()).unwrap()
        };
        Standing::seen((1..).zip(posts).map(post).collect())
    }

    #[test]
    fn what_stands_in_a_thread_says_what_the_model_said() {
        assert_eq!(standing(&[("One.", ""), ("Two.", "")]).text(), "One.\nTwo.");
        assert_eq!(standing(&[("One.\n\n_It broke off here._", "_It broke off here._")]).text(), "One.");
        assert_eq!(standing(&[("One.", ""), ("It broke off here.", "It broke off here.")]).text(), "One.");
        assert_eq!(standing(&[("It broke off here.", "It broke off here.")]).text(), texts::UNSEEN);
        assert_eq!(standing(&[]).text(), "");
    }

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        let mut pauses = Pauses::default();
        let secs: Vec<u64> = (0..6).map(|_| pauses.after(None).as_secs()).collect();
        assert_eq!(secs, [2, 4, 8, 16, 30, 30]);
    }
}
