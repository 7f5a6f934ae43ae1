use chathakase_session::Role;
use secrecy::SecretString;

use super::*;
use crate::{ChatMessage, ErrorKind, veil::EXCERPT_CHARS_MAX};

fn http_error(status: u16, body: &str) -> ModelError {
    let asked = Asked { model: "gpt-4o", base_url: "http://model/v1", veil: Veil::default() };
    Fault::read(body.as_bytes()).into_http_error(status, None, &asked)
}

/// `error` is the beginning of the error's name.
#[track_caller]
fn check(status: u16, body: &str, error: &str) {
    let told = format!("{:?}", http_error(status, body));
    assert!(told.starts_with(error), "HTTP {status} {body}: {told}");
}

#[test]
fn the_errors_of_all_servers_are_understood() {
    check(
        400,
        r#"{"error":{"message":"bad tool","type":"invalid_request_error","param":"tools","code":null}}"#,
        "BadRequest",
    );
    check(422, r#"{"detail":[{"loc":["body","messages"],"msg":"field required","type":"missing"}]}"#, "BadRequest");
    check(418, "", "BadRequest");
    check(401, r#"{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}"#, "Unauthorized");
    check(403, r#"{"error":"forbidden"}"#, "Unauthorized");
    check(
        400,
        r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]"#,
        "Unauthorized",
    );
    check(
        400,
        r#"{"error":{"message":"No connected db.","type":"no_db_connection","param":null,"code":"400"}}"#,
        "Unauthorized",
    );
    check(404, r#"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#, "UnknownModel");
    check(404, r#"{"error":{"message":"model 'x' not found, try pulling it first"}}"#, "UnknownModel");
    check(
        404,
        r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
        "UnknownModel",
    );
    check(
        403,
        r#"{"error":{"message":"Project does not have access to model","code":"model_not_found"}}"#,
        "UnknownModel",
    );
    check(400, r#"{"error":{"message":"Invalid model name passed in model=x","code":"400"}}"#, "UnknownModel");
    check(
        404,
        r#"{"error":{"message":"Invalid URL (POST /v2/chat/completions)","type":"invalid_request_error","code":null}}"#,
        "UnknownEndpoint",
    );
    check(
        404,
        r#"{"error":{"message":"Invalid URL (POST /models/v2/chat/completions)","code":"model_not_found"}}"#,
        "UnknownEndpoint",
    );
    check(404, "<html><head><title>404 Not Found</title></head></html>", "UnknownEndpoint");
    check(404, r#"{"detail":"Not Found"}"#, "UnknownEndpoint");
    check(405, r#"{"detail":"Method Not Allowed"}"#, "UnknownEndpoint");
    check(
        429,
        r#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#,
        "RateLimited",
    );
    check(429, r#"{"message":"slow down","code":429}"#, "RateLimited");
    check(429, "too many", "RateLimited");
    check(
        429,
        r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#,
        "QuotaExceeded",
    );
    check(402, r#"{"error":{"message":"Insufficient Balance"}}"#, "QuotaExceeded");
    check(402, "", "QuotaExceeded");
    check(408, "", "Server");
    check(409, "", "Server");
    check(425, "", "Server");
    check(500, r#"{"error":{"message":"boom"}}"#, "Server");
    check(503, r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#, "Server");
    check(529, "", "Server");
}

#[test]
fn a_window_that_is_too_long_is_recognised() {
    for (status, body) in [
        (
            400,
            r#"{"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.","code":"context_length_exceeded"}}"#,
        ),
        (
            400,
            r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens","code":400}"#,
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error"}}"#,
        ),
        (500, r#"{"error":{"message":"the request exceeds the available context size"}}"#),
        (
            400,
            r#"{"error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
        ),
        (400, r#"{"error":{"message":"litellm.ContextWindowExceededError: input exceeds the context window"}}"#),
        (
            429,
            r#"{"error":{"message":"Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000","code":"rate_limit_exceeded"}}"#,
        ),
        (413, ""),
    ] {
        check(status, body, "ContextTooLong");
    }
}

#[test]
fn a_filtered_question_is_a_refusal() {
    check(
        400,
        r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","code":"content_filter"}}"#,
        "Refused",
    );
}

#[test]
fn the_server_s_words_are_kept_short_and_on_one_line() {
    let long = format!("a\n\tb\u{1b}[31m{}", "é".repeat(1000));
    let excerpt = Veil::default().excerpt(&long);
    assert!(excerpt.starts_with("a b [31mé") && excerpt.ends_with('…'), "{excerpt}");
    assert_eq!(excerpt.chars().count(), EXCERPT_CHARS_MAX + 1);
    assert_eq!(Veil::default().excerpt(" \n"), "no reason given");
    assert_eq!(Veil::default().excerpt("It broke. Badly.\n"), "It broke. Badly");
    assert_eq!(plain("\n<HTML><title> Bad gateway </title>"), "a web page titled \"Bad gateway\"");
    assert_eq!(plain("<title>never closed"), "a web page");
}

#[test]
fn neither_the_key_nor_what_people_said_gets_into_an_error() {
    let key = SecretString::from("key-of-ours-123\n");
    let messages = [ChatMessage { role: Role::User, content: "my secret plan".to_owned() }];
    let veil = Veil { key: Some(&key), messages: &messages };
    let asked = Asked { model: "m", base_url: "http://model/v1", veil };
    for words in [
        "wrong key key-of-ours-123.",
        "Incorrect API key provided: sk-proj-ab***yz.",
        "cannot parse my secret plan as",
        "1 validation error: field required, input_value={'messages': 'my sec",
        "{'type': 'missing', 'input': {'messages': ['my sec",
    ] {
        let fault = || Fault { message: words.to_owned(), ..Fault::default() };
        for status in [400, 401, 404, 405, 429, 500] {
            let errors = [fault().into_http_error(status, None, &asked), fault().into_stream_error(veil)];
            for told in errors.map(|error| format!("{error} {error:?}")) {
                assert!(!["key-of-ours", "sk-proj", "my sec"].iter().any(|secret| told.contains(secret)), "{told}");
            }
        }
    }
    let pydantic = r#"{"detail":[{"loc":["body","messages",0],"msg":"bad","input":"my secret plan"}]}"#;
    assert_eq!(Fault::read(pydantic.as_bytes()).message, r#"["body","messages",0] bad "#);
}

#[test]
fn every_error_says_what_to_do_next() {
    let table = [
        (401, "", ErrorKind::Setup, "check model.api_key / OPENAI_API_KEY"),
        (404, "", ErrorKind::Setup, "check model.base_url / OPENAI_BASE_URL, which mostly ends in /v1"),
        (404, r#"{"error":"no such model"}"#, ErrorKind::Setup, "check model.name"),
        (400, "", ErrorKind::Setup, "compare the [model] settings with what it supports"),
        (429, "", ErrorKind::Busy, "ask again in a while"),
        (402, "", ErrorKind::Quota, "check its plan and billing"),
        (413, "", ErrorKind::TooLong, "lower context.max_tokens"),
        (502, "", ErrorKind::Busy, "ask again in a while"),
    ];
    for (status, body, kind, next_step) in table {
        let error = http_error(status, body);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().ends_with(next_step), "{error}");
    }
}

#[test]
fn no_body_makes_the_reading_of_errors_panic() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let asked = Asked { model: "m", base_url: "u", veil: Veil::default() };
        let status = 400 + u16::from(bytes.first().copied().unwrap_or(0));
        let error = Fault::read(bytes).into_http_error(status, None, &asked);
        assert!(error.to_string().chars().count() < EXCERPT_CHARS_MAX + 300);
    });
}
