use std::borrow::Cow;

use super::*;

/// The text, the word of the finish and whether the model produced something.
#[track_caller]
fn check(json: &str, text: &str, finish: &str, is_token: bool) {
    let chunk = Chunk::read(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
    let choice = chunk.choices.unwrap_or_default().0.unwrap_or_default();
    let said = choice.delta().map_or(String::new(), |delta| format!("{}{}", delta.content.0, delta.refusal.0));
    let produced = choice.delta().is_some_and(Delta::is_token);
    assert_eq!((said.as_str(), &*choice.finish_reason.0, produced), (text, finish, is_token), "{json}");
}

#[test]
fn chunks_of_all_servers_are_read() {
    check(
        r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","system_fingerprint":null,"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}"#,
        "",
        "",
        false,
    );
    check(r#"{"choices":[{"delta":{"content":"Hi"}}]}"#, "Hi", "", true);
    check(
        r#"{"created":1.5,"choices":[{"index":0.0,"delta":{"content":"a\nb \u00e9 \"q\""},"finish_reason":""}]}"#,
        "a\nb é \"q\"",
        "",
        true,
    );
    check(r#"{"choices":[{"index":0,"finish_reason":"eos"}]}"#, "", "eos", false);
    check(r#"{"choices":[{"index":0,"delta":null,"finish_reason":"stop"}]}"#, "", "stop", false);
    check(r#"{"choices":[{"index":0,"delta":{"content":null},"finish_reason":7}]}"#, "", "", false);
    check(
        r#"{"choices":[{"index":1,"delta":{"content":"no"}},{"index":0,"delta":{"content":"yes"}}]}"#,
        "yes",
        "",
        true,
    );
    check(r#"{"choices":[null,{"delta":{"content":"x"}}]}"#, "x", "", true);
    check(r#"{"choices":[]}"#, "", "", false);
    check(r#"{"choices":null}"#, "", "", false);
    check(r#"{"choices":[{"delta":{"tool_calls":[{"type":"","function":{"arguments":"{"}}]}}]}"#, "", "", true);
    check(r#"{"choices":[{"delta":{"content":null,"reasoning_content":"hm"}}]}"#, "", "", true);
    check(r#"{"choices":[{"delta":{"content":"","reasoning":"hm"}}]}"#, "", "", true);
    check(
        r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"Hi"},null]}}]}"#,
        "Hi",
        "",
        true,
    );
    check(r#"{"choices":[{"delta":{"refusal":"I will not."}}]}"#, "I will not.", "", true);
    check(
        r#"{"choices":[{"message":{"role":"assistant","content":"whole"},"finish_reason":"stop"}]}"#,
        "whole",
        "stop",
        true,
    );
}

#[test]
fn text_without_escapes_is_not_copied() {
    let json = r#"{"choices":[{"delta":{"content":"plain é"}}]}"#;
    let chunk = Chunk::read(json.as_bytes()).unwrap();
    let choice = chunk.choices.unwrap().0.unwrap();
    assert!(matches!(choice.delta().unwrap().content.0, Cow::Borrowed("plain é")));
}

#[test]
fn usage_is_read_from_what_there_is() {
    let usage = |usage: &str| Chunk::read(format!(r#"{{"usage":{usage}}}"#).as_bytes()).unwrap().usage();
    let is = |prompt, completion, total| Some(Usage { prompt, completion, total });
    assert_eq!(
        usage(r#"{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12,"prompt_tokens_details":{}}"#),
        is(5, 7, 12)
    );
    assert_eq!(usage(r#"{"prompt_tokens":5.0,"completion_tokens":7}"#), is(5, 7, 12));
    assert_eq!(usage(r#"{"prompt_tokens":5,"completion_tokens":null}"#), is(5, 0, 5));
    assert_eq!(usage(r#"{"total_tokens":12,"prompt_tokens":"x"}"#), is(0, 0, 12));
    for none in ["null", "{}", "[]", "7", r#""x""#, r#"{"prompt_tokens":-1}"#] {
        assert_eq!(usage(none), None, "{none}");
    }
}

#[test]
fn what_is_no_json_object_is_an_error_and_never_a_panic() {
    for bad in [
        "",
        "x",
        "null",
        "7",
        r#""x""#,
        "{",
        r#"{"choices":[{]}"#,
        "{\"choices\":[{\"delta\":{\"content\":\"\u{1}\"}}]}",
    ] {
        assert!(Chunk::read(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(Chunk::read(b"{\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}").is_err());
    assert!(Chunk::read("[".repeat(100_000).as_bytes()).is_err());
    assert!(Chunk::read(format!(r#"{{"x":{}"#, "[".repeat(100_000)).as_bytes()).is_err());
    bolero::check!().for_each(|bytes: &[u8]| {
        if let Ok(chunk) = Chunk::read(bytes) {
            let _ = chunk.usage();
        }
    });
}
