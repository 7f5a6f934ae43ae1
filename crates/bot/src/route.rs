//! What happens with a post: the routing table, row by row. Pure; the first row that fits decides.
//!
//! | post | [`Route`] |
//! |---|---|
//! | our own | `Ignore` |
//! | another bot's, even if it mentions us | `Ignore`; as a person's when allow-listed, of which the store takes so many in a row (`Rules::bots_in_row_max`) |
//! | a stranger's from a connected workspace | `Ignore` unless allowed |
//! | of a subtype that is not a person's words | `Ignore` |
//! | a command, in a direct message, a mention or a joined thread | `Command` |
//! | a direct message | `Accept` |
//! | a mention | `Accept`; without words at top level: `Command` of no words, which gives a hint |
//! | a reply in a joined thread that starts by addressing another person | `Context` |
//! | a reply in a joined thread | `Accept` |
//! | a reply in another thread | `NotJoined` |
//! | anything else | `Ignore` |

use chathakase_session::{AppId, BotId, UserId, WorkspaceId, store::ThreadMark};
use chathakase_slack::{
    payload::{Author, Place, Post, Subtype},
    text,
};

use crate::{commands, settings::Access};

/// Who we are in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Our user, which people mention.
    pub user: UserId,
    /// Our bot, if Slack named it.
    pub bot: Option<BotId>,
    /// Our app, if Slack named it.
    pub app: Option<AppId>,
    /// The enterprise that the workspace belongs to, if it belongs to one.
    pub enterprise: Option<WorkspaceId>,
}

impl Identity {
    /// Whether we are the author.
    pub fn wrote(&self, author: &Author) -> bool {
        author.user.as_ref() == Some(&self.user)
            || (author.bot.is_some() && author.bot == self.bot)
            || (author.app.is_some() && author.app == self.app && author.is_bot)
    }
}

/// What to do with a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Nothing, for this reason.
    Ignore(&'static str),
    /// Nothing is stored, but its thread may yet become ours: its id is remembered for a while.
    NotJoined,
    /// Keep it as context, without a turn.
    Context,
    /// Answer it.
    Accept {
        /// What was said, without the mention of us.
        words: String,
        /// Neither a mention nor a direct message: only for a thread that we take part in.
        uninvited: bool,
    },
    /// Run the command. Words that are none, after a bare mention, give a hint.
    Command {
        /// The command, trimmed, without the mention of us.
        words: String,
        /// Neither a mention nor a direct message: only for a thread that we take part in.
        uninvited: bool,
    },
}

impl Route {
    /// It in one word: also the value of a metric's label.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ignore(_) => "ignore",
            Self::NotJoined => "not_joined",
            Self::Context => "context",
            Self::Accept { .. } => "accept",
            Self::Command { .. } => "command",
        }
    }
}

/// Whether this is a bot that is answered as people are.
pub fn is_allowed_bot(author: &Author, access: &Access) -> bool {
    author.bot.as_ref().is_some_and(|bot| access.bots.contains(bot))
}

/// A post as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// What was posted.
    pub post: &'a Post,
    /// Whether Slack says that it mentions us, beside what its text says.
    pub mention_event: bool,
    /// The workspace that we see it through.
    pub workspace: &'a WorkspaceId,
    /// Whether its channel is shared with another company.
    pub shared: bool,
}

/// Decides what happens with a post.
pub fn route(arrival: Arrival<'_>, me: &Identity, mark: &ThreadMark, access: &Access) -> Route {
    if let Some(why) = not_for_us(arrival, me, access) {
        return Route::Ignore(why);
    }
    let Arrival { post, mention_event, .. } = arrival;
    let direct = post.place == Place::Direct;
    let mentioned = mention_event || text::mentions(&post.text, &me.user);
    let uninvited = !direct && !mentioned;
    let words = text::without_mention(&post.text, &me.user);
    let wordless = words.is_empty() && post.files.is_empty();
    if uninvited && !post.is_reply() {
        return Route::Ignore("nobody asked us");
    }
    if uninvited && !mark.joined {
        return Route::NotJoined;
    }
    if commands::find(&words).is_some() {
        return Route::Command { words, uninvited };
    }
    if uninvited && text::addresses_another(&post.text, &me.user) {
        return Route::Context;
    }
    match (wordless, mentioned && !direct, post.is_reply()) {
        (true, true, false) => Route::Command { words, uninvited },
        (true, false, _) => Route::Ignore("nothing was said"),
        _ => Route::Accept { words, uninvited },
    }
}

fn not_for_us(arrival: Arrival<'_>, me: &Identity, access: &Access) -> Option<&'static str> {
    let post = arrival.post;
    let author = &post.author;
    if me.wrote(author) {
        return Some("our own post");
    }
    if author.is_bot {
        if !is_allowed_bot(author, access) {
            return Some("another bot's post");
        }
    } else if author.user.is_none() {
        return Some("nobody's post");
    }
    // Within one enterprise people of several workspaces meet; only a channel shared between companies has strangers.
    let elsewhere = arrival.shared && author.team.as_ref().is_some_and(|team| team != arrival.workspace);
    if elsewhere && !access.strangers {
        return Some("a stranger from a connected workspace");
    }
    match post.subtype {
        None | Some(Subtype::FileShare | Subtype::ThreadBroadcast | Subtype::Me) => None,
        Some(Subtype::BotMessage) if author.is_bot => None,
        Some(Subtype::BotMessage | Subtype::Other(_)) => Some("not a person's words"),
    }
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
