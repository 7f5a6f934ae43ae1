//! Posts, and what is known of them from Slack, on their way into a store.

use crate::{Kind, Role, SlackTs, ThreadKey, Timestamp, UserId, WorkspaceId};

/// A post on its way into a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPost {
    /// The thread it belongs to.
    pub key: ThreadKey,
    /// Its own timestamp; with workspace and channel it names the post, and the same name is stored once.
    pub ts: SlackTs,
    /// Whose words. `Assistant` only for posts of ours that are read back from Slack.
    pub role: Role,
    /// What it is to us.
    pub kind: Kind,
    /// Who wrote it.
    pub author: Option<UserId>,
    /// The author's own workspace.
    pub author_team: Option<WorkspaceId>,
    /// The author's name, as the model is to be told it.
    pub name: Option<String>,
    /// Whether a bot wrote it.
    pub by_bot: bool,
    /// What was said, as the model is to read it.
    pub text: String,
    /// Slack's mark of its last edit.
    pub edited_ts: Option<SlackTs>,
    /// The edit that made it ask us; `None` when it did from the beginning.
    pub asked_by_edit: Option<SlackTs>,
    /// Take it in only if we take part in its thread, and did when it was written; else answer
    /// [`Receipt::NotJoined`](super::Receipt::NotJoined). Asked and done in one step, so that posts of one thread keep the order in
    /// which they arrived.
    pub joined_only: bool,
}

impl NewPost {
    /// What a person wrote whose name is not known, as it came.
    pub fn from_user(author: UserId, key: &ThreadKey, ts: SlackTs, kind: Kind, text: &str) -> Self {
        Self {
            key: key.clone(),
            ts,
            role: Role::User,
            kind,
            author: Some(author),
            author_team: None,
            name: None,
            by_bot: false,
            text: text.to_owned(),
            edited_ts: None,
            asked_by_edit: None,
            joined_only: false,
        }
    }
}

/// An edit of a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The post as it is now, and as the context that a reading of its thread would make of it.
    pub post: NewPost,
    /// Slack's mark of the edit.
    pub edited_ts: SlackTs,
    /// Whether a mark is left of it when no such post is known, without its text: the post may still arrive as it was before.
    /// While its thread is being read one is always left.
    pub leaves_mark: bool,
    /// Whether the post comes in as context when it is in no session and its thread is being read at this moment: who reads
    /// may have seen it as it was before.
    pub enters: bool,
}

/// What Slack showed of a thread when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBack {
    /// The posts that are worth knowing, with the texts they have now. `Accepted` are those that would be questions if they came now.
    pub posts: Vec<NewPost>,
    /// Every post that stood there, worth knowing or not.
    pub stood: Vec<SlackTs>,
    /// From this post on the thread was read to its end; `None` when some of it was not shown. Only a whole reading proves
    /// that a post is gone.
    pub whole_from: Option<SlackTs>,
    /// When reading began, by the store's clock ([`time`](super::SessionStore::time)): what was stored since may be newer than what was seen.
    pub began: Timestamp,
    /// The same moment by Slack's clock: a post that was a minute old then, and is not shown, was deleted.
    pub began_by_slack: Timestamp,
    /// How many posts of the thread were not read, at least.
    pub left_out: u64,
    /// Most questions of the turn that reads, those it has already among them: as many as its window has room for. What asks beyond
    /// that is context, and is asked when it comes.
    pub questions_max: usize,
}

/// What a reading of a thread changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Posts that were not known.
    pub new: usize,
    /// Those of them that ask us, and are asked by the turn that had the thread read.
    pub questions: usize,
    /// Messages that were edited since.
    pub amended: usize,
    /// Messages, and answers of ours, that were deleted since.
    pub erased: usize,
}
