//! What is tried again, and what is not.

use super::*;

#[tokio::test]
async fn what_may_pass_is_tried_again_as_long_as_nothing_was_said() {
    let w = world().await;
    for status in [408, 409, 425, 429, 500, 502, 503, 504] {
        w.model.turn().status(status);
        w.model.answers("At last.");
        assert_eq!(w.answer_with_retries().await.0, "At last.", "after HTTP {status}");
    }
    w.model.turn().hang_up();
    w.model.turn().cut();
    w.model.answers("At last.");
    assert_eq!(w.answer_with_retries().await.0, "At last.");
    for _ in 0..3 {
        w.model.turn().hang_up();
    }
    assert_eq!(w.answer_with_retries().await.1.unwrap_err().kind(), ErrorKind::Unreachable);
    w.model.turn().end_without_done();
    w.model.turn().error_event("overloaded");
    w.model.answers("At last.");
    assert_eq!(w.answer_with_retries().await.0, "At last.");
    w.model.turn().named_error_event("overloaded");
    w.model.answers("At last.");
    assert_eq!(w.answer_with_retries().await.0, "At last.");
    w.model.assert_all_played();
    w.model.assert_clean();
}

#[tokio::test]
async fn retries_have_an_end_and_the_last_error_is_told() {
    let w = world().await;
    for _ in 0..3 {
        w.model.turn().status(503);
    }
    let (_, end) = w.answer_with_retries().await;
    assert!(matches!(end, Err(ModelError::Server { status: 503, .. })), "{end:?}");
    assert_eq!(w.model.requests_seen(), 3);
    assert!(w.clock.monotonic() >= Duration::from_millis(750), "{:?}", w.clock.monotonic());
}

#[tokio::test]
async fn what_cannot_pass_is_not_tried_again() {
    let w = world().await;
    for (status, kind) in [
        (400, ErrorKind::Setup),
        (401, ErrorKind::Setup),
        (402, ErrorKind::Quota),
        (403, ErrorKind::Setup),
        (404, ErrorKind::Setup),
        (413, ErrorKind::TooLong),
        (422, ErrorKind::Setup),
    ] {
        w.model.turn().status_with(status, &[], "{}");
        assert_eq!(w.answer().await.1.unwrap_err().kind(), kind, "HTTP {status}");
    }
    w.model.turn().status_with(429, &[], r#"{"error":{"code":"insufficient_quota"}}"#);
    assert_eq!(w.answer().await.1.unwrap_err().kind(), ErrorKind::Quota);
    w.model.turn().empty();
    assert_eq!(w.answer().await.1.unwrap_err().kind(), ErrorKind::Empty);
    w.model.turn().malformed();
    assert_eq!(w.answer().await.1.unwrap_err().kind(), ErrorKind::Setup);
    w.model.turn().status_with(302, &[("location", "https://elsewhere.example/v1")], "");
    let moved = w.answer().await.1.unwrap_err().to_string();
    assert!(moved.contains("leads to https://elsewhere.example/v1; check model.base_url"), "{moved}");
    assert_eq!(w.model.requests_seen(), 11);
}

#[tokio::test]
async fn nothing_is_asked_again_once_text_was_given_out() {
    let w = world().await;
    let cut = w.model.turn().text("Par").gate("half").cut();
    let mut stream = w.ask().await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), Piece::Text("Par".to_owned()));
    cut.open("half");
    let end = rest_of(&mut stream).await.1;
    assert!(matches!(end, Err(ModelError::CutOff { cause: Some(_) })), "{end:?}");
    w.model.turn().text("Par").end_without_done();
    let (text, end) = w.answer().await;
    assert!(text == "Par" && matches!(end, Err(ModelError::CutOff { cause: None })), "{text} {end:?}");
    w.model.turn().text("Par").error_event("overloaded");
    let (text, end) = w.answer().await;
    assert!(text == "Par" && matches!(end, Err(ModelError::StreamError { .. })), "{text} {end:?}");
    assert_eq!(w.model.requests_seen(), 3);
}

#[tokio::test]
async fn a_server_that_fails_in_mid_answer_and_quotes_the_question_is_not_quoted() {
    let w = world().await;
    w.model.turn().text("Par").error_event(&format!("cannot go on with `who am I?` for {KEY}"));
    let (text, end) = w.answer().await;
    assert_eq!(text, "Par");
    assert_eq!(
        end.unwrap_err().to_string(),
        "the model's server broke the answer off: cannot go on with `[message]` for [key]"
    );
}

#[tokio::test]
async fn the_server_s_retry_after_is_obeyed_and_a_long_one_is_told_at_once() {
    let w = world().await;
    w.model.turn().status_with(429, &[("retry-after", "7")], "{}");
    w.model.answers("At last.");
    let (answer, waited) = tokio::join!(w.answer(), w.clock.pass_sleep(Duration::from_secs(7)..Duration::from_secs(8)));
    assert_eq!(answer.0, "At last.");
    assert!(waited >= Duration::from_secs(7));
    w.model.turn().status_with(503, &[("retry-after", "21")], "{}");
    let error = w.answer().await.1.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(21)));
    assert!(error.to_string().ends_with("ask again in 21s"), "{error}");
}
