use proptest::prelude::*;

use super::*;
use crate::ErrorKind;

/// What came of a body: the text, and how it ended.
fn read(content_type: &str, pieces: &[&[u8]]) -> (String, Result<Finish, ModelError>) {
    let mut answer = Answer::new(content_type);
    let mut text = String::new();
    for piece in pieces {
        let pushed = answer.push(piece, Veil::default());
        text.push_str(&answer.take_text().unwrap_or_default());
        if let Err(error) = pushed {
            return (text, Err(error));
        }
        if answer.is_done() {
            return (text, answer.conclude());
        }
    }
    let end = answer.close(Veil::default());
    text.push_str(&answer.take_text().unwrap_or_default());
    (text, end)
}

/// `ending` is the finish reason and the total of the usage, or the beginning of the error's name.
#[track_caller]
fn check_as(content_type: &str, body: &str, text: &str, ending: &str) {
    let whole = read(content_type, &[body.as_bytes()]);
    let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
    let byte_by_byte = read(content_type, &bytes);
    for (said, end) in [whole, byte_by_byte] {
        let told = match end {
            Ok(finish) => {
                format!("{}{}", finish.reason, finish.usage.map_or(String::new(), |usage| format!(" {}", usage.total)))
            }
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(said, text, "{body}");
        let known = if ending.starts_with(char::is_uppercase) { told.starts_with(ending) } else { told == ending };
        assert!(known, "{told} is not {ending}: {body}");
    }
}

#[track_caller]
fn check(body: &str, text: &str, ending: &str) {
    check_as("text/event-stream; charset=utf-8", body, text, ending);
}

fn chunk(content: &str) -> String {
    format!(
        "data: {{\"id\":\"c\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{content:?}}},\"finish_reason\":null}}]}}\n\n"
    )
}

const STOP: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7,\"total_tokens\":12}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

#[test]
fn every_odd_but_whole_stream_gives_its_text_and_its_end() {
    let hi = chunk("Hi ") + &chunk("Ana");
    let one = |json: &str| format!("data: {json}\n\n");
    check(&format!("{hi}{STOP}{DONE}"), "Hi Ana", "stop");
    check(&format!(": ping\n\n{hi}: ping\n\n{STOP}{DONE}"), "Hi Ana", "stop");
    check(&format!("{hi}{STOP}{USAGE}{DONE}"), "Hi Ana", "stop 12");
    check(
        &(one(r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#) + &hi + STOP + DONE),
        "Hi Ana",
        "stop",
    );
    check(&format!("{hi}{STOP}{DONE}").replace('\n', "\r\n"), "Hi Ana", "stop");
    check(&format!("{hi}{STOP}{DONE}").replace('\n', "\r"), "Hi Ana", "stop");
    check(&format!("{hi}{STOP}{DONE}").replace("data: ", "data:"), "Hi Ana", "stop");
    check(&format!("\u{feff}{hi}{STOP}{DONE}"), "Hi Ana", "stop");
    check(&(one(r#"{"choices":[{"delta":{"content":"Hi"}}]}"#) + STOP + DONE), "Hi", "stop");
    check(&(one(r#"{"created":1.7e9,"choices":[{"delta":{"content":"Hi"}}]}"#) + STOP + DONE), "Hi", "stop");
    check(&(hi.clone() + &one(r#"{"choices":[{"finish_reason":"eos"}]}"#) + DONE), "Hi Ana", "stop");
    check(&(one(r#"{"choices":[{"delta":{"content":"Hi"},"finish_reason":""}]}"#) + DONE), "Hi", "stop");
    check(&(hi.clone() + &one(r#"{"choices":[{"index":0,"finish_reason":"length"}]}"#) + DONE), "Hi Ana", "length");
    check(&(hi.clone() + STOP + &one(r#"{"usage":{"completion_tokens":7}}"#) + DONE), "Hi Ana", "stop 7");
    check(
        &(one(r#"{"choices":[{"delta":{"content":"Hi","tool_calls":[{"type":"","function":{}}]}}]}"#) + STOP + DONE),
        "Hi",
        "stop",
    );
    check(&format!("{hi}{STOP}{USAGE}"), "Hi Ana", "stop 12");
    check(&format!("{hi}{DONE}"), "Hi Ana", "stop");
    check(&format!("{hi}data: [DONE]"), "Hi Ana", "stop");
    check(&format!("{hi}{}", STOP.trim_end()), "Hi Ana", "stop");
    check(&(hi.clone() + &one(r#"{"choices":[{"delta":{"content":"!"},"finish_reason":"stop"}]}"#)), "Hi Ana!", "stop");
    check(
        &(hi.clone() + &one(r#"{"choices":[{"delta":{},"finish_reason":"content_filter"}]}"#)),
        "Hi Ana",
        "content_filter",
    );
    check(
        &(hi.clone() + &one(r#"{"choices":[{"delta":{},"finish_reason":"function_call"}]}"#)),
        "Hi Ana",
        "function_call",
    );
    check_as("", &format!("{hi}{STOP}{DONE}"), "Hi Ana", "stop");
    check_as("application/json", &format!("{hi}{STOP}{DONE}"), "Hi Ana", "stop");
    check(&format!("data:\n\n{}{STOP}", chunk("é😀")), "é😀", "stop");
}

#[test]
fn a_stream_without_its_end_is_cut_off_and_keeps_its_text() {
    let hi = chunk("Hi ") + &chunk("Ana");
    check(&hi, "Hi Ana", "CutOff");
    check(&format!("{hi}data: {{\"choices\":[{{\"del"), "Hi Ana", "CutOff");
    check(&format!("{hi}{USAGE}"), "Hi Ana", "CutOff");
    check("", "", "CutOff");
    check(": ping\n\n", "", "CutOff");
    check_as("application/json", "{\"choices\":[{\"mess", "", "CutOff");
}

#[test]
fn an_error_is_found_wherever_it_stands() {
    let hi = chunk("Hi");
    let after =
        |json: &str, name: &str, ending: &str| check(&format!("{hi}{name}data: {json}\n\n{STOP}{DONE}"), "Hi", ending);
    after(r#"{"error":{"message":"overloaded","type":"server_error","code":503}}"#, "", "StreamError");
    after(r#"{"error":"boom"}"#, "", "StreamError");
    after(r#"{"error":{"message":"boom"},"choices":[{"delta":{"content":"x"}}]}"#, "", "StreamError");
    after(r#"{"object":"error","message":"boom","code":50001}"#, "", "StreamError");
    after(r#"{"detail":"boom"}"#, "", "StreamError");
    after(r#"{"message":"boom"}"#, "event: error\n", "StreamError");
    after(r#"{"type":"overloaded_error"}"#, "event: error\n", "StreamError");
    after("plain words", "event: error\n", "StreamError");
    after(r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#, "", "StreamError");
    after(r#"{"error":{"message":"slow down","code":429}}"#, "", "RateLimited");
    after(r#"{"error":{"message":"slow down","code":"429"}}"#, "", "RateLimited");
    after(r#"{"error":{"message":"x","code":"insufficient_quota"}}"#, "", "QuotaExceeded");
    after(r#"{"error":{"message":"This model's maximum context length is 10 tokens"}}"#, "", "ContextTooLong");
    after("{oops}", "", "Malformed");
    after("7", "", "Malformed");
    after(r#"{"error":null,"choices":[]}"#, "", "stop");
    after(r#"{"type":"ping"}"#, "event: ping\n", "stop");
}

#[test]
fn a_body_that_is_no_stream_is_told_apart() {
    check_as("application/json", r#"{"error":{"message":"no such key"}}"#, "", "StreamError");
    check_as("text/event-stream", r#" {"error":{"message":"no","code":401}}"#, "", "Unauthorized");
    check_as("application/json", r#"{"hello":"world"}"#, "", "Malformed");
    check_as("application/json", "[]", "", "Malformed");
    check_as("application/json", "null", "", "Malformed");
    check_as("text/plain", "Internal Server Error", "", "Malformed");
    check_as("text/html", "\n<!doctype html><title>Welcome</title>", "", "Malformed");
    let whole = r#"{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"total_tokens":9}}"#;
    check_as("application/json", whole, "Hi", "stop 9");
    check_as("application/json", &format!("\u{feff}{whole}").replace(r#","finish_reason":"stop""#, ""), "Hi", "stop 9");
}

#[test]
fn an_answer_without_a_word_is_an_error_of_its_own() {
    check(&format!("{STOP}{DONE}"), "", "Empty { reason: Stop }");
    check(DONE, "", "Empty { reason: Stop }");
    check(
        "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\"},\"finish_reason\":\"length\"}]}\n\n",
        "",
        "Empty { reason: Length }",
    );
    check("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"content_filter\"}]}\n\n", "", "Refused");
    check_as("application/json", r#"{"choices":[]}"#, "", "Empty");
}

#[test]
fn nothing_after_the_end_spoils_the_answer() {
    let whole = chunk("Hi") + STOP;
    check(&format!("{whole}data: {{\"error\":\"late\"}}\n\n"), "Hi", "stop");
    check(&format!("{whole}data: {{oops\n\n{USAGE}"), "Hi", "stop 12");
    check(&format!("{whole}{DONE}{}", chunk("more")), "Hi", "stop");
    check(&format!("{whole}{}", chunk(" there")), "Hi there", "stop");
}

#[test]
fn an_answer_past_the_limit_is_ended_with_what_fits() {
    let quarter = chunk(&"x".repeat(ANSWER_BYTES_MAX / 4));
    let (text, end) = read("", &[quarter.repeat(4).as_bytes(), STOP.as_bytes()]);
    assert_eq!((text.len(), end.is_ok()), (ANSWER_BYTES_MAX, true));
    let (text, end) = read("", &[quarter.repeat(4).as_bytes(), chunk("!").as_bytes()]);
    assert_eq!((text.len(), end.unwrap_err().kind()), (ANSWER_BYTES_MAX, ErrorKind::Broken));
    let (_, end) = read("", &[b"{", &vec![b' '; EVENT_BYTES_MAX]]);
    assert!(matches!(end, Err(ModelError::TooLarge { what: "event", .. })));
}

#[test]
fn the_server_s_name_for_the_model_is_told() {
    let (_, end) =
        read("", &[chunk("Hi").as_bytes(), STOP.replace("\"choices\"", "\"model\":\"other\",\"choices\"").as_bytes()]);
    assert_eq!(end.unwrap().model.as_deref(), Some("m"));
}

proptest! {
    #[test]
    fn any_text_comes_whole_through_any_split_and_no_part_of_it_passes_for_the_whole(
        deltas in prop::collection::vec(".{0,8}", 1..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        end in any::<prop::sample::Index>(),
    ) {
        let said = deltas.concat();
        prop_assume!(!said.is_empty());
        let json = |delta: &String| serde_json::json!({ "choices": [{ "index": 0, "delta": { "content": delta } }] });
        let body: String = deltas.iter().map(|delta| format!("data: {}\n\n", json(delta))).collect();
        let whole = format!("{body}{STOP}");
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).collect();
        cuts.extend([0, whole.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &whole.as_bytes()[cut[0]..cut[1]]).collect();
        let (text, finish) = read("text/event-stream", &pieces);
        prop_assert_eq!((&text, finish.unwrap().reason), (&said, FinishReason::Stop));
        let (text, cut) = read("text/event-stream", &[&body.as_bytes()[..end.index(body.len() + 1)]]);
        prop_assert!(said.starts_with(&text) && matches!(cut, Err(ModelError::CutOff { .. })), "{:?} {:?}", text, cut);
    }
}

#[test]
fn no_bytes_make_the_reader_panic_and_none_pass_for_a_whole_answer_unproven() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let (_, end) = read("text/event-stream", &[bytes]);
        assert!(end.is_err() || bytes.contains(&b'{'), "{end:?}");
    });
}
