use std::{ops::RangeInclusive, pin::pin};

use chathakase_session::{Clock, Role};
use chathakase_sim::{
    ManualClock,
    model::{Progress, ScriptedModel, TurnScript},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Notify,
};

use super::*;
use crate::{ChatMessage, ErrorKind, Finish, FinishReason, Piece};

mod retries;
mod time;

const KEY: &str = "key-of-ours-123";
const BACKOFFS: RangeInclusive<Duration> = Duration::from_millis(250)..=Duration::from_secs(8);
const FIRST_TOKEN: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(60);
const NEXT_TOKEN: RangeInclusive<Duration> = Duration::from_secs(30)..=Duration::from_secs(30);

struct World {
    clock: ManualClock,
    model: ScriptedModel,
    client: Client,
}

fn client_with(config: ModelConfig, clock: &ManualClock) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new(config, Arc::new(clock.clone())).unwrap()
}

fn client_of(base_url: String, clock: &ManualClock) -> Client {
    client_with(ModelConfig { base_url, api_key: Some(KEY.to_owned().into()), ..ModelConfig::default() }, clock)
}

async fn world() -> World {
    let clock = ManualClock::new();
    let model = ScriptedModel::start(Arc::new(clock.clone())).await;
    let client = client_of(model.base_url(), &clock);
    World { clock, model, client }
}

fn question() -> Request {
    let message = |role, content: &str| ChatMessage { role, content: content.to_owned() };
    Request { messages: vec![message(Role::System, "Be kind."), message(Role::User, "who am I?")], user: None }
}

/// Everything that still comes, and how it ends.
async fn rest_of(stream: &mut Stream) -> (String, Result<Finish, ModelError>) {
    let mut text = String::new();
    loop {
        match stream.next().await.expect("an end before the end") {
            Ok(Piece::Text(more)) => text.push_str(&more),
            Ok(Piece::Finished(finish)) => {
                assert!(stream.next().await.is_none());
                return (text, Ok(finish));
            }
            Err(error) => {
                assert!(stream.next().await.is_none());
                return (text, Err(error));
            }
        }
    }
}

impl World {
    async fn ask(&self) -> Result<Stream, ModelError> {
        self.client.stream(&question()).await
    }
    async fn answer(&self) -> (String, Result<Finish, ModelError>) {
        match self.ask().await {
            Ok(mut stream) => rest_of(&mut stream).await,
            Err(error) => (String::new(), Err(error)),
        }
    }
    /// Asks, and lets every pause between two tries pass.
    async fn answer_with_retries(&self) -> (String, Result<Finish, ModelError>) {
        let mut answer = pin!(self.answer());
        loop {
            tokio::select! {
                done = &mut answer => return done,
                _ = self.clock.pass_sleep(BACKOFFS) => {}
            }
        }
    }
}

#[tokio::test]
async fn an_answer_streams_in_with_its_end_and_its_cost() {
    let w = world().await;
    w.model.turn().words("You are Ana, as you said.").in_pieces_of(7);
    let (text, end) = w.answer().await;
    let finish = end.unwrap();
    assert_eq!((text.as_str(), &finish.reason), ("You are Ana, as you said.", &FinishReason::Stop));
    let usage = finish.usage.unwrap();
    assert!(usage.completion > 0 && usage.total == usage.prompt + usage.completion);
    let seen = w.model.last_request();
    assert_eq!(
        (seen.model.as_str(), seen.temperature, seen.max_tokens, seen.stream, seen.wants_usage),
        ("gpt-4o", Some(0.7), Some(2000), true, true)
    );
    assert_eq!(seen.headers["authorization"], format!("Bearer {KEY}"));
    w.model.assert_clean();
}

#[tokio::test]
async fn text_is_given_out_while_the_model_still_speaks() {
    let w = world().await;
    let turn = w.model.turn().text("Par").gate("half").text("is.");
    let mut stream = w.ask().await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), Piece::Text("Par".to_owned()));
    turn.open("half");
    let (rest, end) = rest_of(&mut stream).await;
    assert_eq!((rest.as_str(), end.unwrap().reason), ("is.", FinishReason::Stop));
}

#[tokio::test]
async fn dropping_the_stream_stops_the_model() {
    let w = world().await;
    let turn = w.model.turn().text("Par").silent();
    drop(w.ask().await.unwrap());
    assert_eq!(turn.over().await, Progress::Abandoned);
    let unheard = w.model.turn().no_answer();
    {
        let mut asking = pin!(w.ask());
        tokio::select! { _ = &mut asking => unreachable!(), () = unheard.asked() => {} }
    }
    assert_eq!(unheard.over().await, Progress::Abandoned);
}

#[tokio::test]
async fn an_answer_is_complete_although_its_connection_never_closes() {
    let w = world().await;
    w.model.turn().text("Yes.").raw("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n").silent();
    let (answer, waited) = tokio::join!(w.answer(), w.clock.pass_sleep(..=Duration::from_secs(2)));
    assert_eq!(
        (answer.0.as_str(), answer.1.unwrap().reason, waited),
        ("Yes.", FinishReason::Stop, Duration::from_secs(2))
    );
}

#[tokio::test]
async fn a_reasoning_model_is_asked_its_own_way_once_and_ever_after() {
    let w = world().await;
    let refuse = |param: &str, code: &str| {
        let body = format!(
            r#"{{"error":{{"message":"'{param}' is not supported with this model","param":"{param}","code":"{code}"}}}}"#
        );
        w.model.turn().status_with(400, &[], &body);
    };
    refuse("max_tokens", "unsupported_parameter");
    refuse("temperature", "unsupported_value");
    w.model.answers("Hm.").answers("Hm again.");
    assert_eq!(w.answer().await.0, "Hm.");
    assert_eq!(w.answer().await.0, "Hm again.");
    let seen = w.model.last_request();
    assert_eq!((seen.max_tokens, seen.max_completion_tokens, seen.temperature), (None, Some(2000), None));
    assert_eq!(w.model.requests_seen(), 4);
    refuse("max_tokens", "unsupported_parameter");
    assert!(matches!(w.answer().await.1, Err(ModelError::BadRequest { status: 400, .. })));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let clock = ManualClock::new();
    let client = client_of(format!("http://{closed}/v1?secret=s"), &clock);
    let asked = question();
    let mut asking = pin!(client.stream(&asked));
    let error = loop {
        tokio::select! {
            done = &mut asking => break done.unwrap_err(),
            _ = clock.pass_sleep(BACKOFFS) => {}
        }
    };
    let told = format!("{error}");
    assert!(told.starts_with(&format!("could not reach the model's server at http://{closed}/v1; check")), "{told}");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    assert!(error.retryable() && clock.monotonic() >= Duration::from_millis(750));
}

/// Lets whoever has something to do have their turn: a connection goes back to its pool in a task of its own.
async fn let_others_run() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_connection_serves_one_answer_after_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (heard, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = tokio::spawn({
        let (heard, ended) = (heard.clone(), ended.clone());
        async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            connection.set_nodelay(true).unwrap();
            drop(listener); // a second connection is refused
            let event = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: [DONE]\n\n";
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            for _ in 0..3 {
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    assert!(connection.read_buf(&mut request).await.unwrap() > 0);
                }
                connection.write_all(format!("{head}{:x}\r\n{event}\r\n", event.len()).as_bytes()).await.unwrap();
                heard.notified().await;
                connection.write_all(b"0\r\n\r\n").await.unwrap();
                ended.notify_one();
            }
        }
    });
    let client = client_with(ModelConfig { base_url, retries_max: 0, ..ModelConfig::default() }, &ManualClock::new());
    for round in 0..3 {
        let mut stream = client.stream(&question()).await.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
        assert_eq!(rest_of(&mut stream).await.0, "Hi");
        heard.notify_one();
        ended.notified().await;
        let_others_run().await;
    }
    server.await.unwrap();
}

#[tokio::test]
async fn neither_client_nor_stream_shows_the_key() {
    let w = world().await;
    w.model.answers("Hi.");
    let stream = w.ask().await.unwrap();
    let shown = format!("{:?} {stream:?}", w.client);
    assert!(!shown.contains(KEY) && shown.contains("gpt-4o"), "{shown}");
}
