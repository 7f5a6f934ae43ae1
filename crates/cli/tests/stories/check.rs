//! `check` finds what is broken, names it and nothing else, and disturbs nobody.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chathakase::{
    check::{self, Report, Spot, Verdict, Wishes},
    config::Config,
};
use chathakase_session::time::Clock;
use chathakase_sim::{
    ManualClock,
    model::ScriptedModel,
    slack::{MentionOrder, Options, SmallSlack, Transport},
};
use chathakase_slack::manifest::needs::{self, EVENTS};
use tokio::sync::mpsc;

use crate::harness::{as_the_manifest_says, stories};

const ALL: [Spot; 4] = [Spot::Channel, Spot::Private, Spot::Group, Spot::Dm];
const WORD: &str = "check 4821";

/// Everything that a check looks at, set up as the README says.
struct Office {
    slack: SmallSlack,
    openai: ScriptedModel,
    clock: ManualClock,
    env: HashMap<String, String>,
    folder: tempfile::TempDir,
}

impl Office {
    async fn open(transport: Transport) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = ManualClock::new();
        let options = Options { mention_order: MentionOrder::AtOnce, ..Options::driven_by(&clock, transport) };
        let slack = SmallSlack::start(options).await;
        as_the_manifest_says(&slack);
        slack.channel("#general");
        let openai = ScriptedModel::start(Arc::new(clock.clone())).await;
        let folder = tempfile::tempdir().unwrap();
        let mut office = Self { slack, openai, clock, env: HashMap::new(), folder };
        let store = format!("sqlite:{}", office.folder.path().join("chathakase.db").display());
        office.set("SLACK_BOT_TOKEN", office.slack.bot_token().to_owned());
        office.set("SLACK_API_URL", office.slack.api_url());
        office.set("OPENAI_BASE_URL", office.openai.base_url());
        office.set("DATABASE_URL", store);
        office.set("CHATHAKASE_HTTP__LISTEN", "127.0.0.1:0".to_owned());
        match transport {
            Transport::Http => office.set("SLACK_SIGNING_SECRET", office.slack.signing_secret().to_owned()),
            Transport::Socket => office.set("SLACK_APP_TOKEN", office.slack.app_token().to_owned()),
        }
        office
    }

    fn set(&mut self, name: &str, value: String) {
        self.env.insert(name.to_owned(), value);
    }

    fn config(&self) -> Config {
        let empty = self.folder.path().join("chathakase.toml");
        std::fs::write(&empty, "").unwrap();
        Config::load(Some(&empty), &|name| self.env.get(name).cloned(), &[]).unwrap()
    }

    /// A check without waiting for anybody.
    async fn check(&self) -> Report {
        self.check_by(&self.clock).await
    }

    async fn check_by(&self, clock: &ManualClock) -> Report {
        self.openai.answers("ok");
        check::look(&self.config(), Arc::new(clock.clone()), &Wishes::default(), &mut |_| {}).await
    }

    /// A check during which somebody writes in each of the places.
    async fn check_live(&self) -> Report {
        self.check_live_hearing(WORD).await.0
    }

    /// The same with other words; and what the check told before.
    async fn check_live_hearing(&self, words: &'static str) -> (Report, String) {
        self.openai.answers("ok");
        let wishes = Wishes { live: ALL.to_vec(), wait: Duration::from_mins(3), word: WORD.to_owned() };
        let (teller, mut lines) = mpsc::unbounded_channel::<String>();
        let mut tell = |line: &str| drop(teller.send(line.to_owned()));
        let config = self.config();
        let checking = check::look(&config, Arc::new(self.clock.clone()), &wishes, &mut tell);
        let mut told = String::new();
        let people = async {
            while let Some(line) = lines.recv().await {
                told.push_str(&line);
                if let Some(address) = line.strip_prefix("listening on ") {
                    self.slack.deliver_to(&format!("http://{address}"));
                }
                if line.contains("Nothing is answered now") {
                    break;
                }
            }
            // No other waits pass, such as the time limits of calls under way.
            let (grace, wait) = (Duration::from_secs(5), Duration::from_mins(3));
            match config.slack_transport {
                // Refused at once.
                chathakase::config::Transport::Http => {
                    people_write(self.slack.clone(), words).await;
                    tokio::select! { _ = self.clock.pass_sleep(grace..=grace) => {}, _ = self.clock.pass_sleep(wait..=wait) => {} }
                }
                // Never acknowledged: there is nothing to wait for but what the check makes of it.
                chathakase::config::Transport::Socket => {
                    tokio::spawn(people_write(self.slack.clone(), words));
                    self.clock.pass_sleep(grace..=grace).await;
                }
            }
            std::future::pending::<()>().await;
        };
        let report = tokio::select! { report = checking => report, () = people => unreachable!() };
        (report, told)
    }
}

/// All at once: over a socket each waits for an acknowledgement that never comes.
async fn people_write(slack: SmallSlack, words: &str) {
    slack.private_channel("#secret");
    tokio::join!(
        slack.mention("ana", "#general", words),
        slack.mention("ana", "#secret", words),
        slack.group_dm(&["ana", "ben"], words),
        slack.dm("ana", words),
    );
}

#[track_caller]
fn names(report: &Report, wrong: &[&str]) {
    assert_eq!(report.parts(Verdict::Wrong), wrong, "{report:#?}");
    for finding in report.findings.iter().filter(|finding| finding.verdict != Verdict::Right) {
        assert!(finding.mend.is_some(), "nothing to do about it: {finding:?}");
    }
    assert_eq!(report.ok, wrong.is_empty());
}

#[tokio::test]
async fn what_is_set_up_right_is_right_on_both_transports() {
    for transport in [Transport::Http, Transport::Socket] {
        names(&Office::open(transport).await.check().await, &[]);
    }
    let report = Office::open(Transport::Http).await.check_live().await;
    names(&report, &[]);
    for event in EVENTS {
        assert!(report.parts(Verdict::Right).contains(&&*format!("event {}", event.name)), "{report:#?}");
    }
    assert_eq!(report.parts(Verdict::Hint), Vec::<&str>::new());
}

#[tokio::test]
async fn each_scope_that_is_missing_is_named_and_nothing_else() {
    for missing in needs::scopes(true) {
        let office = Office::open(Transport::Http).await;
        let granted: Vec<&str> = needs::scopes(true).into_iter().filter(|scope| *scope != missing).collect();
        office.slack.set_scopes(&granted);
        let report = office.check_live().await;
        let part = format!("scope {missing}");
        match missing {
            // Without it the app is no agent, which some want.
            "assistant:write" => {
                names(&report, &[]);
                assert_eq!(report.parts(Verdict::Hint), [part]);
            }
            _ => names(&report, &[&part]),
        }
    }
}

#[tokio::test]
async fn each_event_that_is_not_subscribed_to_is_named_and_nothing_else() {
    for missing in EVENTS {
        let office = Office::open(Transport::Http).await;
        let others: Vec<&str> = EVENTS.iter().map(|event| event.name).filter(|name| *name != missing.name).collect();
        office.slack.subscribe(&others);
        names(&office.check_live().await, &[&format!("event {}", missing.name)]);
    }
}

#[tokio::test]
async fn events_that_come_with_other_words_are_said_to_have_come() {
    let (report, told) = Office::open(Transport::Http).await.check_live_hearing("hello").await;
    names(&report, &[]);
    for event in EVENTS.iter().filter(|event| event.name != "agent_session_stopped") {
        let finding = report.findings.iter().find(|finding| finding.part == format!("event {}", event.name)).unwrap();
        assert!(finding.says == format!("came with another message, and not with `{WORD}`"), "{finding:?}");
    }
    assert!(told.contains("what you write waits for `chathakase serve`"), "{told}");
}

#[tokio::test]
async fn events_are_seen_over_socket_mode_too() {
    let office = Office::open(Transport::Socket).await;
    let others: Vec<&str> = EVENTS.iter().map(|event| event.name).filter(|name| *name != "app_mention").collect();
    office.slack.subscribe(&others);
    names(&office.check_live().await, &["event app_mention"]);
    let unacknowledged =
        office.slack.events().iter().all(|event| event.fate != chathakase_sim::slack::Fate::Acknowledged);
    assert!(unacknowledged, "whatever comes is left to a `serve`: {:#?}", office.slack.events());
}

#[tokio::test]
async fn each_token_that_is_wrong_is_named_and_nothing_else() {
    use Transport::{Http, Socket};
    for (transport, name, value, part) in [
        (Http, "SLACK_BOT_TOKEN", "xoxb-of-another-app", "slack.bot_token"),
        (Socket, "SLACK_BOT_TOKEN", "xoxb-of-another-app", "slack.bot_token"),
        (Socket, "SLACK_APP_TOKEN", "xapp-of-another-app", "slack.app_token"),
        (Http, "SLACK_SIGNING_SECRET", "of-another-app", "slack.signing_secret"),
    ] {
        let mut office = Office::open(transport).await;
        office.set(name, value.to_owned());
        let report = if transport == Http { office.check_live().await } else { office.check().await };
        names(&report, &[part]);
        assert!(!format!("{report:?}").contains("of-another-app"), "{report:#?}");
    }
    let office = Office::open(Socket).await;
    office.slack.set_app_scopes(&[]);
    let report = office.check().await;
    names(&report, &["slack.app_token"]);
    assert!(report.findings.iter().any(|finding| finding.says.contains("connections:write")), "{report:#?}");
}

#[tokio::test]
async fn a_signing_secret_is_said_to_be_untried_until_slack_has_signed_with_it() {
    let mut office = Office::open(Transport::Http).await;
    for (secret, looks) in
        [("0123456789abcdef0123456789ABCDEF", "looks as it should"), ("nonsense", "is not 32 hexadecimal")]
    {
        office.set("SLACK_SIGNING_SECRET", secret.to_owned());
        let report = office.check().await;
        names(&report, &[]);
        let finding = report.findings.iter().find(|finding| finding.part == "slack.signing_secret").unwrap();
        assert!(finding.verdict == Verdict::Hint && finding.says.starts_with(looks), "{finding:?}");
        assert!(finding.mend.as_ref().unwrap().contains("check --live"), "{finding:?}");
        assert!(report.summary().starts_with("Nothing is wrong; "), "{}", report.summary());
    }
    let office = Office::open(Transport::Http).await;
    office.slack.subscribe(&[]);
    let report = office.check_live().await;
    let finding = report.findings.iter().find(|finding| finding.part == "slack.signing_secret").unwrap();
    assert!(finding.mend.as_ref().unwrap().contains("no request came"), "{finding:?}");
    let report = Office::open(Transport::Http).await.check_live().await;
    assert!(report.parts(Verdict::Right).contains(&"slack.signing_secret"), "{report:#?}");
    assert_eq!(report.summary(), "Everything that was looked at is right.");
}

#[tokio::test]
async fn whatever_else_is_broken_is_named_and_nothing_else() {
    let mut office = Office::open(Transport::Http).await;
    office.set("DATABASE_URL", format!("sqlite:{}", office.folder.path().display()));
    names(&office.check().await, &["store"]);

    let mut office = Office::open(Transport::Http).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    office.set("CHATHAKASE_HTTP__LISTEN", taken.local_addr().unwrap().to_string());
    // Who listens there never answers: the wait for it is over in no time.
    let report = tokio::select! {
        report = office.check() => report,
        () = async { loop { office.clock.pass_sleep(Duration::from_secs(2)..=Duration::from_secs(2)).await; } } => unreachable!(),
    };
    names(&report, &["http.listen"]);

    // An address of documentation, which no machine has.
    let mut office = Office::open(Transport::Http).await;
    office.set("CHATHAKASE_HTTP__LISTEN", "192.0.2.1:3000".to_owned());
    let report = tokio::select! {
        report = office.check() => report,
        () = async { loop { office.clock.pass_sleep(Duration::from_secs(2)..=Duration::from_secs(2)).await; } } => unreachable!(),
    };
    names(&report, &["http.listen"]);
    let finding = report.findings.iter().find(|finding| finding.part == "http.listen").unwrap();
    assert!(finding.says.ends_with("that is no address of this machine"), "{finding:?}");

    // Another program that says that it is well.
    let mut office = Office::open(Transport::Http).await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    office.set("CHATHAKASE_HTTP__LISTEN", taken.local_addr().unwrap().to_string());
    let other = axum::Router::new().route("/healthz", axum::routing::get(async || "ok"));
    tokio::spawn(axum::serve(taken, other).into_future());
    names(&office.check().await, &["http.listen"]);

    let mut office = Office::open(Transport::Socket).await;
    office.set("SLACK_API_URL", "http://127.0.0.1:1/api/".to_owned());
    let report = tokio::select! {
        report = office.check() => report,
        () = async { loop { office.clock.pass_sleep(Duration::from_millis(500)..=Duration::from_secs(1)).await; } } => unreachable!(),
    };
    names(&report, &["slack.api_url"]);

    let office = Office::open(Transport::Socket).await;
    let config = office.config();
    let _ = office.openai.turn().status(401);
    let report = check::look(&config, Arc::new(office.clock.clone()), &Wishes::default(), &mut |_| {}).await;
    names(&report, &["model"]);
}

#[tokio::test]
async fn the_model_is_asked_once_and_for_little() {
    let mut office = Office::open(Transport::Http).await;
    office.set("CHATHAKASE_MODEL__MAX_TOKENS", "4000".to_owned());
    office.check().await;
    let asked = office.openai.last_request();
    assert_eq!(asked.raw()["max_tokens"], 256);
    assert!(asked.raw().to_string().len() < 1000, "{}", asked.raw());
    // What may pass is not tried again: a check says what it saw.
    let _ = office.openai.turn().status(503);
    let report = check::look(&office.config(), Arc::new(office.clock.clone()), &Wishes::default(), &mut |_| {}).await;
    names(&report, &["model"]);
    assert_eq!(office.openai.requests_seen(), 2);
}

#[tokio::test]
async fn a_clock_that_is_more_than_a_minute_wrong_is_named() {
    let office = Office::open(Transport::Socket).await;
    for (off_secs, wrong) in [(59, &[][..]), (-59, &[]), (70, &["clock"]), (-400, &["clock"])] {
        let ours = ManualClock::new();
        ours.advance(Duration::from_millis(office.clock.now().as_millis().abs_diff(ours.now().as_millis())));
        ours.shift_wall(off_secs * 1000);
        names(&office.check_by(&ours).await, wrong);
    }
}

stories! { by socket:
    a_check_swallows_no_event,
    a_check_beside_a_running_assistant_disturbs_nothing,
}

mod told {
    use super::*;
    use crate::harness::Story;

    pub(super) async fn a_check_swallows_no_event(s: &mut Story) {
        s.stop().await;
        let thread = s.slack.dm("ana", "I am Ana").await;
        // On a busy machine a check is gone before Slack tries its link.
        while s.slack.events()[0].tries == 0 {
            s.openai.answers("ok");
            let report = check::look(&s.config(), Arc::new(s.clock.clone()), &Wishes::default(), &mut |_| {}).await;
            names(&report, &[]);
        }
        s.openai.answers("Hello Ana.");
        s.start().await;
        thread.finishes("Hello Ana.").await;
    }

    pub(super) async fn a_check_beside_a_running_assistant_disturbs_nothing(s: &mut Story) {
        s.openai.answers("Hello Ana.").answers("ok").answers("You are Ana.");
        let thread = s.slack.mention("ana", "#general", "I am Ana").await;
        thread.finishes("Hello Ana.").await;
        let report = check::look(&s.config(), Arc::new(s.clock.clone()), &Wishes::default(), &mut |_| {}).await;
        names(&report, &[]);
        let says = |part: &str| report.findings.iter().find(|finding| finding.part == part).unwrap().says.clone();
        assert!(says("slack.app_token").contains("one other link is open"), "{report:#?}");
        assert!(says("store").contains("a running `chathakase serve` writes it"), "{report:#?}");
        thread.reply("ana", "who am I?").await;
        thread.finishes("You are Ana.").await;
        assert_eq!(thread.answers().len(), 2, "the check says nothing in Slack");
    }
}
