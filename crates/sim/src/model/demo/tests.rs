//! What the demo's model says to what.

use super::{MessageSeen, answer};

/// A thread: `>` lines are people's messages, `<` lines are answers.
fn thread(lines: &str) -> Vec<MessageSeen> {
    let message = |line: &str| {
        let (role, content) = match line.trim().split_at(1) {
            (">", said) => ("user", said),
            ("<", said) => ("assistant", said),
            _ => ("system", line),
        };
        MessageSeen { role: role.to_owned(), content: content.trim().to_owned() }
    };
    std::iter::once("Be short.").chain(lines.lines().filter(|l| !l.trim().is_empty())).map(message).collect()
}

#[track_caller]
fn check(lines: &str, expected: &str) {
    assert_eq!(answer(&thread(lines)), expected);
}

#[track_caller]
fn check_says(lines: &str, parts: &[&str]) {
    let answer = answer(&thread(lines));
    parts.iter().for_each(|part| assert!(answer.contains(part), "no {part:?} in {answer:?}"));
}

#[test]
fn it_says_what_it_is() {
    for question in ["who are you?", "What are you?", "are you an AI", "Hello!", "why is the sky blue?"] {
        check_says(&format!("> {question}"), &["stand-in", "not a language model"]);
    }
}

#[test]
fn it_knows_who_speaks_when_told_so() {
    check("> who am I?", "You have not told me, and this thread is all I know. Say “I am …” and ask again.");
    check("> i am ana\n< Hi.\n> who am i?", "You told me:\n\n- you are ana");
    check("> I am Ana.", "Nice to meet you, **Ana**. Ask me “who am I?” whenever you like.");
    check("> I am Ana\n< Hello Ana.\n> who am I?", "You are **Ana**.");
    check("> my name is Ana Maria.\n< Hello.\n> What’s my name?", "You are **Ana Maria**.");
    check("> I'm Bo\n< Hi.\n> Call me Bob\n< Hi.\n> who am i", "You are **Bob**.");
    check(
        "> I am Ana and my dog is Rex. I like tea!\n< Hi.\n> who am I",
        "You are **Ana**. You told me:\n\n- your dog is Rex\n- you like tea",
    );
}

#[test]
fn several_people_are_told_apart() {
    let lines = "> Ana: my dog is Rex\n> Ben: my dog is Odin\n< Noted.\n";
    check(&format!("{lines}> Ben: what is my dog called?"), "Your dog is **Odin**.");
    check(&format!("{lines}> Ben: what is Ana's dog?"), "Ana’s dog is **Rex**. Ana said so.");
    check(&format!("{lines}> Ana: who am I?"), "You are **Ana**. You told me:\n\n- your dog is Rex");
    check(
        &format!("{lines}> Ben: who is here?"),
        "In the messages I was shown:\n\n- **Ana**, 1 message\n- **Ben**, 2 messages\n- and I",
    );
    check(&format!("{lines}> Ben: what did Ana say?"), "Ana said:\n\n- “my dog is Rex”");
    check(
        &format!("{lines}> Ben: how many messages?"),
        "I was shown 3 messages from Ana and Ben and 1 answer of mine.",
    );
}

#[test]
fn facts_are_recalled_and_the_newest_counts() {
    let told = "> The code word is heron.\n< Noted.\n";
    check("> The code word is heron.", "Noted: the code word is heron.");
    check(&format!("{told}> what is the code word?"), "The code word is **heron**.");
    check(
        &format!("{told}> Actually, the code word is ibis\n< Noted.\n> what’s the code word"),
        "The code word is **ibis**.",
    );
    check(
        "> remember the milk\n< Noted.\n> what do you remember?",
        "I was shown 2 messages and 1 answer of mine. From them I recall:\n\n- the milk",
    );
    check("> Please remember that launch day is Friday.", "Noted: the launch day is Friday.");
    check(
        "> I am Ana, the code word is otter, my dog is Rex.",
        "Nice to meet you, **Ana**, and noted: the code word is otter and your dog is Rex.",
    );
    check("> I like salt and pepper, the coarse one.", "Noted: you like salt and pepper, the coarse one.");
    check("> I need version v1.2, please.", "Noted: you need version v1.2, please.");
}

#[test]
fn another_thread_is_not_known() {
    check_says("> what is the code word?", &["cannot know that", "1 message"]);
    check_says("> what do you remember?", &["I was shown 1 message."]);
}

#[test]
fn what_was_said_is_quoted_and_bounded() {
    check("> what did I say?", "Nothing before this, as far as I was shown. I was shown 1 message.");
    check("> tea or coffee\n< Tea.\n> what did I say?", "You said:\n\n- “tea or coffee”");
    let many: String = (1..=12).map(|n| format!("> word {n}\n< Heard.\n")).collect();
    check_says(&format!("{many}> what did I say?"), &["(2 more before these)\n- “word 3”", "“word 12”"]);
    let long = "é".repeat(200);
    check_says(&format!("> {long}\n< Heard.\n> what did I say?"), &[&format!("“{}…”", "é".repeat(120))]);
}

#[test]
fn messages_that_waited_are_answered_together() {
    check_says(
        "> Ana: I like tea\n< Noted.\n> Ana: what did I say?\n> Ben: who am I?",
        &["“I like tea”", "You are **Ben**."],
    );
}

#[test]
fn a_colon_makes_no_person() {
    check("> I am Ana\n< Hi.\n> Note: who am I?", "You are **Ana**.");
    check_says("> Question: who is here?", &["one person"]);
}

#[test]
fn pages_come_on_request_only() {
    check_says("> make a list", &["1. **One topic.**"]);
    check_says("> show me a table, please", &["|---|---|---|"]);
    check_says("> can you show some code?", &["```rust\n", "\n```\n"]);
    check("> The code is 42.", "Noted: the code is 42.");
}

#[test]
fn a_long_answer_has_the_length_asked_for() {
    for (question, words) in [("write a long answer", 400), ("write 3000 words", 3_000), ("write 999999 words", 12_000)]
    {
        let text = answer(&thread(&format!("> {question}")));
        let count = text.split_whitespace().count();
        assert!((words..words + 100).contains(&count), "{question}: {count}");
        assert_eq!(text.matches("```").count() % 2, 0, "fences are closed");
    }
}

proptest::proptest! {
    #[test]
    fn any_messages_get_an_answer(messages in proptest::collection::vec(("user|assistant|system|x", "\\PC{0,40}|(I am |my |who am i|: |is ){0,6}"), 0..6)) {
        let messages: Vec<_> = messages.into_iter().map(|(role, content)| MessageSeen { role, content }).collect();
        proptest::prop_assert!(!answer(&messages).trim().is_empty());
    }
}
