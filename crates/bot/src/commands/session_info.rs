//! `session info`: what is remembered of this thread, and what the model would be sent of it.

use async_trait::async_trait;
use chathakase_session::{store::StoreError, window::window};

use super::{Ask, Command, Reply};
use crate::{prompt, texts};

pub(super) struct SessionInfo;

#[async_trait]
impl Command for SessionInfo {
    fn say(&self) -> &'static str {
        "session info"
    }
    fn does(&self) -> &'static str {
        "show what I remember of this thread"
    }
    async fn run(&self, ask: &Ask<'_>) -> Result<Reply, StoreError> {
        let Some(info) = ask.store.session(ask.key(), ask.now).await? else {
            return Ok(Reply::Thread(texts::no_session()));
        };
        if info.user_messages + info.assistant_messages == 0 {
            return Ok(Reply::Thread(texts::no_session()));
        }
        let limits = &ask.settings.window;
        let mut history = ask.store.history(ask.key(), None, limits.max_messages, ask.now).await?;
        let names = ask.people.names(info.people.keys().cloned().collect()).await;
        prompt::put_names(&mut history, &names);
        let holds = window(&prompt::system(&ask.settings.system_prompt, &history), &history, limits, &**ask.counter);
        // The session's own last activity is this command.
        let last_said = history.newest.iter().map(|message| message.at).max().unwrap_or(info.last_activity);
        let told = texts::SessionInfo {
            id: info.key.session_id().to_string(),
            people: info.people.iter().map(|(id, known)| names.get(id).unwrap_or(known).clone()).collect(),
            user_messages: info.user_messages,
            assistant_messages: info.assistant_messages,
            age: ask.now.since(info.created_at),
            idle: ask.now.since(last_said),
            // While this command is open nothing expires; when it is done, the time begins anew.
            expires_in: info.expires_at.map_or(ask.settings.session_timeout, |at| at.since(ask.now)),
            waiting: info.waiting,
            model: info.model.clone().unwrap_or_else(|| ask.settings.model.clone()),
            in_window: holds.messages.len().saturating_sub(1) as u64,
            tokens_max: holds.tokens as u64,
            tokens_limit: limits.max_tokens as u64,
        };
        Ok(Reply::Thread(told.to_string()))
    }
}
