//! What a person's Stop leaves: what the thread shows by then, in the thread and in the session.

use crate::harness::stories;

stories! { usually:
    a_stop_outlives_the_process_that_was_told,
    a_stop_told_to_another_process_reaches_the_owner,
    what_was_not_shown_of_a_stopped_answer_is_not_remembered,
    what_slack_takes_no_more_of_before_a_stop_is_not_shown_after_it,
    what_slack_takes_no_more_of_is_not_shown_either_when_the_model_has_said_it_all,
    a_stop_while_an_answer_is_being_stored_ends_it_where_it_is,
    a_stop_ends_the_mending_of_an_answer,
    what_is_not_known_of_a_stopped_answer_is_read_in_its_thread,
    of_a_stopped_answer_of_which_nothing_is_known_it_is_remembered_that_words_stand_there,
    our_note_below_a_stopped_answer_is_not_remembered_as_its_words,
    killed_after_a_stop_what_was_not_shown_is_not_remembered,
    killed_after_a_stop_no_more_is_remembered_than_that_words_stand_in_a_thread_not_shown,
    stopped_over_first_words_that_nobody_knew_of_they_are_remembered,
    first_words_stopped_while_nobody_ran_become_the_answer,
    words_of_an_earlier_answer_that_say_nothing_of_it_are_left_alone,
    an_old_stopped_answer_is_not_taken_for_one_to_an_older_question,
    a_stop_that_comes_late_leaves_the_next_answer_alone,
}

mod told {
    use std::time::Duration;

    use chathakase_bot::texts;
    use chathakase_model::ErrorKind;
    use chathakase_session::{SlackTs, store::Press, time::Clock};
    use chathakase_sim::slack::{Gate, Thread};
    use chathakase_slack::reply::with_note;

    use crate::harness::Story;

    /// A lease is renewed this often.
    const RENEWAL: Duration = Duration::from_secs(10);

    /// Slack's name for the end of this moment.
    fn just_now(s: &Story) -> SlackTs {
        SlackTs::at(s.clock.now() + Duration::from_millis(1))
    }

    pub(super) async fn a_stop_outlives_the_process_that_was_told(s: &mut Story) {
        let dies = s.openai.turn().text("On and on").gate("never").text(" and on.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.shows("On and on").await;
        dies.reached("never").await;
        thread.reply("ben", "and me?").await;
        s.kill().await;
        // All that the killed process did of it.
        let pressed = just_now(s);
        s.store().stop(&thread.key(), &Press::at(pressed)).await.unwrap();
        s.openai.answers("And you.");
        s.start().await;
        thread.finishes("And you.").await;
        s.calm().await;
        assert_eq!((thread.answers(), thread.status()), (vec!["On and on".into(), "And you.".into()], None));
        s.openai.last_request().heard(["ana: hello", "On and on\n[a person stopped the answer here]", "ben: and me?"]);
        assert_eq!(s.openai.requests_seen(), 2, "what was stopped is not asked again");
    }

    pub(super) async fn a_stop_told_to_another_process_reaches_the_owner(s: &mut Story) {
        let slow = s.openai.turn().gate("never").text("Never said.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        slow.reached("never").await;
        s.slack.settled().await;
        let pressed = just_now(s);
        s.store().stop(&thread.key(), &Press::at(pressed)).await.unwrap();
        s.clock.pass_sleep(RENEWAL..=RENEWAL).await;
        s.openai.answers("Fine.");
        thread.reply("ana", "thanks").await;
        thread.finishes("Fine.").await;
        assert_eq!(thread.answers(), ["Fine."]);
    }

    /// An answer of which the model has said all, and whose thread shows no more than "One." until the gate is opened.
    async fn closed_and_not_shown(s: &mut Story) -> (Thread, Gate) {
        let slow = Gate::closed();
        let turn = s.openai.turn().text("One.").gate("on").text(" Two.").gate("end").text(" Three.");
        let thread = s.slack.mention("ana", "#general", "count").await;
        thread.shows("One.").await;
        drop(s.slack.next("chat.appendStream").slow(&slow));
        turn.open("on");
        // The limit on appends may ask for a moment's wait first.
        s.waits_pass(0.0..=2.5, slow.reached()).await;
        turn.open("end");
        closes(s, &thread).await;
        (thread, slow)
    }

    /// Waits until an answer is stored.
    async fn closes(s: &mut Story, thread: &Thread) {
        let (key, store, clock) = (thread.key(), s.store(), s.clock.clone());
        while store.session(&key, clock.now()).await.unwrap().is_none_or(|session| session.assistant_messages == 0) {
            tokio::task::yield_now().await;
        }
    }

    async fn only_the_first_word_is_remembered(s: &mut Story, thread: &Thread) {
        s.at_rest(thread).await;
        s.openai.answers("Fine.");
        thread.reply("ana", "thanks").await;
        thread.finishes("Fine.").await;
        the_first_word_was_remembered(s, thread);
    }

    /// The same, when Slack takes something again.
    async fn after_a_while_only_the_first_word_is_remembered(s: &Story, thread: &Thread) {
        s.openai.answers("Fine.");
        thread.reply("ana", "thanks").await;
        s.waits_pass(15.0..=20.0, thread.finishes("Fine.")).await;
        the_first_word_was_remembered(s, thread);
    }

    fn the_first_word_was_remembered(s: &Story, thread: &Thread) {
        assert_eq!(thread.answers(), ["One.", "Fine."]);
        s.openai.last_request().heard(["count", "One.\n[a person stopped the answer here]", "thanks"]);
    }

    pub(super) async fn what_was_not_shown_of_a_stopped_answer_is_not_remembered(s: &mut Story) {
        let (thread, slow) = closed_and_not_shown(s).await;
        thread.press_stop("ana").await;
        slow.open();
        only_the_first_word_is_remembered(s, &thread).await;
    }

    /// "One." stands in the thread, and the fate of what came behind it is unknown.
    async fn of_unknown_fate(s: &mut Story) -> Thread {
        let turn = s.openai.turn().text("One.").gate("on").text(" Two.").gate("never").text(" Three.");
        let thread = s.slack.mention("ana", "#general", "count").await;
        thread.shows("One.").await;
        drop(s.slack.next("chat.appendStream").http(500));
        let limited = s.slack.next("chat.update").fails_429(20);
        turn.open("on");
        s.waits_pass(0.0..=2.5, s.until(|| limited.hits() == 1)).await;
        thread
    }

    pub(super) async fn what_is_not_known_of_a_stopped_answer_is_read_in_its_thread(s: &mut Story) {
        let thread = of_unknown_fate(s).await;
        thread.press_stop("ana").await;
        only_the_first_word_is_remembered(s, &thread).await;
    }

    pub(super) async fn of_a_stopped_answer_of_which_nothing_is_known_it_is_remembered_that_words_stand_there(
        s: &mut Story,
    ) {
        let thread = of_unknown_fate(s).await;
        let unread = s.slack.next("conversations.replies").fails("access_denied").always();
        thread.press_stop("ana").await;
        s.at_rest(&thread).await;
        unread.lifted();
        s.openai.answers("Fine.");
        thread.reply("ana", "thanks").await;
        thread.finishes("Fine.").await;
        assert_eq!(thread.answers(), ["One.", "Fine."]);
        s.openai.last_request().heard(["count", "…\n[a person stopped the answer here]", "thanks"]);
    }

    pub(super) async fn our_note_below_a_stopped_answer_is_not_remembered_as_its_words(s: &mut Story) {
        let turn = s.openai.turn().text("One.").gate("on").cut();
        let thread = s.slack.mention("ana", "#general", "count").await;
        thread.shows("One.").await;
        // The stream ends with the note, and nobody hears of it.
        let hangs = Gate::closed();
        drop(s.slack.next("chat.stopStream").answers_late(&hangs));
        let limited = s.slack.next("chat.update").fails_429(20);
        turn.open("on");
        s.waits_pass(7.5..=8.5, s.until(|| limited.hits() == 1)).await;
        thread.press_stop("ana").await;
        s.at_rest(&thread).await;
        s.openai.answers("Fine.");
        thread.reply("ana", "thanks").await;
        thread.finishes("Fine.").await;
        let noted = with_note("One.", Some(&texts::answer_cut_off(ErrorKind::Broken)));
        assert_eq!(thread.answers(), [noted, "Fine.".into()]);
        s.openai.last_request().heard(["count", "One.\n[a person stopped the answer here]", "thanks"]);
    }

    /// An answer of which Slack takes no more for a minute than "One.", of what the model says behind it.
    async fn held_back(s: &mut Story) -> (Thread, chathakase_sim::model::TurnScript) {
        let turn = s.openai.turn().text("One.").gate("on").text(" Two.").gate("end").text(" Three.");
        let thread = s.slack.mention("ana", "#general", "count").await;
        thread.shows("One.").await;
        let limited = s.slack.next("chat.appendStream").fails_429(20);
        turn.open("on");
        s.waits_pass(0.0..=2.5, s.until(|| limited.hits() == 1)).await;
        (thread, turn)
    }

    /// The same, and the model has said it all.
    async fn closed_and_held_back(s: &mut Story) -> Thread {
        let (thread, turn) = held_back(s).await;
        let limited = s.slack.next("chat.stopStream").fails_429(20);
        turn.open("end");
        closes(s, &thread).await;
        s.until(|| limited.hits() == 1).await;
        thread
    }

    pub(super) async fn what_slack_takes_no_more_of_before_a_stop_is_not_shown_after_it(s: &mut Story) {
        let (thread, _turn) = held_back(s).await;
        thread.press_stop("ana").await;
        only_the_first_word_is_remembered(s, &thread).await;
    }

    pub(super) async fn what_slack_takes_no_more_of_is_not_shown_either_when_the_model_has_said_it_all(s: &mut Story) {
        let thread = closed_and_held_back(s).await;
        thread.press_stop("ana").await;
        after_a_while_only_the_first_word_is_remembered(s, &thread).await;
    }

    pub(super) async fn a_stop_while_an_answer_is_being_stored_ends_it_where_it_is(s: &mut Story) {
        let stored = s.holds_step("close");
        // Slack itself ends a stream whose answer is stopped; posts that grow by updates are ours to end.
        drop(s.slack.next("chat.startStream").fails("feature_disabled"));
        let turn = s.openai.turn().text("One.").gate("on").text(" Two.");
        let thread = s.slack.mention("ana", "#general", "count").await;
        thread.shows("One.").await;
        turn.open("on");
        stored.reached().await;
        thread.press_stop("ana").await;
        s.slack.all_quiet().await;
        // Longer than the limit on updates holds the second word back.
        s.passes(Duration::from_secs(3)).await;
        s.slack.all_quiet().await;
        assert_eq!(thread.answers(), ["One."]);
        stored.open();
        only_the_first_word_is_remembered(s, &thread).await;
    }

    pub(super) async fn a_stop_ends_the_mending_of_an_answer(s: &mut Story) {
        let thread = closed_and_held_back(s).await;
        let limited = s.slack.next("chat.update").fails_429(20);
        s.kill_and_start().await;
        s.until(|| limited.hits() == 1).await;
        thread.press_stop("ana").await;
        after_a_while_only_the_first_word_is_remembered(s, &thread).await;
    }

    pub(super) async fn killed_after_a_stop_what_was_not_shown_is_not_remembered(s: &mut Story) {
        let (thread, slow) = closed_and_not_shown(s).await;
        thread.press_stop("ana").await;
        s.kill().await;
        slow.open();
        s.start().await;
        only_the_first_word_is_remembered(s, &thread).await;
    }

    pub(super) async fn killed_after_a_stop_no_more_is_remembered_than_that_words_stand_in_a_thread_not_shown(
        s: &mut Story,
    ) {
        let (thread, slow) = closed_and_not_shown(s).await;
        thread.press_stop("ana").await;
        s.kill().await;
        slow.open();
        let unread = s.slack.next("conversations.replies").fails("access_denied").always();
        s.start().await;
        s.at_rest(&thread).await;
        s.openai.answers("Fine.");
        thread.reply("ana", "thanks").await;
        thread.finishes("Fine.").await;
        s.openai.last_request().heard(["count", "…\n[a person stopped the answer here]", "thanks"]);
        unread.lifted();
    }

    pub(super) async fn stopped_over_first_words_that_nobody_knew_of_they_are_remembered(s: &mut Story) {
        let thread = s.dies_over_first_words().await;
        let pressed = just_now(s);
        s.unreachable();
        thread.press_stop("ana").await;
        s.store().stop(&thread.key(), &Press::at(pressed)).await.unwrap();
        s.start().await;
        s.at_rest(&thread).await;
        s.openai.answers("Fine.");
        thread.reply("ana", "thanks").await;
        thread.finishes("Fine.").await;
        assert_eq!(thread.answers(), ["Half an", "Fine."]);
        s.openai.last_request().heard(["hello", "Half an\n[a person stopped the answer here]", "thanks"]);
    }

    pub(super) async fn first_words_stopped_while_nobody_ran_become_the_answer(s: &mut Story) {
        let thread = s.dies_over_first_words().await;
        s.unreachable();
        thread.press_stop("ana").await;
        s.openai.answers("A whole answer.");
        s.start().await;
        thread.finishes("A whole answer.").await;
        s.calm().await;
        assert_eq!(thread.answers(), ["A whole answer."]);
    }

    pub(super) async fn words_of_an_earlier_answer_that_say_nothing_of_it_are_left_alone(s: &mut Story) {
        let late = Gate::closed();
        drop(s.slack.next("chat.startStream").answers_late(&late));
        let first = s.openai.turn().gate("first").text("On and on").gate("never").text(" and on.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        first.reached("first").await;
        thread.reply("ben", "and me?").await;
        first.open("first");
        late.reached().await;
        s.kill().await;
        late.open();
        let pressed = just_now(s);
        s.unreachable();
        thread.press_stop("ana").await;
        s.store().stop(&thread.key(), &Press::at(pressed)).await.unwrap();
        // The end of the stream would say whose it is.
        let unsaid = s.slack.next("chat.stopStream").fails("not_allowed").always();
        let second = s.openai.turn().gate("never").text("And you.");
        s.start().await;
        s.waits_pass(..=1.1, second.reached("never")).await;
        unsaid.lifted();
        s.openai.answers("And you.");
        s.kill_and_start().await;
        thread.finishes("And you.").await;
        assert_eq!(thread.answers(), ["On and on", "And you."]);
    }

    pub(super) async fn an_old_stopped_answer_is_not_taken_for_one_to_an_older_question(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "lunch?").await;
        let older = thread.reply("ben", "at noon?").await;
        let late = Gate::closed();
        drop(s.slack.next("chat.startStream").answers_late(&late));
        s.openai.turn().text("Old words").gate("never").text(" and more.");
        thread.mention("ana", "hello").await;
        late.reached().await;
        s.kill().await;
        late.open();
        let pressed = just_now(s);
        s.unreachable();
        thread.press_stop("ana").await;
        s.store().stop(&thread.key(), &Press::at(pressed)).await.unwrap();
        // The end of the stream would say whose it is.
        let unsaid = s.slack.next("chat.stopStream").fails("not_allowed").always();
        s.start().await;
        s.at_rest(&thread).await;
        unsaid.lifted();
        // The session expires, and what is read again of the thread tells of no turn.
        s.passes(Duration::from_secs(2 * 3600)).await;
        s.openai.answers("Fine.");
        thread.mention("ana", "back again").await;
        thread.finishes("Fine.").await;
        s.at_rest(&thread).await;
        let late = Gate::closed();
        drop(s.slack.next("chat.startStream").answers_late(&late));
        s.openai.turn().text("New").gate("never").text(" words.");
        thread.edit(&older, "@assistant at noon?").await;
        late.reached().await;
        s.kill().await;
        late.open();
        s.openai.answers("New words.");
        s.start().await;
        thread.finishes("New words.").await;
        assert_eq!(thread.answers(), ["Old words", "Fine.", "New words."]);
    }

    pub(super) async fn a_stop_that_comes_late_leaves_the_next_answer_alone(s: &mut Story) {
        s.restart_with(&[("model.first_token_max", "5m")]).await;
        let first = s.openai.turn().text("On and on").gate("on").text(" and on").gate("never").text(".");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.shows("On and on").await;
        thread.reply("ben", "and me?").await;
        s.unreachable();
        thread.press_stop("ana").await;
        s.passes(Duration::from_secs(1)).await;
        let second = s.openai.turn().gate("slow").text("And you.");
        // Slack takes no more of the first answer, so it ends before anybody tells us why.
        first.open("on");
        s.waits_pass(0.1..=1.2, second.reached("slow")).await;
        s.reachable();
        s.tried_again(s.slack.settled()).await;
        second.open("slow");
        thread.finishes("And you.").await;
        assert_eq!(thread.answers(), ["On and on", "And you."]);
        assert!(s.slack.events().iter().any(|event| event.tries > 1), "the press came late");
    }
}
