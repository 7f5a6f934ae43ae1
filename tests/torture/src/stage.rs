//! What the assistant runs among: a small Slack, a model, a disk, and time that passes faster.

use std::{path::PathBuf, sync::Arc};

use chathakase_session::time::SharedClock;
use chathakase_sim::{
    model::ScriptedModel,
    slack::{self, SmallSlack},
};
use rand::Rng;

use crate::{
    Options, Transport,
    clock::{Pace, ScaledClock},
    dice::dice,
    doors::Doors,
    model::Witness,
    replica::Replica,
    sabotage::{self, Sabotage},
    store::Store,
};

/// How wrong clocks are at most (2 minutes): Slack's signatures are good for five.
pub(crate) const CLOCK_WRONG_MS: i64 = 120_000;
/// Messages in a window: the assistant's default.
const WINDOW_MAX: usize = 20;

pub(crate) struct Stage {
    pub(crate) slack: SmallSlack,
    pub(crate) witness: Witness,
    pub(crate) clock: SharedClock,
    pub(crate) store: Store,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) folder: tempfile::TempDir,
    model: ScriptedModel,
    doors: Doors,
}

impl Stage {
    /// Sets it, and starts the assistant.
    pub(crate) async fn set(options: &Options, seed: u64) -> anyhow::Result<Self> {
        let pace = Pace::starting(options.scale);
        let clock: SharedClock = Arc::new(ScaledClock::new(pace));
        let transport = match options.transport(seed) {
            Transport::Http => slack::Transport::Http,
            Transport::Socket => slack::Transport::Socket,
        };
        let slack = slack::Options { transport, clock: clock.clone(), ..slack::Options::default() };
        let slack = SmallSlack::try_start(slack).await?;
        let model = ScriptedModel::start(clock.clone()).await;
        let witness = Witness::speaks_for(&model, WINDOW_MAX, options.expires_after(seed).is_some());
        let folder = tempfile::Builder::new().prefix("torture-").tempdir()?;
        let store = Store::new(options.store, folder.path(), pace).await?;
        let doors = Doors::of(&slack);
        let mut stage = Self { slack, witness, clock, store, replicas: Vec::new(), folder, model, doors };
        for number in 0..options.replicas(seed) {
            let doors = stage.doors.clone();
            let on_ready = move |address| doors.opened(number, address);
            let folder: PathBuf = stage.folder.path().to_owned();
            stage.replicas.push(Replica::new(
                number,
                stage.environment(options, seed),
                folder,
                pace,
                Arc::new(on_ready),
            ));
        }
        let dice = &mut dice(seed, "clocks");
        for replica in &mut stage.replicas {
            // Only who shares a store with others can be wrong against them.
            let wrong_ms =
                if options.store.is_shared() { dice.random_range(-CLOCK_WRONG_MS..=CLOCK_WRONG_MS) } else { 0 };
            replica.start(wrong_ms, None)?;
            anyhow::ensure!(replica.ready().await?, "the assistant ends at its start; `--keep` keeps its log");
        }
        Ok(stage)
    }

    fn environment(&self, options: &Options, seed: u64) -> Vec<(String, String)> {
        let expires_after =
            options.expires_after(seed).map_or_else(|| "7d".to_owned(), |seconds| format!("{seconds}s"));
        let door = match options.transport(seed) {
            Transport::Http => ("SLACK_SIGNING_SECRET", self.slack.signing_secret().to_owned()),
            Transport::Socket => ("SLACK_APP_TOKEN", self.slack.app_token().to_owned()),
        };
        let settings = [
            ("SLACK_API_URL", self.slack.api_url()),
            ("SLACK_BOT_TOKEN", self.slack.bot_token().to_owned()),
            door,
            ("OPENAI_BASE_URL", self.model.base_url()),
            ("OPENAI_API_KEY", "sk-torture".to_owned()),
            ("DATABASE_URL", self.store.url()),
            ("CHATHAKASE_HTTP__LISTEN", "127.0.0.1:0".to_owned()),
            ("CHATHAKASE_CONTEXT__MAX_MESSAGES", WINDOW_MAX.to_string()),
            // Long answers are to be in the window as they were given.
            ("CHATHAKASE_CONTEXT__MAX_TOKENS", "2000000".to_owned()),
            // Many more owners die here than anywhere else.
            ("CHATHAKASE_LIMITS__OWNER_DEATHS", "1000".to_owned()),
            // On this clock a busy machine stands still for long, and after a pause a tenth of the world's second is left to hear
            // what came meanwhile.
            ("CHATHAKASE_MODEL__FIRST_TOKEN_MAX", "120s".to_owned()),
            ("CHATHAKASE_MODEL__BETWEEN_TOKENS_MAX", "120s".to_owned()),
            ("CHATHAKASE_MODEL__TURN_MAX", "30m".to_owned()),
            ("CHATHAKASE_SESSION__TIMEOUT", expires_after),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
        let broken = options.sabotage.iter().flat_map(|sabotage| {
            // Catching up would find what a broken promise has lost, and hide it.
            let lost = (!sabotage.needs_catch_up()).then_some(("CHATHAKASE_LIMITS__CATCH_UP", "0s".to_owned()));
            lost.into_iter().chain([(sabotage::VARIABLE, sabotage.written())])
        });
        let broken = broken.map(|(name, value)| (name.to_owned(), value));
        let syncs = options.sabotage != Some(Sabotage::NoSync);
        settings.into_iter().chain(broken).chain(self.store.environment(syncs)).collect()
    }

    /// From now on events go only to processes that say that they are ready.
    pub(crate) fn balances(&self) {
        tokio::spawn(self.doors.clone().watch(self.clock.clone()));
    }

    /// A process does not listen any more.
    pub(crate) fn left(&self, replica: usize) {
        self.doors.closed(replica);
    }

    /// What the model's server and the small Slack saw that must not be.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let pings = self.slack.pings().into_iter().map(|ping| format!("a post pings {ping}"));
        let links = self.slack.unfurled().into_iter().map(|text| format!("a link unfurls: {text:.60}"));
        let methods =
            self.slack.unknown_methods().into_iter().map(|method| format!("no such method of Slack: {method}"));
        self.model.complaints().into_iter().chain(pings).chain(links).chain(methods).collect()
    }
}
