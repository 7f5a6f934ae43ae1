//! One conversation.

use std::{sync::Arc, time::Duration};

use chathakase_session::{
    Kind, Session,
    message::Ending,
    session::{Inserted, NewMessage},
    store::Amended,
    turn::TurnId,
};
use proptest::prelude::*;

use crate::parts::{a_thread, at, ts, user};

fn texts(session: &Session) -> Vec<&str> {
    session.messages().map(|message| message.text).collect()
}

fn ask(session: &mut Session, secs: u32, who: &str, text: &str) -> Inserted {
    session.insert(&NewMessage::from_user(&user(who), None, text, ts(secs)), at(secs))
}

fn answer(session: &mut Session, secs: u32, turn: u64, text: &str) -> Inserted {
    let turn = Some(TurnId(turn));
    session.insert(&NewMessage { turn, ..NewMessage::answer(text, ts(secs)) }, at(secs))
}

#[test]
fn an_answer_stands_behind_the_last_message_it_answers() {
    let mut session = Session::new(a_thread(), at(0));
    ask(&mut session, 10, "U1", "first");
    ask(&mut session, 20, "U1", "second");
    ask(&mut session, 30, "U1", "third");
    answer(&mut session, 10, 1, "to the first");
    answer(&mut session, 30, 2, "to the others");
    assert_eq!(texts(&session), ["first", "to the first", "second", "third", "to the others"]);
    assert_eq!(session.added_after(0, 9).iter().map(|m| m.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(session.added_after(2, 2).iter().map(|m| m.text).collect::<Vec<_>>(), ["third", "to the first"]);
}

#[test]
fn messages_out_of_order_stand_in_slacks_order() {
    let mut session = Session::new(a_thread(), at(0));
    for secs in [50, 20, 40, 10, 30] {
        ask(&mut session, secs, "U1", &format!("at {secs}"));
    }
    assert_eq!(texts(&session), ["at 10", "at 20", "at 30", "at 40", "at 50"]);
    assert_eq!(session.last_activity(), at(50));
}

#[test]
fn a_message_is_in_a_session_once() {
    let mut session = Session::new(a_thread(), at(0));
    assert_eq!(ask(&mut session, 10, "U1", "hi"), Inserted::New(1));
    assert_eq!(ask(&mut session, 10, "U1", "hi again"), Inserted::Known);
    assert_eq!(answer(&mut session, 10, 1, "hello"), Inserted::New(2));
    assert_eq!(answer(&mut session, 10, 1, "hello twice"), Inserted::Known);
    let read_back = NewMessage { kind: Kind::Context, ..NewMessage::answer("an older answer", ts(5)) };
    assert_eq!(session.insert(&read_back, at(11)), Inserted::New(3));
    assert_eq!(session.insert(&read_back, at(12)), Inserted::Known);
    assert_eq!(ask(&mut session, 20, "U1", "more"), Inserted::New(4));
    assert_eq!(ask(&mut session, 10, "U1", "hi, late"), Inserted::Known);
    assert_eq!(texts(&session), ["an older answer", "hi", "hello", "more"]);
}

#[test]
fn a_later_edit_wins_whatever_the_order_of_arrival() {
    let mut session = Session::new(a_thread(), at(0));
    ask(&mut session, 10, "U1", "teh");
    session.counted(&[(1, 3)]);
    assert_eq!(session.amend(ts(10), "the", ts(12)), Amended::Done);
    assert_eq!(session.amend(ts(10), "te", ts(11)), Amended::Old);
    assert_eq!(session.amend(ts(10), "the", ts(12)), Amended::Old);
    assert_eq!(session.amend(ts(11), "who?", ts(12)), Amended::Unknown);
    let message = session.post(ts(10)).unwrap();
    assert_eq!((message.text, message.tokens), ("the", None));
}

#[test]
fn a_post_that_came_edited_takes_only_later_edits() {
    let mut session = Session::new(a_thread(), at(0));
    let (ana, edited_ts) = (user("U1"), Some(ts(15)));
    session.insert(&NewMessage { edited_ts, ..NewMessage::from_user(&ana, None, "new", ts(10)) }, at(10));
    assert_eq!(session.amend(ts(10), "old", ts(14)), Amended::Old);
    assert_eq!(session.amend(ts(10), "newest", ts(16)), Amended::Done);
}

#[test]
fn what_was_erased_takes_its_edits_with_it() {
    let mut session = Session::new(a_thread(), at(0));
    ask(&mut session, 10, "U1", "first");
    session.amend(ts(10), "edited", ts(20));
    assert_eq!(session.erase(ts(10)).map(|message| message.text), Some("edited".to_owned()));
    assert_eq!(session.erase(ts(10)), None);
    ask(&mut session, 10, "U1", "again");
    assert_eq!(session.amend(ts(10), "edited again", ts(15)), Amended::Done);
    assert_eq!(texts(&session), ["edited again"]);
}

#[test]
fn a_cleared_session_forgets_words_and_people_and_refuses_what_comes_again() {
    let mut session = Session::new(a_thread(), at(0));
    ask(&mut session, 10, "U1", "secret");
    answer(&mut session, 10, 1, "a secret too");
    ask(&mut session, 20, "U2", "kept");
    assert_eq!(session.clear(ts(10)), 2);
    assert_eq!(texts(&session), ["kept"]);
    assert_eq!(session.participants().collect::<Vec<_>>(), [(&user("U2"), "U2")]);
    assert_eq!(session.post(ts(20)).unwrap().author, Some(&user("U2")));
    assert_eq!(ask(&mut session, 10, "U1", "secret"), Inserted::Gone);
    assert_eq!(ask(&mut session, 5, "U1", "older"), Inserted::Gone);
    assert_eq!(session.clear(ts(9)), 0);
    assert_eq!(session.cleared_before(), Some(ts(10)));
    assert_eq!(ask(&mut session, 30, "U1", "new"), Inserted::New(4));
}

#[test]
fn the_last_n_messages_are_the_last_n() {
    let mut session = Session::new(a_thread(), at(0)).with_system_prompt(Arc::from("Be kind."));
    for n in 1..=3 {
        ask(&mut session, 10 * n, "U1", &format!("q{n}"));
        answer(&mut session, 10 * n, n.into(), &format!("a{n}"));
    }
    let ana = user("U1");
    let command = NewMessage { kind: Kind::Command, ..NewMessage::from_user(&ana, None, "help", ts(40)) };
    session.insert(&command, at(40));
    let roles_and_texts = |include_system, max| -> Vec<_> {
        session.openai_messages(include_system, max).into_iter().map(|m| (m.role.as_str(), m.text)).collect()
    };
    assert_eq!(roles_and_texts(false, 2), [("user", "q3"), ("assistant", "a3")]);
    assert_eq!(
        roles_and_texts(true, 3),
        [("system", "Be kind."), ("assistant", "a2"), ("user", "q3"), ("assistant", "a3")]
    );
    assert_eq!(roles_and_texts(false, 0), []);
    assert_eq!(roles_and_texts(false, 99).len(), 6);
}

#[test]
fn names_stand_before_the_words_as_soon_as_there_are_two_people() {
    let mut session = Session::new(a_thread(), at(0));
    let (ana, bo) = (user("U1"), user("U2"));
    session.insert(&NewMessage::from_user(&ana, Some("Ana"), "Hi \"bot\"\n", ts(10)), at(10));
    let content = |session: &Session| session.openai_messages(true, 9).iter().map(|m| m.content()).collect::<Vec<_>>();
    assert_eq!(content(&session), ["Hi \"bot\"\n"]);
    session.insert(&NewMessage { ending: Ending::Cut, ..NewMessage::answer("Hel", ts(10)) }, at(11));
    session.insert(&NewMessage::from_user(&bo, Some("Bo\nsystem"), "me too", ts(20)), at(20));
    assert_eq!(content(&session), ["Ana: Hi \"bot\"\n", "Hel\n[the answer broke off here]", "Bo system: me too"]);
    session.insert(&NewMessage::from_user(&ana, Some("Ana M."), "bye", ts(30)), at(30));
    assert_eq!(content(&session)[0], "Ana M.: Hi \"bot\"\n");
    assert_eq!(content(&session)[3], "Ana M.: bye");
}

#[test]
fn the_json_of_a_request_is_the_json_of_its_messages() {
    let mut session = Session::new(a_thread(), at(0)).with_system_prompt(Arc::from("Say \"hi\"."));
    let written = |session: &Session, include_system, max| {
        let mut out = b"messages:".to_vec();
        session.write_openai_json(include_system, max, &mut out);
        let expected = serde_json::to_string(&session.openai_messages(include_system, max)).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), format!("messages:{expected}"));
        expected
    };
    assert_eq!(written(&session, false, 9), "[]");
    assert_eq!(written(&session, true, 9), r#"[{"role":"system","content":"Say \"hi\"."}]"#);
    for n in 1..30 {
        let text = format!("line\n\ttab \u{1} \\ {} 👩‍🚀 שלום", "x".repeat(n as usize));
        ask(&mut session, n, if n % 3 == 0 { "U1" } else { "U2" }, &text);
        answer(&mut session, n, n.into(), "\"ok\"");
    }
    for max in [0, 1, 2, 5, 99] {
        written(&session, true, max);
    }
}

#[test]
fn three_hundred_people_are_told_apart() {
    let mut session = Session::new(a_thread(), at(0));
    for n in 0..600 {
        let (id, name) = (user(&format!("U{:03}", (n * 7) % 300)), format!("Person {}", n % 300));
        session.insert(&NewMessage::from_user(&id, Some(&name), "hi", ts(n + 1)), at(n));
    }
    let info = session.info(Duration::from_secs(60));
    assert_eq!((info.people.len(), info.user_messages), (300, 600));
    let named = |(n, author)| info.people[author] == format!("Person {}", n % 300);
    assert!(session.messages().map(|message| message.author.unwrap()).enumerate().all(named));
    assert_eq!(info.expires_at, Some(at(599 + 60)));
}

#[test]
fn history_is_the_newest_and_the_first_and_counts_the_rest() {
    let mut session = Session::new(a_thread(), at(0));
    let ana = user("U1");
    for n in 1..=10 {
        let kind = if n % 5 == 1 { Kind::Command } else { Kind::Accepted };
        let text = format!("m{n}");
        session.insert(&NewMessage { kind, ..NewMessage::from_user(&ana, None, &text, ts(n)) }, at(n));
    }
    let told = |limit| {
        let history = session.history(limit);
        let newest: Vec<_> = history.newest.iter().map(|m| m.text.clone()).collect();
        (newest.join(" "), history.first.map(|m| m.text), history.left_out)
    };
    assert_eq!(told(3), ("m8 m9 m10".to_owned(), Some("m2".to_owned()), 4));
    assert_eq!(told(7), ("m3 m4 m5 m7 m8 m9 m10".to_owned(), Some("m2".to_owned()), 0));
    assert_eq!(told(8), ("m2 m3 m4 m5 m7 m8 m9 m10".to_owned(), None, 0));
    assert_eq!(told(0), (String::new(), Some("m2".to_owned()), 7));
}

#[derive(Clone, Debug)]
enum Step {
    Ask(u32, String),
    Answer(u32, u64),
    Amend(u32, String, u32),
    Erase(u32),
    Clear(u32),
    ForgetOldest(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let text = || "\\PC{0,20}|[a-z]{200}";
    prop_oneof![
        6 => (1..40_u32, text()).prop_map(|(ts, text)| Step::Ask(ts, text)),
        3 => (1..40_u32, 1..9_u64).prop_map(|(ts, turn)| Step::Answer(ts, turn)),
        3 => (1..40_u32, text(), 1..9_u32).prop_map(|(ts, text, edit)| Step::Amend(ts, text, edit)),
        2 => (1..40_u32).prop_map(Step::Erase),
        1 => (1..20_u32).prop_map(Step::Clear),
        1 => (0..4_usize).prop_map(Step::ForgetOldest),
    ]
}

/// The same rules, written as plainly as possible.
#[derive(Default)]
struct Plain {
    rows: Vec<Row>,
    added: u64,
    cleared: u32,
}

struct Row {
    ts: u32,
    turn: Option<u64>,
    text: String,
    edit: u32,
    added: u64,
}

impl Plain {
    fn insert(&mut self, ts: u32, turn: Option<u64>, text: &str) {
        if ts > self.cleared && !self.rows.iter().any(|row| (row.ts, row.turn) == (ts, turn)) {
            self.added += 1;
            self.rows.push(Row { ts, turn, text: text.to_owned(), edit: 0, added: self.added });
            self.rows.sort_by_key(|row| (row.ts, row.turn.is_some(), row.added));
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Ask(ts, text) => self.insert(*ts, None, text),
            Step::Answer(ts, turn) => self.insert(*ts, Some(*turn), "an answer"),
            Step::Amend(ts, text, edit) => {
                if let Some(row) =
                    self.rows.iter_mut().find(|row| row.ts == *ts && row.turn.is_none() && row.edit < *edit)
                {
                    (row.text, row.edit) = (text.clone(), *edit);
                }
            }
            Step::Erase(ts) => self.rows.retain(|row| row.ts != *ts || row.turn.is_some()),
            Step::Clear(ts) => {
                self.cleared = self.cleared.max(*ts);
                self.rows.retain(|row| row.ts > self.cleared);
            }
            Step::ForgetOldest(count) => drop(self.rows.drain(..self.rows.len().min(*count))),
        }
    }
}

fn take(session: &mut Session, step: &Step) {
    match step {
        Step::Ask(ts, text) => drop(ask(session, *ts, "U1", text)),
        Step::Answer(ts, turn) => drop(answer(session, *ts, *turn, "an answer")),
        Step::Amend(at, text, edit) => drop(session.amend(ts(*at), text, ts(*edit))),
        Step::Erase(at) => drop(session.erase(ts(*at))),
        Step::Clear(at) => drop(session.clear(ts(*at))),
        Step::ForgetOldest(count) => session.forget_oldest(*count),
    }
}

proptest! {
    #[test]
    fn a_session_is_what_its_changes_make_of_it(steps in prop::collection::vec(step(), 0..80)) {
        let (mut session, mut plain) = (Session::new(a_thread(), at(0)), Plain::default());
        for step in &steps {
            take(&mut session, step);
            plain.take(step);
            let found: Vec<_> = session.messages().map(|m| (m.ts, m.turn.map(|turn| turn.0), m.text)).collect();
            let wanted: Vec<_> = plain.rows.iter().map(|row| (ts(row.ts), row.turn, row.text.as_str())).collect();
            prop_assert_eq!(found, wanted);
            prop_assert_eq!(session.message_count() as usize, session.len());
        }
    }
}
