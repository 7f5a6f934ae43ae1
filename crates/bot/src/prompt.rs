//! What the model is told beside what people said: where it is, who speaks, and who is meant by an id.

use std::collections::HashMap;

use chathakase_session::{Message, Role, UserId, store::History, turn::TurnId};
use chathakase_slack::text;

use crate::texts;

/// The system message for a request: the configured prompt, then the place and the people.
pub(crate) fn system(prompt: &str, history: &History) -> String {
    let place = "You are in a Slack thread.";
    match history.people.len() {
        0 => format!("{prompt}\n\n{place}"),
        1 => {
            let name = history.people.values().next().map_or("a person", String::as_str);
            format!("{prompt}\n\n{place} You talk with {}.", text::one_line_name(name))
        }
        n => format!("{prompt}\n\n{place} {n} people take part; each message starts with its author's name."),
    }
}

/// What the system message says of messages that a request does not hold.
pub(crate) fn left_out(messages: u64) -> String {
    let are = if messages == 1 { "is" } else { "are" };
    format!("About {} of this thread {are} not shown to you.", texts::count(messages, "earlier message"))
}

/// Puts the names people go by today into a history: as authors, and where a message mentions them.
///
/// A message is stored with the ids of those it mentions (`@U0123ABCD`): asking Slack for names would hold up its acknowledgement.
pub(crate) fn put_names(history: &mut History, names: &HashMap<UserId, String>) {
    for (id, name) in &mut history.people {
        if let Some(today) = names.get(id) {
            name.clone_from(today);
        }
    }
    let people = &history.people;
    for message in history.newest.iter_mut().chain(history.first.as_mut()) {
        let known = |id: &UserId| names.get(id).or_else(|| people.get(id));
        if let Some(named) = name_mentions(&message.text, known) {
            message.text = named;
        }
    }
}

/// Sees to it that a request ends with what it asks. A question that arrived late, or was read as context before, can stand
/// before an answer that is there already, where it looks answered: then the turn's questions come last, all of them.
pub(crate) fn put_questions_last(history: &mut History, turn: TurnId) {
    let asks = |message: &Message| message.role == Role::User && message.turn == Some(turn);
    let messages = &history.newest;
    let last_answer = messages.iter().rposition(|message| message.role == Role::Assistant);
    let answered_behind = last_answer.is_some_and(|answer| messages[..answer].iter().any(asks));
    if answered_behind {
        // A stable sort: both groups keep their order.
        history.newest.sort_by_key(asks);
    }
}

/// Everyone that a history mentions.
pub(crate) fn mentioned(history: &History) -> Vec<UserId> {
    let messages = history.newest.iter().chain(history.first.as_ref());
    let mut ids: Vec<UserId> = messages.flat_map(|message| mentions(&message.text)).map(|(_, id)| id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn name_mentions<'a>(said: &str, known: impl Fn(&UserId) -> Option<&'a String>) -> Option<String> {
    let mut named = String::new();
    let mut done = 0;
    for (at, id) in mentions(said) {
        if let Some(name) = known(&id) {
            named += &said[done..=at];
            named += &text::one_line_name(name);
            done = at + 1 + id.as_str().len();
        }
    }
    (done > 0).then(|| named + &said[done..])
}

/// Where a text has `@` and a user's id, with the place of the `@`.
fn mentions(said: &str) -> impl Iterator<Item = (usize, UserId)> {
    said.match_indices('@').filter_map(|(at, _)| {
        let rest = &said[at + 1..];
        let end = rest.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit())).unwrap_or(rest.len());
        // A digit tells an id from a word in capitals; no id of Slack's was seen without one.
        let id = rest[..end].bytes().any(|b| b.is_ascii_digit()).then(|| UserId::parse(&rest[..end]).ok()).flatten()?;
        Some((at, id))
    })
}

#[cfg(test)]
mod tests {
    use chathakase_session::{Kind, SlackTs, Timestamp, message::Ending};

    use super::*;

    /// The texts of a history of (who, turn, text), after the questions of turn 2 were put last.
    fn put_last(said: &[(Role, u64, &'static str)]) -> Vec<String> {
        let message = |(seq, (role, turn, text)): (u64, &(Role, u64, &str))| Message {
            seq,
            ts: SlackTs::from_micros(1).expect("a timestamp"),
            role: *role,
            kind: Kind::Accepted,
            author: None,
            turn: Some(TurnId(*turn)),
            text: (*text).to_owned(),
            ending: Ending::Complete,
            tokens: None,
            at: Timestamp::from_millis(0),
        };
        let newest = (1..).zip(said).map(message).collect();
        let mut history = History { newest, ..History::default() };
        put_questions_last(&mut history, TurnId(2));
        history.newest.into_iter().map(|message| message.text).collect()
    }

    #[test]
    fn a_question_before_an_answer_that_is_not_its_own_is_put_last() {
        use Role::{Assistant, User};
        let in_order = [(User, 1, "one"), (Assistant, 1, "first"), (User, 2, "two"), (User, 2, "three")];
        assert_eq!(put_last(&in_order), ["one", "first", "two", "three"]);
        let late = [(User, 2, "two"), (User, 1, "one"), (Assistant, 1, "first")];
        assert_eq!(put_last(&late), ["one", "first", "two"]);
        // One was late, the other was not: both are asked now.
        let half_late = [(User, 2, "two"), (User, 1, "one"), (Assistant, 1, "first"), (User, 2, "three")];
        assert_eq!(put_last(&half_late), ["one", "first", "two", "three"]);
    }

    #[track_caller]
    fn check(said: &str, named: &str) {
        let ben = "Ben".to_owned();
        let known = |id: &UserId| (id.as_str() == "U2").then_some(&ben);
        assert_eq!(name_mentions(said, known).unwrap_or_else(|| said.to_owned()), named);
    }

    #[test]
    fn ids_of_known_people_become_names_and_nothing_else_changes() {
        check("ask @U2 and @U2, not @U3", "ask @Ben and @Ben, not @U3");
        check("@U2", "@Ben");
        check("é@U2é @UNESCO mail@U2x a@b.c @", "é@Bené @UNESCO mail@Benx a@b.c @");
        check("@U22 @@U2", "@U22 @@Ben");
    }
}
