//! The operator's pages: `/metrics` and `/readyz`, with both transports.

use std::{collections::BTreeMap, fs, path::Path};

use chathakase_bot::texts;
use chathakase_metrics::{ALL, Kind};
use chathakase_model::ErrorKind;
use chathakase_sim::slack::Transport::{self, Http, Socket};

use crate::stage::{Serving, Stage, on_both_transports};

on_both_transports! {
    a_busy_run_exposes_every_metric_of_the_list_and_no_other,
    a_process_that_ends_is_not_ready_and_says_so,
    a_model_that_is_away_is_said_and_keeps_no_event_out,
}

/// Answers, commands, a queue, a duplicate, a rate limit, a model that fails: something of everything. Gives back the page as it
/// was while one question waited behind another.
async fn busy(stage: &Stage, serving: &Serving) -> String {
    drop(stage.slack.next("users.info").fails_429(1));
    let first = stage.openai.turn().text("One").gate("half").text(" and a half.");
    let thread = stage.slack.mention("ana", "#general", "count").await;
    thread.shows("One").await;
    stage.openai.answers("Two.");
    let next = thread.reply("ben", "go on").await;
    let queueing = serving.door.get("/metrics").await.body;
    first.open("half");
    thread.finishes("Two.").await;
    stage.slack.redeliver_under_new_ids(&next).await;
    stage.slack.redeliver(&next).await;
    let _ = stage.openai.turn().text("Thr").cut();
    thread.reply("ana", "and then?").await;
    serving.program.logs("the model failed").await;
    thread.reply("ana", "session info").await;
    thread.shows_part("What I remember").await;
    thread.reply("ana", "clear session").await;
    thread.shows_part("Done: I have forgotten this thread").await;
    queueing
}

/// The first post of its answer comes to stand in the thread, and Slack shows neither that nor the thread.
#[tokio::test]
async fn an_answer_that_may_stand_twice_is_counted_and_logged() {
    const COUNTED: &str = "chathakase_posts_perhaps_doubled_total";
    let stage = Stage::new(Http).await;
    let serving = stage.serve().await;
    let page = serving.door.get("/metrics").await.body;
    assert!(page.lines().any(|line| line == format!("{COUNTED} 0")), "{page}");
    drop(stage.slack.next("conversations.replies").fails("missing_scope").always());
    drop(stage.slack.next("chat.startStream").cut());
    stage.openai.answers("A whole answer.");
    let thread = stage.slack.mention("ana", "#general", "hello").await;
    thread.finishes(&texts::perhaps_again("A whole answer.")).await;
    let page = serving.door.get("/metrics").await.body;
    assert!(page.lines().any(|line| line == format!("{COUNTED} 1")), "{page}");
    let line = serving.program.logs("it may stand in its thread already").await;
    assert!(line.contains("\"ERROR\""), "{line}");
    serving.ends().await;
}

/// Whether Prometheus understands what the dashboard asks, only its own tool can say: see `scripts/test`.
#[test]
fn what_the_dashboard_asks_is_written_as_rules_for_promtool() {
    let dashboard = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/grafana.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let asked = panels.filter_map(|panel| panel["targets"].as_array()).flatten().map(|target| &target["expr"]);
    let asked = asked.map(|expr| expr.as_str().unwrap().replace("$__rate_interval", "5m").replace("$__range", "1h"));
    let rule = |(n, expr)| serde_json::json!({"record": format!("asked:{n}"), "expr": expr});
    let rules: Vec<_> = asked.enumerate().map(rule).collect();
    assert!(rules.len() >= ALL.len(), "fewer questions than metrics: {}", rules.len());
    // JSON is YAML.
    let file = serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]}).to_string();
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboard-rules.yaml"), file).unwrap();
}

/// The series of a page by name: each with its labels and value.
pub(crate) fn series(page: &str) -> BTreeMap<String, Vec<(String, f64)>> {
    let mut series: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in page.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = name.split_once('{').unwrap_or((name, "}"));
        let labels = labels.trim_end_matches('}').to_owned();
        series.entry(name.to_owned()).or_default().push((labels, value.parse().unwrap()));
    }
    series
}

async fn a_busy_run_exposes_every_metric_of_the_list_and_no_other(transport: Transport) {
    let stage = Stage::new(transport).await;
    let serving = stage.serve().await;
    let queueing = busy(&stage, &serving).await;
    for gauge in ["sessions_active", "turns_running", "turns_waiting", "messages_waiting"] {
        assert_eq!(series(&queueing)[&format!("chathakase_{gauge}")], [(String::new(), 1.0)], "{gauge}");
    }
    let page = serving.door.get("/metrics").await;
    assert_eq!(page.status, 200);
    let page = page.body;
    // For whoever has a tool that checks such pages: see `scripts/test`.
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("metrics-{transport:?}.txt")), &page).unwrap();

    let exposed: BTreeMap<&str, &str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let here = || ALL.iter().filter(|metric| transport == Socket || metric.name != "chathakase_socket_links");
    assert_eq!(exposed, here().map(|metric| (metric.name, metric.kind.name())).collect());

    let series = series(&page);
    for metric in here() {
        assert!(page.contains(&format!("# HELP {} ", metric.name)), "{}", metric.name);
        let name = match metric.kind {
            Kind::Histogram(_) => format!("{}_count", metric.name),
            _ => metric.name.to_owned(),
        };
        for (labels, _) in &series[&name] {
            let shown: Vec<&str> = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0)).collect();
            assert_eq!(shown, metric.labels.iter().map(|label| label.name).collect::<Vec<_>>(), "{name}{{{labels}}}");
        }
    }
    let value = |name: &str, labels: &str| {
        let of = series.get(name).into_iter().flatten().find(|(shown, _)| shown == labels);
        of.unwrap_or_else(|| panic!("no {name}{{{labels}}} in\n{page}")).1
    };
    assert_eq!(value("chathakase_turns_total", r#"kind="answer",outcome="answered""#), 2.0);
    assert_eq!(value("chathakase_turns_total", r#"kind="answer",outcome="failed""#), 1.0);
    assert_eq!(value("chathakase_turns_total", r#"kind="command",outcome="answered""#), 2.0);
    assert_eq!(value("chathakase_turn_first_text_seconds_count", ""), 3.0);
    assert_eq!(value("chathakase_turn_wait_seconds_count", ""), 1.0);
    assert!(value("chathakase_posts_received_total", r#"receipt="known""#) >= 2.0, "duplicates are dropped");
    assert_eq!(value("chathakase_erasures_total", r#"cause="cleared""#), 1.0);
    assert_eq!(value("chathakase_model_requests_total", r#"model="gpt-4o",result="broken""#), 1.0);
    assert!(value("chathakase_slack_calls_total", r#"method="chat.startStream",result="ok""#) >= 2.0);
    assert_eq!(value("chathakase_slack_calls_total", r#"method="users.info",result="rate_limited""#), 1.0);
    for kind in ["prompt", "completion"] {
        assert!(value("chathakase_model_tokens_total", &format!("model=\"gpt-4o\",kind=\"{kind}\"")) > 0.0, "{kind}");
    }
    assert_eq!(value("chathakase_adoptions_total", ""), 0.0);
    assert_eq!(value("chathakase_ready", r#"part="store""#), 1.0);
    for planted in ["ana", "ben", "count", "general", stage.slack.workspace().as_str(), stage.slack.bot_token()] {
        let shown = series.values().flatten().find(|(labels, _)| labels.contains(&format!("\"{planted}\"")));
        assert_eq!(shown, None);
    }
    serving.ends().await;
}

async fn a_process_that_ends_is_not_ready_and_says_so(transport: Transport) {
    let stage = Stage::new(transport).await;
    let turn = stage.openai.turn().text("One").gate("half").text(" moment.");
    let serving = stage.serve().await;
    assert_eq!(serving.door.readyz().await.0, 200);
    let thread = stage.slack.mention("ana", "#general", "are you ready?").await;
    thread.shows("One").await;
    serving.program.terminate().await;
    serving.program.logs("ending: running answers are finished first").await;
    let (status, page) = serving.door.readyz().await;
    assert_eq!((status, &page["status"]), (503, &"not ready".into()), "{page}");
    assert!(page["parts"]["process"]["says"].as_str().unwrap().contains("it ends"), "{page}");
    if transport == Http {
        assert_eq!(serving.door.signed(b"{}").await.status, 503, "Slack is told to come again");
    }
    turn.open("half");
    let ended = serving.program.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert_eq!(thread.answers(), ["One moment."]);
}

async fn a_model_that_is_away_is_said_and_keeps_no_event_out(transport: Transport) {
    let mut stage = Stage::new(transport).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    stage.set("OPENAI_BASE_URL", &format!("http://{closed}/v1"));
    let serving = stage.serve().await;
    let (status, page) = serving.door.readyz().await;
    assert_eq!((status, &page["status"]), (200, &"ready".into()), "{page}");
    assert_eq!(page["parts"]["model"]["state"], "unknown", "nobody has asked it yet");
    let thread = stage.slack.mention("ana", "#general", "are you there?").await;
    thread.shows_part(&texts::model_failed(ErrorKind::Unreachable)).await;
    let (status, page) = serving.door.readyz().await;
    assert_eq!((status, &page["status"]), (200, &"degraded".into()), "{page}");
    let model = &page["parts"]["model"];
    assert_eq!(model["state"], "degraded");
    assert!(model["next_step"].as_str().unwrap().contains("check model.base_url"), "{model}");
    assert!(model["age_seconds"].as_u64().unwrap() < 30, "{model}");
    let page = serving.door.get("/metrics").await.body;
    assert!(page.contains("chathakase_ready{part=\"model\"} 0"), "{page}");
    serving.ends().await;
}
