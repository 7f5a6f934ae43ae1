//! Calls that take effect after everybody stopped waiting for them: what they leave in a thread does not stay.

use chathakase_sim::slack::Options;

use crate::harness::{USUAL, stories, tell_where};

stories! { on all stores:
    a_stream_that_a_dead_process_began_and_slack_opens_late_does_not_stay,
}

stories! { usually:
    a_notice_of_a_dead_process_that_comes_late_does_not_stay,
    a_commands_answer_of_a_dead_process_that_comes_late_does_not_stay,
    a_second_part_of_a_dead_process_that_comes_late_does_not_stay,
    a_post_that_comes_after_its_call_timed_out_does_not_stay,
    whoever_carries_on_after_a_drain_looks_too,
    whoever_carries_on_after_a_second_death_looks_too,
    an_ordinary_answer_is_looked_at_by_nobody,
    a_turn_that_was_given_back_before_it_spoke_is_looked_at_by_nobody,
    first_words_that_come_late_after_a_stop_do_not_stay,
    what_slack_lets_nobody_delete_stays_and_the_thread_goes_on,
    the_sentence_that_slack_refuses_an_answer_stays,
    a_thread_that_is_shown_no_more_holds_up_what_waits_for_a_while_only,
}

#[test]
fn a_second_look_keeps_to_one_reading_a_minute() {
    tell_where(
        USUAL,
        |options| Options { strict_history: true, ..options },
        async |s| told::one_reading_a_minute(s).await,
    );
}

mod told {
    use std::time::Duration;

    use chathakase_bot::texts;
    use chathakase_model::ErrorKind;
    use chathakase_session::time::Clock;
    use chathakase_sim::slack::{Gate, Thread};

    use crate::harness::Story;

    /// A call waits so long for its answer.
    const CALL: Duration = Duration::from_secs(8);
    /// The second look is waited for in pieces.
    const NAP: Duration = Duration::from_secs(1);

    /// The process dies over its first words, which Slack has taken in and not shown.
    async fn dies_over_first_words(s: &mut Story) -> (Thread, Gate) {
        let late = Gate::closed();
        drop(s.slack.next("chat.startStream").happens_late(&late));
        s.openai.turn().text("Half an").gate("never").text(" answer.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        late.reached().await;
        s.kill().await;
        s.openai.answers("A whole answer.");
        (thread, late)
    }

    /// Slack shows what it had taken in, beside what stands in the thread by now; in the end it is gone.
    async fn comes_late(s: &mut Story, thread: &Thread, late: &Gate) {
        let stands = thread.answers();
        late.open();
        s.until(|| thread.answers().len() == stands.len() + 1).await;
        s.at_rest(thread).await;
        assert_eq!((thread.answers(), thread.status(), s.slack.is_streaming()), (stands, None, false));
    }

    pub(super) async fn a_stream_that_a_dead_process_began_and_slack_opens_late_does_not_stay(s: &mut Story) {
        let (thread, late) = dies_over_first_words(s).await;
        let began = s.clock.monotonic();
        s.start().await;
        thread.finishes("A whole answer.").await;
        assert!(s.clock.monotonic() - began < Duration::from_secs(3), "nobody waits for the second look");
        comes_late(s, &thread, &late).await;
        s.openai.answers("Here.");
        thread.reply("ana", "and now?").await;
        thread.finishes("Here.").await;
        s.openai.last_request().heard(["hello", "A whole answer.", "and now?"]);
    }

    pub(super) async fn a_notice_of_a_dead_process_that_comes_late_does_not_stay(s: &mut Story) {
        let late = Gate::closed();
        drop(s.slack.next("chat.postMessage").happens_late(&late));
        drop(s.openai.turn().status(401));
        let thread = s.slack.mention("ana", "#general", "hello").await;
        late.reached().await;
        s.kill_and_start().await;
        thread.finishes(&texts::model_failed(ErrorKind::Setup)).await;
        comes_late(s, &thread, &late).await;
    }

    pub(super) async fn a_commands_answer_of_a_dead_process_that_comes_late_does_not_stay(s: &mut Story) {
        let late = Gate::closed();
        drop(s.slack.next("chat.postMessage").happens_late(&late));
        let thread = s.slack.mention("ana", "#general", "clear session").await;
        late.reached().await;
        s.kill_and_start().await;
        thread.finishes(&texts::session_cleared(0, 0)).await;
        comes_late(s, &thread, &late).await;
    }

    pub(super) async fn a_second_part_of_a_dead_process_that_comes_late_does_not_stay(s: &mut Story) {
        s.restart_with(&[("reply.part_chars", "500")]).await;
        let late = Gate::closed();
        drop(s.slack.next("chat.startStream").after(1).happens_late(&late));
        let words = "Words and words. ".repeat(60);
        s.openai.turn().text(&words).gate("never").text(" And more.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        s.waits_pass(..=1.1, late.reached()).await;
        s.kill().await;
        s.openai.answers("A whole answer.");
        s.start().await;
        thread.finishes("A whole answer.").await;
        s.until(|| thread.answers().len() == 1).await;
        comes_late(s, &thread, &late).await;
    }

    pub(super) async fn a_post_that_comes_after_its_call_timed_out_does_not_stay(s: &mut Story) {
        let late = Gate::closed();
        drop(s.slack.next("chat.postMessage").happens_late(&late));
        drop(s.slack.next("chat.startStream").fails("channel_type_not_supported").always());
        s.openai.answers("A whole answer.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        late.reached().await;
        s.clock.pass_sleep(CALL..=CALL).await;
        s.waits_pass(1.9..=2.1, thread.finishes("A whole answer.")).await;
        comes_late(s, &thread, &late).await;
    }

    pub(super) async fn first_words_that_come_late_after_a_stop_do_not_stay(s: &mut Story) {
        let late = Gate::closed();
        drop(s.slack.next("chat.startStream").happens_late(&late));
        s.openai.turn().text("Half an").gate("never").text(" answer.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        late.reached().await;
        thread.press_stop("ana").await;
        s.clock.pass_sleep(CALL..=CALL).await;
        // It is closed without words, and naps until the second look, when the process ends.
        s.clock.pass_sleep(NAP..=NAP).await;
        s.assistant.take().unwrap().end().await;
        late.open();
        s.until(|| !thread.answers().is_empty()).await;
        s.start().await;
        s.at_rest(&thread).await;
        assert_eq!((thread.answers(), thread.status(), s.slack.is_streaming()), (Vec::new(), None, false));
    }

    pub(super) async fn whoever_carries_on_after_a_drain_looks_too(s: &mut Story) {
        let (thread, late) = dies_over_first_words(s).await;
        s.start().await;
        thread.finishes("A whole answer.").await;
        let began = s.clock.monotonic();
        s.assistant.take().unwrap().end().await;
        assert!(s.clock.monotonic() - began < Duration::from_secs(3), "the end waits for no second look");
        s.start().await;
        comes_late(s, &thread, &late).await;
    }

    pub(super) async fn whoever_carries_on_after_a_second_death_looks_too(s: &mut Story) {
        let (thread, late) = dies_over_first_words(s).await;
        s.start().await;
        thread.finishes("A whole answer.").await;
        let written = s.slack.calls("chat.update").len();
        s.kill_and_start().await;
        // Its first look is over: only the second one can find what comes from here on.
        s.until(|| s.slack.calls("chat.update").len() > written).await;
        comes_late(s, &thread, &late).await;
    }

    pub(super) async fn an_ordinary_answer_is_looked_at_by_nobody(s: &mut Story) {
        let refused = s.slack.next("chat.startStream").fails_429(2);
        s.openai.answers("Hello.");
        let began = s.clock.monotonic();
        let thread = s.slack.mention("ana", "#general", "hello").await;
        s.waits_pass(..=2.1, thread.finishes("Hello.")).await;
        s.at_rest(&thread).await;
        assert!(s.clock.monotonic() - began < Duration::from_secs(5), "what was refused has not happened");
        assert_eq!((s.slack.calls("conversations.replies").len(), refused.hits()), (0, 1));
    }

    pub(super) async fn a_turn_that_was_given_back_before_it_spoke_is_looked_at_by_nobody(s: &mut Story) {
        let dies = s.openai.turn().gate("never").text("Never said.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        dies.reached("never").await;
        thread.reply("ben", "and me?").await;
        s.end_at_work().await;
        s.openai.answers("Hello, Ana.").answers("And Ben.");
        s.start().await;
        let began = s.clock.monotonic();
        thread.finishes("And Ben.").await;
        assert!(s.clock.monotonic() - began < Duration::from_secs(3), "nobody died, so no call is unheard");
        assert_eq!(thread.answers(), ["Hello, Ana.", "And Ben."]);
    }

    pub(super) async fn what_slack_lets_nobody_delete_stays_and_the_thread_goes_on(s: &mut Story) {
        let (thread, late) = dies_over_first_words(s).await;
        let kept = s.slack.next("chat.delete").fails("some_refusal_of_tomorrow").always();
        s.start().await;
        thread.finishes("A whole answer.").await;
        late.open();
        s.until(|| thread.answers().len() == 2).await;
        s.at_rest(&thread).await;
        assert_eq!((thread.answers().len(), kept.hits()), (2, 1), "it is tried once, and nothing is said of it");
        s.openai.answers("Here.");
        thread.reply("ana", "and now?").await;
        thread.finishes("Here.").await;
    }

    pub(super) async fn the_sentence_that_slack_refuses_an_answer_stays(s: &mut Story) {
        let (thread, late) = dies_over_first_words(s).await;
        late.open();
        s.until(|| thread.answers().len() == 1).await;
        let refused = s.slack.next("chat.update").fails("some_refusal_of_tomorrow").always();
        s.start().await;
        let told = texts::answer_refused("some_refusal_of_tomorrow");
        s.waits_pass(1.9..=4.1, thread.shows(&told)).await;
        // It may look at its thread once more.
        s.minutes_pass(1).await;
        s.at_rest(&thread).await;
        assert_eq!(thread.answers(), ["Half an".to_owned(), told]);
        refused.lifted();
    }

    pub(super) async fn a_thread_that_is_shown_no_more_holds_up_what_waits_for_a_while_only(s: &mut Story) {
        s.restart_with(&[("limits.read_back_patience", "5s"), ("limits.catch_up", "0s")]).await;
        let (thread, _late) = dies_over_first_words(s).await;
        let unread = s.slack.next("conversations.replies").after(1).http(503).always();
        s.start().await;
        thread.finishes("A whole answer.").await;
        s.openai.answers("Here.");
        thread.reply("ana", "and now?").await;
        s.waits_pass(1.9..=4.1, thread.finishes("Here.")).await;
        assert!(unread.hits() >= 3, "{}", unread.hits());
    }

    pub(super) async fn one_reading_a_minute(s: &mut Story) {
        s.restart_with(&[("limits.catch_up", "0s")]).await;
        let (thread, late) = dies_over_first_words(s).await;
        s.start().await;
        thread.finishes("A whole answer.").await;
        late.open();
        s.until(|| thread.answers().len() == 2).await;
        s.tried_again(s.until(|| thread.answers().len() == 1)).await;
        assert_eq!(thread.answers(), ["A whole answer."]);
        let readings = s.slack.calls("conversations.replies");
        assert!(readings.len() <= 4, "{}", readings.len());
    }
}
