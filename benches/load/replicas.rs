//! One process and two on one PostgreSQL: `scripts/with_postgres cargo bench -p load-bench -- replicas`.
//!
//! The model takes a second for each answer, and a process runs so many turns at once and no more: what two of them do must be
//! nearly twice as much, at the same price.

use std::time::Duration;

use test_database::TestDatabase;

use crate::stage::{Round, Stage};

/// How long the model takes.
pub(crate) const THINKS: Duration = Duration::from_secs(1);
/// Turns that a process runs at once, and threads that ask for each process.
pub(crate) const RUNNING: usize = 50;
/// Turns of each thread in a round.
const TURNS: usize = 10;
/// Rounds, each with new threads.
const ROUNDS: usize = 3;

pub(crate) async fn measure() -> anyhow::Result<()> {
    anyhow::ensure!(TestDatabase::is_there(), "there is no server; begin the command with scripts/with_postgres");
    let mut measured = Vec::new();
    for processes in [1, 2] {
        let database = TestDatabase::new();
        let stage = Stage::of_replicas(processes, database.url()).await?;
        stage.crowd(RUNNING * processes, 1).await?;
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(stage.round(RUNNING * processes, TURNS).await?);
        }
        stage.end().await?;
        let (per_second, cpu_ms) = (per_second(&rounds), cpu_ms(&rounds));
        println!("{processes} process(es): {per_second:.1} turns a second, {cpu_ms:.2} ms of CPU a turn");
        measured.push((per_second, cpu_ms));
    }
    let (more, dearer) = (measured[1].0 / measured[0].0, measured[1].1 / measured[0].1);
    println!("two do {more:.2} times as much as one, a turn at {dearer:.2} times the CPU");
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn turns(rounds: &[Round]) -> f64 {
    rounds.iter().map(|round| round.turns.len()).sum::<usize>() as f64
}

fn per_second(rounds: &[Round]) -> f64 {
    turns(rounds) / rounds.iter().map(|round| round.took).sum::<Duration>().as_secs_f64()
}

fn cpu_ms(rounds: &[Round]) -> f64 {
    rounds.iter().map(|round| round.cpu).sum::<Duration>().as_secs_f64() * 1000.0 / turns(rounds)
}
