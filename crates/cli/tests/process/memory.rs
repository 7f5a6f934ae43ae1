//! While something is away, what waits is in the store: the program grows by little, however much is written meanwhile, and goes on by
//! itself when all is there again.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use chathakase_sim::{
    model::TurnScript,
    slack::{Fate, Thread, Transport::Http},
};
use futures_util::{StreamExt, future, stream};
use test_database::{Proxy, TestDatabase};

use crate::{
    disk::{self, Disk},
    patience::in_time,
    stage::{Serving, Stage},
};

/// How much is written: 32 MB in all, in posts as long as Slack lets them be. In each thread 40 wait, where they can be stored.
const POSTS: usize = 800;
const POST_BYTES: usize = 40_000;
const THREADS: usize = 20;
/// Posts that are on their way at once.
const AT_ONCE: usize = 16;
/// After the first quarter everything that is made once is there. While the other 24 MB come it may grow by this much.
const GROWTH_KB_MAX: u64 = 8_000;

/// Each answer that is made holds one post, whose tokens need not be counted: the table for that takes more memory than all else.
fn with_small_windows(mut stage: Stage) -> Stage {
    stage.set("CHATHAKASE_CONTEXT__MAX_MESSAGES", "1");
    stage.set("CHATHAKASE_CONTEXT__MAX_TOKENS", "100000");
    stage
}

/// Posts that nothing packs into much less, each another one.
struct Posts(String);

impl Posts {
    fn new() -> Self {
        let mut seed = 1_u64;
        let digits = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            format!("{seed:016x}")
        };
        Self(std::iter::repeat_with(digits).take((POSTS + POST_BYTES) / 16 + 1).collect())
    }

    fn get(&self, number: usize) -> &str {
        &self.0[number..][..POST_BYTES]
    }

    /// Everybody writes on.
    async fn written(&self, threads: &[Thread], numbers: Range<usize>) {
        let writing = |number: usize| async move {
            threads[number % THREADS].reply(&person(number), self.get(number)).await;
        };
        stream::iter(numbers).for_each_concurrent(AT_ONCE, writing).await;
    }
}

fn person(number: usize) -> String {
    format!("person {}", number % THREADS)
}

/// Much is written into many threads while something is away; what became of the last post is given back.
async fn grows_by_little(stage: &Stage, serving: &Serving) -> Vec<Fate> {
    let posts = Posts::new();
    let begins = (0..THREADS).map(|n| {
        let posts = &posts;
        async move { stage.slack.dm(&person(n), posts.get(n)).await }
    });
    let threads = future::join_all(begins).await;
    posts.written(&threads, THREADS..POSTS / 4).await;
    let before = serving.program.resident_kb().await;
    posts.written(&threads, POSTS / 4..POSTS).await;
    let after = serving.program.resident_kb().await;
    eprintln!("{before} KB after a quarter, {after} KB after all");
    assert!(after <= before + GROWTH_KB_MAX, "{before} KB after a quarter of the posts, {after} KB after all");
    stage.slack.fates(&threads[0].reply(&person(0), posts.get(POSTS)).await)
}

/// Who asks now is answered, once the pages say that all is well.
async fn goes_on(stage: &Stage, serving: &Serving) {
    let ready = async { while serving.door.readyz().await.0 != 200 {} };
    in_time(ready).await.expect("it is ready again by itself");
    let thread = stage.slack.dm("zoe", "are you there?").await;
    thread.finishes("Here.").await;
}

#[tokio::test]
async fn while_slack_takes_no_call_what_waits_is_not_in_memory() {
    let stage = with_small_windows(Stage::new(Http).await);
    stage.openai.answers_by(|_| "Here.".to_owned());
    let serving = stage.serve().await;
    let away = stage.slack.next("*").http(503).always();
    assert_eq!(grows_by_little(&stage, &serving).await, [Fate::Acknowledged]);
    assert!(away.hits() > THREADS, "it tried");
    away.lifted();
    goes_on(&stage, &serving).await;
}

#[tokio::test]
async fn while_the_model_is_away_what_waits_is_not_in_memory() {
    let stage = with_small_windows(Stage::new(Http).await);
    let away = Arc::new(AtomicBool::new(true));
    let is_away = Arc::clone(&away);
    stage.openai.plays_by(move |_| {
        let turn = TurnScript::default();
        if is_away.load(SeqCst) { turn.status(503) } else { turn.words("Here.") }
    });
    let serving = stage.serve().await;
    assert_eq!(grows_by_little(&stage, &serving).await, [Fate::Acknowledged]);
    assert!(stage.openai.requests_seen() > THREADS as u64, "it tried");
    away.store(false, SeqCst);
    goes_on(&stage, &serving).await;
}

#[tokio::test]
async fn while_the_disk_takes_nothing_what_waits_is_not_in_memory() {
    let mut story = disk::Story::new(Http, Disk::Failing).await;
    story.stage = with_small_windows(story.stage);
    story.stage.openai.answers_by(|_| "Here.".to_owned());
    let serving = story.serve().await;
    story.is_full(&serving).await;
    assert_eq!(grows_by_little(&story.stage, &serving).await, [Fate::OnItsWay]);
    assert_eq!(story.stage.openai.requests_seen(), 0, "what is not stored is not answered");
    story.has_room(&serving).await;
    goes_on(&story.stage, &serving).await;
}

#[tokio::test]
async fn while_the_database_is_away_what_waits_is_not_in_memory() {
    if !TestDatabase::is_there() {
        return;
    }
    let (mut stage, database) = (with_small_windows(Stage::new(Http).await), TestDatabase::new());
    let wire = Proxy::to(&database.url()).await;
    stage.set("DATABASE_URL", &wire.url(&database.url()));
    stage.openai.answers_by(|_| "Here.".to_owned());
    let serving = stage.serve().await;
    wire.close();
    assert_eq!(grows_by_little(&stage, &serving).await, [Fate::OnItsWay]);
    assert_eq!(stage.openai.requests_seen(), 0, "what is not stored is not answered");
    wire.open();
    goes_on(&stage, &serving).await;
}
