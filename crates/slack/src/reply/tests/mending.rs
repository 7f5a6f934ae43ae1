use super::{Note, SMALL, Stage, lines, secs};
use crate::{
    api::ApiError,
    render::render,
    reply::{Mode, OwnPost, part_hash},
};

#[tokio::test]
async fn posts_that_are_there_become_the_parts_and_surplus_ones_go() {
    let stage = Stage::small_parts().await;
    let thread = stage.question().await;
    let one = stage.begun(&thread, "Half a").await;
    one.abandon().await;
    for text in ["old part", "doubled"] {
        stage
            .passing(secs(2), stage.replies.mend(stage.target(&thread), stage.journal.clone(), Vec::new(), text))
            .await
            .unwrap();
    }
    let found: Vec<OwnPost> = thread
        .posts()
        .into_iter()
        .filter(|post| post.ours)
        .map(|post| OwnPost { ts: post.ts, streaming: post.streaming })
        .rev()
        .collect();
    assert_eq!(found.len(), 3);
    let text = lines(10);
    let wanted = render(&text, &SMALL).parts;
    assert_eq!(wanted.len(), 2);
    let mended = stage.passing(secs(2), stage.replies.mend(stage.target(&thread), stage.journal.clone(), found, &text));
    let mended = mended.await.unwrap();
    assert_eq!(thread.answers(), wanted);
    assert!(thread.posts().iter().all(|post| !post.streaming));
    assert_eq!(
        mended.parts.iter().map(|p| p.hash).collect::<Vec<_>>(),
        wanted.iter().map(|p| part_hash(p)).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn missing_parts_are_posted_and_written_into_the_journal_first() {
    let stage = Stage::small_parts().await;
    let thread = stage.question().await;
    let text = lines(14);
    let wanted = render(&text, &SMALL).parts;
    assert_eq!(wanted.len(), 3);
    let said = stage.replies.mend(stage.target(&thread), stage.journal.clone(), Vec::new(), &text);
    let said = stage.passing(secs(2), said).await.unwrap();
    assert_eq!((thread.answers(), said.mode), (wanted.clone(), Mode::SinglePost));
    let mode = Mode::SinglePost;
    let hash = |part: usize| part_hash(&wanted[part]);
    let notes = [
        Note::Open(0, mode),
        Note::Done(0, hash(0)),
        Note::Intended(1, mode),
        Note::Open(1, mode),
        Note::Done(1, hash(1)),
        Note::Intended(2, mode),
        Note::Open(2, mode),
    ];
    assert_eq!(stage.journal.all(), notes);
}

#[tokio::test]
async fn mending_goes_on_over_rate_limits_failures_and_posts_that_were_deleted() {
    let stage = Stage::small_parts().await;
    let thread = stage.question().await;
    stage.begun(&thread, "Half a").await.abandon().await;
    let ts = thread.posts()[1].ts;
    // Whoever read the thread did not see that it still streams.
    let found = vec![OwnPost { ts, streaming: false }];
    let _ = stage.slack.next("chat.update").fails_429(3);
    let _ = stage.slack.next("chat.update").http(502);
    let _ = stage.slack.next("chat.stopStream").cut();
    let mend = stage.replies.mend(stage.target(&thread), stage.journal.clone(), found.clone(), "Whole.");
    let mended = stage.passing(secs(4), mend).await.unwrap();
    assert_eq!((thread.answers(), mended.parts.len()), (vec!["Whole.".to_owned()], 1));
    thread.delete_ts(ts).await;
    let mend = stage.replies.mend(stage.target(&thread), stage.journal.clone(), found, "Whole.");
    let mended = stage.passing(secs(4), mend).await.unwrap();
    assert_eq!((thread.answers().len(), mended.parts.len()), (0, 0), "a person deleted it: it stays deleted");
}

#[tokio::test]
async fn what_slack_calls_too_long_is_brought_in_smaller_parts() {
    let text = format!("Before\n```rust\n{}```\nafter", lines(40));
    for (method, is_there) in [("chat.update", true), ("chat.postMessage", false)] {
        let stage = Stage::new().await;
        let thread = stage.question().await;
        let mut found = Vec::new();
        if is_there {
            stage.begun(&thread, "Half a").await.abandon().await;
            found.push(OwnPost { ts: thread.posts()[1].ts, streaming: true });
        }
        let _ = stage.slack.next(method).fails("msg_too_long").times(2);
        let mend = stage.replies.mend(stage.target(&thread), stage.journal.clone(), found, &text);
        let mended = stage.passing(secs(2), mend).await.unwrap();
        let answers = thread.answers();
        assert!(answers.len() > 2 && mended.parts.len() == answers.len(), "{method}: {answers:?}");
        assert!(
            answers.iter().all(|part| part.matches("```").count() == 2),
            "fences are closed and reopened: {answers:?}"
        );
        let shown = answers.concat().replace("```\n```rust\n", "").replace("```rust\n", "").replace("```", "");
        let said = text.replace("```rust\n", "").replace("```", "");
        assert_eq!(
            shown.split_whitespace().collect::<Vec<_>>(),
            said.split_whitespace().collect::<Vec<_>>(),
            "{method}"
        );
    }
}

#[tokio::test]
async fn what_slack_calls_too_long_however_short_it_is_ends_in_an_error() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let _always = stage.slack.next("chat.postMessage").fails("msg_too_long").always();
    let text = lines(60);
    let say = stage.replies.mend(stage.target(&thread), stage.journal.clone(), Vec::new(), &text);
    let error = stage.passing(secs(2), say).await.unwrap_err();
    assert_eq!(error.cause().and_then(ApiError::code), Some("msg_too_long"));
    assert!(stage.calls("chat.postMessage").0 < 8);
}

#[tokio::test]
async fn an_answer_without_words_leaves_nothing_of_what_was_begun() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    stage.begun(&thread, "Half a").await.abandon().await;
    let found = vec![OwnPost { ts: thread.posts()[1].ts, streaming: true }];
    let mended = stage.replies.mend(stage.target(&thread), stage.journal.clone(), found, " ").await.unwrap();
    assert_eq!((thread.answers().len(), mended.parts.len()), (0, 0));
}

#[tokio::test]
async fn a_whisper_is_for_one_person_and_what_is_told_stands_outside_of_threads() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let (workspace, ana) = (stage.slack.workspace(), stage.slack.person("ana"));
    stage
        .replies
        .whisper(&|| true, &workspace, thread.channel(), &ana, Some(thread.root()), "Just you, <!here>")
        .await
        .unwrap();
    assert_eq!(stage.slack.calls("chat.postEphemeral")[0].args["user"], ana.as_str());
    let told = stage
        .replies
        .tell(&|| true, &workspace, &stage.slack.dm_channel("ana"), None, "t1", "I am not there.")
        .await
        .unwrap();
    assert!(told.is_some());
    assert_eq!(stage.slack.calls("chat.postMessage")[0].args.get("thread_ts"), None);
    assert_eq!((thread.answers().len(), stage.slack.pings().len()), (0, 0));
}
