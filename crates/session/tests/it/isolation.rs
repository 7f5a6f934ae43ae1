//! No session ever shows another's words: equal roots in two channels and two workspaces, messages out of order and twice,
//! sessions that expire and begin anew while others live.

use std::collections::BTreeMap;

use chathakase_session::{
    ManagerConfig, SessionManager, ThreadKey, Timestamp, WindowLimits, tokens::BytesAsTokens, window,
};
use proptest::prelude::*;

use crate::parts::{thread, ts, user};

const TIMEOUT_MS: i64 = 1000;

#[derive(Clone, Debug)]
enum Step {
    Say { thread: usize, ts: u32 },
    Clear { thread: usize },
    Sweep,
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..8_usize, 1..50_u32).prop_map(|(thread, ts)| Step::Say { thread, ts }),
        1 => (0..8_usize).prop_map(|thread| Step::Clear { thread }),
        1 => Just(Step::Sweep),
        2 => (1..TIMEOUT_MS).prop_map(Step::Pass),
    ]
}

/// Two workspaces, two channels, two roots: each of the eight shares its root with three others.
fn threads() -> Vec<ThreadKey> {
    let both = |a, b| [a, b].into_iter();
    both("T1", "T2").flat_map(|w| both("C1", "C2").flat_map(move |c| [1, 2].map(|root| thread(w, c, root)))).collect()
}

/// What a thread holds, kept as plainly as possible.
#[derive(Clone, Default)]
struct Plain {
    texts: BTreeMap<u32, String>,
    cleared: u32,
    last: i64,
    alive: bool,
}

impl Plain {
    fn at(&mut self, now: i64) -> &mut Self {
        if self.alive && now >= self.last + TIMEOUT_MS {
            *self = Self::default();
        }
        self
    }

    fn say(&mut self, ts: u32, text: &str, now: i64) {
        if !self.alive {
            *self = Self { alive: true, last: now, ..Self::default() };
        }
        if ts > self.cleared && !self.texts.contains_key(&ts) {
            self.texts.insert(ts, text.to_owned());
            self.last = self.last.max(now);
        }
    }
}

/// Compares every thread's messages, request and window with what was said in it.
fn compare(manager: &SessionManager, plain: &mut [Plain], now: i64) {
    let mut active = 0;
    for (key, plain) in threads().iter().zip(plain) {
        let plain = plain.at(now);
        let session = manager.session(key, Timestamp::from_millis(now));
        assert_eq!(session.is_some(), plain.alive);
        let Some(session) = session else { continue };
        active += 1;
        let said: Vec<_> = plain.texts.values().map(String::as_str).collect();
        assert_eq!(session.messages().map(|m| m.text).collect::<Vec<_>>(), said);
        let request: Vec<_> = session.openai_messages(false, 99).iter().map(|m| m.content()).collect();
        assert_eq!(request, said);
        let window = window("", &session.history(5), &WindowLimits::default(), &BytesAsTokens);
        let sent: Vec<_> = window.messages.iter().map(|m| m.content.as_str()).collect();
        let first = said.len().saturating_sub(5).min(1);
        assert_eq!(sent[first..], said[said.len() - said.len().min(5)..]);
        assert_eq!(sent[..first], said[..first]);
    }
    assert_eq!(manager.session_stats(Timestamp::from_millis(now)).active_sessions, active);
}

proptest! {
    #[test]
    fn sessions_never_mix(steps in prop::collection::vec(step(), 1..60), sessions_swept_from in 0..9_usize) {
        let config = ManagerConfig {
            session_timeout: std::time::Duration::from_millis(TIMEOUT_MS.unsigned_abs()),
            cleanup_threshold: sessions_swept_from,
            ..ManagerConfig::default()
        };
        let (threads, mut plain, mut now) = (threads(), vec![Plain::default(); 8], 100_000);
        let mut manager = SessionManager::new(config);
        for step in steps {
            match step {
                Step::Say { thread, ts: at } => {
                    let text = format!("{} at {at}", threads[thread]);
                    let moment = Timestamp::from_millis(now);
                    manager.add_user_message(&threads[thread], &user("U1"), None, &text, ts(at), moment).unwrap();
                    plain[thread].at(now).say(at, &text, now);
                }
                Step::Clear { thread } => {
                    let cleared = manager.clear_session(&threads[thread], Timestamp::from_millis(now));
                    let plain = plain[thread].at(now);
                    prop_assert_eq!(cleared, plain.texts.len());
                    plain.cleared = plain.texts.keys().next_back().copied().unwrap_or(plain.cleared);
                    plain.texts.clear();
                }
                // A sweep makes true for good what time alone made true until then.
                Step::Sweep => {
                    manager.cleanup_expired_sessions(Timestamp::from_millis(now));
                }
                Step::Pass(ms) => now += ms,
            }
            compare(&manager, &mut plain, now);
        }
    }
}
