//! `kill -9` at any moment: after the next start every acknowledged message is answered, once.

use std::time::Duration;

use chathakase_bot::{commands, texts};
use chathakase_model::ErrorKind;
use chathakase_sim::slack::{
    Gate, SmallSlack, Thread,
    Transport::{self, Http},
};
use chathakase_slack::render::{PartLimits, render};
use test_database::TestDatabase;

use crate::{
    patience::in_time,
    program::Program,
    stage::{Stage, on_both_transports},
};

on_both_transports! {
    a_kill_in_mid_answer_leaves_one_whole_answer,
    a_kill_before_the_model_answered_costs_no_answer,
    a_kill_right_after_the_acknowledgement_costs_no_answer,
    a_kill_between_messages_costs_no_memory,
}

async fn a_kill_in_mid_answer_leaves_one_whole_answer(transport: Transport) {
    let stage = Stage::new(transport).await;
    let half = stage.openai.turn().text("Half of the answer").gate("half").text(" and the rest.");
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "tell me all").await;
    thread.shows("Half of the answer").await;
    half.reached("half").await;
    stage.kill(serving).await;
    assert_eq!(thread.answers(), ["Half of the answer"], "dead processes say nothing");

    stage.openai.answers("The whole answer.");
    let serving = stage.serve().await;
    thread.finishes("The whole answer.").await;
    stage.ends_with(serving, &thread, &["The whole answer."]).await;

    // Once more, to see that nothing is left to be done.
    let serving = stage.serve().await;
    stage.ends_with(serving, &thread, &["The whole answer."]).await;
    assert_eq!(stage.openai.requests_seen(), 2);
}

async fn a_kill_before_the_model_answered_costs_no_answer(transport: Transport) {
    let stage = Stage::new(transport).await;
    let slow = stage.openai.turn().gate("thinks").text("Never said.");
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "are you there?").await;
    slow.reached("thinks").await;
    stage.kill(serving).await;

    stage.openai.answers("I am.");
    let serving = stage.serve().await;
    thread.finishes("I am.").await;
    stage.openai.last_request().heard(["are you there?"]);
    stage.ends_with(serving, &thread, &["I am."]).await;
}

async fn a_kill_right_after_the_acknowledgement_costs_no_answer(transport: Transport) {
    let stage = Stage::new(transport).await;
    stage.openai.answers_by(|_| "Here I am.".to_owned());
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "are you there?").await;
    stage.kill(serving).await;

    let serving = stage.serve().await;
    thread.finishes("Here I am.").await;
    stage.ends_with(serving, &thread, &["Here I am."]).await;
}

async fn a_kill_between_messages_costs_no_memory(transport: Transport) {
    let stage = Stage::new(transport).await;
    stage.openai.answers("Hello Ana.").answers("You are Ana.");
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "I am Ana").await;
    thread.finishes("Hello Ana.").await;
    stage.kill(serving).await;

    let serving = stage.serve().await;
    thread.reply("ana", "who am I?").await;
    thread.finishes("You are Ana.").await;
    stage.openai.last_request().heard(["I am Ana", "Hello Ana.", "who am I?"]);
    stage.ends_with(serving, &thread, &["Hello Ana.", "You are Ana."]).await;
}

/// Where in its dealings with Slack the process dies: at its call of this number, from 0.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// The call is on its way and never happens.
    Before(usize),
    /// The call happened; the process never hears of it.
    After(usize),
}

impl Moment {
    /// Each call so far, before and after it.
    fn all(calls: usize) -> impl Iterator<Item = Self> {
        assert!(calls >= 1, "no calls");
        (0..calls).flat_map(|call| [Self::Before(call), Self::After(call)])
    }

    /// The call of that moment will stand at this gate.
    fn held(self, slack: &SmallSlack) -> Gate {
        let gate = Gate::closed();
        drop(match self {
            Self::Before(calls) => slack.next("*").after(calls).slow(&gate),
            Self::After(calls) => slack.next("*").after(calls).answers_late(&gate),
        });
        gate
    }
}

/// What is brought into a thread, by which calls.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// A native stream.
    Streamed,
    /// Several messages.
    InParts,
    /// A post that is updated.
    Updated,
    /// One post: our own words, because the model fails.
    Notice,
    /// One post that no model wrote.
    OfCommand,
}

impl Answer {
    /// Prepares the stage; gives back what is asked, and what the thread must show in the end.
    fn planned(self, stage: &mut Stage) -> (&'static str, Vec<String>) {
        match self {
            Self::Streamed => (self.asked(), self.said_by_model(stage, "One answer.".to_owned())),
            Self::Updated => {
                drop(stage.slack.next("chat.startStream").fails("channel_type_not_supported").always());
                (self.asked(), self.said_by_model(stage, "One answer.".to_owned()))
            }
            Self::InParts => {
                stage.set("CHATHAKASE_REPLY__PART_CHARS", "500");
                (self.asked(), self.said_by_model(stage, "Words and words. ".repeat(60)))
            }
            Self::Notice => {
                for _ in 0..2 {
                    drop(stage.openai.turn().status(401));
                }
                (self.asked(), vec![texts::model_failed(ErrorKind::Setup)])
            }
            Self::OfCommand => (self.asked(), vec![texts::session_cleared(0, 0)]),
        }
    }

    fn asked(self) -> &'static str {
        if matches!(self, Self::OfCommand) { "clear session" } else { "answer me" }
    }

    fn said_by_model(self, stage: &Stage, text: String) -> Vec<String> {
        let part_chars = if matches!(self, Self::InParts) { 500 } else { 9_000 };
        let limits = PartLimits { chars_max: part_chars, ..PartLimits::default() };
        let parts = render(&text, &limits).parts;
        stage.openai.answers_by(move |_| text.clone());
        parts
    }
}

/// Waits until the process stands at the gate. Whether a status line is taken away by a call of ours depends on how fast Slack
/// was, so the last call may not come: then the answer is whole, and the kill comes after it.
async fn comes(stage: &Stage, gate: &Gate, thread: &Thread, answer: &str) -> bool {
    let is_whole = async {
        let mut changes = stage.slack.changes();
        while thread.answers().last().map(String::as_str) != Some(answer) || !stage.slack.unfinished().is_empty() {
            changes.next().await;
        }
    };
    let come = async {
        tokio::select! {
            () = gate.reached() => {}
            () = is_whole => {}
        }
    };
    in_time(come).await.is_some()
}

/// The whole life of one answer, undisturbed or ended by a kill; how many calls it takes that a kill may come at.
async fn one_answer(answer: Answer, on: On, kill: Option<Moment>) -> usize {
    let mut stage = on.stage().await;
    let (asked, parts) = answer.planned(&mut stage);
    let mut serving = stage.serve().await;
    let calls = |stage: &Stage| {
        let refused = if matches!(answer, Answer::Updated) { stage.slack.calls("chat.startStream").len() } else { 0 };
        stage.slack.all_calls().len() - refused
    };
    let before = calls(&stage);
    let gate = kill.map(|moment| moment.held(&stage.slack));
    let thread = stage.slack.mention("ana", "#general", asked).await;
    if let Some(gate) = gate {
        let come = comes(&stage, &gate, &thread, parts.last().unwrap()).await;
        assert!(come, "{answer:?}, {kill:?}: no such call");
        stage.kill(serving).await;
        serving = stage.serve().await;
    }
    thread.finishes(parts.last().unwrap()).await;
    let calls = calls(&stage) - before;
    if matches!(answer, Answer::Notice) && stage.openai.requests_seen() < 2 {
        // What was planned in case the model is asked again.
        stage.slack.mention("ben", "#random", asked).await.finishes(parts.last().unwrap()).await;
    }
    stage.ends_with(serving, &thread, &parts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    calls
}

async fn a_kill_at_any_call_leaves_one_whole(answer: Answer, on: On) {
    for moment in Moment::all(one_answer(answer, on, None).await) {
        eprintln!("{answer:?} {on:?}, killed {moment:?}");
        one_answer(answer, on, Some(moment)).await;
    }
}

/// What it runs on.
#[derive(Clone, Copy, Debug)]
enum On {
    /// SQLite, over signed HTTP.
    Http,
    /// SQLite, over Socket Mode.
    Socket,
    /// PostgreSQL, over signed HTTP.
    Postgres,
}

impl On {
    async fn stage(self) -> Stage {
        match self {
            Self::Http => Stage::new(Http).await,
            Self::Socket => Stage::new(Transport::Socket).await,
            Self::Postgres => Stage::on_postgres(Http).await,
        }
    }
}

#[tokio::test]
async fn a_kill_at_any_call_of_an_answer_leaves_one_whole_answer() {
    a_kill_at_any_call_leaves_one_whole(Answer::Streamed, On::Http).await;
}

#[tokio::test]
async fn a_kill_at_any_call_of_an_answer_in_parts_leaves_one_whole_answer() {
    a_kill_at_any_call_leaves_one_whole(Answer::InParts, On::Http).await;
}

#[tokio::test]
async fn a_kill_at_any_call_of_an_answer_posted_and_updated_leaves_one_whole_answer() {
    a_kill_at_any_call_leaves_one_whole(Answer::Updated, On::Http).await;
}

#[tokio::test]
async fn a_kill_at_any_call_of_a_notice_leaves_one_notice() {
    a_kill_at_any_call_leaves_one_whole(Answer::Notice, On::Http).await;
}

#[tokio::test]
async fn a_kill_at_any_call_of_a_command_leaves_one_answer() {
    a_kill_at_any_call_leaves_one_whole(Answer::OfCommand, On::Http).await;
}

#[tokio::test]
async fn a_kill_at_any_call_of_an_answer_leaves_one_whole_answer_over_socket_mode() {
    a_kill_at_any_call_leaves_one_whole(Answer::Streamed, On::Socket).await;
}

#[tokio::test]
async fn a_kill_at_any_call_of_an_answer_in_parts_leaves_one_whole_answer_on_postgresql() {
    if TestDatabase::is_there() {
        a_kill_at_any_call_leaves_one_whole(Answer::InParts, On::Postgres).await;
    }
}

#[tokio::test]
async fn a_kill_at_any_call_of_a_command_leaves_one_answer_on_postgresql() {
    if TestDatabase::is_there() {
        a_kill_at_any_call_leaves_one_whole(Answer::OfCommand, On::Postgres).await;
    }
}

/// A command during an answer that begins to stream before the command is over, undisturbed or ended by a kill.
async fn one_command_beside_an_answer(kill: Option<Moment>) -> usize {
    let stage = Stage::new(Http).await;
    let answer = stage.openai.turn().gate("begins").text("One").gate("half").text(" answer.");
    let mut serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "answer me").await;
    answer.reached("begins").await;
    stage.slack.settled().await;

    let said: Vec<_> = commands::ALL.iter().map(|command| (command.say(), command.does())).collect();
    let help = render(&texts::help(&said, Duration::from_secs(3600)), &PartLimits::default()).parts.concat();
    let before = stage.slack.all_calls().len();
    let gate = kill.map(|moment| moment.held(&stage.slack));
    thread.reply("ben", "help").await;
    let calls = match gate {
        Some(gate) => {
            assert!(in_time(gate.reached()).await.is_some(), "{kill:?}: no such call");
            answer.open("begins");
            thread.shows("One").await;
            stage.kill(serving).await;
            stage.openai.answers_by(|_| "One answer.".to_owned());
            serving = stage.serve().await;
            thread.finishes(&help).await;
            0
        }
        None => {
            thread.finishes(&help).await;
            let calls = stage.slack.all_calls().len() - before;
            ["begins", "half"].iter().for_each(|gate| answer.open(gate));
            calls
        }
    };
    thread.finishes("One answer.").await;
    let answers = match kill {
        Some(Moment::Before(_)) => ["One answer.", &help],
        Some(Moment::After(_)) | None => [&*help, "One answer."],
    };
    stage.ends_with(serving, &thread, &answers).await;
    calls
}

#[tokio::test]
async fn a_kill_at_any_call_of_a_command_leaves_the_answer_beside_it_whole() {
    for moment in Moment::all(one_command_beside_an_answer(None).await) {
        eprintln!("killed {moment:?}");
        one_command_beside_an_answer(Some(moment)).await;
    }
}

/// A process dies in mid-answer; the next one repairs the thread, undisturbed or ended by a second kill.
async fn one_repair(on: On, kill: Option<Moment>) -> usize {
    let stage = on.stage().await;
    let half = stage.openai.turn().text("One").gate("half").text(" answer.");
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "answer me").await;
    thread.shows("One").await;
    half.reached("half").await;
    stage.kill(serving).await;

    stage.openai.answers_by(|_| "One answer.".to_owned());
    let calls = stage.slack.all_calls().len();
    if let Some(moment) = kill {
        let gate = moment.held(&stage.slack);
        let repairing = Program::start(stage.command());
        assert!(comes(&stage, &gate, &thread, "One answer.").await, "{moment:?}: no such call");
        repairing.kill().await;
        stage.leases_run_out();
    }
    let serving = stage.serve().await;
    thread.finishes("One answer.").await;
    stage.ends_with(serving, &thread, &["One answer."]).await;
    stage.slack.all_calls().len() - calls
}

async fn a_kill_at_any_call_of_a_repair(on: On) {
    for moment in Moment::all(one_repair(on, None).await) {
        eprintln!("{on:?}, killed {moment:?}");
        one_repair(on, Some(moment)).await;
    }
}

#[tokio::test]
async fn a_kill_at_any_call_of_a_repair_leaves_one_whole_answer() {
    a_kill_at_any_call_of_a_repair(On::Http).await;
}

#[tokio::test]
async fn a_kill_at_any_call_of_a_repair_leaves_one_whole_answer_on_postgresql() {
    if TestDatabase::is_there() {
        a_kill_at_any_call_of_a_repair(On::Postgres).await;
    }
}
