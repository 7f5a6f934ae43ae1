//! A rolling restart of two processes on one PostgreSQL, under steady load: nothing is lost, nothing is doubled, and nobody waits
//! much longer than they would have waited without it.

use std::time::Duration;

use anyhow::ensure;
use clap::{Args, Parser};
use futures_util::future::try_join_all;

use crate::{
    Cli, Options, Transport,
    judge::{Verdict, Wrong, judge},
    people::{Ear, Pace, Scene, Talk},
    speech::{Mark, Mood, Token, question},
    stage::Stage,
};

/// How much is asked.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Seconds of each of the two runs, without a restart and with it.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Questions a second, each in a thread of its own. With more than one, answers wait for Slack's rate limits, and there is
    /// nothing to compare.
    #[arg(long, default_value_t = 1)]
    per_second: u32,
}

/// The most that an answer may come later because of the restart.
const DELAY_MAX: Duration = Duration::from_secs(2);
/// How long both processes serve before one of them is asked to end.
const BETWEEN: Duration = Duration::from_secs(3);
/// Channels, in turn: Slack allows one post a second in each.
const CHANNELS: u32 = 20;

/// One run: how long each answer took, and what is wrong.
struct Felt {
    waits: Vec<Duration>,
    verdict: Verdict,
}

/// Measures both over both transports, all at once, and prints it; says whether all was kept.
pub(crate) async fn measure(load: Load) -> anyhow::Result<bool> {
    let both = async |transport| tokio::try_join!(run(load, transport, false), run(load, transport, true));
    let (http, socket) = tokio::try_join!(both(Transport::Http), both(Transport::Socket))?;
    let mut kept = true;
    for (name, (calm, rolled)) in [("signed HTTP", http), ("Socket Mode", socket)] {
        let later = rolled.waits.iter().zip(&calm.waits).map(|(with, without)| with.saturating_sub(*without)).max();
        let later = later.unwrap_or_default();
        println!("\n{name}: {} questions a second for {} s, each asked in both runs", load.per_second, load.seconds);
        println!("  {:<22} {:>8} {:>6} {:>8} {:>11} {:>10}", "", "answered", "lost", "doubled", "half within", "worst");
        show("without a restart", &calm);
        show("both restarted", &rolled);
        println!("  no answer came more than {:.2} s later than without (at most {DELAY_MAX:?})", later.as_secs_f64());
        kept &= later <= DELAY_MAX && [&calm, &rolled].iter().all(|felt| felt.verdict.findings.is_empty());
    }
    Ok(kept)
}

fn show(what: &str, Felt { waits, verdict }: &Felt) {
    let mut waits: Vec<f64> = waits.iter().map(Duration::as_secs_f64).collect();
    waits.sort_by(f64::total_cmp);
    let (half, worst) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    let (lost, doubled) = (verdict.count(Wrong::Lost), verdict.count(Wrong::Twice));
    println!("  {what:<22} {:>8} {lost:>6} {doubled:>8} {half:>9.2} s {worst:>8.2} s", verdict.answered_once);
    verdict.findings.iter().for_each(|finding| println!("  WRONG {finding:?}"));
}

async fn run(load: Load, transport: Transport, restarts: bool) -> anyhow::Result<Felt> {
    let options = Cli::parse_from(["torture", "--store", "postgres", "--replicas", "2", "--scale", "1"]).options;
    let mut stage = Stage::set(&Options { transport: Some(transport), ..options }, 0).await?;
    stage.balances();
    let scene = Scene {
        slack: stage.slack.clone(),
        clock: stage.clock.clone(),
        ear: Ear::listen(stage.slack.feed()),
        witness: stage.witness.clone(),
        pace: Pace::with(std::sync::Arc::default()),
        looks_max: 2,
    };
    let asking = tokio::spawn(ask(scene, load));
    if restarts {
        for number in 0..stage.replicas.len() {
            stage.clock.sleep(BETWEEN).await;
            let ended = stage.replicas[number].end().await?;
            ensure!(ended.status.success(), "asked to end, it ended with {}", ended.status);
            stage.left(number);
            stage.replicas[number].start(0, None)?;
            ensure!(stage.replicas[number].ready().await?, "it does not start again");
        }
        ensure!(!asking.is_finished(), "the restart takes longer than the load lasts; give it more `--seconds`");
    }
    let felt = asking.await??;
    for replica in &mut stage.replicas {
        replica.end().await?;
    }
    Ok(felt)
}

/// Asks steadily, whatever becomes of what was asked before.
async fn ask(scene: Scene, load: Load) -> anyhow::Result<Felt> {
    let began = scene.clock.monotonic();
    let mut asked = Vec::new();
    for number in 1..=load.seconds * load.per_second {
        let due = began + Duration::from_secs(u64::from(number)) / load.per_second;
        scene.clock.sleep(due.saturating_sub(scene.clock.monotonic())).await;
        let scene = scene.clone();
        asked.push(tokio::spawn(async move {
            let mark = Mark { token: Token { thread: number, number: 1 }, edits: 0, mood: Mood::Plain };
            let (who, channel) = (format!("person{number}"), format!("#c{}", number % CHANNELS));
            let thread = scene.slack.mention(&who, &channel, question(mark)).await;
            let talk = Talk::new(number, mark, thread);
            scene.answered(&talk).await;
            (scene.clock.monotonic().saturating_sub(due), talk)
        }));
    }
    let mut felt = Felt { waits: Vec::new(), verdict: Verdict::default() };
    for (wait, talk) in try_join_all(asked).await? {
        felt.waits.push(wait);
        felt.verdict.add(judge(talk.number, &talk.spoken, &[], &talk.thread.posts()));
    }
    Ok(felt)
}
