//! What the demo itself says, in one place.

use super::{look::Look, room::CAST, typed::COMMANDS};

/// The first lines: what is real and what is not. `model` is the real one's name and address, if one was named.
pub(crate) fn title(look: Look, model: Option<&str>) -> String {
    let name = look.paint("1;35", "ChatHakase demo");
    let first = match model {
        None => "everything runs on this machine, and the model is a stand-in.".to_owned(),
        Some(model) => format!("your environment names a model, which is used:\n{model}."),
    };
    let account = if model.is_some() { "" } else { " No account, no key." };
    let rest = format!(
        "The Slack is a small one made for this. The assistant is the real one, connected\n\
         to it as to Slack: through Socket Mode, with its sessions in SQLite.{account}"
    );
    format!("{name}: {first}\n{}", look.paint("2", &rest))
}

/// Where the page is.
pub(crate) fn page(look: Look, link: &str) -> String {
    format!("\n{} {}", look.paint("1;32", "In a browser:"), look.paint("36", link))
}

/// What the built-in model is called on the page.
pub(crate) fn stand_in() -> String {
    "a stand-in: rules, no language model".to_owned()
}

/// What to try; the page fills in who is offered it. A language model can be asked anything.
pub(crate) fn ideas(stand_in: bool) -> Vec<String> {
    let ideas: &[&str] = if stand_in {
        &["I am {you}, and my dog is Rex", "Who am I?", "What do you remember?", "Show a table", "Write a long answer"]
    } else {
        &[
            "I am {you}, and my dog is Rex",
            "Who am I?",
            "Summarise this thread",
            "Explain tides in a table",
            "session info",
        ]
    };
    ideas.iter().map(|idea| (*idea).to_owned()).collect()
}

/// The page's port is taken.
pub(crate) fn no_port(port: u16) -> String {
    format!(
        "could not listen on 127.0.0.1:{port} for the page; is another program using that port? leave --port out for a free one"
    )
}

/// Above a scene of the script.
pub(crate) fn caption(look: Look, text: &str) -> String {
    format!("\n{} {}", look.paint("35", "▌"), look.paint("1", text))
}

/// The assistant is being stopped.
pub(crate) fn stops(look: Look) -> String {
    look.paint("2", "  ■ the assistant is stopped: what it is saying it finishes first")
}

/// The assistant is killed.
pub(crate) fn killed(look: Look) -> String {
    look.paint("2", "  ✖ the assistant is killed, in the middle of whatever it does")
}

/// The assistant was started again.
pub(crate) fn starts(look: Look) -> String {
    look.paint("2", "  ▶ the assistant is started again, on the same database")
}

/// The end of the script: what was shown, and what to do next.
pub(crate) fn played(look: Look) -> String {
    let code = |text| look.paint("36", text);
    format!(
        "\n{} memory, people told apart, threads kept apart, a restart, commands.\n\
         {}  {} to talk to it yourself\n\
         \u{20}      {} for your own Slack (see README.md)",
        look.paint("1;32", "Shown:"),
        look.paint("1", "Next:"),
        code("chathakase demo "),
        code("chathakase init "),
    )
}

/// How to talk: before the first prompt.
pub(crate) fn how_to_talk(look: Look) -> String {
    let code = |text| look.paint("36", text);
    format!(
        "\n{}: you are {} in #general. Your first line begins a thread with a mention, the\n\
         next ones go on in it. Say who you are, ask “who am I?”, then ask again after\n\
         {}, {} or {}. {} lists the rest.\n",
        look.paint("1;32", "Your turn"),
        CAST[0],
        code("/restart"),
        code("/new"),
        code("/as ben"),
        code("/help"),
    )
}

/// The commands of the terminal.
pub(crate) fn help(look: Look) -> String {
    let line = |(typed, does): &(&str, &str)| format!("  {}{does}\n", look.paint("36", &format!("{typed:<13}")));
    let commands: String = COMMANDS.iter().map(line).collect();
    format!(
        "{commands}  Any other line is said where you are. The assistant itself knows the commands\n\
         \u{20} help, session info, clear session and, from admins such as {}, all sessions.",
        CAST[0]
    )
}

/// One line of `/threads`; `here` marks where one is.
pub(crate) fn thread(here: &str, number: usize, place: &str, posts: usize, opening: &str) -> String {
    let posts = if posts == 1 { "1 post".to_owned() } else { format!("{posts} posts") };
    format!("{here} {number}  {place}, {posts}: {opening}")
}

/// Nobody was in this channel yet.
pub(crate) fn new_channel(channel: &str, known: &[String]) -> String {
    format!("  {channel} is new: your next line there makes it. There are {}.", known.join(" and "))
}

/// Nothing grows.
pub(crate) fn nothing_to_stop() -> String {
    "  No answer is coming, so there is nothing to stop.".to_owned()
}

/// No thread has this number.
pub(crate) fn no_such_thread(number: usize) -> String {
    format!("  There is no thread {number}; /threads lists them.")
}

/// Nothing was said yet.
pub(crate) fn no_threads() -> String {
    "  No threads yet. Type a line to begin one.".to_owned()
}

/// The model was asked nothing yet.
pub(crate) fn nothing_sent() -> String {
    "  The model was asked nothing yet.".to_owned()
}

/// Above the messages of a request.
pub(crate) fn was_sent(messages: usize) -> String {
    format!("  The last request held {messages} message{}:", if messages == 1 { "" } else { "s" })
}

/// No answer is coming.
pub(crate) fn ended(look: Look) -> String {
    look.paint("2", "Ended. The demo's database is gone with it.")
}
