//! What comes while what was missed is looked for, whose it is, and threads that were silent for long.

use std::{sync::Arc, time::Duration};

use chathakase_session::{
    Timestamp,
    time::{Clock, Sleep},
};
use chathakase_sim::slack::Options;

use crate::{
    gaps::{on_every_store, told_where},
    harness::{SOCKET, Store, USUAL, Way, tell_where},
};

// Over Socket Mode what happens while no link is up is lost.
on_every_store! { SOCKET, |options| Options { lost_while_disconnected: true, ..options };
    a_colleague_of_another_workspace_is_found_and_a_stranger_is_none,
    a_colleague_of_another_workspace_who_wrote_directly_is_found_and_a_stranger_is_not,
    a_thread_that_expired_long_before_is_caught_up_with,
    what_the_answer_to_a_later_reply_has_seen_is_not_answered_again_when_it_is_found,
    a_mention_that_was_missed_is_answered_with_the_one_that_has_the_thread_read,
    what_was_missed_in_a_thread_silent_for_long_comes_before_what_comes_meanwhile,
    a_gap_while_one_is_looked_through_costs_neither,
    a_delivery_that_fails_meanwhile_keeps_no_thread_silent_for_long_from_being_read,
    threads_come_first_each_once_then_direct_messages_and_then_channels,
    a_thread_of_the_last_hour_comes_first_also_where_sessions_are_over_sooner,
}

on_every_store! { SOCKET, |options| Options { lost_while_disconnected: true, clock: Arc::new(Behind(options.clock)), ..options };
    what_was_missed_is_found_also_by_a_clock_that_is_ten_minutes_ahead,
    a_mention_that_was_missed_is_no_older_by_a_clock_that_is_ten_minutes_ahead,
}

/// Slack's clock, where ours is ten minutes ahead.
#[derive(Debug)]
struct Behind(Arc<dyn Clock>);

impl Clock for Behind {
    fn now(&self) -> Timestamp {
        self.0.now() - Duration::from_secs(600)
    }
    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }
    fn sleep(&self, wait: Duration) -> Sleep {
        self.0.sleep(wait)
    }
}

on_every_store! { USUAL, |options| options;
    threads_silent_for_long_that_are_not_read_are_given_up_and_said_so,
    a_look_that_takes_too_long_is_given_up_and_said_so,
    what_was_lost_minutes_before_all_seemed_well_is_found_too,
}

mod told {
    use std::time::Duration;

    use chathakase_bot::texts;
    use chathakase_sim::slack::{Gate, Thread};

    use crate::harness::{Story, over_in};

    const TEN_MINUTES: Duration = Duration::from_secs(600);
    const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(3);

    /// A thread whose session is long over: it is read last, if at all.
    async fn silent_for_long(s: &mut Story) -> Thread {
        s.openai.answers("Hello.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.passes(Duration::from_secs(5 * 3600)).await;
        looked(s, 2).await;
        // A link that broke meanwhile has it look once more, before it notes that nothing is missing: it does that each minute.
        s.minutes_pass(2).await;
        looked(s, 2).await;
        s.kill().await;
        thread
    }

    /// Waits until it has looked so often for what it missed, and looks no more.
    async fn looked(s: &Story, times: u64) {
        let looked = async {
            while s.catch_up().looks < times || s.catch_up().looking_from.is_some() {
                tokio::task::yield_now().await;
            }
        };
        over_in(Duration::from_secs(10), looked).await.expect("it looks for what it slept through");
    }

    pub(super) async fn a_colleague_of_another_workspace_is_found_and_a_stranger_is_none(s: &mut Story) {
        s.slack.shared_channel("#shared");
        s.slack.stranger("eve");
        s.slack.colleague("gwen");
        s.caught_up().await;
        s.openai.answers("Hello Gwen.").answers("Hello again.");
        let thread = s.slack.mention("gwen", "#general", "hello").await;
        thread.finishes("Hello Gwen.").await;
        s.at_rest(&thread).await;
        s.kill().await;
        let ignored = s.slack.mention("eve", "#shared", "hello").await;
        thread.reply("gwen", "are you there?").await;
        s.slack.mention("gwen", "#shared", "and here?").await;
        s.start().await;
        thread.finishes("Hello again.").await;
        s.calm().await;
        ignored.shows_nothing_more().await;
        assert_eq!((s.catch_up().found, s.catch_up().given_up, s.slack.calls("conversations.info").len()), (1, 0, 2));
    }

    pub(super) async fn a_colleague_of_another_workspace_who_wrote_directly_is_found_and_a_stranger_is_not(
        s: &mut Story,
    ) {
        s.slack.shared_channel("#shared");
        s.slack.stranger("eve");
        s.slack.stranger("mallory");
        s.slack.colleague("gwen");
        s.restart().await;
        s.caught_up().await;
        s.kill().await;
        // Of whoever is in a channel with us, Slack does not say that they are strangers.
        s.slack.post("eve", "#shared", "hello everybody").await;
        let ignored = [s.slack.dm("eve", "hello").await, s.slack.dm("mallory", "hello").await];
        let thread = s.slack.dm("gwen", "are you there?").await;
        s.openai.answers("Here.");
        s.start().await;
        thread.finishes("Here.").await;
        s.calm().await;
        for ignored in ignored {
            ignored.shows_nothing_more().await;
        }
        assert_eq!((s.catch_up().found, s.catch_up().given_up, s.openai.requests_seen()), (1, 0, 1));
    }

    pub(super) async fn a_thread_that_expired_long_before_is_caught_up_with(s: &mut Story) {
        let thread = silent_for_long(s).await;
        s.openai.answers("Hello again.");
        thread.reply("ana", "are you there?").await;
        s.start().await;
        thread.finishes("Hello again.").await;
        s.openai.last_request().heard(["hello", "Hello.", "are you there?"]);
    }

    pub(super) async fn what_the_answer_to_a_later_reply_has_seen_is_not_answered_again_when_it_is_found(
        s: &mut Story,
    ) {
        let thread = silent_for_long(s).await;
        s.openai.answers("Both.");
        thread.reply("ana", "one?").await;
        let looking = Gate::closed();
        let _slow = s.slack.next("users.conversations").slow(&looking);
        s.start().await;
        looking.reached().await;
        // It cannot be looked into now, and waits no longer than it must.
        let answered = async { thread.finishes("Both.").await };
        tokio::join!(thread.reply("ben", "two?"), s.waits_pass(1.9..=2.1, answered));
        s.openai.last_request().heard(["ana: hello", "Hello.", "ana: one?", "ben: two?"]);
        looking.open();
        s.calm().await;
        s.caught_up().await;
        s.at_rest(&thread).await;
        assert_eq!((thread.answers(), s.openai.requests_seen()), (vec!["Hello.".to_owned(), "Both.".to_owned()], 2));
    }

    pub(super) async fn a_mention_that_was_missed_is_answered_with_the_one_that_has_the_thread_read(s: &mut Story) {
        s.caught_up().await;
        s.kill().await;
        let thread = s.slack.post("ana", "#general", "lunch?").await;
        thread.mention("ana", "when?").await;
        let looking = Gate::closed();
        let _slow = s.slack.next("users.conversations").slow(&looking);
        s.start().await;
        looking.reached().await;
        s.openai.answers("Noon, downstairs.");
        thread.mention("ben", "and where?").await;
        thread.finishes("Noon, downstairs.").await;
        s.openai.last_request().heard(["ana: lunch?", "ana: when?", "ben: and where?"]);
        looking.open();
        s.calm().await;
        s.caught_up().await;
        s.at_rest(&thread).await;
        assert_eq!(s.openai.requests_seen(), 1);
    }

    pub(super) async fn what_was_missed_in_a_thread_silent_for_long_comes_before_what_comes_meanwhile(s: &mut Story) {
        // Each question is answered for itself.
        s.restart_with(&[("session.reread", "false")]).await;
        let thread = silent_for_long(s).await;
        thread.reply("ana", "one?").await;
        let looking = Gate::closed();
        let _slow = s.slack.next("users.conversations").slow(&looking);
        s.start().await;
        looking.reached().await;
        for (question, answer) in [("one?", "One."), ("two?", "Two.")] {
            s.openai.turn().when_asked(question).text(answer);
        }
        let waits = async {
            while s.clock.sleepers(Duration::from_secs(2)) == 0 {
                tokio::task::yield_now().await;
            }
            looking.open();
        };
        let (_, waited) = tokio::join!(thread.reply("ben", "two?"), over_in(Duration::from_secs(10), waits));
        waited.expect("what comes waits for what was missed");
        thread.finishes("Two.").await;
        assert_eq!(thread.answers(), ["Hello.", "One.", "Two."]);
    }

    /// Two threads that were silent for long, and in each a question that nobody heard.
    async fn missed_in_two_silent_for_long(s: &mut Story) -> [Thread; 2] {
        let first = silent_for_long(s).await;
        s.start().await;
        s.caught_up().await;
        let second = silent_for_long(s).await;
        first.reply("ana", "one?").await;
        second.reply("ana", "two?").await;
        s.clock.advance(TEN_MINUTES);
        [first, second]
    }

    pub(super) async fn a_gap_while_one_is_looked_through_costs_neither(s: &mut Story) {
        let [first, second] = missed_in_two_silent_for_long(s).await;
        let looking = Gate::closed();
        let _slow = s.slack.next("conversations.replies").slow(&looking);
        s.start().await;
        looking.reached().await;
        for (question, answer) in [("one?", "One."), ("two?", "Two.")] {
            s.openai.turn().when_asked(question).text(answer);
        }
        let down = s.slack.next("apps.connections.open").fails("internal_error").always();
        s.slack.drop_sockets();
        s.until(|| s.slack.connections() == 0).await;
        looking.open();
        second.finishes("Two.").await;
        down.lifted();
        s.waits_pass(0.0..=3.5, async { s.slack.connected(1).await }).await;
        first.finishes("One.").await;
        s.calm().await;
        assert_eq!(s.catch_up().found, 2);
    }

    /// Whenever a delivery is turned away, the three seconds pass that Slack waits for its acknowledgement.
    async fn never_acknowledged(s: &Story) {
        for tries in 1.. {
            while s.turned_away() < tries {
                tokio::task::yield_now().await;
            }
            s.clock.pass_sleep(ACKNOWLEDGED_WITHIN..=ACKNOWLEDGED_WITHIN).await;
        }
    }

    pub(super) async fn a_delivery_that_fails_meanwhile_keeps_no_thread_silent_for_long_from_being_read(s: &mut Story) {
        let [first, second] = missed_in_two_silent_for_long(s).await;
        let (looking, again) = (Gate::closed(), Gate::closed());
        let _slow = s.slack.next("conversations.replies").slow(&looking);
        s.start().await;
        looking.reached().await;
        for (question, answer) in [("one?", "One."), ("two?", "Two."), ("three?", "Three.")] {
            s.openai.turn().when_asked(question).text(answer);
        }
        s.disk_is_full(true);
        let third = tokio::select! {
            third = s.slack.mention("ben", "#general", "three?") => third,
            () = never_acknowledged(s) => unreachable!("Slack tries no more"),
        };
        third.shows_only_to("ben", &texts::not_stored()).await;
        s.disk_is_full(false);
        let _slow = s.slack.next("users.conversations").slow(&again);
        looking.open();
        first.finishes("One.").await;
        second.finishes("Two.").await;
        again.open();
        third.finishes("Three.").await;
    }

    pub(super) async fn what_was_missed_is_found_also_by_a_clock_that_is_ten_minutes_ahead(s: &mut Story) {
        s.caught_up().await;
        s.openai.answers("Hello.").answers("Here.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.kill().await;
        thread.reply("ana", "are you there?").await;
        s.start().await;
        thread.finishes("Here.").await;
    }

    pub(super) async fn a_mention_that_was_missed_is_no_older_by_a_clock_that_is_ten_minutes_ahead(s: &mut Story) {
        s.restart_with(&[("limits.catch_up", "5m")]).await;
        a_mention_that_was_missed_is_answered_with_the_one_that_has_the_thread_read(s).await;
    }

    pub(super) async fn threads_silent_for_long_that_are_not_read_are_given_up_and_said_so(s: &mut Story) {
        let thread = silent_for_long(s).await;
        s.unreachable();
        thread.reply("ana", "are you there?").await;
        s.calm().await;
        let looking = Gate::closed();
        let _slow = s.slack.next("users.conversations").slow(&looking);
        s.start().await;
        looking.reached().await;
        // The half of what one look may take.
        s.clock.advance(Duration::from_secs(301));
        s.waits_pass(0.0..=3.0, async { s.caught_up().await }).await;
        looking.open();
        assert_eq!((s.openai.requests_seen(), s.catch_up().given_up), (1, 1));
        assert!(s.catch_up().last_given_up.unwrap().1.contains("silent for long"));
        let (_, page) = s.page("/readyz").await;
        assert!(page.contains("silent for long"), "{page}");
        thread.shows_nothing_more().await;
    }

    pub(super) async fn what_was_lost_minutes_before_all_seemed_well_is_found_too(s: &mut Story) {
        s.openai.answers("Hello.").answers("Hi.").answers("Here.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.slack.hold_events();
        thread.reply("ana", "are you there?").await;
        s.slack.lose_held();
        s.minutes_pass(3).await;
        let other = s.slack.mention("ben", "#other", "hi").await;
        other.finishes("Hi.").await;
        // What was heard is stored.
        s.minutes_pass(2).await;
        s.at_rest(&other).await;
        assert_eq!((s.openai.requests_seen(), s.catch_up().looks), (2, 1));
        s.kill_and_start().await;
        thread.finishes("Here.").await;
        s.calm().await;
        assert_eq!(s.catch_up().found, 1);
    }

    pub(super) async fn threads_come_first_each_once_then_direct_messages_and_then_channels(s: &mut Story) {
        s.caught_up().await;
        let known = s.slack.calls("conversations.history").len();
        s.openai.answers("Hello.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.kill().await;
        let direct = s.slack.dm("cat", "three?").await;
        for (question, answer) in [("one?", "One."), ("three?", "Three.")] {
            s.openai.turn().when_asked(question).text(answer);
        }
        thread.reply("ana", "one?").await;
        let (reading, listing) = (Gate::closed(), Gate::closed());
        let reads = s.slack.next("conversations.replies").slow(&reading);
        let _listed = s.slack.next("users.conversations").slow(&listing);
        s.start().await;
        reading.reached().await;
        assert_eq!(s.slack.calls("conversations.history").len(), known, "what is known to be alive comes first");
        reading.open();
        listing.reached().await;
        thread.finishes("One.").await;
        listing.open();
        direct.finishes("Three.").await;
        s.calm().await;
        s.caught_up().await;
        let looked: Vec<_> = s.slack.calls("conversations.history")[known..]
            .iter()
            .map(|call| call.args["channel"].as_str().unwrap().to_owned())
            .collect();
        assert!(looked.len() > 1 && looked.is_sorted_by_key(|channel| !channel.starts_with('D')), "{looked:?}");
        assert_eq!(reads.hits(), 1);
        let of_thread = s.slack.calls("conversations.replies").into_iter();
        let root = thread.key().root.to_string();
        assert_eq!(of_thread.filter(|call| call.args["ts"] == root.as_str()).count(), 1, "it is read once");
    }

    pub(super) async fn a_thread_of_the_last_hour_comes_first_also_where_sessions_are_over_sooner(s: &mut Story) {
        s.restart_with(&[("session.timeout", "10m")]).await;
        s.caught_up().await;
        s.openai.answers("Hello.").answers("Here.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.minutes_pass(20).await;
        // On a busy machine it looked through what it took for a sleep: where a look came to that dies, comes later in the next.
        s.caught_up().await;
        s.kill().await;
        thread.reply("ana", "are you there?").await;
        let listing = Gate::closed();
        let _listed = s.slack.next("users.conversations").slow(&listing);
        s.start().await;
        thread.finishes("Here.").await;
        listing.open();
    }

    pub(super) async fn a_look_that_takes_too_long_is_given_up_and_said_so(s: &mut Story) {
        s.caught_up().await;
        s.kill().await;
        s.unreachable();
        let direct = s.slack.dm("cat", "are you there?").await;
        s.calm().await;
        let looking = Gate::closed();
        let _slow = s.slack.next("users.conversations").slow(&looking);
        s.start().await;
        looking.reached().await;
        s.clock.advance(2 * TEN_MINUTES);
        looking.open();
        s.waits_pass(0.0..=3.0, async { s.caught_up().await }).await;
        assert_eq!((s.catch_up().found, s.catch_up().given_up > 0), (0, true));
        assert!(s.catch_up().last_given_up.unwrap().1.contains("more calls or time"));
        let (_, page) = s.page("/readyz").await;
        assert!(page.contains("more calls or time"), "{page}");
        direct.shows_nothing_more().await;
    }
}
