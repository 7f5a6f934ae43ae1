//! Parse or refuse, never panic: whatever comes.

use proptest::prelude::*;

use super::*;

/// What a fuzzer may start from: with these bytes it gets past the first brace.
const BODY: &str = r#"{"type":"event_callback","team_id":"T1","authorizations":[{"team_id":"T1","user_id":"U9","is_bot":true}],"event":{"type":"message","channel":"C1","user":"U1","ts":"1.000001","text":"hi"}}"#;

/// `bytes` put over a part of `good`: close enough to the real thing to reach every parser behind the first.
fn damaged(good: &str, at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut body = good.as_bytes().to_vec();
    let at = at % body.len();
    let end = (at + bytes.len()).min(body.len());
    body.splice(at..end, bytes.iter().copied());
    body
}

#[test]
fn any_body_is_parsed_or_refused() {
    bolero::check!().with_type::<(Vec<u8>, usize)>().for_each(|(bytes, at)| {
        let _ = parse_http(bytes);
        let _ = parse_http(&damaged(BODY, *at, bytes));
    });
}

#[test]
fn any_frame_is_parsed_or_refused() {
    let good = format!(r#"{{"envelope_id":"e1","type":"events_api","retry_attempt":1,"payload":{BODY}}}"#);
    bolero::check!().with_type::<(Vec<u8>, usize)>().for_each(|(bytes, at)| {
        let _ = parse_envelope(bytes);
        let _ = parse_envelope(&damaged(&good, *at, bytes));
    });
}

#[test]
fn any_history_message_is_parsed_or_refused() {
    let good = r#"{"type":"message","user":"U1","ts":"1.000001","text":"hi \u00e9","files":[{"name":"a"}],"edited":{"ts":"1.000001"}}"#;
    let channel = "C1".parse().unwrap();
    bolero::check!().with_type::<(Vec<u8>, usize)>().for_each(|(bytes, at)| {
        let _ = post_from_history(&String::from_utf8_lossy(&damaged(good, *at, bytes)), &channel);
    });
}

/// Any JSON value, with the words that mean something to us among its names.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,12}".prop_map(serde_json::Value::String),
    ];
    let name = prop_oneof![
        ".{0,6}",
        prop::sample::select(vec![
            "user", "bot_id", "files", "edited", "blocks", "metadata", "subtype", "team", "name"
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::hash_map(name.clone(), inner, 0..6)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_stands_beside_it_the_text_arrives(
        text in any::<String>(),
        beside in prop::collection::hash_map("[a-z_]{1,12}", json(), 0..8),
    ) {
        let mut event: serde_json::Map<_, _> = beside.into_iter().collect();
        for (name, value) in [("type", "app_mention"), ("channel", "C1"), ("ts", "1700000000.000100"), ("text", text.as_str())] {
            event.insert(name.to_owned(), value.into());
        }
        prop_assert_eq!(post(&serde_json::Value::Object(event).to_string()).text, text);
    }
}
