use serde_json::json;

use super::{Note, Stage, lines, secs};
use crate::{
    render::render,
    reply::{Mode, PartShown, part_hash, with_note},
};

#[tokio::test]
async fn an_answer_is_seen_while_it_comes_and_stands_whole_in_the_end() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let mut reply = stage.start(&thread);
    reply.push("Quite ");
    thread.shows("Quite ").await;
    reply.push("a ");
    reply.push("lot.");
    thread.shows("Quite a lot.").await;
    reply.push(" Ask!");
    let delivered = reply.finish(None).await.unwrap();
    assert_eq!(thread.answers(), ["Quite a lot. Ask!"]);
    let post = &thread.posts()[1];
    assert!(!post.streaming);
    let hash = part_hash("Quite a lot. Ask!");
    assert_eq!(delivered.parts, [PartShown { index: 0, ts: post.ts, hash }]);
    assert_eq!(delivered.mode, Mode::Stream);
    let metadata =
        json!({"event_type": "chathakase_turn", "event_payload": {"turn": "t1", "kind": "answer", "part": 0}});
    assert_eq!(post.metadata, Some(metadata));
    let calls: Vec<String> = stage.slack.all_calls().into_iter().map(|call| call.method).collect();
    assert_eq!(calls, ["chat.startStream", "chat.appendStream", "chat.stopStream"]);
    assert_eq!(stage.journal.all(), [Note::Open(0, Mode::Stream)]);
}

#[tokio::test]
async fn an_answer_that_is_there_at_once_is_one_post_that_never_unfurls() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let mut reply = stage.start(&thread);
    reply.push("See https://example.com/?q=secret");
    let delivered = reply.finish(None).await.unwrap();
    assert_eq!((delivered.mode, delivered.parts.len()), (Mode::SinglePost, 1));
    assert_eq!(thread.answers(), ["See https://example.com/?q=secret"]);
    assert_eq!(stage.slack.unfurled(), Vec::<String>::new());
    assert_eq!(stage.slack.all_calls().len(), 1);
}

#[tokio::test]
async fn a_long_answer_goes_on_in_new_parts_and_the_journal_knows_of_each() {
    let stage = Stage::small_parts().await;
    let thread = stage.question().await;
    let text = format!("{}```rust\n{}```\nDone.", lines(20), lines(20));
    let mut reply = stage.begun(&thread, &text[..10]).await;
    for word in text[10..].split_inclusive(' ') {
        reply.push(word);
    }
    let delivered = stage.passing(secs(2), reply.finish(None)).await.unwrap();
    let wanted = render(&text, &super::SMALL).parts;
    assert!(wanted.len() > 4);
    assert_eq!(thread.answers(), wanted);
    assert_eq!(
        delivered.parts.iter().map(|part| part.hash).collect::<Vec<_>>(),
        wanted.iter().map(|p| part_hash(p)).collect::<Vec<_>>()
    );
    let notes = stage.journal.all();
    assert_eq!(notes[0], Note::Open(0, Mode::Stream));
    assert_eq!(notes[1], Note::Done(0, part_hash(&wanted[0])));
    let mode = delivered.parts.len();
    for (at, index) in (2..).step_by(3).zip(1..u32::try_from(mode).unwrap()) {
        assert!(
            matches!(notes[at..at + 2], [Note::Intended(i, a), Note::Open(j, b)] if i == index && j == index && a == b),
            "{notes:?}"
        );
        if at + 2 < notes.len() {
            assert_eq!(notes[at + 2], Note::Done(index, part_hash(&wanted[index as usize])));
        }
    }
    assert_eq!(notes.len(), 2 + (wanted.len() - 1) * 3 - 1, "the last part's end is told by the result alone");
}

#[tokio::test]
async fn a_stream_does_not_outlive_slacks_limit() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let mut reply = stage.begun(&thread, "Minute 0\n").await;
    for minute in 1..=12 {
        stage.later(secs(60)).await;
        reply.push(&format!("Minute {minute}\n"));
    }
    stage.passing(secs(2), reply.finish(None)).await.unwrap();
    let wanted: String = (0..=12).map(|minute| format!("Minute {minute}\n")).collect();
    let answers = thread.answers();
    assert_eq!(answers.concat(), wanted);
    assert!(answers.len() >= 3, "{answers:?}");
    let refused: Vec<_> = stage.slack.all_calls().into_iter().filter(|call| call.answer != "ok").collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test]
async fn a_note_stands_apart_from_the_answer_and_outside_its_code() {
    let cases = [
        ("Half an", "Half an\n\nStopped here."),
        ("```rust\nfn main", "```rust\nfn main\n```\n\nStopped here."),
        ("", "Stopped here."),
        ("```\nwhole\n```\n", "```\nwhole\n```\n\n\nStopped here."),
    ];
    for (text, wanted) in cases {
        let stage = Stage::new().await;
        let thread = stage.question().await;
        let mut reply = stage.start(&thread);
        reply.push(text);
        reply.finish(Some("Stopped here.")).await.unwrap();
        assert_eq!(thread.answers(), [wanted]);
        let metadata = thread.posts().into_iter().find(|post| post.ours).unwrap().metadata.unwrap();
        assert_eq!(metadata["event_payload"]["notes"], "Stopped here.");
        assert_eq!(with_note(text, Some("Stopped here.")), wanted);
        assert_eq!(with_note(text, None), text);
    }
}

#[tokio::test]
async fn what_would_shout_is_harmless_also_between_two_pieces() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let mut reply = stage.begun(&thread, "Hey ").await;
    for piece in ["<", "!chan", "nel> @he", "re <@U", "1>"] {
        reply.push(piece);
        stage.later(secs(1)).await;
    }
    reply.finish(None).await.unwrap();
    assert_eq!(stage.slack.pings(), Vec::<String>::new());
    assert_eq!(thread.answers().concat().replace('\u{200b}', ""), "Hey <!channel> @here <@U1>");
}

#[tokio::test]
async fn an_abandoned_or_dropped_reply_says_nothing_more() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let mut reply = stage.begun(&thread, "One").await;
    reply.push(" two");
    reply.abandon().await;
    let mut dropped = stage.begun(&thread, "Uno").await;
    dropped.push(" dos");
    drop(dropped);
    stage.later(secs(5)).await;
    assert_eq!(thread.answers(), ["One", "Uno"]);
}

#[tokio::test]
async fn who_lost_the_lease_falls_silent_before_the_next_call() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let mut reply = stage.begun(&thread, "One").await;
    stage.journal.silent.store(true, std::sync::atomic::Ordering::SeqCst);
    reply.push(" two");
    stage.passing(secs(1), reply.broken()).await;
    assert!(matches!(reply.finish(None).await, Err(crate::reply::ReplyError::Silenced)));
    assert_eq!(thread.answers(), ["One"]);
    assert_eq!(stage.slack.all_calls().len(), 1);
}
