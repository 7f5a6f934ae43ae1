//! A small Slack, a model, and one process between them, or several.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use chathakase::clock::SystemClock;
use chathakase_sim::{
    model::{ScriptedModel, TurnScript},
    slack::{MentionOrder, Options, Profile, SmallSlack},
};
use futures_util::future::try_join_all;
use tokio::{sync::Mutex, task::JoinHandle, time::MissedTickBehavior};

use crate::{
    child::{Process, Role, cpu_of},
    ear::Ear,
    people::{Talk, Turn},
    said,
};

/// How long the model takes, where several processes are measured.
pub(crate) const THINKS: Duration = Duration::from_secs(1);
/// Turns that each of them runs at once, and threads that ask for each.
pub(crate) const RUNNING: usize = 50;

/// Where a process is measured.
pub(crate) struct Stage {
    role: Role,
    slack: SmallSlack,
    model: ScriptedModel,
    ear: Ear,
    processes: Vec<Process>,
    threads: AtomicUsize,
    home: tempfile::TempDir,
}

/// One round under full load.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) took: Duration,
    /// CPU time of what is measured.
    pub(crate) cpu: Duration,
    /// CPU time of this process: of the small Slack, the model and those who ask.
    pub(crate) cpu_here: Duration,
    pub(crate) turns: Vec<Turn>,
}

/// The moment so long from now.
async fn after(time: Duration) {
    tokio::time::interval_at(tokio::time::Instant::now() + time, Duration::from_secs(1)).tick().await;
}

/// A stretch of time under even load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) took: Duration,
    /// CPU time of what is measured.
    pub(crate) cpu: Duration,
    /// Turns that asked the model.
    pub(crate) turns: u64,
}

/// What is known when all is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) role: Role,
    pub(crate) memory_peak_kib: u64,
    pub(crate) answers_asked: u64,
}

impl Stage {
    /// A process that keeps what it must in a file of its own, and a model that answers at once.
    pub(crate) async fn set(role: Role) -> anyhow::Result<Self> {
        let home = tempfile::tempdir()?;
        let file = format!("sqlite:{}", home.path().join("chathakase.db").display());
        let stage = Self::with(role, 1, file, home).await?;
        stage.model.answers_by(|request| said::reply_to(&request.conversation()));
        Ok(stage)
    }

    /// So many processes on one database, and a model that takes its time.
    pub(crate) async fn of_replicas(processes: usize, database: String) -> anyhow::Result<Self> {
        let stage = Self::with(Role::Assistant, processes, database, tempfile::tempdir()?).await?;
        stage.model.plays_by(|request| {
            TurnScript::default().silent_for(THINKS).words(&said::reply_to(&request.conversation()))
        });
        Ok(stage)
    }

    async fn with(role: Role, processes: usize, store: String, home: tempfile::TempDir) -> anyhow::Result<Self> {
        let clock = Arc::new(SystemClock::new());
        // One event a turn, as the figures of others were measured.
        let options = Options {
            profile: Profile::Unlimited,
            clock: clock.clone(),
            mention_order: MentionOrder::MentionOnly,
            ..Options::default()
        };
        let slack = SmallSlack::try_start(options).await?;
        let model = ScriptedModel::start(clock).await;
        model.keeps_requests(0);
        let ear = Ear::listen(slack.feed());
        let env = HashMap::from([
            ("SLACK_BOT_TOKEN", slack.bot_token().to_owned()),
            ("SLACK_SIGNING_SECRET", slack.signing_secret().to_owned()),
            ("SLACK_API_URL", slack.api_url()),
            ("OPENAI_API_KEY", "sk-bench".to_owned()),
            ("OPENAI_BASE_URL", model.base_url()),
            ("DATABASE_URL", store),
            ("CHATHAKASE_LIMITS__RUNNING", RUNNING.to_string()),
            ("CHATHAKASE_HTTP__LISTEN", "127.0.0.1:0".to_owned()),
            ("CHATHAKASE_CONTEXT__MAX_MESSAGES", "1000".to_owned()),
        ]);
        let start = |_| Process::start(role, env.clone(), home.path());
        let processes: Vec<Process> = (0..processes).map(start).collect::<anyhow::Result<_>>()?;
        let urls: Vec<String> = processes.iter().map(|process| format!("http://{}", process.address)).collect();
        slack.deliver_to_any(&urls);
        Ok(Self { role, slack, model, ear, processes, threads: AtomicUsize::new(0), home })
    }

    /// So many new threads, of so many turns each, begun evenly over the time `spread`; each asks again as soon as it is answered.
    pub(crate) async fn crowd(&self, threads: usize, turns: usize, spread: Duration) -> anyhow::Result<Vec<Turn>> {
        let apart = spread / u32::try_from(threads)?;
        let talks = (0_u32..).take(threads).map(|nth| {
            let mut talk = self.talk(threads);
            let (slack, ear) = (self.slack.clone(), self.ear.clone());
            let talking: JoinHandle<anyhow::Result<Vec<Turn>>> = tokio::spawn(async move {
                after(apart * nth).await;
                let mut felt = Vec::with_capacity(turns);
                for _ in 0..turns {
                    felt.push(talk.turn(&slack, &ear, Instant::now()).await?);
                }
                Ok(felt)
            });
            async { talking.await? }
        });
        Ok(try_join_all(talks).await?.concat())
    }

    /// A crowd that begins all at once, measured.
    pub(crate) async fn round(&self, threads: usize, turns: usize) -> anyhow::Result<Round> {
        let us = std::process::id();
        let (began, cpu_before, here_before) = (Instant::now(), self.cpu()?, cpu_of(us)?);
        let turns = self.crowd(threads, turns, Duration::ZERO).await?;
        let (took, cpu, cpu_here) = (began.elapsed(), self.cpu()? - cpu_before, cpu_of(us)? - here_before);
        Ok(Round { took, cpu, cpu_here, turns })
    }

    /// What is done from the moment `from` on for as long as `lasts`, in the middle of a crowd.
    pub(crate) async fn stretch(&self, from: Duration, lasts: Duration) -> anyhow::Result<Stretch> {
        after(from).await;
        let (began, cpu_before, asked_before) = (Instant::now(), self.cpu()?, self.model.requests_seen());
        after(lasts).await;
        let (took, cpu, turns) = (began.elapsed(), self.cpu()? - cpu_before, self.model.requests_seen() - asked_before);
        Ok(Stretch { took, cpu, turns })
    }

    /// So many turns a second, each at its time whatever became of the others, going round so many new threads.
    pub(crate) async fn steady(&self, threads: usize, per_second: u32, lasts: Duration) -> anyhow::Result<Vec<Turn>> {
        let talks: Vec<_> = (0..threads).map(|_| Arc::new(Mutex::new(self.talk(threads)))).collect();
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let began = Instant::now();
        let mut turns = Vec::new();
        for talk in talks.iter().cycle() {
            if began.elapsed() >= lasts {
                break;
            }
            ticks.tick().await;
            let due = Instant::now();
            let (talk, slack, ear) = (Arc::clone(talk), self.slack.clone(), self.ear.clone());
            turns.push(tokio::spawn(async move { talk.lock().await.turn(&slack, &ear, due).await }));
        }
        try_join_all(turns.into_iter().map(|turn| async { turn.await? })).await
    }

    /// Ends what is measured, and looks whether anything went wrong that no thread showed.
    pub(crate) async fn end(self) -> anyhow::Result<End> {
        self.slack.settled().await;
        let complaints = self.model.complaints();
        anyhow::ensure!(complaints.is_empty(), "the model complains: {complaints:?}");
        let memory: anyhow::Result<Vec<u64>> = self.processes.iter().map(Process::memory_peak_kib).collect();
        let memory_peak_kib = memory?.into_iter().sum();
        self.processes.into_iter().try_for_each(Process::end)?;
        self.home.close()?;
        Ok(End { role: self.role, memory_peak_kib, answers_asked: self.model.requests_seen() })
    }

    fn cpu(&self) -> anyhow::Result<Duration> {
        self.processes.iter().map(Process::cpu).sum()
    }

    fn talk(&self, people: usize) -> Talk {
        Talk::new(self.threads.fetch_add(1, Relaxed), people)
    }
}
