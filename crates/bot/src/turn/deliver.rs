//! How what a turn says comes into its thread, and what is done when it cannot.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use chathakase_session::{
    chain, fault_point,
    message::Ending,
    store::Closing,
    turn::{Part, PartState, Turn, TurnKind},
};
use chathakase_slack::reply::{Delivered, Journal, Mode, ReplyError, Target, with_note};

use super::{
    driver::Driver,
    journal::{Lost, TurnJournal, insist, stored},
    recover::{self, Pauses, Standing},
};
use crate::texts;

/// How often a thread is looked at again when Slack refuses the answer for a reason that does not pass by itself.
const LOOKS_MAX: u32 = 2;

impl Driver<'_> {
    /// Shows `text` to the asker alone; fails where that may work later. A thread without replies shows no such message, so there it goes to the channel's foot.
    pub(super) async fn tell_asker(&self, turn: &Turn, text: &str) -> Result<(), Lost> {
        let Some(asker) = &turn.asker else { return Ok(()) };
        let (replies, key) = (&self.tools.replies, &turn.key);
        let thread = (turn.last_ts != key.root).then_some(key.root);
        let may_speak = &|| self.hold.may_speak();
        let whispering = replies.whisper(may_speak, &key.workspace, &key.channel, asker, thread, text);
        // Heard out also when the process ends meanwhile: nobody looks whether it is there.
        match whispering.await {
            Ok(()) => Ok(()),
            Err(ReplyError::Silenced) => Err(Lost(turn.id)),
            Err(error) => {
                tracing::warn!(error = %chain(&error), thread.key = %key, "a private answer could not be shown; it goes by direct message");
                self.tell_by_dm(turn, text).await
            }
        }
    }

    /// Makes the thread show a closed turn, starting from what stands there already.
    pub(super) async fn bring(&self, turn: &Turn, closing: &Closing, standing: Standing) -> Result<Vec<Part>, Lost> {
        if standing.unsure && self.has_repeated() {
            return self.leave_unsure(turn).await;
        }
        let shown = self.mend(turn, standing, closing).await;
        self.shown(turn, shown, closing).await
    }

    /// Brings the thread from what stands there to what `closing` says. Where that is not known, says that it may be there twice.
    async fn mend(&self, turn: &Turn, standing: Standing, closing: &Closing) -> Result<Delivered, ReplyError> {
        if self.is_stopped(closing) {
            return Err(ReplyError::Silenced);
        }
        let Standing { posts, unsure, said } = standing;
        let whole = &with_note(&closing.text, closing.note.as_deref());
        let mut target = Target { notes: closing.note.iter().cloned().collect(), ..self.target(turn) };
        // What was posted with the note keeps it until Slack shows what stands there.
        let repeats = !whole.is_empty() && (unsure || (said.is_none() && self.has_repeated()));
        if repeats && !self.has_repeated() {
            // Before it is posted: who takes over after a death cannot tell whether it was.
            let marked = insist!(self.hold, self.tools.store.repeats(&self.hold.lease));
            marked.map_err(|_| ReplyError::Silenced)?;
            fault_point!("repeat.stored");
            self.repeated.store(true, Relaxed);
            chathakase_metrics::PERHAPS_DOUBLED.count([]);
            tracing::error!(turn.id = %turn.id, thread.key = %turn.key, "an answer is posted although it may stand in its thread already: Slack does not show the thread");
        }
        if repeats {
            target.notes.push(texts::PERHAPS_AGAIN.to_owned());
        }
        let whole = if repeats { &texts::perhaps_again(whole) } else { whole };
        let journal = Arc::new(self.journal_of(!closing.text.is_empty()));
        self.tools.replies.mend(target, journal, posts, whole).await
    }

    /// The answer came no further after it was closed: what the thread shows of it is what is remembered.
    pub(super) async fn cut_short(&self, said: &str, ending: Ending) -> Result<(), Lost> {
        if said.is_empty() {
            return Ok(());
        }
        let store = &self.tools.store;
        insist!(self.hold, store.cut_short(&self.hold.lease, said, ending, self.now()))?;
        fault_point!("cut.stored");
        Ok(())
    }

    /// Says what became of a delivery, and sees to the rest when it did not work out.
    pub(super) async fn shown(
        &self,
        turn: &Turn,
        mut shown: Result<Delivered, ReplyError>,
        closing: &Closing,
    ) -> Result<Vec<Part>, Lost> {
        let (mut looks, mut pauses) = (0, Pauses::default());
        loop {
            let error = match shown {
                Ok(delivered) => return Ok(parts(&delivered)),
                Err(ReplyError::Stopped { shown, said: Some(said) }) => {
                    // The model had said it all before, and the person saw only some of it.
                    self.cut_short(&said, Ending::Stopped).await?;
                    return Ok(parts(&shown));
                }
                Err(error) => error,
            };
            if self.is_stopped(closing) || matches!(error, ReplyError::Stopped { .. }) {
                return self.stopped_over(turn, &error).await;
            }
            if let ReplyError::CannotPost { code } = &error {
                tracing::warn!(error = %chain(&error), thread.key = %turn.key, "Slack does not let us answer there");
                return self.refused(turn, code).await;
            }
            let cause = error.cause();
            if let Some(cause) = cause
                && let Some(code) = cause.code().filter(|_| !cause.is_transient() && error.is_mendable())
                && looks == LOOKS_MAX
            {
                tracing::warn!(error = %chain(&error), thread.key = %turn.key, "Slack refuses the answer for good");
                self.tell_refused(turn, code).await?;
                return Ok(self.known.parts());
            }
            looks += 1;
            if !error.is_mendable() {
                // The answer is stored. Whoever takes the turn over next brings it, when Slack lets us speak again.
                tracing::warn!(error = %chain(&error), thread.key = %turn.key, "an answer waits to be brought");
                return Err(Lost(turn.id));
            }
            self.note_broken(&error).await?;
            // Whether a post was made is not known: what stands in the thread decides.
            tracing::warn!(error = %chain(&error), thread.key = %turn.key, "an answer may not be whole; looking at the thread");
            self.pause(pauses.after(cause)).await?;
            let standing = recover::standing(self, turn).await?;
            // What surely was not posted again is.
            let is_unknown = matches!(error, ReplyError::Unknown { .. } | ReplyError::Broken);
            if standing.unsure && self.has_repeated() && is_unknown {
                return self.leave_unsure(turn).await;
            }
            shown = self.mend(turn, standing, closing).await;
        }
    }

    /// Whether a person wants no more of it. What has no words of the model, such as a notice, is brought all the same.
    fn is_stopped(&self, closing: &Closing) -> bool {
        self.hold.stopped.is_cancelled() && !closing.text.is_empty()
    }

    /// Of a reply that broke down, nobody was told of the fate of its last call.
    pub(super) async fn note_broken(&self, error: &ReplyError) -> Result<(), Lost> {
        if matches!(error, ReplyError::Broken) {
            self.journal().part_unknown(0, Mode::SinglePost).await.map_err(|_| Lost(self.hold.lease.turn))?;
        }
        Ok(())
    }

    /// Slack takes no more of the answer: the author is told, and what stands of it is left there and remembered.
    async fn refused(&self, turn: &Turn, code: &str) -> Result<Vec<Part>, Lost> {
        let is_begun = !self.known.posts().is_empty();
        let standing = if is_begun { recover::standing(self, turn).await? } else { Standing::default() };
        let told = if standing.posts.is_empty() { texts::cannot_post } else { texts::cannot_go_on };
        // Left in order first: when the process ends over the telling, Slack is not asked for anything after it.
        let left = self.leave(turn, standing.clone()).await?;
        self.tell_by_dm(turn, &told(turn.key.channel.as_str(), code)).await?;
        self.cut_short(standing.text(), Ending::Cut).await?;
        Ok(left)
    }

    /// It was said once more already, by this process or one that died, and again nobody can tell whether it is there. Whoever asked
    /// can: they are told to look.
    async fn leave_unsure(&self, turn: &Turn) -> Result<Vec<Part>, Lost> {
        tracing::error!(turn.id = %turn.id, thread.key = %turn.key, "an answer may stand in its thread or not: Slack shows neither its posts nor what became of the last one");
        self.tell_by_dm(turn, &texts::perhaps_missing(turn.key.channel.as_str())).await?;
        Ok(self.known.parts())
    }

    /// Says in the thread that Slack does not take the answer; where it does not take that either, by direct message.
    async fn tell_refused(&self, turn: &Turn, code: &str) -> Result<(), Lost> {
        let (replies, key, id) = (&self.tools.replies, &turn.key, turn.id.to_string());
        let text = texts::answer_refused(code);
        let may_speak = &|| self.hold.may_speak();
        let telling = replies.tell(may_speak, &key.workspace, &key.channel, Some(key.root), &id, &text);
        match telling.await {
            // Not said twice, should it be there.
            Ok(_) | Err(ReplyError::Unknown { .. }) => Ok(()),
            Err(ReplyError::Silenced) => Err(Lost(turn.id)),
            Err(ReplyError::Slack(cause)) if cause.is_token_fatal() || cause.is_transient() => Err(Lost(turn.id)),
            Err(error) => {
                tracing::warn!(error = %chain(&error), thread.key = %key, "nor the sentence that says so");
                self.tell_by_dm(turn, &texts::cannot_post(key.channel.as_str(), code)).await
            }
        }
    }

    /// Sends `text` to the asker by direct message; fails where that may work later.
    async fn tell_by_dm(&self, turn: &Turn, text: &str) -> Result<(), Lost> {
        let Some(asker) = &turn.asker else { return Ok(()) };
        let (workspace, id, may_speak) = (&turn.key.workspace, turn.id.to_string(), &|| self.hold.may_speak());
        if !may_speak() {
            return Err(Lost(turn.id));
        }
        let telling = async {
            match self.tools.api.conversations_open(asker).await {
                Ok(dm) => self.tools.replies.tell(may_speak, workspace, &dm, None, &id, text).await,
                Err(error) => Err(ReplyError::Slack(error)),
            }
        };
        let told = telling.await;
        fault_point!("asker.told");
        let Err(error) = told else { return Ok(()) };
        tracing::warn!(error = %chain(&error), thread.key = %turn.key, "the author could not be told either");
        match error {
            ReplyError::Silenced => Err(Lost(turn.id)),
            ReplyError::Slack(cause) if cause.is_token_fatal() || cause.is_transient() => Err(Lost(turn.id)),
            _ => Ok(()),
        }
    }

    pub(super) fn target(&self, turn: &Turn) -> Target {
        Target {
            workspace: turn.key.workspace.clone(),
            channel: turn.key.channel.clone(),
            thread_ts: turn.key.root,
            recipient_user: turn.asker.clone(),
            recipient_team: Some(turn.asker_team.clone().unwrap_or_else(|| turn.key.workspace.clone())),
            turn: turn.id.to_string(),
            kind: match turn.kind {
                TurnKind::Answer => "answer",
                TurnKind::Command => "command",
            },
            notes: Vec::new(),
        }
    }

    pub(super) fn journal(&self) -> Arc<TurnJournal> {
        Arc::new(self.journal_of(false))
    }

    fn journal_of(&self, until_stopped: bool) -> TurnJournal {
        let (store, hold, known) = (&self.tools.store, &self.hold, &self.known);
        TurnJournal { store: Arc::clone(store), hold: Arc::clone(hold), known: Arc::clone(known), until_stopped }
    }
}

/// A delivery's parts as the store keeps them.
pub(super) fn parts(delivered: &Delivered) -> Vec<Part> {
    let mode = stored(delivered.mode);
    delivered
        .parts
        .iter()
        .map(|p| Part { index: p.index, mode, state: PartState::Done, ts: Some(p.ts), hash: p.hash })
        .collect()
}
