//! Which messages a request sends, by example.

use chathakase_session::{
    Role, Session, WindowLimits,
    message::Ending,
    session::NewMessage,
    store::History,
    window::{MESSAGE_TOKENS, REPLY_TOKENS, Window, window},
};

use crate::parts::{NotAsked, Quarter, a_thread, at, ts, user};

/// A session told as lines: `Ana: …` is hers, `bot: …` is an answer to the line before.
fn session(lines: &[&str]) -> Session {
    let mut session = Session::new(a_thread(), at(0));
    let mut now = 0;
    for line in lines {
        let (who, text) = line.split_once(": ").unwrap();
        if who == "bot" {
            session.insert(&NewMessage::answer(text, ts(now)), at(now));
        } else {
            now += 1;
            let id = user(&format!("U{who}"));
            session.insert(&NewMessage::from_user(&id, Some(who), text, ts(now)), at(now));
        }
    }
    session
}

fn history(lines: &[&str], limit: usize) -> History {
    session(lines).history(limit)
}

fn limits(max_messages: usize, max_tokens: usize) -> WindowLimits {
    WindowLimits { max_messages, max_tokens, ..WindowLimits::default() }
}

fn sent(window: &Window) -> Vec<&str> {
    window.messages.iter().map(|message| message.content.as_str()).collect()
}

/// A text of `len` bytes that begins with `word`.
fn long(word: &str, len: usize) -> String {
    format!("{word}{}", " and more".repeat(len))[..len].to_owned()
}

#[test]
fn a_short_conversation_is_sent_whole_and_nothing_is_counted() {
    let history = history(&["Ana: hi", "bot: hello", "Ana: bye"], 20);
    let window = window("Be kind.", &history, &WindowLimits::default(), &NotAsked);
    assert_eq!(sent(&window), ["Be kind.", "hi", "hello", "bye"]);
    assert_eq!(window.messages[0].role, Role::System);
    assert_eq!(window.tokens, REPLY_TOKENS + 4 * MESSAGE_TOKENS + "Be kind.hihellobye".len());
    assert_eq!((window.bytes, window.left_out, window.counted), ("hihellobye".len(), Default::default(), vec![]));
}

#[test]
fn no_system_prompt_is_no_message() {
    let window = window("", &history(&["Ana: hi"], 20), &WindowLimits::default(), &NotAsked);
    assert_eq!(sent(&window), ["hi"]);
    assert_eq!(
        sent(&chathakase_session::window("", &History::default(), &WindowLimits::default(), &NotAsked)),
        [""; 0]
    );
}

#[test]
fn a_long_conversation_keeps_its_beginning_and_its_end_without_counting() {
    let lines: Vec<String> = (1..=50).flat_map(|n| [format!("Ana: q{n}"), format!("bot: a{n}")]).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let history = history(&[&lines[..], &["Ana: last"]].concat(), 6);
    let window = window("", &history, &limits(6, 32_000), &NotAsked);
    // a48 would come next, but its question did not fit, and the message before it is not the first one.
    assert_eq!(sent(&window), ["q1", "q49", "a49", "q50", "a50", "last"]);
    assert_eq!(window.left_out.messages, 101 - 6);
}

#[test]
fn a_window_never_begins_with_an_answer() {
    let lines = ["Ana: q1", "bot: a1", "Ana: q2", "bot: a2", "Ana: q3"];
    for (max, expected) in [
        (1, vec!["q3"]),
        (2, vec!["q1", "q3"]),
        (3, vec!["q1", "q3"]),
        (4, vec!["q1", "q2", "a2", "q3"]),
        (5, vec!["q1", "a1", "q2", "a2", "q3"]),
    ] {
        let window = window("", &history(&lines, max), &limits(max, 32_000), &NotAsked);
        assert_eq!(sent(&window), expected, "{max} messages");
        assert_eq!(window.left_out.messages, (5 - expected.len()) as u64);
        assert_eq!(
            sent(&chathakase_session::window("", &history(&lines, 9), &limits(max, 32_000), &NotAsked)),
            expected
        );
    }
    assert_eq!(sent(&window("", &history(&["Ana: q", "bot: a"], 9), &limits(1, 32_000), &NotAsked)), [""; 0]);
}

#[test]
fn behind_a_gap_stands_no_answer_either() {
    let lines = ["Ana: q1", "bot: a1", "Ana: q2", "bot: a2", "Ana: q3"];
    let window = window("", &history(&lines, 2), &WindowLimits::default(), &NotAsked);
    assert_eq!(sent(&window), ["q1", "q3"], "a2 would look like an answer to q1");
    assert_eq!(window.left_out.messages, 3);
    assert_eq!(window.tokens, REPLY_TOKENS + 2 * (MESSAGE_TOKENS + 2));
}

#[test]
fn an_answer_whose_question_was_erased_does_not_stand_first() {
    let mut session = session(&["Ana: q1", "bot: a1", "Ana: q2"]);
    session.erase(ts(1));
    let window = window("", &session.history(9), &WindowLimits::default(), &NotAsked);
    assert_eq!(sent(&window), ["q2"]);
    assert_eq!((window.left_out.messages, window.tokens), (1, REPLY_TOKENS + MESSAGE_TOKENS + 2));
}

#[test]
fn tokens_are_counted_when_bytes_would_not_fit_and_are_told_to_be_remembered() {
    let (old, new) = (long("old", 400), long("new", 400));
    let history = history(&["Ana: topic", &format!("bot: {old}"), "Ana: mid", &format!("bot: {new}"), "Ana: now"], 20);
    let window = window("", &history, &limits(20, 220), &Quarter);
    assert_eq!(sent(&window), ["topic", "mid", &new, "now"], "both answers are more than 220 tokens with the rest");
    let mut counted = window.counted;
    counted.sort_unstable();
    assert_eq!(counted, [(2, 100), (3, 1), (4, 100), (5, 1)]);
    assert!(window.tokens <= 220);
}

#[test]
fn what_was_counted_before_is_not_counted_again() {
    struct Once;
    impl chathakase_session::TokenCounter for Once {
        fn count(&self, text: &str) -> usize {
            assert!(!text.starts_with("known"), "counted again");
            Quarter.count(text)
        }
    }
    let known = long("known", 2000);
    let mut session = session(&["Ana: hi", &format!("bot: {known}"), "Ana: now"]);
    session.counted(&[(2, 500)]);
    let window = window("", &session.history(9), &limits(9, 600), &Once);
    assert_eq!(sent(&window), ["hi", &known, "now"]);
    assert!(window.counted.iter().all(|(seq, _)| *seq != 2));
}

#[test]
fn a_question_larger_than_the_window_loses_its_middle() {
    let question = format!("please look at this: {} what is wrong?", "x".repeat(4000));
    let history = history(&["Ana: hi", "bot: hello", &format!("Ana: {question}")], 9);
    let window = window("Be kind.", &history, &limits(9, 500), &Quarter);
    let last = window.messages.last().unwrap();
    assert!(last.content.starts_with("please look at this: xxx") && last.content.ends_with("xxx what is wrong?"));
    assert!(last.content.contains(" characters are left out here …]"), "{}", last.content);
    assert!(last.content.len() > 1000, "most of the room is used: {}", last.content.len());
    assert_eq!((window.left_out.shortened, window.left_out.system_shortened), (1, false));
    assert_eq!(window.messages[0].content, "Be kind.");
}

#[test]
fn an_older_message_that_no_window_could_hold_loses_its_middle() {
    let paste = long("paste", 8000);
    let history = history(&["Ana: hi", &format!("Ana: {paste}"), "Ana: what is it?"], 9);
    let window = window("", &history, &limits(9, 1000), &Quarter);
    assert_eq!(window.messages.len(), 3);
    assert!(window.messages[1].content.starts_with("paste and more") && window.messages[1].content.len() > 3000);
    assert_eq!(window.left_out.shortened, 1);
}

#[test]
fn a_first_message_that_would_fill_the_window_is_not_pinned() {
    let (first, second) = (long("first", 1000), long("second", 800));
    let lines = [&format!("Ana: {first}"), "bot: a1", &format!("Ana: {second}"), "bot: a2", "Ana: q3"];
    let window = window("", &history(&lines, 9), &limits(9, 400), &Quarter);
    assert_eq!(sent(&window), [&second, "a2", "q3"]);
}

#[test]
fn each_of_several_people_is_named() {
    let lines = ["Ana: hi", "bot: hello", "Bo: me too"];
    assert_eq!(
        sent(&window("", &history(&lines, 9), &WindowLimits::default(), &NotAsked)),
        ["Ana: hi", "hello", "Bo: me too"]
    );
}

#[test]
fn what_broke_off_says_so_and_what_has_no_words_is_not_empty() {
    let mut session = session(&["Ana: q1"]);
    for (secs, ending, text) in [(1, Ending::Stopped, "half"), (2, Ending::Cut, ""), (3, Ending::Complete, "")] {
        session.insert(&NewMessage { ending, ..NewMessage::answer(text, ts(secs)) }, at(secs));
    }
    session.insert(&NewMessage::from_user(&user("UAna"), None, "", ts(9)), at(9));
    assert_eq!(
        sent(&window("", &session.history(9), &WindowLimits::default(), &NotAsked)),
        ["q1", "half\n[a person stopped the answer here]", "[the answer broke off here]", "[a message without words]"]
    );
}

#[test]
fn a_system_prompt_larger_than_half_the_window_loses_its_middle() {
    let window = window(&long("rules", 4000), &history(&["Ana: hi"], 9), &limits(9, 400), &Quarter);
    assert!(window.left_out.system_shortened);
    assert!(window.messages[0].content.starts_with("rules and more"));
    assert_eq!(window.messages[1].content, "hi");
}

#[test]
fn a_second_try_after_an_overflow_sends_half_the_bytes() {
    let lines: Vec<String> = (1..=8).map(|n| format!("Ana: {}", long(&format!("q{n}"), 1000))).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let history = history(&lines, 20);
    let first = window("Be kind.", &history, &WindowLimits::default(), &NotAsked);
    assert_eq!(first.bytes, 8000);
    let smaller = first.shrink(&WindowLimits::default());
    let second = window("Be kind.", &history, &smaller, &Quarter);
    let begins: Vec<_> = second.messages.iter().map(|m| &m.content[..2]).collect();
    assert_eq!(begins, ["Be", "q1", "q6", "q7", "q8"]);
    let third = window("Be kind.", &history, &second.shrink(&smaller), &Quarter);
    assert!(third.bytes <= 2000 && third.messages.len() == 3, "{third:?}");
}

#[test]
fn a_second_try_does_not_cut_a_short_question_to_nothing() {
    let history = history(&["Ana: hi", "bot: hello", "Ana: who am I?"], 20);
    let first = window("Be kind.", &history, &WindowLimits::default(), &NotAsked);
    let second = window("Be kind.", &history, &first.shrink(&WindowLimits::default()), &NotAsked);
    assert_eq!(sent(&second).last(), Some(&"who am I?"));
}
