//! People write odd things, and many of them at once: everything is taken, and nothing is lost.

use chathakase_bot::texts;
use chathakase_sim::slack::Transport::Http;
use futures_util::future::join_all;

use crate::stage::Stage;

/// What is said, and what the model hears of it.
async fn heard(said: &str, expected: &str) {
    let stage = Stage::new(Http).await;
    stage.openai.answers("I see.").answers("You wrote first, and then asked.");
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", said).await;
    thread.finishes("I see.").await;
    assert!(stage.openai.last_request().question() == expected, "{:.200}", stage.openai.last_request().question());
    thread.reply("ana", "what did I do?").await;
    thread.finishes("You wrote first, and then asked.").await;
    assert!(stage.openai.last_request().conversation() == [expected, "I see.", "what did I do?"]);
    stage.ends_with(serving, &thread, &["I see.", "You wrote first, and then asked."]).await;
}

#[tokio::test]
async fn emoji_and_right_to_left_text_arrive_as_they_are() {
    let said = "שלום עולם 👩‍👩‍👧‍👦 مرحبا بالعالم 🇩🇪 é̷̢ नमस्ते 𝕳𝖎";
    heard(said, said).await;
}

#[tokio::test]
async fn marks_of_slack_and_markdown_arrive_as_people_see_them() {
    heard("if a < b && c > d *then* `x` 'quote\" \\n {{y}} %s", "if a < b && c > d *then* `x` 'quote\" \\n {{y}} %s")
        .await;
}

#[tokio::test]
async fn a_nul_and_other_control_characters_are_no_harm() {
    let stage = Stage::new(Http).await;
    stage.openai.answers("I see.");
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "a\0b\u{7}c\u{1b}[31md\u{202e}e\u{feff}f").await;
    thread.finishes("I see.").await;
    let question = stage.openai.last_request().question().to_owned();
    let letters: String = question.chars().filter(char::is_ascii_alphabetic).collect();
    assert_eq!(letters, "abcmdef", "{question:?}");
    stage.ends_with(serving, &thread, &["I see."]).await;
}

#[tokio::test]
async fn forty_thousand_characters_arrive_whole() {
    let said = "word ".repeat(7_999) + "the end";
    assert_eq!(said.chars().count(), 40_002);
    heard(&said[2..], &said[2..]).await;
}

#[tokio::test]
async fn what_is_longer_than_the_limit_is_cut_with_a_mark() {
    let said = "wörd ".repeat(20_000);
    let kept: String = said.chars().take(40_000).collect();
    heard(&said, &format!("{kept}\n{}", texts::message_too_long(40_000))).await;
}

#[tokio::test]
async fn an_empty_mention_is_answered_with_a_hint() {
    let stage = Stage::new(Http).await;
    let serving = stage.serve().await;
    for (channel, said) in [("#one", ""), ("#two", "   "), ("#three", "\n\t\u{3000}")] {
        let thread = stage.slack.mention("ana", channel, said).await;
        thread.finishes(&texts::hint()).await;
    }
    assert_eq!(stage.openai.requests_seen(), 0);
    serving.ends().await;
    stage.left_nothing();
}

#[tokio::test]
async fn three_hundred_people_in_one_thread_are_all_counted() {
    let mut stage = Stage::new(Http).await;
    stage.set("CHATHAKASE_LIMITS__WAITING", "400");
    let first = stage.openai.turn().gate("crowd").text("Welcome.");
    stage.openai.answers("Hello all.");
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "who is here?").await;
    first.reached("crowd").await;
    let people: Vec<String> = (1..300).map(|n| format!("person{n}")).collect();
    join_all(people.iter().map(|who| thread.reply(who, format!("{who} is here")))).await;
    assert_eq!(stage.slack.events().iter().filter(|event| event.tries != 1).count(), 0, "each was taken at once");
    first.open("crowd");
    thread.finishes("Hello all.").await;
    thread.reply("ana", "session info").await;
    thread.shows_part("and 280 more").await;
    thread.shows_part("Messages: 302 (300 from people, 2 from me)").await;
    assert_eq!(thread.answers().len(), 3);
    serving.ends().await;
    stage.left_nothing();
}

#[tokio::test]
async fn three_hundred_people_past_the_limit_delay_nobody_and_not_the_end() {
    let mut stage = Stage::new(Http).await;
    stage.set("CHATHAKASE_LIMITS__DRAIN", "1s");
    let first = stage.openai.turn().when_asked("who is here?").gate("crowd").text("Welcome.");
    stage.openai.turn().when_asked("and here?").text("All quiet.");
    stage.openai.turn().when_asked("is here").text("Hello all.");
    let serving = stage.serve().await;
    let thread = stage.slack.mention("ana", "#general", "who is here?").await;
    first.reached("crowd").await;
    let people: Vec<String> = (1..300).map(|n| format!("person{n}")).collect();
    join_all(people.iter().map(|who| thread.reply(who, format!("{who} is here")))).await;
    let elsewhere = stage.slack.mention("ben", "#random", "and here?").await;
    elsewhere.finishes("All quiet.").await;
    first.open("crowd");
    thread.finishes("Hello all.").await;
    let taken = stage.openai.last_request().conversation().len();
    assert!(taken > 2, "the first fifty were taken: {taken}");
    // Slack lets a hundred a minute be told that they were not; the end does not wait for the others.
    serving.ends().await;
    assert_eq!(thread.answers(), ["Welcome.", "Hello all."]);
}
