//! What a story needs: the small Slack, the scripted model, and the assistant, one process of it or two. The harness fails a story in which something happened that nobody looked at.

use std::{collections::HashMap, panic::AssertUnwindSafe, path::PathBuf, sync::Arc, time::Duration};

use chathakase::{config::Config, wiring};
use chathakase_session::store::SessionStore;
use chathakase_sim::{
    ManualClock,
    model::ScriptedModel,
    slack::{Fate, Gate, Options, SentEvent, SmallSlack, Transport},
};
use chathakase_slack::manifest::needs;
use chathakase_store::{
    PostgresStore,
    postgres::{Deadlines, Options as StoreOptions},
};
use futures_util::FutureExt;
use test_database::{Proxy, TestDatabase};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
};

use crate::process::Process;

/// Which store a story runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Memory,
    Sqlite,
    Postgres,
}

/// One way to run a story.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) transport: Transport,
    pub(crate) store: Store,
}

/// Signed HTTP and SQLite: the way for stories that need no other.
pub(crate) const USUAL: Way = Way { transport: Transport::Http, store: Store::Sqlite };

/// The same over Socket Mode.
pub(crate) const SOCKET: Way = Way { transport: Transport::Socket, store: Store::Sqlite };

/// On PostgreSQL, which several processes can share.
pub(crate) const SHARED: Way = Way { transport: Transport::Http, store: Store::Postgres };

/// Runs each story on both transports and all stores: the twelve of `conversations.rs` and `troubles.rs` that no way may break. On
/// `memory`, which is lost with its process, a restart or a kill keeps the store itself: there they show that the assistant goes on
/// from what is stored, and not that it was stored durably. Or, after `on both stores` (without PostgreSQL) and `on all stores`, over HTTP
/// only, or, after `usually`, on the usual way only, or, after `by two`, with a second process on the same database.
macro_rules! stories {
    ($($story:ident),* $(,)?) => { $(mod $story {
        use crate::harness::{Store, Way, tell};
        use chathakase_sim::slack::Transport::{Http, Socket};
        #[test] fn http_sqlite() { tell(Way { transport: Http, store: Store::Sqlite }, async |s| super::told::$story(s).await) }
        #[test] fn http_memory() { tell(Way { transport: Http, store: Store::Memory }, async |s| super::told::$story(s).await) }
        #[test] fn http_postgres() { tell(Way { transport: Http, store: Store::Postgres }, async |s| super::told::$story(s).await) }
        #[test] fn socket_sqlite() { tell(Way { transport: Socket, store: Store::Sqlite }, async |s| super::told::$story(s).await) }
        #[test] fn socket_memory() { tell(Way { transport: Socket, store: Store::Memory }, async |s| super::told::$story(s).await) }
        #[test] fn socket_postgres() { tell(Way { transport: Socket, store: Store::Postgres }, async |s| super::told::$story(s).await) }
    })* };
    (on both stores: $($story:ident),* $(,)?) => { $(mod $story {
        use crate::harness::{Store, USUAL, Way, tell};
        #[test] fn sqlite() { tell(USUAL, async |s| super::told::$story(s).await) }
        #[test] fn memory() { tell(Way { store: Store::Memory, ..USUAL }, async |s| super::told::$story(s).await) }
    })* };
    (on all stores: $($story:ident),* $(,)?) => { $(mod $story {
        use crate::harness::{Store, USUAL, Way, tell};
        #[test] fn sqlite() { tell(USUAL, async |s| super::told::$story(s).await) }
        #[test] fn memory() { tell(Way { store: Store::Memory, ..USUAL }, async |s| super::told::$story(s).await) }
        #[test] fn postgres() { tell(Way { store: Store::Postgres, ..USUAL }, async |s| super::told::$story(s).await) }
    })* };
    (by socket: $($story:ident),* $(,)?) => { $(
        #[test] fn $story() { crate::harness::tell(crate::harness::SOCKET, async |s| told::$story(s).await) }
    )* };
    (by two: $($story:ident),* $(,)?) => { $(
        #[test] fn $story() {
            crate::harness::tell(crate::harness::SHARED, async |s| {
                s.start_other().await;
                told::$story(s).await
            })
        }
    )* };
    (usually: $($story:ident),* $(,)?) => { $(
        #[test] fn $story() { crate::harness::tell(crate::harness::USUAL, async |s| told::$story(s).await) }
    )* };
}
pub(crate) use stories;

/// How long what runs may go on when the assistant ends.
const DRAIN: Duration = Duration::from_secs(25);

/// A story under way.
pub(crate) struct Story {
    pub(crate) slack: SmallSlack,
    pub(crate) openai: ScriptedModel,
    pub(crate) clock: ManualClock,
    pub(crate) way: Way,
    settings: HashMap<String, String>,
    store: Option<Arc<dyn SessionStore>>,
    /// Its only process, or the first of two.
    pub(crate) assistant: Option<Process>,
    /// The second, where there is one.
    pub(crate) other: Option<Process>,
    folder: tempfile::TempDir,
    postgres: Option<TestDatabase>,
    /// What stands between the processes and PostgreSQL.
    wire: Option<Proxy>,
}

/// Runs a story, and looks afterwards for what it did not look at: calls nobody planned, methods nobody knows, pings.
pub(crate) fn tell(way: Way, story: impl AsyncFnOnce(&mut Story)) {
    tell_where(way, |options| options, story);
}

/// Runs a story in a Slack that is another than usual.
pub(crate) fn tell_where(way: Way, slack: impl FnOnce(Options) -> Options, story: impl AsyncFnOnce(&mut Story)) {
    if way.store == Store::Postgres && !TestDatabase::is_there() {
        return;
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    if std::env::var_os("RUST_LOG").is_some() {
        let _ = tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).try_init();
    }
    let stage = Runtime::new().unwrap();
    let told = stage.block_on(async {
        let mut s = Story::new(way, slack).await;
        s.start().await;
        let told = AssertUnwindSafe(story(&mut s)).catch_unwind().await;
        if told.is_err() {
            // Before those who sleep are ended.
            eprintln!("{:?}", s.clock);
            [s.assistant.take(), s.other.take()].into_iter().flatten().for_each(Process::abandon);
            eprintln!("{}", s.slack.transcript());
            eprintln!("the model was asked {} times; unplanned: {:?}", s.openai.requests_seen(), s.openai.unexpected());
            return told;
        }
        s.stop().await;
        s.look_back();
        told
    });
    // Tasks that wait for a clock which nobody moves any more are dropped, not waited for.
    stage.shutdown_background();
    if let Err(panic) = told {
        std::panic::resume_unwind(panic);
    }
}

impl Story {
    async fn new(way: Way, slack: impl FnOnce(Options) -> Options) -> Self {
        let clock = ManualClock::new();
        let slack = SmallSlack::start(slack(Options::driven_by(&clock, way.transport))).await;
        as_the_manifest_says(&slack);
        let openai = ScriptedModel::start(Arc::new(clock.clone())).await;
        openai.forbids(slack.bot_token()).forbids(slack.app_token()).forbids(slack.signing_secret());
        let folder = tempfile::tempdir().unwrap();
        let postgres = (way.store == Store::Postgres).then(TestDatabase::new);
        let (settings, store, assistant, other, wire) = (HashMap::new(), None, None, None, None);
        Self { slack, openai, clock, way, settings, store, assistant, other, folder, postgres, wire }
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("chathakase.db")
    }

    /// Changes a setting; it takes effect with the next start.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.insert(name.into(), value.into());
    }

    /// Changes settings and restarts with them.
    pub(crate) async fn restart_with(&mut self, settings: &[(&str, &str)]) {
        settings.iter().for_each(|(name, value)| self.set(name, value));
        self.restart().await;
    }

    pub(crate) fn config(&self) -> Config {
        let mut env: HashMap<String, String> = HashMap::from([
            ("SLACK_BOT_TOKEN".into(), self.slack.bot_token().into()),
            ("SLACK_API_URL".into(), self.slack.api_url()),
            ("OPENAI_BASE_URL".into(), self.openai.base_url()),
            ("OPENAI_API_KEY".into(), "sk-test".into()),
        ]);
        match self.way.transport {
            Transport::Http => env.insert("SLACK_SIGNING_SECRET".into(), self.slack.signing_secret().into()),
            Transport::Socket => env.insert("SLACK_APP_TOKEN".into(), self.slack.app_token().into()),
        };
        let store = match self.way.store {
            Store::Memory => "memory:".to_owned(),
            Store::Sqlite => format!("sqlite:{}", self.database().display()),
            Store::Postgres => {
                let url = self.postgres.as_ref().unwrap().url();
                self.wire.as_ref().map_or(url.clone(), |wire| wire.url(&url) + "&connect_timeout=1")
            }
        };
        env.insert("DATABASE_URL".into(), store);
        let mut flags = vec![("http.listen".to_owned(), "127.0.0.1:0".to_owned())];
        flags.extend(self.settings.clone());
        let empty = self.folder.path().join("chathakase.toml");
        std::fs::write(&empty, "").unwrap();
        Config::load(Some(&empty), &|name| env.get(name).cloned(), &flags).unwrap()
    }

    /// Starts the assistant.
    pub(crate) async fn start(&mut self) {
        let config = self.config();
        let store = match self.store.take() {
            Some(store) => store,
            None => self.open_store(&config),
        };
        self.assistant = Some(Process::start(config, Arc::clone(&store), &self.clock).await);
        self.store = Some(store);
        self.reachable();
        if self.way.transport == Transport::Socket {
            self.slack.connected(1).await;
        }
    }

    /// Restarts it with a wire between it and the database.
    pub(crate) async fn restart_behind_a_wire(&mut self) {
        self.stop().await;
        self.wire = Some(Proxy::to(&self.postgres.as_ref().unwrap().url()).await);
        self.start().await;
    }

    /// Whether that wire passes nothing on.
    pub(crate) fn database_hangs(&self, hangs: bool) {
        self.wire.as_ref().expect("a wire").sticks(hangs);
    }

    /// Starts so many processes more on the same database; the story ends them.
    pub(crate) async fn start_more(&mut self, count: usize) -> Vec<Process> {
        let mut more = Vec::new();
        for _ in 0..count {
            let config = self.config();
            let store = self.open_store(&config);
            more.push(Process::start(config, store, &self.clock).await);
        }
        let all = || more.iter().chain(&self.assistant);
        for process in all() {
            process.caught_up().await;
        }
        let known = |process: &Process| usize::try_from(process.life.processes()).unwrap() > count;
        self.time_goes_on(|| all().all(known)).await;
        more
    }

    /// Starts a second process on the same database, and waits until each knows of the other. Events go to the first until the story says otherwise.
    pub(crate) async fn start_other(&mut self) {
        let config = self.config();
        let store = self.open_store(&config);
        let other = Process::start(config, store, &self.clock).await;
        self.caught_up().await;
        other.caught_up().await;
        self.other = Some(other);
        // Each says every 10 s that it lives.
        let all = || [&self.assistant, &self.other].into_iter().flatten();
        self.time_goes_on(|| all().all(|process| process.life.processes() == 2)).await;
    }

    /// Ends the assistant in good order. `memory:` outlives it here, as if the process had gone on.
    pub(crate) async fn stop(&mut self) {
        self.calm().await;
        for process in [self.other.take(), self.assistant.take()].into_iter().flatten() {
            process.end().await;
        }
        if self.way.store != Store::Memory
            && let Some(store) = self.store.take()
        {
            store.shutdown().await;
        }
    }

    /// Ends it over what it does: when the drain is over, that is given back.
    pub(crate) async fn end_at_work(&mut self) {
        let ends = self.assistant.take().unwrap().end();
        tokio::join!(ends, self.clock.pass_sleep(DRAIN..=DRAIN));
    }

    /// Ends and starts it.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    /// Ends it in the middle of whatever it does: no task runs another step, nothing is given back. With `memory:`, whose
    /// content outlives it here, its leases must run out first.
    pub(crate) async fn kill_and_start(&mut self) {
        self.kill().await;
        self.start().await;
    }

    /// The first half of [`Story::kill_and_start`].
    pub(crate) async fn kill(&mut self) {
        if let Some(process) = self.assistant.take() {
            process.kill().await;
        }
        self.until(|| self.slack.connections() == 0).await;
        match self.way.store {
            Store::Sqlite => self.store = None,
            Store::Memory => self.clock.advance(Duration::from_secs(31)),
            // Only the time says that it is dead: others may be there.
            Store::Postgres => {
                self.store = None;
                self.clock.advance(Duration::from_secs(31));
            }
        }
    }

    /// Whether the store has no room for anything new.
    pub(crate) fn disk_is_full(&self, full: bool) {
        if let Some(process) = &self.assistant {
            process.life.is_full(full);
        }
    }

    /// The same of both processes.
    pub(crate) fn disks_are_full(&self, full: bool) {
        [&self.assistant, &self.other].into_iter().flatten().for_each(|process| process.life.is_full(full));
    }

    /// How many posts came while the disk was full.
    pub(crate) fn turned_away(&self) -> u32 {
        self.assistant.as_ref().map_or(0, |process| process.life.turned_away())
    }

    /// Nobody knows what becomes of the next clearing of a session: see [`MortalStore::lose_clearing`].
    pub(crate) fn loses_clearing(&self) {
        if let Some(process) = &self.assistant {
            process.life.lose_clearing();
        }
    }

    /// Holds the assistant's steps of this name at a gate: see [`MortalStore::hold`].
    pub(crate) fn holds_step(&self, step: &'static str) -> Gate {
        let gate = Gate::closed();
        if let Some(process) = &self.assistant {
            process.life.hold(step, &gate);
        }
        gate
    }

    /// Waits until nothing is open in a thread: its answers are delivered, and its session can expire.
    pub(crate) async fn at_rest(&mut self, thread: &chathakase_sim::slack::Thread) {
        let (key, store, clock) = (thread.key(), self.store(), self.clock.clone());
        let rests = async {
            let now = || chathakase_session::time::Clock::now(&clock);
            while store.session(&key, now()).await.unwrap().is_some_and(|session| session.expires_at.is_none()) {
                tokio::task::yield_now().await;
            }
        };
        self.calm().await;
        // A turn may look at its thread once more before.
        let rests = self.waits_pass(..=1.1, rests);
        over_in(Duration::from_secs(30), rests).await.expect("an answer is never delivered");
    }

    /// Waits until it is known until when nothing was missed.
    pub(crate) async fn caught_up(&self) {
        self.assistant.as_ref().expect("an assistant that runs").caught_up().await;
    }

    /// What the assistant says about what it missed.
    pub(crate) fn catch_up(&self) -> chathakase_bot::CatchUpReport {
        self.assistant.as_ref().map(|process| process.running.catch_up()).unwrap_or_default()
    }

    /// The store as another process would hold it.
    pub(crate) fn store(&mut self) -> Arc<dyn SessionStore> {
        let config = self.config();
        let store = self.store.take().unwrap_or_else(|| self.open_store(&config));
        Arc::clone(self.store.insert(store))
    }

    /// The time of a story is its clock's, for PostgreSQL too.
    fn open_store(&self, config: &Config) -> Arc<dyn SessionStore> {
        if self.way.store != Store::Postgres {
            return wiring::open_store(config, Arc::new(self.clock.clone())).unwrap();
        }
        // Behind a wire it may hang, and that takes no time of the story's.
        let answered_within = Duration::from_secs(if self.wire.is_some() { 1 } else { 10 });
        let options = StoreOptions { deadlines: Deadlines::Caller, answered_within, ..StoreOptions::default() };
        Arc::new(PostgresStore::open_with(&config.store_url, wiring::rules(config), &options).unwrap())
    }

    /// Slack finds nobody at our address, until [`Story::reachable`].
    pub(crate) fn unreachable(&self) {
        self.slack.deliver_to("http://127.0.0.1:1");
    }

    /// Waits until both of Slack's first tries to bring something are over: it tries again at once, and then after a minute.
    pub(crate) async fn failed_twice(&self) {
        let is_over = |event: &SentEvent| event.fate == Fate::Acknowledged || event.tries >= 2;
        self.until(|| self.slack.events().iter().all(is_over)).await;
        self.slack.all_quiet().await;
    }

    /// Slack finds us again.
    pub(crate) fn reachable(&self) {
        if let Some(process) = &self.assistant {
            self.slack.deliver_to(&process.url());
        }
    }

    /// Slack brings what comes to the second process.
    pub(crate) fn reaches_other(&self) {
        let other = self.other.as_ref().expect("a second process");
        self.slack.deliver_to(&other.url());
    }

    /// Slack brings what comes to one and the other in turn.
    pub(crate) fn reaches_both(&self) {
        let urls: Vec<String> = [&self.assistant, &self.other].into_iter().flatten().map(Process::url).collect();
        self.slack.deliver_to_any(&urls);
    }

    /// Waits for something in the small Slack to become so.
    pub(crate) async fn until(&self, so: impl Fn() -> bool) {
        let mut changes = self.slack.changes();
        while !so() {
            changes.next().await;
        }
    }

    /// Waits until every event has arrived and no call is under way. What did not arrive while we were away comes again only
    /// after minutes, which pass then.
    pub(crate) async fn calm(&self) {
        if over_in(Duration::from_secs(1), self.slack.settled()).await.is_err() {
            let retries = self.waits_pass(55.0..=305.0, async { self.slack.settled().await });
            over_in(Duration::from_secs(10), retries).await.expect("something never arrives, or a call never ends");
        }
    }

    /// Waits until the assistant has said this anywhere.
    pub(crate) async fn says_somewhere(&self, text: &str) {
        let said = self.until(|| self.slack.transcript().contains(text));
        let over = over_in(Duration::from_secs(10), said).await;
        assert!(over.is_ok(), "nobody says {text:?}");
    }

    /// What one of the operator's pages says: its status and its body.
    pub(crate) async fn page(&self, path: &str) -> (u16, String) {
        let process = self.assistant.as_ref().expect("an assistant that runs");
        let mut stream = TcpStream::connect(process.running.address()).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head["HTTP/1.1 ".len()..][..3].parse().unwrap(), body.to_owned())
    }

    /// A counter without labels, as `/metrics` shows it.
    pub(crate) async fn counted(&self, counter: &str) -> u64 {
        let (_, page) = self.page("/metrics").await;
        let line = page.lines().find_map(|line| line.strip_prefix(counter)).unwrap_or_default();
        line.trim().parse().unwrap_or_default()
    }

    fn look_back(&self) {
        self.openai.assert_clean();
        self.openai.assert_all_played();
        assert_eq!(self.slack.unknown_methods(), Vec::<String>::new(), "the small Slack does not know these methods");
        assert_eq!(self.slack.pings(), Vec::<String>::new(), "somebody was pinged");
        assert_eq!(self.slack.unfurled(), Vec::<String>::new(), "a link was unfurled");
    }
}

/// Installs the app as `chathakase manifest` describes it: with these scopes and events every story must work.
pub(crate) fn as_the_manifest_says(slack: &SmallSlack) {
    slack.set_scopes(&needs::scopes(true).into_iter().collect::<Vec<_>>());
    slack.subscribe(&needs::EVENTS.iter().map(|event| event.name).collect::<Vec<_>>());
}

/// Bounds a wait in real time, as a net: a story that waits for ever tells nobody why.
#[expect(clippy::disallowed_methods, reason = "no test passes because of it")]
pub(crate) async fn over_in<T>(
    limit: Duration,
    wait: impl Future<Output = T>,
) -> Result<T, tokio::time::error::Elapsed> {
    tokio::time::timeout(limit, wait).await
}
