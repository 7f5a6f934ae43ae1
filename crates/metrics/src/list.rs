//! Every metric there is. What is not here is not exposed; what is here is in the README.

use crate::{Counter, Gauge, Histogram, Label, Metric};

/// Steps of the store and acknowledgements: parts of a millisecond to seconds.
const QUICK: &[f64] = &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0];
/// Calls to others.
const CALLS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// What people wait for.
const PATIENCE: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0];

const fn one_of(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values }
}
/// A label whose values the code that counts names.
const fn named(name: &'static str) -> Label {
    Label { name, values: &[] }
}

const TURN_KIND: Label = one_of("kind", &["answer", "command"]);
const OUTCOME: Label = one_of("outcome", &["answered", "failed", "stopped"]);
const EVENT: Label = one_of("kind", &["mention", "message", "changed", "deleted", "stopped", "rate_limited", "other"]);
const ROUTE: Label = one_of("route", &["accept", "command", "context", "not_joined", "ignore"]);
const RECEIPT: Label = one_of(
    "receipt",
    &["run", "waiting", "kept", "known", "gone", "full", "refused", "not_joined", "outdated", "too_many_bots"],
);
const REQUEST: Label = one_of(
    "result",
    &["accepted", "too_long", "broke_off", "refused", "bad", "wrong_method", "not_stored", "held_up", "ending", "busy"],
);
const HINDRANCE: Label = one_of("reason", &["not_stored", "held_up", "ending"]);
const CALL_RESULT: Label =
    one_of("result", &["ok", "rate_limited", "refused", "timeout", "network", "server", "bad_answer", "arguments"]);
const MODEL_RESULT: Label = one_of(
    "result",
    &["ok", "stopped", "setup", "busy", "quota", "unreachable", "too_slow", "too_long", "broken", "empty", "refused"],
);
const STORE_ERROR: Label = one_of("error", &["lease_lost", "unavailable", "bad_row", "closed"]);
const PACED: Label = one_of("call", &["open", "append", "update", "stop"]);
const PART: Label = one_of("part", &["process", "store", "slack_link", "slack_api", "model", "catch_up"]);

macro_rules! metrics {
    ($($name:ident: $family:ident<$n:literal>($($argument:expr),* $(,)?);)*) => {
        $(
            #[allow(missing_docs, reason = "its help text says it")]
            pub static $name: $family<$n> = $family::new($($argument),*);
        )*
        /// Every metric, in the order of the README.
        pub static ALL: &[&Metric] = &[$(&$name.metric),*];
    };
}

metrics! {
    TURNS: Counter<2>("chathakase_turns_total", &[TURN_KIND, OUTCOME], "Turns whose answer or notice was decided and stored.");
    TURN_WAIT: Histogram<0>("chathakase_turn_wait_seconds", &[], PATIENCE,
        "From the arrival of a question that could not be answered at once until its turn ran.");
    TURN_FIRST_TEXT: Histogram<0>("chathakase_turn_first_text_seconds", &[], PATIENCE,
        "From the arrival of a question until the thread showed the first words of its answer.");
    TURN_SECONDS: Histogram<2>("chathakase_turn_seconds", &[TURN_KIND, OUTCOME], PATIENCE,
        "From the arrival of a question or command until the thread showed all of the answer. Turns taken over from another process are not timed.");
    ADOPTIONS: Counter<0>("chathakase_adoptions_total", &[], "Turns taken over from a process that died or lost them.");
    PERHAPS_DOUBLED: Counter<0>("chathakase_posts_perhaps_doubled_total", &[],
        "Answers posted again with \"I may have sent this already\", because the thread could not be read.");
    TURNS_UNREADABLE: Counter<0>("chathakase_turns_unreadable_total", &[],
        "Turns that were set aside because their row in the database, or that of their thread, cannot be read; the latter once an hour. The log says of each where it was, and what to do.");
    TURNS_GIVEN_UP: Counter<0>("chathakase_turns_given_up_total", &[],
        "Answers that are stored and were never shown, because every process that brought one to its thread died.");

    EVENTS: Counter<1>("chathakase_events_total", &[EVENT], "Events that Slack delivered, also the same one again.");
    ACK_SECONDS: Histogram<0>("chathakase_ack_seconds", &[], QUICK,
        "From an event's delivery until it was stored and Slack could be told so. Slack waits 3 s.");
    NOT_ACKNOWLEDGED: Counter<1>("chathakase_events_not_acknowledged_total", &[HINDRANCE],
        "Events that were not acknowledged, so that Slack sends them again: `not_stored` by a store in trouble, `held_up` until Slack shows what belongs to them, `ending` while the process ended.");
    ROUTES: Counter<1>("chathakase_posts_routed_total", &[ROUTE], "What posts were to us.");
    RECEIPTS: Counter<1>("chathakase_posts_received_total", &[RECEIPT],
        "What became of posts given to the store: `known` are duplicates that were dropped, `full` those whose author was told that too many wait, and `refused` those of them that came again.");
    ERASURES: Counter<1>("chathakase_erasures_total", &[one_of("cause", &["deleted", "cleared", "expired"])],
        "Contents erased: messages deleted in Slack, threads cleared, sessions expired.");

    CATCH_UP_LOOKS: Counter<1>("chathakase_catch_up_looks_total", &[one_of("cause", &["gap", "retry", "silence"])],
        "How often missed posts were looked for: after a start or a `gap` that is known of, after a `retry` of Slack's, and after a long `silence`.");
    CATCH_UP_FOUND: Counter<0>("chathakase_catch_up_found_total", &[],
        "Posts that had been missed and were found, whatever had somebody look.");
    CATCH_UP_GIVEN_UP: Counter<0>("chathakase_catch_up_given_up_total", &[],
        "Threads, channels and spans of time that should have been searched for missed posts and were not. `/readyz` says what it was last.");

    HTTP_REQUESTS: Counter<1>("chathakase_http_requests_total", &[REQUEST],
        "Requests to the addresses for Slack: `refused` had no good signature.");
    SOCKET_LINKS: Gauge<0>("chathakase_socket_links", &[], "Socket Mode links that are up: 1, and 2 while one takes over from another.");
    SOCKET_RECONNECTS: Counter<0>("chathakase_socket_reconnects_total", &[], "How often a Socket Mode link came up after the first.");
    SLACK_LAST_EVENT: Gauge<0>("chathakase_slack_last_event_timestamp_seconds", &[], "When Slack last delivered an event (Unix time).");

    SLACK_CALLS: Counter<2>("chathakase_slack_calls_total", &[named("method"), CALL_RESULT],
        "Calls to Slack, each try counted: `rate_limited` is a 429, `refused` an answer with an error code.");
    SLACK_CALL_SECONDS: Histogram<1>("chathakase_slack_call_seconds", &[named("method")], CALLS, "How long Slack took to answer a call.");
    PACING_WAIT: Histogram<1>("chathakase_pacing_wait_seconds", &[PACED], PATIENCE,
        "How long a call waited for its place in Slack's rate limits. Appends and updates gather text meanwhile.");

    MODEL_REQUESTS: Counter<2>("chathakase_model_requests_total", &[named("model"), MODEL_RESULT], "Requests to the model, each try counted, by how they ended.");
    MODEL_FIRST_TEXT: Histogram<1>("chathakase_model_first_text_seconds", &[named("model")], PATIENCE, "From a request to the model until its first text.");
    MODEL_TOKENS: Counter<2>("chathakase_model_tokens_total", &[named("model"), one_of("kind", &["prompt", "completion"])],
        "Tokens as the model's server counted them; it may say nothing.");

    SESSIONS: Gauge<0>("chathakase_sessions_active", &[], "Sessions that are not expired, in the store, counted up to 100,000; with several replicas each shows the same.");
    TURNS_RUNNING: Gauge<0>("chathakase_turns_running", &[], "Turns that a process works on, in the store; until they are taken over, also those of one that died.");
    TURNS_WAITING: Gauge<0>("chathakase_turns_waiting", &[], "Turns that wait behind another of their thread, for a process with room, or for their next try, in the store.");
    MESSAGES_WAITING: Gauge<0>("chathakase_messages_waiting", &[], "Messages that those turns will answer.");

    STORE_STEP_SECONDS: Histogram<1>("chathakase_store_step_seconds", &[named("step")], QUICK,
        "How long a step of the store took, with the wait for its place and for the disk.");
    STORE_ERRORS: Counter<1>("chathakase_store_errors_total", &[STORE_ERROR],
        "Steps that were not done: `lease_lost` is a turn that another process has, `unavailable` a full disk or an absent database.");

    PART_READY: Gauge<1>("chathakase_ready", &[PART], "1 while the part is well or nothing bad was heard of it for ten minutes, else 0; as `/readyz` says it.");
    BUILD_INFO: Gauge<1>("chathakase_build_info", &[named("version")], "Always 1; the label says which version runs.");
    START_TIME: Gauge<0>("process_start_time_seconds", &[], "When the process started (Unix time).");
    RESIDENT_MEMORY: Gauge<0>("process_resident_memory_bytes", &[], "Memory of the process that is in use (Linux).");
    CPU_SECONDS: Counter<0>("process_cpu_seconds_total", &[], "User and system time of the process, in whole seconds (Linux).");
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::Kind;

    #[test]
    fn names_follow_prometheus_and_say_their_unit() {
        let mut seen = HashSet::new();
        for metric in ALL {
            let name = metric.name;
            assert!(seen.insert(name), "{name} is listed twice");
            assert!(name.starts_with("chathakase_") || name.starts_with("process_"), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            if let Kind::Histogram(bounds) = metric.kind {
                assert!(name.ends_with("_seconds") && bounds.is_sorted(), "{name}");
            }
            assert!(metric.help.ends_with(['.', ')']) && !metric.help.contains(['|', '\n']), "{name}: {}", metric.help);
        }
    }

    #[test]
    fn no_label_tells_people_places_or_words_apart() {
        let names: HashSet<&str> = ALL.iter().flat_map(|metric| metric.labels).map(|label| label.name).collect();
        for name in ["user", "channel", "workspace", "thread", "session", "turn", "text", "id"] {
            assert!(!names.contains(name), "{name}");
        }
        // Series of the labels whose values are listed; the others are few by nature.
        for metric in ALL {
            let series: usize = metric.labels.iter().map(|label| label.values.len().max(1)).product();
            assert!(series <= 32, "{}: {series}", metric.name);
        }
    }
}
