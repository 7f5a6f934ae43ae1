//! The assistant as a whole: made of parts, started, and ended in good order.

use std::sync::Arc;

use chathakase_model as model;
use chathakase_session::{
    WorkspaceId, chain, fault_point, store::SessionStore, time::SharedClock, tokens::TokenCounter, turn::OwnerId,
};
use chathakase_slack::{api::Api, payload::Inbox, reply::Replies};
use tokio::task::JoinHandle;

use crate::{
    gaps::{self, CatchUpReport, Gaps, Stretch},
    intake::{Intake, Mailbox},
    people::People,
    route::Identity,
    runner::Runner,
    settings::Settings,
    told::Teller,
    turn::Tools,
};

/// What an assistant is made of.
pub struct Parts {
    /// Where sessions are kept.
    pub store: Arc<dyn SessionStore>,
    /// Slack's Web API.
    pub api: Api,
    /// How answers are brought into threads.
    pub replies: Replies,
    /// The model.
    pub model: model::Client,
    /// Counts tokens as that model does.
    pub counter: Arc<dyn TokenCounter>,
    /// Where the time comes from.
    pub clock: SharedClock,
    /// Who we are in the workspace.
    pub me: Identity,
    /// This process's name; no other may have it.
    pub owner: OwnerId,
    /// How it is set up.
    pub settings: Settings,
}

/// A running assistant.
pub struct Assistant {
    runner: Arc<Runner>,
    intake: Arc<Intake>,
    keeper: JoinHandle<()>,
}

impl Assistant {
    /// Starts the tasks that carry on with what an earlier process left, renew, adopt and sweep. Deliveries may come at once.
    pub fn start(parts: Parts) -> Self {
        let Parts { store, api, replies, model, counter, clock, me, owner, settings } = parts;
        let people = People::new(api.clone(), Arc::clone(&clock));
        let tools = Tools { store, api, replies, model, counter, people, settings, clock, me };
        let runner = Runner::new(tools, owner);
        let intake = Arc::new(Intake {
            runner: Arc::clone(&runner),
            gaps: Gaps::new(runner.tools.settings.catch_up),
            teller: Teller::new(Arc::clone(&runner)),
        });
        let keeper = tokio::spawn(Arc::clone(&runner).keep());
        Self { runner, intake, keeper }
    }

    /// Looks for what was missed whenever a new `stretch` of time begins in which events can come; `workspace` is the one that
    /// the token is for. To be called once, before the doors open: what comes from then on keeps the order of its thread.
    pub fn watch(&self, workspace: WorkspaceId, stretch: Stretch) {
        gaps::watch::keep(&self.intake, workspace, stretch);
    }

    /// What was looked for after gaps.
    pub fn catch_up(&self) -> Arc<dyn Fn() -> CatchUpReport + Send + Sync> {
        let intake = Arc::clone(&self.intake);
        Arc::new(move || intake.gaps.report())
    }

    /// Where Slack's doors deliver to.
    pub fn inbox(&self) -> Arc<dyn Inbox> {
        Arc::new(Mailbox(Arc::clone(&self.intake)))
    }

    /// Ends in good order: nothing new is begun, running turns may end within [`Settings::drain`], what is left is given
    /// back to be carried on with after the next start.
    pub async fn drain(self) {
        let clock = &self.runner.tools.clock;
        let good = self.intake.gaps.good();
        self.runner.drain().await;
        self.keeper.abort();
        // An aborted task ends with an error that says so; there is nothing else to hear from it.
        let _ = self.keeper.await;
        if let Err(error) = self.runner.tools.store.leave(&self.runner.claimant, good, clock.now()).await {
            tracing::warn!(error = %chain(&error), "the store was not told of the end; other processes find out in half a minute");
        }
        fault_point!("leave.stored");
    }
}
