//! Where a post comes from: through which installation we see it, and whether others than our own are there.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chathakase_session::{ChannelId, WorkspaceId, chain};
use chathakase_slack::{
    api::{Api, ApiError},
    payload::Post,
};

use crate::{route::Identity, settings::Access};

/// Where a delivery comes from, or what was read back.
pub(crate) struct Here {
    /// The installation that we see it through.
    pub(crate) workspace: WorkspaceId,
    /// Who we are there.
    pub(crate) me: Identity,
    /// Whether the channel is shared with another company; `None` where Slack did not say.
    shared: Option<bool>,
    /// The channels of which it was asked, and what Slack said.
    asked: Mutex<HashMap<ChannelId, bool>>,
}

impl Here {
    /// What Slack delivers says whether its channel is `shared`; what is read back does not.
    pub(crate) fn new(me: Identity, workspace: WorkspaceId, shared: Option<bool>) -> Self {
        Self { workspace, me, shared, asked: Mutex::default() }
    }

    /// Whether a post's channel is shared with another company, as far as that matters for it: people of several workspaces meet
    /// also within one enterprise. Asked of Slack where it is not known, once for each channel; where Slack will never say it, all
    /// from elsewhere are taken for strangers.
    pub(crate) async fn is_shared(&self, api: &Api, post: &Post, access: &Access) -> Result<bool, ApiError> {
        let elsewhere = post.author.team.as_ref().is_some_and(|team| *team != self.workspace);
        match self.shared {
            Some(shared) => return Ok(shared),
            None if !elsewhere || access.strangers => return Ok(false),
            None => {}
        }
        if let Some(known) = self.asked().get(&post.channel) {
            return Ok(*known);
        }
        let shared = match api.conversations_info(&post.channel).await {
            Ok(channel) => channel.is_ext_shared.unwrap_or(true),
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => {
                tracing::warn!(error = %chain(&error), channel = %post.channel, "Slack does not say whether a channel is shared; people of other workspaces are taken for strangers there");
                true
            }
        };
        self.asked().insert(post.channel.clone(), shared);
        Ok(shared)
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<ChannelId, bool>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
