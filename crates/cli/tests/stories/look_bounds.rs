//! What a look for what was missed may cost: threads, pages, calls, and how fast those follow each other.

use chathakase_sim::slack::Options;

use crate::{
    gaps::{on_every_store, told_where},
    harness::{Store, USUAL, Way, tell_where},
};

told_where! { USUAL, |options| options, memory: Memory;
    of_more_threads_than_are_read_the_others_are_given_up_and_that_is_said
}
told_where! { USUAL, |options| options, memory: Memory;
    a_look_asks_slack_so_often_at_once_then_slowly_and_then_no_more
}
told_where! { USUAL, |options| Options { page_max: Some(1), ..options }, memory: Memory;
    of_more_pages_than_are_read_of_a_channel_the_older_ones_are_given_up_and_that_is_said
}

on_every_store! { USUAL, |options| options;
    however_many_processes_die_over_it_each_thread_has_its_turn
}

mod told {
    use std::{collections::HashSet, time::Duration};

    use chathakase_session::{
        Kind,
        message::Ending,
        store::{Closing, NewPost, Receipt, Usage},
        time::Clock,
        turn::{Claimant, Outcome, OwnerId},
    };
    use chathakase_sim::slack::{Call, Thread};

    use crate::harness::{Story, over_in};

    /// The calls that look for what was missed.
    fn looking(s: &Story) -> Vec<Call> {
        let looks = ["users.conversations", "conversations.history", "conversations.replies"];
        s.slack.all_calls().into_iter().filter(|call| looks.contains(&call.method.as_str())).collect()
    }

    fn of<'a>(calls: &'a [Call], method: &str) -> Vec<&'a Call> {
        calls.iter().filter(|call| call.method == method).collect()
    }

    /// A direct message that never comes.
    async fn lost(s: &Story, who: &str) -> Thread {
        s.slack.hold_events();
        let direct = s.slack.dm(who, "are you there?").await;
        s.slack.lose_held();
        direct
    }

    /// Starts it, and lets pass what it waits between calls until it looks no more.
    async fn looks_through(s: &mut Story) {
        s.start().await;
        let looked = async {
            while s.catch_up().looks == 0 || s.catch_up().looking_from.is_some() {
                tokio::task::yield_now().await;
            }
        };
        let looked = over_in(Duration::from_secs(60), s.waits_pass(..=3.0, looked));
        looked.await.expect("a look comes to its end");
    }

    /// A thread that was answered by a process that is gone.
    async fn answered(s: &mut Story, who: &str) -> Thread {
        let thread = s.slack.post(who, "#general", "hello").await;
        let (store, now) = (s.store(), s.clock.now());
        let gone = Claimant {
            owner: OwnerId::new("gone"),
            lease: Duration::from_secs(30),
            history_max: 20,
            commands_max: 64,
            slack_now: None,
        };
        let post = NewPost::from_user(s.slack.person(who), &thread.key(), thread.root(), Kind::Accepted, "hello");
        let Receipt::Run(claimed) = store.receive(post, Some(&gone), now).await.unwrap().receipt else {
            panic!("nothing else runs in this thread");
        };
        let answer = Closing {
            outcome: Outcome::Answered,
            text: "Hello.".to_owned(),
            ending: Ending::Complete,
            note: None,
            model: None,
            usage: Usage::default(),
        };
        store.close(&claimed.lease, answer, now).await.unwrap();
        store.delivered(&claimed.lease, &[], None, now).await.unwrap();
        thread
    }

    pub(super) async fn of_more_threads_than_are_read_the_others_are_given_up_and_that_is_said(s: &mut Story) {
        s.caught_up().await;
        s.kill().await;
        s.slack.hold_events();
        let longest_silent = answered(s, "ben").await;
        s.clock.advance(Duration::from_secs(1));
        for _ in 0..250 {
            answered(s, "ana").await;
        }
        s.slack.lose_held();
        looks_through(s).await;
        let calls = looking(s);
        let read: HashSet<&str> =
            of(&calls, "conversations.replies").iter().map(|call| call.args["ts"].as_str().unwrap()).collect();
        assert_eq!((read.len(), read.contains(longest_silent.root().to_string().as_str())), (250, false));
        // Behind everything else, no calls are left for it either.
        assert_eq!(s.catch_up().given_up, 2);
        assert!(s.catch_up().last_given_up.unwrap().1.contains("silent for long"));
    }

    pub(super) async fn a_look_asks_slack_so_often_at_once_then_slowly_and_then_no_more(s: &mut Story) {
        s.caught_up().await;
        s.kill().await;
        for who in 0..420 {
            s.slack.dm_channel(&format!("ana{who}"));
        }
        let last = lost(s, "zoe").await;
        assert_eq!(looking(s).len(), 0);
        looks_through(s).await;
        let at: Vec<_> = looking(s).iter().map(|call| call.at).collect();
        assert_eq!(at.len(), 400);
        assert_eq!(at[0], at[9], "so many may follow each other at once");
        let pauses: HashSet<Duration> = at[9..].windows(2).map(|two| two[1].since(two[0])).collect();
        assert_eq!(pauses, HashSet::from([Duration::from_secs(2)]));
        assert!(s.catch_up().last_given_up.unwrap().1.contains("more calls or time"));
        last.shows_nothing_more().await;
    }

    pub(super) async fn however_many_processes_die_over_it_each_thread_has_its_turn(s: &mut Story) {
        s.set("limits.catch_up", "10m");
        s.restart().await;
        s.caught_up().await;
        s.kill().await;
        s.slack.hold_events();
        let longest_silent = answered(s, "ben").await;
        s.clock.advance(Duration::from_secs(1));
        for _ in 0..40 {
            answered(s, "ana").await;
        }
        longest_silent.reply("ben", "are you there?").await;
        // Threads that are not ours are found by their channel, and there are other channels behind it.
        for _ in 0..60 {
            s.slack.post("cat", "#general", "lunch?").await.reply("dan", "at noon").await;
        }
        let elsewhere = s.slack.mention("ana", "#other", "and here?").await;
        s.slack.lose_held();
        // Whoever dies over an answer has it asked again.
        s.openai.answers_by(|_| "Here.".to_owned());
        // They live for some calls each, and all together for longer than is looked back.
        for _ in 0..5 {
            let before = looking(s).len();
            s.start().await;
            let some = s.until(|| looking(s).len() >= before + 25);
            over_in(Duration::from_secs(60), s.waits_pass(..=3.0, some)).await.expect("it looks");
            s.kill().await;
            s.clock.advance(Duration::from_secs(240));
        }
        looks_through(s).await;
        longest_silent.finishes("Here.").await;
        elsewhere.finishes("Here.").await;
    }

    pub(super) async fn of_more_pages_than_are_read_of_a_channel_the_older_ones_are_given_up_and_that_is_said(
        s: &mut Story,
    ) {
        s.caught_up().await;
        s.kill().await;
        s.slack.hold_events();
        let first = s.slack.mention("ana", "#general", "one?").await;
        for text in ["nobody is asked", "and nobody here"] {
            s.slack.post("ben", "#general", text).await;
        }
        let newest = s.slack.mention("ana", "#general", "two?").await;
        s.slack.lose_held();
        s.openai.turn().when_asked("two?").text("Two.");
        looks_through(s).await;
        assert_eq!(of(&looking(s), "conversations.history").len(), 3);
        assert_eq!((s.catch_up().found, s.catch_up().given_up), (1, 1));
        assert!(s.catch_up().last_given_up.unwrap().1.contains("more posts than are read"));
        newest.finishes("Two.").await;
        first.shows_nothing_more().await;
    }
}
