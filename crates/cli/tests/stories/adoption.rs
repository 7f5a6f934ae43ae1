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
    a_turn_whose_owners_die_is_set_aside_with_a_notice,
    a_command_whose_owners_die_is_set_aside_with_a_notice,
    a_turn_whose_question_cannot_be_read_is_set_aside_with_a_notice,
    an_answer_put_off_after_a_death_counts_as_taken_over_once,
    a_command_whose_owner_dies_does_not_wait_for_room_of_the_models,
    of_more_commands_than_one_process_takes_over_at_once_the_others_wait,
    a_turn_that_nobody_can_bring_gives_its_thread_free,
    a_turn_that_kills_whoever_runs_it_takes_no_other_with_it,
    killed_after_a_wordless_end_no_status_is_left,
    a_command_whose_text_is_deleted_while_nobody_runs_it_says_nothing,
}

mod told {
    use std::time::Duration;

    use chathakase_bot::texts;
    use chathakase_session::{
        time::Clock,
        turn::{Claimant, OwnerId},
    };
    use chathakase_sim::slack::Gate;

    use crate::harness::Story;

    /// Turns without an owner are looked for this often.
    const LOOK: Duration = Duration::from_secs(5);
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
