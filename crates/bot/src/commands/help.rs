//! `help`: what can be said here.

use async_trait::async_trait;
use chathakase_session::store::StoreError;

use super::{ALL, Ask, Command, Reply};
use crate::texts;

pub(super) struct Help;

#[async_trait]
impl Command for Help {
    fn say(&self) -> &'static str {
        "help"
    }
    fn does(&self) -> &'static str {
        "show this"
    }
    async fn run(&self, ask: &Ask<'_>) -> Result<Reply, StoreError> {
        let commands: Vec<_> = ALL.iter().map(|command| (command.say(), command.does())).collect();
        Ok(Reply::Thread(texts::help(&commands, ask.settings.session_timeout)))
    }
}
