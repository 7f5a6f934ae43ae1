//! `chathakase` as a child process: its log, its signals, its end.

use std::{
    net::SocketAddr,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::watch,
};

use crate::patience::{PATIENCE, in_time};

/// Where Cargo put the binary that it has just built.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_chathakase");

/// A running program. Killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    log: Log,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// All that it wrote to standard error.
    pub(crate) said: String,
}

impl Program {
    /// Starts it.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let log = Log::of(child.stderr.take().unwrap());
        Self { child, log }
    }

    /// Waits until it says that it is ready; gives back where it listens.
    pub(crate) async fn ready(&self) -> SocketAddr {
        let line = self.logs("\"ready\"").await;
        let line: Value = serde_json::from_str(&line).unwrap();
        line["address"].as_str().unwrap().parse().unwrap()
    }

    /// Waits until it says that it is ready, and gives back where it listens; `None` when it ends before.
    #[cfg(feature = "fault-points")]
    pub(crate) async fn ready_unless_over(&self) -> Option<SocketAddr> {
        let line: Value = serde_json::from_str(&self.log.line_with("\"ready\"").await?).unwrap();
        line["address"].as_str().unwrap().parse().ok()
    }

    /// Ends when it has ended.
    #[cfg(feature = "fault-points")]
    pub(crate) async fn over(&self) {
        self.log.is_over().await;
    }

    /// Waits for a log line with `part` in it.
    pub(crate) async fn logs(&self, part: &str) -> String {
        let found = in_time(self.log.line_with(part)).await.flatten();
        found.unwrap_or_else(|| panic!("no line with {part:?} in the log:\n{}", self.said()))
    }

    /// Everything it has written to standard error so far.
    pub(crate) fn said(&self) -> String {
        self.log.lines().join("\n")
    }

    /// `kill -9`: not one instruction more.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// `kill -TERM`: please come to an end.
    pub(crate) async fn terminate(&self) {
        let id = self.child.id().expect("it still runs");
        let killed = Command::new("sh").arg("-c").arg(format!("kill -TERM {id}")).status().await.unwrap();
        assert!(killed.success());
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it still runs")
    }

    /// How much memory it has now, in KB.
    pub(crate) async fn resident_kb(&self) -> u64 {
        let listed = Command::new("ps").args(["-o", "rss=", "-p", &self.id().to_string()]).output().await.unwrap();
        String::from_utf8(listed.stdout).unwrap().trim().parse().unwrap()
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(mut self) -> Ended {
        let Some(status) = in_time(self.child.wait()).await else {
            panic!("it still runs after {PATIENCE:?}; it said:\n{}", self.said());
        };
        in_time(self.log.is_over()).await.expect("nobody else holds its standard error");
        Ended { code: status.unwrap().code(), said: self.said() }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("it said:\n{}", self.said());
        }
    }
}

/// What a program writes to standard error, line by line.
struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    /// How many lines there are; closed when there will be no more.
    count: watch::Receiver<usize>,
}

impl Log {
    fn of(stderr: tokio::process::ChildStderr) -> Self {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let (counted, count) = watch::channel(0);
        let kept = Arc::clone(&lines);
        tokio::spawn(async move {
            let mut reader = BufReader::new(stderr).lines();
            while let Some(line) = reader.next_line().await.unwrap() {
                kept.lock().unwrap().push(line);
                counted.send_modify(|count| *count += 1);
            }
        });
        Self { lines, count }
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap()
    }

    /// The first line with `part` in it; `None` when there are no more lines to come.
    async fn line_with(&self, part: &str) -> Option<String> {
        let mut count = self.count.clone();
        let mut seen = 0;
        loop {
            count.mark_unchanged();
            {
                let lines = self.lines();
                if let Some(line) = lines[seen..].iter().find(|line| line.contains(part)) {
                    return Some(line.clone());
                }
                seen = lines.len();
            }
            if count.changed().await.is_err() && self.lines().len() == seen {
                return None;
            }
        }
    }

    async fn is_over(&self) {
        let mut count = self.count.clone();
        while count.changed().await.is_ok() {}
    }
}
