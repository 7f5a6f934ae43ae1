//! A post that comes to stand after we looked: of a call that we, or an owner that died, stopped waiting for.
//!
//! What Slack has taken in it works on, whoever waits. So what such a call may have left is looked for twice: at once, because the
//! answer waits for it, and again when the call can take no effect any more, before the turn counts as delivered.

use std::time::Duration;

use chathakase_session::{
    chain,
    turn::{Part, Turn},
};
use chathakase_slack::reply::OwnPost;

use super::{
    driver::Driver,
    journal::Lost,
    recover::{self, Pauses},
};

/// How long a post may still come to stand after its call was given up, or after its maker's death was noticed: a call is heard out
/// for 8 s, and Slack's last step may be under way when that is over, so half as long again.
const LATE_MAX: Duration = Duration::from_secs(12);

/// How long the thread is asked for then, at most: this look guards against what is rare, and others need Slack's leave to read, and
/// this turn's place, for more.
const ASKED_FOR: Duration = Duration::from_secs(60);

/// The longest of the naps in which that is waited for: a machine that slept meanwhile has waited by the clock, and not by a timer.
const NAP: Duration = Duration::from_secs(1);

/// Takes away what came to stand beside the parts that are shown. Nothing, and no call, where the fate of every call is known.
///
/// Where Slack does not show the thread within [`ASKED_FOR`], it is not asked any longer, because the thread's next turn waits for this.
pub(super) async fn look_again(driver: &Driver<'_>, turn: &Turn, shown: &[Part]) -> Result<(), Lost> {
    let Some(since) = driver.known.late_since() else { return Ok(()) };
    let clock = &driver.tools.clock;
    loop {
        let left = (since + LATE_MAX).saturating_sub(clock.monotonic());
        if left.is_zero() {
            break;
        }
        driver.pause_unless_closing(left.min(NAP)).await?;
    }
    let (began, mut pauses) = (clock.monotonic(), Pauses::default());
    let patience = driver.tools.settings.read_back_patience.min(ASKED_FOR);
    let posts = loop {
        let error = match recover::seen(driver, turn).await? {
            Ok(posts) => break posts,
            Err(error) => error,
        };
        let over = clock.monotonic().saturating_sub(began) >= patience;
        if over || !recover::passes(&error) {
            tracing::warn!(error = %chain(&error), thread.key = %turn.key, "the thread cannot be read once more; a post that came late would stay there");
            return Ok(());
        }
        driver.pause_unless_closing(pauses.after(Some(&error))).await?;
    };
    let is_shown = |post: &OwnPost| shown.iter().any(|part| part.ts == Some(post.ts));
    let posts = posts.iter().map(|post| OwnPost { ts: post.ts, streaming: recover::is_streaming(post) });
    let surplus: Vec<OwnPost> = posts.filter(|post| !is_shown(post)).collect();
    if surplus.is_empty() {
        return Ok(());
    }
    tracing::warn!(turn.id = %turn.id, thread.key = %turn.key, posts = surplus.len(), "posts came late beside an answer; they are taken away");
    let removed = driver.tools.replies.remove(driver.target(turn), driver.journal(), surplus).await;
    removed.map_err(|error| {
        tracing::warn!(error = %chain(&error), thread.key = %turn.key, "what came late could not be taken away; trying again later");
        Lost(turn.id)
    })
}
