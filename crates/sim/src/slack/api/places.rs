//! Which channel, message or thread a call means, and whether the caller may.

use chathakase_session::{ChannelId, SlackTs, UserId};

use super::{Ctx, Refusal, missing_scope};
use crate::slack::world::{Channel, ChannelKind, Message};

impl Ctx<'_> {
    pub(super) fn is_real(&self) -> bool {
        self.shared.options.is_real()
    }

    pub(super) fn bot(&self) -> &UserId {
        self.world.bot_user(self.caller.home)
    }

    /// The channel that the caller can see. The first workspace's token acts in all, as an organisation's does.
    pub(super) fn visible(&self, argument: &str) -> Result<ChannelId, Refusal> {
        let name = self.args.needed(argument)?;
        let id = self.world.channel_named(self.caller.home, &name);
        let place = id.as_ref().and_then(|id| self.world.channels.get(id));
        match place {
            Some(place) if self.sees(place) => Ok(place.id.clone()),
            _ => Err(Refusal::code("channel_not_found")),
        }
    }

    fn sees(&self, place: &Channel) -> bool {
        let mine = self.caller.home == 0 || place.home == self.caller.home;
        mine && (place.kind == ChannelKind::Public || place.members.contains(self.world.bot_user(place.home)))
    }

    /// The channel to write to: the caller must be in it, and it must be in use.
    pub(super) fn writable(&self, argument: &str) -> Result<ChannelId, Refusal> {
        let id = self.visible(argument)?;
        let place = self.place(&id);
        if place.archived {
            return Err(Refusal::code("is_archived"));
        }
        if !place.members.contains(self.world.bot_user(place.home)) {
            return Err(Refusal::code("not_in_channel"));
        }
        Ok(id)
    }

    /// The channel whose messages the caller may read.
    pub(super) fn readable(&self, argument: &str) -> Result<ChannelId, Refusal> {
        let id = self.visible(argument)?;
        let place = self.place(&id);
        let needed = format!("{}:history", place.kind.scope_word());
        if !self.world.workspaces[self.caller.home].scopes.contains(&needed) {
            return Err(missing_scope(self.world, self.caller.home, &needed));
        }
        if !place.members.contains(self.world.bot_user(place.home)) {
            return Err(Refusal::code("not_in_channel"));
        }
        Ok(id)
    }

    /// A channel that was found before, in this same call.
    pub(super) fn place(&self, id: &ChannelId) -> &Channel {
        &self.world.channels[id]
    }

    /// Who the app is in the workspace of this channel.
    pub(super) fn bot_in(&self, id: &ChannelId) -> UserId {
        self.world.bot_user(self.place(id).home).clone()
    }

    /// The thread to answer in: it must exist, and its timestamp must be a root's.
    pub(super) fn thread(&self, id: &ChannelId, missing: &'static str) -> Result<Option<SlackTs>, Refusal> {
        let Some(root) = self.args.ts("thread_ts", "invalid_thread_ts")? else { return Ok(None) };
        let place = self.place(id);
        match place.messages.get(&root) {
            Some(message) if message.thread.is_none() => Ok(Some(root)),
            Some(_) => Err(Refusal::code("cannot_reply_to_message")),
            None if place.threads.get(&root).is_some_and(|thread| !thread.replies.is_empty()) => Ok(Some(root)),
            None => Err(Refusal::code(missing)),
        }
    }

    pub(super) fn message(&self, id: &ChannelId, argument: &str) -> Result<&Message, Refusal> {
        let not_found = "message_not_found";
        self.args.needed(argument)?;
        let ts = self.args.ts(argument, not_found)?.ok_or_else(|| Refusal::code(not_found))?;
        self.place(id).messages.get(&ts).ok_or_else(|| Refusal::code(not_found))
    }
}
