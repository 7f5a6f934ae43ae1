use chathakase_session::UserId;
use chathakase_sim::slack::Gate;

use super::{SMALL, Stage, lines, secs};
use crate::{
    render::render,
    reply::{Mode, OwnPost, ReplyError},
};

#[tokio::test]
async fn a_stream_that_slack_ended_is_mended_and_the_answer_goes_on_below() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let mut reply = stage.begun(&thread, "First ").await;
    stage.slack.end_streams();
    reply.push("second\nthird ");
    thread.shows("First second\nthird ").await;
    reply.push("fourth\nfifth");
    stage.passing(secs(3), reply.finish(None)).await.unwrap();
    assert_eq!(thread.answers().concat(), "First second\nthird fourth\nfifth");
    assert_eq!(thread.answers().len(), 2);
    assert!(thread.posts().iter().all(|post| !post.streaming));
}

#[tokio::test]
async fn an_append_of_unknown_fate_is_not_repeated_but_the_part_written_again() {
    for happened in [true, false] {
        let stage = Stage::new().await;
        let thread = stage.question().await;
        let mut reply = stage.begun(&thread, "One ").await;
        let fault = stage.slack.next("chat.appendStream");
        let _ = if happened { fault.cut() } else { fault.cut_before() };
        reply.push("two ");
        thread.shows("One two ").await;
        reply.push("three");
        reply.finish(None).await.unwrap();
        assert_eq!(thread.answers(), ["One two three"], "happened: {happened}");
        assert_eq!(stage.calls("chat.appendStream").0, 1);
    }
}

#[tokio::test]
async fn a_stop_of_unknown_fate_is_made_sure_by_an_update() {
    for happened in [true, false] {
        let stage = Stage::new().await;
        let thread = stage.question().await;
        let mut reply = stage.begun(&thread, "One ").await;
        let fault = stage.slack.next("chat.stopStream");
        let _ = if happened { fault.cut() } else { fault.cut_before() };
        reply.push("two");
        let delivered = stage.passing(secs(2), reply.finish(None)).await.unwrap();
        assert_eq!(thread.answers(), ["One two"], "happened: {happened}");
        assert_eq!(delivered.parts.len(), 1);
        assert!(!thread.posts()[1].streaming);
    }
}

#[tokio::test]
async fn where_streams_are_refused_the_answer_is_posted_and_updated() {
    for (code, remembered) in [
        ("channel_type_not_supported", true),
        ("unknown_method", true),
        ("missing_recipient_user_id", false),
        ("something_new", false),
    ] {
        let stage = Stage::new().await;
        let thread = stage.question().await;
        let _ = stage.slack.next("chat.startStream").fails(code);
        let mut reply = stage.begun(&thread, "One ").await;
        reply.push("two ");
        stage.later(secs(4)).await;
        thread.shows("One two ").await;
        reply.push("three");
        let delivered = reply.finish(None).await.unwrap();
        assert_eq!((delivered.mode, thread.answers()), (Mode::PostAndUpdate, vec!["One two three".to_owned()]));
        stage.later(secs(4)).await;
        let mut second = stage.begun(&thread, "Again ").await;
        second.finish(None).await.unwrap();
        assert_eq!(stage.calls("chat.startStream").0, if remembered { 1 } else { 2 }, "{code}");
    }
}

#[tokio::test]
async fn without_a_recipient_the_answer_is_posted_in_a_channel() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let mut target = stage.target(&thread);
    target.recipient_user = None::<UserId>;
    let mut reply = stage.replies.start(target, stage.journal.clone());
    reply.push("Hello");
    thread.shows("Hello").await;
    assert_eq!(reply.finish(None).await.unwrap().mode, Mode::PostAndUpdate);
}

#[tokio::test]
async fn a_rate_limit_gathers_the_text_and_loses_none() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let mut reply = stage.begun(&thread, "One ").await;
    let _ = stage.slack.next("chat.appendStream").fails_429(20);
    let _ = stage.slack.next("chat.stopStream").fails_429(5);
    reply.push("two ");
    stage.later(secs(1)).await;
    for word in ["three ", "four ", "five"] {
        reply.push(word);
        stage.later(secs(1)).await;
    }
    assert_eq!(stage.calls("chat.appendStream").0, 1, "not asked again before its time");
    stage.passing(secs(6), reply.finish(None)).await.unwrap();
    assert_eq!(thread.answers(), ["One two three four five"]);
}

#[tokio::test]
async fn a_start_that_is_rate_limited_becomes_a_post() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let _ = stage.slack.next("chat.startStream").fails_429(30);
    let mut reply = stage.begun(&thread, "One").await;
    assert_eq!(reply.finish(None).await.unwrap().mode, Mode::PostAndUpdate);
    assert_eq!(thread.answers(), ["One"]);
}

#[tokio::test]
async fn a_place_that_takes_no_posts_is_named_so_that_the_author_can_be_told_elsewhere() {
    for code in ["not_in_channel", "is_archived", "restricted_action_read_only_channel"] {
        let stage = Stage::new().await;
        let thread = stage.question().await;
        let _ = stage.slack.next("*").fails(code);
        let mut reply = stage.start(&thread);
        reply.push("One");
        stage.passing(secs(1), reply.broken()).await;
        let error = reply.finish(None).await.unwrap_err();
        assert!(matches!(&error, ReplyError::CannotPost { code: said } if said == code), "{error:?}");
        assert!(!error.is_mendable());
    }
    let stage = Stage::new().await;
    let dm = stage.slack.dm_channel("ana");
    stage.replies.tell(&|| true, &stage.slack.workspace(), &dm, None, "t1", "I am not in that channel.").await.unwrap();
}

#[tokio::test]
async fn a_start_of_unknown_fate_is_left_to_whoever_reads_the_thread_back() {
    for happened in [true, false] {
        let stage = Stage::new().await;
        let thread = stage.question().await;
        let fault = stage.slack.next("chat.startStream");
        let _ = if happened { fault.cut() } else { fault.cut_before() };
        let mut reply = stage.start(&thread);
        reply.push("One");
        stage.passing(secs(1), reply.broken()).await;
        reply.push(" two");
        let error = reply.finish(None).await.unwrap_err();
        assert!(matches!(error, ReplyError::Unknown { part: 0, .. }) && error.is_mendable());
        let found = thread.posts().into_iter().filter(|post| post.ours);
        let found = found.map(|post| OwnPost { ts: post.ts, streaming: post.streaming }).collect();
        let mended = stage.replies.mend(stage.target(&thread), stage.journal.clone(), found, "One two").await.unwrap();
        assert_eq!((thread.answers(), mended.parts.len()), (vec!["One two".to_owned()], 1), "happened: {happened}");
        assert!(!thread.posts()[1].streaming);
    }
}

#[tokio::test]
async fn what_a_person_deleted_stays_deleted_and_the_rest_of_the_answer_comes() {
    let stage = Stage::small_parts().await;
    let thread = stage.question().await;
    let text = lines(12);
    let mut reply = stage.begun(&thread, &text[..20]).await;
    thread.delete_ts(thread.posts()[1].ts).await;
    reply.push(&text[20..]);
    let delivered = stage.passing(secs(2), reply.finish(None)).await.unwrap();
    let wanted = render(&text, &SMALL).parts;
    assert_eq!(thread.answers(), wanted[1..]);
    assert!(delivered.parts.iter().map(|part| part.index).eq(1..u32::try_from(wanted.len()).unwrap()));
}

#[tokio::test]
async fn a_persons_stop_ends_the_answer_where_it_is() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let mut reply = stage.begun(&thread, "One ").await;
    let _ = stage.slack.next("chat.appendStream").fails("stopped_by_user");
    reply.push("two");
    stage.passing(secs(1), reply.broken()).await;
    let error = reply.finish(Some("never shown")).await.unwrap_err();
    let ReplyError::Stopped { shown, said } = error else { panic!("{error:?}") };
    assert_eq!((thread.answers(), shown.parts.len(), said), (vec!["One ".to_owned()], 1, Some("One ".to_owned())));
    assert!(!thread.posts()[1].streaming);
}

#[tokio::test]
async fn a_part_that_is_stopped_while_the_journal_is_slow_is_not_opened() {
    let stage = Stage::small_parts().await;
    let thread = stage.question().await;
    let text = lines(20);
    let slow = Gate::closed();
    *stage.journal.slow.lock().unwrap() = Some(slow.clone());
    let mut reply = stage.begun(&thread, &text[..10]).await;
    reply.push(&text[10..]);
    stage.passing(secs(2), slow.reached()).await;
    let (ended, ()) = tokio::join!(reply.stop(), async {
        super::settle().await;
        slow.open();
    });
    let error = ended.unwrap_err();
    let ReplyError::Stopped { shown, said } = error else { panic!("{error:?}") };
    let first = &render(&text, &SMALL).parts[0];
    assert_eq!((shown.parts.len(), said.as_ref()), (1, Some(first)));
    assert_eq!(thread.answers(), [first.as_str()]);
}

#[tokio::test]
async fn a_post_that_cannot_be_changed_any_more_is_continued_in_a_new_one() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let _ = stage.slack.next("chat.startStream").fails("feature_disabled");
    let _ = stage.slack.next("chat.update").fails("edit_window_closed");
    let mut reply = stage.begun(&thread, "One ").await;
    reply.push("two");
    stage.passing(secs(2), reply.finish(None)).await.unwrap();
    assert_eq!(thread.answers(), ["One ", "two"]);
}

#[tokio::test]
async fn passing_failures_of_slack_are_waited_out() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let _ = stage.slack.next("chat.stopStream").http(503);
    let _ = stage.slack.next("chat.update").http(500);
    let _ = stage.slack.next("chat.update").says("<html>proxy</html>");
    let mut reply = stage.begun(&thread, "One ").await;
    reply.push("two");
    stage.passing(secs(4), reply.finish(None)).await.unwrap();
    assert_eq!(thread.answers(), ["One two"]);
}

#[tokio::test]
async fn a_token_that_is_gone_ends_the_reply_at_once() {
    let stage = Stage::new().await;
    let thread = stage.question().await;
    let _ = stage.slack.next("*").fails("token_revoked").always();
    let mut reply = stage.start(&thread);
    reply.push("One");
    let error = reply.finish(None).await.unwrap_err();
    assert!(matches!(&error, ReplyError::Slack(cause) if cause.is_token_fatal()) && !error.is_mendable());
    assert_eq!(stage.slack.all_calls().len(), 1);
}
