//! What the assistant is for: threads that remember.

use crate::harness::stories;

stories! {
    a_reply_remembers_the_thread_after_a_restart,
    a_duplicate_event_is_answered_once,
    a_duplicate_under_another_event_id_is_answered_once,
    two_threads_with_the_same_timestamp_are_two_sessions,
    two_people_share_a_session_and_are_told_apart,
    three_quick_messages_give_two_answers_in_order,
    a_direct_message_is_a_session_of_its_own,
    a_long_answer_goes_on_in_new_messages,
}

mod usually {
    use super::told;
    crate::harness::stories! { usually:
        a_request_asks_as_it_is_set,
        the_model_is_told_where_it_is_and_who_speaks,
    }
}

mod told {
    use chathakase_bot::DEFAULT_SYSTEM_PROMPT;
    use chathakase_session::SlackTs;
    use serde_json::json;

    use crate::harness::Story;

    pub(crate) async fn a_reply_remembers_the_thread_after_a_restart(s: &mut Story) {
        s.openai.answers("Hello Ana.").answers("You are Ana.");
        let thread = s.slack.mention("ana", "#general", "I am Ana").await;
        thread.finishes("Hello Ana.").await;
        s.restart().await;
        thread.reply("ana", "who am I?").await;
        thread.finishes("You are Ana.").await;
        s.openai.last_request().heard(["I am Ana", "Hello Ana.", "who am I?"]);
    }

    pub(crate) async fn a_duplicate_event_is_answered_once(s: &mut Story) {
        s.openai.answers("Once.");
        s.slack.duplicate_next();
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Once.").await;
        s.slack.redeliver(&thread.first()).await;
        s.slack.settled().await;
        assert_eq!(thread.answers(), ["Once."]);
        assert_eq!(s.openai.requests_seen(), 1);
    }

    pub(crate) async fn a_duplicate_under_another_event_id_is_answered_once(s: &mut Story) {
        s.openai.answers("Once.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Once.").await;
        s.slack.redeliver_under_new_ids(&thread.first()).await;
        s.restart().await;
        s.slack.redeliver_under_new_ids(&thread.first()).await;
        s.slack.settled().await;
        assert_eq!(thread.answers(), ["Once."]);
        assert_eq!(s.openai.requests_seen(), 1);
    }

    pub(crate) async fn two_threads_with_the_same_timestamp_are_two_sessions(s: &mut Story) {
        s.openai.answers("Red it is.").answers("Blue it is.").answers("Red.").answers("Blue.");
        let root: SlackTs = "1900000000.000100".parse().unwrap();
        s.slack.next_ts(root);
        let red = s.slack.mention("ana", "#red", "my colour is red").await;
        red.finishes("Red it is.").await;
        s.slack.next_ts(root);
        let blue = s.slack.mention("ana", "#blue", "my colour is blue").await;
        blue.finishes("Blue it is.").await;
        assert_eq!(red.root(), blue.root());
        red.reply("ana", "which?").await;
        red.finishes("Red.").await;
        s.openai.last_request().heard(["my colour is red", "Red it is.", "which?"]);
        blue.reply("ana", "which?").await;
        blue.finishes("Blue.").await;
        s.openai.last_request().heard(["my colour is blue", "Blue it is.", "which?"]);
    }

    pub(crate) async fn two_people_share_a_session_and_are_told_apart(s: &mut Story) {
        s.openai.answers("Noted, Ana.").answers("Ana likes tea.");
        let thread = s.slack.mention("ana", "#general", "I like tea").await;
        thread.finishes("Noted, Ana.").await;
        thread.reply("ben", "what does Ana like?").await;
        thread.finishes("Ana likes tea.").await;
        s.openai.last_request().heard(["ana: I like tea", "Noted, Ana.", "ben: what does Ana like?"]);
    }

    pub(crate) async fn three_quick_messages_give_two_answers_in_order(s: &mut Story) {
        let first = s.openai.turn().gate("slow").text("First.");
        s.openai.answers("Second and third.");
        let thread = s.slack.mention("ana", "#general", "one").await;
        first.reached("slow").await;
        thread.reply("ana", "two").await;
        thread.reply("ana", "three").await;
        s.slack.settled().await;
        first.open("slow");
        thread.finishes("First.").await;
        thread.finishes("Second and third.").await;
        s.openai.last_request().heard(["one", "First.", "two", "three"]);
        assert_eq!(thread.answers(), ["First.", "Second and third."]);
    }

    pub(crate) async fn a_direct_message_is_a_session_of_its_own(s: &mut Story) {
        s.openai.answers("Hi.").answers("Hi again.").answers("You said one.");
        let one = s.slack.dm("ana", "one").await;
        one.finishes("Hi.").await;
        let two = s.slack.dm("ana", "two").await;
        two.finishes("Hi again.").await;
        s.openai.last_request().heard(["two"]);
        one.reply("ana", "what did I say?").await;
        one.finishes("You said one.").await;
        s.openai.last_request().heard(["one", "Hi.", "what did I say?"]);
    }

    pub(crate) async fn a_long_answer_goes_on_in_new_messages(s: &mut Story) {
        let words: Vec<String> = (1..=12_000).map(|n| format!("word{n}")).collect();
        let long = words.chunks(12).map(|line| line.join(" ")).collect::<Vec<_>>().join("\n");
        s.openai.answers(&long).answers("It had 12000 words.");
        let thread = s.slack.mention("ana", "#general", "tell me everything").await;
        thread.shows_part("word12000").await;
        s.slack.settled().await;
        let shown = thread.answers();
        assert!(shown.len() > 8, "{} parts", shown.len());
        assert!(shown.iter().all(|part| part.chars().count() <= 9_000));
        let all = shown.join("\n");
        let shown: Vec<&str> = all.split_whitespace().collect();
        assert_eq!(shown, words, "every word, once, in order");
        thread.reply("ana", "how long was it?").await;
        thread.finishes("It had 12000 words.").await;
    }
    pub(crate) async fn a_request_asks_as_it_is_set(s: &mut Story) {
        s.openai.answers("Hello.").answers("Hello again.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        let asked = s.openai.last_request();
        assert_eq!((&*asked.model, &asked.raw()["temperature"], asked.max_tokens), ("gpt-4o", &json!(0.7), Some(2000)));
        assert!(asked.stream);
        let set = [("model.name", "o-next"), ("model.temperature", "0.2"), ("model.max_tokens", "300")];
        s.restart_with(&set).await;
        thread.reply("ana", "hello again").await;
        thread.finishes("Hello again.").await;
        let asked = s.openai.last_request();
        assert_eq!((&*asked.model, &asked.raw()["temperature"], asked.max_tokens), ("o-next", &json!(0.2), Some(300)));
    }

    pub(crate) async fn the_model_is_told_where_it_is_and_who_speaks(s: &mut Story) {
        s.openai.answers("Hello Ana.").answers("Hello Ben.").answers("Aye.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello Ana.").await;
        let one = "You are in a Slack thread. You talk with ana.";
        assert_eq!(s.openai.last_request().system(), format!("{DEFAULT_SYSTEM_PROMPT}\n\n{one}"));
        thread.reply("ben", "hello").await;
        thread.finishes("Hello Ben.").await;
        let two = "You are in a Slack thread. 2 people take part; each message starts with its author's name.";
        assert_eq!(s.openai.last_request().system(), format!("{DEFAULT_SYSTEM_PROMPT}\n\n{two}"));
        s.restart_with(&[("model.system_prompt", "You are a pirate.")]).await;
        thread.reply("ana", "are you?").await;
        thread.finishes("Aye.").await;
        assert_eq!(s.openai.last_request().system(), format!("You are a pirate.\n\n{two}"));
    }
}
