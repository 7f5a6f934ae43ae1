//! `chathakase sessions`: what is remembered, for the operator.
//!
//! Listing reads the database beside a `serve` that runs. Clearing does not write beside it: `serve` is told to do that in the
//! thread, or is stopped first.

use std::{
    collections::HashMap,
    io::{BufRead, IsTerminal, Write},
    sync::Arc,
};

use anyhow::{Context, bail, ensure};
use chathakase_session::{
    SessionId, SlackTs, ThreadKey, Timestamp, WorkspaceId,
    store::{Cleared, Page, SessionInfo, SessionStore, StoreError},
    time::SharedClock,
};
use chathakase_store::{OpenError, open_beside};
use serde::Serialize;

use crate::{
    args::{self, SessionsAsk},
    clock::SystemClock,
    config::{Config, duration},
    wiring,
};

/// Sessions on one page of a list.
const PAGE_SIZE: usize = 20;
/// Sessions that are read at once to find one by its name: the most that a store gives.
const SCAN_SIZE: usize = 100;

/// Does what was asked.
pub async fn run(args: &args::Sessions) -> anyhow::Result<()> {
    let config = Config::load_here(args.settings.config.as_deref(), &args.settings.flags())?;
    let clock: SharedClock = Arc::new(SystemClock::new());
    let store = open_beside(&config.store_url, wiring::rules(&config), clock.clone())?;
    let now = clock.now();
    let said = match &args.ask {
        SessionsAsk::List { page, json } => list(&*store, *page, *json, now).await,
        SessionsAsk::Info { which, json } => info(&*store, which, *json, now).await,
        SessionsAsk::Clear { which, yes } => {
            let found = find(&*store, which, now).await?;
            store.shutdown().await;
            ensure!(*yes || is_sure(&found)?, "nothing was erased");
            clear(&config, clock, &found.key).await
        }
    };
    store.shutdown().await;
    say(&said?)
}

/// A session as a machine reads it.
#[derive(Serialize)]
struct Row<'a> {
    id: String,
    workspace: &'a WorkspaceId,
    people: Vec<Someone<'a>>,
    user_messages: u64,
    assistant_messages: u64,
    waiting: u64,
    created_at: String,
    last_activity: String,
    /// None while an answer is being made.
    expires_at: Option<String>,
    model: Option<&'a str>,
}

#[derive(Serialize)]
struct Someone<'a> {
    id: &'a str,
    name: &'a str,
}

impl<'a> Row<'a> {
    fn of(info: &'a SessionInfo) -> Self {
        Self {
            id: info.key.session_id().to_string(),
            workspace: &info.key.workspace,
            people: info.people.iter().map(|(id, name)| Someone { id: id.as_str(), name }).collect(),
            user_messages: info.user_messages,
            assistant_messages: info.assistant_messages,
            waiting: info.waiting,
            created_at: moment(info.created_at),
            last_activity: moment(info.last_activity),
            expires_at: info.expires_at.map(moment),
            model: info.model.as_deref(),
        }
    }
}

async fn list(store: &dyn SessionStore, page: usize, json: bool, now: Timestamp) -> anyhow::Result<String> {
    ensure!(page >= 1, "pages are counted from 1");
    let stats = store.stats(None, now).await?;
    let rows = named(store.sessions(&Page { workspace: None, number: page - 1, size: PAGE_SIZE }, now).await?);
    let total = stats.active_sessions;
    let pages = usize::try_from(total).unwrap_or(usize::MAX).div_ceil(PAGE_SIZE).max(1);
    if json {
        let sessions: Vec<Row<'_>> = rows.iter().map(Row::of).collect();
        let all = serde_json::json!({"active_sessions": total, "messages": stats.messages, "participants": stats.participants,
            "oldest": stats.oldest.map(moment), "newest": stats.newest.map(moment), "page": page, "pages": pages, "sessions": sessions});
        return Ok(serde_json::to_string_pretty(&all)?);
    }
    ensure!(page <= pages, "there is no page {page}: the last one is {pages}");
    if total == 0 {
        return Ok("no active session".to_owned());
    }
    let mut lines =
        vec![format!("{:<32}  {:<12}  {:>8}  {:>12}  {}", "SESSION", "WORKSPACE", "MESSAGES", "LAST", "PEOPLE")];
    lines.extend(rows.iter().map(|row| line(row, now)));
    lines.push(format!("{total} active, page {page} of {pages}"));
    if let (Some(oldest), Some(newest)) = (stats.oldest, stats.newest) {
        lines.push(format!("the oldest began {} ago, the newest {} ago", rounded(now, oldest), rounded(now, newest)));
    }
    Ok(lines.join("\n"))
}

fn line(row: &SessionInfo, now: Timestamp) -> String {
    let messages = row.user_messages + row.assistant_messages;
    let people = row.people.values().map(|name| printable(name)).collect::<Vec<_>>().join(", ");
    let ago = format!("{} ago", rounded(now, row.last_activity));
    let id = row.key.session_id().to_string();
    format!("{id:<32}  {:<12}  {messages:>8}  {ago:>12}  {people}", row.key.workspace.as_str())
}

async fn info(store: &dyn SessionStore, which: &args::Which, json: bool, now: Timestamp) -> anyhow::Result<String> {
    let found = find(store, which, now).await?;
    let row = Row::of(&found);
    if json {
        return Ok(serde_json::to_string_pretty(&row)?);
    }
    let called = |one: &Someone<'_>| match one.name == one.id {
        true => one.id.to_owned(),
        false => format!("{} ({})", printable(one.name), one.id),
    };
    let people: Vec<String> = row.people.iter().map(called).collect();
    let expires = match found.expires_at {
        Some(at) => format!("{} (in {})", moment(at), rounded(at, now)),
        None => "not while an answer is being made".to_owned(),
    };
    let mut lines = vec![
        format!("session        {}", row.id),
        format!("workspace      {}", row.workspace),
        format!("people         {}", people.join(", ")),
        format!("messages       {} of people, {} of the assistant", row.user_messages, row.assistant_messages),
        format!("began          {}", row.created_at),
        format!("last activity  {}", row.last_activity),
        format!("expires        {expires}"),
    ];
    lines.extend((row.waiting > 0).then(|| format!("waiting        {}", row.waiting)));
    lines.extend(row.model.map(|model| format!("model          {}", printable(model))));
    Ok(lines.join("\n"))
}

/// Slack names people only now and then, so a session may know a person by the id alone whom another one knows by name.
fn named(mut rows: Vec<SessionInfo>) -> Vec<SessionInfo> {
    let mut known = HashMap::new();
    for row in &rows {
        let by_name = row.people.iter().filter(|(id, name)| id.as_str() != name.as_str());
        known.extend(by_name.map(|(id, name)| ((row.key.workspace.clone(), id.clone()), name.clone())));
    }
    for row in &mut rows {
        for (id, name) in row.people.iter_mut().filter(|(id, name)| id.as_str() == name.as_str()) {
            if let Some(called) = known.get(&(row.key.workspace.clone(), id.clone())) {
                name.clone_from(called);
            }
        }
    }
    rows
}

/// The active session of this name. In which workspace it is, the name does not say.
async fn find(store: &dyn SessionStore, which: &args::Which, now: Timestamp) -> anyhow::Result<SessionInfo> {
    let id: SessionId = which.id.parse().context("that is no session; `chathakase sessions list` shows them")?;
    let workspace = which.workspace.as_deref().map(WorkspaceId::parse).transpose().context("in --workspace")?;
    if let Some(workspace) = workspace {
        let key = id.clone().in_workspace(workspace);
        return store.session(&key, now).await?.with_context(|| none(&id));
    }
    let mut found = Vec::new();
    for number in 0.. {
        let rows = store.sessions(&Page { workspace: None, number, size: SCAN_SIZE }, now).await?;
        let last = rows.len() < SCAN_SIZE;
        found.extend(named(rows).into_iter().filter(|row| row.key.session_id() == id));
        if last {
            break;
        }
    }
    match found.len() {
        0 => bail!(none(&id)),
        1 => Ok(found.remove(0)),
        _ => {
            let workspaces: Vec<&str> = found.iter().map(|row| row.key.workspace.as_str()).collect();
            bail!("{id} is in {}: say which with --workspace", workspaces.join(" and in "))
        }
    }
}

fn none(id: &SessionId) -> String {
    format!(
        "there is no active session {id}: it expired, was cleared, or never was; `chathakase sessions list` shows those that are"
    )
}

fn is_sure(found: &SessionInfo) -> anyhow::Result<bool> {
    let mut input = std::io::stdin().lock();
    ensure!(std::io::stdin().is_terminal(), "nobody can be asked here whether to erase it: add --yes");
    let messages = found.user_messages + found.assistant_messages;
    ask(&format!("Erase {messages} messages of {}? [y/N] ", found.key.session_id()))?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

async fn clear(config: &Config, clock: SharedClock, key: &ThreadKey) -> anyhow::Result<String> {
    let store = match chathakase_store::open(&config.store_url, wiring::rules(config), clock.clone()) {
        Ok(store) => store,
        Err(OpenError::InUse { .. }) => bail!(
            "`chathakase serve` runs on this database, and nobody writes beside it. Say `clear session` in that thread, which \
             works at once; or stop `serve`, do this again, and start it"
        ),
        Err(error) => return Err(error.into()),
    };
    let cleared = clear_all(&*store, key, clock.now()).await;
    store.shutdown().await;
    Ok(format!("erased {} messages of {}; the assistant stays in the thread", cleared?.messages, key.session_id()))
}

/// Clears up to the newest message there is. Our clock is not asked: what it says may be ahead of Slack's, and whatever is
/// posted until then would be passed over.
async fn clear_all(store: &dyn SessionStore, key: &ThreadKey, now: Timestamp) -> Result<Cleared, StoreError> {
    let (mut after, mut newest) = (0, key.root);
    loop {
        let messages = store.messages(key, after, SCAN_SIZE, now).await?;
        let Some(last) = messages.last() else { break };
        after = last.seq;
        newest = messages.iter().map(|message| message.ts).fold(newest, SlackTs::max);
    }
    store.clear(key, newest, now).await
}

fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis()).map_or_else(|_| "-".to_owned(), |at| format!("{at:.0}"))
}

/// The time between two moments, in its largest unit.
fn rounded(one: Timestamp, other: Timestamp) -> String {
    duration::rounded(one.abs_diff(other))
}

/// A name is what somebody wrote: it must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

fn ask(question: &str) -> anyhow::Result<()> {
    let mut screen = std::io::stderr();
    write!(screen, "{question}")?;
    Ok(screen.flush()?)
}

#[cfg(test)]
mod tests {
    use chathakase_session::{
        Kind,
        store::{NewPost, Rules},
    };
    use chathakase_store::MemoryStore;

    use super::*;

    fn ts(secs: i64) -> SlackTs {
        SlackTs::from_micros(secs * 1_000_000).unwrap()
    }

    fn thread(root: i64) -> ThreadKey {
        ThreadKey { workspace: "T1".parse().unwrap(), channel: "C1".parse().unwrap(), root: ts(root) }
    }

    /// Somebody says something at this second.
    async fn says(store: &MemoryStore, key: &ThreadKey, who: &str, secs: i64, kind: Kind) {
        let post = NewPost::from_user(who.parse().unwrap(), key, ts(secs), kind, "words");
        store.receive(post, None, Timestamp::from_secs(secs)).await.unwrap();
    }

    #[tokio::test]
    async fn a_list_says_how_many_there_are_and_since_when() {
        let store = MemoryStore::new(Rules::default());
        says(&store, &thread(100), "U1", 100, Kind::Context).await;
        says(&store, &thread(100), "U2", 400, Kind::Context).await;
        says(&store, &thread(300), "U1", 300, Kind::Context).await;
        let now = Timestamp::from_secs(1000);
        let said = list(&store, 1, false, now).await.unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[3..], ["2 active, page 1 of 1", "the oldest began 15m ago, the newest 11m ago"], "{said}");
        let said: serde_json::Value = serde_json::from_str(&list(&store, 1, true, now).await.unwrap()).unwrap();
        assert_eq!((&said["messages"], &said["participants"]), (&3.into(), &2.into()));
        assert_eq!(
            (&said["oldest"], &said["newest"]),
            (&"1970-01-01T00:01:40Z".into(), &"1970-01-01T00:05:00Z".into())
        );
    }

    #[tokio::test]
    async fn who_is_known_by_name_in_one_session_is_named_in_all_of_that_workspace() {
        let store = MemoryStore::new(Rules::default());
        says(&store, &thread(100), "U1", 100, Kind::Context).await;
        says(&store, &thread(200), "U2", 200, Kind::Context).await;
        let key = thread(300);
        let post = NewPost {
            name: Some("Ana".to_owned()),
            ..NewPost::from_user("U1".parse().unwrap(), &key, ts(300), Kind::Context, "words")
        };
        store.receive(post, None, Timestamp::from_secs(300)).await.unwrap();
        let now = Timestamp::from_secs(400);
        let said = list(&store, 1, false, now).await.unwrap();
        assert_eq!(
            (said.matches("Ana").count(), said.matches("U1").count(), said.matches("U2").count()),
            (2, 0, 1),
            "{said}"
        );
        let which = args::Which { id: thread(100).session_id().to_string(), workspace: None };
        assert!(info(&store, &which, false, now).await.unwrap().contains("Ana (U1)"));
    }

    #[tokio::test]
    async fn a_session_is_cleared_up_to_its_newest_message_and_not_to_what_the_clock_says() {
        let store = MemoryStore::new(Rules::default());
        let key = thread(100);
        for secs in 100..100 + 2 * SCAN_SIZE as i64 {
            let kind = if secs == 100 { Kind::Command } else { Kind::Context };
            says(&store, &key, "U1", secs, kind).await;
        }
        let ahead = Timestamp::from_secs(2000);
        clear_all(&store, &key, ahead).await.unwrap();
        let mark = store.mark(&key, ahead).await.unwrap();
        assert_eq!(mark.cleared_before, Some(ts(99 + 2 * SCAN_SIZE as i64)));
    }
}
