use super::*;

fn request() -> Request {
    let message = |role, content: &str| ChatMessage { role, content: content.to_owned() };
    let messages = vec![
        message(Role::System, "You are a helpful assistant..."),
        message(Role::User, "Hello, can you help me with Python?"),
        message(Role::Assistant, "Of course!"),
        message(Role::User, "What are \"decorators\"?\n"),
    ];
    Request { messages, user: None }
}

fn written(dialect: Dialect, config: &ModelConfig, request: &Request) -> String {
    String::from_utf8(dialect.write(config, request).unwrap()).unwrap()
}

const MESSAGES: &str = concat!(
    r#"{"model":"gpt-4o","messages":[{"role":"system","content":"You are a helpful assistant..."},"#,
    r#"{"role":"user","content":"Hello, can you help me with Python?"},{"role":"assistant","content":"Of course!"},"#,
    r#"{"role":"user","content":"What are \"decorators\"?\n"}],"stream":true"#
);

#[test]
fn a_request_is_written_as_openai_documents_it() {
    let body = written(Dialect::default(), &ModelConfig::default(), &request());
    let rest = r#","temperature":0.7,"max_tokens":2000,"stream_options":{"include_usage":true}}"#;
    assert_eq!(body, format!("{MESSAGES}{rest}"));
}

#[test]
fn what_is_not_set_is_not_sent() {
    let config = ModelConfig { temperature: None, max_tokens: None, ..ModelConfig::default() };
    let asked = Request { user: Some("U1".to_owned()), ..request() };
    let rest = r#","stream_options":{"include_usage":true},"user":"U1"}"#;
    assert_eq!(written(Dialect::default(), &config, &asked), format!("{MESSAGES}{rest}"));
}

#[test]
fn what_the_server_refused_is_written_differently() {
    let all = Dialect { completion_tokens: true, no_temperature: true, no_stream_options: true, no_user: true };
    let asked = Request { user: Some("U1".to_owned()), ..request() };
    assert_eq!(written(all, &ModelConfig::default(), &asked), format!(r#"{MESSAGES},"max_completion_tokens":2000}}"#));
}

#[test]
fn only_a_refused_field_bends_a_request_and_only_once() {
    let check = |status: u16, body: &str, bent: Option<Dialect>| {
        let fault = Fault::read(body.as_bytes());
        assert_eq!(Dialect::default().bent_by(status, &fault), bent, "{body}");
        assert_eq!(bent.and_then(|bent| bent.bent_by(status, &fault)), None, "{body}");
    };
    let tokens = Some(Dialect { completion_tokens: true, ..Dialect::default() });
    let temperature = Some(Dialect { no_temperature: true, ..Dialect::default() });
    let options = Some(Dialect { no_stream_options: true, ..Dialect::default() });
    let user = Some(Dialect { no_user: true, ..Dialect::default() });
    check(
        400,
        r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}"#,
        tokens,
    );
    check(
        400,
        r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is supported.","param":"temperature","code":"unsupported_value"}}"#,
        temperature,
    );
    check(
        400,
        r#"{"error":{"message":"litellm.UnsupportedParamsError: x does not support parameters: ['temperature']","code":"400"}}"#,
        temperature,
    );
    check(400, r#"{"error":{"message":"Unrecognized request argument supplied: stream_options"}}"#, options);
    check(
        422,
        r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}"#,
        options,
    );
    check(
        400,
        r#"{"error":{"message":"Unknown parameter: 'stream_options.include_usage'.","param":"stream_options.include_usage","code":"unknown_parameter"}}"#,
        options,
    );
    check(400, r#"{"error":{"message":"Unknown parameter: 'user'.","param":"user","code":"unknown_parameter"}}"#, user);
    check(
        400,
        r#"{"error":{"message":"max_tokens is too large: 2000. This model supports at most 1000 completion tokens","param":"max_tokens","code":null}}"#,
        None,
    );
    check(400, r#"{"error":{"message":"maximum context length exceeded; max_tokens unsupported"}}"#, None);
    check(
        400,
        r#"{"error":{"message":"unsupported image","param":"messages.1.temperature","code":"unsupported_value"}}"#,
        None,
    );
    check(500, r#"{"error":{"message":"Unsupported parameter: 'max_tokens'","param":"max_tokens"}}"#, None);
    check(400, "", None);
}

#[test]
fn debug_shows_no_message() {
    assert_eq!(format!("{:?}", request().messages[2]), "ChatMessage(assistant, 10 bytes)");
    assert!(!format!("{:?}", request()).contains("Python"));
}
