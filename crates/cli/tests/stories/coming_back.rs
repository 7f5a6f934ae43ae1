//! Coming back to a thread after its session expired: what is read again is the conversation, and nothing else.

use crate::harness::stories;

stories! { on both stores:
    commands_notices_and_notes_do_not_come_back_as_if_they_had_been_said,
    what_was_a_commands_name_among_people_comes_back,
    what_we_were_stopped_in_and_posted_by_others_as_us_comes_back,
}

mod told {
    use std::time::Duration;

    use crate::harness::Story;

    async fn expires(s: &mut Story, thread: &chathakase_sim::slack::Thread) {
        s.at_rest(thread).await;
        s.passes(Duration::from_secs(3700)).await;
    }

    pub(super) async fn commands_notices_and_notes_do_not_come_back_as_if_they_had_been_said(s: &mut Story) {
        let thread = s.slack.mention("ana", "#general", "").await;
        thread.shows_part("Mention me with a question").await;
        s.openai.answers("Hello.");
        thread.reply("ana", "I have a cat").await;
        thread.finishes("Hello.").await;
        thread.reply("ana", "session info").await;
        thread.shows_part("What I remember of this thread").await;
        s.openai.turn().status(401);
        thread.reply("ana", "and now?").await;
        thread.shows_part("Sorry, I am not set up right").await;
        s.openai.turn().text("Once upon a time").cut();
        thread.reply("ana", "tell me a story").await;
        thread.shows_part("The answer stops here").await;
        s.at_rest(&thread).await;
        thread.mention("ana", "Help.").await;
        thread.shows_part("I answer in threads").await;
        expires(s, &thread).await;
        s.openai.answers("A cat.");
        thread.reply("ana", "what do I have?").await;
        thread.finishes("A cat.").await;
        let asked = s.openai.last_request();
        asked.heard(["I have a cat", "Hello.", "and now?", "tell me a story", "Once upon a time", "what do I have?"]);
        assert!(!asked.system().contains("not shown"), "{}", asked.system());
    }

    pub(super) async fn what_was_a_commands_name_among_people_comes_back(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "how does one open the page of commands?").await;
        thread.reply("ben", "help").await;
        s.openai.answers("By that word.");
        thread.mention("ana", "is that so?").await;
        thread.finishes("By that word.").await;
        thread.reply("ben", "help").await;
        thread.shows_part("I answer in threads").await;
        expires(s, &thread).await;
        s.openai.answers("Yes.");
        thread.reply("ana", "sure?").await;
        thread.finishes("Yes.").await;
        let question = "ana: how does one open the page of commands?";
        s.openai.last_request().heard([question, "ben: help", "ana: is that so?", "By that word.", "ana: sure?"]);
    }

    pub(super) async fn what_we_were_stopped_in_and_posted_by_others_as_us_comes_back(s: &mut Story) {
        let long = s.openai.turn().text("One, two,").gate("more").text(" three.");
        let thread = s.slack.mention("ana", "#general", "count").await;
        thread.shows("One, two,").await;
        thread.press_stop("ana").await;
        s.at_rest(&thread).await;
        long.open("more");
        thread.shows_part("One, two,").await;
        thread.reply("assistant", "The nightly build is green.").await;
        expires(s, &thread).await;
        s.openai.answers("Two.");
        thread.reply("ana", "how far?").await;
        thread.finishes("Two.").await;
        s.openai.last_request().heard(["count", "One, two,", "The nightly build is green.", "how far?"]);
    }
}
