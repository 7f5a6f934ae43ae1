//! Whether the model answers: one tiny request.

use chathakase_model::{ChatMessage, Client, ModelConfig, ModelError, Piece, Request};
use chathakase_session::{Role, time::SharedClock};

use super::report::Finding;
use crate::{config::Config, wiring};

/// Longest answer that is asked for: a word, and room for a model that thinks first.
const TOKENS_MAX: u32 = 256;

pub(crate) async fn look(config: &Config, clock: SharedClock) -> Finding {
    let began = clock.monotonic();
    match ask(config, clock.clone()).await {
        Ok(model) => {
            let ms = clock.monotonic().saturating_sub(began).as_millis();
            Finding::right("model", format!("{model} answered in {ms} ms"))
        }
        // It thought longer than we let it; that it does is what was to be seen.
        Err(ModelError::Empty { .. }) => Finding::right("model", format!("{} answered", config.model_name)),
        Err(error) => Finding::fault("model", &error),
    }
}

async fn ask(config: &Config, clock: SharedClock) -> Result<String, ModelError> {
    let usual = wiring::model_config(config);
    let max_tokens = Some(usual.max_tokens.map_or(TOKENS_MAX, |most| most.min(TOKENS_MAX)));
    let client = Client::new(ModelConfig { max_tokens, retries_max: 0, ..usual }, clock)?;
    let say = |role, words: &str| ChatMessage { role, content: words.to_owned() };
    let messages =
        vec![say(Role::System, "This is a test of the connection."), say(Role::User, "Answer with the one word: ok")];
    let mut answer = client.stream(&Request { messages, user: None }).await?;
    let mut model = None;
    while let Some(piece) = answer.next().await {
        if let Piece::Finished(finish) = piece? {
            model = finish.model;
        }
    }
    Ok(model.unwrap_or_else(|| config.model_name.clone()))
}
