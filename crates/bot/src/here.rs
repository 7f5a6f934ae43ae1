//! Where a post comes from: through which installation we see it, and whether others than our own are there.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chathakase_session::{ChannelId, WorkspaceId, chain};
use chathakase_slack::{
    api::{Api, ApiError},
    payload::{Place, Post},
};

use crate::{route::Identity, settings::Access};

/// Where a delivery comes from, or what was read back.
pub(crate) struct Here {
    /// The installation that we see it through.
    pub(crate) workspace: WorkspaceId,
    /// Who we are there.
    pub(crate) me: Identity,
    /// What Slack is asked with: as patient as whoever waits for it.
    pub(crate) api: Api,
    /// Whether the channel is shared with another company; `None` where Slack did not say.
    shared: Option<bool>,
    /// The channels of which it was asked, and what Slack said.
    asked: Mutex<HashMap<ChannelId, bool>>,
}

impl Here {
    /// What Slack delivers says whether its channel is `shared`; what is read back does not.
    pub(crate) fn new(me: Identity, api: Api, workspace: WorkspaceId, shared: Option<bool>) -> Self {
        Self { workspace, me, api, shared, asked: Mutex::default() }
    }

    /// Whether a post's channel is shared with another company, as far as that matters for it: people of several workspaces meet
    /// also within one enterprise. Asked of Slack where it is not known, once for each channel; where Slack will never say it, all
    /// from elsewhere are taken for strangers.
    pub(crate) async fn is_shared(&self, post: &Post, access: &Access) -> Result<bool, ApiError> {
        if let Some(known) = self.known(post, access) {
            return Ok(known);
        }
        let shared = match self.ask(post).await {
            Ok(shared) => shared,
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => {
                tracing::warn!(error = %chain(&error), channel = %post.channel, "Slack does not say whether a channel is shared; people of other workspaces are taken for strangers there");
                true
            }
        };
        self.asked().insert(post.channel.clone(), shared);
        Ok(shared)
    }

    /// The same, where it need not be asked.
    pub(crate) fn known(&self, post: &Post, access: &Access) -> Option<bool> {
        let elsewhere = post.author.team.as_ref().is_some_and(|team| *team != self.workspace);
        match self.shared {
            Some(shared) => Some(shared),
            None if !elsewhere || access.strangers => Some(false),
            None => self.asked().get(&post.channel).copied(),
        }
    }

    /// Of direct messages Slack does not say whether they are shared, but who writes to us there. A colleague is of our enterprise:
    /// that somebody is no stranger, Slack says of everybody who is in a channel with us.
    async fn ask(&self, post: &Post) -> Result<bool, ApiError> {
        match &post.author.user {
            Some(author) if post.place == Place::Direct => {
                let person = self.api.users_info(author).await?;
                let is_colleague = person.enterprise.is_some() && person.enterprise == self.me.enterprise;
                Ok(person.is_stranger || !is_colleague)
            }
            _ => Ok(self.api.conversations_info(&post.channel).await?.is_ext_shared.unwrap_or(true)),
        }
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<ChannelId, bool>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
