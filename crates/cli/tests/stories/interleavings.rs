//! Any interleaving of posts, edits, deletions, expiries and events, some of them twice and some never, ends with what Slack's
//! thread shows in the session: what people wrote, and what we answered. What was missed is read back after a restart.
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
use chathakase_sim::slack::{Post, Said, Thread, Transport};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::harness::{Store, Story, Way, tell};

/// How the thread begins.
#[derive(Clone, Copy, Debug)]
enum Root {
    Mention,
    Post,
    Direct,
}

/// Something that people do in the thread, or that reaches us.
#[derive(Clone, Copy, Debug)]
enum Step {
    Reply {
        mention: bool,
    },
    Edit {
        nth: usize,
        mention: bool,
    },
    Delete {
        nth: usize,
    },
    /// Slack delivers an event, counted from the newest: one that is new, one that is late, or one that came before.
    Deliver {
        back: usize,
    },
    /// Somebody deletes an answer of ours.
    Retract {
        nth: usize,
    },
    /// The process dies, and the next one looks for what was missed.
    Restart,
    /// The same, and then nothing happens until the session has expired.
    Expire,
}

fn roots() -> impl Strategy<Value = Root> {
    prop_oneof![Just(Root::Mention), Just(Root::Post), Just(Root::Direct)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<bool>().prop_map(|mention| Step::Reply { mention }),
        2 => (0..8_usize, any::<bool>()).prop_map(|(nth, mention)| Step::Edit { nth, mention }),
        2 => (0..8_usize).prop_map(|nth| Step::Delete { nth }),
        3 => (0..2_usize).prop_map(|back| Step::Deliver { back }),
        6 => (0..24_usize).prop_map(|back| Step::Deliver { back }),
        1 => (0..4_usize).prop_map(|nth| Step::Retract { nth }),
        1 => Just(Step::Restart),
        1 => Just(Step::Expire),
    ];
    prop::collection::vec(step, 1..24)
}

async fn plays(s: &mut Story, root: Root, steps: &[Step]) {
    let asked = AtomicU64::new(0);
    s.openai.answers_by(move |_| format!("answer {}", asked.fetch_add(1, SeqCst)));
    s.slack.hold_events();
    // What was written before it first listened is not looked for.
    s.caught_up().await;
    let thread = match root {
        Root::Mention => s.slack.mention("ana", "#general", "root").await,
        Root::Post => s.slack.post("ana", "#general", "root").await,
        Root::Direct => s.slack.dm("ana", "root").await,
    };
    let mut said = vec![thread.first()];
    let mut stands = vec![true];
    for (number, step) in steps.iter().enumerate() {
        s.clock.advance(Duration::from_millis(10));
        let place = |nth: usize| nth % said.len();
        match *step {
            // Nobody can reply where nothing is left.
            Step::Reply { .. } if !stands.contains(&true) => {}
            Step::Reply { mention } => {
                // A direct message has two people only: one of them and us.
                let who = if matches!(root, Root::Direct) { "ana" } else { "ben" };
                let text = format!("reply {number}");
                said.push(if mention { thread.mention(who, text).await } else { thread.reply(who, text).await });
                stands.push(true);
            }
            Step::Edit { nth, mention } if stands[place(nth)] => {
                let text = if mention { format!("@assistant edit {number}") } else { format!("edit {number}") };
                thread.edit(&said[place(nth)], text).await;
            }
            Step::Delete { nth } if stands[place(nth)] => {
                let at = place(nth);
                thread.delete(&said[at]).await;
                stands[at] = false;
            }
            Step::Edit { .. } | Step::Delete { .. } => {}
            Step::Deliver { back } => {
                let events = s.slack.events().len();
                s.slack.deliver_event(events - 1 - back % events).await;
            }
            Step::Retract { nth } => {
                let answers = answers(&thread);
                if !answers.is_empty() {
                    thread.delete_ts(answers[nth % answers.len()].ts).await;
                }
            }
            Step::Restart => s.kill_and_start().await,
            Step::Expire => {
                s.kill_and_start().await;
                at_rest(s, &thread).await;
                // In a thread that was never ours nothing expires, and old posts are not looked at again.
                if s.store().mark(&thread.key(), s.clock.now()).await.unwrap().joined {
                    s.passes(Duration::from_secs(3700)).await;
                }
            }
        }
    }
    s.slack.lose_held();
    s.kill().await;
    // What was posted a moment ago may be too young for a reading to have shown it.
    s.clock.advance(Duration::from_secs(61));
    s.start().await;
    at_rest(s, &thread).await;
    let mark = s.store().mark(&thread.key(), s.clock.now()).await.unwrap();
    if mark.joined && !mark.active && !thread.posts().is_empty() {
        // What expired comes back with the next question.
        said.push(thread.mention("ana", "are you there?").await);
        at_rest(s, &thread).await;
    }
    compare(s, root, &thread, &said).await;
}

/// Waits until what was missed is found, and everything is answered.
async fn at_rest(s: &mut Story, thread: &Thread) {
    let (key, store) = (thread.key(), s.store());
    loop {
        s.slack.all_quiet().await;
        let session = store.session(&key, s.clock.now()).await.unwrap();
        let is_open = session.is_some_and(|session| session.expires_at.is_none());
        let report = s.catch_up();
        if !is_open && report.looks == 1 && report.looking_from.is_none() {
            return;
        }
    }
}

/// Our answers as the thread shows them.
fn answers(thread: &Thread) -> Vec<Post> {
    thread.posts().into_iter().filter(|post| post.ours && post.text.starts_with("answer")).collect()
}

async fn compare(s: &mut Story, root: Root, thread: &Thread, said: &[Said]) {
    let (key, store, now) = (thread.key(), s.store(), s.clock.now());
    let mention = format!("<@{}>", s.slack.bot_user());
    let by_people = |ts| said.iter().any(|said| said.ts() == ts);
    let people =
        thread.posts().into_iter().filter(|post| by_people(post.ts) && post.text != "This message was deleted.");
    let people: BTreeMap<SlackTs, String> = people.map(|post| (post.ts, post.text)).collect();
    let known = store.messages(&key, 0, 1000, now).await.unwrap();
    let (known, ours): (Vec<_>, Vec<_>) = known.into_iter().partition(|message| message.role == Role::User);
    let known: BTreeMap<SlackTs, String> = known.into_iter().map(|message| (message.ts, message.text)).collect();
    // An answer stands behind its question until it is read back, and then where it was posted.
    let ours: BTreeSet<String> = ours.into_iter().map(|message| message.text).collect();
    let answered: BTreeSet<String> = answers(thread).into_iter().map(|post| post.text).collect();

    let joined = store.mark(&key, now).await.unwrap().joined;
    let asks = |text: &String| matches!(root, Root::Direct) || text.contains(&mention);
    let words = |text: &String| text.replace(&mention, "").trim().to_owned();
    let shown: BTreeMap<_, _> = people.iter().filter(|_| joined).map(|(ts, text)| (*ts, words(text))).collect();
    let is_right = known == shown && ours == answered && (joined || !people.values().any(asks));
    assert!(is_right, "{}answered: {answered:?}, known: {ours:?}", side_by_side(joined, &people, &known));
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
    let held = TestRunner::new(config).run(&(roots(), steps()), |(root, steps)| {
        tell(Way { transport, store }, async |s| plays(s, root, &steps).await);
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
