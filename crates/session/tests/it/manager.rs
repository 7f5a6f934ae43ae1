//! Many conversations: creation, expiry, numbers.

use std::time::Duration;

use chathakase_session::{ManagerConfig, SessionManager, ThreadKey, manager::TooLong, session::Inserted};

use crate::parts::{at, thread, ts, user};

const HOUR: u32 = 3600;

fn manager() -> SessionManager {
    SessionManager::new(ManagerConfig::default())
}

fn key(n: u32) -> ThreadKey {
    thread("T1", "C1", n)
}

fn say(manager: &mut SessionManager, n: u32, now: u32) {
    manager.add_user_message(&key(n), &user("U1"), Some("Ana"), "hi", ts(now), at(now)).unwrap();
}

#[test]
fn a_message_creates_the_session_that_the_next_one_finds() {
    let mut manager = manager();
    assert!(manager.session(&key(1), at(0)).is_none());
    say(&mut manager, 1, 10);
    manager.add_assistant_message(&key(1), "hello", ts(10), at(11)).unwrap();
    say(&mut manager, 1, 20);
    let session = manager.session(&key(1), at(20)).unwrap();
    assert_eq!(session.messages().map(|m| m.text).collect::<Vec<_>>(), ["hi", "hello", "hi"]);
    assert_eq!((session.created_at(), session.last_activity()), (at(10), at(20)));
    assert_eq!(session.id().to_string(), "C1_1.000000");
    assert_eq!(manager.held(), 1);
}

#[test]
fn an_expired_session_is_in_no_answer_before_any_sweep() {
    let mut manager = manager();
    say(&mut manager, 1, 0);
    say(&mut manager, 2, 10);
    let last_moment = HOUR - 1;
    assert_eq!(manager.session_stats(at(last_moment)).active_sessions, 2);
    assert_eq!(manager.session_stats(at(HOUR)).active_sessions, 1);
    assert!(manager.session(&key(1), at(HOUR)).is_none() && manager.session_info(&key(1), at(HOUR)).is_none());
    assert_eq!(manager.all_sessions(at(HOUR)).iter().map(|info| info.key.root).collect::<Vec<_>>(), [ts(2)]);
    assert_eq!(manager.clear_session(&key(1), at(HOUR)), 0);
    assert_eq!(manager.held(), 2);
    assert!(manager.get_or_create_session(&key(1), at(HOUR)).is_empty());
    assert_eq!(manager.session(&key(1), at(HOUR)).unwrap().created_at(), at(HOUR));
}

#[test]
fn a_sweep_takes_what_is_due_and_nothing_else() {
    let mut manager = manager();
    (1..=5).for_each(|n| say(&mut manager, n, n * 10));
    say(&mut manager, 2, 1000);
    assert_eq!(manager.cleanup_expired_sessions(at(HOUR + 9)), 0);
    assert_eq!(manager.cleanup_expired_sessions(at(HOUR + 30)), 2);
    assert_eq!(manager.held(), 3);
    assert_eq!(manager.cleanup_expired_sessions(at(HOUR + 999)), 2);
    assert_eq!(manager.cleanup_expired_sessions(at(HOUR + 1000)), 1);
    assert_eq!(manager.held(), 0);
}

#[test]
fn a_new_session_sweeps_when_more_than_ten_exist() {
    let mut manager = manager();
    (1..=10).for_each(|n| say(&mut manager, n, 0));
    say(&mut manager, 11, HOUR);
    assert_eq!(manager.held(), 11, "ten are not more than ten");
    say(&mut manager, 12, HOUR);
    assert_eq!(manager.held(), 2);
}

#[test]
fn a_creation_never_sweeps_long_and_still_catches_up() {
    let mut manager = manager();
    (1..=1000).for_each(|n| say(&mut manager, n, 0));
    let (mut before, mut created) = (manager.held(), 0);
    while before > 100 {
        created += 1;
        say(&mut manager, 10_000 + created, HOUR);
        let swept = before + 1 - manager.held();
        assert!((1..=16).contains(&swept), "{swept} sessions were swept by one creation");
        before = manager.held();
    }
}

#[test]
fn the_session_that_expires_first_makes_room_for_a_new_one() {
    let mut manager = SessionManager::new(ManagerConfig { sessions_max: 3, ..ManagerConfig::default() });
    (1..=3).for_each(|n| say(&mut manager, n, n));
    say(&mut manager, 1, 10);
    say(&mut manager, 4, 11);
    let held: Vec<_> = manager.all_sessions(at(11)).iter().map(|info| info.key.root).collect();
    assert_eq!(held, [ts(4), ts(1), ts(3)]);
}

#[test]
fn the_oldest_messages_make_room_for_new_ones() {
    let mut manager = SessionManager::new(ManagerConfig { messages_max: 16, ..ManagerConfig::default() });
    (1..=100).for_each(|now| say(&mut manager, 1, now));
    let session = manager.session(&key(1), at(100)).unwrap();
    assert!(session.len() <= 16 && session.len() > 12, "{}", session.len());
    assert_eq!(session.messages().next_back().unwrap().ts, ts(100));
    assert!(session.messages().is_sorted_by_key(|m| m.ts));
}

#[test]
fn a_message_beyond_the_limit_is_refused_and_says_what_to_do() {
    let mut manager = SessionManager::new(ManagerConfig { message_chars_max: 5, ..ManagerConfig::default() });
    let mut add = |text| manager.add_user_message(&key(1), &user("U1"), None, text, ts(1), at(1));
    let refused = add("ééééée").unwrap_err();
    assert_eq!(refused, TooLong { max: 5 });
    assert_eq!(refused.to_string(), "the message has more than 5 characters; send it in several, or as a file");
    assert_eq!(add("ééééé").unwrap(), Inserted::New(1));
    assert!(manager.add_assistant_message(&key(1), "123456", ts(1), at(1)).is_err());
}

#[test]
fn statistics_count_people_once_in_a_workspace() {
    let mut manager = manager();
    assert_eq!(manager.session_stats(at(0)), Default::default());
    let said = [("T1", 1, "U1"), ("T1", 1, "U2"), ("T1", 2, "U1"), ("T2", 2, "U1"), ("T1", 1, "U1")];
    for (n, (workspace, root, who)) in (1..).zip(said) {
        let key = thread(workspace, "C1", root);
        manager.add_user_message(&key, &user(who), None, "hi", ts(n), at(root)).unwrap();
    }
    let stats = manager.session_stats(at(5));
    assert_eq!((stats.active_sessions, stats.messages), (3, 5));
    assert_eq!(stats.participants, 3, "U1 and U2 of T1, and U1 of T2, who is somebody else");
    assert_eq!((stats.oldest, stats.newest), (Some(at(1)), Some(at(2))));
}

#[test]
fn a_cleared_session_starts_over_and_says_when_it_expires() {
    let mut manager = manager();
    say(&mut manager, 1, 10);
    say(&mut manager, 2, 10);
    assert_eq!(manager.clear_session(&key(1), at(11)), 1);
    assert_eq!(manager.clear_session(&key(1), at(11)), 0);
    let info = manager.session_info(&key(1), at(11)).unwrap();
    assert_eq!((info.user_messages, info.people.len()), (0, 0));
    assert_eq!(info.expires_at, Some(at(10) + Duration::from_secs(3600)));
    assert_eq!(manager.session_info(&key(2), at(11)).unwrap().user_messages, 1);
    let again = manager.add_user_message(&key(1), &user("U1"), None, "hi", ts(10), at(12)).unwrap();
    assert_eq!(again, Inserted::Gone);
}
