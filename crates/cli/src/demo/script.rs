//! `demo --script`: a conversation that plays by itself; and the few lines that open a chat.

use std::time::Duration;

use anyhow::{Context, ensure};
use chathakase_sim::slack::Thread;

use super::{
    room::{Asked, Room},
    texts,
};

/// Longest wait for one answer, which takes about two seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// After each answer, on a terminal: time to read it.
const READING_PAUSE: Duration = Duration::from_millis(500);

enum Step {
    /// What is about to be seen.
    Caption(&'static str),
    /// Somebody says something, and the answer holds these words.
    Say { who: &'static str, place: Place, text: &'static str, answer: &'static [&'static str] },
    /// The assistant is stopped and started.
    Restart,
}

#[derive(Clone, Copy)]
enum Place {
    /// A new thread in a channel.
    Channel(&'static str),
    /// A new thread in direct messages.
    Dm,
    /// The thread that was begun as the nth, from 0.
    Thread(usize),
}

const fn say(who: &'static str, place: Place, text: &'static str, answer: &'static [&'static str]) -> Step {
    Step::Say { who, place, text, answer }
}

const SCRIPT: &[Step] = &[
    Step::Caption("A mention begins a thread, and the thread is remembered."),
    say(
        "ana",
        Place::Channel("#general"),
        "I am Ana, and my dog is Rex. The code word is heron.",
        &["Ana", "Rex", "heron"],
    ),
    say("ana", Place::Thread(0), "What is the code word?", &["heron"]),
    Step::Caption("Somebody joins in, and the two are told apart."),
    say("ben", Place::Thread(0), "My dog is Odin. Who am I?", &["ben", "Odin"]),
    say("ana", Place::Thread(0), "And who am I?", &["ana", "Rex"]),
    Step::Caption("Another thread knows nothing of it, nor does a direct message."),
    say("cleo", Place::Channel("#random"), "What is the code word?", &["cannot know", "1 message"]),
    say("ana", Place::Dm, "What do you remember?", &["1 message"]),
    Step::Caption("A restart in the middle: what was said is still there."),
    Step::Restart,
    say("ben", Place::Thread(0), "What do you remember?", &["4 answers of mine", "ana said", "Rex", "heron"]),
    Step::Caption("You can see what it knows, and make it forget."),
    say("ana", Place::Thread(0), "session info", &["ana", "ben", "Messages"]),
    say("ana", Place::Thread(0), "clear session", &["forgotten"]),
    say("ana", Place::Thread(0), "What is the code word?", &["cannot know", "1 message"]),
];

/// What a chat begins with, so that the first thing to be seen is an answer.
const OPENING: &[Step] = &[
    Step::Caption("A mention begins a thread, and the thread is remembered."),
    say("ben", Place::Channel("#general"), "I am Ben, and my dog is Odin.", &["Ben", "Odin"]),
    say("ben", Place::Thread(0), "Who am I?", &["Ben", "Odin"]),
];

/// Plays the whole, to its last line.
pub(crate) async fn play(room: &mut Room) -> anyhow::Result<()> {
    go_through(SCRIPT, room).await?;
    room.stop().await?;
    room.say(&texts::played(room.screen.look())).await
}

/// Plays the opening of a chat.
pub(crate) async fn open(room: &mut Room) -> anyhow::Result<()> {
    go_through(OPENING, room).await
}

/// An answer that does not come, or does not hold what it should, is an error.
async fn go_through(steps: &[Step], room: &mut Room) -> anyhow::Result<()> {
    let look = room.screen.look();
    let mut threads: Vec<Thread> = Vec::new();
    for step in steps {
        match step {
            Step::Caption(text) => {
                room.say(&texts::caption(look, text)).await?;
            }
            Step::Restart => room.restart().await?,
            Step::Say { who, place, text, answer } => {
                let asked = said(room, &mut threads, who, *place, text).await?;
                room.until_answered(&asked, ANSWER_WITHIN).await.with_context(|| format!("{who} said “{text}”"))?;
                let answers = Room::answers(&asked);
                let whole: String = answers.iter().map(|post| post.text.as_str()).collect();
                let missing: Vec<_> = answer.iter().filter(|words| !whole.contains(**words)).collect();
                ensure!(
                    missing.is_empty(),
                    "{who} said “{text}”, and the answer should hold {missing:?}, but it was “{whole}”"
                );
                room.screen.pause(READING_PAUSE).await;
            }
        }
    }
    Ok(())
}

async fn said(room: &Room, threads: &mut Vec<Thread>, who: &str, place: Place, text: &str) -> anyhow::Result<Asked> {
    let asked = match place {
        Place::Channel(channel) => room.begin(who, channel, text).await,
        Place::Dm => room.dm(who, text).await,
        Place::Thread(nth) => {
            let thread = threads.get(nth).context("the script names a thread before it begins one")?;
            return Ok(room.reply(who, thread, text).await);
        }
    };
    threads.push(asked.thread.clone());
    Ok(asked)
}
