//! How what a turn says comes into its thread, and what is done when it cannot.

use std::{sync::Arc, time::Duration};

use chathakase_session::{
    store::Closing,
    turn::{Part, PartState, Turn, TurnKind},
};
use chathakase_slack::reply::{Delivered, OwnPost, ReplyError, Target, with_note};

use super::{
    driver::Driver,
    journal::{Lost, TurnJournal, stored},
    recover, thinking,
};
use crate::texts;

/// The pause before a thread that an answer could not be brought to is looked at again.
const MEND_WAIT: Duration = Duration::from_secs(2);
/// How often a thread is looked at again when Slack refuses the answer for a reason that does not pass by itself.
const LOOKS_MAX: u32 = 5;

impl Driver<'_> {
    /// Brings what a dead owner had closed. Its posts are only changed, which takes no status line away: that is done
    /// before the turn counts as delivered, because after that nobody looks at it again.
    pub(super) async fn bring_again(
        &self,
        turn: &Turn,
        closing: &Closing,
        found: Vec<OwnPost>,
    ) -> Result<Vec<Part>, Lost> {
        let may_be_thinking = !found.is_empty();
        let parts = self.bring(turn, closing, found).await?;
        if may_be_thinking {
            thinking::take_away(&self.tools.api, &turn.key).await;
        }
        Ok(parts)
    }

    /// Shows `text` to the asker alone. A thread without replies shows no such message, so there it goes to the channel's foot.
    pub(super) async fn tell_asker(&self, turn: &Turn, text: &str) {
        let Some(asker) = &turn.asker else { return };
        let (replies, key) = (&self.tools.replies, &turn.key);
        let thread = (turn.last_ts != key.root).then_some(key.root);
        if let Err(error) = replies.whisper(&key.workspace, &key.channel, asker, thread, text).await {
            tracing::warn!(error = &error as &dyn std::error::Error, thread.key = %key, "a private answer could not be shown; it goes by direct message");
            self.tell_by_dm(turn, text).await;
        }
    }

    /// Makes the thread show a closed turn, starting from what is `found` there already.
    pub(super) async fn bring(&self, turn: &Turn, closing: &Closing, found: Vec<OwnPost>) -> Result<Vec<Part>, Lost> {
        let whole = with_note(&closing.text, closing.note.as_deref());
        let replies = &self.tools.replies;
        let shown = if found.is_empty() {
            replies.say(self.target(turn), self.journal(), &whole).await
        } else {
            replies.mend(self.target(turn), self.journal(), found, &whole).await
        };
        self.shown(turn, shown, &whole).await
    }

    /// Says what became of a delivery, and sees to the rest when it did not work out.
    pub(super) async fn shown(
        &self,
        turn: &Turn,
        mut shown: Result<Delivered, ReplyError>,
        whole: &str,
    ) -> Result<Vec<Part>, Lost> {
        let mut looks = 0;
        loop {
            let error = match shown {
                Ok(delivered) | Err(ReplyError::Stopped { shown: delivered }) => return Ok(parts(&delivered)),
                Err(error) => error,
            };
            if let ReplyError::CannotPost { code } = &error {
                tracing::warn!(error = &error as &dyn std::error::Error, thread.key = %turn.key, "Slack does not let us answer there");
                self.tell_by_dm(turn, &texts::cannot_post(turn.key.channel.as_str(), code)).await;
                return Ok(Vec::new());
            }
            if let ReplyError::Slack(cause) = &error
                && let Some(code) = cause.code().filter(|_| !cause.is_transient() && error.is_mendable())
                && looks == LOOKS_MAX
            {
                tracing::warn!(error = &error as &dyn std::error::Error, thread.key = %turn.key, "Slack refuses the answer for good");
                self.tell_by_dm(turn, &texts::cannot_post(turn.key.channel.as_str(), code)).await;
                return Ok(Vec::new());
            }
            looks += 1;
            if !error.is_mendable() {
                // The answer is stored. Whoever takes the turn over next brings it, when Slack lets us speak again.
                tracing::warn!(error = &error as &dyn std::error::Error, thread.key = %turn.key, "an answer waits to be brought");
                return Err(Lost(turn.id));
            }
            // Whether a post was made is not known: what stands in the thread decides.
            tracing::warn!(error = &error as &dyn std::error::Error, thread.key = %turn.key, "an answer may not be whole; looking at the thread");
            self.unless_silenced(self.tools.clock.sleep(MEND_WAIT)).await?;
            let found = recover::own_posts(self, turn, &[]).await?;
            shown = self.tools.replies.mend(self.target(turn), self.journal(), found, whole).await;
        }
    }

    async fn tell_by_dm(&self, turn: &Turn, text: &str) {
        let Some(asker) = &turn.asker else { return };
        match self.tools.api.conversations_open(asker).await {
            Ok(dm) => {
                if let Err(error) = self.tools.replies.tell(&turn.key.workspace, &dm, text).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, thread.key = %turn.key, "the author could not be told either");
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, thread.key = %turn.key, "the author could not be told either")
            }
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
        }
    }

    pub(super) fn journal(&self) -> Arc<TurnJournal> {
        Arc::new(TurnJournal { store: Arc::clone(&self.tools.store), hold: Arc::clone(&self.hold) })
    }
}

fn parts(delivered: &Delivered) -> Vec<Part> {
    let mode = stored(delivered.mode);
    delivered
        .parts
        .iter()
        .map(|p| Part { index: p.index, mode, state: PartState::Done, ts: Some(p.ts), hash: p.hash })
        .collect()
}
