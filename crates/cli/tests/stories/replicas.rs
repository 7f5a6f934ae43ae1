//! Two processes on one database: whoever hears of something, each thread has one voice.

use chathakase_sim::slack::Transport;

use crate::harness::{SHARED, Way, stories, tell};

stories! { by two:
    what_reaches_both_is_answered_once,
    questions_of_a_thread_that_reach_one_and_the_other_are_answered_in_order,
    a_half_written_answer_is_brought_by_who_lives_on,
    a_stop_that_reaches_the_other_ends_the_answer,
    an_edit_that_reaches_the_other_counts,
    a_question_whose_deletion_reaches_the_other_is_not_answered_on,
    a_thread_cleared_by_the_other_is_forgotten,
    a_reply_that_reaches_one_before_its_mention_reaches_the_other_is_answered,
    a_mention_deleted_at_one_before_it_reaches_the_other_is_not_answered,
    an_edit_that_reaches_one_before_its_post_reaches_the_other_counts,
    what_waits_behind_an_answer_of_who_ends_is_answered_by_the_other,
    an_answer_that_outlasts_the_drain_is_carried_on_by_the_other,
    slacks_limits_are_shared,
    what_is_for_one_person_alone_is_said_by_the_leases_holder_alone,
    what_goes_by_direct_message_is_said_by_the_leases_holder_alone,
}

#[test]
fn five_processes_with_a_link_each_answer_as_one() {
    tell(Way { transport: Transport::Socket, ..SHARED }, async |s| told::five(s).await);
}

#[test]
fn what_people_write_while_the_database_hangs_is_answered_when_it_goes_on() {
    tell(SHARED, async |s| told::a_database_that_hangs(s).await);
}

mod told {
    use std::{pin::pin, time::Duration};

    use chathakase_session::time::Clock;
    use chathakase_sim::{
        model::Progress,
        slack::{Fate, Gate, Thread},
    };

    use crate::harness::{Story, over_in};

    /// How often a process looks for what others left.
    const LOOK: Duration = Duration::from_millis(1_500);

    /// How long a person waits longer for an answer because a process ends.
    const DELAY_MAX: Duration = Duration::from_secs(2);

    /// Waits for what a process does when it looks, sooner than its leases are renewed.
    async fn looks<T>(s: &Story, seen: impl Future<Output = T>) -> T {
        let mut seen = pin!(seen);
        for _ in 0..3 {
            s.passes(LOOK).await;
            if let Ok(seen) = over_in(Duration::from_secs(1), &mut seen).await {
                return seen;
            }
        }
        panic!("it did not look, or saw nothing");
    }

    pub(super) async fn what_reaches_both_is_answered_once(s: &mut Story) {
        s.openai.answers("Hello.");
        s.reaches_both();
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        for _ in 0..2 {
            s.slack.redeliver(&thread.first()).await;
            s.slack.redeliver_under_new_ids(&thread.first()).await;
        }
        s.calm().await;
        assert_eq!((thread.answers(), s.openai.requests_seen()), (vec!["Hello.".into()], 1));
    }

    pub(super) async fn questions_of_a_thread_that_reach_one_and_the_other_are_answered_in_order(s: &mut Story) {
        let first = s.openai.turn().text("One").gate("half").text(".");
        s.openai.answers("Two.").answers("Three.");
        let thread = s.slack.mention("ana", "#general", "one?").await;
        first.reached("half").await;
        s.reaches_other();
        thread.reply("ben", "two?").await;
        first.open("half");
        thread.finishes("Two.").await;
        s.at_rest(&thread).await;
        thread.reply("ana", "three?").await;
        thread.finishes("Three.").await;
        assert_eq!(thread.answers(), ["One.", "Two.", "Three."]);
        s.openai.last_request().heard(["ana: one?", "One.", "ben: two?", "Two.", "ana: three?"]);
    }

    pub(super) async fn a_half_written_answer_is_brought_by_who_lives_on(s: &mut Story) {
        let dies = s.openai.turn().text("Half an").gate("never").text(" answer.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.shows("Half an").await;
        dies.reached("never").await;
        s.openai.answers("A whole answer.");
        s.reaches_other();
        s.kill().await;
        thread.finishes("A whole answer.").await;
        s.at_rest(&thread).await;
        assert_eq!((thread.answers(), thread.status()), (vec!["A whole answer.".into()], None));
    }

    pub(super) async fn a_stop_that_reaches_the_other_ends_the_answer(s: &mut Story) {
        let slow = s.openai.turn().text("On and on").gate("never").text(" and on.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.shows("On and on").await;
        slow.reached("never").await;
        s.reaches_other();
        thread.press_stop("ana").await;
        assert_eq!(looks(s, slow.over()).await, Progress::Abandoned);
        s.at_rest(&thread).await;
        assert_eq!(thread.answers(), ["On and on"]);
    }

    pub(super) async fn an_edit_that_reaches_the_other_counts(s: &mut Story) {
        s.openai.answers("Hello.").answers("A dog.");
        let thread = s.slack.mention("ana", "#general", "I have a cat").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.reaches_other();
        thread.edit(&thread.first(), "@assistant I have a dog").await;
        s.reachable();
        thread.reply("ana", "what do I have?").await;
        thread.finishes("A dog.").await;
        s.openai.last_request().heard(["I have a dog", "Hello.", "what do I have?"]);
    }

    pub(super) async fn a_question_whose_deletion_reaches_the_other_is_not_answered_on(s: &mut Story) {
        let slow = s.openai.turn().text("On and on").gate("never").text(" and on.");
        s.openai.answers("Yes?");
        let thread = s.slack.mention("ana", "#general", "who is there?").await;
        thread.shows("On and on").await;
        slow.reached("never").await;
        s.reaches_other();
        let second = thread.reply("ben", "and my secret is 42").await;
        thread.delete(&second).await;
        thread.delete(&thread.first()).await;
        looks(s, s.until(|| !s.slack.is_streaming())).await;
        s.at_rest(&thread).await;
        thread.reply("ana", "hello?").await;
        thread.finishes("Yes?").await;
        let asked = s.openai.last_request();
        assert!(!asked.conversation().concat().contains("secret"), "{:?}", asked.conversation());
    }

    pub(super) async fn a_thread_cleared_by_the_other_is_forgotten(s: &mut Story) {
        s.openai.answers("Hello Ana.").answers("I do not know.");
        let thread = s.slack.mention("ana", "#general", "I am Ana").await;
        thread.finishes("Hello Ana.").await;
        s.at_rest(&thread).await;
        s.reaches_other();
        thread.reply("ana", "clear session").await;
        thread.shows_part("I have forgotten this thread").await;
        s.reachable();
        thread.reply("ana", "who am I?").await;
        thread.finishes("I do not know.").await;
        s.openai.last_request().heard(["who am I?"]);
    }

    /// A mention whose event reaches nobody at first.
    async fn mention_on_its_way(s: &Story, text: &str) -> Thread {
        s.unreachable();
        let thread = s.slack.mention("ana", "#general", text).await;
        s.failed_twice().await;
        thread
    }

    /// It comes to the first process with the next try.
    async fn arrives(s: &Story) {
        s.slack.all_quiet().await;
        s.reachable();
        s.passes(Duration::from_secs(60)).await;
        s.slack.settled().await;
    }

    pub(super) async fn a_reply_that_reaches_one_before_its_mention_reaches_the_other_is_answered(s: &mut Story) {
        let thread = mention_on_its_way(s, "first").await;
        s.reaches_other();
        thread.reply("ben", "second").await;
        s.openai.answers("To the first.").answers("To the second.");
        arrives(s).await;
        thread.finishes("To the first.").await;
        thread.finishes("To the second.").await;
        s.openai.last_request().heard(["ana: first", "To the first.", "ben: second"]);
    }

    pub(super) async fn a_mention_deleted_at_one_before_it_reaches_the_other_is_not_answered(s: &mut Story) {
        let thread = mention_on_its_way(s, "my secret is 42").await;
        s.reaches_other();
        thread.delete(&thread.first()).await;
        arrives(s).await;
        assert_eq!((thread.answers(), s.openai.requests_seen()), (vec![], 0));
    }

    pub(super) async fn an_edit_that_reaches_one_before_its_post_reaches_the_other_counts(s: &mut Story) {
        let thread = mention_on_its_way(s, "I have a cat").await;
        s.reaches_other();
        s.openai.answers("Hello.");
        thread.edit(&thread.first(), "@assistant I have a dog").await;
        thread.finishes("Hello.").await;
        s.openai.last_request().heard(["I have a dog"]);
        arrives(s).await;
        s.calm().await;
        assert_eq!((thread.answers(), s.openai.requests_seen()), (vec!["Hello.".into()], 1));
    }

    pub(super) async fn what_waits_behind_an_answer_of_who_ends_is_answered_by_the_other(s: &mut Story) {
        let last = s.openai.turn().text("One").gate("half").text(".");
        s.openai.answers("Two.");
        let thread = s.slack.mention("ana", "#general", "one?").await;
        last.reached("half").await;
        thread.reply("ben", "two?").await;
        s.slack.settled().await;
        s.reaches_other();
        let shown = async {
            last.open("half");
            thread.finishes("One.").await;
        };
        tokio::join!(s.assistant.take().unwrap().end(), shown);
        s.passes(LOOK).await;
        thread.finishes("Two.").await;
        assert_eq!(thread.answers(), ["One.", "Two."]);
    }

    pub(super) async fn an_answer_that_outlasts_the_drain_is_carried_on_by_the_other(s: &mut Story) {
        let drain = Duration::from_secs(25);
        let long = s.openai.turn().text("Half an").gate("never").text(" answer.");
        let thread = s.slack.mention("ana", "#general", "tell me all").await;
        thread.shows("Half an").await;
        long.reached("never").await;
        s.openai.answers("A whole answer.");
        s.reaches_other();
        let (ends, began) = (s.assistant.take().unwrap().end(), s.clock.monotonic());
        tokio::join!(ends, s.clock.pass_sleep(drain..=drain));
        let mut seen = pin!(thread.finishes("A whole answer."));
        loop {
            s.passes(LOOK).await;
            if over_in(Duration::from_secs(1), &mut seen).await.is_ok() {
                break;
            }
        }
        assert_eq!(thread.answers(), ["A whole answer."]);
        // A look that is under way while the test's time jumps begins its pause after that.
        assert!(s.clock.monotonic() - began <= drain + 2 * DELAY_MAX, "{:?}", s.clock.monotonic() - began);
    }

    pub(super) async fn slacks_limits_are_shared(s: &mut Story) {
        const QUESTIONS: usize = 48;
        let answer = |n: usize| format!("Answer {n} is as long as it must be.");
        let (mut turns, mut threads) = (Vec::new(), Vec::new());
        for n in 0..QUESTIONS {
            let (begins, ends) = answer(n).split_once(" as ").map(|(a, b)| (a.to_owned(), format!(" as {b}"))).unwrap();
            let turn = s.openai.turn().when_asked(&format!("question {n}?"));
            turns.push(turn.gate("all").text(&begins).gate("half").text(&ends));
        }
        for n in 0..QUESTIONS {
            if n % 2 == 0 {
                s.reachable()
            } else {
                s.reaches_other()
            }
            threads.push(s.slack.mention("ana", &format!("#c{}", n % 24), format!("question {n}?")).await);
        }
        // All begin at the same moment.
        for turn in &turns {
            turn.reached("all").await;
        }
        turns.iter().for_each(|turn| turn.open("all"));
        for turn in &turns {
            turn.reached("half").await;
        }
        turns.iter().for_each(|turn| turn.open("half"));
        for (n, thread) in threads.iter().enumerate() {
            thread.finishes(&answer(n)).await;
        }
        let calls = s.slack.all_calls();
        let refused: Vec<_> = calls.iter().filter(|call| call.answer == "ratelimited").map(|c| &c.method).collect();
        let streams = calls.iter().filter(|call| call.method == "chat.startStream").count();
        assert!(refused.len() <= 2, "{refused:?}");
        assert!(streams >= 20, "nothing is left unused: {streams}");
    }

    /// The first process waits for Slack before it says what `asked` brings, loses its lease meanwhile, and wakes when the other has said
    /// it. How often `method` was taken.
    async fn overtaken_over(s: &mut Story, method: &str, asked: &str) -> usize {
        s.slack.admin("zoe");
        let (renewing, gives_up) = (s.holds_step("renew"), s.holds_step("release"));
        let limit = Duration::from_secs(45);
        drop(s.slack.next(method).fails_429(limit.as_secs()));
        s.slack.mention("zoe", "#general", asked).await;
        while s.clock.sleepers(limit) == 0 {
            tokio::task::yield_now().await;
        }
        let taken = |s: &Story| s.slack.calls(method).iter().filter(|call| call.answer == "ok").count();
        s.passes(Duration::from_secs(31)).await;
        looks(s, s.until(|| taken(s) == 1)).await;
        s.passes(Duration::from_secs(15)).await;
        // It hears of its loss only after it has woken.
        tokio::select! {
            () = gives_up.reached() => {}
            () = s.until(|| taken(s) > 1) => {}
        }
        [renewing, gives_up].iter().for_each(Gate::open);
        s.calm().await;
        taken(s)
    }

    pub(super) async fn what_is_for_one_person_alone_is_said_by_the_leases_holder_alone(s: &mut Story) {
        assert_eq!(overtaken_over(s, "chat.postEphemeral", "all sessions").await, 1);
    }

    pub(super) async fn what_goes_by_direct_message_is_said_by_the_leases_holder_alone(s: &mut Story) {
        drop(s.slack.next("chat.postEphemeral").fails("user_not_in_channel").always());
        assert_eq!(overtaken_over(s, "chat.postMessage", "all sessions").await, 1);
    }

    pub(super) async fn five(s: &mut Story) {
        let more = s.start_more(4).await;
        s.slack.connected(5).await;
        let mut threads = Vec::new();
        for n in 0..15 {
            s.openai.turn().when_asked(&format!("question {n}?")).text(&format!("Answer {n}."));
            threads.push(s.slack.mention("ana", &format!("#c{n}"), format!("question {n}?")).await);
        }
        for (n, thread) in threads.iter().enumerate() {
            thread.finishes(&format!("Answer {n}.")).await;
            s.at_rest(thread).await;
            s.openai.turn().when_asked(&format!("and {n}?")).text(&format!("More of {n}."));
            thread.reply("ben", &format!("and {n}?")).await;
        }
        for (n, thread) in threads.iter().enumerate() {
            thread.finishes(&format!("More of {n}.")).await;
            assert_eq!(thread.answers(), [format!("Answer {n}."), format!("More of {n}.")]);
        }
        s.calm().await;
        assert_eq!((s.openai.requests_seen(), s.slack.connections()), (30, 5));
        for process in more {
            process.end().await;
        }
    }

    pub(super) async fn a_database_that_hangs(s: &mut Story) {
        s.restart_behind_a_wire().await;
        s.openai.answers("Hello.").answers("Here.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.database_hangs(true);
        thread.reply("ana", "anybody there?").await;
        let (status, page) = s.page("/readyz").await;
        assert!(status == 503 && page.contains("the database does not answer"), "{status} {page}");
        assert_eq!(s.slack.events().last().unwrap().fate, Fate::OnItsWay, "it is not acknowledged");
        s.failed_twice().await;
        s.database_hangs(false);
        s.passes(Duration::from_secs(60)).await;
        thread.finishes("Here.").await;
        s.calm().await;
        assert_eq!((thread.answers(), s.openai.requests_seen()), (vec!["Hello.".into(), "Here.".into()], 2));
        assert_eq!(s.page("/readyz").await.0, 200);
    }
}
