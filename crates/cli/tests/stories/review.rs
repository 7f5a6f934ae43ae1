//! What only a critical reader tries: clocks that jump, questions that vanish, deaths at odd moments.

mod everywhere {
    use super::told;
    crate::harness::stories! { usually:
        a_clock_that_jumps_ahead_gives_a_running_answer_no_second_voice,
        a_question_that_comes_after_more_than_a_window_holds_is_answered,
        a_reply_that_came_before_a_mention_for_which_there_was_no_room_is_answered,
        a_private_answer_that_cannot_be_shown_comes_by_direct_message,
        everyone_whose_message_was_not_taken_is_told_and_not_again_at_once,
        who_cannot_be_told_in_the_thread_that_too_much_waits_is_told_by_direct_message,
        what_was_not_taken_is_not_answered_later_however_it_comes_again,
        killed_before_it_said_that_a_message_was_not_taken_it_says_so_when_slack_sends_it_again,
        killed_before_it_said_that_context_was_not_taken_as_a_question_it_says_so_when_slack_sends_it_again,
        a_refusal_that_lasts_is_not_asked_about_for_ever,
    }
    crate::harness::stories! { on both stores:
        a_question_deleted_before_the_model_was_asked_is_not_answered,
        a_thread_cleared_before_the_model_was_asked_gets_no_answer_to_nothing,
        a_long_thread_is_read_up_to_its_end,
        a_deletion_that_does_not_say_its_thread_still_erases,
    }
}

mod told {
    use std::{pin::pin, time::Duration};

    use chathakase_bot::texts;
    use chathakase_sim::{
        model::TurnScript,
        slack::{Gate, Thread},
    };

    use crate::harness::{Story, over_in};

    const LOOK: Duration = Duration::from_secs(5);

    pub(super) async fn a_clock_that_jumps_ahead_gives_a_running_answer_no_second_voice(s: &mut Story) {
        let turn = s.openai.turn().text("One. ").gate("half").text("Two.");
        let thread = s.slack.mention("ana", "#general", "count").await;
        thread.shows("One. ").await;
        s.clock.shift_wall(60_000);
        // Turns without an owner are looked for, twice.
        for _ in 0..2 {
            s.nothing_under_way().await;
            s.clock.pass_sleep(LOOK..=LOOK).await;
        }
        s.clock.sleep_began().await;
        turn.open("half");
        thread.finishes("One. Two.").await;
        s.calm().await;
        assert_eq!((s.openai.requests_seen(), thread.answers()), (1, vec!["One. Two.".to_owned()]));
    }

    pub(super) async fn a_question_that_comes_after_more_than_a_window_holds_is_answered(s: &mut Story) {
        s.restart_with(&[("context.max_messages", "2")]).await;
        s.openai.answers("Hello.").answers("Hi Ben.").answers("Noon.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.unreachable();
        let late = thread.reply("ana", "what is the time?").await;
        s.failed_twice().await;
        s.reachable();
        thread.reply("ben", "hello from ben").await;
        thread.finishes("Hi Ben.").await;
        s.slack.redeliver(&late).await;
        thread.finishes("Noon.").await;
        assert_eq!(s.openai.last_request().question(), "ana: what is the time?");
    }

    pub(super) async fn a_question_deleted_before_the_model_was_asked_is_not_answered(s: &mut Story) {
        let reading = Gate::closed();
        let slow = s.slack.next("conversations.replies").slow(&reading);
        let thread = s.slack.post("ana", "#general", "lunch?").await;
        let question = thread.mention("ana", "never mind").await;
        reading.reached().await;
        thread.delete(&question).await;
        reading.open();
        s.calm().await;
        thread.shows_nothing_more().await;
        let last_said = || s.slack.calls("assistant.threads.setStatus").last().map(|call| call.args["status"].clone());
        s.until(|| last_said() == Some("".into())).await;
        s.calm().await;
        assert_eq!((s.openai.requests_seen(), thread.status(), slow.hits()), (0, None, 1));
        s.openai.answers("Noon.");
        thread.mention("ben", "when?").await;
        thread.finishes("Noon.").await;
        s.openai.last_request().heard(["ana: lunch?", "ben: when?"]);
    }

    pub(super) async fn a_thread_cleared_before_the_model_was_asked_gets_no_answer_to_nothing(s: &mut Story) {
        let reading = Gate::closed();
        let _slow = s.slack.next("conversations.replies").slow(&reading);
        let thread = s.slack.post("ana", "#general", "lunch?").await;
        thread.mention("ana", "where?").await;
        reading.reached().await;
        thread.reply("ana", "clear session").await;
        thread.finishes(&texts::session_cleared(1, 0)).await;
        reading.open();
        s.calm().await;
        assert_eq!((s.openai.requests_seen(), thread.answers().len()), (0, 1));
    }

    pub(super) async fn a_reply_that_came_before_a_mention_for_which_there_was_no_room_is_answered(s: &mut Story) {
        s.restart_with(&[("limits.running", "1")]).await;
        let busy = s.openai.turn().gate("slow").text("Slow.");
        let slow = s.slack.mention("ana", "#slow", "slow").await;
        busy.reached("slow").await;
        s.slack.hold_events();
        let thread = s.slack.mention("ana", "#general", "one").await;
        thread.reply("ana", "two").await;
        s.slack.release_reversed().await;
        s.slack.settled().await;
        s.openai.answers("Both.");
        busy.open("slow");
        slow.finishes("Slow.").await;
        thread.finishes("Both.").await;
        s.openai.last_request().heard(["one", "two"]);
    }

    pub(super) async fn a_long_thread_is_read_up_to_its_end(s: &mut Story) {
        s.restart_with(&[("limits.read_back_posts", "5")]).await;
        let thread = s.slack.post("ana", "#general", "the first").await;
        for n in 1..=20 {
            thread.reply("ben", &*format!("post {n}")).await;
        }
        s.openai.answers("I see.");
        thread.mention("ana", "well?").await;
        thread.finishes("I see.").await;
        let asked = s.openai.last_request();
        assert_eq!(
            asked.conversation(),
            ["ana: the first", "ben: post 17", "ben: post 18", "ben: post 19", "ben: post 20", "ana: well?"]
        );
        assert!(asked.system().ends_with("About 16 earlier messages of this thread are not shown to you."));
    }

    pub(super) async fn a_deletion_that_does_not_say_its_thread_still_erases(s: &mut Story) {
        s.openai.answers("Noted.").answers("Forgotten.").answers("Nothing.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Noted.").await;
        let secret = thread.reply("ana", "my secret is 42").await;
        thread.finishes("Forgotten.").await;
        let deleted = serde_json::json!({"type": "message", "subtype": "message_deleted", "channel": thread.channel(),
            "channel_type": "channel", "deleted_ts": secret.ts(), "ts": secret.ts(), "hidden": true});
        s.slack.send_event(deleted).await;
        s.slack.settled().await;
        thread.reply("ana", "what is my secret?").await;
        thread.finishes("Nothing.").await;
        s.openai.last_request().heard(["hello", "Noted.", "Forgotten.", "what is my secret?"]);
    }

    pub(super) async fn a_private_answer_that_cannot_be_shown_comes_by_direct_message(s: &mut Story) {
        let failing = s.slack.next("chat.postEphemeral").fails("user_not_in_channel");
        s.slack.mention("ana", "#general", "all sessions").await;
        s.says_somewhere(&texts::not_an_admin()).await;
        assert_eq!(failing.hits(), 1);
    }

    /// Ana's thread, in which as much waits as may.
    async fn a_full_thread(s: &mut Story) -> (TurnScript, Thread) {
        s.restart_with(&[("limits.waiting", "1")]).await;
        let first = s.openai.turn().gate("slow").text("One.");
        let thread = s.slack.mention("ana", "#general", "one").await;
        first.reached("slow").await;
        thread.reply("ana", "two").await;
        (first, thread)
    }

    async fn goes_on(s: &mut Story, first: &TurnScript, thread: &Thread) {
        s.openai.answers("Two.");
        first.open("slow");
        thread.finishes("Two.").await;
        s.openai.last_request().heard(["one", "One.", "two"]);
    }

    pub(super) async fn everyone_whose_message_was_not_taken_is_told_and_not_again_at_once(s: &mut Story) {
        let (first, thread) = a_full_thread(s).await;
        for (who, text) in [("ben", "three"), ("ana", "four"), ("cleo", "five")] {
            thread.reply(who, text).await;
            thread.shows_only_to(who, &texts::queue_full(1)).await;
        }
        for who in ["ana", "ben", "cleo"] {
            thread.reply(who, "hello?").await;
        }
        s.calm().await;
        assert_eq!(s.slack.calls("chat.postEphemeral").len(), 3);
        goes_on(s, &first, &thread).await;
    }

    pub(super) async fn what_was_not_taken_is_not_answered_later_however_it_comes_again(s: &mut Story) {
        let (first, thread) = a_full_thread(s).await;
        thread.reply("ben", "three").await;
        thread.shows_only_to("ben", &texts::queue_full(1)).await;
        let newest = s.slack.events().len() - 1;
        goes_on(s, &first, &thread).await;
        s.at_rest(&thread).await;
        s.slack.deliver_event(newest).await;
        // And it is found by the look for what was missed.
        s.kill_and_start().await;
        s.caught_up().await;
        s.calm().await;
        assert_eq!((s.openai.requests_seen(), thread.answers()), (2, vec!["One.".to_owned(), "Two.".to_owned()]));
        assert_eq!((s.catch_up().found, s.slack.calls("chat.postEphemeral").len()), (0, 1));
    }

    pub(super) async fn killed_before_it_said_that_a_message_was_not_taken_it_says_so_when_slack_sends_it_again(
        s: &mut Story,
    ) {
        let (_, thread) = a_full_thread(s).await;
        killed_before_ben_is_told(s, thread.reply("ben", "three")).await;
        ben_is_told_by_the_next(s, &thread).await;
    }

    pub(super) async fn killed_before_it_said_that_context_was_not_taken_as_a_question_it_says_so_when_slack_sends_it_again(
        s: &mut Story,
    ) {
        let (_, thread) = a_full_thread(s).await;
        let said = thread.reply("ben", "<@U0CLEO> lunch?").await;
        let asks = format!("<@{}> lunch?", s.slack.bot_user());
        killed_before_ben_is_told(s, thread.edit(&said, asks)).await;
        ben_is_told_by_the_next(s, &thread).await;
    }

    /// The process dies when it has refused what ben `says`, before he knows.
    async fn killed_before_ben_is_told<T>(s: &mut Story, says: impl Future<Output = T>) {
        let unheard = s.slack.next("chat.postEphemeral").hangs();
        let killed = async {
            while unheard.hits() == 0 {
                tokio::task::yield_now().await;
            }
            s.kill().await;
        };
        tokio::join!(says, killed);
    }

    async fn ben_is_told_by_the_next(s: &mut Story, thread: &Thread) {
        s.openai.answers("One.").answers("Two.");
        s.start().await;
        thread.finishes("Two.").await;
        // Slack tries again at once, after a minute and after five.
        let full = texts::queue_full(1);
        let mut told = pin!(thread.shows_only_to("ben", &full));
        while over_in(Duration::from_secs(1), &mut told).await.is_err() {
            s.passes(Duration::from_secs(60)).await;
        }
        assert_eq!(thread.answers(), ["One.", "Two."]);
    }

    pub(super) async fn who_cannot_be_told_in_the_thread_that_too_much_waits_is_told_by_direct_message(s: &mut Story) {
        let (first, thread) = a_full_thread(s).await;
        let failing = s.slack.next("chat.postEphemeral").fails("user_not_in_channel");
        thread.reply("ben", "three").await;
        s.says_somewhere(&texts::queue_full_in(thread.channel().as_str(), 1)).await;
        assert_eq!(failing.hits(), 1);
        goes_on(s, &first, &thread).await;
    }

    pub(super) async fn a_refusal_that_lasts_is_not_asked_about_for_ever(s: &mut Story) {
        let streams = s.slack.next("chat.startStream").fails("channel_type_not_supported");
        // Once on the way, and twice after a look at the thread.
        let posts = s.slack.next("chat.postMessage").fails("invalid_arguments").times(3);
        s.openai.answers("Nobody can read this.").answers("Here.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.reply("ana", "and now?").await;
        s.waits_pass(1.9..=4.1, async { thread.finishes("Here.").await }).await;
        let told = texts::answer_refused("invalid_arguments");
        assert_eq!((streams.hits(), posts.hits(), thread.answers()), (1, 3, vec![told, "Here.".to_owned()]));
    }
}
