//! Any interleaving of posts, edits, deletions, readings, expiries and events, some of them twice and some never, ends with what
//! Slack's thread shows in the session: what people and bots wrote, and what we answered. Where every event came, it is so at once;
//! what was missed is read back after a restart.
//!
//! `PROPTEST_CASES` says how many interleavings are tried.

#![allow(clippy::indexing_slicing, reason = "a property's own numbers")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::Duration,
};

use chathakase_session::{Role, SlackTs, time::Clock};
use chathakase_sim::slack::{Gate, Post, Said, Thread, Transport};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::harness::{Store, Story, Way, tell};

/// How the thread begins.
#[derive(Clone, Copy, Debug)]
enum Root {
    Mention,
    Post,
    Direct,
    /// As a talk of others, more than a day ago.
    Old,
}

/// Something that people do in the thread, or that reaches us. What they do may reach us at once (`told`).
#[derive(Clone, Copy, Debug)]
enum Step {
    Reply {
        mention: bool,
        told: bool,
    },
    /// Another bot writes.
    Bot,
    Edit {
        nth: usize,
        mention: bool,
        told: bool,
    },
    Delete {
        nth: usize,
        told: bool,
    },
    /// Slack delivers an event, counted from the newest: one that is new, one that is late, or one that came before.
    Deliver {
        back: usize,
    },
    /// From now on, whoever reads the thread for an answer has seen it, and does not get to store it.
    HoldReading,
    /// What was read is stored.
    StoreReading,
    /// Somebody deletes an answer of ours.
    Retract {
        nth: usize,
    },
    /// The process dies, and the next one looks for what was missed.
    Restart,
    /// The same, and then nothing happens until the session has expired.
    Expire,
}

/// How it ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The events that did not come yet come, in their order or the last one first.
    Delivered { reversed: bool },
    /// They never come.
    Lost,
}

fn roots() -> impl Strategy<Value = Root> {
    prop_oneof![Just(Root::Mention), Just(Root::Post), Just(Root::Direct), Just(Root::Old)]
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![any::<bool>().prop_map(|reversed| End::Delivered { reversed }), Just(End::Lost)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<(bool, bool)>().prop_map(|(mention, told)| Step::Reply { mention, told }),
        1 => Just(Step::Bot),
        3 => (0..8_usize, any::<(bool, bool)>()).prop_map(|(nth, (mention, told))| Step::Edit { nth, mention, told }),
        2 => (0..8_usize, any::<bool>()).prop_map(|(nth, told)| Step::Delete { nth, told }),
        4 => (0..2_usize).prop_map(|back| Step::Deliver { back }),
        6 => (0..24_usize).prop_map(|back| Step::Deliver { back }),
        2 => Just(Step::HoldReading),
        1 => Just(Step::StoreReading),
        1 => (0..4_usize).prop_map(|nth| Step::Retract { nth }),
        1 => Just(Step::Restart),
        1 => Just(Step::Expire),
    ];
    prop::collection::vec(step, 1..24)
}

/// A thread under way.
struct Talk {
    root: Root,
    thread: Thread,
    /// Posts of people and bots, and whether they stand there still.
    said: Vec<(Said, bool)>,
    /// Where a reading waits.
    reading: Option<Gate>,
}

/// The bot that is not us.
const BOT: &str = "petbot";

impl Talk {
    async fn begins(s: &mut Story, root: Root) -> Self {
        s.slack.hold_events();
        // What was written before it first listened is not looked for.
        s.caught_up().await;
        s.slack.bot(BOT);
        let thread = match root {
            Root::Mention => s.slack.mention("ana", "#general", "root").await,
            Root::Post | Root::Old => s.slack.post("ana", "#general", "root").await,
            Root::Direct => s.slack.dm("ana", "root").await,
        };
        let mut talk = Self { root, said: vec![(thread.first(), true)], thread, reading: None };
        if matches!(root, Root::Old) {
            for who in ["ben", BOT] {
                talk.said.push((talk.thread.reply(who, format!("{who} long ago")).await, true));
            }
            s.slack.lose_held();
            s.passes(Duration::from_secs(26 * 3600)).await;
            s.slack.hold_events();
        }
        talk
    }

    /// The `nth` post, from the first on again, if it stands there still.
    fn nth(&mut self, nth: usize) -> Option<&mut (Said, bool)> {
        let posts = self.said.len();
        self.said.get_mut(nth % posts).filter(|(_, stands)| *stands)
    }

    async fn takes(&mut self, s: &mut Story, number: usize, step: Step) {
        s.clock.advance(Duration::from_millis(10));
        let thread = self.thread.clone();
        let is_direct = matches!(self.root, Root::Direct);
        match step {
            // Nobody can reply where nothing is left.
            Step::Reply { .. } | Step::Bot if !self.said.iter().any(|(_, stands)| *stands) => {}
            // A direct message has two people only: one of them and us.
            Step::Bot if is_direct => {}
            Step::Bot => self.said.push((thread.reply(BOT, format!("bot {number}")).await, true)),
            Step::Reply { mention, told } => {
                let who = if is_direct { "ana" } else { "ben" };
                let text = format!("reply {number}");
                let said = if mention { thread.mention(who, text).await } else { thread.reply(who, text).await };
                self.said.push((said, true));
                self.is_told(s, told).await;
            }
            Step::Edit { nth, mention, told } => {
                let text = if mention { format!("@assistant edit {number}") } else { format!("edit {number}") };
                if let Some((said, _)) = self.nth(nth) {
                    thread.edit(said, text).await;
                    self.is_told(s, told).await;
                }
            }
            Step::Delete { nth, told } => {
                if let Some((said, stands)) = self.nth(nth) {
                    thread.delete(said).await;
                    *stands = false;
                    self.is_told(s, told).await;
                }
            }
            Step::Deliver { back } => self.hears(s, back).await,
            Step::HoldReading => self.reading = Some(self.reading.take().unwrap_or_else(|| s.holds_step("learn"))),
            Step::StoreReading => self.reading_is_stored(),
            Step::Retract { nth } => {
                let answers = answers(&thread);
                if !answers.is_empty() {
                    thread.delete_ts(answers[nth % answers.len()].ts).await;
                }
            }
            Step::Restart => self.dies(s).await,
            Step::Expire => {
                self.dies(s).await;
                at_rest(s, &thread).await;
                // In a thread that was never ours nothing expires, and old posts are not looked at again.
                if s.store().mark(&thread.key(), s.clock.now()).await.unwrap().joined {
                    s.passes(Duration::from_secs(3700)).await;
                }
            }
        }
    }

    async fn is_told(&self, s: &Story, told: bool) {
        if told {
            self.hears(s, 0).await;
        }
    }

    /// An event comes, counted from the newest.
    async fn hears(&self, s: &Story, back: usize) {
        let events = s.slack.events().len();
        if events > 0 {
            s.slack.deliver_event(events - 1 - back % events).await;
        }
        if self.reading.is_some() {
            // Whoever reads has seen what stands there now.
            s.slack.all_quiet().await;
        }
    }

    fn reading_is_stored(&mut self) {
        if let Some(gate) = self.reading.take() {
            gate.open();
        }
    }

    async fn dies(&mut self, s: &mut Story) {
        // Its readings die with it.
        self.reading = None;
        s.kill_and_start().await;
    }

    /// What expired comes back with the next question.
    async fn is_remembered(&mut self, s: &mut Story) {
        let mark = s.store().mark(&self.thread.key(), s.clock.now()).await.unwrap();
        if mark.joined && !mark.active && !self.thread.posts().is_empty() {
            self.said.push((self.thread.mention("ana", "are you there?").await, true));
            at_rest(s, &self.thread).await;
        }
    }
}

async fn plays(s: &mut Story, root: Root, steps: &[Step], end: End) {
    let asked = AtomicU64::new(0);
    s.openai.answers_by(move |_| format!("answer {}", asked.fetch_add(1, SeqCst)));
    let mut talk = Talk::begins(s, root).await;
    for (number, step) in steps.iter().enumerate() {
        talk.takes(s, number, *step).await;
    }
    match end {
        End::Delivered { reversed: false } => s.slack.release().await,
        End::Delivered { reversed: true } => s.slack.release_reversed().await,
        End::Lost => s.slack.lose_held(),
    }
    if matches!(end, End::Delivered { .. }) {
        talk.reading_is_stored();
        s.calm().await;
        at_rest(s, &talk.thread).await;
        talk.is_remembered(s).await;
        compare(s, &talk, "as every event came", end).await;
    }
    s.kill().await;
    talk.reading = None;
    // What was posted a moment ago may be too young for a reading to have shown it.
    s.clock.advance(Duration::from_secs(61));
    s.start().await;
    at_rest(s, &talk.thread).await;
    talk.is_remembered(s).await;
    compare(s, &talk, "after a restart", end).await;
}

/// Waits until what was missed is found, and everything is answered.
async fn at_rest(s: &mut Story, thread: &Thread) {
    let (key, store) = (thread.key(), s.store());
    loop {
        s.slack.all_quiet().await;
        let session = store.session(&key, s.clock.now()).await.unwrap();
        let is_open = session.is_some_and(|session| session.expires_at.is_none());
        let report = s.catch_up();
        if !is_open && report.looks > 0 && report.looking_from.is_none() {
            return;
        }
    }
}

/// Our answers as the thread shows them.
fn answers(thread: &Thread) -> Vec<Post> {
    thread.posts().into_iter().filter(|post| post.ours && post.text.starts_with("answer")).collect()
}

async fn compare(s: &mut Story, talk: &Talk, when: &str, end: End) {
    let Talk { root, thread, said, .. } = talk;
    let (key, store, now) = (thread.key(), s.store(), s.clock.now());
    let mention = format!("<@{}>", s.slack.bot_user());
    let bot = s.slack.person(BOT);
    let is_bots = |ts: &SlackTs| said.iter().any(|(said, _)| said.ts() == *ts && *said.user() == bot);
    let posts: BTreeMap<SlackTs, String> = thread.posts().into_iter().map(|post| (post.ts, post.text)).collect();
    let stand = said.iter().filter(|(_, stands)| *stands).map(|(said, _)| said.ts());
    let stand: BTreeMap<SlackTs, String> = stand.filter_map(|ts| Some((ts, posts.get(&ts)?.clone()))).collect();
    let known = store.messages(&key, 0, 1000, now).await.unwrap();
    let (known, ours): (Vec<_>, Vec<_>) = known.into_iter().partition(|message| message.role == Role::User);
    let known: BTreeMap<SlackTs, String> = known.into_iter().map(|message| (message.ts, message.text)).collect();
    // An answer stands behind its question until it is read back, and then where it was posted.
    let ours: BTreeSet<String> = ours.into_iter().map(|message| message.text).collect();
    let answered: BTreeSet<String> = answers(thread).into_iter().map(|post| post.text).collect();

    let mark = store.mark(&key, now).await.unwrap();
    let words = |text: &String| text.replace(&mention, "").trim().to_owned();
    // Of bots' posts those are known that stood there when the thread was read: at least when we were asked in.
    let counts = |ts: &SlackTs| !is_bots(ts) || !mark.listens_at(*ts) || known.contains_key(ts);
    let shown = stand.iter().filter(|(ts, _)| mark.joined && counts(ts));
    let shown: BTreeMap<_, _> = shown.map(|(ts, text)| (*ts, words(text))).collect();
    // What is missed in an old thread that was never ours is not found.
    let is_found = !matches!((root, end), (Root::Old, End::Lost));
    let asks = |(ts, text): (&SlackTs, &String)| {
        is_found && !is_bots(ts) && (matches!(root, Root::Direct) || text.contains(&mention))
    };
    let is_right = known == shown && ours == answered && (mark.joined || !stand.iter().any(asks));
    let page = side_by_side(mark.joined, &shown, &known);
    assert!(is_right, "{when}: {page}answered: {answered:?}, known: {ours:?}");
    thread.answers();
}

/// The thread as Slack shows it, beside what the session holds.
fn side_by_side(joined: bool, shown: &BTreeMap<SlackTs, String>, known: &BTreeMap<SlackTs, String>) -> String {
    let mut page = format!("the session is not what the thread shows; joined: {joined}\n");
    let mut line = |at: &str, left: &str, right: &str| {
        let _ = writeln!(page, "{at:20} {left:32} {right}");
    };
    line("", "SLACK", "SESSION");
    let all: BTreeMap<_, _> = shown.iter().chain(known).collect();
    for ts in all.into_keys() {
        let text = |from: &BTreeMap<SlackTs, String>| from.get(ts).map_or("-".to_owned(), Clone::clone);
        line(&ts.to_string(), &text(shown), &text(known));
    }
    page
}

/// How many interleavings are tried on each way: more where they cost less.
fn any_interleaving(transport: Transport, store: Store, cases: u32) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let held = TestRunner::new(config).run(&(roots(), steps(), ends()), |(root, steps, end)| {
        tell(Way { transport, store }, async |s| plays(s, root, &steps, end).await);
        Ok(())
    });
    held.unwrap_or_else(|failure| panic!("{failure}"));
}

mod any_interleaving_ends_in_what_slack_shows {
    use chathakase_sim::slack::Transport::{Http, Socket};

    use super::any_interleaving;
    use crate::harness::Store::{Memory, Postgres, Sqlite};

    #[test]
    fn http_memory() {
        any_interleaving(Http, Memory, 24);
    }
    #[test]
    fn http_sqlite() {
        any_interleaving(Http, Sqlite, 8);
    }
    #[test]
    fn http_postgres() {
        any_interleaving(Http, Postgres, 6);
    }
    #[test]
    fn socket_memory() {
        any_interleaving(Socket, Memory, 8);
    }
    #[test]
    fn socket_sqlite() {
        any_interleaving(Socket, Sqlite, 4);
    }
    #[test]
    fn socket_postgres() {
        any_interleaving(Socket, Postgres, 4);
    }
}
