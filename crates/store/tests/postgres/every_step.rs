//! A connection that is lost at any point of any step: the step is done once, and its caller told so.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use chathakase_session::{
    Message,
    message::Ending,
    store::{
        self, Amended, Claimed, Cleared, Erased, Learned, Looked, NewPost, Page, Press, Receipt, Result, STEPS,
        SessionStore, StoreError,
    },
    turn::PartMode,
};
use chathakase_store::PostgresStore;
use futures_util::future::join_all;
use test_database::{Cut, Proxy, TestDatabase};

use crate::{COMMIT, kit::*, process_at, rows, with_database};

/// Where a transaction can be lost: at its beginning, with its writes on their way, in its commit, and after it. One that wrote
/// nothing is rolled back.
const CUTS: [Cut; 6] = [
    Cut::Before("BEGIN"),
    Cut::After("BEGIN"),
    Cut::Before(COMMIT),
    Cut::After(COMMIT),
    Cut::Before("ROLLBACK"),
    Cut::After("ROLLBACK"),
];

/// Steps that write nothing.
const READING: [&str; 12] = [
    "stopped",
    "posts_of_others",
    "mark",
    "time",
    "session",
    "history",
    "messages",
    "sessions",
    "stats",
    "load",
    "joined_since",
    "looked",
];

/// A store each of whose steps loses its connection at one place, if it comes past there.
struct Losing {
    store: Arc<PostgresStore>,
    database: TestDatabase,
    proxy: Proxy,
    cut: Cut,
    /// Steps that did.
    met: Mutex<BTreeSet<&'static str>>,
}

impl Losing {
    async fn at(cut: Cut) -> Self {
        let database = TestDatabase::new();
        let proxy = Proxy::to(&database.url()).await;
        let store = process_at(&proxy.url(&database.url()));
        Self { store, database, proxy, cut, met: Mutex::default() }
    }

    /// It is the pooler before the database that loses its connections.
    async fn behind_a_pooler_at(cut: Cut) -> Self {
        let database = TestDatabase::new();
        let proxy = Proxy::to(&database.url()).await;
        let store = process_at(&database.pooled_over(&proxy).await);
        Self { store, database, proxy, cut, met: Mutex::default() }
    }

    /// Waits until a writer has erased what was cleared, beside the steps: the cuts are for these.
    async fn is_erased(&self) {
        while rows(&self.database, "discarded") > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// Steps that had to lose their connection and did not.
    fn not_met(&self) -> Vec<&'static str> {
        let met = self.met.lock().unwrap();
        let must = |step: &str| match self.cut {
            Cut::Before(COMMIT) | Cut::After(COMMIT) => !READING.contains(&step),
            Cut::Before("ROLLBACK") | Cut::After("ROLLBACK") => READING.contains(&step),
            _ => true,
        };
        STEPS.iter().copied().filter(|step| must(step) && !met.contains(step)).collect()
    }
}

impl store::Around for Losing {
    fn inner(&self) -> &dyn SessionStore {
        &*self.store
    }

    async fn step<T: Send>(&self, name: &'static str, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
        self.proxy.cut(self.cut);
        let done = work.await;
        if self.proxy.was_cut() {
            self.met.lock().unwrap().insert(name);
        }
        done
    }
}

/// A question is taken in, and half an answer shown by an owner who then gives it back.
async fn is_asked(store: &Losing) {
    let key = thread();
    let turn = runs(store, asks(&key, 0, "hello"), at(0)).await;
    assert_eq!(receipt(store, asks(&key, 0, "hello"), at(0)).await, Receipt::Known);
    assert!(matches!(receipt(store, asks(&key, 1, "and?"), at(1)).await, Receipt::Waiting(_)));
    assert_eq!(store.learn(&turn.lease, read(vec![tells(&key, -5, "before")]), at(1)).await.unwrap().new, 1);
    let leases = std::slice::from_ref(&turn.lease);
    assert!(store.renew(leases, 30 * SECOND, at(1)).await.unwrap().lost.is_empty());
    store.part_intended(&turn.lease, 1, PartMode::Stream).await.unwrap();
    store.part_open(&turn.lease, 0, PartMode::Stream, ts(2)).await.unwrap();
    store.part_done(&turn.lease, 0, 7).await.unwrap();
    assert!(store.posts_of_others(&turn.lease, &[ts(2)]).await.unwrap().is_empty());
    assert_eq!(store.stop(&key, &Press::at(ts(2))).await.unwrap(), Some(turn.turn.id));
    assert_eq!(store.stopped(leases).await.unwrap(), [turn.turn.id]);
    store.repeats(&turn.lease).await.unwrap();
    store.release(leases, Duration::ZERO, at(2)).await.unwrap();
    let late = store.close(&turn.lease, says("late"), at(2)).await;
    assert!(matches!(late, Err(StoreError::LeaseLost { .. })), "{late:?}");
}

/// Another owner brings the answer, and that to what waited.
async fn is_answered(store: &Losing) {
    let claimed: Vec<Claimed> = store.claim(&us(), 9, at(2)).await.unwrap();
    let [again] = &claimed[..] else { panic!("{claimed:?}") };
    assert!(again.adopted && again.turn.stop_requested && again.turn.repeated && again.turn.deaths == 0);
    assert_eq!((again.parts.len(), again.parts[0].ts, again.parts[0].hash), (2, Some(ts(2)), 7));
    store.close(&again.lease, says("hi there"), at(3)).await.unwrap();
    store.cut_short(&again.lease, "hi", Ending::Stopped, at(3)).await.unwrap();
    let load = store.load(at(3)).await.unwrap();
    assert_eq!((load.turns_running, load.turns_waiting, load.messages_waiting), (1, 1, 1));
    let next = store.delivered(&again.lease, &[part(0, 2)], Some(&us()), at(4)).await.unwrap().unwrap();
    assert_eq!(store.amend(edit(&thread(), 0, "hello!", 9), at(5)).await.unwrap(), Amended::Done);
    assert_eq!(window(store, &thread(), at(5)).await, ["before", "hello!", "hi", "and?"]);
    store.close(&next.lease, says("well"), at(6)).await.unwrap();
    assert!(store.delivered(&next.lease, &[part(0, 6)], Some(&us()), at(6)).await.unwrap().is_none());
}

/// All that is told of it, and what becomes of it when posts are edited and deleted.
async fn is_looked_at_and_changed(store: &Losing) {
    let key = thread();
    let (workspace, channel) = (&key.workspace, &key.channel);
    store.counted(&key, &[count(1, 6, 10), count(2, 4, 20)]).await.unwrap();
    let tokens = |message: &Message| message.tokens;
    let messages = store.messages(&key, 0, 9, at(6)).await.unwrap();
    assert_eq!(messages.iter().filter_map(tokens).collect::<Vec<_>>(), [10, 20]);
    assert!(store.mark(&key, at(6)).await.unwrap().joined);
    assert_eq!(store.time(at(6)).await.unwrap(), at(6));
    let page = Page { workspace: None, number: 0, size: 9 };
    let info = store.session(&key, at(6)).await.unwrap().unwrap();
    assert_eq!((info.user_messages, info.assistant_messages), (3, 2));
    assert_eq!(store.sessions(&page, at(6)).await.unwrap(), [info]);
    assert_eq!(store.stats(None, at(6)).await.unwrap().messages, 5);
    assert_eq!(store.joined_since(workspace, at(0), 9, at(6)).await.unwrap(), [thread()]);
    let edited = NewPost { edited_ts: Some(ts(8)), ..tells(&key, 1, "and then?") };
    let learned = store.reconcile(&key, read(vec![tells(&key, 7, "unknown"), edited]), at(8)).await.unwrap();
    assert_eq!(learned, Learned { amended: 1, ..Learned::default() });
    assert!(store.retract(&key, ts(6), at(9)).await.unwrap());
    assert!(!store.retract(&key, ts(6), at(9)).await.unwrap());
    assert_eq!(store.erase(workspace, channel, ts(0), at(9)).await.unwrap(), Erased::Done { stops: None });
    assert_eq!(window(store, &key, at(9)).await, ["before", "hi", "and then?"]);
}

/// It is cleared by a command, once more by hand, and another one expires.
async fn is_forgotten(store: &Losing) {
    let key = thread();
    let command = runs(store, commands(&key, 10, "clear session"), at(10)).await;
    let says_so = |cleared: Cleared| says(&format!("{} gone", cleared.messages));
    let cleared = store.clear_and_close(&command.lease, ts(10), says_so, at(10)).await.unwrap();
    assert_eq!(cleared, Cleared { messages: 3, waiting: 0 });
    store.is_erased().await;
    assert!(store.delivered(&command.lease, &[part(0, 11)], None, at(11)).await.unwrap().is_none());
    assert_eq!(store.session(&key, at(11)).await.unwrap(), None);
    receipt(store, tells(&key, 12, "once more"), at(12)).await;
    assert_eq!(store.clear(&key, ts(12), at(13)).await.unwrap().messages, 1);
    store.is_erased().await;
    receipt(store, tells(&key, 14, "and again"), at(14)).await;
    assert_eq!(store.expire(0, 9, at(14) + HOUR).await.unwrap().sessions, 1);
    store.is_erased().await;
    assert_eq!(store.session(&key, at(14)).await.unwrap(), None);
}

/// Processes begin, die and end.
async fn is_shared(store: &Losing) {
    let [one, other] = ["one", "other"].map(process);
    assert_eq!(store.live(&one, at(0)).await.unwrap(), 1);
    assert!(!store.note_good(&one, at(0), at(0)).await.unwrap().left_some);
    assert!(store.note_good(&other, at(40), at(40)).await.unwrap().left_some);
    // It takes over what the dead one missed, with its row.
    assert_eq!(store.good_until(&other, at(41)).await.unwrap(), Some(at(0)));
    assert_eq!(rows(&store.database, "process"), 1);
    let place = Looked { channel: thread().channel, root: Some(ts(0)), since: at(0), at: at(41) };
    store.note_looked(&thread().workspace, &place, at(41)).await.unwrap();
    assert_eq!(store.looked(&thread().workspace, at(41)).await.unwrap(), [place]);
    store.leave(&other, Some(at(42)), at(42)).await.unwrap();
    assert_eq!(store.good_until(&one, at(99)).await.unwrap(), Some(at(42)));
    store.check().await.unwrap();
}

/// All of that, on a database of its own.
async fn lives_through(store: Losing) {
    is_asked(&store).await;
    is_answered(&store).await;
    is_looked_at_and_changed(&store).await;
    is_forgotten(&store).await;
    is_shared(&store).await;
    assert_eq!(store.not_met(), [""; 0], "these steps lost no connection at {:?}", store.cut);
    store.shutdown().await;
}

/// A sweep is many transactions: each of them is the one that loses its connection, one after the other.
async fn is_swept(cut: Cut) {
    let Losing { store, database, proxy, .. } = Losing::at(cut).await;
    let mut now = at(0);
    for spared in 0.. {
        let secs = i64::try_from(spared).unwrap();
        store.receive(tells(&thread_of("T1", "C1", secs), secs, "hello"), None, now).await.unwrap();
        now = now + HOUR;
        proxy.cut_later(cut, spared);
        assert_eq!(store.expire(0, 9, now).await.unwrap().sessions, 1, "{cut:?} after {spared}");
        let was_cut = proxy.was_cut();
        let left = database.run("SELECT count(*) FROM chathakase.content WHERE body IS NOT NULL");
        assert_eq!(left, ["0"], "{cut:?} after {spared}");
        if !was_cut {
            assert!(spared > 0, "it was never cut at {cut:?}");
            break;
        }
    }
}

with_database! {
    async fn a_connection_lost_at_any_point_of_any_step_costs_nothing(_database) {
        join_all(CUTS.map(async |cut| lives_through(Losing::at(cut).await).await)).await;
    }

    async fn a_connection_that_the_pooler_loses_at_any_point_of_any_step_costs_nothing(_database) {
        join_all(CUTS.map(async |cut| lives_through(Losing::behind_a_pooler_at(cut).await).await)).await;
    }

    async fn a_sweep_that_loses_its_connection_in_any_of_its_transactions_is_done_to_its_end(_database) {
        join_all(CUTS.map(is_swept)).await;
    }
}
