//! Payloads that have cost other clients the text, the event or the connection.

use super::*;

/// A field each that nobody needs, in a form nobody expects. The text must come through all the same.
const ODD: &[&str] = &[
    r#""metadata":{"event_type":"x","event_payload":{"n":1}}"#,
    r#""metadata":7"#,
    r#""files":[{"id":"F1","url_private":""}]"#,
    r#""files":{"id":"F1"}"#,
    r#""files":null"#,
    r#""attachments":[{"id":"1"}]"#,
    r#""attachments":"none""#,
    r#""blocks":[{"type":"invented_in_2030","elements":[{"type":7}]}]"#,
    r#""blocks":[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"citation","url":5}]}]}]"#,
    r#""blocks":[{"text":"half an emoji \ud83d"}]"#,
    r#""blocks":1e999"#,
    r#""edited":true"#,
    r#""edited":{"ts":5}"#,
    r#""user":null"#,
    r#""user":{"id":"U1"}"#,
    r#""user":"""#,
    r#""bot_id":7"#,
    r#""bot_profile":"bot""#,
    r#""app_id":[]"#,
    r#""team":null"#,
    r#""team":{"id":"T1"}"#,
    r#""subtype":null"#,
    r#""subtype":5"#,
    r#""thread_ts":null"#,
    r#""thread_ts":"soon""#,
    r#""channel_type":4"#,
    r#""client_msg_id":7"#,
    r#""app_context":{"entities":"none"}"#,
    r#""assistant_thread":[]"#,
    r#""event_ts":1515449522000016"#,
    r#""event_ts":"1361482916000003""#,
    r#""reply_count":"many""#,
    r#""root":"?""#,
    r#""text":"not this one","text":"hi \ud83d\ude00""#,
    r#""\ud800":"a name that is no text""#,
    r#""te\u0078t2":"""#,
];

#[test]
fn an_odd_part_that_we_do_not_need_never_costs_the_text() {
    for kind in ["app_mention", "message"] {
        for odd in ODD {
            let json = format!(
                r#"{{"type":"{kind}","channel":"C1","ts":"1700000000.000100",{odd},"text":"hi \ud83d\ude00"}}"#
            );
            let post = post(&json);
            assert_eq!((post.text.as_str(), post.ts), ("hi 😀", ts("1700000000.000100")), "{json}");
            assert_eq!(matches!(event(&json), Event::Mention(_)), kind == "app_mention", "{json}");
        }
    }
}

#[test]
fn an_odd_part_around_the_event_never_costs_the_text() {
    for fields in [
        r#","team_id":"T1","event_time":"now""#,
        r#","team_id":"T1","event_id":5"#,
        r#","team_id":"T1","event_id":"Ev 1""#,
        r#","team_id":"T1","api_app_id":null"#,
        r#","team_id":"T1","is_ext_shared_channel":"yes""#,
        r#","team_id":"T1","authed_users":7,"context_team_id":[],"event_context":{}"#,
        r#","authorizations":[{"team_id":null,"enterprise_id":"E1","user_id":null,"is_bot":"yes"}]"#,
        r#","team_id":"T1","token":"x","token":"y""#,
    ] {
        let delivery = delivery_with(r#"{"type":"message","channel":"C1","ts":"1.000001","text":"hi"}"#, fields);
        assert!(matches!(&delivery.event, Event::Message(post) if post.text == "hi"), "{fields}");
    }
}

#[test]
fn text_of_any_kind_comes_through_as_it_is() {
    for text in ["", " ", "שלום", "a\u{202e}b", "👩‍👩‍👧", "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{7f}", "{\"type\":\"message\"}"]
    {
        let json = serde_json::json!({"type":"message","channel":"C1","ts":"1.000001","text":text}).to_string();
        assert_eq!(post(&json).text, text);
    }
    let long = "😀".repeat(40_000);
    assert_eq!(post(&format!(r#"{{"type":"message","channel":"C1","ts":"1.000001","text":"{long}"}}"#)).text, long);
    let escaped = r"\ud83d\ude00".repeat(40_000);
    assert_eq!(post(&format!(r#"{{"type":"message","channel":"C1","ts":"1.000001","text":"{escaped}"}}"#)).text, long);
    for none in ["null", "7", "[\"hi\"]"] {
        assert_eq!(post(&format!(r#"{{"type":"message","channel":"C1","ts":"1.000001","text":{none}}}"#)).text, "");
    }
    let half = post(r#"{"type":"message","channel":"C1","ts":"1.000001","text":"a\ud83db"}"#).text;
    assert!(half.starts_with('a') && half.ends_with('b') && half.contains('\u{fffd}'), "{half:?}");
}

#[test]
fn nesting_without_end_is_passed_over_or_refused() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(200_000), close.repeat(200_000));
    for odd in [deep("[", "]"), deep(r#"{"a":"#, "}")] {
        let json = format!(r#"{{"type":"message","channel":"C1","ts":"1.000001","text":"hi","blocks":{odd}}}"#);
        assert_eq!(post(&json).text, "hi");
        assert!(parse_http(odd.as_bytes()).is_err());
        assert!(parse_envelope(format!(r#"{{"type":"hello","x":{odd}"#).as_bytes()).is_err());
    }
}

#[test]
fn notices_without_a_place_are_passed_over() {
    for (json, kind) in [
        (r#"{"type":"message","subtype":"invented_in_2030"}"#, "invented_in_2030"),
        (r#"{"type":"message","subtype":"message_changed","channel":"C1"}"#, "message_changed"),
        (
            r#"{"type":"message","subtype":"message_changed","channel":"C1","message":{"text":"no ts"}}"#,
            "message_changed",
        ),
        (r#"{"type":"message","subtype":"message_deleted","channel":"C1"}"#, "message_deleted"),
        (r#"{"type":"message","subtype":"message_deleted","channel":{},"deleted_ts":"1.000001"}"#, "message_deleted"),
        (r#"{"type":"channel_created","channel":{"id":"C1"}}"#, "channel_created"),
        (r#"{"type":"invented_in_2030"}"#, "invented_in_2030"),
    ] {
        assert_eq!(event(json), Event::Other { kind: kind.to_owned() });
    }
}

#[test]
fn what_says_nothing_is_refused_and_not_quoted() {
    for body in [
        r#""hush""#,
        r#"["hush"]"#,
        r#"{"hush":"hush"}"#,
        r#"{"type":"event_callback","team_id":"T1","event":"hush"}"#,
        r#"{"type":"event_callback","team_id":"T1","event":{"type":"message","text":"hush","channel":"hush!","ts":"1.000001"}}"#,
        r#"{"type":"event_callback","team_id":"hush!","event":{"type":"message","text":"hush","channel":"C1","ts":"1.000001"}}"#,
        r#"{"text":"hush"#,
        r#"{"text":"hush" hush}"#,
    ] {
        let bad = parse_http(body.as_bytes()).unwrap_err();
        let shown = format!("{bad} {bad:?}");
        assert!(!shown.contains("hush"), "{shown}");
    }
}

#[test]
fn frames_need_nothing_but_their_type() {
    let frame = |json: &str| parse_envelope(json.as_bytes()).unwrap();
    let reason = |json: &str| match frame(json) {
        Frame::Disconnect { reason } => reason,
        other => panic!("no disconnect but {other:?}"),
    };
    let hello = r#"{"type":"hello","connection_info":{"app_id":"A1"},"num_connections":2,"debug_info":{"approximate_connection_time":3600}}"#;
    for (json, num_connections, lasts) in [
        (hello, Some(2), Some(std::time::Duration::from_secs(3600))),
        (r#"{"type":"hello"}"#, None, None),
        (r#"{"type":"hello","num_connections":-1,"debug_info":{"approximate_connection_time":-5}}"#, None, None),
        (r#"{"type":"hello","num_connections":"two","debug_info":"none","connection_info":null}"#, None, None),
    ] {
        assert!(matches!(frame(json), Frame::Hello(found) if found == Hello { num_connections, lasts }), "{json}");
    }
    assert_eq!(reason(r#"{"type":"disconnect","reason":"refresh_requested"}"#), DisconnectReason::RefreshRequested);
    assert_eq!(
        reason(r#"{"type":"disconnect","reason":"warning","debug_info":{"host":"applink-1"}}"#),
        DisconnectReason::Warning
    );
    assert_eq!(
        reason(r#"{"type":"disconnect","reason":"link_disabled","debug_info":7}"#),
        DisconnectReason::LinkDisabled
    );
    assert_eq!(reason(r#"{"type":"disconnect"}"#), DisconnectReason::Other(String::new()));
}

#[test]
fn an_envelope_carries_its_event_and_its_retry() {
    for (fields, attempt) in [
        ("", None),
        (r#","retry_attempt":0,"retry_reason":"""#, None),
        (r#","retry_attempt":2,"retry_reason":"timeout""#, Some((2, "timeout"))),
        (r#","retry_attempt":"1","retry_reason":null"#, Some((1, ""))),
        (r#","retry_attempt":[],"retry_reason":{}"#, None),
    ] {
        let json = format!(
            r#"{{"envelope_id":"e1","type":"events_api"{fields},"payload":{{"type":"event_callback","team_id":"T1",
                "event":{{"type":"app_mention","channel":"C1","ts":"1.000001","text":"hi"}}}}}}"#
        );
        let Ok(Frame::Envelope { envelope_id, payload: EnvelopePayload::Event(Ok(delivery)), accepts_response: false }) =
            parse_envelope(json.as_bytes())
        else {
            panic!("no event in {json}")
        };
        assert_eq!(envelope_id, "e1");
        assert!(matches!(delivery.event, Event::Mention(post) if post.text == "hi"));
        assert_eq!(delivery.retry.as_ref().map(|retry| (retry.attempt, retry.reason.as_str())), attempt, "{fields}");
    }
}
