//! The process dies at each named step between two durable writes or Slack calls of a turn (`chathakase_session::fault`), and the
//! next one leaves exactly one whole answer. Built with the feature `fault-points` only: `scripts/test kill_points`.

use chathakase_bot::texts;
use chathakase_session::fault::FAULT_POINTS;
use chathakase_sim::slack::{Thread, Transport::Http};
use chathakase_slack::render::{PartLimits, render};

use crate::{patience::in_time, program::Program, stage::Stage};

/// In which story a process comes to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    /// It answers, in three messages.
    Answers,
    /// It carries on with an answer over which another died.
    CarriesOn,
    /// A person stops its answer.
    IsStopped,
    /// It clears the thread.
    Clears,
    /// It tells something to the asker alone.
    Tells,
}

fn story_of(point: &str) -> Story {
    match point {
        "claim.uncommitted" | "claim.stored" | "thread.read" => Story::CarriesOn,
        "stop.stored" => Story::IsStopped,
        "command.ran" => Story::Clears,
        "command.told" => Story::Tells,
        _ => Story::Answers,
    }
}

#[tokio::test]
async fn a_kill_at_every_named_step_leaves_one_whole_answer() {
    for point in FAULT_POINTS {
        eprintln!("killed at {point}");
        match story_of(point) {
            Story::Answers => dies_answering(point, None).await,
            Story::CarriesOn => dies_answering("close.stored", Some(point)).await,
            Story::IsStopped => dies_stopped(point).await,
            Story::Clears => dies_clearing(point).await,
            Story::Tells => dies_telling(point).await,
        }
    }
}

/// A stage on which the next process dies at `point`.
async fn stage(point: &str) -> Stage {
    let mut stage = Stage::new(Http).await;
    stage.set("FAULT_POINT", point);
    stage
}

/// Waits until `program` dies where it was told to: a place that is never reached fails here.
async fn dies(program: Program, point: &str) {
    let ended = program.ended().await;
    assert_eq!(ended.code, None, "{point} was not reached: {}", ended.said);
}

async fn dies_answering(point: &str, then: Option<&str>) {
    let mut stage = stage(point).await;
    stage.set("CHATHAKASE_REPLY__PART_CHARS", "500");
    let text = "Words and words. ".repeat(60);
    let parts = render(&text, &PartLimits { chars_max: 500, ..PartLimits::default() }).parts;
    stage.openai.answers_by(move |_| text.clone());
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "answer me").await;
    dies(serving.program, point).await;
    if let Some(then) = then {
        stage.set("FAULT_POINT", then);
        dies(Program::start(stage.command()), then).await;
    }
    let answers: Vec<&str> = parts.iter().map(String::as_str).collect();
    lives(stage, &thread, &answers).await;
}

async fn dies_stopped(point: &str) {
    let stage = stage(point).await;
    let half = stage.openai.turn().text("Half").gate("never").text(" and the rest.");
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "answer me").await;
    thread.shows("Half").await;
    half.reached("never").await;
    thread.press_stop("ana").await;
    dies(serving.program, point).await;
    lives(stage, &thread, &["Half"]).await;
}

async fn dies_clearing(point: &str) {
    let stage = stage(point).await;
    stage.openai.answers("Hello Ana.");
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "I am Ana").await;
    thread.finishes("Hello Ana.").await;
    thread.reply("ana", "clear session").await;
    dies(serving.program, point).await;
    lives(stage, &thread, &["Hello Ana.", &texts::session_cleared(2, 0)]).await;
}

async fn dies_telling(point: &str) {
    let mut stage = stage(point).await;
    let serving = stage.serve().await;
    let thread = stage.slack.post("ana", "#general", "hello").await;
    thread.reply("ben", "hello").await;
    thread.mention("ana", "all sessions").await;
    dies(serving.program, point).await;
    thread.shows_only_to("ana", &texts::not_an_admin()).await;
    // What one person alone sees cannot be read back: it is shown to her once more.
    stage.set("FAULT_POINT", "");
    let mut changes = stage.slack.changes();
    let serving = stage.serve().await;
    while stage.slack.calls("chat.postEphemeral").len() < 2 {
        in_time(changes.next()).await.expect("it is told again");
    }
    serving.ends().await;
    assert_eq!(thread.answers(), Vec::<String>::new());
}

/// Starts it once more, and nothing ends it: in the end the thread shows these answers and no others.
async fn lives(mut stage: Stage, thread: &Thread, answers: &[&str]) {
    stage.set("FAULT_POINT", "");
    let serving = stage.serve().await;
    // What was not acknowledged Slack sends again; what was is known.
    stage.slack.redeliver(&thread.first()).await;
    thread.finishes(answers.last().unwrap()).await;
    stage.ends_with(serving, thread, answers).await;
}
