//! SIGTERM: what has begun is finished, what cannot be is carried on with by the next process.

use chathakase_sim::slack::{
    Gate,
    Transport::{self, Http},
};
use test_database::TestDatabase;

use crate::{
    patience::in_time,
    program::Program,
    stage::{Stage, on_both_transports},
};

on_both_transports! {
    a_running_answer_is_finished_before_the_end,
    what_comes_during_the_end_is_answered_after_the_next_start,
    what_waits_at_the_end_is_not_begun,
    a_model_that_hangs_keeps_nobody_longer_than_the_limit,
}

async fn a_running_answer_is_finished_before_the_end(transport: Transport) {
    let stage = Stage::new(transport).await;
    let turn = stage.openai.turn().text("I am not").gate("half").text(" done yet.");
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "are you done?").await;
    thread.shows("I am not").await;
    serving.program.terminate().await;
    serving.program.logs("ending: running answers are finished first").await;
    turn.open("half");
    let ended = serving.program.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert_eq!(thread.answers(), ["I am not done yet."]);
    stage.left_nothing();
}

async fn what_comes_during_the_end_is_answered_after_the_next_start(transport: Transport) {
    let stage = Stage::new(transport).await;
    let turn = stage.openai.turn().text("One").gate("half").text(" moment.");
    let serving = stage.serve().await;
    let first = stage.slack.mention("ana", "#general", "first").await;
    first.shows("One").await;
    serving.program.terminate().await;
    serving.program.logs("ending: running answers are finished first").await;
    if transport == Transport::Socket {
        in_time(stage.slack.connected(0)).await.expect("the door is closed first");
    }
    let late = stage.slack.mention("ben", "#random", "and me?").await;
    turn.open("half");
    let ended = serving.program.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert_eq!(stage.openai.requests_seen(), 1);

    stage.openai.answers("And you.");
    let serving = stage.serve().await;
    if transport == Http {
        // What Slack does after a minute.
        stage.slack.redeliver(&late.first()).await;
    }
    late.finishes("And you.").await;
    assert_eq!(first.answers(), ["One moment."]);
    stage.ends_with(serving, &late, &["And you."]).await;
}

async fn what_waits_at_the_end_is_not_begun(transport: Transport) {
    let stage = Stage::new(transport).await;
    let turn = stage.openai.turn().text("One").gate("half").text(" moment.");
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "first").await;
    thread.shows("One").await;
    thread.reply("ana", "and then?").await;
    serving.program.terminate().await;
    serving.program.logs("ending: running answers are finished first").await;
    turn.open("half");
    let ended = serving.program.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert_eq!((stage.openai.requests_seen(), thread.answers()), (1, vec!["One moment.".to_owned()]));

    stage.openai.answers("Then this.");
    let serving = stage.serve().await;
    thread.finishes("Then this.").await;
    stage.ends_with(serving, &thread, &["One moment.", "Then this."]).await;
}

async fn a_model_that_hangs_keeps_nobody_longer_than_the_limit(transport: Transport) {
    let mut stage = Stage::new(transport).await;
    stage.set("CHATHAKASE_LIMITS__DRAIN", "1s");
    let hanging = stage.openai.turn().text("I think").silent();
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "what do you think?").await;
    thread.shows("I think").await;
    hanging.asked().await;
    serving.program.terminate().await;
    let ended = serving.program.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.contains("turns were still running at the end of the drain; they go on after the next start"));

    stage.openai.answers("I think it works.");
    let serving = stage.serve().await;
    thread.finishes("I think it works.").await;
    stage.ends_with(serving, &thread, &["I think it works."]).await;
}

#[tokio::test]
async fn a_load_balancer_sees_that_a_process_ends_before_slack_finds_its_door_closed() {
    let mut stage = Stage::new(Http).await;
    stage.set("CHATHAKASE_HTTP__LINGER", "1h");
    let serving = stage.serve().await;
    assert_eq!(serving.door.readyz().await.0, 200);
    serving.program.terminate().await;
    serving.program.logs("leaving: not ready any more").await;
    assert_eq!(serving.door.readyz().await.0, 503);
    stage.openai.answers("In time.");
    let thread = stage.slack.mention("ana", "#general", "am I late?").await;
    thread.finishes("In time.").await;
    // Who has no patience asks twice.
    serving.program.terminate().await;
    assert_eq!(serving.program.ended().await.code, Some(0));
}

#[tokio::test]
async fn a_start_that_waits_for_slack_can_be_ended() {
    let stage = Stage::new(Http).await;
    let gate = Gate::closed();
    drop(stage.slack.next("auth.test").slow(&gate).always());
    let program = Program::start(stage.command());
    in_time(gate.reached()).await.expect("it asks Slack who it is");
    program.terminate().await;
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once_whatever_the_database_does() {
    if !TestDatabase::is_there() {
        return;
    }
    let (mut stage, database) = (Stage::new(Http).await, TestDatabase::new());
    stage.set("DATABASE_URL", &database.url());
    let serving = stage.serve().await;
    let hanging = database.hang().await;
    let asked = stage.slack.mention("ana", "#general", "hello?");
    let kept = async {
        in_time(hanging.keeps_somebody()).await.expect("the message is on its way into the store");
        serving.program.terminate().await;
        serving.program.logs("ending: running answers are finished first").await;
        serving.program.terminate().await;
        let ended = serving.program.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        assert!(ended.said.contains("ended at once, as asked twice"), "{}", ended.said);
    };
    tokio::join!(asked, kept);
}
