//! Windows never exceed their limits, whatever the session and however small the limits.

use std::collections::BTreeMap;

use chathakase_session::{
    Kind, Message, Role, TokenCounter, UserId, WindowLimits,
    message::Ending,
    store::History,
    tokens::BytesAsTokens,
    window::{MESSAGE_TOKENS, REPLY_TOKENS, SHRUNK_BYTES_MIN, Window, window},
};
use proptest::prelude::*;

use crate::parts::{Quarter, at, ts, user};

fn message() -> impl Strategy<Value = Message> {
    let text = prop_oneof![
        5 => "[a-z ]{0,60}",
        3 => "\\PC{0,60}",
        2 => (200..3000_usize).prop_map(|len| "lorem 👩‍🚀 ".repeat(len / 8)),
        1 => Just(String::new()),
    ];
    let role = prop_oneof![3 => Just(Role::User), 2 => Just(Role::Assistant)];
    let kind = prop_oneof![8 => Just(Kind::Accepted), 1 => Just(Kind::Command), 1 => Just(Kind::Context)];
    let ending = prop_oneof![5 => Just(Ending::Complete), 1 => Just(Ending::Cut), 1 => Just(Ending::Length)];
    (text, role, kind, ending, prop::option::of(0..3_usize), any::<bool>()).prop_map(|parts| {
        let (text, role, kind, ending, author, counted) = parts;
        let author = author.filter(|_| role == Role::User).map(|n| user(["U1", "U2", "U3"][n]));
        let ending = if role == Role::User { Ending::Complete } else { ending };
        let tokens = counted.then_some(u32::MAX);
        Message { seq: 0, ts: ts(0), role, kind, author, turn: None, text, ending, tokens, at: at(0) }
    })
}

/// Any history; each text begins with its number, so that it is known again.
fn history(counter: &dyn TokenCounter, first: bool, left_out: u64, people: usize, messages: Vec<Message>) -> History {
    let mut messages: Vec<_> = (1_u32..)
        .zip(messages)
        .map(|(n, mut message)| {
            (message.seq, message.ts) = (n.into(), ts(n));
            if !message.text.is_empty() {
                message.text.insert_str(0, &format!("#{n} "));
            }
            message.tokens = message.tokens.map(|_| u32::try_from(counter.count(&message.text)).unwrap());
            message
        })
        .collect();
    let first = (first && messages.len() > 1).then(|| messages.remove(0));
    let left_out = if first.is_some() { left_out } else { 0 };
    let names = ["Ana", "", "A name that is a good deal longer than forty characters\n"];
    let people: BTreeMap<UserId, String> =
        (0..people).map(|n| (user(["U1", "U2", "U3"][n]), names[n].to_owned())).collect();
    History { newest: messages, first, left_out, people }
}

/// The number that a text was given; `None` for one without words.
fn number(content: &str) -> Option<String> {
    let (_, rest) = content.split_once('#')?;
    Some(rest.chars().take_while(char::is_ascii_digit).collect())
}

fn check(window: &Window, system: &str, history: &History, limits: &WindowLimits, counter: &dyn TokenCounter) {
    let conversation: Vec<_> = window.messages.iter().filter(|message| message.role != Role::System).collect();
    assert!(conversation.len() <= limits.max_messages);
    assert!(window.messages.len() <= conversation.len() + 1);

    let cost: usize = window.messages.iter().map(|m| MESSAGE_TOKENS + counter.count(&m.content)).sum();
    let cost = cost + if window.messages.is_empty() { 0 } else { REPLY_TOKENS };
    assert!(cost <= window.tokens && window.tokens <= limits.max_tokens, "{cost} {} {limits:?}", window.tokens);

    let bytes: usize = conversation.iter().map(|m| m.content.len()).sum();
    assert_eq!(bytes, window.bytes);
    assert!(bytes <= limits.max_bytes);

    assert_ne!(conversation.first().map(|m| m.role), Some(Role::Assistant), "an orphan answer stands first");
    // Texts without words have no number, and cannot be told apart by it.
    let gap_first = history.first.as_ref().filter(|_| history.left_out > 0).and_then(|m| number(&m.text));
    if gap_first.is_some() && gap_first == conversation.first().and_then(|m| number(&m.content)) {
        assert_ne!(conversation.get(1).map(|m| m.role), Some(Role::Assistant), "an orphan answer stands behind a gap");
    }
    if !window.left_out.system_shortened && window.messages.len() > conversation.len() {
        assert_eq!(window.messages[0].content, system);
    }

    // What is sent is what was said, in order, and what is not sent is counted.
    let everything = || history.first.iter().chain(&history.newest).filter(|m| m.kind != Kind::Command);
    let mut said = everything();
    for sent in &conversation {
        let number = number(&sent.content);
        assert!(
            said.any(|m| m.role == sent.role && self::number(&m.text) == number),
            "{:?} was not said",
            sent.content
        );
    }
    let wordless =
        everything().filter(|m| m.role == Role::Assistant && m.text.is_empty() && m.ending == Ending::Complete);
    let sendable = everything().count() - wordless.count();
    assert_eq!(window.left_out.messages, history.left_out + (sendable - conversation.len()) as u64);

    for (seq, tokens) in &window.counted {
        let message = everything().find(|m| m.seq == *seq).unwrap();
        assert_eq!((message.tokens, counter.count(&message.text)), (None, *tokens as usize));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn a_window_keeps_to_every_limit(
        messages in prop::collection::vec(message(), 0..30),
        (first, left_out, people) in (any::<bool>(), 0..3_u64, 0..4_usize),
        system in "[a-z ]{0,90}",
        max_messages in prop_oneof![Just(usize::MAX), 0..30_usize],
        max_tokens in prop_oneof![0..200_usize, 0..5_000_usize, Just(usize::MAX)],
        max_bytes in prop_oneof![2 => Just(usize::MAX), 1 => 0..2_000_usize],
        by_bytes in any::<bool>(),
    ) {
        let counter: &dyn TokenCounter = if by_bytes { &BytesAsTokens } else { &Quarter };
        let history = history(counter, first, left_out, people, messages);
        let limits = WindowLimits { max_messages, max_tokens, max_bytes };
        let window = window(&system, &history, &limits, counter);
        check(&window, &system, &history, &limits, counter);

        let smaller = window.shrink(&limits);
        let second = chathakase_session::window(&system, &history, &smaller, counter);
        check(&second, &system, &history, &smaller, counter);
        prop_assert!(second.bytes <= (window.bytes / 2).max(SHRUNK_BYTES_MIN));
    }

    #[test]
    fn the_newest_question_is_always_sent_where_there_is_room(
        messages in prop::collection::vec(message(), 1..10), max_messages in 1..10_usize, max_tokens in 400..2_000_usize,
    ) {
        let mut history = history(&Quarter, false, 0, 2, messages);
        let last = history.newest.last_mut().unwrap();
        (last.role, last.kind, last.ending) = (Role::User, Kind::Accepted, Ending::Complete);
        let limits = WindowLimits { max_messages, max_tokens, ..WindowLimits::default() };
        let window = window("Be kind.", &history, &limits, &Quarter);
        let last = history.newest.last().unwrap();
        let begins = last.text.split(' ').next().unwrap();
        let sent = window.messages.last().unwrap();
        prop_assert!(sent.role == Role::User && (last.text.is_empty() || sent.content.contains(begins)));
    }
}
