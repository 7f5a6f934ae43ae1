//! `chathakase demo` as a new user runs it: the built program, with an empty environment.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails as a test does")]

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

/// Runs the demo with these lines as its input.
fn demo(arguments: &[&str], input: &str) -> Output {
    demo_with(arguments, &[], input)
}

fn demo_with(arguments: &[&str], env: &[(&str, &str)], input: &str) -> Output {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_chathakase"))
        .arg("demo")
        .args(arguments)
        .env_clear()
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Fewer bytes than a pipe holds; the input ends where this does.
    demo.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    demo.wait_with_output().unwrap()
}

/// What it printed, once it is known to have ended well and in silence otherwise.
#[track_caller]
fn printed(output: &Output) -> String {
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}\n{printed}", output.status);
    assert_eq!(errors, "", "it has nothing to warn of");
    assert!(!printed.contains('\x1b'), "no colours and no tricks outside of a terminal");
    printed
}

#[track_caller]
fn holds_in_order(printed: &str, lines: &[&str]) {
    let mut rest = printed;
    for line in lines {
        let Some((_, after)) = rest.split_once(line) else { panic!("no {line:?} in its place in:\n{printed}") };
        rest = after;
    }
}

#[test]
fn the_script_shows_memory_isolation_and_a_restart() {
    let printed = printed(&demo(&["--script"], ""));
    let first = printed.lines().next().unwrap();
    assert!(first.contains("everything runs on this machine") && first.contains("stand-in"), "{first}");
    holds_in_order(
        &printed,
        &[
            "#general · thread 1",
            "ana        @assistant I am Ana, and my dog is Rex. The code word is heron.",
            "assistant  Nice to meet you, **Ana**",
            "What is the code word?",
            "assistant  The code word is **heron**.",
            "ben        My dog is Odin. Who am I?",
            "You are **ben**",
            "your dog is Odin",
            "ana        And who am I?",
            "You are **ana**",
            "your dog is Rex",
            "#random · thread 2",
            "What is the code word?",
            "assistant  I cannot know that",
            "I was shown 1 message.",
            "direct messages with ana · thread 3",
            "I was shown 1 message.",
            "the assistant is stopped",
            "the assistant is started again",
            "#general · thread 1",
            "ben        What do you remember?",
            "assistant  I was shown 5 messages from ana and ben and 4 answers of mine.",
            "the code word is heron",
            "session info",
            "People: ana, ben",
            "clear session",
            "I have forgotten this thread",
            "assistant  I cannot know that",
            "chathakase init",
        ],
    );
}

#[test]
fn lines_that_are_piped_in_are_said_one_after_the_other() {
    let lines = "\
        I am Ana\n\
        /as ben\n\
        my dog is <Odin> & co\n\
        /restart\n\
        who is here?\n\
        /show\n\
        /new\n\
        what do you remember?\n\
        /dm\n\
        hello\n\
        /threads\n\
        /thread 7\n\
        /thread 2\n\
        /what\n\
        /as ana\n\
        all sessions\n\
        what is Ben's dog?\n\
        /in #random\n\
        is it quieter here?";
    let printed = printed(&demo(&[], lines));
    holds_in_order(
        &printed,
        &[
            "#general · thread 1",
            "Your turn",
            "#general · thread 2\n  ana        @assistant I am Ana\n  assistant  Nice to meet you",
            "ben        my dog is <Odin> & co\n  assistant  Noted",
            "the assistant is stopped",
            "the assistant is started again",
            "ben        who is here?\n  assistant  In the messages I was shown:",
            "**ana**, 1 message",
            "**ben**, 2 messages",
            "The last request held 6 messages:",
            "user       ben: my dog is <Odin> & co",
            "user       ben: who is here?",
            "#general · thread 3",
            "I was shown 1 message.",
            "direct messages with ben · thread 4\n  ben        hello",
            "assistant  Hello!",
            "1  #general, 4 posts: @assistant I am Ben",
            "2  #general, 6 posts: @assistant I am Ana",
            "4  direct messages with ben, 2 posts: hello",
            "There is no thread 7",
            "there is no /what here",
            "#general · thread 2\n  ana        all sessions\n  assistant  (only ana sees this) **4 active sessions**",
            "what is Ben's dog?\n  assistant  ben’s dog is **<Odin> & co**. ben said so.",
            "#random · thread 5\n  ana        @assistant is it quieter here?",
            "Ended.",
        ],
    );
}

#[test]
fn without_any_input_it_shows_what_it_does_and_ends_well() {
    let printed = printed(&demo(&[], ""));
    holds_in_order(
        &printed,
        &[
            "everything runs on this machine",
            "ben        Who am I?\n  assistant  You are **Ben**",
            "Your turn",
            "Ended.",
        ],
    );
}

#[test]
fn a_message_without_an_answer_holds_nothing_up() {
    let printed = printed(&demo(&[], "I am Ana\n@ben did you see it?\n/quit\nnot read any more\n"));
    holds_in_order(&printed, &["Nice to meet you", "ana        @ben did you see it?\n", "Ended."]);
    assert!(!printed.contains("not read any more"));
}

#[test]
fn a_model_that_the_environment_names_is_used_and_no_secret_is_shown() {
    // Nobody listens on the discard port of loopback.
    let env = [("OPENAI_BASE_URL", "http://user:s3cret@127.0.0.1:9/v1"), ("OPENAI_API_KEY", "sk-s3cret")];
    let output = demo_with(&[], &env, "hello\n");
    let (shown, logged) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{logged}");
    holds_in_order(&shown, &["names a model, which is used", "gpt-4o at 127.0.0.1", "I could not reach my model"]);
    assert!(!shown.contains("s3cret") && !logged.contains("s3cret"), "{shown}{logged}");
}
