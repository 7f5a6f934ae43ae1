//! When Slack takes nothing more from us: what is refused for a while waits and is shown once, what is refused for good is told.

use crate::harness::stories;

stories! { usually:
    an_answer_held_up_by_a_refused_token_is_shown_once_when_it_is_taken_again,
    a_question_that_a_refused_token_keeps_from_its_thread_is_asked_with_all_of_it_later,
    a_private_answer_held_up_by_a_refused_token_is_shown_when_it_is_taken_again,
    an_answer_that_slack_refuses_for_good_ends_in_a_sentence_in_its_thread,
    where_that_sentence_is_refused_too_the_asker_is_told_by_direct_message,
    that_sentence_is_not_said_again_when_the_process_ends_over_it,
    a_direct_message_is_not_sent_again_when_the_process_ends_over_it,
    that_only_a_part_could_be_brought_stays_so_when_the_process_ends_over_saying_it,
    a_private_answer_is_not_shown_again_when_the_process_ends_over_it,
}

mod told {
    use std::{pin::pin, time::Duration};

    use chathakase_bot::texts;
    use chathakase_sim::slack::{Fault, Gate, Thread};

    use crate::harness::{Story, over_in};

    /// A step of time by which no lease is lost.
    const STEP: Duration = Duration::from_secs(10);

    fn refuses_the_token(s: &Story) -> Fault {
        s.slack.next("*").fails("token_revoked").always()
    }

    /// Lets a quarter of an hour pass, longer than deaths would be counted for. The thread shows nothing in it, and the assistant
    /// tries again and again but not all the time.
    async fn lasts(s: &Story, thread: &Thread, refused: &Fault) {
        for _ in 0..90 {
            thread.shows_nothing_more().await;
            s.clock.advance(STEP);
        }
        thread.shows_nothing_more().await;
        let tries = refused.hits();
        assert!((10..70).contains(&tries), "{tries} calls");
    }

    pub(super) async fn an_answer_held_up_by_a_refused_token_is_shown_once_when_it_is_taken_again(s: &mut Story) {
        let turn = s.openai.turn().gate("asked").text("Here.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        turn.reached("asked").await;
        s.slack.settled().await;
        let refused = refuses_the_token(s);
        turn.open("asked");
        lasts(s, &thread, &refused).await;
        // Not to be seen for once is not to be unreadable: the answer comes later, and without a note.
        let unseen = s.slack.next("conversations.replies").fails("token_revoked");
        refused.lifted();
        s.tried_again(thread.finishes("Here.")).await;
        assert_eq!(unseen.hits(), 1);
        s.openai.answers("Yes.");
        thread.reply("ana", "all there?").await;
        thread.finishes("Yes.").await;
        assert_eq!((thread.answers(), s.openai.requests_seen()), (vec!["Here.".into(), "Yes.".into()], 2));
    }

    pub(super) async fn a_question_that_a_refused_token_keeps_from_its_thread_is_asked_with_all_of_it_later(
        s: &mut Story,
    ) {
        let thread = s.slack.post("ana", "#general", "lunch at one?").await;
        let refused = refuses_the_token(s);
        thread.mention("ben", "when?").await;
        lasts(s, &thread, &refused).await;
        assert_eq!(s.openai.requests_seen(), 0);
        s.openai.answers("At one.");
        refused.lifted();
        s.tried_again(thread.finishes("At one.")).await;
        s.openai.last_request().heard(["ana: lunch at one?", "ben: when?"]);
        assert_eq!(thread.answers(), ["At one."]);
    }

    pub(super) async fn a_private_answer_held_up_by_a_refused_token_is_shown_when_it_is_taken_again(s: &mut Story) {
        s.slack.admin("zoe");
        let refused = refuses_the_token(s);
        let thread = s.slack.mention("zoe", "#general", "all sessions").await;
        lasts(s, &thread, &refused).await;
        refused.lifted();
        s.tried_again(thread.shows_only_to("zoe", "There are no active sessions.")).await;
    }
    /// An answer whose stream ends early and whose post can be written no more.
    async fn half_an_answer_refused(s: &Story, code: &str) -> (Thread, Fault) {
        let turn = s.openai.turn().text("Half an ").gate("half").text("answer.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.shows("Half an ").await;
        let refused = s.slack.next("chat.update").fails(code).always();
        s.slack.end_streams();
        turn.open("half");
        (thread, refused)
    }

    pub(super) async fn an_answer_that_slack_refuses_for_good_ends_in_a_sentence_in_its_thread(s: &mut Story) {
        for code in ["msg_too_long", "some_refusal_of_tomorrow"] {
            let (thread, refused) = half_an_answer_refused(s, code).await;
            let told = texts::answer_refused(code);
            s.waits_pass(1.9..=4.1, thread.shows(&told)).await;
            s.at_rest(&thread).await;
            assert_eq!((thread.answers(), refused.hits()), (vec!["Half an ".to_owned(), told], 3), "{code}");
            refused.lifted();
            s.openai.answers("Yes.");
            thread.reply("ana", "still there?").await;
            thread.finishes("Yes.").await;
            assert!(
                !s.openai.last_request().conversation().concat().contains("did not take"),
                "our words are not the model's"
            );
        }
    }

    pub(super) async fn where_that_sentence_is_refused_too_the_asker_is_told_by_direct_message(s: &mut Story) {
        let (thread, refused) = half_an_answer_refused(s, "msg_too_long").await;
        let unsaid = s.slack.next("chat.postMessage").fails("some_refusal_of_tomorrow");
        let told = texts::cannot_post(thread.channel().as_str(), "msg_too_long");
        s.waits_pass(1.9..=4.1, s.says_somewhere(&told)).await;
        s.at_rest(&thread).await;
        assert_eq!((thread.answers(), unsaid.hits()), (vec!["Half an ".to_owned()], 1));
        refused.lifted();
    }

    /// How long what runs may go on when the process ends: a call that begins then may wait for its answer for longer.
    const DRAIN: Duration = Duration::from_secs(6);

    /// Slack has taken what such a call is to say, and shows it only when the gate is opened.
    async fn held(s: &mut Story, method: &str) -> Gate {
        s.restart_with(&[("limits.drain", "6s")]).await;
        let gate = Gate::closed();
        drop(s.slack.next(method).happens_late(&gate));
        gate
    }

    /// The process is told to end while that is on its way, and still is when the drain is over. Then another one has all the time to
    /// say it again.
    async fn ends_over(s: &mut Story, said: &Gate, thread: &Thread) {
        let mut ends = pin!(s.assistant.take().unwrap().end());
        let drained = async { tokio::join!(&mut ends, s.clock.pass_sleep(DRAIN..=DRAIN)) };
        // Who waits for no answer any more ends here.
        let waits = over_in(Duration::from_millis(300), drained).await.is_err();
        said.open();
        if waits {
            ends.await;
        }
        s.start().await;
        s.minutes_pass(1).await;
        s.at_rest(thread).await;
    }

    pub(super) async fn that_sentence_is_not_said_again_when_the_process_ends_over_it(s: &mut Story) {
        let said = held(s, "chat.postMessage").await;
        let (thread, _refused) = half_an_answer_refused(s, "msg_too_long").await;
        s.waits_pass(1.9..=4.1, said.reached()).await;
        ends_over(s, &said, &thread).await;
        assert_eq!(thread.answers(), ["Half an ".to_owned(), texts::answer_refused("msg_too_long")]);
    }

    pub(super) async fn a_direct_message_is_not_sent_again_when_the_process_ends_over_it(s: &mut Story) {
        let said = held(s, "chat.postMessage").await;
        s.slack.kick_bot("#secret");
        let direct = s.slack.dm_channel("ana");
        s.openai.answers("Nobody will see this.");
        let thread = s.slack.mention("ana", "#secret", "hello").await;
        said.reached().await;
        ends_over(s, &said, &thread).await;
        assert_eq!(s.slack.eyes("ana").unwrap().channel(&direct).unwrap().len(), 1);
    }

    pub(super) async fn that_only_a_part_could_be_brought_stays_so_when_the_process_ends_over_saying_it(s: &mut Story) {
        s.restart_with(&[("reply.part_chars", "500"), ("limits.drain", "6s")]).await;
        let direct = s.slack.dm_channel("ana");
        let turn = s.openai.turn().text(&"shown ".repeat(60)).gate("more").text(&"withheld ".repeat(90));
        let thread = s.slack.mention("ana", "#general", "tell me all").await;
        thread.shows_part("shown").await;
        turn.reached("more").await;
        let said = Gate::closed();
        drop(s.slack.next("chat.startStream").fails("restricted_action").always());
        drop(s.slack.next("chat.postMessage").fails("restricted_action"));
        drop(s.slack.next("chat.postMessage").happens_late(&said));
        turn.open("more");
        s.waits_pass(0.0..=2.5, said.reached()).await;
        ends_over(s, &said, &thread).await;
        assert_eq!((s.slack.eyes("ana").unwrap().channel(&direct).unwrap().len(), thread.answers().len()), (1, 1));
    }

    pub(super) async fn a_private_answer_is_not_shown_again_when_the_process_ends_over_it(s: &mut Story) {
        let said = held(s, "chat.postEphemeral").await;
        s.slack.admin("zoe");
        let thread = s.slack.mention("zoe", "#general", "all sessions").await;
        said.reached().await;
        ends_over(s, &said, &thread).await;
        thread.shows_only_to("zoe", "There are no active sessions.").await;
        assert_eq!(s.slack.calls("chat.postEphemeral").len(), 1);
    }
}
