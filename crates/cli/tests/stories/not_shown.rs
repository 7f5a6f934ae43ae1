//! The ten-minute rule: what becomes of an answer whose thread Slack does not show, so that nobody knows what stands there.

use crate::harness::stories;

stories! { usually:
    a_thread_that_slack_refuses_to_show_gets_its_answer_once_more_with_a_note,
    a_thread_that_cannot_be_read_for_long_gets_its_answer_once_more_with_a_note,
    a_post_of_unknown_fate_in_a_thread_not_shown_is_repeated_once_with_a_note,
    killed_over_a_later_part_in_a_thread_not_shown_the_answer_comes_once_more_with_a_note,
    killed_over_a_notice_in_a_thread_not_shown_it_comes_once_more_with_a_note,
    killed_over_a_commands_answer_in_a_thread_not_shown_it_comes_once_more_with_a_note,
    what_was_never_taken_while_slack_was_away_for_long_is_not_said_to_stand_there_already,
    what_was_given_back_before_it_was_said_is_not_said_to_stand_there_already,
    an_answer_whose_repetition_was_refused_is_repeated_once_more,
    killed_over_an_answer_that_is_sent_once_more_it_is_not_sent_a_third_time,
    an_unreadable_thread_whose_posts_are_all_known_is_mended_without_a_note,
    names_that_slack_holds_back_hold_up_no_answer,
}

mod told {
    use std::time::Duration;

    use chathakase_bot::texts;
    use chathakase_session::time::Clock;
    use chathakase_sim::slack::Gate;

    use crate::harness::Story;

    /// "Half an" stands in the thread, the process dies, and the whole answer is known to the model that is asked next.
    async fn dies_over_its_first_post(s: &mut Story) -> chathakase_sim::slack::Thread {
        let thread = s.dies_over_first_words().await;
        s.openai.answers("A whole answer.");
        thread
    }

    pub(super) async fn a_thread_that_slack_refuses_to_show_gets_its_answer_once_more_with_a_note(s: &mut Story) {
        let thread = dies_over_its_first_post(s).await;
        drop(s.slack.next("conversations.replies").fails("missing_scope").always());
        s.start().await;
        thread.finishes(&texts::perhaps_again("A whole answer.")).await;
        s.calm().await;
        assert_eq!(thread.answers(), ["Half an".to_owned(), texts::perhaps_again("A whole answer.")]);
        assert_eq!(s.counted("chathakase_posts_perhaps_doubled_total").await, 1);
    }

    pub(super) async fn a_thread_that_cannot_be_read_for_long_gets_its_answer_once_more_with_a_note(s: &mut Story) {
        s.restart_with(&[("limits.read_back_patience", "5s")]).await;
        let thread = dies_over_its_first_post(s).await;
        let unread = s.slack.next("conversations.replies").http(503).always();
        s.start().await;
        s.waits_pass(0.1..=4.5, thread.finishes(&texts::perhaps_again("A whole answer."))).await;
        assert!(unread.hits() >= 3, "after 0, 2 and 6 s");
    }

    pub(super) async fn a_post_of_unknown_fate_in_a_thread_not_shown_is_repeated_once_with_a_note(s: &mut Story) {
        let reading = s.slack.next("conversations.replies").fails("missing_scope").always();
        let cut = s.slack.next("chat.startStream").cut();
        s.openai.answers("A whole answer.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        s.waits_pass(1.9..=2.1, thread.finishes(&texts::perhaps_again("A whole answer."))).await;
        s.calm().await;
        assert_eq!((cut.hits(), reading.hits(), thread.answers().len()), (1, 1, 2));
    }

    pub(super) async fn killed_over_a_later_part_in_a_thread_not_shown_the_answer_comes_once_more_with_a_note(
        s: &mut Story,
    ) {
        s.restart_with(&[("reply.part_chars", "500"), ("limits.catch_up", "0s")]).await;
        let late = Gate::closed();
        drop(s.slack.next("chat.startStream").after(1).answers_late(&late));
        s.openai.turn().text(&"Words and words. ".repeat(60)).gate("never").text(" And more.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        s.waits_pass(..=1.1, late.reached()).await;
        s.kill().await;
        late.open();
        drop(s.slack.next("conversations.replies").fails("missing_scope").always());
        s.openai.answers("A whole answer.");
        s.start().await;
        s.at_rest(&thread).await;
        let answers = thread.answers();
        assert_eq!((answers[0].as_str(), answers.len()), (&*texts::perhaps_again("A whole answer."), 2), "{answers:?}");
        assert_eq!(s.counted("chathakase_posts_perhaps_doubled_total").await, 1);
    }

    pub(super) async fn killed_over_a_notice_in_a_thread_not_shown_it_comes_once_more_with_a_note(s: &mut Story) {
        drop(s.openai.turn().status(401));
        let notice = texts::model_failed(chathakase_model::ErrorKind::Setup);
        killed_over_a_post_in_a_thread_not_shown(s, "hello", &notice).await;
    }

    pub(super) async fn killed_over_a_commands_answer_in_a_thread_not_shown_it_comes_once_more_with_a_note(
        s: &mut Story,
    ) {
        killed_over_a_post_in_a_thread_not_shown(s, "clear session", &texts::session_cleared(0, 0)).await;
    }

    async fn killed_over_a_post_in_a_thread_not_shown(s: &mut Story, asked: &str, says: &str) {
        let late = Gate::closed();
        drop(s.slack.next("chat.postMessage").answers_late(&late));
        let thread = s.slack.mention("ana", "#general", asked).await;
        late.reached().await;
        s.kill().await;
        late.open();
        drop(s.slack.next("conversations.replies").fails("missing_scope").always());
        s.start().await;
        s.until(|| thread.answers().len() == 2).await;
        s.at_rest(&thread).await;
        let answers = thread.answers();
        assert!(answers[1].starts_with(&texts::perhaps_again("")) && answers[1].contains(says), "{answers:?}");
        assert_eq!(s.counted("chathakase_posts_perhaps_doubled_total").await, 1);
    }

    pub(super) async fn what_was_never_taken_while_slack_was_away_for_long_is_not_said_to_stand_there_already(
        s: &mut Story,
    ) {
        s.restart_with(&[("limits.read_back_patience", "20s"), ("reply.part_chars", "500"), ("limits.catch_up", "0s")])
            .await;
        let away = ["chat.startStream", "chat.postMessage"]
            .map(|method| s.slack.next(method).fails("team_added_to_org").always());
        let unread = s.slack.next("conversations.replies").http(503).always();
        let answer = "Words and words. ".repeat(40);
        s.openai.answers(&answer);
        let thread = s.slack.mention("ana", "#general", "hello").await;
        s.until(|| away[0].hits() > 0).await;
        let end = s.clock.monotonic() + Duration::from_mins(3);
        let is_long = || s.clock.monotonic() >= end && away[1].hits() > 5 && unread.hits() > 3;
        s.time_goes_on(is_long).await;
        // Posts are taken again, and its thread is not shown yet.
        away.iter().for_each(|fault| fault.lifted());
        s.tried_again(s.until(|| thread.answers().len() == 2)).await;
        unread.lifted();
        s.at_rest(&thread).await;
        assert_eq!(thread.answers().concat().split_whitespace().count(), answer.split_whitespace().count());
        assert_eq!(s.counted("chathakase_posts_perhaps_doubled_total").await, 0);
    }

    pub(super) async fn what_was_given_back_before_it_was_said_is_not_said_to_stand_there_already(s: &mut Story) {
        let dies = s.openai.turn().gate("never").text("Never said.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        dies.reached("never").await;
        drop(s.slack.next("conversations.replies").fails("missing_scope").always());
        s.end_at_work().await;
        s.openai.answers("Hello.");
        s.start().await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        assert_eq!((thread.answers().len(), s.counted("chathakase_posts_perhaps_doubled_total").await), (1, 0));
    }

    pub(super) async fn an_answer_whose_repetition_was_refused_is_repeated_once_more(s: &mut Story) {
        let thread = dies_over_its_first_post(s).await;
        drop(s.slack.next("conversations.replies").fails("missing_scope").always());
        let refused = s.slack.next("chat.postMessage").fails("some_refusal_of_tomorrow");
        s.start().await;
        s.waits_pass(1.9..=2.1, s.until(|| thread.answers().len() == 2)).await;
        s.at_rest(&thread).await;
        assert_eq!(thread.answers(), ["Half an".to_owned(), texts::perhaps_again("A whole answer.")]);
        assert_eq!((s.counted("chathakase_posts_perhaps_doubled_total").await, refused.hits()), (1, 1));
    }

    pub(super) async fn killed_over_an_answer_that_is_sent_once_more_it_is_not_sent_a_third_time(s: &mut Story) {
        let thread = dies_over_its_first_post(s).await;
        drop(s.slack.next("conversations.replies").fails("missing_scope").always());
        let again = texts::perhaps_again("A whole answer.");
        for _ in 0..2 {
            let late = Gate::closed();
            let post = s.slack.next("chat.postMessage").answers_late(&late);
            s.start().await;
            tokio::select! { () = late.reached() => {}, () = s.at_rest(&thread) => {} }
            s.kill().await;
            late.open();
            drop(post);
        }
        s.start().await;
        s.at_rest(&thread).await;
        assert_eq!(thread.answers(), ["Half an".to_owned(), again]);
        s.says_somewhere("If it is not there, please ask again.").await;
        s.openai.answers("Here.");
        thread.reply("ana", "and now?").await;
        thread.finishes("Here.").await;
    }

    pub(super) async fn an_unreadable_thread_whose_posts_are_all_known_is_mended_without_a_note(s: &mut Story) {
        let dies = s.openai.turn().text("Half").gate("half").text(" an").gate("never").text(" answer.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.shows("Half").await;
        dies.open("half");
        // What goes on is known by its name.
        thread.shows("Half an").await;
        drop(s.slack.next("conversations.replies").fails("missing_scope").always());
        s.openai.answers("A whole answer.");
        s.kill_and_start().await;
        thread.finishes("A whole answer.").await;
        s.calm().await;
        assert_eq!(thread.answers(), ["A whole answer."]);
    }

    pub(super) async fn names_that_slack_holds_back_hold_up_no_answer(s: &mut Story) {
        drop(s.slack.next("users.info").fails_429(20).always());
        s.openai.answers("Hello.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
    }
}
