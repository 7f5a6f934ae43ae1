//! The proof, as a program. The README's *Proof* says how to run it.
//!
//! It runs the assistant as `chathakase serve` runs it, in processes of its own, against the small Slack and a model that
//! knows what is right. People write, in many threads at once, while processes are killed at any moment, the disk forgets what
//! was not synced, events come twice, late and in the wrong order, and Slack and the model fail in every way that they have.
//! At the end what everybody sent is compared with what every thread shows. Nothing may be lost, doubled, interleaved, cut or
//! stuck.
//!
//! All that is decided is decided by the seed, before anything begins: who writes what (`script`) and what goes wrong when
//! (`schedule`). What the operating system makes of it differs from run to run.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

mod clock;
mod database;
mod dice;
mod disk;
mod doors;
mod faults;
mod judge;
mod model;
mod orders;
mod patience;
mod people;
mod plant;
mod progress;
mod replica;
mod rolling;
mod run;
mod sabotage;
mod schedule;
mod script;
mod speech;
mod stage;
mod steps;
mod store;
mod table;

use std::{process::ExitCode, sync::Arc};

use chathakase::clock::SystemClock;
use chathakase_session::time::Clock;
use clap::{Args, Parser, Subcommand, ValueEnum};
use futures_util::{StreamExt, stream};

use crate::{plant::Plant, progress::Progress, sabotage::Sabotage, schedule::Bounds, store::Kind, table::Table};

#[derive(Parser)]
#[command(about = "Kills the assistant again and again, and looks whether anything was lost or doubled.")]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Role {
    /// The assistant itself. Only this program starts itself so.
    #[command(hide = true)]
    Assistant,
    /// Restarts two processes on PostgreSQL one after the other under steady load, and compares how long answers take with a run
    /// without a restart. Begin the command with `scripts/with_postgres`.
    Rolling(rolling::Load),
}

/// How events reach the assistant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    Http,
    Socket,
}

/// What a run is to be like.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// What chance is made of. Without it, each run takes another one, and says which.
    #[arg(long)]
    seed: Option<u64>,
    /// Runs, each with the next seed.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Ten runs of 2,050 messages and 100 kills: five on SQLite, five on PostgreSQL with two and three processes. Begin the
    /// command with `scripts/with_postgres`. Takes about half an hour.
    #[arg(long, conflicts_with_all = ["seeds", "messages", "kills", "threads", "store", "pooled", "replicas", "patience"])]
    long: bool,
    /// Messages that want an answer.
    #[arg(long, default_value_t = 200)]
    messages: u32,
    /// How often a process is killed.
    #[arg(long, default_value_t = 12)]
    kills: u32,
    /// Threads that talk at once.
    #[arg(long, default_value_t = 24)]
    threads: usize,
    /// Where the assistant keeps things. PostgreSQL needs a server: begin the command with `scripts/with_postgres`.
    #[arg(long, value_enum, default_value_t)]
    store: Kind,
    /// How many of the runs, the last ones, are on PostgreSQL behind a pgbouncer, whatever `--store` says.
    #[arg(long, default_value_t = 0)]
    pooled: u64,
    /// Processes. Without it, one on SQLite; on PostgreSQL two or three, as the seed says.
    #[arg(long)]
    replicas: Option<usize>,
    /// How events come. Without it, an even seed takes signed HTTP and an odd one Socket Mode.
    #[arg(long, value_enum)]
    transport: Option<Transport>,
    /// How many times as fast as the world's time passes.
    #[arg(long, default_value_t = 10)]
    scale: u32,
    /// How often a process stands still until its leases are over, besides what goes wrong anyway.
    #[arg(long, default_value_t = 0)]
    pauses: u32,
    /// How often events are held back, and come in reverse order, besides what goes wrong anyway.
    #[arg(long, default_value_t = 0)]
    reversals: u32,
    /// After so many seconds, on the run's clock, in which nobody says anything, a session expires. Without it, after 10 in half of
    /// the seeds, and never in the others; 0 is never.
    #[arg(long)]
    expires_after: Option<u32>,
    /// Nothing goes wrong on purpose but these kills, pauses and reversals.
    #[arg(long)]
    calm: bool,
    /// Plants a fault into what the threads show, before it is judged. The run must then fail.
    #[arg(long, value_enum)]
    plant: Option<Plant>,
    /// Breaks a promise of the assistant. The run must then fail.
    #[arg(long, value_enum)]
    sabotage: Option<Sabotage>,
    /// Minutes, on the run's clock, that people wait for an answer after anything happened.
    #[arg(long, default_value_t = 30)]
    patience: u32,
    /// Prints what will go wrong, and when.
    #[arg(long)]
    show_schedule: bool,
    /// Keeps logs and files of a run in which nothing was wrong, too.
    #[arg(long)]
    keep: bool,
}

/// Longer than people take to write, and shorter than some of their silences.
const EXPIRES_AFTER: u32 = 10;
/// Runs that go on at the same time: they mostly wait.
const RUNS_AT_ONCE: usize = 5;
/// The long run: half of its runs are on SQLite.
const LONG_RUNS: u64 = 10;
const LONG_MESSAGES: u32 = 2_050;
const LONG_KILLS: u32 = 100;
/// So few that most answers are at their end before the next kill: what several processes died over goes on one at a time.
const LONG_THREADS: usize = 8;
const LONG_PATIENCE: u32 = 120;

impl Options {
    fn transport(&self, seed: u64) -> Transport {
        self.transport.unwrap_or(if seed.is_multiple_of(2) { Transport::Http } else { Transport::Socket })
    }

    fn replicas(&self, seed: u64) -> usize {
        let usual = if self.store.is_shared() { if (seed / 2).is_multiple_of(2) { 2 } else { 3 } } else { 1 };
        self.replicas.unwrap_or(usual)
    }

    /// After how many seconds a session expires, if it does.
    fn expires_after(&self, seed: u64) -> Option<u32> {
        self.expires_after.or((seed % 8 >= 4).then_some(EXPIRES_AFTER)).filter(|seconds| *seconds > 0)
    }

    /// All runs, each with its seed.
    fn runs(&self, first: u64) -> Vec<(Self, u64)> {
        let seeds = if self.long { LONG_RUNS } else { self.seeds };
        let run = |nth| {
            let long = || {
                let store = if nth < LONG_RUNS / 2 { Kind::Sqlite } else { Kind::Postgres };
                let (messages, kills, threads, patience) = (LONG_MESSAGES, LONG_KILLS, LONG_THREADS, LONG_PATIENCE);
                Self { messages, kills, threads, patience, store, ..self.clone() }
            };
            let usual = || {
                let store = if nth + self.pooled < seeds { self.store } else { Kind::Pgbouncer };
                Self { store, ..self.clone() }
            };
            (if self.long { long() } else { usual() }, first.saturating_add(nth))
        };
        (0..seeds).map(run).collect()
    }

    fn bounds(&self, seed: u64) -> Bounds {
        let (sockets, replicas) = (self.transport(seed) == Transport::Socket, self.replicas(seed));
        let Self { messages, kills, pauses, reversals, store, calm, .. } = *self;
        Bounds { messages, kills, pauses, reversals, replicas, sockets, store, calm }
    }

    fn setup(&self, seed: u64) -> String {
        let processes = match self.replicas(seed) {
            1 => "1 process".to_owned(),
            more => format!("{more} processes"),
        };
        let door = match self.transport(seed) {
            Transport::Http => "signed HTTP",
            Transport::Socket => "Socket Mode",
        };
        let sessions = if self.expires_after(seed).is_some() { ", sessions expire" } else { "" };
        format!("{}, {processes}, {door}{sessions}, {} times as fast as the world", self.store.name(), self.scale)
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    let runtime = tokio::runtime::Runtime::new()?;
    let kept = match cli.role {
        Some(Role::Assistant) => runtime.block_on(replica::serve()).map(|()| true)?,
        Some(Role::Rolling(load)) => runtime.block_on(rolling::measure(load))?,
        None => {
            let first = cli.options.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
            runtime.block_on(run_all(cli.options.runs(first)))?.is_clean()
        }
    };
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs them, prints each table and what they add up to.
async fn run_all(runs: Vec<(Options, u64)>) -> anyhow::Result<Table> {
    let of = |what: fn(&Options) -> u32| runs.iter().map(|(options, _)| u64::from(what(options))).sum();
    let (messages, kills, number) = (of(|options| options.messages), of(|options| options.kills), runs.len());
    let progress = Arc::new(Progress::default());
    let mut sum = Table::default();
    let began = SystemClock::new();
    let running = async {
        let mut runs = stream::iter(runs)
            .map(|(options, seed)| run::run(options, seed, progress.clone()))
            .buffer_unordered(RUNS_AT_ONCE);
        while let Some(report) = runs.next().await {
            let report = report?;
            println!("{report}");
            sum.add(report.table);
        }
        anyhow::Ok(())
    };
    tokio::select! {
        done = running => done?,
        () = progress.tell(messages, kills) => {}
    }
    if number > 1 {
        println!("\n{number} runs in {:.0} min:\n{sum}", began.monotonic().as_secs_f64() / 60.0);
    }
    Ok(sum)
}
