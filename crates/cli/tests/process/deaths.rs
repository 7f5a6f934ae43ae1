//! `kill -9` at any moment: after the next start every acknowledged message is answered, once.

use chathakase_sim::slack::{
    Gate,
    Transport::{self, Http},
};

use crate::{
    patience::in_time,
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

/// Where in its dealings with Slack the process dies.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// The call is on its way and never happens.
    Before(usize),
    /// The call happened; the process never hears of it.
    After(usize),
}

#[tokio::test]
async fn a_kill_before_any_call_of_slack_leaves_one_whole_answer() {
    for call in 0..calls_of_one_answer().await {
        killed_at(Moment::Before(call)).await;
    }
}

#[tokio::test]
async fn a_kill_after_any_call_of_slack_leaves_one_whole_answer() {
    for call in 0..calls_of_one_answer().await {
        killed_at(Moment::After(call)).await;
    }
}

async fn calls_of_one_answer() -> usize {
    let stage = Stage::new(Http).await;
    stage.openai.answers("One answer.");
    let serving = stage.serve().await;
    let before = stage.slack.all_calls().len();
    let thread = stage.slack.mention("ana", "#general", "how many calls?").await;
    thread.finishes("One answer.").await;
    stage.ends_with(serving, &thread, &["One answer."]).await;
    let calls = stage.slack.all_calls().len() - before;
    assert!(calls >= 3, "a status, a stream and its end: {calls}");
    calls
}

async fn killed_at(moment: Moment) {
    let stage = Stage::new(Http).await;
    stage.openai.answers_by(|_| "One answer.".to_owned());
    let serving = stage.serve().await;
    let gate = Gate::closed();
    match moment {
        Moment::Before(calls) => drop(stage.slack.next("*").after(calls).slow(&gate)),
        Moment::After(calls) => drop(stage.slack.next("*").after(calls).answers_late(&gate)),
    }
    let thread = stage.slack.mention("ana", "#general", "answer me").await;
    in_time(gate.reached()).await.unwrap_or_else(|| panic!("{moment:?}: no such call"));
    stage.kill(serving).await;

    let serving = stage.serve().await;
    thread.finishes("One answer.").await;
    stage.ends_with(serving, &thread, &["One answer."]).await;
}
