//! The process dies at each named step between two durable writes or Slack calls of a turn (`chathakase_session::fault`), and the
//! next one leaves exactly one whole answer. Built with the feature `fault-points` only: `scripts/test kill_points`.

use chathakase_bot::texts;
use chathakase_session::fault::FAULT_POINTS;
use chathakase_sim::slack::{Gate, Said, Thread, Transport::Http};
use chathakase_slack::render::{PartLimits, render};
use test_database::TestDatabase;

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
    /// It answers in a thread that others began.
    Joins,
    /// A person edits what was not for it, so that it is.
    IsAskedByAnEdit,
    /// A person deletes what it is answering.
    IsDeleted,
    /// A person stops an answer that is stored whole.
    IsCutShort,
    /// It is about to bring an answer that may stand there already, where Slack does not show the thread.
    Repeats,
}

fn story_of(point: &str) -> Story {
    match point {
        "claim.uncommitted" | "claim.stored" | "thread.read" => Story::CarriesOn,
        "stop.stored" => Story::IsStopped,
        "command.ran" => Story::Clears,
        "command.told" => Story::Tells,
        "thread.learned" => Story::Joins,
        "edit.stored" => Story::IsAskedByAnEdit,
        "erase.stored" => Story::IsDeleted,
        "cut.stored" => Story::IsCutShort,
        "repeat.stored" => Story::Repeats,
        _ => Story::Answers,
    }
}

/// A stage with the store that its processes share.
struct Scene {
    stage: Stage,
    /// PostgreSQL instead of SQLite.
    postgres: Option<TestDatabase>,
}

impl Scene {
    async fn on_sqlite() -> Self {
        Self { stage: Stage::new(Http).await, postgres: None }
    }

    async fn on_postgres() -> Self {
        let (mut stage, database) = (Stage::new(Http).await, TestDatabase::new());
        database.own_clock();
        stage.set("DATABASE_URL", &database.url());
        Self { stage, postgres: Some(database) }
    }

    /// Waits until `program` dies where it was told to: a place that is never reached fails here.
    async fn dies(&self, program: Program, point: &str) {
        let ended = program.ended().await;
        assert_eq!(ended.code, None, "{point} was not reached: {}", ended.said);
        // With SQLite, leases end with the process that held the file. In PostgreSQL they have to run out.
        if let Some(database) = &self.postgres {
            database.put_clock_forward(60);
        }
    }
}

#[tokio::test]
async fn a_kill_at_every_named_step_leaves_one_whole_answer() {
    for point in FAULT_POINTS {
        killed_at(point, Scene::on_sqlite().await).await;
    }
}

#[tokio::test]
async fn a_kill_at_every_named_step_leaves_one_whole_answer_on_postgresql() {
    if TestDatabase::is_there() {
        for point in FAULT_POINTS {
            killed_at(point, Scene::on_postgres().await).await;
        }
    }
}

async fn killed_at(point: &str, mut scene: Scene) {
    eprintln!("killed at {point}");
    let story = story_of(point);
    let first = match story {
        Story::CarriesOn => "close.stored",
        Story::Repeats => "part.posted",
        _ => point,
    };
    scene.stage.set("FAULT_POINT", first);
    match story {
        Story::Answers => dies_answering(scene, first, None).await,
        Story::CarriesOn => dies_answering(scene, first, Some(point)).await,
        Story::IsStopped => dies_stopped(scene, point).await,
        Story::Clears => dies_clearing(scene, point).await,
        Story::Tells => dies_telling(scene, point).await,
        Story::Joins => dies_joining(scene, point).await,
        Story::IsAskedByAnEdit => dies_asked_by_an_edit(scene, point).await,
        Story::IsDeleted => dies_deleted(scene, point).await,
        Story::IsCutShort => dies_cut_short(scene, point).await,
        Story::Repeats => dies_repeating(scene, first, point).await,
    }
}

async fn dies_answering(mut scene: Scene, point: &str, then: Option<&str>) {
    scene.stage.set("CHATHAKASE_REPLY__PART_CHARS", "500");
    let text = "Words and words. ".repeat(60);
    let parts = render(&text, &PartLimits { chars_max: 500, ..PartLimits::default() }).parts;
    scene.stage.openai.answers_by(move |_| text.clone());
    let serving = scene.stage.serve().await;
    let thread = scene.stage.slack.mention("ana", "#general", "answer me").await;
    scene.dies(serving.program, point).await;
    if let Some(then) = then {
        scene.stage.set("FAULT_POINT", then);
        scene.dies(Program::start(scene.stage.command()), then).await;
    }
    let answers: Vec<&str> = parts.iter().map(String::as_str).collect();
    lives(scene, &thread, &answers).await;
}

async fn dies_stopped(scene: Scene, point: &str) {
    let half = scene.stage.openai.turn().text("Half").gate("never").text(" and the rest.");
    let serving = scene.stage.serve().await;
    let thread = scene.stage.slack.mention("ana", "#general", "answer me").await;
    thread.shows("Half").await;
    half.reached("never").await;
    thread.press_stop("ana").await;
    scene.dies(serving.program, point).await;
    lives(scene, &thread, &["Half"]).await;
}

async fn dies_clearing(scene: Scene, point: &str) {
    scene.stage.openai.answers("Hello Ana.");
    let serving = scene.stage.serve().await;
    let thread = scene.stage.slack.mention("ana", "#general", "I am Ana").await;
    thread.finishes("Hello Ana.").await;
    thread.reply("ana", "clear session").await;
    scene.dies(serving.program, point).await;
    lives(scene, &thread, &["Hello Ana.", &texts::session_cleared(2, 0)]).await;
}

async fn dies_joining(scene: Scene, point: &str) {
    scene.stage.openai.answers("Hello you two.");
    let serving = scene.stage.serve().await;
    let thread = scene.stage.slack.post("ana", "#general", "hello").await;
    thread.reply("ben", "hello Ana").await;
    let asks = thread.mention("ana", "and you?").await;
    scene.dies(serving.program, point).await;
    lives_on(scene, &asks, &["Hello you two."]).await;
}

async fn dies_asked_by_an_edit(scene: Scene, point: &str) {
    scene.stage.openai.answers("Hello Ana.").answers("Hello again.");
    let serving = scene.stage.serve().await;
    let thread = scene.stage.slack.mention("ana", "#general", "I am Ana").await;
    thread.finishes("Hello Ana.").await;
    let said = thread.reply("ana", "<@U0BEN> hello").await;
    let bot = scene.stage.slack.bot_user();
    thread.edit(&said, format!("<@{bot}> hello")).await;
    scene.dies(serving.program, point).await;
    lives_on(scene, &said, &["Hello Ana.", "Hello again."]).await;
}

async fn dies_deleted(scene: Scene, point: &str) {
    scene.stage.openai.answers("Hello Ana.");
    let half = scene.stage.openai.turn().text("Half").gate("never").text(" and the rest.");
    let serving = scene.stage.serve().await;
    let thread = scene.stage.slack.mention("ana", "#general", "I am Ana").await;
    thread.finishes("Hello Ana.").await;
    let said = thread.reply("ana", "tell me all").await;
    thread.shows("Half").await;
    half.reached("never").await;
    thread.delete(&said).await;
    scene.dies(serving.program, point).await;
    lives_on(scene, &said, &["Hello Ana.", "Half"]).await;
}

async fn dies_cut_short(scene: Scene, point: &str) {
    let counts = scene.stage.openai.turn().text("One.").gate("on").text(" Two.").gate("end").text(" Three.");
    let serving = scene.stage.serve().await;
    let thread = scene.stage.slack.mention("ana", "#general", "count").await;
    thread.shows("One.").await;
    let gate = Gate::closed();
    drop(scene.stage.slack.next("chat.appendStream").slow(&gate));
    counts.open("on");
    in_time(gate.reached()).await.expect("more is brought");
    counts.open("end");
    // All of it is stored, and the thread does not show it yet.
    let stored = r#"chathakase_turns_total{kind="answer",outcome="answered"} 1"#;
    while !serving.door.get("/metrics").await.body.contains(stored) {}
    thread.press_stop("ana").await;
    gate.open();
    scene.dies(serving.program, point).await;
    lives(scene, &thread, &["One."]).await;
}

async fn dies_repeating(mut scene: Scene, first: &str, point: &str) {
    scene.stage.openai.answers_by(|_| "A whole answer.".to_owned());
    let serving = scene.stage.serve().await;
    let thread = scene.stage.slack.mention("ana", "#general", "answer me").await;
    scene.dies(serving.program, first).await;
    drop(scene.stage.slack.next("conversations.replies").fails("missing_scope").always());
    scene.stage.set("FAULT_POINT", point);
    scene.dies(Program::start(scene.stage.command()), point).await;
    // Whether it was posted nobody can tell, so it is not posted again, and who asked is told.
    scene.stage.set("FAULT_POINT", "");
    let mut changes = scene.stage.slack.changes();
    let serving = scene.stage.serve().await;
    let told = texts::perhaps_missing(thread.key().channel.as_str());
    while !scene.stage.slack.transcript().contains(&told) {
        in_time(changes.next()).await.expect("who asked is told");
    }
    serving.ends().await;
    assert_eq!(thread.answers().len(), 1, "{}", scene.stage.slack.transcript());
}

async fn dies_telling(mut scene: Scene, point: &str) {
    let serving = scene.stage.serve().await;
    let thread = scene.stage.slack.post("ana", "#general", "hello").await;
    thread.reply("ben", "hello").await;
    thread.mention("ana", "all sessions").await;
    scene.dies(serving.program, point).await;
    thread.shows_only_to("ana", &texts::not_an_admin()).await;
    // What one person alone sees cannot be read back: it is shown to her once more.
    scene.stage.set("FAULT_POINT", "");
    let mut changes = scene.stage.slack.changes();
    let serving = scene.stage.serve().await;
    while scene.stage.slack.calls("chat.postEphemeral").len() < 2 {
        in_time(changes.next()).await.expect("it is told again");
    }
    serving.ends().await;
    assert_eq!(thread.answers(), Vec::<String>::new());
}

/// Starts it once more, and nothing ends it: in the end the thread shows these answers and no others.
async fn lives(scene: Scene, thread: &Thread, answers: &[&str]) {
    lives_on(scene, &thread.first(), answers).await;
}

/// The same where the last that was `said` is no thread's first.
async fn lives_on(mut scene: Scene, said: &Said, answers: &[&str]) {
    scene.stage.set("FAULT_POINT", "");
    let serving = scene.stage.serve().await;
    let thread = &said.thread();
    // What was not acknowledged Slack sends again; what was is known.
    scene.stage.slack.redeliver(said).await;
    thread.finishes(answers.last().unwrap()).await;
    scene.stage.ends_with(serving, thread, answers).await;
}
