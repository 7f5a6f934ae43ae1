//! One turn of the script: what the model says to one request, and where it stops.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::watch;

use super::{patience, request::RequestSeen, wire};

/// One thing the model does in a turn.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A delta.
    Text(String),
    /// Bytes as they are, whatever they are.
    Raw(Bytes),
    /// Nothing until the test opens the gate.
    Gate(String),
    /// Nothing for this long on the clock.
    Pause(Duration),
    /// The chunk with the finish reason (and the usage).
    Finish(String),
    /// `data: [DONE]`.
    Done,
    /// The connection breaks in the middle of the body.
    Cut,
    /// Nothing, until the client gives up.
    Silent,
}

/// How the server answers a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Status 200 and a stream of these steps.
    Stream(Vec<Step>),
    /// Another status, or another body, at once.
    Plain { status: u16, headers: Vec<(String, String)>, body: Arc<str> },
    /// The connection closes without an answer.
    HangUp,
    /// Not even a status.
    Nothing,
}

/// How far a turn has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No request has taken it yet.
    Waiting,
    /// It is being played.
    Playing,
    /// All of it was sent.
    Played,
    /// The client closed the connection before the end.
    Abandoned,
}

/// One scripted turn: built step by step, and the handle by which a test opens its gates. Clones share one turn.
///
/// It is queued from the start; a step added after a request has taken it is an error in the test and panics. Unless a
/// step says otherwise, the turn ends well: finish reason `stop`, usage if asked for, `[DONE]`.
#[derive(Clone, Debug)]
pub struct TurnScript {
    plan: Arc<Mutex<Plan>>,
    state: watch::Sender<State>,
}

#[derive(Debug)]
struct Plan {
    answer: Answer,
    asked: Option<String>,
    wire_bytes_max: usize,
    ended: bool,
}

#[derive(Debug)]
struct State {
    progress: Progress,
    gates: BTreeSet<String>,
    reached: BTreeSet<String>,
    open: BTreeSet<String>,
}

impl Default for TurnScript {
    /// A turn that is in no queue, for [`ScriptedModel::plays_by`](super::ScriptedModel::plays_by).
    fn default() -> Self {
        Self::new()
    }
}

impl TurnScript {
    pub(crate) fn new() -> Self {
        let plan = Plan { answer: Answer::Stream(Vec::new()), asked: None, wire_bytes_max: usize::MAX, ended: false };
        let progress = Progress::Waiting;
        let state = State { progress, gates: BTreeSet::new(), reached: BTreeSet::new(), open: BTreeSet::new() };
        Self { plan: Arc::new(Mutex::new(plan)), state: watch::Sender::new(state) }
    }

    /// Plays this turn only for a request whose last message contains `text`; for threads that ask at the same time.
    pub fn when_asked(self, text: &str) -> Self {
        self.lock().asked = Some(text.to_owned());
        self
    }

    /// Sends `text` as one delta.
    #[track_caller]
    pub fn text(self, text: &str) -> Self {
        self.step(Step::Text(text.to_owned()))
    }

    /// Sends `text` as one delta per word.
    #[track_caller]
    pub fn words(self, text: &str) -> Self {
        wire::words(text).fold(self, |turn, word| turn.text(word))
    }

    /// Sends each of `deltas` as one delta.
    #[track_caller]
    pub fn deltas<'a>(self, deltas: impl IntoIterator<Item = &'a str>) -> Self {
        deltas.into_iter().fold(self, TurnScript::text)
    }

    /// Sends `bytes` as they are: for streams that other servers write, and broken ones.
    #[track_caller]
    pub fn raw(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(Step::Raw(Bytes::copy_from_slice(bytes.as_ref())))
    }

    /// Holds the stream here until [`TurnScript::open`]. A turn's gates have different names.
    #[track_caller]
    pub fn gate(self, name: &str) -> Self {
        let mut fresh = false;
        self.state.send_modify(|s| fresh = s.gates.insert(name.to_owned()));
        assert!(fresh, "this turn already has a gate {name:?}");
        self.step(Step::Gate(name.to_owned()))
    }

    /// Sends nothing for `wait` on the clock, then goes on.
    #[track_caller]
    pub fn silent_for(self, wait: Duration) -> Self {
        self.step(Step::Pause(wait))
    }

    /// Sends nothing more, until the client gives up.
    #[track_caller]
    pub fn silent(self) -> Self {
        self.step(Step::Silent).ends()
    }

    /// Breaks the connection in the middle of the body, as a dying server or proxy does.
    #[track_caller]
    pub fn cut(self) -> Self {
        self.step(Step::Cut).ends()
    }

    /// Ends the body in good order with neither a finish reason nor `[DONE]`: the answer is not complete, and only that says so.
    #[track_caller]
    pub fn end_without_done(self) -> Self {
        self.ends()
    }

    /// Ends with this finish reason and `[DONE]`: `stop`, `length`, `content_filter` or what another server invents.
    #[track_caller]
    pub fn finish(self, reason: &str) -> Self {
        self.step(Step::Finish(reason.to_owned())).step(Step::Done).ends()
    }

    /// Ends with this finish reason, without `[DONE]`: complete all the same.
    #[track_caller]
    pub fn finish_without_done(self, reason: &str) -> Self {
        self.step(Step::Finish(reason.to_owned())).ends()
    }

    /// Ends with `[DONE]`, without a finish reason: complete all the same.
    #[track_caller]
    pub fn done_without_finish(self) -> Self {
        self.step(Step::Done).ends()
    }

    /// Ends well without having said a word.
    #[track_caller]
    pub fn empty(self) -> Self {
        self.finish("stop")
    }

    /// Reports an error inside the stream, as OpenAI and vLLM do (`data: {"error": ..}`), and ends.
    #[track_caller]
    pub fn error_event(self, message: &str) -> Self {
        let event = format!("data: {}\n\n", wire::error_body(500, message));
        self.raw(event).ends()
    }

    /// Reports an error inside the stream by the event's name (`event: error`), and ends.
    #[track_caller]
    pub fn named_error_event(self, message: &str) -> Self {
        let event = format!("event: error\ndata: {}\n\n", serde_json::json!({ "message": message }));
        self.raw(event).ends()
    }

    /// Sends an event that is no JSON, and ends.
    #[track_caller]
    pub fn malformed(self) -> Self {
        self.raw("data: {\"choices\":[{\"delta\":{\"cont\n\n").ends()
    }

    /// Answers with this HTTP status and the error body OpenAI sends with it.
    #[track_caller]
    pub fn status(self, status: u16) -> Self {
        let body = wire::error_body(status, &format!("scripted status {status}"));
        self.status_with(status, &[("content-type", "application/json")], &body)
    }

    /// Answers with this HTTP status, headers and body.
    #[track_caller]
    pub fn status_with(self, status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.answer(Answer::Plain { status, headers, body: body.into() })
    }

    /// Closes the connection without an answer.
    #[track_caller]
    pub fn hang_up(self) -> Self {
        self.answer(Answer::HangUp)
    }

    /// Takes the request and answers nothing, not even a status, until the client gives up.
    #[track_caller]
    pub fn no_answer(self) -> Self {
        self.answer(Answer::Nothing)
    }

    /// Writes no more than `bytes` at once, so that events and characters arrive in pieces.
    pub fn in_pieces_of(self, bytes: usize) -> Self {
        self.lock().wire_bytes_max = bytes.max(1);
        self
    }

    /// Opens a gate; the stream goes on if it waits there, and does not stop if it has yet to come there.
    #[track_caller]
    pub fn open(&self, gate: &str) {
        let gates = self.state.borrow().gates.clone();
        assert!(gates.contains(gate), "this turn has no gate {gate:?}, only {gates:?}");
        self.state.send_if_modified(|s| s.open.insert(gate.to_owned()));
    }

    /// Waits until the stream stands at a gate: all before it was handed to the connection.
    pub async fn reached(&self, gate: &str) {
        self.wait_for(&format!("the gate {gate:?} to be reached"), |s| s.reached.contains(gate)).await;
    }

    /// Waits until a request has taken this turn.
    pub async fn asked(&self) {
        self.wait_for("a request to take this turn", |s| s.progress != Progress::Waiting).await;
    }

    /// Waits until this turn is over; tells whether it was played to its end or abandoned by the client.
    pub async fn over(&self) -> Progress {
        let over = |s: &State| matches!(s.progress, Progress::Played | Progress::Abandoned);
        self.wait_for("this turn to be over", over).await;
        self.progress()
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.state.borrow().progress
    }

    async fn wait_for(&self, what: &str, condition: impl FnMut(&State) -> bool) {
        let mut state = self.state.subscribe();
        // The sender is `self`, so the channel cannot close meanwhile.
        patience::wait(what, async { drop(state.wait_for(condition).await) }).await;
    }

    #[track_caller]
    fn step(self, step: Step) -> Self {
        self.change(|plan| match &mut plan.answer {
            Answer::Stream(steps) if !plan.ended => steps.push(step),
            _ => panic!("this turn has already ended; nothing can follow"),
        })
    }

    #[track_caller]
    fn ends(self) -> Self {
        self.change(|plan| plan.ended = true)
    }

    #[track_caller]
    fn answer(self, answer: Answer) -> Self {
        self.change(|plan| match &plan.answer {
            Answer::Stream(steps) if steps.is_empty() && !plan.ended => plan.answer = answer,
            _ => panic!("this turn has begun a stream; it cannot answer with a status"),
        })
        .ends()
    }

    #[track_caller]
    fn change(self, change: impl FnOnce(&mut Plan)) -> Self {
        assert_eq!(self.progress(), Progress::Waiting, "a request has already taken this turn; build it before asking");
        change(&mut self.lock());
        self
    }

    pub(crate) fn answers(&self, request: &RequestSeen) -> bool {
        self.lock().asked.as_ref().is_none_or(|text| request.question().contains(text.as_str()))
    }

    /// Begins the turn: what to do, and how many bytes to write at once.
    pub(crate) fn take(&self) -> (Answer, usize) {
        self.progress_to(Progress::Playing);
        let plan = self.lock();
        let mut answer = plan.answer.clone();
        if let (Answer::Stream(steps), false) = (&mut answer, plan.ended) {
            steps.extend([Step::Finish("stop".to_owned()), Step::Done]);
        }
        (answer, plan.wire_bytes_max)
    }

    pub(crate) async fn pass_gate(&self, gate: &str) {
        self.state.send_if_modified(|s| s.reached.insert(gate.to_owned()));
        drop(self.state.subscribe().wait_for(|s| s.open.contains(gate)).await);
    }

    pub(crate) fn progress_to(&self, progress: Progress) {
        self.state.send_modify(|s| s.progress = progress);
    }

    /// What it would do, for messages about turns that nobody asked for.
    pub(crate) fn describe(&self) -> String {
        let plan = self.lock();
        let asked = plan.asked.as_ref().map(|text| format!("when asked {text:?}: ")).unwrap_or_default();
        format!("{asked}{:?}", plan.answer)
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
