//! A disk that is full or fails: what cannot be stored is not acknowledged, and when it can be stored again nothing was lost.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chathakase_bot::texts;
use chathakase_sim::slack::{
    Fate, Said,
    Transport::{self, Http, Socket},
};
use tokio::process::Command;

use crate::{
    patience::in_time,
    program::{BINARY, Program},
    stage::{Serving, Stage},
};

/// A disk of its own, which nobody else sees and which goes with the program: `$1`, then the program and its arguments.
const ON_A_SMALL_DISK: &str = r#"mount -t tmpfs -o size=2m none "$1" && shift && exec "$@""#;
/// A program whose writes can be forbidden while it runs: it is told so by an error, and not by a signal that ends it.
const ON_A_DISK_THAT_CAN_FAIL: &str = r#"trap "" XFSZ && shift && exec "$@""#;

/// How the disk comes to take nothing more.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Disk {
    /// It is full to the last byte.
    Small,
    /// Every write to a file ends with an error.
    Failing,
}

/// A stage whose program has its database on such a disk.
pub(crate) struct Story {
    pub(crate) stage: Stage,
    disk: Disk,
}

impl Story {
    pub(crate) async fn new(transport: Transport, disk: Disk) -> Self {
        let mut stage = Stage::new(transport).await;
        let folder = stage.path("disk");
        fs::create_dir(&folder).unwrap();
        stage.set("DATABASE_URL", &format!("sqlite:{}/chathakase.db", folder.display()));
        let disk = match disk {
            Disk::Small if !may_mount(&folder).await => {
                eprintln!("this machine gives no disks of their own to programs; told on one that fails instead");
                Disk::Failing
            }
            disk => disk,
        };
        Self { stage, disk }
    }

    /// The command that starts it, with `before` done in its shell.
    fn command(&self, before: &str) -> Command {
        let folder = self.stage.path("disk");
        let (mut command, script) = match self.disk {
            Disk::Small => (unshare(), ON_A_SMALL_DISK),
            Disk::Failing => (Command::new("sh"), ON_A_DISK_THAT_CAN_FAIL),
        };
        command.args(["-c", &script.replacen("shift", &format!("{before} shift"), 1), "sh"]);
        self.stage.dressed({
            command.arg(folder).args([BINARY, "serve"]);
            command
        })
    }

    pub(crate) async fn serve(&self) -> Serving {
        self.stage.reached(Program::start(self.command(""))).await
    }

    /// From now on nothing can be written.
    pub(crate) async fn is_full(&self, serving: &Serving) {
        match self.disk {
            Disk::Small => fill(&self.seen_by(serving)),
            Disk::Failing => limit_files(serving, "0:").await,
        }
    }

    /// And now it can be again.
    pub(crate) async fn has_room(&self, serving: &Serving) {
        match self.disk {
            Disk::Small => fs::remove_file(self.seen_by(serving).join("filler")).unwrap(),
            Disk::Failing => limit_files(serving, "unlimited:").await,
        }
    }

    /// The disk as the program sees it, which is not how we see its folder.
    fn seen_by(&self, serving: &Serving) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", serving.program.id()));
        root.join(self.stage.path("disk").strip_prefix("/").unwrap())
    }

    /// Slack sends again what was not acknowledged: after a minute, or now.
    async fn slack_tries_again(&self, said: &Said) {
        let event = self.stage.slack.events().pop().unwrap();
        assert_eq!(event.fate, Fate::OnItsWay, "not acknowledged, and not given up");
        self.stage.slack.redeliver(said).await;
    }
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh"]);
    command
}

async fn may_mount(folder: &Path) -> bool {
    let tried = unshare().args(["-c", ON_A_SMALL_DISK, "sh"]).arg(folder).arg("true").output().await;
    tried.is_ok_and(|tried| tried.status.success())
}

/// Takes all the room there is, in ever smaller pieces.
fn fill(disk: &Path) {
    let (mut all, mut piece) = (Vec::new(), 1 << 20);
    while piece > 0 {
        let longer = [&all[..], &vec![b'x'; piece]].concat();
        if fs::write(disk.join("filler"), &longer).is_ok() { all = longer } else { piece /= 2 }
    }
}

/// How large files may become that the program writes to.
async fn limit_files(serving: &Serving, limit: &str) {
    let mut command = Command::new("prlimit");
    command.arg(format!("--pid={}", serving.program.id())).arg(format!("--fsize={limit}"));
    assert!(command.status().await.unwrap().success());
}

async fn a_message_that_cannot_be_stored_is_sent_again(transport: Transport, disk: Disk) {
    let story = Story::new(transport, disk).await;
    let stage = &story.stage;
    stage.openai.answers("Noted.");
    let mut serving = story.serve().await;
    let thread = stage.slack.mention("ana", "#general", "I like tea").await;
    thread.finishes("Noted.").await;

    story.is_full(&serving).await;
    let said = thread.reply("ana", "what do I like?").await;
    thread.shows_only_to("ana", &texts::not_stored()).await;
    serving.program.logs("a delivery was not stored").await;
    assert!(serving.program.is_alive());
    assert_eq!(serving.door.healthz().await.status, 200);
    let (status, page) = serving.door.readyz().await;
    assert_eq!((status, &page["parts"]["store"]["state"]), (503, &"failing".into()), "{page}");
    assert_eq!(stage.openai.requests_seen(), 1, "what is not stored is not answered");

    story.has_room(&serving).await;
    stage.openai.answers("Tea.");
    story.slack_tries_again(&said).await;
    thread.finishes("Tea.").await;
    stage.openai.last_request().heard(["I like tea", "Noted.", "what do I like?"]);
    // For a second the page may still show what the store said last.
    let ready = async { while serving.door.readyz().await.0 != 200 {} };
    in_time(ready).await.expect("ready again");
    stage.ends_with(serving, &thread, &["Noted.", "Tea."]).await;
}

#[tokio::test]
async fn on_a_full_disk_a_message_is_not_acknowledged_over_http() {
    a_message_that_cannot_be_stored_is_sent_again(Http, Disk::Small).await;
}

#[tokio::test]
async fn on_a_full_disk_a_message_is_not_acknowledged_over_socket_mode() {
    a_message_that_cannot_be_stored_is_sent_again(Socket, Disk::Small).await;
}

#[tokio::test]
async fn on_a_failing_disk_a_message_is_not_acknowledged() {
    a_message_that_cannot_be_stored_is_sent_again(Http, Disk::Failing).await;
}

#[tokio::test]
async fn an_answer_under_way_waits_for_room_and_is_not_lost() {
    let story = Story::new(Http, Disk::Small).await;
    let stage = &story.stage;
    let turn = stage.openai.turn().text("It takes").gate("half").text(" a while.");
    let serving = story.serve().await;
    let thread = stage.slack.mention("ana", "#general", "how long does it take?").await;
    thread.shows("It takes").await;
    story.is_full(&serving).await;
    turn.open("half");
    serving.program.logs("the store is in the way of a turn; trying again").await;
    story.has_room(&serving).await;
    thread.finishes("It takes a while.").await;
    stage.openai.answers("As I said.");
    thread.reply("ana", "sorry?").await;
    thread.finishes("As I said.").await;
    stage.openai.last_request().heard(["how long does it take?", "It takes a while.", "sorry?"]);
    stage.ends_with(serving, &thread, &["It takes a while.", "As I said."]).await;
}

#[tokio::test]
async fn on_a_disk_without_room_it_does_not_start_and_says_why() {
    let story = Story::new(Http, Disk::Small).await;
    let full = match story.disk {
        Disk::Small => r#"head -c 3000000 /dev/zero > "$1/filler" 2>&1;"#,
        Disk::Failing => "ulimit -f 0;",
    };
    let ended = Program::start(story.command(full)).ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    let message = "cannot be written: its disk is full or fails; make room or see to the disk, then start again";
    assert!(ended.said.contains(message), "{}", ended.said);
}

#[tokio::test]
async fn on_a_read_only_disk_it_does_not_start_and_says_why() {
    let mut story = Story::new(Http, Disk::Small).await;
    let command = match story.disk {
        Disk::Small => story.command(r#"mount -o remount,ro "$1";"#),
        Disk::Failing => {
            // The kernel's own file systems refuse new files to everybody.
            story.stage.set("DATABASE_URL", "sqlite:/sys/chathakase.db");
            story.stage.command()
        }
    };
    let ended = Program::start(command).ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    let message = "cannot be written; check who owns it, its permissions and whether its disk is read-only";
    assert!(ended.said.contains(message), "{}", ended.said);
}
