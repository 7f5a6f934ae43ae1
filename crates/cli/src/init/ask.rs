//! Asking a person, or a file of answers.

use std::io::{self, BufRead, Write};

use anyhow::{Context, bail, ensure};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The exit status of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;
/// How often one question is asked before giving up.
const TRIES_MAX: usize = 5;

/// A conversation: questions go out, answers come in, one a line.
pub struct Ask<'a> {
    answers: &'a mut (dyn BufRead + Send),
    screen: &'a mut (dyn Write + Send),
    /// Somebody sits at a terminal: whoever ends the answers there wants no more of it.
    person: bool,
    /// There are no more answers.
    over: bool,
}

impl std::fmt::Debug for Ask<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ask")
    }
}

impl<'a> Ask<'a> {
    /// Reads answers from one and writes questions to the other. Questions after the last answer have their usual one.
    pub fn new(answers: &'a mut (dyn BufRead + Send), screen: &'a mut (dyn Write + Send)) -> Self {
        Self { answers, screen, person: false, over: false }
    }

    /// The same with a person at a terminal: the end of the answers is the end of it.
    pub(super) fn of_a_person(self) -> Self {
        Self { person: true, ..self }
    }

    /// Whether there are no more answers: a question that is asked again is answered as before.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn say(&mut self, line: &str) -> anyhow::Result<()> {
        writeln!(self.screen, "{line}")?;
        Ok(self.screen.flush()?)
    }

    /// One answer; an empty one is `usual`, and so is one that does not come.
    pub(super) fn line(&mut self, question: &str, usual: &str) -> anyhow::Result<String> {
        Ok(self.next(question, usual)?.unwrap_or_else(|| usual.to_owned()))
    }

    /// The next answer, an empty one being `usual`; `None` when there are no more.
    fn next(&mut self, question: &str, usual: &str) -> anyhow::Result<Option<String>> {
        let shown = if usual.is_empty() { String::new() } else { format!(" [{usual}]") };
        write!(self.screen, "{question}{shown}: ")?;
        self.screen.flush()?;
        let mut answer = String::new();
        if self.answers.read_line(&mut answer).context("the answer cannot be read")? == 0 {
            self.say("")?;
            ensure!(
                !self.person,
                "no answer to `{question}`: nothing was written. `chathakase init --help` lists what can be given beforehand"
            );
            self.over = true;
            return Ok(None);
        }
        let answer = answer.trim();
        Ok(Some(if answer.is_empty() { usual.to_owned() } else { answer.to_owned() }))
    }

    /// Asks until `read` takes the answer; says each time why not.
    pub(super) fn until<T>(
        &mut self,
        question: &str,
        usual: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> anyhow::Result<T> {
        for _ in 0..TRIES_MAX {
            match read(&self.line(question, usual)?) {
                Ok(value) => return Ok(value),
                Err(why) => self.say(&format!("  That cannot be: {why}"))?,
            }
        }
        bail!("no answer to `{question}` that can be used after {TRIES_MAX} tries: nothing was written")
    }

    /// Like [`Ask::until`], but there is no usual answer, and a terminal does not show what is typed. `None` when there are no more
    /// answers.
    pub(super) fn until_unseen<T>(
        &mut self,
        question: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> anyhow::Result<Option<T>> {
        let _unseen = Unseen::begin();
        for _ in 0..TRIES_MAX {
            let Some(answer) = self.next(question, "")? else { return Ok(None) };
            match read(&answer) {
                Ok(value) => return Ok(Some(value)),
                Err(why) => self.say(&format!("  That cannot be: {why}"))?,
            }
        }
        bail!("no answer to `{question}` that can be used after {TRIES_MAX} tries: nothing was written")
    }

    pub(super) fn yes(&mut self, question: &str, usual: bool) -> anyhow::Result<bool> {
        let shown = if usual { "y" } else { "n" };
        self.until(question, shown, |answer| match answer.to_lowercase().as_str() {
            "y" | "yes" => Ok(true),
            "n" | "no" => Ok(false),
            _ => Err("answer y or n".to_owned()),
        })
    }
}

/// Lets Ctrl-C end the program with the terminal as it is now, also while it shows nothing: not every shell puts that right.
pub(super) fn leave_the_terminal_as_it_is() {
    let Ok(before) = tcgetattr(io::stdin()) else { return };
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
            std::process::exit(INTERRUPTED);
        }
    });
}

/// While it lives, the terminal of standard input shows nothing of what is typed but the end of each line.
struct Unseen(Termios);

impl Unseen {
    /// `None` when standard input is no terminal.
    fn begin() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Now, &silent).ok()?;
        Some(Self(before))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
