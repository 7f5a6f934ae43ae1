//! What is typed: keys at a terminal, lines from anywhere else.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

use super::{
    line::{Got, Line},
    lines,
};

/// Bytes that are read from a terminal at once.
const BYTES_AT_ONCE: usize = 1024;
/// Reads that wait.
const AHEAD_MAX: usize = 64;

/// Where lines come from.
pub(crate) enum Input {
    /// A file or another program.
    Lines(mpsc::Receiver<io::Result<String>>),
    /// Somebody's hands.
    Keys(Keys),
}

/// A terminal that shows nothing by itself, until this is dropped.
pub(crate) struct Keys {
    bytes: mpsc::Receiver<io::Result<Vec<u8>>>,
    line: Line,
    got: VecDeque<Got>,
    before: Termios,
}

impl Input {
    /// Takes standard input. At a terminal key by key, if it lets us.
    pub(crate) fn take(typed_here: bool) -> Self {
        match Keys::take().filter(|_| typed_here) {
            Some(keys) => Self::Keys(keys),
            None => Self::Lines(lines::stdin()),
        }
    }

    /// What comes next; may be dropped and asked again.
    pub(crate) async fn next(&mut self) -> io::Result<Got> {
        match self {
            Self::Lines(lines) => Ok(lines.recv().await.transpose()?.map_or(Got::End, Got::Line)),
            Self::Keys(keys) => keys.next().await,
        }
    }

    /// The line as far as it was typed.
    pub(crate) fn typed(&self) -> &str {
        match self {
            Self::Lines(_) => "",
            Self::Keys(keys) => keys.line.text(),
        }
    }
}

impl Keys {
    fn take() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut silent = before.clone();
        // Ctrl-C and Ctrl-Z still work.
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
        tcsetattr(io::stdin(), OptionalActions::Now, &silent).ok()?;
        Some(Self { bytes: read(), line: Line::default(), got: VecDeque::new(), before })
    }

    async fn next(&mut self) -> io::Result<Got> {
        loop {
            if let Some(got) = self.got.pop_front() {
                return Ok(got);
            }
            match self.bytes.recv().await.transpose()? {
                Some(bytes) => self.got.extend(self.line.take(&bytes)),
                None => return Ok(Got::End),
            }
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// On a thread of its own: nobody can be made to end a read, and a runtime would wait for it.
fn read() -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (out, bytes) = mpsc::channel(AHEAD_MAX);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        let mut room = [0; BYTES_AT_ONCE];
        loop {
            let read = match input.read(&mut room) {
                Ok(0) => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map(|length| room[..length].to_vec()),
            };
            let failed = read.is_err();
            if out.blocking_send(read).is_err() || failed {
                return;
            }
        }
    });
    bytes
}
