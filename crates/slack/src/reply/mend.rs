//! What is said without streaming: single answers, and bringing posts that are there already to what they should be.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use chathakase_metrics::PACING_WAIT;
use chathakase_session::{ChannelId, SlackTs, UserId, WorkspaceId};

use futures_util::{TryFutureExt, future::BoxFuture};

use super::{
    Delivered, Journal, MaySpeak, Mode, OwnPost, PartShown, Replies, ReplyError, Target, part_hash,
    speaker::{Call, Speaker},
    trouble::{Failure, Trouble, try_pause},
};
use crate::{
    api::{ApiError, Metadata, Method, NOTICE, Post},
    pacing::{Lane, Pacing},
    render::{PartLimits, render},
};

impl Replies {
    /// Brings the posts of a turn that were found in the thread to what `text` renders to: streams are stopped, every post is
    /// written anew, missing ones are posted, surplus ones deleted. Where none was found it is said at once, whole: so notices and
    /// the answers of commands are. `text` is the answer as [`super::with_note`] gives it. What Slack calls too long is cut into
    /// smaller parts. May be called again after any failure.
    pub async fn mend(
        &self,
        target: Target,
        journal: Arc<dyn Journal>,
        mut found: Vec<OwnPost>,
        text: &str,
    ) -> Result<Delivered, ReplyError> {
        let speaker = self.speaker(target, journal);
        found.sort_by_key(|post| post.ts);
        let mode = if found.is_empty() { Mode::SinglePost } else { Mode::PostAndUpdate };
        let (mut found, mut next) = (VecDeque::from(found), VecDeque::from(rendered(text, &self.limits.part)));
        let (mut index, mut parts) = (0_u32, Vec::new());
        while let Some(text) = next.pop_front() {
            let post = found.pop_front();
            let shown = match post {
                Some(post) => speaker.rewrite(post, index, text.clone()).await,
                None => speaker.open(index, text.clone()).await.map(Some),
            };
            if let Err(ReplyError::Slack(cause)) = &shown
                && Trouble::of(cause, None) == Trouble::TooLong
                && let Some(smaller) = smaller(&text)
            {
                // One that could not be changed at all is gone by now.
                let stands = post.filter(|_| cause.method == Method::CHAT_UPDATE.name);
                stands.into_iter().for_each(|OwnPost { ts, .. }| found.push_front(OwnPost { ts, streaming: false }));
                smaller.into_iter().rev().for_each(|part| next.push_front(part));
                continue;
            }
            let hash = part_hash(&text);
            parts.extend(shown?.map(|ts| PartShown { index, ts, hash }));
            if !next.is_empty() {
                speaker.journal.part_done(index, hash).await.map_err(|_| ReplyError::Silenced)?;
            }
            index += 1;
        }
        for post in found {
            speaker.remove(post).await?;
        }
        Ok(Delivered { parts, mode })
    }

    /// Takes away posts of a turn that stand beside its answer, and ends the streams among them.
    pub async fn remove(
        &self,
        target: Target,
        journal: Arc<dyn Journal>,
        surplus: Vec<OwnPost>,
    ) -> Result<(), ReplyError> {
        let speaker = self.speaker(target, journal);
        for post in surplus {
            speaker.remove(post).await?;
        }
        Ok(())
    }

    /// Leaves the posts of a turn that were found in the thread as they are, and ends the streams among them: for an answer
    /// that a person stopped. Fails only with [`ReplyError::Silenced`], or when Slack does not take our token. The hashes are 0:
    /// what the posts say is not known.
    pub async fn leave(
        &self,
        target: Target,
        journal: Arc<dyn Journal>,
        mut found: Vec<OwnPost>,
    ) -> Result<Delivered, ReplyError> {
        let speaker = self.speaker(target, journal);
        found.sort_by_key(|post| post.ts);
        let mut parts = Vec::new();
        for (index, OwnPost { ts, .. }) in (0_u32..).zip(found) {
            speaker.journal.part_open(index, Mode::PostAndUpdate, ts).await.map_err(|_| ReplyError::Silenced)?;
            speaker.stop(index, ts).await?;
            parts.push(PartShown { index, ts, hash: 0 });
        }
        Ok(Delivered { parts, mode: Mode::PostAndUpdate })
    }

    /// Posts `text` beside the answers: in a thread whose answer Slack does not take, or as a direct message to one who cannot be
    /// answered where they asked. `turn` is the one that it is about. Gives the timestamp of its last part. No call is made once
    /// `may_speak` says no: [`ReplyError::Silenced`].
    pub async fn tell(
        &self,
        may_speak: MaySpeak<'_>,
        workspace: &WorkspaceId,
        channel: &ChannelId,
        thread_ts: Option<SlackTs>,
        turn: &str,
        text: &str,
    ) -> Result<Option<SlackTs>, ReplyError> {
        let mut last = None;
        for (part, text) in (0..).zip(render(text, &self.limits.part).parts) {
            let metadata = Some(Metadata { turn, kind: NOTICE, part, notes: &[] });
            let post = Post { channel, thread_ts, markdown_text: &text, metadata };
            let posting = || -> BoxFuture<'_, _> {
                Box::pin(self.api.post_message(post).map_err(|error| Failure::of(error, Some(Lane::Post))))
            };
            let patient = self.patient(may_speak, workspace, channel);
            let posted = patient.until_taken(Some(Lane::Post), false, &posting).await;
            last = Some(posted.map_err(|failure| failure.end(0))?.ts);
        }
        Ok(last)
    }

    /// Shows `text` to one person only, in a thread or a channel. Slack does not promise that it arrives. No call is made once
    /// `may_speak` says no: [`ReplyError::Silenced`].
    pub async fn whisper(
        &self,
        may_speak: MaySpeak<'_>,
        workspace: &WorkspaceId,
        channel: &ChannelId,
        user: &UserId,
        thread_ts: Option<SlackTs>,
        text: &str,
    ) -> Result<(), ReplyError> {
        for text in render(text, &self.limits.part).parts {
            let posting = || -> BoxFuture<'_, _> {
                Box::pin(
                    self.api.post_ephemeral(channel, user, thread_ts, &text).map_err(|error| Failure::of(error, None)),
                )
            };
            let shown = self.patient(may_speak, workspace, channel).until_taken(None, false, &posting).await;
            shown.map_err(|failure| failure.end(0))?;
        }
        Ok(())
    }

    fn patient<'a>(
        &'a self,
        may_speak: MaySpeak<'a>,
        workspace: &'a WorkspaceId,
        channel: &'a ChannelId,
    ) -> Patient<'a> {
        let patience = self.limits.rate_limit_patience;
        Patient { pacing: &self.pacing, clock: &*self.clock, may_speak, workspace, channel, patience }
    }
}

/// The parts that say something.
fn rendered(text: &str, limits: &PartLimits) -> Vec<String> {
    render(text, limits).parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

/// A part in parts of half its size; `None` when it is as short as a part can be.
fn smaller(part: &str) -> Option<Vec<String>> {
    let limits = PartLimits { chars_max: part.chars().count() / 2, bytes_max: part.len() / 2 };
    Some(rendered(part, &limits)).filter(|parts| parts.len() > 1)
}

impl Speaker {
    /// Posts a part, whole.
    async fn open(&self, part: u32, text: String) -> Result<SlackTs, ReplyError> {
        let call = Call::Open { part, mode: Mode::SinglePost, text };
        match self.insist(&call).await {
            Ok(Some(ts)) => Ok(ts),
            Ok(None) => Err(ReplyError::Broken),
            Err(failure) => Err(failure.end(part)),
        }
    }

    /// Makes a post that is there say `text`. `None` when a person deleted it: then it stays deleted.
    async fn rewrite(&self, post: OwnPost, part: u32, text: String) -> Result<Option<SlackTs>, ReplyError> {
        let OwnPost { ts, streaming } = post;
        self.journal.part_open(part, Mode::PostAndUpdate, ts).await.map_err(|_| ReplyError::Silenced)?;
        if streaming {
            self.stop(part, ts).await?;
        }
        let update = Call::Update { part, ts, text };
        let mut updated = self.insist(&update).await;
        if matches!(&updated, Err(failure) if failure.trouble == Trouble::StillStreaming) {
            self.stop(part, ts).await?;
            updated = self.insist(&update).await;
        }
        match updated {
            Ok(_) => Ok(Some(ts)),
            Err(failure) if failure.trouble == Trouble::Deleted => Ok(None),
            Err(failure) if failure.trouble == Trouble::Frozen => {
                let Call::Update { text, .. } = update else { return Err(failure.end(part)) };
                self.remove(OwnPost { ts, streaming: false }).await?;
                self.open(part, text).await.map(Some)
            }
            Err(failure) => Err(failure.end(part)),
        }
    }

    async fn remove(&self, post: OwnPost) -> Result<(), ReplyError> {
        if post.streaming {
            self.stop(0, post.ts).await?;
        }
        let Err(failure) = self.insist(&Call::Delete { ts: post.ts }).await else { return Ok(()) };
        match failure.trouble {
            Trouble::Deleted | Trouble::Frozen => Ok(()),
            // What Slack lets nobody delete stays: that says nothing against the answer beside it.
            Trouble::Refused | Trouble::CannotPost if !failure.is_token_fatal() => {
                tracing::warn!(ts = %post.ts, "a post beside an answer cannot be deleted, and stays");
                Ok(())
            }
            _ => Err(failure.end(0)),
        }
    }

    /// Ends a stream, whatever state it is in: what Slack says against it, the next call will say better.
    async fn stop(&self, part: u32, ts: SlackTs) -> Result<(), ReplyError> {
        match self.insist(&Call::Stop { part, ts, text: None }).await {
            Err(failure) if failure.trouble == Trouble::Silenced => Err(ReplyError::Silenced),
            Err(failure) if failure.is_token_fatal() => Err(failure.end(part)),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn insist(&self, call: &Call) -> Result<Option<SlackTs>, Failure> {
        let Target { workspace, channel, .. } = &self.target;
        let patience = self.patience;
        let may_speak = &|| self.journal.may_speak();
        let patient = Patient { pacing: &self.pacing, clock: &*self.clock, may_speak, workspace, channel, patience };
        let repeatable = !matches!(call, Call::Open { .. } | Call::Append { .. });
        patient
            .until_taken(call.lane(), repeatable, &|| Box::pin(self.intend(call).and_then(|()| self.say(call))))
            .await
    }
}

/// Waits for the budgets and for Slack's troubles to pass.
struct Patient<'a> {
    pacing: &'a Pacing,
    clock: &'a dyn chathakase_session::time::Clock,
    may_speak: MaySpeak<'a>,
    workspace: &'a WorkspaceId,
    channel: &'a ChannelId,
    patience: Duration,
}

impl Patient<'_> {
    /// Makes the call as often as it takes, each time only while we may speak, `repeatable` ones also after an unknown fate; gives
    /// the failure that no patience helps.
    async fn until_taken<'c, T>(
        &self,
        lane: Option<Lane>,
        repeatable: bool,
        // Boxed: with an async closure this future could not be spawned.
        call: &(dyn Fn() -> BoxFuture<'c, Result<T, Failure>> + Sync),
    ) -> Result<T, Failure> {
        let (mut tries, mut limited) = (0, Duration::ZERO);
        loop {
            self.granted(lane).await;
            if !(self.may_speak)() {
                return Err(Failure { trouble: Trouble::Silenced, error: None });
            }
            let failure = match call().await {
                Ok(taken) => return Ok(taken),
                Err(failure) => failure,
            };
            let pause = match failure.trouble {
                Trouble::Limited(wait) if limited + wait <= self.patience => {
                    limited += wait;
                    if let Some(lane) = lane {
                        self.pacing.limited(self.workspace, self.channel, lane, wait);
                    }
                    wait
                }
                Trouble::Unknown if !repeatable => return Err(failure),
                Trouble::Transient | Trouble::Unknown => {
                    let Some(pause) = try_pause(tries) else { return Err(failure) };
                    tries += 1;
                    pause
                }
                _ => return Err(failure),
            };
            self.clock.sleep(pause).await;
        }
    }

    async fn granted(&self, lane: Option<Lane>) {
        let asked_at = self.clock.monotonic();
        let mut waited = false;
        loop {
            let granted = match lane {
                Some(Lane::Post) => self.pacing.post(self.workspace, self.channel),
                Some(lane) => self.pacing.closing(self.workspace, lane),
                None => Ok(()),
            };
            let Err(wait) = granted else { break };
            waited = true;
            self.clock.sleep(wait).await;
        }
        if let Some(lane) = lane.filter(|_| waited) {
            PACING_WAIT.took(self.clock.monotonic().saturating_sub(asked_at), [lane.does()]);
        }
    }
}

impl Failure {
    fn is_token_fatal(&self) -> bool {
        self.error.as_ref().is_some_and(ApiError::is_token_fatal)
    }

    fn of(error: ApiError, lane: Option<Lane>) -> Self {
        Self { trouble: Trouble::of(&error, lane), error: Some(error) }
    }

    /// What it means for the caller, when nothing helped.
    fn end(self, part: u32) -> ReplyError {
        match (self.trouble, self.error) {
            (_, None) | (Trouble::Silenced, _) => ReplyError::Silenced,
            (Trouble::Unknown, Some(cause)) => ReplyError::Unknown { part, cause },
            (Trouble::CannotPost, Some(error)) => {
                ReplyError::CannotPost { code: error.code().unwrap_or_default().to_owned() }
            }
            (_, Some(error)) => ReplyError::Slack(error),
        }
    }
}
