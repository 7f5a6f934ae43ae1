//! At a terminal: what a person sees of what is typed.

use std::{
    fs::File,
    io::{Read, Write},
    process::Stdio,
};

use chathakase_sim::slack::Transport::Socket;
use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, tcgetattr},
};
use tokio::process::Command;

use crate::{patience::in_time, program::BINARY, stage::Stage};

/// A terminal: what a person types and sees, and what a program has of it.
pub(crate) fn terminal() -> (File, File) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap();
    let program = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    (File::from(person), program)
}

/// Types each answer once its question is on the screen; gives back the screen when `until` is on it.
pub(crate) fn converse(mut terminal: File, answers: &[(&str, &str)], until: &str) -> String {
    let mut screen = String::new();
    let mut shown = |part: &str, terminal: &mut File| {
        let from = screen.len();
        while !screen[from..].contains(part) {
            let mut room = [0; 1024];
            let read = terminal.read(&mut room).unwrap();
            screen.push_str(std::str::from_utf8(&room[..read]).unwrap());
        }
        screen.clone()
    };
    for (question, answer) in answers {
        shown(question, &mut terminal);
        writeln!(terminal, "{answer}").unwrap();
    }
    shown(until, &mut terminal)
}

#[tokio::test]
async fn ctrl_c_at_a_token_leaves_a_terminal_that_shows_what_is_typed() {
    let mut stage = Stage::new(Socket).await;
    stage.set("SLACK_BOT_TOKEN", "");
    let (person, program) = terminal();
    let mut command = stage.dressed(Command::new(BINARY));
    command.arg("init").kill_on_drop(true).stdout(Stdio::null());
    let its_end = (program.try_clone().unwrap(), program.try_clone().unwrap());
    let mut running = command.stdin(its_end.0).stderr(its_end.1).spawn().unwrap();
    let asked = tokio::task::spawn_blocking(move || {
        converse(person.try_clone().unwrap(), &[("[socket]: ", "socket")], "not shown as you type: ");
        // Else the terminal would be hung up.
        person
    });
    let _person = in_time(asked).await.expect("it asks").unwrap();
    let shows = || tcgetattr(&program).unwrap().local_modes.contains(LocalModes::ECHO);
    assert!(!shows());
    let id = Pid::from_raw(i32::try_from(running.id().unwrap()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
    assert_eq!(in_time(running.wait()).await.expect("it ends").unwrap().code(), Some(130));
    assert!(shows());
}

#[tokio::test]
async fn a_terminal_shows_what_is_answered_but_no_token() {
    let mut stage = Stage::new(Socket).await;
    let token = stage.slack.bot_token().to_owned();
    stage.set("SLACK_BOT_TOKEN", "");
    let (person, program) = terminal();
    let mut command = stage.dressed(Command::new(BINARY));
    command.arg("init").kill_on_drop(true).stdout(Stdio::null());
    let _running = command.stdin(program.try_clone().unwrap()).stderr(program).spawn().unwrap();
    let typed = token.clone();
    let screen = tokio::task::spawn_blocking(move || {
        converse(person, &[("[socket]: ", "socket"), ("not shown as you type: ", &typed)], "accepted")
    });
    let screen = in_time(screen).await.expect("each question is asked").unwrap();
    assert!(screen.contains("Transport [socket]: socket\r\n"), "an answer that is no secret is shown: {screen}");
    assert!(!screen.contains(&token), "{screen}");
}
