//! Rows of the database that cannot be read: people are told, and those beside them notice nothing.

use crate::harness::{Story, stories};

impl Story {
    /// Every message in the database file becomes one that cannot be read.
    pub(crate) fn spoils_messages(&self) {
        test_database::spoil_messages(&self.database());
    }

    /// Every thread in the database file becomes one that cannot be read, or can be again.
    pub(crate) fn spoils_threads(&self, spoilt: bool) {
        test_database::spoil_threads(&self.database(), spoilt);
    }
}

stories! { usually:
    a_thread_whose_row_is_damaged_is_said_to_be_and_goes_on_when_it_is_restored,
    what_was_missed_in_a_thread_with_a_damaged_message_is_answered,
}

mod told {
    use std::time::Duration;

    use chathakase_bot::texts;

    use crate::harness::Story;

    pub(super) async fn a_thread_whose_row_is_damaged_is_said_to_be_and_goes_on_when_it_is_restored(s: &mut Story) {
        s.openai.answers("Hello.").answers("Beside it.").answers("Here.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.kill().await;
        s.spoils_threads(true);
        // It looks for what was missed, and finds a thread that it cannot read.
        s.start().await;
        s.caught_up().await;
        let looks = s.catch_up().looks;
        assert!(s.catch_up().last_given_up.unwrap().1.contains("of thread cannot be read"));
        thread.reply("ana", "anybody there?").await;
        thread.shows_only_to("ana", &texts::thread_unreadable()).await;
        let beside = s.slack.mention("ben", "#other", "and here?").await;
        beside.finishes("Beside it.").await;
        s.slack.all_quiet().await;
        s.passes(Duration::from_secs(30)).await;
        assert_eq!(s.catch_up().looks, looks, "it is not looked for again and again");
        // Slack sends it once more after a minute, and again after five.
        s.passes(Duration::from_secs(35)).await;
        s.slack.all_quiet().await;
        assert_eq!(
            s.slack.calls("chat.postEphemeral").len(),
            1,
            "she is told once, and not with each of Slack's tries"
        );
        s.spoils_threads(false);
        s.minutes_pass(5).await;
        thread.finishes("Here.").await;
        s.openai.last_request().heard(["hello", "Hello.", "anybody there?"]);
    }

    pub(super) async fn what_was_missed_in_a_thread_with_a_damaged_message_is_answered(s: &mut Story) {
        s.openai.answers("Hello.").answers("Here.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.kill().await;
        s.spoils_messages();
        thread.reply("ana", "anybody there?").await;
        s.start().await;
        thread.finishes("Here.").await;
        assert_eq!(s.catch_up().found, 1);
        assert!(s.catch_up().last_given_up.unwrap().1.contains("damaged"));
    }
}
