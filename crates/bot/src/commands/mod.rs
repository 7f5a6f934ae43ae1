//! The commands of a thread. Each is one file and one line of [`ALL`]; help is printed from it.

mod all_sessions;
mod clear_session;
mod help;
mod session_info;

use std::sync::Arc;

use async_trait::async_trait;
use chathakase_session::{
    SlackTs, ThreadKey, Timestamp, UserId, chain,
    store::{SessionStore, StoreError},
    tokens::TokenCounter,
    turn::Lease,
};

use crate::{people::People, settings::Settings, texts};

/// All commands, in the order in which help names them.
pub const ALL: &[&dyn Command] =
    &[&session_info::SessionInfo, &clear_session::ClearSession, &all_sessions::AllSessions, &help::Help];

/// Something that people type whole to be answered without a model.
#[async_trait]
pub trait Command: Sync {
    /// What to type, in lower case.
    fn say(&self) -> &'static str;
    /// What it does, for help.
    fn does(&self) -> &'static str;
    /// Whether a number may follow: the page wanted, from 1.
    fn has_pages(&self) -> bool {
        false
    }
    /// Does it and says what to answer.
    async fn run(&self, ask: &Ask<'_>) -> Result<Reply, StoreError>;
}

/// A command as somebody gave it.
pub struct Ask<'a> {
    /// The right to carry it out, and the thread in which it was given.
    pub lease: &'a Lease,
    /// The command's own post.
    pub ts: SlackTs,
    /// Who; `None` where Slack named nobody.
    pub asker: Option<&'a UserId>,
    /// The page wanted, from 1.
    pub page: usize,
    /// When.
    pub now: Timestamp,
    /// What is remembered.
    pub store: &'a dyn SessionStore,
    /// Who is who.
    pub people: &'a People,
    /// How we are set up.
    pub settings: &'a Settings,
    /// Counts tokens as the model does.
    pub counter: &'a Arc<dyn TokenCounter>,
}

impl Ask<'_> {
    /// Where.
    pub fn key(&self) -> &ThreadKey {
        &self.lease.key
    }
}

/// What a command answers, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Everyone in the thread.
    Thread(String),
    /// The asker alone.
    Asker(String),
    /// Nobody yet: whether it was done is not known, and is found out by whoever takes the turn up next.
    Later,
}

/// The command that `words` are, if they are nothing else: trimmed, in any case, with any white space between them, also in
/// the backticks in which we print them or with a full stop behind.
pub fn find(words: &str) -> Option<(&'static dyn Command, usize)> {
    let words = words.trim().trim_matches('`').trim_end_matches('.');
    let words = words.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ");
    ALL.iter().find_map(|command| {
        let rest = words.strip_prefix(command.say())?;
        match rest.strip_prefix(' ').map(str::parse) {
            None if rest.is_empty() => Some((*command, 1)),
            Some(Ok(page)) if command.has_pages() && page > 0 => Some((*command, page)),
            _ => None,
        }
    })
}

/// Answers the command that `words` are; words that are none get the hint for a bare mention.
pub async fn answer(words: &str, mut ask: Ask<'_>) -> Reply {
    let Some((command, page)) = find(words) else { return Reply::Thread(texts::hint()) };
    ask.page = page;
    command.run(&ask).await.unwrap_or_else(|error| {
        tracing::warn!(error = %chain(&error), thread.key = %ask.key(), command = command.say(), "a command could not be carried out");
        Reply::Thread(texts::command_failed())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, found: Option<(&str, usize)>) {
        assert_eq!(find(words).map(|(command, page)| (command.say(), page)), found, "{words:?}");
    }

    #[test]
    fn a_command_is_the_whole_text_in_any_case_and_spacing() {
        check("help", Some(("help", 1)));
        check("  Session\u{a0}INFO \n", Some(("session info", 1)));
        check("CLEAR session", Some(("clear session", 1)));
        check("all sessions", Some(("all sessions", 1)));
        check("`session info`", Some(("session info", 1)));
        check("Clear session.", Some(("clear session", 1)));
        check("all sessions 3", Some(("all sessions", 3)));
    }

    #[test]
    fn words_around_a_command_make_it_a_question() {
        for words in [
            "",
            "help me",
            "please help",
            "session info 2",
            "all sessions 0",
            "all sessions two",
            "all sessions2",
            "clear session!",
        ] {
            check(words, None);
        }
    }
}
