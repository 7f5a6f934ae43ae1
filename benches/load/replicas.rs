//! One process and two on one PostgreSQL: `scripts/with_postgres cargo bench -p load-bench -- replicas`.
//!
//! The model takes a second for each answer, and a process runs so many turns at once and no more: what two of them do must be
//! nearly twice as much, at the same price. People begin one after the other, and are measured while all of them talk: a crowd
//! that asks in one moment, each second anew, would measure how long the machine takes over that moment.

use std::time::Duration;

use test_database::TestDatabase;
use tokio::try_join;

use crate::{
    figures,
    stage::{RUNNING, Stage, Stretch, THINKS},
};

/// How long a crowd talks before it is measured, and how long it is.
const SETTLES: Duration = Duration::from_secs(2);
const LASTS: Duration = Duration::from_secs(10);
/// Turns of each thread: more than fit into both.
const TURNS: usize = 14;
/// Crowds, each with new threads.
const ROUNDS: usize = 3;

pub(crate) async fn measure() -> anyhow::Result<()> {
    anyhow::ensure!(TestDatabase::is_there(), "there is no server; begin the command with scripts/with_postgres");
    let mut measured = Vec::new();
    for processes in [1, 2] {
        let database = TestDatabase::new();
        let stage = Stage::of_replicas(processes, database.url()).await?;
        let mut stretches = Vec::new();
        for _ in 0..ROUNDS {
            let crowd = stage.crowd(RUNNING * processes, TURNS, THINKS);
            let (_, stretch) = try_join!(crowd, stage.stretch(SETTLES, LASTS))?;
            stretches.push(stretch);
        }
        stage.end().await?;
        let (per_second, cpu_ms) = (per_second(&stretches), cpu_ms(&stretches));
        println!("{processes} process(es): {per_second:.1} turns a second, {cpu_ms:.2} ms of CPU a turn");
        measured.push((per_second, cpu_ms));
    }
    figures::bars_of_two(measured[1].0 / measured[0].0, measured[1].1 / measured[0].1);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn turns(stretches: &[Stretch]) -> f64 {
    stretches.iter().map(|stretch| stretch.turns).sum::<u64>() as f64
}

fn per_second(stretches: &[Stretch]) -> f64 {
    turns(stretches) / stretches.iter().map(|stretch| stretch.took).sum::<Duration>().as_secs_f64()
}

fn cpu_ms(stretches: &[Stretch]) -> f64 {
    stretches.iter().map(|stretch| stretch.cpu).sum::<Duration>().as_secs_f64() * 1000.0 / turns(stretches)
}
