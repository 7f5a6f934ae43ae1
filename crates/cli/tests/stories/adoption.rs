//! What a turn's next owner does: with a stop, with deaths without end, with a thread that Slack does not show.

use chathakase_sim::slack::{Gate, Thread};

use crate::harness::{Story, stories};

impl Story {
    /// "Half an" stands in the thread, and the process dies before it hears of it.
    pub(crate) async fn dies_over_first_words(&mut self) -> Thread {
        let late = Gate::closed();
        drop(self.slack.next("chat.startStream").answers_late(&late));
        self.openai.turn().text("Half an").gate("never").text(" answer.");
        let thread = self.slack.mention("ana", "#general", "hello").await;
        late.reached().await;
        self.kill().await;
        late.open();
        thread
    }
}

stories! { usually:
    a_stop_outlives_the_process_that_was_told,
    a_stop_told_to_another_process_reaches_the_owner,
    a_turn_whose_owners_die_is_set_aside_with_a_notice,
    a_command_whose_owners_die_is_set_aside_with_a_notice,
    a_turn_whose_question_cannot_be_read_is_set_aside_with_a_notice,
    an_answer_put_off_after_a_death_counts_as_taken_over_once,
    a_command_whose_owner_dies_does_not_wait_for_room_of_the_models,
    of_more_commands_than_one_process_takes_over_at_once_the_others_wait,
    a_turn_that_nobody_can_bring_gives_its_thread_free,
    a_turn_that_kills_whoever_runs_it_takes_no_other_with_it,
    killed_after_a_wordless_end_no_status_is_left,
    what_was_not_shown_of_a_stopped_answer_is_not_remembered,
    what_was_not_shown_of_a_stopped_answer_is_not_remembered_where_its_thread_cannot_be_read,
    killed_after_a_stop_what_was_not_shown_is_not_remembered,
    killed_after_a_stop_no_more_is_remembered_than_that_words_stand_in_a_thread_not_shown,
    stopped_over_first_words_that_nobody_knew_of_they_are_remembered,
    first_words_stopped_while_nobody_ran_become_the_answer,
    words_of_an_earlier_answer_that_say_nothing_of_it_are_left_alone,
    an_old_stopped_answer_is_not_taken_for_one_to_an_older_question,
    a_stop_that_comes_late_leaves_the_next_answer_alone,
    a_command_whose_text_is_deleted_while_nobody_runs_it_says_nothing,
}

mod told {
    use std::time::Duration;

    use chathakase_bot::texts;
    use chathakase_session::{
        SlackTs,
        store::Press,
        time::Clock,
        turn::{Claimant, OwnerId},
    };
    use chathakase_sim::slack::{Gate, Thread};

    use crate::harness::Story;

    /// Turns without an owner are looked for this often.
    const LOOK: Duration = Duration::from_secs(5);
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
        let (key, store, clock) = (thread.key(), s.store(), s.clock.clone());
        while store.session(&key, clock.now()).await.unwrap().is_none_or(|session| session.assistant_messages == 0) {
            tokio::task::yield_now().await;
        }
        (thread, slow)
    }

    async fn only_the_first_word_is_remembered(s: &mut Story, thread: &Thread) {
        s.at_rest(thread).await;
        s.openai.answers("Fine.");
        thread.reply("ana", "thanks").await;
        thread.finishes("Fine.").await;
        assert_eq!(thread.answers(), ["One.", "Fine."]);
        s.openai.last_request().heard(["count", "One.\n[a person stopped the answer here]", "thanks"]);
    }

    pub(super) async fn what_was_not_shown_of_a_stopped_answer_is_not_remembered(s: &mut Story) {
        let (thread, slow) = closed_and_not_shown(s).await;
        thread.press_stop("ana").await;
        slow.open();
        only_the_first_word_is_remembered(s, &thread).await;
    }

    pub(super) async fn what_was_not_shown_of_a_stopped_answer_is_not_remembered_where_its_thread_cannot_be_read(
        s: &mut Story,
    ) {
        let (thread, slow) = closed_and_not_shown(s).await;
        let unread = s.slack.next("conversations.replies").fails("access_denied").always();
        thread.press_stop("ana").await;
        slow.open();
        only_the_first_word_is_remembered(s, &thread).await;
        assert_eq!(unread.hits(), 1);
        unread.lifted();
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

    pub(super) async fn a_command_whose_text_is_deleted_while_nobody_runs_it_says_nothing(s: &mut Story) {
        s.openai.answers("Hello Ana.");
        let thread = s.slack.mention("ana", "#general", "I am Ana").await;
        thread.finishes("Hello Ana.").await;
        s.restart().await;
        let gate = Gate::closed();
        drop(s.slack.next("users.info").slow(&gate));
        let asked = thread.reply("ana", "session info").await;
        gate.reached().await;
        s.kill().await;
        gate.open();
        let (key, now) = (thread.key(), s.clock.now());
        s.store().erase(&key.workspace, &key.channel, asked.ts(), now).await.unwrap();
        s.start().await;
        s.at_rest(&thread).await;
        assert_eq!(thread.answers(), ["Hello Ana."]);
    }

    pub(super) async fn a_turn_whose_owners_die_is_set_aside_with_a_notice(s: &mut Story) {
        s.restart_with(&[("limits.owner_deaths", "3")]).await;
        let first = s.openai.turn().gate("never").text("Lost.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        first.reached("never").await;
        for _ in 1..3 {
            let again = s.openai.turn().gate("never").text("Lost.");
            s.kill_and_start().await;
            again.reached("never").await;
        }
        s.kill_and_start().await;
        thread.finishes(&texts::turn_set_aside(3)).await;
        s.openai.answers("Here.");
        thread.reply("ana", "and now?").await;
        thread.finishes("Here.").await;
        s.openai.last_request().heard(["hello", "and now?"]);
        assert_eq!((s.openai.requests_seen(), thread.answers().len(), thread.status()), (4, 2, None));
    }

    pub(super) async fn a_turn_whose_question_cannot_be_read_is_set_aside_with_a_notice(s: &mut Story) {
        s.restart_with(&[("limits.owner_deaths", "3")]).await;
        let dies = s.openai.turn().gate("never").text("Lost.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        dies.reached("never").await;
        s.kill().await;
        s.spoils_messages();
        s.start().await;
        let notice = texts::turn_set_aside(3);
        s.tried_again(thread.finishes(&notice)).await;
        s.openai.answers("Here.");
        thread.reply("ana", "and now?").await;
        thread.finishes("Here.").await;
        s.openai.last_request().heard(["and now?"]);
        assert_eq!((thread.answers(), thread.status()), (vec![notice, "Here.".into()], None));
        assert_eq!(s.openai.requests_seen(), 2, "before the damage, and now");
    }

    pub(super) async fn an_answer_put_off_after_a_death_counts_as_taken_over_once(s: &mut Story) {
        let dies = s.openai.turn().gate("never").text("Lost.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        dies.reached("never").await;
        let again = s.openai.turn().gate("asked").text("Here.");
        s.kill_and_start().await;
        again.reached("asked").await;
        s.slack.settled().await;
        let refused = s.slack.next("*").fails("token_revoked").always();
        again.open("asked");
        // Only while it sleeps between two looks: between a look at its own leases and one for others', no time passes.
        for _ in 0..40 {
            s.clock.pass_sleep(LOOK..=LOOK).await;
        }
        assert!(refused.hits() > 3, "tried {} times", refused.hits());
        refused.lifted();
        s.tried_again(thread.finishes("Here.")).await;
        assert_eq!(s.counted("chathakase_adoptions_total").await, 1);
    }

    pub(super) async fn a_command_whose_owners_die_is_set_aside_with_a_notice(s: &mut Story) {
        s.restart_with(&[("limits.owner_deaths", "3")]).await;
        s.openai.answers("Hello Ana.");
        let thread = s.slack.mention("ana", "#general", "I am Ana").await;
        thread.finishes("Hello Ana.").await;
        s.restart().await;
        let gates = [Gate::closed(), Gate::closed(), Gate::closed()];
        for gate in &gates {
            drop(s.slack.next("users.info").slow(gate));
        }
        thread.reply("ana", "session info").await;
        for gate in &gates {
            gate.reached().await;
            s.kill().await;
            gate.open();
            s.start().await;
        }
        thread.finishes(&texts::turn_set_aside(3)).await;
        s.calm().await;
        assert_eq!(thread.answers().len(), 2);
    }

    pub(super) async fn a_command_whose_owner_dies_does_not_wait_for_room_of_the_models(s: &mut Story) {
        s.restart_with(&[("limits.running", "1")]).await;
        let dies = s.openai.turn().gate("never").text("Lost.");
        let thread = s.slack.mention("ana", "#general", "work").await;
        dies.reached("never").await;
        let bringing = Gate::closed();
        drop(s.slack.next("chat.postMessage").slow(&bringing));
        thread.reply("ana", "help").await;
        bringing.reached().await;
        let slow = s.openai.turn().gate("slow").text("Done.");
        s.kill().await;
        bringing.open();
        s.start().await;
        slow.reached("slow").await;
        thread.shows_part("Commands").await;
        slow.open("slow");
        thread.finishes("Done.").await;
    }

    pub(super) async fn of_more_commands_than_one_process_takes_over_at_once_the_others_wait(s: &mut Story) {
        let bringing = Gate::closed();
        let calls = s.slack.next("chat.postMessage").slow(&bringing).always();
        let mut threads = Vec::new();
        for number in 0..66 {
            threads.push(s.slack.dm(&format!("person{number}"), "help").await);
        }
        s.slack.all_quiet().await;
        s.kill().await;
        let before = calls.hits();
        s.start().await;
        s.until(|| calls.hits() > before).await;
        // What another process would find then.
        let (owner, lease) = (OwnerId::new("another"), Duration::from_secs(30));
        let another = Claimant { owner, lease, history_max: 0, commands_max: 100, slack_now: None };
        let left = s.store().claim(&another, 0, s.clock.now()).await.unwrap();
        assert_eq!(left.len(), 2, "of 66 that were left 64 are carried out at once");
        let leases: Vec<_> = left.into_iter().map(|claimed| claimed.lease).collect();
        s.store().release(&leases, Duration::ZERO, s.clock.now()).await.unwrap();
        calls.lifted();
        bringing.open();
        s.time_goes_on(|| threads.iter().all(|thread| thread.answers().len() == 1)).await;
        // Some still look at their threads once more, which takes time that nobody lets pass.
        s.kill().await;
    }

    pub(super) async fn a_turn_that_nobody_can_bring_gives_its_thread_free(s: &mut Story) {
        s.restart_with(&[("limits.owner_deaths", "3"), ("limits.catch_up", "0s")]).await;
        let stopping = Gate::closed();
        drop(s.slack.next("chat.stopStream").slow(&stopping));
        s.openai.answers("Deadly.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.shows("Deadly.").await;
        stopping.reached().await;
        for _ in 1..6 {
            let reading = Gate::closed();
            let stuck = s.slack.next("conversations.replies").slow(&reading).always();
            s.kill_and_start().await;
            reading.reached().await;
            stuck.lifted();
        }
        drop(s.slack.next("conversations.replies").slow(&Gate::closed()).always());
        s.kill_and_start().await;
        s.openai.answers("Here.");
        thread.reply("ana", "and now?").await;
        thread.finishes("Here.").await;
        assert_eq!(s.counted("chathakase_turns_given_up_total").await, 1);
    }

    pub(super) async fn a_turn_that_kills_whoever_runs_it_takes_no_other_with_it(s: &mut Story) {
        s.restart_with(&[("limits.owner_deaths", "5"), ("limits.catch_up", "0s")]).await;
        let openai = s.openai.clone();
        let runs = |question: &str| openai.turn().when_asked(question).gate("dies").text("Lost.");
        let mut running = ["deadly", "one", "two"].map(runs);
        let deadly = s.slack.mention("ana", "#general", "deadly").await;
        let beside = [s.slack.mention("ben", "#general", "one").await, s.slack.mention("ben", "#general", "two").await];
        for _ in 0..3 {
            for turn in &running {
                turn.reached("dies").await;
            }
            running = ["deadly", "one", "two"].map(runs);
            s.kill_and_start().await;
        }
        for turn in &running {
            turn.reached("dies").await;
        }
        // Each could be what they died of, four times. From here on they run one at a time.
        let alone = runs("deadly");
        s.kill_and_start().await;
        alone.reached("dies").await;
        for question in ["one", "two"] {
            openai.turn().when_asked(question).text("Well.");
        }
        s.kill_and_start().await;
        for thread in &beside {
            thread.finishes("Well.").await;
        }
        deadly.finishes(&texts::turn_set_aside(5)).await;
    }

    pub(super) async fn killed_after_a_wordless_end_no_status_is_left(s: &mut Story) {
        let (reading, clearing) = (Gate::closed(), Gate::closed());
        drop(s.slack.next("conversations.replies").slow(&reading));
        drop(s.slack.next("assistant.threads.setStatus").after(1).slow(&clearing));
        let thread = s.slack.post("ana", "#general", "lunch?").await;
        let question = thread.mention("ana", "never mind").await;
        reading.reached().await;
        thread.delete(&question).await;
        reading.open();
        clearing.reached().await;
        assert_eq!(thread.status().as_deref(), Some(texts::THINKING));
        s.kill_and_start().await;
        s.until(|| thread.status().is_none()).await;
        clearing.open();
        s.calm().await;
        assert_eq!(thread.answers(), Vec::<String>::new());
    }
}
