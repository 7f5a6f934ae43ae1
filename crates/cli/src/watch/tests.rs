//! The pages' words, and the table of metrics.

use std::time::Duration;

use chathakase_bot::CatchUpReport;
use chathakase_metrics::{ALL, Failure, Kind, Report, markdown_table};
use chathakase_session::{Timestamp, store::StoreError, time::TimedOut};
use chathakase_slack::socket::LinkReport;
use serde_json::{Value, json};

use super::{
    health::{self, Health, Part},
    inbox::Refused,
};
use crate::generated::page_says;

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

fn ago(secs: u64) -> Option<Timestamp> {
    Some(NOW - Duration::from_secs(secs))
}

#[track_caller]
fn check(part: Part, state: &str, says: &str, has_next_step: bool) {
    let part = serde_json::to_value(part).unwrap();
    assert_eq!((part["state"].as_str(), part["says"].as_str()), (Some(state), Some(says)));
    assert_eq!(part["next_step"].is_string(), has_next_step, "{part}");
}

#[test]
fn a_link_is_judged_by_what_was_heard_and_events_are_told_beside() {
    let up = LinkReport { connected_since: ago(300), last_frame_at: ago(4), links: 1, ..LinkReport::default() };
    check(health::socket(&up, ago(30), NOW), "ok", "up for 5 min and alive; the last event came 30 s ago", false);
    // Pings go on, events do not: that is all that can be known.
    check(health::socket(&up, ago(9000), NOW), "ok", "up for 5 min and alive; the last event came 2 h ago", false);
    check(health::socket(&up, None, NOW), "ok", "up for 5 min and alive; no event has come yet", true);
    let half_open = LinkReport { last_frame_at: ago(20), ..up.clone() };
    let says = "nothing was heard for 20 s, though we asked; the last event came 30 s ago";
    check(health::socket(&half_open, ago(30), NOW), "degraded", says, true);
    let trouble = Some("the link is dead: nothing heard for too long".to_owned());
    let dead = LinkReport { connected_since: None, links: 0, last_trouble: trouble, ..half_open };
    let says = "no link is up: the link is dead: nothing heard for too long";
    check(health::socket(&dead, ago(30), NOW), "failing", says, true);
    check(
        health::socket(&LinkReport::default(), None, NOW),
        "failing",
        "no link is up: it was not up yet, or has just ended",
        true,
    );
}

#[test]
fn unknown_is_no_failure_and_an_old_failure_is_only_what_it_is() {
    let report = |worked: Option<u64>, failed: Option<u64>| Report {
        worked_at: worked.and_then(ago),
        failure: failed.map(|secs| Failure { at: ago(secs).unwrap(), why: "check it".to_owned() }),
    };
    check(health::others(&report(None, None), "the model", NOW), "unknown", "the model was not called yet", false);
    check(health::others(&report(Some(5), None), "the model", NOW), "ok", "the last call to the model worked", false);
    check(
        health::others(&report(Some(9), Some(5)), "the model", NOW),
        "degraded",
        "the last call to the model failed",
        true,
    );
    let old = health::others(&report(None, Some(601)), "the model", NOW);
    check(old, "unknown", "the last call to the model failed, and none was made since", true);
}

#[test]
fn requests_that_were_refused_are_said_as_long_as_no_event_came_after_them() {
    let refused = |requests, secs| Some(Refused { requests, last_at: ago(secs).unwrap() });
    let says = "no event has come yet, and 4 requests were refused for their signature, the last 5 s ago";
    check(health::http(None, refused(4, 5), NOW), "degraded", says, true);
    let says = "no event has come yet; whether Slack reaches us shows only then";
    check(health::http(None, refused(4, 601), NOW), "unknown", says, true);
    let says = "Slack's last event came 9 s ago; 1 request was refused for its signature since";
    check(health::http(ago(9), refused(1, 5), NOW), "ok", says, true);
    check(health::http(ago(9), None, NOW), "ok", "Slack's last event came 9 s ago", false);
}

#[test]
fn a_store_that_fails_or_hangs_is_not_ready() {
    let error = StoreError::Unavailable { what: "the disk is full".to_owned(), cause: None };
    let says = "the store cannot write now (the disk is full); it will be tried again";
    check(health::store(Ok(Err(error)), Duration::ZERO), "failing", says, true);
    let late = Err(TimedOut { limit: Duration::from_secs(2) });
    check(health::store(late, Duration::ZERO), "failing", "a write was not done within 2 s", true);
    check(health::store(Ok(Ok(())), Duration::from_millis(3)), "ok", "a write took 3 ms", false);
}

#[test]
fn what_was_not_looked_for_is_said_for_an_hour() {
    let fresh = CatchUpReport::default();
    check(health::catch_up(&fresh, NOW), "unknown", "what may have been missed was not looked for yet", false);
    let looking = CatchUpReport { looks: 1, looking_from: ago(900), ..fresh };
    check(health::catch_up(&looking, NOW), "ok", "what was missed in the last 15 min is looked for", false);
    let done = CatchUpReport { looking_from: None, found: 3, ..looking.clone() };
    check(health::catch_up(&done, NOW), "ok", "missed messages found since the start: 3", false);
    let given_up = |report: &CatchUpReport, secs| {
        let last_given_up = Some((ago(secs).unwrap(), "a thread was too long".to_owned()));
        CatchUpReport { given_up: 2, last_given_up, ..report.clone() }
    };
    let says = "what may have been missed was not looked for, 2 times since the start; last: a thread was too long";
    check(health::catch_up(&given_up(&done, 3600), NOW), "degraded", says, true);
    check(health::catch_up(&given_up(&looking, 3600), NOW), "degraded", says, true);
    let says = "missed messages found since the start: 3";
    check(health::catch_up(&given_up(&done, 3601), NOW), "ok", says, false);
}

#[test]
fn the_worst_part_decides_and_only_what_keeps_events_out_makes_it_not_ready() {
    let status = |parts: Vec<(&'static str, Part)>| {
        let health = Health::of(parts);
        let ready = health.is_ready();
        let body: Value = serde_json::to_value(health).unwrap();
        (ready, body["status"].clone())
    };
    let unknown = || health::http(None, None, NOW);
    let failed = Report { failure: Some(Failure { at: NOW, why: String::new() }), worked_at: None };
    assert_eq!(status(vec![("process", health::process(false)), ("slack_link", unknown())]), (true, json!("ready")));
    let degraded = health::others(&failed, "the model", NOW);
    assert_eq!(status(vec![("model", degraded.clone()), ("slack_link", unknown())]), (true, json!("degraded")));
    assert_eq!(status(vec![("model", degraded), ("process", health::process(true))]), (false, json!("not ready")));
}

/// Every metric that `text` asks Prometheus for: names of ours, without what Prometheus adds to those of histograms.
fn asked_for(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("chathakase_") || word.starts_with("process_"));
    ours.map(|name| {
        let histogram = ALL.iter().find(|metric| {
            let rest = name.strip_prefix(metric.name);
            matches!(metric.kind, Kind::Histogram(_))
                && rest.is_some_and(|end| ["_bucket", "_sum", "_count"].contains(&end))
        });
        histogram.map_or(name, |metric| metric.name)
    })
    .collect()
}

#[test]
fn dashboard_and_alerts_ask_only_for_metrics_of_the_list_and_the_dashboard_for_all_of_them() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy");
    let dashboard: Value =
        serde_json::from_str(&std::fs::read_to_string(format!("{folder}/grafana.json")).unwrap()).unwrap();
    let targets =
        dashboard["panels"].as_array().unwrap().iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let queries: Vec<&str> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    let alerts = std::fs::read_to_string(format!("{folder}/alerts.yaml")).unwrap();
    let (drawn, alerted) = (queries.join(" "), asked_for(&alerts));
    let drawn = asked_for(&drawn);
    for name in drawn.iter().chain(&alerted) {
        assert!(ALL.iter().any(|metric| metric.name == *name), "there is no metric {name}");
    }
    for metric in ALL {
        assert!(drawn.contains(&metric.name), "no panel shows {}", metric.name);
    }
}

#[test]
fn the_table_of_metrics_is_made_from_the_list() {
    page_says("docs/metrics.md", "metrics", &markdown_table());
}
