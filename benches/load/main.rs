//! The whole path under load, in one run: `cargo bench -p load-bench`.
//!
//! Signed events come in over HTTP, streamed answers go out. The assistant runs in a process of its own, so that what it costs
//! is its own; the small Slack, the model and the people who ask run in this one. Beside it, in the same rounds on the same
//! machine, runs a floor: a bare loop that takes an event, asks the model and posts the answer, and does nothing else.
//! `-- replicas` measures one process and two on one PostgreSQL instead. Every answer is compared with what it must be: an answer that is missing or wrong ends the run.
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::print_stdout, reason = "its output is what a bench is for")]

mod child;
mod disk;
mod ear;
mod figures;
mod floor;
mod people;
mod replicas;
mod said;
mod stage;

use std::time::Duration;

use child::Role;
use figures::{Measured, Row};
use stage::{Round, Stage};

/// Threads that ask at once under full load.
const THREADS: usize = 50;
/// Turns of each thread in a round.
const TURNS: usize = 10;
/// Rounds under full load, each with new threads.
const ROUNDS: usize = 12;
/// Turns a second under light load.
const LIGHT_PER_SECOND: u32 = 20;
/// How long the light load lasts.
const LIGHT_FOR: Duration = Duration::from_secs(15);

fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new()?;
    match Role::asked_for() {
        Some(role) => runtime.block_on(role.play()),
        None if std::env::args().any(|arg| arg == "replicas") => runtime.block_on(replicas::measure()),
        // `cargo test --benches` starts benches too, and wants nothing of them.
        None if std::env::args().any(|arg| arg == "--bench") => runtime.block_on(measure()),
        None => Ok(()),
    }
}

async fn measure() -> anyhow::Result<()> {
    figures::title(disk::durable_writes()?);
    let stages = [Stage::set(Role::Floor).await?, Stage::set(Role::Assistant).await?];
    let mut rounds = [Vec::new(), Vec::new()];
    for stage in &stages {
        stage.crowd(THREADS, 2, Duration::ZERO).await?;
    }
    // In turns, so that what else the machine does meets both.
    for _ in 0..ROUNDS {
        for (stage, rounds) in stages.iter().zip(&mut rounds) {
            rounds.push(stage.round(THREADS, TURNS).await?);
        }
    }
    let ([floor, ours], [floor_rounds, our_rounds]) = (stages, rounds);
    let floor = finish(floor, floor_rounds).await?;
    let ours = finish(ours, our_rounds).await?;
    figures::bars(&floor, &ours);
    Ok(())
}

/// The light load, and all that was measured of a process.
async fn finish(stage: Stage, rounds: Vec<Round>) -> anyhow::Result<Row> {
    let light = stage.steady(THREADS, LIGHT_PER_SECOND, LIGHT_FOR).await?;
    Ok(figures::show(&Measured { rounds, light, end: stage.end().await? }))
}
