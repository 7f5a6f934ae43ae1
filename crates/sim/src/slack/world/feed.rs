//! What happens, told as it happens, for whoever shows it (the demo's terminal).

use chathakase_session::{ChannelId, SlackTs, UserId};

use super::{ChannelKind, World};

/// Something that people in a channel could see happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// The channel's id.
    pub channel: ChannelId,
    /// How people call the place: `#general`, `direct messages with ana`.
    pub place: String,
    /// The root of the thread that it happened in.
    pub thread: SlackTs,
    /// The post that it happened to; the root's for a status.
    pub ts: SlackTs,
    /// The author's name; the app is `assistant`.
    pub who: String,
    /// What happened.
    pub what: What,
}

/// What happened to a post, or beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It was posted; a stream begins with its first words.
    Posted {
        /// The text so far.
        text: String,
        /// More words will come.
        streaming: bool,
    },
    /// These words were added.
    Grew(String),
    /// The stream ended; the text is whole.
    Finished,
    /// This is the text now.
    Changed(String),
    /// It was taken away.
    Deleted,
    /// The line that tells what the assistant is doing; none when it ended.
    Status(Option<String>),
    /// A message that only this person sees.
    Whispered {
        /// Who sees it.
        to: String,
        /// What it says.
        text: String,
    },
}

impl World {
    /// Notes what happened, if anybody listens.
    pub(crate) fn happened(&mut self, channel: &ChannelId, thread: SlackTs, ts: SlackTs, who: &UserId, what: What) {
        if !self.listened_to {
            return;
        }
        let Some(place) = self.channels.get(channel) else { return };
        let name = match &place.kind {
            ChannelKind::Im { with } => format!("direct messages with {}", self.name_of(with)),
            _ => format!("#{}", place.name),
        };
        let who = self.name_of(who).to_owned();
        self.happenings.push(Happening { channel: channel.clone(), place: name, thread, ts, who, what });
    }

    /// Sets or ends the line that tells what the assistant is doing.
    pub(crate) fn set_status(&mut self, channel: &ChannelId, root: SlackTs, status: Option<super::Status>) {
        let Some(place) = self.channels.get_mut(channel) else { return };
        let home = place.home;
        let thread = place.threads.entry(root).or_default();
        if thread.status.is_none() && status.is_none() {
            return;
        }
        let text = status.as_ref().map(|status| status.text.clone());
        thread.status = status;
        let bot = self.bot_user(home).clone();
        self.happened(channel, root, root, &bot, What::Status(text));
    }
}
