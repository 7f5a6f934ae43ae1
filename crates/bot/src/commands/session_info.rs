//! `session info`: what is remembered of this thread, and what the model would be sent of it.

use async_trait::async_trait;
use chathakase_session::{
    store::{self, StoreError},
    window::window,
};

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
        let Some(info) = ask.store.session(ask.key, ask.now).await? else {
            return Ok(Reply::Thread(texts::no_session()));
        };
        if info.user_messages + info.assistant_messages == 0 {
            return Ok(Reply::Thread(texts::no_session()));
        }
        let limits = &ask.settings.window;
        let mut history = ask.store.history(ask.key, None, limits.max_messages, ask.now).await?;
        let names = ask.people.names(info.people.keys().cloned().collect()).await;
        prompt::put_names(&mut history, &names);
        let holds = window(&prompt::system(&ask.settings.system_prompt, &history), &history, limits, &**ask.counter);
        let names = info.people.iter().map(|(id, known)| names.get(id).unwrap_or(known).clone()).collect();
        Ok(Reply::Thread(tell(&info, names, &ask.settings.model, holds.messages.len().saturating_sub(1), ask.now)))
    }
}

fn tell(
    info: &store::SessionInfo,
    names: Vec<String>,
    model: &str,
    in_window: usize,
    now: chathakase_session::Timestamp,
) -> String {
    texts::SessionInfo {
        id: info.key.session_id().to_string(),
        people: names,
        user_messages: info.user_messages,
        assistant_messages: info.assistant_messages,
        age: now.since(info.created_at),
        idle: now.since(info.last_activity),
        expires_in: info.expires_at.map(|at| at.since(now)),
        waiting: info.waiting,
        model: info.model.clone().unwrap_or_else(|| model.to_owned()),
        in_window: in_window as u64,
    }
    .to_string()
}
