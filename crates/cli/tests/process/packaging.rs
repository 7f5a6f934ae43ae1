//! The image, the compose file and the systemd unit say of the program what is true of it.

use std::{collections::HashMap, time::Duration};

use chathakase::config::{Config, KEYS};
use chathakase_sim::slack::Transport::Http;
use yaml_rust2::{Yaml, YamlLoader};

use crate::{
    program::{BINARY, Program},
    stage::Stage,
};

const IMAGE: &str = include_str!("../../../../Dockerfile");
const COMPOSE: &str = include_str!("../../../../compose.yaml");
const UNIT: &str = include_str!("../../../../deploy/chathakase.service");

/// CPU time of a start in clock ticks (10 ms), until it has signed in and opened a new database. Whoever else uses the machine, it
/// cannot start within 100 ms when it works longer than that; `scripts/size` measures the wait itself.
const START_TICKS_MAX: u64 = 10;

/// What an instruction of the image says, its last time: that of the image that runs.
fn image(instruction: &str) -> &'static str {
    let mut said = IMAGE.lines().filter_map(|line| line.strip_prefix(instruction)?.strip_prefix(' '));
    said.next_back().unwrap_or_else(|| panic!("the Dockerfile has no {instruction}"))
}

/// The environment that the image sets.
fn image_env() -> HashMap<String, String> {
    let (_, after) = IMAGE.split_once("\nENV ").expect("the Dockerfile has no ENV");
    let end = after.find("\nUSER").expect("USER comes after ENV");
    let pairs = after[..end].split_whitespace().filter(|word| *word != "\\");
    pairs.filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect()
}

/// Names in capitals: those of the environment.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
    words.filter(|word| word.contains('_') && !word.starts_with('_'))
}

fn is_setting(name: &str) -> bool {
    name == "PORT" || KEYS.iter().any(|key| key.usual_env == Some(name) || key.env() == name)
}

fn service() -> Yaml {
    let documents = YamlLoader::load_from_str(COMPOSE).expect("compose.yaml is YAML");
    let services = documents[0]["services"].as_hash().expect("compose.yaml has services");
    assert_eq!(services.len(), 1, "one service: the program with its file");
    assert!(documents[0]["volumes"].as_hash().unwrap().contains_key(&Yaml::from_str("data")));
    services[&Yaml::from_str("chathakase")].clone()
}

fn secs(text: &str) -> u64 {
    text.strip_suffix('s').and_then(|secs| secs.parse().ok()).unwrap_or_else(|| panic!("{text} is not in seconds"))
}

/// How long the program may take to end: `http.linger`, `limits.drain` and what the README adds to them.
fn end_max() -> Duration {
    let config = config(HashMap::from([("DATABASE_URL".into(), "memory:".into())]));
    config.http_linger + config.limits_drain + Duration::from_secs(20)
}

fn config(mut env: HashMap<String, String>) -> Config {
    let tokens = [("SLACK_BOT_TOKEN", "xoxb-1"), ("SLACK_SIGNING_SECRET", "2"), ("OPENAI_API_KEY", "3")];
    env.extend(tokens.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("chathakase.toml");
    std::fs::write(&empty, "").unwrap();
    Config::load(Some(&empty), &|name| env.get(name).cloned(), &[]).unwrap()
}

#[test]
fn the_image_sets_what_the_program_understands() {
    let env = image_env();
    assert!(!env.is_empty() && env.keys().all(|name| is_setting(name)), "{env:?}");
    let config = config(env.clone());
    let data = image("VOLUME");
    assert_eq!(config.store_url, format!("sqlite:{data}/chathakase.db"));
    assert_eq!(
        config.http_listen.to_string(),
        format!("0.0.0.0:{}", image("EXPOSE")),
        "what is let out is listened on"
    );
    let user: u32 = image("USER").split(':').next().unwrap().parse().expect("a number needs no file of names");
    assert!(user > 0, "not root");
    assert!(IMAGE.contains(&format!("--chown={user}:{user} /out{data} {data}")), "it may write its folder");
    let health = IMAGE.lines().find(|line| line.starts_with("HEALTHCHECK")).unwrap();
    assert!(health.contains("/127.0.0.1/$PORT") && health.contains("GET /healthz HTTP/1.0"), "{health}");
    assert_eq!((image("ENTRYPOINT"), image("CMD")), ("[\"/usr/local/bin/chathakase\"]", "[\"serve\"]"));
    for name in names(UNIT).chain(names(COMPOSE)).filter(|name| name.starts_with("SLACK") || name.starts_with("OPENAI"))
    {
        assert!(is_setting(name), "there is no setting {name}");
    }
}

#[test]
fn the_compose_file_fits_the_image() {
    let service = service();
    let list = |name: &str| -> Vec<String> {
        let items = service[name].as_vec().unwrap_or_else(|| panic!("no {name}"));
        items.iter().map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(service["build"].as_str(), Some("."));
    assert_eq!(list("volumes"), [format!("data:{}", image("VOLUME"))]);
    let port = image("EXPOSE");
    assert_eq!(list("ports"), [format!("127.0.0.1:{port}:{port}")], "nobody but this machine");
    assert_eq!((service["read_only"].as_bool(), list("cap_drop")), (Some(true), vec!["ALL".to_owned()]));
    assert_eq!(list("security_opt"), ["no-new-privileges:true"]);
    assert!(secs(service["stop_grace_period"].as_str().unwrap()) > end_max().as_secs(), "answers may end");
    // What the image says is not said again, and so cannot differ.
    for said in ["command", "entrypoint", "environment", "healthcheck", "user"] {
        assert!(service[said].is_badvalue(), "{said} is the image's to say");
    }
}

#[test]
fn the_unit_gives_the_program_what_it_needs() {
    let says = |name: &str| {
        let line = UNIT.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("the unit has no {name}"))
    };
    assert_eq!(says("ExecStart"), "/usr/local/bin/chathakase serve");
    assert!(secs(says("TimeoutStopSec")) > end_max().as_secs(), "answers may end");
    let (name, url) = says("Environment").split_once('=').unwrap();
    assert!(is_setting(name));
    let folder = format!("sqlite:/var/lib/{}/", says("StateDirectory"));
    assert!(config(HashMap::from([(name.into(), url.into())])).store_url.starts_with(&folder));
    assert_eq!((says("DynamicUser"), says("ProtectSystem")), ("yes", "strict"));
}

#[tokio::test]
async fn a_start_costs_little() {
    let stage = Stage::new(Http).await;
    let program = Program::start(stage.command());
    program.ready().await;
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", program.id())).unwrap();
    // Behind the name, which is in parentheses, the 12th and 13th words: its own time and that of the system for it.
    let words: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = words[11..13].iter().map(|word| word.parse::<u64>().unwrap()).sum::<u64>();
    assert!(ticks <= START_TICKS_MAX, "{BINARY} took {ticks}0 ms of CPU time to start");
    program.kill().await;
}
