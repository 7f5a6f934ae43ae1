//! The commands as people give them.

use crate::harness::stories;

stories! { usually:
    help_shows_every_command,
    session_info_tells_what_is_remembered,
    session_info_of_a_thread_that_is_not_remembered_says_so,
    clear_session_forgets_and_stays,
    clear_session_drops_what_waits,
    whether_a_session_was_cleared_is_said_as_it_was,
    all_sessions_is_for_admins_and_shown_to_them_alone,
    all_sessions_says_how_much_there_is_and_since_when,
    an_admin_of_a_connected_workspace_is_none_here,
    all_sessions_comes_in_pages,
    a_command_does_not_wait_for_a_running_answer_and_is_in_no_window,
    a_command_of_unknown_fate_leaves_the_answer_beside_it_alone,
    a_command_works_in_a_direct_message,
    a_command_in_any_case_and_spacing_is_one,
    a_question_with_a_command_in_it_is_a_question,
    a_command_is_answered_once_however_often_it_arrives,
}

mod told {
    use std::time::Duration;

    use chathakase_bot::{commands, texts};
    use chathakase_sim::slack::Thread;

    use crate::harness::Story;

    const HOUR: Duration = Duration::from_secs(3600);

    async fn talk(s: &mut Story) -> Thread {
        s.openai.answers("Hello Ana.");
        let thread = s.slack.mention("ana", "#general", "I am Ana").await;
        thread.finishes("Hello Ana.").await;
        thread
    }

    pub(super) async fn help_shows_every_command(s: &mut Story) {
        let thread = s.slack.mention("ana", "#general", "help").await;
        for command in commands::ALL {
            thread.shows_part(command.say()).await;
        }
        assert_eq!(thread.answers().len(), 1);
    }

    pub(super) async fn session_info_tells_what_is_remembered(s: &mut Story) {
        s.restart_with(&[("session.timeout", "2d"), ("context.max_messages", "3")]).await;
        let thread = talk(s).await;
        thread.reply("ana", "session info").await;
        thread.shows_part("- Model: gpt-4o; the next answer sees all of it, ").await;
        s.at_rest(&thread).await;
        s.passes(10 * HOUR).await;
        s.openai.answers("Hello Ben.");
        thread.reply("ben", "I am Ben").await;
        thread.finishes("Hello Ben.").await;
        s.at_rest(&thread).await;
        s.passes(5 * HOUR).await;
        thread.reply("ana", "session info").await;
        let key = thread.key();
        for part in [
            format!("- Session: `{}`\n", key.session_id()),
            "- People: ana, ben\n".into(),
            "- Messages: 4 (2 from people, 2 from me)\n".into(),
            "- Began 15 hours ago, last active 5 hours ago\n".into(),
            "- I forget it in 2 days if nothing more is said\n".into(),
            "- Model: gpt-4o; the next answer sees 3 of 4 messages, ".into(),
        ] {
            thread.shows_part(&part).await;
        }
    }

    pub(super) async fn session_info_of_a_thread_that_is_not_remembered_says_so(s: &mut Story) {
        let thread = s.slack.mention("ana", "#general", "session info").await;
        thread.finishes(&texts::no_session()).await;
    }

    pub(super) async fn clear_session_forgets_and_stays(s: &mut Story) {
        let thread = talk(s).await;
        thread.reply("ana", "clear session").await;
        thread.finishes(&texts::session_cleared(2, 0)).await;
        thread.reply("ana", "session info").await;
        thread.finishes(&texts::no_session()).await;
        s.openai.answers("Who are you?");
        thread.reply("ana", "hello").await;
        thread.finishes("Who are you?").await;
        s.openai.last_request().heard(["hello"]);
    }

    pub(super) async fn clear_session_drops_what_waits(s: &mut Story) {
        let first = s.openai.turn().gate("slow").text("First.");
        let thread = s.slack.mention("ana", "#general", "one").await;
        first.reached("slow").await;
        thread.reply("ana", "two").await;
        thread.reply("ana", "clear session").await;
        thread.finishes(&texts::session_cleared(2, 1)).await;
        first.open("slow");
        thread.finishes("First.").await;
        s.openai.answers("Nothing.");
        thread.reply("ana", "what did I say?").await;
        thread.finishes("Nothing.").await;
        s.openai.last_request().heard(["what did I say?"]);
    }

    pub(super) async fn whether_a_session_was_cleared_is_said_as_it_was(s: &mut Story) {
        let thread = talk(s).await;
        s.loses_clearing();
        thread.reply("ana", "clear session").await;
        thread.shows_nothing_more().await;
        s.tried_again(thread.finishes(&texts::session_cleared(2, 0))).await;
        assert_eq!(thread.answers(), ["Hello Ana.".to_owned(), texts::session_cleared(2, 0)]);
    }

    pub(super) async fn all_sessions_is_for_admins_and_shown_to_them_alone(s: &mut Story) {
        let thread = talk(s).await;
        thread.reply("ana", "all sessions").await;
        thread.shows_only_to("ana", &texts::not_an_admin()).await;
        s.slack.admin("zoe");
        thread.reply("zoe", "all sessions").await;
        let listed = format!("\n\n- `{}`: 2 messages with ana, ", thread.key().session_id());
        thread.shows_part_only_to("zoe", &listed).await;
        assert_eq!(thread.answers(), ["Hello Ana."], "the list is for the asker alone");
        let ana = s.slack.person("ana");
        s.restart_with(&[("access.admins", ana.as_str())]).await;
        thread.reply("ana", "all sessions").await;
        thread.shows_part_only_to("ana", &listed).await;
        assert_eq!(thread.answers(), ["Hello Ana."]);
    }

    pub(super) async fn all_sessions_says_how_much_there_is_and_since_when(s: &mut Story) {
        s.restart_with(&[("session.timeout", "2d")]).await;
        let first = talk(s).await;
        s.at_rest(&first).await;
        s.passes(10 * HOUR).await;
        s.openai.answers("Hello Ben.").answers("With pleasure.");
        let second = s.slack.dm("ben", "I am Ben").await;
        second.finishes("Hello Ben.").await;
        second.reply("ben", "can you help?").await;
        second.finishes("With pleasure.").await;
        s.at_rest(&second).await;
        s.passes(5 * HOUR).await;
        s.slack.admin("zoe");
        let asked = s.slack.dm("zoe", "all sessions").await;
        asked.shows_part("active sessions").await;
        let header =
            "**2 active sessions**, 6 messages, 2 people; the oldest began 15 hours ago, the newest 5 hours ago";
        assert_eq!(asked.answers()[0].lines().next(), Some(header));
    }

    pub(super) async fn an_admin_of_a_connected_workspace_is_none_here(s: &mut Story) {
        s.restart_with(&[("access.strangers", "true")]).await;
        s.slack.shared_channel("#partners");
        s.slack.stranger("eve");
        s.slack.admin("eve");
        let thread = s.slack.mention("eve", "#partners", "all sessions").await;
        thread.shows_only_to("eve", &texts::not_an_admin()).await;
    }

    pub(super) async fn all_sessions_comes_in_pages(s: &mut Story) {
        for n in 0..12 {
            s.openai.answers(&format!("Answer {n}."));
            let thread = s.slack.dm("ana", &*format!("question {n}")).await;
            thread.finishes(&format!("Answer {n}.")).await;
        }
        s.slack.admin("zoe");
        let first = s.slack.dm("zoe", "all sessions").await;
        first.shows_part("Page 1 of 2. Say `all sessions 2` for the next.").await;
        let second = s.slack.dm("zoe", "all sessions 2").await;
        second.shows_part("with ana").await;
        let listed = |thread: &Thread| thread.answers()[0].matches("- `").count();
        assert_eq!((listed(&first), listed(&second)), (10, 2));
        let third = s.slack.dm("zoe", "all sessions 3").await;
        third.shows_part("There are only 2 pages.").await;
    }

    pub(super) async fn a_command_does_not_wait_for_a_running_answer_and_is_in_no_window(s: &mut Story) {
        let slow = s.openai.turn().gate("slow").text("Done.");
        let thread = s.slack.mention("ana", "#general", "work").await;
        slow.reached("slow").await;
        thread.reply("ana", "help").await;
        thread.shows_part("Commands").await;
        slow.open("slow");
        thread.finishes("Done.").await;
        s.openai.answers("Yes.");
        thread.reply("ana", "ready?").await;
        thread.finishes("Yes.").await;
        s.openai.last_request().heard(["work", "Done.", "ready?"]);
    }

    pub(super) async fn a_command_of_unknown_fate_leaves_the_answer_beside_it_alone(s: &mut Story) {
        let answer = s.openai.turn().gate("begins").text("Half an ").gate("half").text("answer.");
        let thread = s.slack.mention("ana", "#general", "work").await;
        answer.reached("begins").await;
        let lost = s.slack.next("chat.postMessage").cut();
        thread.reply("ben", "help").await;
        // The call was cut behind its deed.
        s.until(|| lost.hits() == 1 && thread.answers().len() == 1).await;
        answer.open("begins");
        thread.shows("Half an ").await;
        s.waits_pass(1.9..=2.1, s.until(|| !s.slack.calls("chat.update").is_empty())).await;
        answer.open("half");
        thread.finishes("Half an answer.").await;
        s.calm().await;
        let answers = thread.answers();
        assert_eq!((answers.len(), answers[1].as_str()), (2, "Half an answer."));
        assert!(answers[0].contains("Commands"), "{answers:?}");
    }

    pub(super) async fn a_command_works_in_a_direct_message(s: &mut Story) {
        let thread = s.slack.dm("ana", "help").await;
        thread.shows_part("session info").await;
    }

    pub(super) async fn a_command_in_any_case_and_spacing_is_one(s: &mut Story) {
        let thread = talk(s).await;
        thread.mention("ana", "  CLEAR   Session ").await;
        thread.finishes(&texts::session_cleared(2, 0)).await;
    }

    pub(super) async fn a_question_with_a_command_in_it_is_a_question(s: &mut Story) {
        s.openai.answers("With pleasure.");
        let thread = s.slack.mention("ana", "#general", "help me with Python").await;
        thread.finishes("With pleasure.").await;
    }

    pub(super) async fn a_command_is_answered_once_however_often_it_arrives(s: &mut Story) {
        let thread = talk(s).await;
        let info = thread.reply("ana", "session info").await;
        thread.shows_part("Session:").await;
        s.slack.redeliver(&info).await;
        s.slack.redeliver_under_new_ids(&info).await;
        s.slack.settled().await;
        assert_eq!(thread.answers().len(), 2);
    }
}
