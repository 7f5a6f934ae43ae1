//! The routing table, row by row, as people see it.

use crate::harness::stories;

stories! { on both stores:
    an_edit_of_a_known_message_changes_what_the_model_hears,
    an_edit_that_brings_a_mention_is_a_new_question,
    a_deleted_message_is_heard_no_more,
    a_deletion_that_arrives_before_its_post_still_counts,
    a_mention_in_the_middle_of_a_thread_is_answered_with_what_was_said_before,
    a_reply_after_expiry_is_answered_with_the_thread_read_again,
    a_missed_question_that_was_read_is_answered_with_the_one_it_was_read_for,
}

stories! { on all stores:
    a_missed_question_of_a_colleague_that_was_read_is_answered_once,
    a_missed_mention_of_a_stranger_that_was_read_asks_nothing,
}

mod usually {
    use super::told;
    crate::harness::stories! { usually:
        our_own_posts_are_not_answered,
        another_bot_is_not_answered_even_when_it_mentions_us,
        an_allowed_bot_is_answered_three_times_in_a_row_and_no_more,
        an_edit_that_leaves_the_text_alone_changes_nothing,
        joins_and_topics_are_nothing_to_us,
        a_direct_message_and_its_reply_need_no_mention,
        a_mention_in_a_group_message_is_answered,
        a_mention_without_words_gives_a_hint_or_answers_the_thread,
        a_reply_to_another_person_is_heard_and_not_answered,
        a_reply_after_a_clear_is_answered_and_hears_nothing_from_before,
        a_thread_that_is_not_ours_is_left_alone,
        a_reply_that_came_before_its_mention_is_answered,
        a_file_is_named_to_the_model_as_not_read,
        a_reply_also_sent_to_the_channel_is_answered_in_its_thread,
        what_i_say_of_myself_is_answered,
        a_stranger_is_ignored_unless_allowed,
        a_mention_where_we_are_no_member_is_told_to_the_author,
    }
}

mod told {
    use std::time::Duration;

    use chathakase_bot::texts;
    use chathakase_session::{Kind, Role, time::Clock};
    use chathakase_sim::slack::{Saying, Thread};

    use crate::harness::{Story, as_the_manifest_says};

    pub(super) async fn our_own_posts_are_not_answered(s: &mut Story) {
        s.openai.answers("Hello.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.slack.settled().await;
        thread.shows_nothing_more().await;
        assert_eq!(s.openai.requests_seen(), 1);
    }

    pub(super) async fn another_bot_is_not_answered_even_when_it_mentions_us(s: &mut Story) {
        s.slack.bot("deploybot");
        let thread = s.slack.mention("deploybot", "#general", "deployed!").await;
        thread.shows_nothing_more().await;
    }

    pub(super) async fn an_allowed_bot_is_answered_three_times_in_a_row_and_no_more(s: &mut Story) {
        s.slack.bot("deploybot");
        s.slack.post("deploybot", "#general", "I am new here").await;
        let bot =
            s.slack.events().into_iter().find_map(|event| Some(event.payload["event"]["bot_id"].as_str()?.to_owned()));
        s.restart_with(&[("access.bots", &bot.unwrap())]).await;
        for n in 1..=4 {
            s.openai.answers(&format!("Answer {n}."));
        }
        let thread = s.slack.mention("deploybot", "#general", "1").await;
        thread.finishes("Answer 1.").await;
        for n in 2..=3 {
            thread.reply("deploybot", &*n.to_string()).await;
            thread.finishes(&format!("Answer {n}.")).await;
        }
        thread.reply("deploybot", "4").await;
        s.slack.settled().await;
        assert_eq!(s.openai.requests_seen(), 3);
        thread.reply("ana", "and I?").await;
        thread.finishes("Answer 4.").await;
    }

    pub(super) async fn an_edit_that_leaves_the_text_alone_changes_nothing(s: &mut Story) {
        s.openai.answers("Hello.").answers("Yes.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.slack.subscribe(&[]);
        let unheard = s.slack.mention("ana", "#general", "is anybody there?").await;
        as_the_manifest_says(&s.slack);
        for (thread, words) in [(&thread, "@assistant hello"), (&unheard, "@assistant is anybody there?")] {
            // Before and after somebody edited: from then on Slack names that edit with each change.
            thread.preview(&thread.first()).await;
            thread.edit(&thread.first(), words).await;
            thread.preview(&thread.first()).await;
        }
        s.calm().await;
        unheard.shows_nothing_more().await;
        thread.reply("ana", "still there?").await;
        thread.finishes("Yes.").await;
        s.openai.last_request().heard(["hello", "Hello.", "still there?"]);
        assert_eq!(s.openai.requests_seen(), 2);
        let sent = s.slack.events().into_iter().map(|sent| sent.payload["event"]["message"].clone());
        let of_ana = sent.filter(|message| message["user"] == s.slack.person("ana").as_str());
        let edited: Vec<bool> = of_ana.map(|message| message["edited"].is_object()).collect();
        assert_eq!(edited, [false, true, true, false, true, true], "Slack told of each");
    }

    pub(super) async fn an_edit_of_a_known_message_changes_what_the_model_hears(s: &mut Story) {
        s.openai.answers("A cat.").answers("A dog.");
        let thread = s.slack.mention("ana", "#general", "I have a cat").await;
        thread.finishes("A cat.").await;
        thread.edit(&thread.first(), "@assistant I have a dog").await;
        thread.reply("ana", "what do I have?").await;
        thread.finishes("A dog.").await;
        s.openai.last_request().heard(["I have a dog", "A cat.", "what do I have?"]);
    }

    pub(super) async fn an_edit_that_brings_a_mention_is_a_new_question(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "does anybody know?").await;
        s.slack.settled().await;
        s.openai.answers("I do.");
        thread.edit(&thread.first(), "@assistant do you know?").await;
        thread.finishes("I do.").await;
        s.openai.last_request().heard(["do you know?"]);
    }

    pub(super) async fn a_deleted_message_is_heard_no_more(s: &mut Story) {
        s.openai.answers("Noted.").answers("Forgotten.").answers("Nothing.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Noted.").await;
        let secret = thread.reply("ana", "my secret is 42").await;
        thread.finishes("Forgotten.").await;
        thread.delete(&secret).await;
        thread.reply("ana", "what is my secret?").await;
        thread.finishes("Nothing.").await;
        s.openai.last_request().heard(["hello", "Noted.", "Forgotten.", "what is my secret?"]);
    }

    pub(super) async fn a_deletion_that_arrives_before_its_post_still_counts(s: &mut Story) {
        s.openai.answers("Hello.").answers("Fine.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.slack.hold_events();
        let oops = thread.reply("ana", "oops").await;
        thread.delete(&oops).await;
        s.slack.release_reversed().await;
        s.slack.settled().await;
        thread.reply("ana", "how are you?").await;
        thread.finishes("Fine.").await;
        s.openai.last_request().heard(["hello", "Hello.", "how are you?"]);
        assert_eq!(s.openai.requests_seen(), 2);
    }

    pub(super) async fn joins_and_topics_are_nothing_to_us(s: &mut Story) {
        s.openai.answers("Hello.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        for subtype in ["channel_join", "channel_topic", "pinned_item", "reminder_add", "brand_new_subtype"] {
            thread.reply("ana", Saying::from("what is this?").subtype(subtype)).await;
            s.slack.mention("ana", "#general", Saying::from("what is this?").subtype(subtype)).await;
        }
        s.at_rest(&thread).await;
        assert_eq!(s.openai.requests_seen(), 1);
        let kept = s.store().messages(&thread.key(), 0, 100, s.clock.now()).await.unwrap();
        assert_eq!(kept.iter().map(|message| &*message.text).collect::<Vec<_>>(), ["hello", "Hello."]);
        let all = s.store().stats(None, s.clock.now()).await.unwrap();
        assert_eq!((all.active_sessions, all.messages), (1, 2));
    }

    pub(super) async fn a_direct_message_and_its_reply_need_no_mention(s: &mut Story) {
        s.openai.answers("Hi.").answers("Sure.");
        let thread = s.slack.dm("ana", "hi").await;
        thread.finishes("Hi.").await;
        thread.reply("ana", "can you help?").await;
        thread.finishes("Sure.").await;
        s.openai.last_request().heard(["hi", "Hi.", "can you help?"]);
    }

    pub(super) async fn a_mention_in_a_group_message_is_answered(s: &mut Story) {
        s.openai.answers("Hi both.");
        let thread = s.slack.group_dm(&["ana", "ben"], "hello").await;
        thread.finishes("Hi both.").await;
    }

    pub(super) async fn a_mention_in_the_middle_of_a_thread_is_answered_with_what_was_said_before(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "the build is red").await;
        thread.reply("ben", "since when?").await;
        thread.reply("ana", "since noon").await;
        s.slack.settled().await;
        s.openai.answers("Since noon.").answers("Yes.");
        thread.mention("ben", "summarise").await;
        thread.finishes("Since noon.").await;
        s.openai.last_request().heard([
            "ana: the build is red",
            "ben: since when?",
            "ana: since noon",
            "ben: summarise",
        ]);
        thread.reply("ana", "is that all?").await;
        thread.finishes("Yes.").await;
    }

    pub(super) async fn a_mention_without_words_gives_a_hint_or_answers_the_thread(s: &mut Story) {
        let hinted = s.slack.mention("ana", "#general", "").await;
        hinted.finishes(&texts::hint()).await;
        let thread = s.slack.post("ana", "#general", "what is 6 times 7?").await;
        s.openai.answers("42.");
        thread.mention("ben", "").await;
        thread.finishes("42.").await;
        assert_eq!(s.openai.requests_seen(), 1);
    }

    pub(super) async fn a_reply_to_another_person_is_heard_and_not_answered(s: &mut Story) {
        s.openai.answers("Hello.").answers("Tea.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        s.slack.person("ben");
        thread.reply("ana", "@ben I like tea").await;
        s.slack.settled().await;
        assert_eq!(s.openai.requests_seen(), 1);
        thread.reply("ana", "what do I like?").await;
        thread.finishes("Tea.").await;
        s.openai.last_request().heard(["hello", "Hello.", "@ben I like tea", "what do I like?"]);
    }

    pub(super) async fn a_reply_after_expiry_is_answered_with_the_thread_read_again(s: &mut Story) {
        s.openai.answers("Hello Ana.").answers("Ana.");
        let thread = s.slack.mention("ana", "#general", "I am Ana").await;
        thread.finishes("Hello Ana.").await;
        s.slack.settled().await;
        s.passes(Duration::from_secs(3700)).await;
        thread.reply("ana", "who am I?").await;
        thread.finishes("Ana.").await;
        s.openai.last_request().heard(["I am Ana", "Hello Ana.", "who am I?"]);
    }

    pub(super) async fn a_reply_after_a_clear_is_answered_and_hears_nothing_from_before(s: &mut Story) {
        s.openai.answers("Hello Ana.").answers("I do not know.");
        let thread = s.slack.mention("ana", "#general", "I am Ana").await;
        thread.finishes("Hello Ana.").await;
        thread.reply("ana", "clear session").await;
        thread.finishes(&texts::session_cleared(2, 0)).await;
        thread.reply("ana", "who am I?").await;
        thread.finishes("I do not know.").await;
        s.openai.last_request().heard(["who am I?"]);
    }

    pub(super) async fn a_thread_that_is_not_ours_is_left_alone(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "lunch?").await;
        thread.reply("ben", "yes").await;
        thread.reply("ana", "help").await;
        thread.shows_nothing_more().await;
    }

    pub(super) async fn a_reply_that_came_before_its_mention_is_answered(s: &mut Story) {
        s.openai.answers("First.").answers("Second.");
        s.slack.hold_events();
        let thread = s.slack.mention("ana", "#general", "one").await;
        thread.reply("ana", "two").await;
        s.slack.release_reversed().await;
        thread.finishes("First.").await;
        thread.finishes("Second.").await;
        s.openai.last_request().heard(["one", "First.", "two"]);
    }

    pub(super) async fn a_file_is_named_to_the_model_as_not_read(s: &mut Story) {
        s.openai.answers("I cannot read it.");
        let thread = s.slack.mention("ana", "#general", Saying::from("what is this?").with_file("report.pdf")).await;
        thread.finishes("I cannot read it.").await;
        let said = format!("what is this?\n{}", texts::file_not_read("report.pdf"));
        s.openai.last_request().heard([said.as_str()]);
    }

    pub(super) async fn a_reply_also_sent_to_the_channel_is_answered_in_its_thread(s: &mut Story) {
        s.openai.answers("Hello.").answers("Here.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        thread.reply("ana", Saying::from("look here").also_to_channel()).await;
        thread.finishes("Here.").await;
    }

    pub(super) async fn what_i_say_of_myself_is_answered(s: &mut Story) {
        s.openai.answers("Hello.").answers("Wave back.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Hello.").await;
        thread.reply("ana", Saying::from("waves").as_me()).await;
        thread.finishes("Wave back.").await;
    }

    pub(super) async fn a_missed_question_that_was_read_is_answered_with_the_one_it_was_read_for(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "lunch?").await;
        s.slack.settled().await;
        s.unreachable();
        let missed = thread.mention("ana", "what is the time?").await;
        s.failed_twice().await;
        s.reachable();
        s.openai.answers("Noon, and hello.");
        thread.mention("ben", "hello").await;
        thread.finishes("Noon, and hello.").await;
        s.openai.last_request().heard(["ana: lunch?", "ana: what is the time?", "ben: hello"]);
        s.slack.redeliver(&missed).await;
        s.slack.redeliver(&missed).await;
        thread.shows_nothing_more().await;
        assert_eq!((thread.answers().len(), s.openai.requests_seen()), (1, 1));
    }

    /// A mention that Slack cannot bring at first, in a thread that somebody else mentions us in meanwhile; then it comes.
    async fn missed_by_the_one_and_read_for_the_other(s: &Story, channel: &str, who: &str, answer: &str) -> Thread {
        let thread = s.slack.post("ana", channel, "lunch?").await;
        s.slack.settled().await;
        s.unreachable();
        let missed = thread.mention(who, "what is the time?").await;
        s.failed_twice().await;
        s.reachable();
        s.openai.answers(answer);
        thread.mention("ben", "hello").await;
        thread.finishes(answer).await;
        let asked = format!("{who}: what is the time?");
        s.openai.last_request().heard(["ana: lunch?", &asked, "ben: hello"]);
        s.slack.redeliver(&missed).await;
        thread.shows_nothing_more().await;
        thread
    }

    pub(super) async fn a_missed_question_of_a_colleague_that_was_read_is_answered_once(s: &mut Story) {
        s.slack.colleague("gwen");
        missed_by_the_one_and_read_for_the_other(s, "#general", "gwen", "Noon, and hello.").await;
        assert_eq!((s.openai.requests_seen(), s.slack.calls("conversations.info").len()), (1, 1));
    }

    pub(super) async fn a_missed_mention_of_a_stranger_that_was_read_asks_nothing(s: &mut Story) {
        s.slack.shared_channel("#shared");
        s.slack.stranger("eve");
        let thread = missed_by_the_one_and_read_for_the_other(s, "#shared", "eve", "Hello.").await;
        let heard = s.store().messages(&thread.key(), 0, 10, s.clock.now()).await.unwrap();
        let asked = heard.iter().filter(|message| (message.role, message.kind) == (Role::User, Kind::Accepted));
        assert_eq!((s.openai.requests_seen(), asked.count()), (1, 1), "{heard:?}");
    }

    pub(super) async fn a_stranger_is_ignored_unless_allowed(s: &mut Story) {
        s.slack.shared_channel("#shared");
        s.slack.stranger("eve");
        let thread = s.slack.mention("eve", "#shared", "hello").await;
        thread.shows_nothing_more().await;
        // What was ignored a moment ago would be found, and is allowed now.
        s.restart_with(&[("access.strangers", "true"), ("limits.catch_up", "0s")]).await;
        s.openai.answers("Hello Eve.");
        let thread = s.slack.mention("eve", "#shared", "hello again").await;
        thread.finishes("Hello Eve.").await;
    }

    pub(super) async fn a_mention_where_we_are_no_member_is_told_to_the_author(s: &mut Story) {
        let channel = s.slack.kick_bot("#secret");
        s.slack.dm_channel("ben");
        s.openai.answers("Nobody will see this.");
        let thread = s.slack.mention("ana", "#secret", "hello").await;
        let told = texts::cannot_post(channel.as_str(), "not_in_channel");
        s.says_somewhere(&told).await;
        s.at_rest(&thread).await;
        let read = |who: &str| -> Vec<String> {
            let direct = s.slack.eyes(who).unwrap().channel(&s.slack.dm_channel(who)).unwrap();
            direct.into_iter().map(|post| post.text).collect()
        };
        assert_eq!((read("ana"), read("ben")), (vec![told], Vec::new()));
        assert_eq!(thread.answers(), Vec::<String>::new());
    }
}
