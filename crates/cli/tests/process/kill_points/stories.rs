//! The stories: what people do, what the model says, and what every thread shows in the end, whenever the process dies.

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use chathakase::clock::SystemClock;
use chathakase_bot::texts;
use chathakase_model::ErrorKind;
use chathakase_session::{SlackTs, time::Clock};
use chathakase_sim::{
    model::{RequestSeen, TurnScript},
    slack::{Gate, Thread},
};
use chathakase_slack::render::{PartLimits, render};

use super::scene::{Ending, Scene};
use crate::{patience::in_time, stage::Stage};

/// What a process is at when it dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Story {
    /// It answers, in three messages.
    Answers,
    /// Its answer grows in the thread.
    Grows,
    /// The same without streams.
    Updates,
    /// It answers a question, and then the one that came meanwhile.
    AnswersTwice,
    /// It carries on with an answer of which three messages stand, and which is shorter now.
    Shortens,
    /// It carries on with an answer of which one message stands, and which is longer now.
    Lengthens,
    /// It answers in a thread that others began.
    Joins,
    /// It hears of a reply before it hears of the mention that opens the thread.
    HearsOutOfOrder,
    /// A person edits what was not for it, so that it is.
    IsAskedByAnEdit,
    /// Its model fails for good.
    Apologises,
    /// It carries on with a turn over which three died.
    SetsAside,
    /// It clears the thread.
    Clears,
    /// It tells something to the asker alone.
    Tells,
    /// A person stops its answer.
    IsStopped,
    /// A person stops an answer that is stored whole.
    IsCutShort,
    /// A person deletes what it is answering.
    LosesItsQuestion,
    /// A person deletes what it answered.
    LosesItsAnswer,
    /// It is about to bring an answer that may stand there already, where Slack does not show the thread.
    Repeats,
    /// Slack takes no more in that channel.
    IsShutOut,
    /// It looks for what was missed while nobody was there.
    CatchesUp,
    /// It is asked to end while it answers.
    GivesBack,
}

const PART_CHARS: usize = 500;
/// Before that was nothing missed, and before that what was.
const GOOD_MINUTES_AGO: u32 = 30;
const MISSED_AGO: Duration = Duration::from_secs(20 * 60);

fn long() -> String {
    "Words and words. ".repeat(60)
}

fn parts(text: &str) -> Vec<String> {
    render(text, &PartLimits { chars_max: PART_CHARS, ..PartLimits::default() }).parts
}

fn says(text: &str) -> TurnScript {
    TurnScript::default().text(text)
}

/// Says a half, and never more.
fn says_half() -> TurnScript {
    TurnScript::default().text("Half").gate("never").text(" and the rest.")
}

fn by_question(request: &RequestSeen) -> TurnScript {
    let question = request.question();
    let is_asked = |text| question.ends_with(text);
    let knows_ana = request.conversation().concat().contains("Hello Ana.");
    match () {
        () if is_asked("one?") => says("One."),
        () if is_asked("two?") => says("Two."),
        () if is_asked("count") => says("One. Two. Three."),
        () if is_asked("tell me all") => says_half(),
        () if is_asked("who am I?") && knows_ana => says("You are Ana."),
        () if is_asked("who am I?") => says("Who knows?"),
        () => says("Hello Ana."),
    }
}

/// These answers and no others.
fn shows(thread: Thread, answers: &[&str]) -> Vec<Ending> {
    vec![(thread, vec![answers.iter().map(|answer| (*answer).to_owned()).collect()])]
}

impl Story {
    /// Where its process dies; nothing: at each place of a turn that it comes to.
    pub(super) fn places(self) -> &'static [&'static str] {
        match self {
            Self::Grows => &["part.appended"],
            Self::AnswersTwice => &["part.stopped", "turn.shown", "delivered.uncommitted", "delivered.stored"],
            Self::HearsOutOfOrder => &["receive.uncommitted", "receive.stored"],
            Self::IsCutShort => &["cut_short.uncommitted", "cut.stored"],
            Self::Repeats => &["repeats.uncommitted", "repeat.stored"],
            Self::CatchesUp => &[
                "live.uncommitted",
                "live.stored",
                "good_until.uncommitted",
                "gap.taken",
                "receive.uncommitted",
                "receive.stored",
                "receive.stored:2",
                "reconcile.uncommitted",
                "gap.reconciled",
                "note_looked.uncommitted",
                "gap.noted",
                "gap.noted:2",
                "gap.looked",
                "note_good.uncommitted",
                "sweep.stored",
                "good.stored",
            ],
            Self::GivesBack => &["release.uncommitted", "release.stored", "leave.uncommitted", "leave.stored"],
            _ => &[],
        }
    }

    /// Where others died before it.
    pub(super) fn deaths_before(self) -> &'static [&'static str] {
        match self {
            Self::Shortens => &["part.stored:3"],
            Self::Lengthens => &["part.posted"],
            Self::SetsAside => &["receive.stored", "claim.stored", "claim.stored"],
            Self::Repeats => &["part.posted"],
            _ => &[],
        }
    }

    pub(super) fn prepares(self, stage: &mut Stage) {
        stage.set("CHATHAKASE_REPLY__PART_CHARS", "500");
        match self {
            Self::Updates => drop(stage.slack.next("chat.startStream").fails("channel_type_not_supported").always()),
            Self::GivesBack => stage.set("CHATHAKASE_LIMITS__DRAIN", "0s"),
            Self::SetsAside => stage.set("CHATHAKASE_LIMITS__OWNER_DEATHS", "3"),
            _ => {}
        }
        let asked = AtomicUsize::new(0);
        stage.openai.plays_by(move |request| {
            let is_first = asked.fetch_add(1, SeqCst) == 0;
            match self {
                Self::Answers | Self::Updates => says(&long()),
                // The model of the first one goes silent before its answer is over.
                Self::Shortens if is_first => says(&long()).gate("never").text("."),
                Self::Lengthens if is_first => says("Short.").gate("never").text("."),
                Self::Lengthens => says(&long()),
                Self::Shortens => says("Short."),
                Self::Apologises => TurnScript::default().status(401),
                Self::IsStopped => says_half(),
                Self::GivesBack if is_first => says_half(),
                _ => by_question(request),
            }
        });
    }

    /// Whether others were there before, and ended in good order.
    pub(super) fn has_a_beginning(self) -> bool {
        matches!(self, Self::Clears | Self::IsAskedByAnEdit | Self::LosesItsQuestion | Self::LosesItsAnswer)
            || self == Self::CatchesUp
    }

    pub(super) async fn begins(self, scene: &Scene) -> Vec<Thread> {
        let thread = scene.stage.slack.mention("ana", "#general", "I am Ana").await;
        thread.finishes("Hello Ana.").await;
        vec![thread]
    }

    /// What happens when nobody is there: it is found by whoever comes, also when he dies over it.
    pub(super) async fn happens_unseen(self, scene: &Scene, begun: &mut Vec<Thread>) {
        if self != Self::CatchesUp {
            return;
        }
        let slack = &scene.stage.slack;
        scene.stage.put_good_back(GOOD_MINUTES_AGO);
        slack.hold_events();
        begun[0].edit(&begun[0].first(), "I am Ana, they say").await;
        begun[0].reply("ana", "two?").await;
        slack.next_ts(SlackTs::at(SystemClock::new().now() - MISSED_AGO));
        begun.push(slack.mention("ben", "#other", "one?").await);
        slack.lose_held();
    }

    pub(super) async fn goes_on(self, scene: &Scene, begun: Vec<Thread>) -> Vec<Ending> {
        let slack = &scene.stage.slack;
        let mut begun = begun.into_iter();
        let (begun, next) = (begun.next(), begun.next());
        let asked = async |text| slack.mention("ana", "#general", text).await;
        match self {
            Self::Answers | Self::Updates | Self::Shortens | Self::Lengthens => {
                let thread = asked("answer me").await;
                let text = if self == Self::Shortens { "Short.".to_owned() } else { long() };
                let parts = parts(&text);
                thread.finishes(parts.last().unwrap()).await;
                vec![(thread, vec![parts])]
            }
            Self::Grows => grown(scene).await,
            Self::AnswersTwice => one_after_the_other(scene).await,
            Self::Joins => {
                let thread = slack.post("ana", "#general", "hello").await;
                thread.reply("ben", "hello Ana").await;
                thread.mention("ana", "and you?").await;
                thread.finishes("Hello Ana.").await;
                shows(thread, &["Hello Ana."])
            }
            Self::HearsOutOfOrder => {
                slack.hold_events();
                let thread = slack.mention("ana", "#general", "one?").await;
                thread.reply("ana", "two?").await;
                slack.release_reversed().await;
                finishes_late(scene, &thread, "Two.").await;
                shows(thread, &["One.", "Two."])
            }
            Self::IsAskedByAnEdit => {
                let thread = begun.unwrap();
                let said = thread.reply("ana", "<@U0BEN> who am I?").await;
                thread.edit(&said, format!("<@{}> who am I?", slack.bot_user())).await;
                thread.finishes("You are Ana.").await;
                shows(thread, &["Hello Ana.", "You are Ana."])
            }
            Self::Apologises => {
                let thread = asked("answer me").await;
                let notice = texts::model_failed(ErrorKind::Setup);
                thread.finishes(&notice).await;
                shows(thread, &[&notice])
            }
            Self::SetsAside => {
                let thread = asked("answer me").await;
                thread.shows_part("so I stopped trying").await;
                let notices = [3, 4].map(|deaths| vec![texts::turn_set_aside(deaths)]);
                vec![(thread, notices.into())]
            }
            Self::Clears => {
                let thread = begun.unwrap();
                thread.reply("ana", "clear session").await;
                let cleared = texts::session_cleared(2, 0);
                thread.finishes(&cleared).await;
                shows(thread, &["Hello Ana.", &cleared])
            }
            Self::Tells => {
                let thread = slack.post("ana", "#general", "hello").await;
                thread.reply("ben", "hello").await;
                thread.mention("ana", "all sessions").await;
                // What one person alone sees cannot be read back: after a death she may see it twice.
                thread.shows_only_to("ana", &texts::not_an_admin()).await;
                shows(thread, &[])
            }
            Self::IsStopped => {
                let thread = asked("answer me").await;
                thread.shows("Half").await;
                thread.press_stop("ana").await;
                thread.finishes("Half").await;
                shows(thread, &["Half"])
            }
            Self::IsCutShort => cut_short(scene).await,
            Self::LosesItsQuestion => {
                let thread = begun.unwrap();
                let said = thread.reply("ana", "tell me all").await;
                thread.shows("Half").await;
                thread.delete(&said).await;
                // Who takes the turn up knows of no question any more, or hears of it in mid-answer.
                let (hello, half) = ("Hello Ana.".to_owned(), "Half".to_owned());
                vec![(thread, vec![vec![hello.clone(), half], vec![hello]])]
            }
            Self::LosesItsAnswer => {
                let thread = begun.unwrap();
                let answer = thread.posts().into_iter().find(|post| post.ours).unwrap();
                thread.delete_ts(answer.ts).await;
                thread.reply("ana", "who am I?").await;
                // A process that begins here takes in what was missed first, and puts right afterwards what was known.
                let either = ["Who knows?", "You are Ana."];
                answers_one_of(scene, &thread, &either).await;
                vec![(thread, either.map(|answer| vec![answer.to_owned()]).into())]
            }
            Self::Repeats => repeated(scene).await,
            Self::IsShutOut => {
                let gate = Gate::closed();
                drop(slack.next("chat.startStream").slow(&gate));
                let thread = asked("answer me").await;
                in_time(gate.reached()).await.expect("an answer begins");
                slack.archive("#general");
                gate.open();
                told_somewhere(scene, &texts::cannot_post(thread.channel().as_str(), "is_archived")).await;
                shows(thread, &[])
            }
            Self::CatchesUp => {
                let [thread, missed] = [begun.unwrap(), next.unwrap()];
                thread.finishes("Two.").await;
                missed.finishes("One.").await;
                [shows(thread, &["Hello Ana.", "Two."]), shows(missed, &["One."])].concat()
            }
            Self::GivesBack => {
                let thread = asked("answer me").await;
                thread.shows("Half").await;
                scene.asks_it_to_end();
                thread.finishes("Hello Ana.").await;
                shows(thread, &["Hello Ana."])
            }
        }
    }
}

async fn one_after_the_other(scene: &Scene) -> Vec<Ending> {
    let gate = Gate::closed();
    drop(scene.stage.slack.next("chat.startStream").slow(&gate));
    let thread = scene.stage.slack.mention("ana", "#general", "one?").await;
    in_time(gate.reached()).await.expect("an answer begins");
    thread.reply("ben", "two?").await;
    gate.open();
    finishes_late(scene, &thread, "Two.").await;
    shows(thread, &["One.", "Two."])
}

async fn grown(scene: &Scene) -> Vec<Ending> {
    let counts = scene.stage.openai.turn().text("One.").gate("on").text(" Two.").gate("end").text(" Three.");
    let thread = scene.stage.slack.mention("ana", "#general", "count").await;
    thread.shows("One.").await;
    counts.open("on");
    thread.shows("One. Two.").await;
    counts.open("end");
    thread.finishes("One. Two. Three.").await;
    shows(thread, &["One. Two. Three."])
}

async fn cut_short(scene: &Scene) -> Vec<Ending> {
    let Stage { slack, openai, .. } = &scene.stage;
    let counts = openai.turn().text("One.").gate("on").text(" Two.").gate("end").text(" Three.");
    let thread = slack.mention("ana", "#general", "count").await;
    thread.shows("One.").await;
    let gate = Gate::closed();
    drop(slack.next("chat.appendStream").slow(&gate));
    counts.open("on");
    in_time(gate.reached()).await.expect("more is brought");
    counts.open("end");
    // All of it is stored, and the thread does not show it yet.
    while scene.stage.closed_turns() == 0 {
        tokio::task::yield_now().await;
    }
    thread.press_stop("ana").await;
    gate.open();
    thread.finishes("One.").await;
    shows(thread, &["One."])
}

async fn repeated(scene: &Scene) -> Vec<Ending> {
    let slack = &scene.stage.slack;
    drop(slack.next("conversations.replies").fails("missing_scope").always());
    let thread = slack.mention("ana", "#general", "answer me").await;
    thread.shows("Hello Ana.").await;
    let (once, again) = ("Hello Ana.".to_owned(), texts::perhaps_again("Hello Ana."));
    let told = texts::perhaps_missing(thread.channel().as_str());
    let mut changes = slack.changes();
    // It is said once more by one process only. Should that die over it, whoever asked is told.
    let is_over = async {
        while !thread.answers().contains(&again) && !slack.transcript().contains(&told) {
            changes.next().await;
        }
    };
    in_time(is_over).await.expect("it is said again, or that it may be missing");
    // Nobody could find the first one to end its stream.
    slack.end_streams();
    vec![(thread, vec![vec![once.clone()], vec![once, again]])]
}

/// Waits for an answer behind one of which a call may take effect after its maker's death: that is waited for before it begins.
async fn finishes_late(scene: &Scene, thread: &Thread, text: &str) {
    answers_one_of(scene, thread, &[text]).await;
    thread.finishes(text).await;
}

/// Waits until the newest answer is one of these.
async fn answers_one_of(scene: &Scene, thread: &Thread, texts: &[&str]) {
    let mut changes = scene.stage.slack.changes();
    let is_there = async {
        while !thread.answers().last().is_some_and(|last| texts.contains(&last.as_str())) {
            changes.next().await;
        }
    };
    in_time(is_there).await.expect("an answer");
}

/// Waits until somebody is told this by direct message; after a death perhaps twice.
async fn told_somewhere(scene: &Scene, text: &str) {
    let mut changes = scene.stage.slack.changes();
    let is_told = async {
        while !scene.transcript().contains(text) {
            changes.next().await;
        }
    };
    in_time(is_told).await.expect("somebody is told");
}
