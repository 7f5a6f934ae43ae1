//! Carries out what the machine decides: asks the model, lets the reply speak, writes the steps down.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use chathakase_model::{self as model, ChatMessage, ErrorKind, Piece};
use chathakase_session::{
    Role, Timestamp, chain, fault_point,
    message::Ending,
    store::{Claimed, Closing, Count, History, SessionStore, Usage},
    time::{SharedClock, timeout},
    tokens::TokenCounter,
    turn::{Claimant, Outcome, Part, PartMode, Turn, TurnKind},
    window::{WindowLimits, window},
};
use chathakase_slack::{
    api::Api,
    reply::{Replies, Reply, ReplyError},
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    journal::{Hold, Known, Lost, insist},
    late,
    machine::{Effect, Event, Machine},
    read_back,
    recover::Standing,
    thinking::Thinking,
};
use crate::{
    commands::{self, Ask},
    people::People,
    prompt,
    settings::Settings,
};

/// How long a turn waits for the status line of a mended answer to go.
const STATUS_WAIT_MAX: Duration = Duration::from_secs(1);

/// What turns are run with; one set for the whole process.
pub(crate) struct Tools {
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) api: Api,
    pub(crate) replies: Replies,
    pub(crate) model: model::Client,
    pub(crate) counter: Arc<dyn TokenCounter>,
    pub(crate) people: People,
    pub(crate) settings: Settings,
    pub(crate) clock: SharedClock,
    pub(crate) me: crate::route::Identity,
}

impl Tools {
    /// `claimant`, for turns that begin now.
    pub(crate) fn begins_now(&self, claimant: &Claimant) -> Claimant {
        Claimant { slack_now: Some(self.api.slack_now()), ..claimant.clone() }
    }
}

/// One turn under way.
pub(crate) struct Driver<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) hold: Arc<Hold>,
    /// Who wants the thread's next turn when this one is done; `None` when nobody does.
    pub(crate) claimant: Option<&'a Claimant>,
    /// Where what goes on beside the turn is waited for when the process ends.
    pub(crate) tasks: TaskTracker,
    /// Set when no new turns are begun.
    pub(crate) closing: CancellationToken,
    /// What we know of the turn's parts.
    pub(crate) known: Arc<Known>,
    /// How many tokens the messages of its windows have, where that was not known.
    pub(crate) counts: Mutex<Vec<Count>>,
    /// Whether the answer was posted once more although it may have stood there already.
    pub(crate) repeated: AtomicBool,
}

impl Driver<'_> {
    /// Runs the turn to its end and returns the thread's next one, if there is one and it is wanted, with
    /// the moment (monotonic) from which its lease counts.
    pub(crate) async fn run(&self, claimed: Claimed) -> Result<Option<(Claimed, Duration)>, Lost> {
        if claimed.adopted {
            // Who begins a turn has made no call yet.
            self.known.inherit(claimed.parts.clone(), claimed.turn.deaths > 0);
        }
        let turn = claimed.turn.clone();
        let parts = match claimed.turn.kind {
            _ if claimed.adopted => self.carry_on(claimed).await?,
            TurnKind::Command => self.command(claimed).await?,
            TurnKind::Answer => self.answer(claimed, Standing::default()).await?,
        };
        late::look_again(self, &turn, &parts).await?;
        fault_point!("turn.shown");
        let store = &self.tools.store;
        let lease = &self.hold.lease;
        let asked_at = self.tools.clock.monotonic();
        let next = insist!(self.hold, store.delivered(lease, &parts, self.claimant_now().as_ref(), self.now()))?;
        fault_point!("delivered.stored");
        Ok(next.map(|claimed| (claimed, asked_at)))
    }

    fn claimant_now(&self) -> Option<Claimant> {
        let claimant = self.claimant.filter(|_| !self.closing.is_cancelled());
        claimant.map(|claimant| self.tools.begins_now(claimant))
    }

    /// Answers a turn of which `standing` is in the thread already.
    pub(super) async fn answer(&self, mut claimed: Claimed, standing: Standing) -> Result<Vec<Part>, Lost> {
        let thinking = Thinking::begin(&self.tools.api, &claimed.turn.key, &self.tasks);
        if claimed.unread && self.tools.settings.reread {
            read_back::learn(self, &claimed.turn).await?;
        }
        if standing.is_nothing() {
            let parts = self.speak(&claimed.turn, claimed.history.take(), &thinking).await?;
            // What was posted takes the line away, and only a stream that ended ends Slack's agent session.
            let ended = parts.first().is_some_and(|part| part.mode == PartMode::Stream);
            self.status_gone(thinking.over(ended)).await;
            return Ok(parts);
        }
        let parts = self.speak_over(&claimed.turn, standing).await?;
        self.status_gone(thinking.over(false)).await;
        Ok(parts)
    }

    /// Waits until the status line of an answer that did not stream is gone: Slack takes none away without a new post, nor ends its
    /// agent session without the end of a stream, and after its turn nobody looks at it again. A Slack that hangs holds up what comes next for a moment only.
    pub(super) async fn status_gone(&self, clearing: impl Future<Output = ()> + Send + 'static) {
        let clearing = self.tasks.spawn(clearing);
        let _ = timeout(&*self.tools.clock, STATUS_WAIT_MAX, clearing).await;
    }

    /// Asks the model and lets the thread see the answer grow.
    async fn speak(&self, turn: &Turn, history: Option<History>, thinking: &Thinking) -> Result<Vec<Part>, Lost> {
        let reply = self.tools.replies.start(self.target(turn), self.journal());
        let mut voice = Voice { reply: Some(reply), ended: None, thinking: Some(thinking) };
        let closing = match self.ask_and_close(turn, history, &mut voice).await {
            Ok(closing) => closing,
            Err(lost) => {
                if let Some(reply) = voice.reply {
                    reply.abandon().await;
                }
                return Err(lost);
            }
        };
        // A notice is shown by the end of the reply.
        thinking.overtaken();
        let Some(closing) = closing else { return self.stopped(turn, voice.reply, voice.ended).await };
        let shown = match (voice.reply, voice.ended) {
            (Some(mut reply), _) => tokio::select! {
                shown = reply.finish(closing.note.as_deref()) => shown,
                () = self.hold.stopped.cancelled(), if !closing.text.is_empty() => reply.stop().await,
            },
            (None, Some(error)) => Err(error),
            (None, None) => Err(ReplyError::Broken),
        };
        self.shown(turn, shown, &closing).await
    }

    /// Asks the model again for a turn whose dead owner left posts in the thread, and makes those posts the answer.
    async fn speak_over(&self, turn: &Turn, standing: Standing) -> Result<Vec<Part>, Lost> {
        let closing = self.ask(turn, None, &mut Voice::default()).await?;
        let Some(closing) = closing.filter(|_| !self.hold.stopped.is_cancelled()) else {
            // Of the new answer nothing was shown yet.
            return self.end_with(turn, standing).await;
        };
        self.close(&closing).await?;
        self.bring(turn, &closing, standing).await
    }

    /// Closes what [`Driver::ask`] decides.
    async fn ask_and_close(
        &self,
        turn: &Turn,
        history: Option<History>,
        voice: &mut Voice<'_>,
    ) -> Result<Option<Closing>, Lost> {
        let closing = self.ask(turn, history, voice).await?;
        if let Some(closing) = &closing {
            let mut close = std::pin::pin!(self.close(closing));
            tokio::select! {
                closed = &mut close => closed?,
                () = self.hold.stopped.cancelled(), if !closing.text.is_empty() => {
                    // The thread shows no more of it, however long the store takes.
                    voice.say_no_more();
                    close.await?;
                }
            }
        }
        Ok(closing)
    }

    /// Asks the model, with a smaller window if it must be, until what the turn says is decided. The first time with the
    /// history that came with the turn, if one did. `None` when a person stopped it: what the thread shows is what it says.
    async fn ask(
        &self,
        turn: &Turn,
        mut history: Option<History>,
        voice: &mut Voice<'_>,
    ) -> Result<Option<Closing>, Lost> {
        let mut machine = Machine::new(self.tools.settings.model_max_tokens);
        let mut limits = self.tools.settings.window;
        loop {
            let history = match history.take() {
                Some(history) => history,
                None => self.history(turn, &limits).await?,
            };
            if !history.newest.iter().any(|message| message.role == Role::User && message.turn == Some(turn.id)) {
                // All that was asked is deleted, cleared or expired since: there is nothing to answer.
                return Ok(Some(notice(Outcome::Stopped, None)));
            }
            let (request, smaller) = self.request(turn, history, &limits).await;
            let asked = tokio::select! {
                () = self.hold.stopped.cancelled() => None,
                asked = self.unless_silenced(self.tools.model.stream(&request)) => Some(asked?),
            };
            let effect = match asked {
                Some(Ok(stream)) => self.listen(stream, &mut machine, voice).await?,
                Some(Err(error)) => self.on_failure(&mut machine, error),
                None => machine.on(Event::Stopped),
            };
            match effect {
                Effect::Close(closing) => return Ok(Some(closing)),
                Effect::Stop => return Ok(None),
                Effect::AskWithLess | Effect::Show(_) => limits = smaller,
            }
        }
    }

    /// Hears the model out and passes its words on. A reply that broke is no reason to stop listening, unless a person
    /// stopped it or Slack lets nothing be said there: the whole answer is needed to mend the thread.
    async fn listen(
        &self,
        mut stream: model::Stream,
        machine: &mut Machine,
        voice: &mut Voice<'_>,
    ) -> Result<Effect, Lost> {
        loop {
            let event = tokio::select! {
                () = self.hold.stopped.cancelled() => Event::Stopped,
                () = voice.broke() => {
                    match voice.end().await {
                        Some(ReplyError::Stopped { .. }) => Event::Stopped,
                        Some(ReplyError::CannotPost { .. }) => Event::NoPlace,
                        Some(ReplyError::Silenced) => return Err(Lost(self.hold.lease.turn)),
                        _ => continue,
                    }
                }
                piece = self.unless_silenced(stream.next()) => match piece? {
                    Some(Ok(Piece::Text(text))) => Event::Text(text),
                    Some(Ok(Piece::Finished(finish))) => Event::Finished(finish),
                    Some(Err(error)) => Event::Failed(error),
                    None => Event::Failed(model::ModelError::CutOff { cause: None }),
                },
            };
            let effect = match event {
                Event::Failed(error) => self.on_failure(machine, error),
                event => machine.on(event),
            };
            match effect {
                Effect::Show(text) => voice.say(&text),
                decided => return Ok(decided),
            }
        }
    }

    fn on_failure(&self, machine: &mut Machine, error: model::ModelError) -> Effect {
        let (kind, error_chain) = (error.kind(), chain(&error).to_string());
        let (turn, key) = (self.hold.lease.turn, &self.hold.lease.key);
        let effect = machine.on(Event::Failed(error));
        match (&effect, kind) {
            (Effect::AskWithLess, _) => {
                tracing::info!(error = error_chain, turn.id = %turn, thread.key = %key, "the thread is too long for the model; asking with less of it");
            }
            // Every question will fail so until somebody sees to it.
            (_, ErrorKind::Setup | ErrorKind::Quota) => {
                tracing::error!(error = error_chain, turn.id = %turn, thread.key = %key, "the model failed");
            }
            _ => tracing::warn!(error = error_chain, turn.id = %turn, thread.key = %key, "the model failed"),
        }
        effect
    }

    async fn history(&self, turn: &Turn, limits: &WindowLimits) -> Result<History, Lost> {
        let store = &self.tools.store;
        insist!(self.hold, store.history(&turn.key, Some(turn.id), limits.max_messages, self.now()))
    }

    async fn request(
        &self,
        turn: &Turn,
        mut history: History,
        limits: &WindowLimits,
    ) -> (model::Request, WindowLimits) {
        let tools = self.tools;
        let there = history.first.iter().chain(&history.newest);
        let bytes: HashMap<u64, usize> = there.map(|message| (message.seq, message.text.len())).collect();
        prompt::put_questions_last(&mut history, turn.id);
        let mentioned = prompt::mentioned(&history);
        let names = tools.people.names(history.people.keys().cloned().chain(mentioned).collect()).await;
        prompt::put_names(&mut history, &names);
        let system = prompt::system(&tools.settings.system_prompt, &history);
        let mut chosen = window(&system, &history, limits, &*tools.counter);
        if chosen.left_out.messages > 0 {
            let system = format!("{system} {}", prompt::left_out(chosen.left_out.messages));
            chosen = window(&system, &history, limits, &*tools.counter);
        }
        let window = chosen;
        let counted = window.counted.iter();
        let counts =
            counted.filter_map(|(seq, tokens)| Some(Count { seq: *seq, bytes: *bytes.get(seq)?, tokens: *tokens }));
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).extend(counts);
        let smaller = window.shrink(limits);
        let messages = window.messages.into_iter().map(|m| ChatMessage { role: m.role, content: m.content }).collect();
        (model::Request { messages, user: None }, smaller)
    }

    /// Carries out a command. Nothing of it is in the thread before it is closed.
    pub(super) async fn command(&self, claimed: Claimed) -> Result<Vec<Part>, Lost> {
        let Claimed { turn, command, lease, .. } = claimed;
        let tools = self.tools;
        let Some(words) = command else {
            // Its text was deleted while nobody carried it out: nobody asks any more.
            self.close(&notice(Outcome::Stopped, None)).await?;
            return Ok(Vec::new());
        };
        let ask = Ask {
            lease: &lease,
            ts: turn.last_ts,
            asker: turn.asker.as_ref(),
            page: 1,
            now: self.now(),
            store: &*tools.store,
            people: &tools.people,
            settings: &tools.settings,
            counter: &tools.counter,
        };
        let reply = self.unless_silenced(commands::answer(&words, ask)).await?;
        fault_point!("command.ran");
        match reply {
            // In a direct message nobody else is there.
            commands::Reply::Asker(text) if !turn.key.channel.as_str().starts_with('D') => {
                // In this order: a death between the two shows it twice to one person, and never not at all.
                self.tell_asker(&turn, &text).await?;
                fault_point!("command.told");
                self.close(&answered(String::new())).await?;
                Ok(Vec::new())
            }
            commands::Reply::Later => Err(Lost(turn.id)),
            commands::Reply::Asker(text) | commands::Reply::Thread(text) => {
                let closing = answered(text);
                self.close(&closing).await?;
                self.bring(&turn, &closing, Standing::default()).await
            }
        }
    }

    /// Writes down how many tokens the messages have, beside what the turn does. Not before the turn closes: its first words wait for
    /// one commit. What a death takes is counted again.
    fn keep_counts(&self) {
        let counts = std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        if counts.is_empty() {
            return;
        }
        let (store, key) = (Arc::clone(&self.tools.store), self.hold.lease.key.clone());
        self.tasks.spawn(async move {
            if let Err(error) = store.counted(&key, &counts).await {
                tracing::debug!(error = %chain(&error), "token counts were not kept");
            }
        });
    }

    pub(super) async fn close(&self, closing: &Closing) -> Result<(), Lost> {
        self.keep_counts();
        let store = &self.tools.store;
        insist!(self.hold, store.close(&self.hold.lease, closing.clone(), self.now()))?;
        fault_point!("close.stored");
        Ok(())
    }

    pub(super) async fn unless_silenced<T>(&self, work: impl Future<Output = T>) -> Result<T, Lost> {
        tokio::select! {
            done = work => Ok(done),
            () = self.hold.silenced.cancelled() => Err(Lost(self.hold.lease.turn)),
        }
    }

    pub(super) async fn pause(&self, wait: Duration) -> Result<(), Lost> {
        self.unless_silenced(self.tools.clock.sleep(wait)).await
    }

    /// Waits beside what is shown already: not past the end of the process, after which the turn's next owner waits.
    pub(super) async fn pause_unless_closing(&self, wait: Duration) -> Result<(), Lost> {
        tokio::select! {
            paused = self.pause(wait) => paused,
            () = self.closing.cancelled() => Err(Lost(self.hold.lease.turn)),
        }
    }

    pub(super) fn has_repeated(&self) -> bool {
        self.repeated.load(Relaxed)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.tools.clock.now()
    }
}

/// The reply of a turn, as long as it works, and why it ended when it did not.
#[derive(Default)]
struct Voice<'a> {
    reply: Option<Reply>,
    ended: Option<ReplyError>,
    thinking: Option<&'a Thinking>,
}

impl Voice<'_> {
    fn say(&mut self, text: &str) {
        if let Some(thinking) = self.thinking.take() {
            thinking.overtaken();
        }
        if let Some(reply) = &mut self.reply {
            reply.push(text);
        }
    }
    fn say_no_more(&self) {
        if let Some(reply) = &self.reply {
            reply.say_no_more();
        }
    }
    /// Ends when the reply cannot go on; never without one.
    async fn broke(&self) {
        match &self.reply {
            Some(reply) => reply.broken().await,
            None => std::future::pending().await,
        }
    }
    /// Asks a broken reply what broke it.
    async fn end(&mut self) -> Option<&ReplyError> {
        let mut reply = self.reply.take()?;
        self.ended = reply.finish(None).await.err();
        self.ended.as_ref()
    }
}

/// What a command closes with.
pub(crate) fn answered(text: String) -> Closing {
    Closing {
        outcome: Outcome::Answered,
        text,
        ending: Ending::Complete,
        note: None,
        model: None,
        usage: Usage::default(),
    }
}

/// A closing without words of the model.
pub(super) fn notice(outcome: Outcome, note: Option<String>) -> Closing {
    Closing { note, outcome, ..answered(String::new()) }
}
