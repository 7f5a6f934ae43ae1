//! What the demo stands on: a small Slack, a model, and the real assistant between them, as `serve` would start it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Context;
use axum::http::Uri;
use chathakase_session::time::{SharedClock, timeout};
use chathakase_sim::{
    model::{RequestSeen, ScriptedModel, demo},
    relay::Relay,
    slack::{Options, SmallSlack, Thread, Transport},
};
use tempfile::TempDir;

use super::{ledger::Ledger, life::Life};
use crate::config::Config;

/// Longest wait for the assistant's connection to the small Slack, which takes milliseconds.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);
/// The stand-in's pause after each word: about the pace of a large model, so that one can see the answer grow.
const MODEL_WORD_PAUSE: Duration = Duration::from_millis(40);
/// What the stand-in is called.
const STAND_IN: &str = "stand-in";

/// Which model answers. Not `Debug`: a key may be among the variables.
pub(crate) enum Brain {
    /// The built-in one.
    StandIn,
    /// The one that these variables of the environment name.
    Real(HashMap<String, String>),
}

impl Brain {
    /// A real one, if the environment names one: its address or its key.
    pub(crate) fn from_env(vars: impl Iterator<Item = (String, String)>) -> Self {
        let ours = |name: &str| name.starts_with("OPENAI_") || name.starts_with("CHATHAKASE_MODEL__");
        let vars: HashMap<_, _> = vars.filter(|(name, value)| ours(name) && !value.is_empty()).collect();
        let named = ["OPENAI_API_KEY", "OPENAI_API_KEY_FILE", "OPENAI_BASE_URL"];
        if named.iter().any(|name| vars.contains_key(*name)) { Self::Real(vars) } else { Self::StandIn }
    }
}

/// The running parts. The database lives in a folder that goes with it.
pub(crate) struct Stage {
    pub(crate) slack: SmallSlack,
    /// Between the assistant and its model. None where there can be none; the assistant then says why itself.
    pub(crate) relay: Option<Relay>,
    stand_in: Option<ScriptedModel>,
    /// Where the model is, behind the pass-through.
    model_address: String,
    config: Config,
    clock: SharedClock,
    assistant: Option<Life>,
    pub(crate) ledger: Ledger,
    _folder: TempDir,
}

impl Stage {
    /// Sets everything up; the assistant is not started yet.
    pub(crate) async fn set(brain: &Brain, clock: SharedClock) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("the demo needs a temporary folder for its database")?;
        let options = Options { transport: Transport::Socket, clock: Arc::clone(&clock), ..Options::default() };
        let slack = SmallSlack::try_start(options).await.context("the small Slack needs a port on 127.0.0.1")?;
        let mut env = HashMap::from([
            ("SLACK_BOT_TOKEN".to_owned(), slack.bot_token().to_owned()),
            ("SLACK_APP_TOKEN".to_owned(), slack.app_token().to_owned()),
            ("SLACK_API_URL".to_owned(), slack.api_url()),
            ("DATABASE_URL".to_owned(), format!("sqlite:{}", folder.path().join("chathakase.db").display())),
        ]);
        let stand_in = match brain {
            Brain::Real(vars) => {
                env.extend(vars.clone());
                None
            }
            Brain::StandIn => {
                let model = demo::start(Arc::clone(&clock)).await;
                model.paced(MODEL_WORD_PAUSE);
                env.insert("OPENAI_BASE_URL".to_owned(), model.base_url());
                env.insert("OPENAI_API_KEY".to_owned(), "not-a-secret".to_owned());
                env.insert("CHATHAKASE_MODEL__NAME".to_owned(), STAND_IN.to_owned());
                Some(model)
            }
        };
        // Not the settings of whoever tries this: their file may hold the tokens of a real Slack.
        let settings = folder.path().join("chathakase.toml");
        std::fs::write(&settings, "").context("the temporary folder cannot be written to")?;
        let flags = [("http.listen".to_owned(), "127.0.0.1:0".to_owned())];
        let mut config = Config::load(Some(&settings), &|name| env.get(name).cloned(), &flags)?;
        let relay = Relay::start(&config.model_base_url, Arc::clone(&clock)).await.ok();
        let model_address = config.model_base_url.clone();
        if let Some(relay) = &relay {
            relay.base_url().clone_into(&mut config.model_base_url);
        }
        Ok(Self {
            slack,
            relay,
            stand_in,
            model_address,
            config,
            clock,
            assistant: None,
            ledger: Ledger::default(),
            _folder: folder,
        })
    }

    /// Name and host of the model, unless it is the built-in one. Not the whole address: a password may stand in it.
    pub(crate) fn real_model(&self) -> Option<String> {
        let address: Option<Uri> = self.model_address.parse().ok();
        let host = address.as_ref().and_then(Uri::host).unwrap_or("an address that is none");
        self.stand_in.is_none().then(|| format!("{} at {host}", self.config.model_name))
    }

    /// Starts the assistant, on what the database holds.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        let life = Life::begin(self.config.clone(), Arc::clone(&self.clock)).await?;
        self.ledger.turn_to(Some(Arc::clone(&life.store)));
        self.assistant = Some(life);
        timeout(&*self.clock, CONNECTED_WITHIN, self.slack.connected(1))
            .await
            .context("the assistant did not connect to the small Slack")
    }

    /// Ends the assistant as SIGTERM does: running answers are finished first.
    pub(crate) async fn stop(&mut self) {
        if let Some(life) = self.assistant.take() {
            life.end().await;
            self.ledger.turn_to(None);
        }
    }

    /// Ends the assistant as SIGKILL does.
    pub(crate) async fn kill(&mut self) {
        if let Some(life) = self.assistant.take() {
            self.ledger.turn_to(None);
            life.kill().await;
        }
    }

    /// Whether the assistant has still something to do in a thread.
    pub(crate) async fn is_at_work(&self, thread: &Thread) -> anyhow::Result<bool> {
        let Some(store) = self.ledger.store() else { return Ok(false) };
        let session = store.session(&thread.key(), self.clock.now()).await?;
        Ok(session.is_some_and(|session| session.expires_at.is_none()))
    }

    /// What the model was sent last.
    pub(crate) fn last_request(&self) -> Option<RequestSeen> {
        self.relay.as_ref()?.last().map(|exchange| exchange.request)
    }

    /// Whether the built-in model answers.
    pub(crate) fn has_stand_in(&self) -> bool {
        self.stand_in.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_model_is_used_only_where_the_environment_names_one() {
        let brain = |vars: &[(&str, &str)]| Brain::from_env(vars.iter().map(|(k, v)| ((*k).into(), (*v).into())));
        assert!(matches!(brain(&[]), Brain::StandIn));
        assert!(matches!(brain(&[("OPENAI_API_KEY", "")]), Brain::StandIn));
        let others = [("OPENAI_ORG", "x"), ("PATH", "y"), ("SLACK_BOT_TOKEN", "z")];
        assert!(matches!(brain(&others), Brain::StandIn));
        let Brain::Real(vars) = brain(&[("OPENAI_API_KEY", "k"), ("CHATHAKASE_MODEL__NAME", "m"), ("PORT", "1")])
        else {
            panic!("a key names a real model");
        };
        assert_eq!(vars.len(), 2, "{:?}", vars.keys());
        assert!(matches!(brain(&[("OPENAI_BASE_URL", "http://x")]), Brain::Real(_)));
    }
}
