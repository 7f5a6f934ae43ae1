//! Messages that are edited or deleted: in time, out of order, twice, and in the middle of an answer.

use crate::harness::stories;

stories! { on both stores:
    an_edit_while_it_is_answered_counts_from_the_next_answer_on,
    an_edit_of_a_waiting_question_is_what_is_answered,
    a_waiting_question_that_is_deleted_is_not_answered,
    a_question_deleted_while_it_is_answered_ends_its_answer,
    of_two_questions_the_one_that_is_left_is_answered,
    an_edit_that_comes_before_its_post_is_the_post,
    an_edit_of_a_reply_that_comes_before_it_is_the_reply,
    an_edit_that_takes_the_mention_away_before_its_post_came_counts,
    a_mention_deleted_before_it_arrives_is_not_answered,
    a_reply_deleted_before_its_mention_arrives_is_not_answered,
    an_edit_that_brings_a_mention_to_what_was_only_heard_asks_once,
    an_edit_that_takes_the_mention_away_changes_only_the_words,
    an_edit_of_a_question_of_long_ago_asks_nothing,
    an_edit_of_a_question_of_long_ago_that_was_missed_asks_nothing,
    events_of_edits_in_any_order_and_number_leave_the_last_text,
    an_edit_where_we_take_no_part_is_nothing_to_us,
    an_edit_of_another_bot_is_nothing_to_us,
    an_edited_command_is_not_carried_out_again,
    a_deleted_root_is_heard_no_more_and_its_thread_goes_on,
    an_answer_that_somebody_deletes_is_forgotten,
}

mod told {
    use std::time::Duration;

    use chathakase_session::time::Clock;
    use chathakase_sim::slack::Thread;

    use crate::harness::Story;

    pub(super) async fn an_edit_while_it_is_answered_counts_from_the_next_answer_on(s: &mut Story) {
        let turn = s.openai.turn().text("A cat ").gate("half").text("purrs.");
        let thread = s.slack.mention("ana", "#general", "my cat?").await;
        thread.shows("A cat ").await;
        thread.edit(&thread.first(), "@assistant my dog?").await;
        turn.open("half");
        thread.finishes("A cat purrs.").await;
        s.openai.last_request().heard(["my cat?"]);
        s.openai.answers("I see.");
        thread.reply("ana", "and now?").await;
        thread.finishes("I see.").await;
        s.openai.last_request().heard(["my dog?", "A cat purrs.", "and now?"]);
    }

    pub(super) async fn an_edit_of_a_waiting_question_is_what_is_answered(s: &mut Story) {
        let turn = s.openai.turn().gate("slow").text("One.");
        let thread = s.slack.mention("ana", "#general", "one?").await;
        turn.reached("slow").await;
        let waiting = thread.reply("ana", "twoo?").await;
        thread.edit(&waiting, "two?").await;
        s.openai.answers("Two.");
        turn.open("slow");
        thread.finishes("Two.").await;
        s.openai.last_request().heard(["one?", "One.", "two?"]);
        assert_eq!(s.openai.requests_seen(), 2);
    }

    pub(super) async fn a_waiting_question_that_is_deleted_is_not_answered(s: &mut Story) {
        let turn = s.openai.turn().gate("slow").text("One.");
        let thread = s.slack.mention("ana", "#general", "one?").await;
        turn.reached("slow").await;
        let waiting = thread.reply("ana", "two?").await;
        thread.delete(&waiting).await;
        turn.open("slow");
        thread.finishes("One.").await;
        s.calm().await;
        thread.shows_nothing_more().await;
        assert_eq!((s.openai.requests_seen(), thread.status()), (1, None));
        s.openai.answers("Three.");
        thread.reply("ana", "three?").await;
        thread.finishes("Three.").await;
        s.openai.last_request().heard(["one?", "One.", "three?"]);
    }

    pub(super) async fn a_question_deleted_while_it_is_answered_ends_its_answer(s: &mut Story) {
        let _never_ends = s.openai.turn().text("Your secret ").gate("never").text("is 42.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.shows("Your secret ").await;
        thread.delete(&thread.first()).await;
        thread.finishes("Your secret ").await;
        s.calm().await;
        assert_eq!((thread.answers(), thread.status()), (vec!["Your secret ".to_owned()], None));
        s.openai.answers("Fine.");
        thread.reply("ana", "thanks").await;
        thread.finishes("Fine.").await;
        assert!(!s.openai.last_request().conversation().concat().contains("hello"));
    }

    pub(super) async fn of_two_questions_the_one_that_is_left_is_answered(s: &mut Story) {
        let slow = s.openai.turn().gate("slow").text("One.");
        let thread = s.slack.mention("ana", "#general", "one?").await;
        slow.reached("slow").await;
        let two = thread.reply("ana", "two?").await;
        thread.reply("ben", "three?").await;
        let both = s.openai.turn().text("Both ").gate("half").text("of them.");
        slow.open("slow");
        thread.shows("Both ").await;
        thread.delete(&two).await;
        both.open("half");
        thread.finishes("Both of them.").await;
        s.openai.answers("Yes.");
        thread.reply("ben", "all?").await;
        thread.finishes("Yes.").await;
        s.openai.last_request().heard(["ana: one?", "One.", "ben: three?", "Both of them.", "ben: all?"]);
    }

    pub(super) async fn an_edit_that_comes_before_its_post_is_the_post(s: &mut Story) {
        s.openai.answers("A dog.");
        s.slack.hold_events();
        let thread = s.slack.mention("ana", "#general", "I have a cat").await;
        thread.edit(&thread.first(), "@assistant I have a dog").await;
        s.slack.release_reversed().await;
        thread.finishes("A dog.").await;
        s.calm().await;
        s.openai.last_request().heard(["I have a dog"]);
        assert_eq!(s.openai.requests_seen(), 1);
    }

    pub(super) async fn an_edit_of_a_reply_that_comes_before_it_is_the_reply(s: &mut Story) {
        s.openai.answers("Hello.").answers("A dog.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.slack.hold_events();
        let reply = thread.reply("ana", "I have a cat").await;
        thread.edit(&reply, "I have a dog").await;
        s.slack.release_reversed().await;
        thread.finishes("A dog.").await;
        s.calm().await;
        s.openai.last_request().heard(["hello", "Hello.", "I have a dog"]);
        assert_eq!(s.openai.requests_seen(), 2);
    }

    pub(super) async fn an_edit_that_takes_the_mention_away_before_its_post_came_counts(s: &mut Story) {
        s.openai.answers("Hello.").answers("Yes.");
        s.slack.hold_events();
        let thread = s.slack.mention("ana", "#general", "I have a cat").await;
        thread.edit(&thread.first(), "I have a dog").await;
        s.slack.release_reversed().await;
        thread.finishes("Hello.").await;
        s.calm().await;
        thread.reply("ana", "do I?").await;
        thread.finishes("Yes.").await;
        s.openai.last_request().heard(["I have a dog", "Hello.", "do I?"]);
    }

    pub(super) async fn a_mention_deleted_before_it_arrives_is_not_answered(s: &mut Story) {
        s.slack.hold_events();
        let thread = s.slack.mention("ana", "#general", "oops").await;
        thread.delete(&thread.first()).await;
        s.slack.release_reversed().await;
        s.calm().await;
        assert_eq!(s.openai.requests_seen(), 0);
    }

    pub(super) async fn a_reply_deleted_before_its_mention_arrives_is_not_answered(s: &mut Story) {
        s.openai.answers("Hello.").answers("Fine.");
        s.slack.hold_events();
        let thread = s.slack.mention("ana", "#general", "hello").await;
        let oops = thread.reply("ana", "oops").await;
        thread.delete(&oops).await;
        s.slack.release_reversed().await;
        thread.finishes("Hello.").await;
        s.calm().await;
        thread.reply("ana", "how are you?").await;
        thread.finishes("Fine.").await;
        s.openai.last_request().heard(["hello", "Hello.", "how are you?"]);
    }

    pub(super) async fn an_edit_that_brings_a_mention_to_what_was_only_heard_asks_once(s: &mut Story) {
        s.openai.answers("Hello.").answers("Noon.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.slack.person("ben");
        let aside = thread.reply("ana", "@ben what is the time?").await;
        s.calm().await;
        assert_eq!(s.openai.requests_seen(), 1);
        thread.edit(&aside, "@assistant what is the time?").await;
        thread.finishes("Noon.").await;
        s.slack.redeliver_under_new_ids(&aside).await;
        s.calm().await;
        s.openai.last_request().heard(["hello", "Hello.", "what is the time?"]);
        assert_eq!(s.openai.requests_seen(), 2);
    }

    pub(super) async fn an_edit_that_takes_the_mention_away_changes_only_the_words(s: &mut Story) {
        s.openai.answers("Hello.").answers("Yes.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        thread.edit(&thread.first(), "hello all").await;
        thread.reply("ana", "still there?").await;
        thread.finishes("Yes.").await;
        s.openai.last_request().heard(["hello all", "Hello.", "still there?"]);
    }

    /// "helo" was asked so long ago that its marks are forgotten, and was read back with a question of today.
    async fn a_question_of_long_ago(s: &mut Story) -> Thread {
        s.openai.answers("Hello.").answers("Yes.").answers("Fine.");
        let thread = s.slack.mention("ana", "#general", "helo").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.passes(Duration::from_secs(3700)).await;
        let store = s.store();
        for hours in [0, 26] {
            s.passes(Duration::from_secs(hours * 3600)).await;
            store.expire(0, 100, s.clock.now()).await.unwrap();
        }
        thread.reply("ana", "still there?").await;
        thread.finishes("Yes.").await;
        s.at_rest(&thread).await;
        thread
    }

    async fn its_edit_asked_nothing(s: &mut Story, thread: &Thread) {
        s.calm().await;
        thread.reply("ana", "and now?").await;
        thread.finishes("Fine.").await;
        s.openai.last_request().heard(["hello", "Hello.", "still there?", "Yes.", "and now?"]);
        assert_eq!(s.openai.requests_seen(), 3);
    }

    pub(super) async fn an_edit_of_a_question_of_long_ago_asks_nothing(s: &mut Story) {
        let thread = a_question_of_long_ago(s).await;
        thread.edit(&thread.first(), "@assistant hello").await;
        its_edit_asked_nothing(s, &thread).await;
    }

    pub(super) async fn an_edit_of_a_question_of_long_ago_that_was_missed_asks_nothing(s: &mut Story) {
        let thread = a_question_of_long_ago(s).await;
        s.kill().await;
        s.clock.advance(Duration::from_secs(60));
        thread.edit(&thread.first(), "@assistant hello").await;
        s.start().await;
        s.caught_up().await;
        its_edit_asked_nothing(s, &thread).await;
    }

    pub(super) async fn events_of_edits_in_any_order_and_number_leave_the_last_text(s: &mut Story) {
        s.openai.answers("Hello.").answers("Three.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.slack.hold_events();
        for text in ["@assistant one", "@assistant two", "@assistant three"] {
            s.slack.duplicate_next();
            thread.edit(&thread.first(), text).await;
        }
        s.slack.release_reversed().await;
        s.slack.redeliver_under_new_ids(&thread.first()).await;
        s.calm().await;
        thread.reply("ana", "and?").await;
        thread.finishes("Three.").await;
        s.openai.last_request().heard(["three", "Hello.", "and?"]);
    }

    pub(super) async fn an_edit_where_we_take_no_part_is_nothing_to_us(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "lunch?").await;
        let reply = thread.reply("ben", "noon").await;
        thread.edit(&reply, "at one").await;
        thread.edit(&thread.first(), "dinner?").await;
        s.calm().await;
        thread.shows_nothing_more().await;
        assert_eq!(s.openai.requests_seen(), 0);
    }

    pub(super) async fn an_edit_of_another_bot_is_nothing_to_us(s: &mut Story) {
        s.slack.bot("deploybot");
        let thread = s.slack.post("deploybot", "#general", "deploying").await;
        thread.edit(&thread.first(), "@assistant deployed").await;
        s.calm().await;
        thread.shows_nothing_more().await;
        assert_eq!(s.openai.requests_seen(), 0);
    }

    pub(super) async fn an_edited_command_is_not_carried_out_again(s: &mut Story) {
        s.openai.answers("Hello.").answers("Yes.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        let command = thread.reply("ana", "help").await;
        thread.shows_part("**Commands**").await;
        s.calm().await;
        thread.edit(&command, "clear session").await;
        s.calm().await;
        thread.reply("ana", "still there?").await;
        thread.finishes("Yes.").await;
        s.openai.last_request().heard(["hello", "Hello.", "still there?"]);
        assert_eq!(thread.answers().len(), 3);
    }

    pub(super) async fn a_deleted_root_is_heard_no_more_and_its_thread_goes_on(s: &mut Story) {
        s.openai.answers("Hello.").answers("Yes.");
        let thread = s.slack.mention("ana", "#general", "my secret is 42").await;
        thread.finishes("Hello.").await;
        thread.delete(&thread.first()).await;
        thread.reply("ana", "still there?").await;
        thread.finishes("Yes.").await;
        assert!(!s.openai.last_request().conversation().concat().contains("secret"));
        assert_eq!(s.openai.last_request().question(), "still there?");
    }

    pub(super) async fn an_answer_that_somebody_deletes_is_forgotten(s: &mut Story) {
        s.openai.answers("Nonsense.").answers("Yes.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Nonsense.").await;
        s.calm().await;
        let answer = thread.posts().into_iter().find(|post| post.ours).unwrap();
        thread.delete_ts(answer.ts).await;
        s.calm().await;
        thread.reply("ana", "still there?").await;
        thread.finishes("Yes.").await;
        s.openai.last_request().heard(["hello", "still there?"]);
    }
}
