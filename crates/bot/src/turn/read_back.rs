//! Reading a thread's earlier posts when we join it in its middle, or come back to it after its session expired.

use std::time::Duration;

use chathakase_session::{
    Kind, SlackTs, fault_point,
    store::{NewPost, ReadBack, ThreadMark},
    turn::Turn,
};
use chathakase_slack::{api::ApiError, payload::Post};

use super::{
    driver::Driver,
    journal::{Lost, insist},
};
use crate::{
    here::Here,
    reading::{self, as_context, route_of},
    route::Route,
};

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
    let newest_of_ours = reading.posts.iter().filter(|post| tools.me.wrote(&post.author)).map(|post| post.ts).max();
    let since = SlackTs::at(tools.api.slack_now() - settings.catch_up);
    let mut missed = Missed { mark: &mark, since, newest_of_ours, turn, has_strangers: false };
    let route_of = |post: &Post| route_of(post, &turn.key.workspace, &tools.me, &mark, &settings.access);
    let here = Here::new(tools.me.clone(), api, turn.key.workspace.clone(), None);
    let is_from_elsewhere = |post: &&Post| here.known(post, &settings.access).is_none();
    let mut asking = reading.posts.iter().filter(|post| missed.asks(post, &route_of(post)).is_some());
    if let Some(post) = asking.find(is_from_elsewhere) {
        // Where Slack does not say it now, they stay context: who is a stranger is known when their questions come.
        missed.has_strangers = driver.unless_silenced(here.is_shared(post, &settings.access)).await?.unwrap_or(true);
    }
    let read = reading.until(until, turn.first_ts, settings.read_back_posts_max, |post| {
        let route = route_of(&post);
        if matches!(route, Route::Command { .. }) {
            return None;
        }
        let asks = missed.asks(&post, &route);
        let name = post.author.user.as_ref().and_then(|id| names.get(id).cloned());
        let context = as_context(&turn.key, post, &tools.me, name, settings.message_chars_max);
        Some(match asks {
            Some(joined_only) => NewPost { kind: Kind::Accepted, joined_only, ..context },
            None => context,
        })
    });
    // The thread's first message has a place of its own.
    let read = ReadBack { questions_max: settings.window.max_messages.saturating_sub(1), ..read };
    let left_out = read.left_out;
    let learned = insist!(hold, tools.store.learn(&hold.lease, read.clone(), driver.now()))?;
    fault_point!("thread.learned");
    tracing::info!(thread.key = %turn.key, posts = learned.new, questions = learned.questions, edited = learned.amended, gone = learned.erased, left_out, "earlier posts of the thread were read");
    Ok(())
}

/// Which posts of a reading are questions, should the store know nothing of them: they were missed, or are still on their way. What
/// the model answers with them in its window is answered, and not to be asked again when it comes.
struct Missed<'a> {
    mark: &'a ThreadMark,
    /// Older ones are too old to be answered.
    since: SlackTs,
    newest_of_ours: Option<SlackTs>,
    turn: &'a Turn,
    /// Whether people from other workspaces are of other companies.
    has_strangers: bool,
}

impl Missed<'_> {
    /// Whether a post asks, and then whether it does so only in a thread of ours.
    fn asks(&self, post: &Post, route: &Route) -> Option<bool> {
        let Route::Accept { uninvited, .. } = route else { return None };
        // Who asked the turn itself is known by their own delivery.
        let is_known = [self.turn.first_ts, self.turn.last_ts].contains(&post.ts);
        let elsewhere = post.author.team.as_ref().is_some_and(|team| *team != self.turn.key.workspace);
        // What was said to an assistant that forgot it, before this one came into the thread, has its answer behind it.
        let is_open = self.mark.listens_at(post.ts) || Some(post.ts) > self.newest_of_ours;
        let is_stranger = elsewhere && self.has_strangers;
        (post.ts >= self.since && is_open && !post.author.is_bot && !is_stranger && !is_known).then_some(*uninvited)
    }
}
