//! Reading a thread's earlier posts when we join it in its middle, or come back to it after its session expired.

use chathakase_session::{Kind, Role, store::NewPost, turn::Turn};
use chathakase_slack::{
    api::PageRequest,
    payload::{Place, Post, Subtype, post_from_history},
    text,
};

use super::{
    driver::Driver,
    journal::{Lost, insist},
};
use crate::intake;

/// Posts asked for in one call: the most that Slack gives. Apps under its special limit get 15.
const PAGE: u32 = 999;

/// Reads the thread once, within the limits, and keeps what people and we said as context. Slack's refusal is no reason
/// not to answer: then the question stands alone.
pub(super) async fn learn(driver: &Driver<'_>, turn: &Turn) -> Result<(), Lost> {
    let tools = driver.tools;
    let mut posts = read(driver, turn).await;
    let authors: Vec<_> = posts.iter().filter_map(|post| post.author.user.clone()).collect();
    let names = driver.unless_silenced(tools.people.names(authors)).await?;
    posts.retain(is_worth_knowing);
    let posts: Vec<NewPost> = posts
        .into_iter()
        .map(|post| {
            let ours = post.author.user.as_ref() == Some(&tools.me.user);
            let said = text::without_mention(&post.text, &tools.me.user);
            let text = intake::words(&post, &said, tools.settings.message_chars_max);
            NewPost {
                key: turn.key.clone(),
                ts: post.ts,
                role: if ours { Role::Assistant } else { Role::User },
                kind: Kind::Context,
                name: post.author.user.as_ref().and_then(|id| names.get(id).cloned()).or(post.author.name),
                author: post.author.user.filter(|_| !ours),
                author_team: post.author.team,
                by_bot: post.author.is_bot,
                text,
                edited_ts: post.edited_ts,
                joined_only: false,
            }
        })
        .collect();
    let store = &tools.store;
    let learned = insist!(driver.hold, store.learn(&driver.hold.lease, posts.clone(), driver.now()))?;
    tracing::info!(thread.key = %turn.key, posts = learned, "earlier posts of the thread were read");
    Ok(())
}

async fn read(driver: &Driver<'_>, turn: &Turn) -> Vec<Post> {
    let tools = driver.tools;
    let mut posts = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..tools.settings.read_back_calls_max {
        let page = PageRequest {
            latest: Some(turn.first_ts),
            limit: Some(PAGE),
            cursor: cursor.as_deref(),
            ..PageRequest::default()
        };
        let page = match tools.api.conversations_replies(&turn.key.channel, turn.key.root, page).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, thread.key = %turn.key, "the thread's earlier posts could not be read");
                break;
            }
        };
        posts
            .extend(page.messages.iter().filter_map(|m| post_from_history(m.get(), &turn.key.channel, Place::Unknown)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    posts.retain(|post| post.ts < turn.first_ts);
    // Slack gives the oldest first. The thread's first post says what it is about; of the others the newest count.
    let surplus = posts.len().saturating_sub(tools.settings.read_back_posts_max);
    posts.drain(1.min(posts.len())..(1 + surplus).min(posts.len()));
    posts
}

fn is_worth_knowing(post: &Post) -> bool {
    let words = matches!(
        post.subtype,
        None | Some(Subtype::FileShare | Subtype::ThreadBroadcast | Subtype::Me | Subtype::BotMessage)
    );
    words && !(post.text.trim().is_empty() && post.files.is_empty())
}
