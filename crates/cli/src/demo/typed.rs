//! What a typed line asks for.

/// The longest name of a person (Slack: 80 characters; shorter here, so that it fits beside the text).
const NAME_CHARS_MAX: usize = 20;
/// The longest name of a channel (Slack: naming channels).
const CHANNEL_CHARS_MAX: usize = 80;

/// A line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// Nothing was typed.
    Nothing,
    /// Something to say where one is.
    Say(String),
    /// Somebody else speaks from now on.
    As(String),
    /// Elsewhere, in a thread to begin.
    In(String),
    /// In direct messages with the assistant, in a thread to begin.
    Dm,
    /// Here, in a thread to begin.
    New,
    /// Lists the threads.
    Threads,
    /// Goes to the thread with this number.
    Thread(usize),
    /// Stops the answers that grow.
    Stop,
    /// Restarts the assistant.
    Restart,
    /// Shows what the model was sent last.
    Show,
    /// Lists the commands.
    Help,
    /// Ends the demo.
    Quit,
    /// It cannot be understood; says why and what to do.
    Wrong(String),
}

/// The commands: how they are typed and what they do.
pub(crate) const COMMANDS: &[(&str, &str)] = &[
    ("/as ben", "speak as somebody else"),
    ("/in #random", "go to a channel; your next line begins a thread there"),
    ("/dm", "write to the assistant directly"),
    ("/new", "begin another thread here"),
    ("/threads", "list the threads; /thread 2 goes to one"),
    ("/stop", "stop the answer that is coming (or Ctrl-C)"),
    ("/restart", "end the assistant, which finishes what it is saying, and start it again"),
    ("/show", "show what the model was really sent last"),
    ("/help", "show this"),
    ("/quit", "end (or Ctrl-D)"),
];

/// Understands a line. Only a `/` at its beginning makes a command.
pub(crate) fn read(line: &str) -> Typed {
    let line = line.trim();
    if line.is_empty() {
        return Typed::Nothing;
    }
    if !line.starts_with('/') {
        return Typed::Say(line.to_owned());
    }
    let (command, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let argument = argument.trim();
    match (command.to_lowercase().as_str(), argument) {
        ("/as", name) => named(name, '@', NAME_CHARS_MAX)
            .map_or_else(|| wrong("say who: /as ben (letters, digits, - and _, at most 20)"), Typed::As),
        ("/in", channel) => named(channel, '#', CHANNEL_CHARS_MAX).map_or_else(
            || wrong("say which channel: /in #random (letters, digits, - and _)"),
            |name| Typed::In(format!("#{name}")),
        ),
        ("/thread", number) => {
            number.parse().map_or_else(|_| wrong("say which thread: /thread 2 (/threads lists them)"), Typed::Thread)
        }
        (_, extra) if !extra.is_empty() && known(command) => wrong(&format!("{command} takes nothing behind it")),
        ("/dm", _) => Typed::Dm,
        ("/new", _) => Typed::New,
        ("/threads", _) => Typed::Threads,
        ("/stop", _) => Typed::Stop,
        ("/restart", _) => Typed::Restart,
        ("/show", _) => Typed::Show,
        ("/help", _) => Typed::Help,
        ("/quit" | "/exit", _) => Typed::Quit,
        _ => wrong(&format!("there is no {command} here")),
    }
}

fn known(command: &str) -> bool {
    COMMANDS.iter().any(|(typed, _)| *typed == command)
}

fn wrong(why: &str) -> Typed {
    Typed::Wrong(format!("{why}; /help lists the commands"))
}

/// A name in Slack's alphabet, in lower case.
fn named(text: &str, sign: char, chars_max: usize) -> Option<String> {
    let name = text.strip_prefix(sign).unwrap_or(text).to_lowercase();
    let fits = (1..=chars_max).contains(&name.chars().count());
    (fits && name.chars().all(|c| c.is_alphanumeric() || "-_".contains(c))).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_said_unless_it_begins_with_a_slash() {
        let say = |text: &str| Typed::Say(text.to_owned());
        for (line, typed) in [
            ("", Typed::Nothing),
            ("  \t", Typed::Nothing),
            (" hello /as ben ", say("hello /as ben")),
            ("#random", say("#random")),
            ("/as ben", Typed::As("ben".into())),
            ("/as @Ben", Typed::As("ben".into())),
            ("/AS  zoë ", Typed::As("zoë".into())),
            ("/in #random", Typed::In("#random".into())),
            ("/in dev-ops_2", Typed::In("#dev-ops_2".into())),
            ("/dm", Typed::Dm),
            ("/new", Typed::New),
            ("/threads", Typed::Threads),
            ("/thread 12", Typed::Thread(12)),
            ("/stop", Typed::Stop),
            ("/restart", Typed::Restart),
            ("/show", Typed::Show),
            ("/help", Typed::Help),
            ("/quit", Typed::Quit),
            ("/exit", Typed::Quit),
        ] {
            assert_eq!(read(line), typed, "{line:?}");
        }
    }

    #[test]
    fn what_cannot_be_understood_says_what_to_do() {
        let long = format!("/as {}", "x".repeat(21));
        for line in
            ["/", "/what", "/as", "/as a b", "/as @", "/in", "/in a.b", "/thread", "/thread -1", "/new x", &long]
        {
            assert!(matches!(read(line), Typed::Wrong(why) if why.ends_with("/help lists the commands")), "{line:?}");
        }
    }

    #[test]
    fn every_listed_command_is_understood() {
        for (typed, _) in COMMANDS {
            assert!(!matches!(read(typed), Typed::Wrong(_) | Typed::Say(_) | Typed::Nothing), "{typed}");
        }
    }
}
