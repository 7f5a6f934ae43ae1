//! Whose message was not taken is told so, and once: however often Slack brings it, and to however many processes.

use crate::harness::stories;

stories! { by two:
    that_a_message_waits_for_the_store_is_said_once,
    that_a_message_is_one_too_many_is_said_once,
}
stories! { usually:
    that_a_message_waits_is_said_however_long_the_store_takes_to_fail,
    that_a_message_waits_is_said_when_slack_reached_nobody_at_first,
    of_what_is_stored_after_all_nobody_is_told_that_it_waits,
    that_a_message_waits_is_not_said_when_slack_allows_it_much_later,
    that_a_message_waits_is_not_said_again_where_nobody_knows_whether_it_was,
    who_could_not_be_told_is_told_at_the_next_message,
}

mod told {
    use std::time::Duration;

    use chathakase_bot::texts;
    use chathakase_sim::slack::{Fault, Thread};

    use crate::harness::Story;

    fn seconds(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// How often somebody was told something that nobody else sees.
    fn whispers(s: &Story) -> usize {
        s.slack.calls("chat.postEphemeral").len()
    }

    /// Waits until a planned failure has happened.
    async fn hit(fault: &Fault) {
        while fault.hits() == 0 {
            tokio::task::yield_now().await;
        }
    }

    /// A thread that is joined.
    async fn joined(s: &mut Story) -> Thread {
        s.openai.answers("Hello.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        thread
    }

    /// The store has room again, and what was not taken is looked for.
    async fn goes_on(s: &Story, thread: &Thread) {
        s.failed_twice().await;
        s.openai.answers("Here.");
        s.disk_is_full(false);
        s.waits_pass(14.9..=15.1, async { thread.finishes("Here.").await }).await;
        s.calm().await;
    }

    pub(super) async fn that_a_message_waits_for_the_store_is_said_once(s: &mut Story) {
        let thread = joined(s).await;
        s.reaches_both();
        s.disks_are_full(true);
        thread.reply("ben", "and now?").await;
        thread.shows_only_to("ben", &texts::not_stored()).await;
        s.slack.all_quiet().await;
        assert_eq!(whispers(s), 1, "of a reply, which Slack tries with the other too");
        // Between two mentions the events change places.
        for (n, who) in ["ana", "cleo"].into_iter().enumerate() {
            let asked = s.slack.mention(who, "#other", "anybody there?").await;
            asked.shows_only_to(who, &texts::not_stored()).await;
            s.slack.all_quiet().await;
            assert_eq!(whispers(s), n + 2, "of a mention, which is an event for each");
            s.slack.post("dan", "#other", "not for you").await;
        }
    }

    pub(super) async fn that_a_message_is_one_too_many_is_said_once(s: &mut Story) {
        s.restart_with(&[("limits.waiting", "1")]).await;
        s.start_other().await;
        s.reaches_both();
        let first = s.openai.turn().gate("slow").text("One.");
        let thread = s.slack.mention("ana", "#general", "one").await;
        first.reached("slow").await;
        thread.reply("ana", "two").await;
        // Between the two mentions the events change places.
        thread.mention("ben", "three").await;
        thread.shows_only_to("ben", &texts::queue_full(1)).await;
        thread.reply("cleo", "four").await;
        thread.shows_only_to("cleo", &texts::queue_full(1)).await;
        thread.mention("dan", "five").await;
        thread.shows_only_to("dan", &texts::queue_full(1)).await;
        s.slack.all_quiet().await;
        assert_eq!(whispers(s), 3);
        s.openai.answers("Two.");
        first.open("slow");
        thread.finishes("Two.").await;
    }

    pub(super) async fn that_a_message_waits_is_said_however_long_the_store_takes_to_fail(s: &mut Story) {
        let thread = joined(s).await;
        let failing = s.holds_step("receive");
        let failed = async {
            failing.reached().await;
            s.disk_is_full(true);
            s.clock.advance(seconds(31));
            failing.open();
        };
        tokio::join!(thread.reply("ana", "anybody there?"), failed);
        thread.shows_only_to("ana", &texts::not_stored()).await;
        goes_on(s, &thread).await;
        assert_eq!(whispers(s), 1);
    }

    pub(super) async fn that_a_message_waits_is_said_when_slack_reached_nobody_at_first(s: &mut Story) {
        let thread = joined(s).await;
        s.disk_is_full(true);
        s.unreachable();
        thread.reply("ana", "anybody there?").await;
        s.failed_twice().await;
        s.reachable();
        s.clock.advance(seconds(60));
        thread.shows_only_to("ana", &texts::not_stored()).await;
        goes_on(s, &thread).await;
        assert_eq!(whispers(s), 1);
    }

    pub(super) async fn of_what_is_stored_after_all_nobody_is_told_that_it_waits(s: &mut Story) {
        let mut thread = None;
        for answer in ["One.", "Two."] {
            let turn = s.openai.turn().gate("asked").text(answer);
            s.slack.hold_events();
            let asked = match thread.take() {
                None => s.slack.mention("ana", "#general", "hello").await,
                Some(thread) => Thread::mention(&thread, "ben", "and now?").await.thread(),
            };
            let newest = |kind| s.slack.events().iter().rposition(|event| event.kind == kind).unwrap();
            s.slack.deliver_event(newest("message")).await;
            turn.reached("asked").await;
            s.disk_is_full(true);
            s.slack.deliver_event(newest("app_mention")).await;
            s.slack.all_quiet().await;
            assert_eq!(whispers(s), 0);
            s.slack.lose_held();
            turn.open("asked");
            asked.finishes(answer).await;
            s.disk_is_full(false);
            s.at_rest(&asked).await;
            thread = Some(asked);
        }
        assert_eq!(whispers(s), 0);
    }

    pub(super) async fn that_a_message_waits_is_not_said_when_slack_allows_it_much_later(s: &mut Story) {
        let thread = joined(s).await;
        let limited = s.slack.next("chat.postEphemeral").fails_429(40);
        s.disk_is_full(true);
        let not_allowed = async {
            hit(&limited).await;
            s.clock.pass_sleep(seconds(2)..=seconds(2)).await;
        };
        tokio::join!(thread.reply("ana", "anybody there?"), not_allowed);
        s.clock.pass_sleep(seconds(40)..=seconds(40)).await;
        goes_on(s, &thread).await;
        assert_eq!((whispers(s), s.slack.calls("conversations.open").len()), (1, 0));
    }

    pub(super) async fn that_a_message_waits_is_not_said_again_where_nobody_knows_whether_it_was(s: &mut Story) {
        let thread = joined(s).await;
        let unheard = s.slack.next("chat.postEphemeral").hangs();
        s.disk_is_full(true);
        let not_answered = async {
            hit(&unheard).await;
            s.clock.pass_sleep(seconds(8)..=seconds(8)).await;
        };
        tokio::join!(thread.reply("ana", "anybody there?"), not_answered);
        goes_on(s, &thread).await;
        assert_eq!((whispers(s), s.slack.calls("conversations.open").len()), (1, 0));
    }

    pub(super) async fn who_could_not_be_told_is_told_at_the_next_message(s: &mut Story) {
        s.restart_with(&[("limits.waiting", "1")]).await;
        let first = s.openai.turn().gate("slow").text("One.");
        let thread = s.slack.mention("ana", "#general", "one").await;
        first.reached("slow").await;
        thread.reply("ana", "two").await;
        let unseen = s.slack.next("chat.postEphemeral").fails("user_not_in_channel");
        let closed = s.slack.next("conversations.open").fails("cannot_dm_bot");
        thread.reply("ben", "three").await;
        thread.reply("ben", "hello?").await;
        thread.shows_only_to("ben", &texts::queue_full(1)).await;
        assert_eq!((unseen.hits(), closed.hits(), whispers(s)), (1, 1, 2));
        s.openai.answers("Two.");
        first.open("slow");
        thread.finishes("Two.").await;
    }
}
