//! One process of the assistant: this program again, in another role, with all its lives.

use std::{
    env, fs,
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use chathakase::{clock::SystemClock, config::Config, logging, serve, wiring};
use chathakase_session::time::{SharedClock, timeout};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStderr, Command},
    sync::watch,
    task::JoinHandle,
};

use crate::{
    clock::{self, Pace, ScaledClock},
    patience::START_MAX,
    sabotage::Sabotage,
    schedule::Death,
    steps,
};

/// The subcommand that plays the role.
pub(crate) const ROLE: &str = "assistant";

/// `chathakase serve` with the settings of the environment, on the run's time.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let config = Config::load_here(None, &[])?;
    logging::start(&config.log_level, config.log_format)?;
    let pace: Pace = env::var(clock::VARIABLE).context(clock::VARIABLE)?.parse()?;
    let mut clock: SharedClock = Arc::new(ScaledClock::new(pace));
    let mut store = wiring::open_store(&config, clock.clone())?;
    if let Some(sabotage) = Sabotage::asked_for() {
        clock = sabotage.on(clock);
        store = sabotage.of(store, clock.clone());
    }
    serve::until_told_to_end(&config, || Ok(store), clock).await
}

/// Told when a process is ready: where it listens.
type OnReady = Arc<dyn Fn(SocketAddr) + Send + Sync>;

/// A replica through all its lives.
pub(crate) struct Replica {
    number: usize,
    environment: Vec<(String, String)>,
    folder: PathBuf,
    pace: Pace,
    on_ready: OnReady,
    life: Option<Life>,
    lives: u32,
    /// Lines in which a process said that it panicked.
    panics: Arc<Mutex<Vec<String>>>,
}

struct Life {
    child: Child,
    ready: watch::Receiver<Option<SocketAddr>>,
    /// How it is to die.
    death: Option<Death>,
    /// Ends with it, and says whether it died so.
    heard: JoinHandle<bool>,
}

impl Life {
    async fn over(self, status: ExitStatus) -> Ended {
        let is_met = self.heard.await.unwrap_or(false);
        Ended { status, death: self.death.filter(|_| is_met) }
    }
}

/// How a process ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// It died at the step that it was to die at.
    pub(crate) death: Option<Death>,
}

impl Replica {
    pub(crate) fn new(
        number: usize,
        environment: Vec<(String, String)>,
        folder: PathBuf,
        pace: Pace,
        on_ready: OnReady,
    ) -> Self {
        Self { number, environment, folder, pace, on_ready, life: None, lives: 0, panics: Arc::default() }
    }

    /// Begins the next life, with a wall clock that is off by so much, which may have its death before it. Does not wait until it is
    /// ready.
    pub(crate) fn start(&mut self, clock_wrong_ms: i64, death: Option<Death>) -> anyhow::Result<()> {
        self.lives += 1;
        let mut command = Command::new(env::current_exe()?);
        command.arg(ROLE).env_clear().envs(self.environment.iter().cloned()).current_dir(&self.folder);
        command.env(clock::VARIABLE, self.pace.wrong_by(clock_wrong_ms).written());
        command.envs(death.map(|death| (steps::VARIABLE, death.step)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let stderr = child.stderr.take().context("a child without standard error")?;
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log())?;
        let (told, ready) = watch::channel(None);
        let heard = tokio::spawn(listen(stderr, log, told, self.on_ready.clone(), self.panics.clone()));
        self.life = Some(Life { child, ready, death, heard });
        Ok(())
    }

    /// Waits until it can be reached; `false` when it ended instead.
    pub(crate) async fn ready(&mut self) -> anyhow::Result<bool> {
        let life = self.life.as_mut().context("it was not started")?;
        let ready = async { life.ready.wait_for(Option::is_some).await.is_ok() };
        let ready = timeout(&SystemClock::new(), START_MAX, ready).await;
        ready.with_context(|| format!("the assistant is not ready; its log is {}", self.log().display()))
    }

    /// `kill -9`: not one instruction more. Says how it ended, which may have been before that.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<Option<Ended>> {
        let Some(mut life) = self.life.take() else { return Ok(None) };
        life.child.kill().await?;
        let status = life.child.wait().await?;
        Ok(Some(life.over(status).await))
    }

    /// How it ended, if it did so by itself.
    pub(crate) async fn ended(&mut self) -> anyhow::Result<Option<Ended>> {
        let Some(mut life) = self.life.take() else { return Ok(None) };
        let Some(status) = life.child.try_wait()? else {
            self.life = Some(life);
            return Ok(None);
        };
        Ok(Some(life.over(status).await))
    }

    /// SIGTERM: waits until it has come to an end in good order.
    pub(crate) async fn end(&mut self) -> anyhow::Result<Ended> {
        self.signal("TERM").await?;
        let mut life = self.life.take().context("it does not run")?;
        let ended = timeout(&SystemClock::new(), START_MAX, life.child.wait()).await;
        let status = ended.with_context(|| format!("it does not end; its log is {}", self.log().display()))??;
        Ok(life.over(status).await)
    }

    /// Sends a signal by its name.
    pub(crate) async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let id = self.life.as_ref().and_then(|life| life.child.id());
        let Some(id) = id else { return Ok(()) };
        Command::new("sh").arg("-c").arg(format!("kill -{name} {id}")).status().await?;
        Ok(())
    }

    /// What it said while it panicked, in any of its lives.
    pub(crate) fn panics(&self) -> Vec<String> {
        self.panics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn log(&self) -> PathBuf {
        self.folder.join(format!("assistant{}.log", self.number))
    }
}

/// Keeps what a process says, and tells when it is ready. Says at its end whether it was at its step.
async fn listen(
    stderr: ChildStderr,
    mut log: fs::File,
    told: watch::Sender<Option<SocketAddr>>,
    on_ready: OnReady,
    panics: Arc<Mutex<Vec<String>>>,
) -> bool {
    let mut lines = BufReader::new(stderr).lines();
    let mut is_met = false;
    while let Ok(Some(line)) = lines.next_line().await {
        // A log that cannot be kept is missed by a person who looks for the cause of a finding, and by nobody else.
        let _ = writeln!(log, "{line}");
        is_met |= line.starts_with(steps::VARIABLE);
        if line.contains("panicked at") {
            panics.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
        }
        if let Some(address) = line.contains("\"ready\"").then(|| address(&line)).flatten() {
            on_ready(address);
            told.send_replace(Some(address));
        }
    }
    is_met
}

fn address(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    line["address"].as_str()?.parse().ok()
}
