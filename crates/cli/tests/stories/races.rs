//! Deliveries about one post that run at the same moment: whichever step comes first, what Slack shows is what counts.

use crate::harness::stories;

stories! { on both stores:
    an_edit_that_meets_its_post_on_its_way_in_counts,
    an_edit_without_the_mention_that_meets_its_post_on_its_way_in_counts,
    an_answer_whose_deletion_was_half_done_is_forgotten,
}

stories! { usually:
    a_deletion_that_meets_its_post_on_its_way_in_counts,
    a_deletion_counts_whose_post_comes_in_while_it_looks,
}

mod told {
    use chathakase_session::time::Clock;
    use chathakase_sim::{
        model::TurnScript,
        slack::{Fate, SentEvent},
    };

    use crate::harness::Story;

    pub(super) async fn an_edit_that_meets_its_post_on_its_way_in_counts(s: &mut Story) {
        s.openai.answers("Hello.").answers("A dog.");
        let (post, edit) = (s.holds_step("receive"), s.holds_step("amend"));
        let thread = s.slack.mention("ana", "#general", "I have a cat").await;
        post.reached().await;
        let answered = async {
            edit.reached().await;
            post.open();
            thread.finishes("Hello.").await;
            edit.open();
        };
        let first = thread.first();
        tokio::join!(thread.edit(&first, "@assistant I have a dog"), answered);
        s.calm().await;
        thread.reply("ana", "what do I have?").await;
        thread.finishes("A dog.").await;
        s.openai.last_request().heard(["I have a dog", "Hello.", "what do I have?"]);
    }

    pub(super) async fn an_edit_without_the_mention_that_meets_its_post_on_its_way_in_counts(s: &mut Story) {
        s.openai.answers("Hello.").answers("A dog.");
        let (post, edit) = (s.holds_step("receive"), s.holds_step("amend"));
        let thread = s.slack.mention("ana", "#general", "I have a cat").await;
        post.reached().await;
        let answered = async {
            edit.reached().await;
            post.open();
            thread.finishes("Hello.").await;
            edit.open();
        };
        let first = thread.first();
        tokio::join!(thread.edit(&first, "I have a dog"), answered);
        s.calm().await;
        thread.reply("ana", "what do I have?").await;
        thread.finishes("A dog.").await;
        s.openai.last_request().heard(["I have a dog", "Hello.", "what do I have?"]);
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

    async fn arrived(s: &Story, kind: &str) {
        let arrives = |event: &SentEvent| event.kind == kind && event.fate != Fate::Acknowledged;
        s.until(|| !s.slack.events().iter().any(arrives)).await;
    }

    pub(super) async fn a_deletion_that_meets_its_post_on_its_way_in_counts(s: &mut Story) {
        let busy = busy(s).await;
        let post = s.holds_step("receive");
        let thread = s.slack.mention("ana", "#general", "never mind").await;
        post.reached().await;
        thread.delete(&thread.first()).await;
        post.open();
        s.calm().await;
        s.openai.answers("Fine.");
        busy.open("slow");
        thread.reply("ana", "how are you?").await;
        thread.finishes("Fine.").await;
        s.openai.last_request().heard(["how are you?"]);
    }

    pub(super) async fn a_deletion_counts_whose_post_comes_in_while_it_looks(s: &mut Story) {
        let busy = busy(s).await;
        let (post, deletion) = (s.holds_step("receive"), s.holds_step("mark"));
        let thread = s.slack.mention("ana", "#general", "never mind").await;
        post.reached().await;
        thread.delete(&thread.first()).await;
        deletion.reached().await;
        post.open();
        arrived(s, "app_mention").await;
        deletion.open();
        s.calm().await;
        s.openai.answers("Fine.");
        busy.open("slow");
        thread.reply("ana", "how are you?").await;
        thread.finishes("Fine.").await;
        s.openai.last_request().heard(["how are you?"]);
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
}
