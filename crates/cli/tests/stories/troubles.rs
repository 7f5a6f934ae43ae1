//! When Slack, the model or we ourselves fail in the middle of things.

use crate::harness::stories;

stories! {
    a_model_cut_in_mid_stream_leaves_what_came_and_says_so,
    a_stream_ended_by_slack_is_mended_and_goes_on,
    a_rate_limit_of_slack_delays_an_answer_and_loses_nothing,
    killed_in_mid_answer_the_thread_ends_with_one_whole_answer,
}

mod sockets {
    use super::told;
    crate::harness::stories! { by socket:
        a_socket_that_drops_loses_nothing,
        a_refreshed_socket_loses_nothing,
    }
}

mod everywhere {
    use super::told;
    crate::harness::stories! { usually:
        a_failed_turn_does_not_poison_the_session,
        every_failure_of_the_model_is_told_in_one_plain_sentence,
        an_error_of_the_model_after_its_first_words_is_told_below_them,
        a_model_that_falls_silent_is_given_up,
        after_an_answer_that_took_long_the_next_one_is_given_too,
        a_thread_too_long_for_the_model_is_shortened_once,
        an_answer_cut_by_its_length_limit_says_so,
        a_model_that_is_slow_delays_no_acknowledgement,
        a_person_stops_an_answer,
        a_person_stops_an_answer_before_its_first_word,
        the_status_is_set_early_and_gone_at_the_end,
        an_error_of_the_status_call_harms_nothing,
        a_status_call_that_hangs_holds_up_no_answer,
        no_output_of_the_model_pings_anybody,
        where_streams_are_refused_the_answer_is_posted_and_updated,
        an_answer_refused_in_its_middle_is_remembered_as_far_as_it_stands,
    of_an_answer_refused_in_its_middle_in_a_thread_not_shown_it_is_remembered_that_there_was_one,
        killed_after_the_answer_was_stored_it_is_delivered,
        killed_before_the_model_answered_it_is_asked_again,
        killed_while_messages_wait_they_are_all_answered,
        more_than_may_wait_is_said_and_not_lost_silently,
        threads_do_not_wait_for_each_other,
    }
}

mod told {
    use std::time::Duration;

    use chathakase_bot::texts;
    use chathakase_model::ErrorKind;
    use chathakase_sim::slack::Gate;
    use chathakase_slack::reply::with_note;

    use crate::harness::Story;

    pub(super) async fn a_model_cut_in_mid_stream_leaves_what_came_and_says_so(s: &mut Story) {
        s.openai.turn().text("The answer is").cut();
        let thread = s.slack.mention("ana", "#general", "what is it?").await;
        let cut = texts::answer_cut_off(ErrorKind::Broken);
        thread.finishes(&with_note("The answer is", Some(&cut))).await;
        s.openai.answers("42.");
        thread.reply("ana", "go on").await;
        thread.finishes("42.").await;
        let heard = s.openai.last_request().conversation().join("|");
        assert!(heard.starts_with("what is it?|The answer is"), "{heard}");
        assert!(!heard.contains(&cut), "our own words are not the model's: {heard}");
    }

    pub(super) async fn a_stream_ended_by_slack_is_mended_and_goes_on(s: &mut Story) {
        let turn = s.openai.turn().text("One. ").gate("half").text("Two.");
        let thread = s.slack.mention("ana", "#general", "count").await;
        thread.shows("One. ").await;
        s.slack.end_streams();
        turn.open("half");
        thread.shows_part("Two.").await;
        s.slack.settled().await;
        assert_eq!(thread.answers().concat().split_whitespace().collect::<Vec<_>>(), ["One.", "Two."]);
    }

    pub(super) async fn a_rate_limit_of_slack_delays_an_answer_and_loses_nothing(s: &mut Story) {
        let limited = s.slack.next("chat.startStream").fails_429(7).times(2);
        let posts = s.slack.next("chat.postMessage").fails_429(7);
        s.openai.answers("Here you are.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        s.waits_pass(6.5..=7.5, async { thread.finishes("Here you are.").await }).await;
        assert!(limited.hits() + posts.hits() > 0);
        assert_eq!(thread.answers(), ["Here you are."]);
        limited.lifted();
        posts.lifted();
    }

    pub(super) async fn killed_in_mid_answer_the_thread_ends_with_one_whole_answer(s: &mut Story) {
        let _dies = s.openai.turn().text("Half an ").gate("never").text("answer.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.shows("Half an ").await;
        s.openai.answers("A whole answer.");
        s.kill_and_start().await;
        thread.finishes("A whole answer.").await;
        assert_eq!(thread.answers(), ["A whole answer."]);
        s.openai.answers("Yes.");
        thread.reply("ana", "all there?").await;
        thread.finishes("Yes.").await;
        s.openai.last_request().heard(["hello", "A whole answer.", "all there?"]);
    }

    pub(super) async fn a_failed_turn_does_not_poison_the_session(s: &mut Story) {
        s.openai.turn().status(401);
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes(&texts::model_failed(ErrorKind::Setup)).await;
        s.openai.answers("Hello.");
        thread.reply("ana", "again").await;
        thread.finishes("Hello.").await;
        s.openai.last_request().heard(["hello", "again"]);
    }

    pub(super) async fn every_failure_of_the_model_is_told_in_one_plain_sentence(s: &mut Story) {
        let quota = r#"{"error":{"message":"no money","code":"insufficient_quota"}}"#;
        let long = r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#;
        let asked = s.openai.clone();
        let busy = || (0..3).for_each(|_| drop(asked.turn().status(503)));
        let limited = || (0..3).for_each(|_| drop(asked.turn().status(429)));
        let cases: [(&str, &dyn Fn(), ErrorKind); 9] = [
            ("400", &|| drop(asked.turn().status(400)), ErrorKind::Setup),
            ("401", &|| drop(asked.turn().status(401)), ErrorKind::Setup),
            ("404", &|| drop(asked.turn().status(404)), ErrorKind::Setup),
            ("quota", &|| drop(asked.turn().status_with(429, &[], quota)), ErrorKind::Quota),
            ("429", &limited, ErrorKind::Busy),
            ("503", &busy, ErrorKind::Busy),
            ("long", &|| (0..2).for_each(|_| drop(asked.turn().status_with(400, &[], long))), ErrorKind::TooLong),
            ("malformed", &|| drop(asked.turn().malformed()), ErrorKind::Setup),
            ("empty", &|| drop(asked.turn().empty()), ErrorKind::Empty),
        ];
        for (name, fails, kind) in cases {
            fails();
            let thread = s.slack.dm("ana", name).await;
            s.waits_pass(0.0..=4.5, async { thread.finishes(&texts::model_failed(kind)).await }).await;
            assert_eq!(thread.answers().len(), 1, "{name}");
        }
    }

    pub(super) async fn an_error_of_the_model_after_its_first_words_is_told_below_them(s: &mut Story) {
        s.openai.turn().text("The answer is").error_event("the server is overloaded");
        let thread = s.slack.mention("ana", "#general", "what is it?").await;
        let cut = texts::answer_cut_off(ErrorKind::Broken);
        thread.finishes(&with_note("The answer is", Some(&cut))).await;
        assert_eq!((s.openai.requests_seen(), thread.answers().len()), (1, 1));
    }

    pub(super) async fn a_model_that_falls_silent_is_given_up(s: &mut Story) {
        s.restart_with(&[("model.first_token_max", "7s"), ("model.between_tokens_max", "7s")]).await;
        let first = s.openai.turn().silent();
        let thread = s.slack.mention("ana", "#general", "hello").await;
        first.asked().await;
        s.waits_pass(6.5..=7.5, async { thread.finishes(&texts::model_failed(ErrorKind::TooSlow)).await }).await;
        let second = s.openai.turn().text("Well").silent();
        thread.reply("ana", "again").await;
        second.asked().await;
        thread.shows("Well").await;
        let cut = with_note("Well", Some(&texts::answer_cut_off(ErrorKind::TooSlow)));
        s.waits_pass(6.5..=7.5, async { thread.finishes(&cut).await }).await;
    }

    pub(super) async fn after_an_answer_that_took_long_the_next_one_is_given_too(s: &mut Story) {
        let slow = s.openai.turn().text("Slow ").gate("slow").text("answer.");
        let thread = s.slack.mention("ana", "#general", "long?").await;
        slow.reached("slow").await;
        thread.shows("Slow ").await;
        s.slack.settled().await;
        // Renewals of the lease, until the first claim is older than a lease lets anybody speak. What is said elsewhere
        // meanwhile is written behind the renewal.
        for said in ["one", "two"] {
            s.nothing_under_way().await;
            s.clock.pass_sleep(Duration::from_secs(10)..=Duration::from_secs(10)).await;
            s.openai.turn().when_asked(said).text("Hi.");
            s.slack.dm("ben", said).await.finishes("Hi.").await;
            s.slack.settled().await;
        }
        thread.reply("ana", "short?").await;
        s.openai.answers("Quick answer.");
        slow.open("slow");
        // Should the jump have caught a call on its way, the thread is looked at again after a pause.
        s.waits_pass(1.9..=2.1, async { thread.finishes("Slow answer.").await }).await;
        s.waits_pass(1.9..=2.1, async { thread.finishes("Quick answer.").await }).await;
    }

    pub(super) async fn a_thread_too_long_for_the_model_is_shortened_once(s: &mut Story) {
        s.openai.answers("Noted.");
        let thread = s.slack.mention("ana", "#general", &*"long ".repeat(1_000)).await;
        thread.finishes("Noted.").await;
        s.openai.turn().status_with(
            400,
            &[],
            r#"{"error":{"message":"maximum context length","code":"context_length_exceeded"}}"#,
        );
        s.openai.answers("Short.");
        thread.reply("ana", "and now?").await;
        thread.finishes("Short.").await;
        let bytes = |n: usize| s.openai.requests()[n].conversation().concat().len();
        assert!(bytes(2) <= bytes(1) / 2 + 200, "{} is not half of {}", bytes(2), bytes(1));
        assert_eq!(s.openai.last_request().question(), "and now?");
    }

    pub(super) async fn an_answer_cut_by_its_length_limit_says_so(s: &mut Story) {
        s.openai.turn().text("And then").finish("length");
        let thread = s.slack.mention("ana", "#general", "tell me").await;
        thread.finishes(&with_note("And then", Some(&texts::answer_too_long(Some(2000))))).await;
        s.openai.turn().text("Some").finish("content_filter");
        thread.reply("ana", "go on").await;
        thread.finishes(&with_note("Some", Some(&texts::answer_filtered()))).await;
    }

    pub(super) async fn a_model_that_is_slow_delays_no_acknowledgement(s: &mut Story) {
        let turn = s.openai.turn().gate("slow").text("At last.");
        // `mention` returns when the deliveries were answered; the model has not said a word then.
        let thread = s.slack.mention("ana", "#general", "hello").await;
        turn.reached("slow").await;
        assert!(s.slack.events().iter().all(|event| event.tries == 1));
        turn.open("slow");
        thread.finishes("At last.").await;
    }

    pub(super) async fn a_person_stops_an_answer(s: &mut Story) {
        let _stopped = s.openai.turn().text("On and on ").gate("never").text("and on.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.shows("On and on ").await;
        thread.press_stop("ana").await;
        s.openai.answers("Fine.");
        thread.reply("ana", "thanks").await;
        thread.finishes("Fine.").await;
        assert_eq!(thread.answers().len(), 2);
    }

    pub(super) async fn a_person_stops_an_answer_before_its_first_word(s: &mut Story) {
        let slow = s.openai.turn().gate("never").text("Never said.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        slow.reached("never").await;
        thread.press_stop("ana").await;
        s.openai.answers("Fine.");
        thread.reply("ana", "thanks").await;
        thread.finishes("Fine.").await;
        assert_eq!((thread.answers().len(), thread.status()), (1, None));
    }

    pub(super) async fn the_status_is_set_early_and_gone_at_the_end(s: &mut Story) {
        let turn = s.openai.turn().gate("slow").text("Done.");
        let thread = s.slack.mention("ana", "#general", "work").await;
        turn.reached("slow").await;
        s.until(|| thread.status().as_deref() == Some(texts::THINKING)).await;
        turn.open("slow");
        thread.finishes("Done.").await;
        s.slack.settled().await;
        assert_eq!(thread.status(), None);
        s.openai.turn().status(401);
        thread.reply("ana", "again").await;
        thread.finishes(&texts::model_failed(ErrorKind::Setup)).await;
        s.slack.settled().await;
        assert_eq!(thread.status(), None);
        s.until(|| thread.session_state().as_deref() == Some("active")).await;
    }

    pub(super) async fn an_error_of_the_status_call_harms_nothing(s: &mut Story) {
        let failing = s.slack.next("assistant.threads.setStatus").fails("internal_error").always();
        s.openai.answers("Hello.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        failing.lifted();
        let late = Gate::closed();
        let _slow = s.slack.next("assistant.threads.setStatus").slow(&late);
        s.openai.answers("Again.");
        thread.reply("ana", "again").await;
        thread.finishes("Again.").await;
        late.open();
        let last_said = || s.slack.calls("assistant.threads.setStatus").last().map(|call| call.args["status"].clone());
        s.until(|| last_said() == Some("".into())).await;
        s.slack.settled().await;
        assert_eq!(thread.status(), None, "a status set after the answer is taken back");
    }

    pub(super) async fn a_status_call_that_hangs_holds_up_no_answer(s: &mut Story) {
        let (hangs, late) = (Gate::closed(), Gate::closed());
        drop(s.slack.next("assistant.threads.setStatus").slow(&hangs).always());
        let first = s.openai.turn().gate("slow").text("One.");
        let thread = s.slack.mention("ana", "#general", "one?").await;
        first.reached("slow").await;
        thread.reply("ana", "two?").await;
        s.openai.answers("Two.");
        drop(s.slack.next("chat.stopStream").after(1).answers_late(&late));
        first.open("slow");
        thread.finishes("Two.").await;
        late.reached().await;
        // Nor does one after an owner's death.
        s.kill_and_start().await;
        s.openai.answers("Three.");
        thread.reply("ana", "three?").await;
        thread.finishes("Three.").await;
        [hangs, late].iter().for_each(Gate::open);
        s.calm().await;
        assert_eq!(thread.answers(), ["One.", "Two.", "Three."]);
    }

    pub(super) async fn no_output_of_the_model_pings_anybody(s: &mut Story) {
        let ana = s.slack.person("ana");
        let shout = format!("<!here> <!channel> @everyone <@{ana}> <!subteam^S1> ![x](https://evil.test/?q=1)");
        s.openai.turn().deltas(shout.split_inclusive(['<', '!', '@', 'h']));
        let thread = s.slack.mention("ana", "#general", "shout").await;
        thread.shows_part("evil.test").await;
        s.slack.settled().await;
        assert_eq!(s.slack.pings(), Vec::<String>::new());
    }

    pub(super) async fn where_streams_are_refused_the_answer_is_posted_and_updated(s: &mut Story) {
        let refused = s.slack.next("chat.startStream").fails("channel_type_not_supported");
        let turn = s.openai.turn().text("One. ").gate("half").text("Two.");
        let thread = s.slack.mention("ana", "#general", "count").await;
        thread.shows_part("One.").await;
        turn.open("half");
        s.waits_pass(1.0..=3.5, async { thread.finishes("One. Two.").await }).await;
        assert_eq!((refused.hits(), thread.answers().len()), (1, 1));
        // A post does not end Slack's agent session.
        s.until(|| thread.session_state().as_deref() == Some("active")).await;
    }

    /// Slack takes no more of an answer than its first part. What that part says, and what the model is told of it later.
    async fn refused_in_its_middle(s: &mut Story) -> (String, String) {
        s.restart_with(&[("reply.part_chars", "500")]).await;
        let turn = s.openai.turn().text(&"shown ".repeat(60)).gate("more").text(&"withheld ".repeat(90));
        let thread = s.slack.mention("ana", "#general", "tell me all").await;
        thread.shows_part("shown").await;
        turn.reached("more").await;
        let refused =
            ["chat.startStream", "chat.postMessage"].map(|call| s.slack.next(call).fails("restricted_action"));
        turn.open("more");
        let told = texts::cannot_go_on(thread.channel().as_str(), "restricted_action");
        s.waits_pass(0.0..=2.5, s.says_somewhere(&told)).await;
        refused.iter().for_each(|fault| fault.lifted());
        s.openai.answers("Fine.");
        thread.reply("ana", "and then?").await;
        s.waits_pass(0.0..=2.5, thread.finishes("Fine.")).await;
        assert_eq!((thread.answers().len(), refused.map(|fault| fault.hits()).iter().sum()), (2, 1_usize));
        let heard = s.openai.last_request().conversation().join("|");
        assert!(heard.contains("[the answer broke off here]"), "{heard}");
        (thread.answers().swap_remove(0), heard)
    }

    pub(super) async fn an_answer_refused_in_its_middle_is_remembered_as_far_as_it_stands(s: &mut Story) {
        let (shown, heard) = refused_in_its_middle(s).await;
        let withheld = |text: &str| text.matches("withheld").count();
        assert!(withheld(&shown) < 20, "{shown}");
        assert_eq!(withheld(&heard), withheld(&shown), "what nobody saw is not remembered");
    }

    pub(super) async fn of_an_answer_refused_in_its_middle_in_a_thread_not_shown_it_is_remembered_that_there_was_one(
        s: &mut Story,
    ) {
        let unread = s.slack.next("conversations.replies").fails("not_in_channel").always();
        let (_, heard) = refused_in_its_middle(s).await;
        assert!(heard.contains("…\n[the answer broke off here]") && !heard.contains("withheld"), "{heard}");
        assert_eq!(unread.hits(), 1);
        unread.lifted();
    }

    pub(super) async fn killed_after_the_answer_was_stored_it_is_delivered(s: &mut Story) {
        let late = Gate::closed();
        let _late = s.slack.next("chat.stopStream").answers_late(&late);
        s.openai.answers("Stored and shown.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.shows("Stored and shown.").await;
        late.reached().await;
        s.kill_and_start().await;
        late.open();
        thread.finishes("Stored and shown.").await;
        s.calm().await;
        assert_eq!(thread.answers(), ["Stored and shown."]);
        assert_eq!(s.openai.requests_seen(), 1, "the stored answer is not asked for again");
    }

    pub(super) async fn killed_before_the_model_answered_it_is_asked_again(s: &mut Story) {
        let first = s.openai.turn().gate("never").text("Lost.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        first.reached("never").await;
        s.openai.answers("Found.");
        s.kill_and_start().await;
        thread.finishes("Found.").await;
        s.calm().await;
        assert_eq!((thread.answers(), thread.status()), (vec!["Found.".to_owned()], None));
    }

    pub(super) async fn killed_while_messages_wait_they_are_all_answered(s: &mut Story) {
        let first = s.openai.turn().gate("never").text("Lost.");
        let thread = s.slack.mention("ana", "#general", "one").await;
        first.reached("never").await;
        thread.reply("ben", "two").await;
        thread.reply("ana", "three").await;
        s.openai.answers("To one.").answers("To two and three.");
        s.kill_and_start().await;
        thread.finishes("To one.").await;
        thread.finishes("To two and three.").await;
        s.openai.last_request().heard(["ana: one", "To one.", "ben: two", "ana: three"]);
    }

    pub(super) async fn a_socket_that_drops_loses_nothing(s: &mut Story) {
        s.slack.drop_sockets();
        s.openai.answers("Hello.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        s.waits_pass(0.0..=3.5, async { thread.finishes("Hello.").await }).await;
    }

    pub(super) async fn a_refreshed_socket_loses_nothing(s: &mut Story) {
        let turn = s.openai.turn().gate("slow").text("Hello.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        turn.reached("slow").await;
        s.slack.send_disconnect("refresh_requested");
        s.openai.answers("Still here.");
        thread.reply("ana", "there?").await;
        turn.open("slow");
        thread.finishes("Hello.").await;
        thread.finishes("Still here.").await;
    }

    pub(super) async fn more_than_may_wait_is_said_and_not_lost_silently(s: &mut Story) {
        s.restart_with(&[("limits.waiting", "2")]).await;
        let first = s.openai.turn().gate("slow").text("One.");
        s.openai.answers("Two and three.");
        let thread = s.slack.mention("ana", "#general", "one").await;
        first.reached("slow").await;
        for n in ["two", "three", "four"] {
            thread.reply("ana", n).await;
        }
        thread.shows_only_to("ana", &texts::queue_full(2)).await;
        first.open("slow");
        thread.finishes("Two and three.").await;
        s.openai.last_request().heard(["one", "One.", "two", "three"]);
    }

    pub(super) async fn threads_do_not_wait_for_each_other(s: &mut Story) {
        let first = s.openai.turn().when_asked("slow").gate("slow").text("Slow.");
        let slow = s.slack.mention("ana", "#slow", "slow").await;
        first.reached("slow").await;
        let mut threads = Vec::new();
        for n in 0..15 {
            s.openai.turn().when_asked(&format!("question {n}")).text(&format!("Answer {n}."));
            threads.push(s.slack.mention("ana", &format!("#c{n}"), &*format!("question {n}")).await);
        }
        for (n, thread) in threads.iter().enumerate() {
            thread.finishes(&format!("Answer {n}.")).await;
        }
        first.open("slow");
        slow.finishes("Slow.").await;
    }
}
