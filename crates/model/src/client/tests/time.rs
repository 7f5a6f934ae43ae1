//! Time limits of an answer.

use super::*;

#[tokio::test]
async fn a_silent_model_is_given_up_when_its_time_is_over() {
    let w = world().await;
    let given_up = async |turn: TurnScript, limit: RangeInclusive<Duration>| {
        let time_passes = async {
            turn.asked().await;
            w.clock.pass_sleep(limit).await;
        };
        let (answer, ()) = tokio::join!(w.answer(), time_passes);
        assert_eq!(turn.over().await, Progress::Abandoned);
        (answer.0, answer.1.unwrap_err().to_string())
    };
    let began_late = "the model did not begin to answer within 60s; see model.first_token_max";
    let fell_silent =
        "the model fell silent in the middle of its answer: nothing came within 30s; see model.between_tokens_max";
    let told = |text: &str, error: &str| (text.to_owned(), error.to_owned());
    assert_eq!(given_up(w.model.turn().no_answer(), FIRST_TOKEN).await, told("", began_late));
    assert_eq!(given_up(w.model.turn().silent(), FIRST_TOKEN).await, told("", began_late));
    assert_eq!(given_up(w.model.turn().text("Par").silent(), NEXT_TOKEN).await, told("Par", fell_silent));
    assert_eq!(w.model.requests_seen(), 3);
}

#[tokio::test]
async fn keep_alives_do_not_put_a_time_limit_off() {
    let w = world().await;
    w.model.turn().raw(": ping\n\n").silent_for(Duration::from_secs(59)).raw(": ping\n\n").silent();
    let time_passes = async {
        w.clock.pass_sleep(Duration::from_secs(59)..Duration::from_secs(60)).await;
        w.clock.pass_sleep(FIRST_TOKEN).await;
    };
    let (answer, ()) = tokio::join!(w.answer(), time_passes);
    assert!(matches!(answer.1, Err(ModelError::TimedOut { waiting: Waiting::FirstToken, .. })));
    assert_eq!(w.clock.monotonic(), Duration::from_secs(60));
}

#[tokio::test]
async fn a_model_that_thinks_is_not_silent() {
    let w = world().await;
    let pause = Duration::from_secs(29);
    let thought = "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n";
    let turn = (0..4).fold(w.model.turn(), |turn, _| turn.raw(thought).silent_for(pause)).text("Yes.");
    let time_passes = async {
        for _ in 0..4 {
            turn.asked().await;
            let_others_run().await;
            w.clock.pass_sleep(pause..=pause).await;
        }
    };
    let (answer, ()) = tokio::join!(w.answer(), time_passes);
    assert_eq!(answer.0, "Yes.");
    assert_eq!(w.clock.monotonic(), 4 * pause);
}

#[tokio::test]
async fn a_whole_answer_has_a_time_limit_too() {
    let w = world().await;
    let turn = (0..20).fold(w.model.turn(), |turn, _| turn.text("on ").silent_for(Duration::from_secs(25)));
    let mut stream = w.ask().await.unwrap();
    let mut texts = 0;
    let error = loop {
        match stream.next().await.unwrap() {
            Ok(piece) => assert_eq!(piece, Piece::Text("on ".to_owned())),
            Err(error) => break error,
        }
        texts += 1;
        w.clock.pass_sleep(Duration::from_secs(25)..Duration::from_secs(26)).await;
    };
    assert_eq!(error.to_string(), "the model did not finish its answer within 300s; see model.turn_max");
    assert_eq!((texts, w.clock.monotonic()), (12, Duration::from_secs(300)));
    assert_eq!(turn.over().await, Progress::Abandoned);
}

#[tokio::test]
async fn a_reader_that_comes_back_late_still_finds_what_came() {
    let w = world().await;
    let turn = w.model.turn().text("Par").gate("half").text("is.");
    let mut stream = w.ask().await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), Piece::Text("Par".to_owned()));
    turn.open("half");
    turn.over().await;
    w.clock.advance(Duration::from_secs(90));
    assert_eq!(rest_of(&mut stream).await.0, "is.");
}
