//! The processes that are measured: this program again, in another role.

use std::{
    collections::HashMap,
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, ensure};
use chathakase::{clock::SystemClock, config::Config, logging, wiring};
use chathakase_slack::pacing::Limits;
use tokio::io::AsyncReadExt;

use crate::floor;

/// The unit of CPU time in `/proc`: the same on every Linux of today.
const TICK: Duration = Duration::from_millis(10);
const ARGUMENT: &str = "--in-the-role-of=";

/// What a process is here for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The bare loop.
    Floor,
    /// The assistant as `chathakase serve` runs it, but for Slack's rate limits.
    Assistant,
}

impl Role {
    const ALL: [Self; 2] = [Self::Floor, Self::Assistant];

    fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Assistant => "assistant",
        }
    }

    /// The role that this process was started for.
    pub(crate) fn asked_for() -> Option<Self> {
        let name = env::args().find_map(|arg| arg.strip_prefix(ARGUMENT).map(str::to_owned))?;
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Plays it until the standard input ends.
    pub(crate) async fn play(self) -> anyhow::Result<()> {
        match self {
            Self::Floor => {
                tell(floor::start().await?);
                told_to_end().await
            }
            Self::Assistant => assistant().await,
        }
    }
}

async fn assistant() -> anyhow::Result<()> {
    let config = Config::load(None, &|name| env::var(name).ok(), &[])?;
    logging::start(&config.log_level, config.log_format)?;
    let clock = Arc::new(SystemClock::new());
    let store = wiring::open_store(&config, clock.clone())?;
    let running = wiring::start(&config, Arc::clone(&store), clock, Limits::unlimited()).await?;
    tell(running.address());
    told_to_end().await?;
    running.drain().await;
    store.shutdown().await;
    Ok(())
}

fn tell(address: SocketAddr) {
    println!("{address}");
}

async fn told_to_end() -> anyhow::Result<()> {
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}

/// A process in a role.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts it with this environment and no other, in the folder `home`. Returns when it listens.
    pub(crate) fn start(role: Role, env: HashMap<&str, String>, home: &std::path::Path) -> anyhow::Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .arg(format!("{ARGUMENT}{}", role.name()))
            .env_clear()
            .envs(env)
            .current_dir(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(home.join("log"))?)
            .spawn()?;
        let mut address = String::new();
        let told = child.stdout.take().context("the process has no output")?;
        BufReader::new(told).read_line(&mut address)?;
        let address = address.trim().parse().with_context(|| {
            let log = std::fs::read_to_string(home.join("log")).unwrap_or_default();
            format!("the {} did not start: {log}", role.name())
        })?;
        Ok(Self { child, address })
    }

    /// User and system time of all its threads.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(self.child.id())
    }

    /// The most memory it ever had resident (KiB).
    pub(crate) fn memory_peak_kib(&self) -> anyhow::Result<u64> {
        let status = proc(self.child.id(), "status")?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.context("/proc/PID/status has no VmHWM")?.trim().trim_end_matches("kB").trim();
        Ok(peak.parse()?)
    }

    /// Lets it end in good order.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let ended = self.child.wait()?;
        ensure!(ended.success(), "the process ended with {ended}");
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system time of all threads of a process.
pub(crate) fn cpu_of(process: u32) -> anyhow::Result<Duration> {
    let stat = proc(process, "stat")?;
    // The name before the last parenthesis may hold anything.
    let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat has another form")?;
    let ticks: Result<Vec<u32>, _> = fields.split_whitespace().skip(11).take(2).map(str::parse).collect();
    Ok(TICK * ticks?.iter().sum())
}

fn proc(process: u32, file: &str) -> anyhow::Result<String> {
    let path = format!("/proc/{process}/{file}");
    std::fs::read_to_string(&path).with_context(|| format!("{path} cannot be read; this bench needs Linux"))
}
