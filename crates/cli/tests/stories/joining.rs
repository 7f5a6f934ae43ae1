//! Coming into a thread that others began: it is read once, within limits, and the answer knows what was said.

use chathakase_sim::slack::Options;

use crate::harness::{Store, USUAL, Way, stories, tell_where};

stories! { on both stores:
    a_thread_is_read_once,
    a_thread_that_cannot_be_read_now_is_answered_without_a_minutes_silence,
    what_a_short_limit_of_slack_delays_is_waited_for,
    after_a_clear_and_an_expiry_nothing_from_before_the_clear_is_read,
    a_reading_after_expiry_brings_what_was_edited_and_not_what_was_deleted,
    an_edit_that_brings_a_mention_into_a_thread_hears_all_of_it,
    an_edit_that_brings_a_mention_into_the_first_post_hears_all_of_it,
    what_was_written_just_before_an_edit_that_asks_is_heard,
    a_late_reply_from_before_the_mention_is_no_question,
    a_thread_is_not_read_where_that_is_switched_off,
}

/// Stories on both stores in a small Slack of its own kind.
macro_rules! where_slack {
    ($shows:expr; $($story:ident),* $(,)?) => { $(mod $story {
        use super::*;
        fn told_on(store: Store) {
            tell_where(Way { store, ..USUAL }, $shows, async |s| told::$story(s).await);
        }
        #[test] fn sqlite() { told_on(Store::Sqlite) }
        #[test] fn memory() { told_on(Store::Memory) }
    })* };
}

// Pages of four posts.
where_slack! { |options| Options { page_max: Some(4), ..options };
    a_thread_is_read_page_by_page_to_its_end,
    a_thread_of_too_many_pages_is_read_as_far_as_the_calls_go,
}

// Slack's limit for apps that are sold outside its marketplace: one call a minute, and 15 posts.
where_slack! { |options| Options { strict_history: true, ..options };
    under_the_strictest_limit_the_answer_rests_on_one_page,
}

mod told {
    use std::time::Duration;

    use crate::harness::Story;

    fn reads(s: &Story) -> usize {
        s.slack.calls("conversations.replies").len()
    }

    pub(super) async fn a_thread_is_read_once(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "the build is red").await;
        thread.reply("ben", "since noon").await;
        s.openai.answers("Since noon.").answers("Yes.");
        thread.mention("ana", "since when?").await;
        thread.finishes("Since noon.").await;
        thread.reply("ben", "sure?").await;
        thread.finishes("Yes.").await;
        let asked = s.openai.last_request();
        asked.heard(["ana: the build is red", "ben: since noon", "ana: since when?", "Since noon.", "ben: sure?"]);
        assert!(!asked.system().contains("not shown"), "nothing was left out");
        assert_eq!(reads(s), 1);
    }

    /// Ten posts, and a question that stands behind them.
    async fn asked_after_ten_posts(s: &mut Story) -> Vec<String> {
        let thread = s.slack.post("ana", "#general", "post 0").await;
        for n in 1..10 {
            thread.reply("ben", &*format!("post {n}")).await;
        }
        s.openai.answers("I see.");
        thread.mention("ana", "well?").await;
        thread.finishes("I see.").await;
        s.openai.last_request().conversation().into_iter().map(str::to_owned).collect()
    }

    pub(super) async fn a_thread_is_read_page_by_page_to_its_end(s: &mut Story) {
        let told = asked_after_ten_posts(s).await;
        assert_eq!((told.len(), reads(s)), (11, 3), "{told:?}");
        assert_eq!(
            (told[0].as_str(), told[9].as_str(), told[10].as_str()),
            ("ana: post 0", "ben: post 9", "ana: well?")
        );
        assert!(!s.openai.last_request().system().contains("not shown"), "nothing was left out");
    }

    pub(super) async fn a_thread_of_too_many_pages_is_read_as_far_as_the_calls_go(s: &mut Story) {
        s.restart_with(&[("limits.read_back_calls", "2")]).await;
        let told = asked_after_ten_posts(s).await;
        assert_eq!((told.len(), told[7].as_str(), told[8].as_str()), (9, "ben: post 7", "ana: well?"), "{told:?}");
        let system = s.openai.last_request().system();
        assert!(system.ends_with("About 2 earlier messages of this thread are not shown to you."), "{system}");
    }

    pub(super) async fn a_thread_that_cannot_be_read_now_is_answered_without_a_minutes_silence(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "lunch?").await;
        thread.reply("ben", "noon").await;
        let limited = s.slack.next("conversations.replies").fails_429(60);
        s.openai.answers("I cannot see what you mean.");
        thread.mention("ana", "when?").await;
        thread.finishes("I cannot see what you mean.").await;
        let asked = s.openai.last_request();
        asked.heard(["when?"]);
        assert!(asked.system().ends_with("About 1 earlier message of this thread is not shown to you."));
        assert_eq!((limited.hits(), reads(s)), (1, 1));
    }

    pub(super) async fn what_a_short_limit_of_slack_delays_is_waited_for(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "lunch?").await;
        let limited = s.slack.next("conversations.replies").fails_429(4);
        s.openai.answers("Noon.");
        thread.mention("ben", "when?").await;
        s.waits_pass(3.9..=4.1, async { thread.finishes("Noon.").await }).await;
        s.openai.last_request().heard(["ana: lunch?", "ben: when?"]);
        assert_eq!(limited.hits(), 1);
    }

    pub(super) async fn after_a_clear_and_an_expiry_nothing_from_before_the_clear_is_read(s: &mut Story) {
        s.openai.answers("Hello Ana.").answers("Noted.").answers("Tea.");
        let thread = s.slack.mention("ana", "#general", "I am Ana").await;
        thread.finishes("Hello Ana.").await;
        thread.reply("ana", "clear session").await;
        thread.shows_part("I have forgotten this thread").await;
        thread.reply("ana", "I like tea").await;
        thread.finishes("Noted.").await;
        s.calm().await;
        s.passes(Duration::from_secs(3700)).await;
        thread.reply("ana", "what do I like?").await;
        thread.finishes("Tea.").await;
        let asked = s.openai.last_request();
        assert!(!asked.conversation().concat().contains("I am Ana"), "{:?}", asked.conversation());
        assert_eq!(asked.conversation().last(), Some(&"what do I like?"));
        assert!(asked.conversation().contains(&"I like tea"));
    }

    pub(super) async fn a_reading_after_expiry_brings_what_was_edited_and_not_what_was_deleted(s: &mut Story) {
        s.openai.answers("Hello.").answers("Noted.").answers("A dog.");
        let thread = s.slack.mention("ana", "#general", "I have a cat").await;
        thread.finishes("Hello.").await;
        let secret = thread.reply("ana", "my secret is 42").await;
        thread.finishes("Noted.").await;
        s.at_rest(&thread).await;
        s.unreachable();
        s.passes(Duration::from_secs(3700)).await;
        thread.edit(&thread.first(), "@assistant I have a dog").await;
        thread.delete(&secret).await;
        s.reachable();
        thread.reply("ana", "what do I have?").await;
        thread.finishes("A dog.").await;
        s.openai.last_request().heard(["I have a dog", "Hello.", "Noted.", "what do I have?"]);
    }

    pub(super) async fn an_edit_that_brings_a_mention_into_a_thread_hears_all_of_it(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "the build is red").await;
        let early = thread.reply("ben", "who can help?").await;
        thread.reply("ana", "it began at noon").await;
        s.passes(Duration::from_secs(1)).await;
        s.openai.answers("I can.");
        thread.edit(&early, "@assistant can you help?").await;
        thread.finishes("I can.").await;
        s.openai.last_request().heard(["ana: the build is red", "ben: can you help?", "ana: it began at noon"]);
    }

    pub(super) async fn an_edit_that_brings_a_mention_into_the_first_post_hears_all_of_it(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "the build is red").await;
        thread.reply("ben", "since noon").await;
        s.passes(Duration::from_secs(1)).await;
        s.openai.answers("Since noon.");
        thread.edit(&thread.first(), "@assistant since when is the build red?").await;
        thread.finishes("Since noon.").await;
        s.openai.last_request().heard(["ana: since when is the build red?", "ben: since noon"]);
    }

    pub(super) async fn what_was_written_just_before_an_edit_that_asks_is_heard(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "the build is red").await;
        // Slack tells its time in whole seconds.
        s.passes(Duration::from_millis(500)).await;
        s.restart().await;
        s.caught_up().await;
        thread.reply("ben", "since noon").await;
        s.passes(Duration::from_millis(10)).await;
        s.openai.answers("Since noon.");
        thread.edit(&thread.first(), "@assistant since when is the build red?").await;
        thread.finishes("Since noon.").await;
        s.openai.last_request().heard(["ana: since when is the build red?", "ben: since noon"]);
    }

    pub(super) async fn a_late_reply_from_before_the_mention_is_no_question(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "lunch?").await;
        s.slack.settled().await;
        s.slack.hold_events();
        thread.reply("ben", "at noon").await;
        thread.mention("ana", "where?").await;
        s.openai.answers("Downstairs.");
        s.slack.release_reversed().await;
        thread.finishes("Downstairs.").await;
        s.calm().await;
        thread.shows_nothing_more().await;
        s.openai.last_request().heard(["ana: lunch?", "ben: at noon", "ana: where?"]);
        assert_eq!(s.openai.requests_seen(), 1);
    }

    pub(super) async fn a_thread_is_not_read_where_that_is_switched_off(s: &mut Story) {
        s.restart_with(&[("session.reread", "false"), ("limits.catch_up", "0s")]).await;
        let thread = s.slack.post("ana", "#general", "lunch?").await;
        let before = reads(s);
        s.openai.answers("What do you mean?");
        thread.mention("ben", "when?").await;
        thread.finishes("What do you mean?").await;
        s.openai.last_request().heard(["when?"]);
        assert_eq!(reads(s), before);
    }

    pub(super) async fn under_the_strictest_limit_the_answer_rests_on_one_page(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "the first").await;
        for n in 1..=30 {
            thread.reply("ben", &*format!("post {n}")).await;
        }
        s.openai.answers("I see.");
        thread.mention("ana", "well?").await;
        thread.finishes("I see.").await;
        let asked = s.openai.last_request();
        assert_eq!(
            (asked.conversation().len(), asked.conversation()[14], asked.question()),
            (16, "ben: post 14", "ana: well?")
        );
        assert!(
            asked.system().ends_with("About 16 earlier messages of this thread are not shown to you."),
            "{}",
            asked.system()
        );
        assert_eq!(reads(s), 2);
    }
}
