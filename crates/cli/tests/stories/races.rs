//! Deliveries about one post that run at the same moment: whichever step comes first, what Slack shows is what counts.

use chathakase_sim::slack::Options;

use crate::harness::{USUAL, stories, tell_where};

stories! { on both stores:
    an_edit_that_meets_its_post_on_its_way_in_counts,
    an_edit_without_the_mention_that_meets_its_post_on_its_way_in_counts,
    an_edit_of_what_expired_counts_while_its_thread_is_read_again,
    an_edit_of_an_old_post_counts_while_its_thread_is_read,
    an_edit_of_another_bot_counts_while_its_thread_is_read,
    an_answer_whose_deletion_was_half_done_is_forgotten,
    a_command_that_became_a_question_before_it_came_is_asked,
    a_question_that_became_a_command_before_it_came_is_carried_out,
    a_mention_is_not_acknowledged_until_the_replies_that_came_before_it_are_taken_in,
    a_deletion_that_meets_its_post_on_its_way_in_counts,
}

stories! { on all stores:
    a_deletion_that_comes_before_its_post_outlives_a_kill,
    an_edit_that_comes_before_its_post_outlives_a_kill,
    a_reply_that_comes_before_its_mention_outlives_a_kill,
    an_edit_of_a_reply_that_comes_before_its_mention_outlives_a_kill,
}

/// Slack shows a thread in pages of two posts.
#[test]
fn replies_that_came_before_their_mention_are_taken_in_from_all_pages() {
    tell_where(USUAL, |options| Options { page_max: Some(2), ..options }, told::all_pages);
}

/// Each delivery reads one page of two posts.
#[test]
fn a_mention_comes_again_until_all_replies_that_came_before_it_are_taken_in() {
    tell_where(USUAL, |options| Options { page_max: Some(2), ..options }, told::page_after_page);
}

mod told {
    use std::time::Duration;

    use chathakase_session::time::Clock;
    use chathakase_sim::{
        model::TurnScript,
        slack::{Fate, Said, SentEvent, Thread},
    };
    use serde_json::{Value, json};

    use crate::harness::Story;

    /// An edit into `text` arrives while its post is on its way in.
    async fn an_edit_meets_its_post(s: &mut Story, text: &str) {
        s.openai.answers("Hello.").answers("A dog.");
        s.slack.hold_events();
        let thread = s.slack.mention("ana", "#general", "I have a cat").await;
        thread.edit(&thread.first(), text).await;
        let (post, edit) = (s.holds_step("receive"), s.holds_step("amend"));
        let edited = async {
            post.reached().await;
            let answered = async {
                edit.reached().await;
                post.open();
                thread.finishes("Hello.").await;
                edit.open();
            };
            tokio::join!(delivers(s, |event| event["subtype"] == "message_changed"), answered);
        };
        tokio::join!(delivers(s, |event| event["type"] == "app_mention"), edited);
        s.slack.lose_held();
        s.calm().await;
        thread.reply("ana", "what do I have?").await;
        thread.finishes("A dog.").await;
        s.openai.last_request().heard(["I have a dog", "Hello.", "what do I have?"]);
    }

    pub(super) async fn an_edit_that_meets_its_post_on_its_way_in_counts(s: &mut Story) {
        an_edit_meets_its_post(s, "@assistant I have a dog").await;
    }

    pub(super) async fn an_edit_without_the_mention_that_meets_its_post_on_its_way_in_counts(s: &mut Story) {
        an_edit_meets_its_post(s, "I have a dog").await;
    }

    /// The first post of a thread, which said "I have a cat", is edited while the turn that answers `question` has read the thread
    /// and not stored it yet.
    async fn an_edit_meets_a_reading(s: &mut Story, thread: &Thread, question: &str, text: &str) {
        s.openai.answers("A dog.").answers("Yes.");
        let learned = s.holds_step("learn");
        thread.mention("ana", question).await;
        learned.reached().await;
        thread.edit(&thread.first(), text).await;
        s.calm().await;
        learned.open();
        thread.finishes("A dog.").await;
        s.at_rest(thread).await;
        let reads = s.slack.calls("conversations.replies").len();
        thread.mention("ana", "sure?").await;
        thread.finishes("Yes.").await;
        for asked in s.openai.requests().iter().rev().take(2) {
            let first = asked.conversation()[0];
            assert_eq!(first.rsplit(": ").next(), Some("I have a dog"), "{first}");
        }
        assert_eq!(s.slack.calls("conversations.replies").len(), reads, "what is known need not be read again");
    }

    pub(super) async fn an_edit_of_what_expired_counts_while_its_thread_is_read_again(s: &mut Story) {
        s.openai.answers("Hello.");
        let thread = s.slack.mention("ana", "#general", "I have a cat").await;
        thread.finishes("Hello.").await;
        s.at_rest(&thread).await;
        s.passes(Duration::from_secs(3700)).await;
        an_edit_meets_a_reading(s, &thread, "what do I have?", "@assistant I have a dog").await;
    }

    pub(super) async fn an_edit_of_an_old_post_counts_while_its_thread_is_read(s: &mut Story) {
        let thread = s.slack.post("ana", "#general", "I have a cat").await;
        s.passes(Duration::from_secs(26 * 3600)).await;
        an_edit_meets_a_reading(s, &thread, "what do I have?", "I have a dog").await;
    }

    pub(super) async fn an_edit_of_another_bot_counts_while_its_thread_is_read(s: &mut Story) {
        s.slack.bot("petbot");
        let thread = s.slack.post("petbot", "#general", "I have a cat").await;
        an_edit_meets_a_reading(s, &thread, "what does it have?", "I have a dog").await;
    }

    /// A turn that keeps others waiting.
    async fn busy(s: &mut Story) -> TurnScript {
        s.restart_with(&[("limits.running", "1")]).await;
        let busy = s.openai.turn().gate("slow").text("One.");
        s.slack.mention("ben", "#general", "one?").await;
        busy.reached("slow").await;
        s.calm().await;
        busy
    }

    pub(super) async fn a_deletion_that_meets_its_post_on_its_way_in_counts(s: &mut Story) {
        let busy = busy(s).await;
        s.slack.hold_events();
        let thread = s.slack.mention("ana", "#general", "never mind").await;
        thread.delete(&thread.first()).await;
        let post = s.holds_step("receive");
        let deleted = async {
            post.reached().await;
            delivers(s, |event| event["subtype"] == "message_deleted").await;
            post.open();
        };
        tokio::join!(delivers(s, |event| event["type"] == "app_mention"), deleted);
        is_over(s).await;
        busy.open("slow");
        s.calm().await;
        assert_eq!(s.openai.requests_seen(), 1);
    }

    pub(super) async fn an_answer_whose_deletion_was_half_done_is_forgotten(s: &mut Story) {
        s.openai.answers("Nonsense.").answers("Yes.");
        let thread = s.slack.mention("ana", "#general", "hello").await;
        thread.finishes("Nonsense.").await;
        s.calm().await;
        let answer = thread.posts().into_iter().find(|post| post.ours).unwrap();
        // As far as a process came that was killed then.
        let (key, now) = (thread.key(), s.clock.now());
        s.store().erase(&key.workspace, &key.channel, answer.ts, now).await.unwrap();
        thread.delete_ts(answer.ts).await;
        s.calm().await;
        thread.reply("ana", "still there?").await;
        thread.finishes("Yes.").await;
        s.openai.last_request().heard(["hello", "still there?"]);
    }

    /// Events arrive as the story says, and nothing is looked for afterwards: what counts is what was written down.
    async fn out_of_order(s: &mut Story) {
        s.restart_with(&[("limits.catch_up", "0s")]).await;
        s.slack.hold_events();
    }

    /// Slack delivers what it holds and `which` fits.
    async fn delivers(s: &Story, which: impl Fn(&Value) -> bool) {
        let events = s.slack.events();
        let fits = |event: &SentEvent| event.fate == Fate::Held && which(&event.payload["event"]);
        let held = events.iter().enumerate().filter(|(_, event)| fits(event));
        for at in held.map(|(at, _)| at).collect::<Vec<_>>() {
            s.slack.deliver_event(at).await;
        }
    }

    /// The rest never arrives: only what we say ourselves is left.
    async fn is_over(s: &Story) {
        s.slack.lose_held();
        s.calm().await;
    }

    /// A reply in a thread that a mention opens comes before that mention, and the process dies in between.
    async fn a_reply_overtakes(s: &mut Story) -> (Thread, Said) {
        out_of_order(s).await;
        let thread = s.slack.mention("ana", "#general", "lunch?").await;
        s.passes(Duration::from_secs(1)).await;
        let reply = thread.reply("ben", "where?").await;
        (thread, reply)
    }

    pub(super) async fn a_deletion_that_comes_before_its_post_outlives_a_kill(s: &mut Story) {
        out_of_order(s).await;
        let thread = s.slack.mention("ana", "#general", "never mind").await;
        thread.delete(&thread.first()).await;
        delivers(s, |event| event["subtype"] == "message_deleted").await;
        s.kill_and_start().await;
        delivers(s, |_| true).await;
        is_over(s).await;
        assert_eq!(s.openai.requests_seen(), 0);
    }

    pub(super) async fn an_edit_that_comes_before_its_post_outlives_a_kill(s: &mut Story) {
        out_of_order(s).await;
        let thread = s.slack.mention("ana", "#general", "I have a cat").await;
        thread.edit(&thread.first(), "I have a dog").await;
        delivers(s, |event| event["subtype"] == "message_changed").await;
        s.kill_and_start().await;
        s.openai.answers("Good.");
        delivers(s, |_| true).await;
        thread.finishes("Good.").await;
        is_over(s).await;
        s.openai.last_request().heard(["I have a dog"]);
    }

    /// A mention that says `first` is edited into `today`, and Slack tells of the edit before it.
    async fn an_edit_overtakes(s: &mut Story, first: &str, today: &str) -> Thread {
        out_of_order(s).await;
        let thread = s.slack.mention("ana", "#general", first).await;
        thread.edit(&thread.first(), today).await;
        delivers(s, |event| event["subtype"] == "message_changed").await;
        delivers(s, |_| true).await;
        thread
    }

    pub(super) async fn a_command_that_became_a_question_before_it_came_is_asked(s: &mut Story) {
        s.openai.answers("Noon.");
        let thread = an_edit_overtakes(s, "help", "when is lunch?").await;
        thread.finishes("Noon.").await;
        is_over(s).await;
        s.openai.last_request().heard(["when is lunch?"]);
    }

    pub(super) async fn a_question_that_became_a_command_before_it_came_is_carried_out(s: &mut Story) {
        let thread = an_edit_overtakes(s, "who can help?", "help").await;
        thread.shows_part("I answer in threads").await;
        is_over(s).await;
        assert_eq!(s.openai.requests_seen(), 0);
    }

    pub(super) async fn a_reply_that_comes_before_its_mention_outlives_a_kill(s: &mut Story) {
        let (thread, reply) = a_reply_overtakes(s).await;
        delivers(s, |event| event["ts"] == json!(reply.ts())).await;
        s.kill_and_start().await;
        s.openai.answers("Yes.").answers("Downstairs.");
        delivers(s, |_| true).await;
        thread.finishes("Downstairs.").await;
        is_over(s).await;
        s.openai.last_request().heard(["ana: lunch?", "Yes.", "ben: where?"]);
    }

    pub(super) async fn an_edit_of_a_reply_that_comes_before_its_mention_outlives_a_kill(s: &mut Story) {
        let (thread, reply) = a_reply_overtakes(s).await;
        thread.edit(&reply, "where to?").await;
        delivers(s, |event| event["subtype"] == "message_changed").await;
        s.kill_and_start().await;
        s.openai.answers("Yes.").answers("Downstairs.");
        delivers(s, |event| event["ts"] == json!(thread.root())).await;
        delivers(s, |_| true).await;
        thread.finishes("Downstairs.").await;
        is_over(s).await;
        s.openai.last_request().heard(["ana: lunch?", "Yes.", "ben: where to?"]);
    }

    pub(super) async fn a_mention_is_not_acknowledged_until_the_replies_that_came_before_it_are_taken_in(
        s: &mut Story,
    ) {
        let (thread, reply) = a_reply_overtakes(s).await;
        delivers(s, |event| event["ts"] == json!(reply.ts())).await;
        s.openai.answers("Yes.").answers("Downstairs.");
        let limited = s.slack.next("conversations.replies").fails_429(30);
        delivers(s, |event| event["type"] == "app_mention").await;
        thread.finishes("Yes.").await;
        thread.finishes("Downstairs.").await;
        is_over(s).await;
        assert_eq!(limited.hits(), 1);
        s.openai.last_request().heard(["ana: lunch?", "Yes.", "ben: where?"]);
    }
    /// Five replies come before the mention that opens their thread. Slack shows two posts in a page.
    async fn five_replies_overtake(s: &mut Story) {
        let (thread, first) = a_reply_overtakes(s).await;
        let mut replies = vec![json!(first.ts())];
        for text in ["when?", "who?", "why?", "how?"] {
            replies.push(json!(thread.reply("ben", text).await.ts()));
        }
        delivers(s, |event| replies.contains(&event["ts"])).await;
        let first = s.openai.turn().gate("slow").text("Yes.");
        s.openai.answers("So be it.");
        delivers(s, |event| event["type"] == "app_mention").await;
        first.reached("slow").await;
        // A page shows the thread's first post and one more.
        s.until(|| s.slack.calls("conversations.replies").len() == replies.len()).await;
        is_over(s).await;
        first.open("slow");
        thread.finishes("So be it.").await;
        let replies = ["ben: where?", "ben: when?", "ben: who?", "ben: why?", "ben: how?"];
        s.openai.last_request().heard(["ana: lunch?", "Yes."].into_iter().chain(replies));
    }

    pub(super) async fn all_pages(s: &mut Story) {
        s.set("limits.read_back_calls", "5");
        five_replies_overtake(s).await;
    }

    pub(super) async fn page_after_page(s: &mut Story) {
        s.set("limits.read_back_calls", "3");
        five_replies_overtake(s).await;
    }
}
