//! Reading a thread from Slack: page by page within limits, and what that proves.

use chathakase_session::{
    Kind, Role, SlackTs, ThreadKey, Timestamp, WorkspaceId, chain,
    store::{NewPost, ReadBack, ThreadMark},
};
use chathakase_slack::{
    api::{Api, ApiError, Mark, PageRequest},
    payload::{Post, Subtype},
    reply::without_notes,
    text,
};

use crate::{
    route::{Arrival, Identity, Route, route},
    settings::Access,
    texts,
};

/// Posts asked for in one call: the most that Slack gives. Apps under its special limit get 15.
pub(crate) const PAGE: u32 = 999;

/// What Slack showed of a thread.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The posts that stood there, oldest first; the thread's first one always stands in front.
    pub(crate) posts: Vec<Post>,
    /// Whether it was read to its end.
    pub(crate) whole: bool,
    /// When reading began, by the store's clock.
    began: Timestamp,
    began_by_slack: Timestamp,
    from: SlackTs,
    /// Why it was not read further.
    pub(crate) failed: Option<ApiError>,
}

/// Reads a thread from `from` on, with up to `calls_max` calls. How long a rate limit is waited out is the client's to know.
pub(crate) async fn read(
    api: &Api,
    key: &ThreadKey,
    from: Option<SlackTs>,
    calls_max: usize,
    began: Timestamp,
) -> Reading {
    let began_by_slack = api.slack_now();
    let from_there = from.unwrap_or(key.root);
    let mut reading =
        Reading { posts: Vec::new(), whole: false, began, began_by_slack, from: from_there, failed: None };
    let mut pages = Pages::of(api, key, from, PAGE);
    for _ in 0..calls_max {
        match pages.next().await {
            Ok(posts) => reading.posts.extend(posts),
            // Nothing of the thread is left.
            Err(error) if error.code() == Some("thread_not_found") && reading.posts.is_empty() => pages.are_over = true,
            Err(error) => {
                tracing::warn!(error = %chain(&error), thread.key = %key, "a thread could not be read to its end");
                reading.failed = Some(error);
                return reading;
            }
        }
        if pages.are_over {
            reading.whole = true;
            return reading;
        }
    }
    reading
}

/// The pages of a thread, from a post on or from its first. Posts come with their metadata.
pub(crate) struct Pages<'a> {
    api: &'a Api,
    key: &'a ThreadKey,
    from: Option<SlackTs>,
    posts_a_page: u32,
    cursor: Option<String>,
    /// Whether the last one was given.
    pub(crate) are_over: bool,
}

impl<'a> Pages<'a> {
    pub(crate) fn of(api: &'a Api, key: &'a ThreadKey, from: Option<SlackTs>, posts_a_page: u32) -> Self {
        Self { api, key, from, posts_a_page, cursor: None, are_over: false }
    }

    /// One more page.
    pub(crate) async fn next(&mut self) -> Result<Vec<Post>, ApiError> {
        let page = PageRequest {
            oldest: self.from,
            inclusive: self.from.map(|_| true),
            limit: Some(self.posts_a_page),
            cursor: self.cursor.as_deref(),
            include_all_metadata: Some(true),
            ..PageRequest::default()
        };
        let page = self.api.conversations_replies(&self.key.channel, self.key.root, page).await?;
        self.are_over = page.next_cursor.is_none();
        self.cursor = page.next_cursor;
        Ok(page.posts)
    }
}

impl Reading {
    /// How many of the thread's posts are in none of the pages, at least.
    fn unread(&self) -> u64 {
        if self.whole {
            return 0;
        }
        let replies = self.posts.iter().find_map(|post| post.reply_count).unwrap_or_default();
        replies.saturating_sub(self.posts.len().saturating_sub(1) as u64).max(1)
    }

    /// What the store is to learn of it for a turn that begins with `question`: of the other posts written until `until` the
    /// first and the newest, `posts_max` in all. `of` says what a post is; `None` when it is no part of the conversation.
    pub(crate) fn until(
        self,
        until: SlackTs,
        question: SlackTs,
        posts_max: usize,
        of: impl Fn(Post) -> Option<NewPost>,
    ) -> ReadBack {
        let shows_question = usize::from(self.posts.iter().any(|post| post.ts == question));
        let mut left_out = self.unread();
        if shows_question == 0 && left_out > 1 {
            left_out -= 1;
        }
        let posts_max = posts_max.saturating_add(shows_question);
        let standing = self.posts.into_iter().filter(|post| !post.is_tombstone());
        let (stood, posts): (Vec<SlackTs>, Vec<Post>) = standing.map(|post| (post.ts, post)).unzip();
        let known = posts.into_iter().filter(|post| post.ts <= until && is_words(post)).filter_map(of);
        let mut posts: Vec<NewPost> = known.filter(|post| !post.text.is_empty()).collect();
        // Slack gives the oldest first. The thread's first post says what it is about; of the others the newest count.
        let surplus = posts.len().saturating_sub(posts_max);
        posts.drain(1.min(posts.len())..(1 + surplus).min(posts.len()));
        left_out += surplus as u64;
        let whole_from = self.whole.then_some(self.from);
        ReadBack {
            posts,
            stood,
            whole_from,
            began: self.began,
            began_by_slack: self.began_by_slack,
            left_out,
            questions_max: 0,
        }
    }
}

/// A post as context: who said what, in words that a model can read.
pub(crate) fn as_context(
    key: &ThreadKey,
    post: Post,
    me: &Identity,
    name: Option<String>,
    chars_max: usize,
) -> NewPost {
    let ours = me.wrote(&post.author);
    let said = if ours { our_words(&post) } else { text::without_mention(&post.text, &me.user) };
    NewPost {
        key: key.clone(),
        ts: post.ts,
        role: if ours { Role::Assistant } else { Role::User },
        kind: Kind::Context,
        text: words(&post, &said, chars_max),
        name: name.or(post.author.name),
        author: post.author.user.filter(|_| !ours),
        author_team: post.author.team,
        by_bot: post.author.is_bot,
        edited_ts: post.edited_ts,
        asked_by_edit: None,
        joined_only: false,
    }
}

/// What a post of ours said as a part of the conversation. Answers of commands, notices and notes are none, and marked. Where
/// there is no mark, nobody of us ended the stream, or another program posted in our name: people read that as our words.
pub(crate) fn our_words(post: &Post) -> String {
    match Mark::of(post.metadata.as_ref()) {
        Some(mark) if mark.kind == "answer" => without_notes(&post.text, mark.notes()).to_owned(),
        Some(_) => String::new(),
        None => post.text.clone(),
    }
}

/// What a post that was read would be if it came now. Before we took part in the thread, and without our name, the same words were
/// said to others. Whether its author is a stranger is not asked.
pub(crate) fn route_of(
    post: &Post,
    workspace: &WorkspaceId,
    me: &Identity,
    mark: &ThreadMark,
    access: &Access,
) -> Route {
    let mark = ThreadMark { joined: mark.listens_at(post.ts), ..ThreadMark::default() };
    route(Arrival { post, mention_event: false, workspace, shared: false }, me, &mark, access)
}

/// Whether a post is something that somebody said.
pub(crate) fn is_words(post: &Post) -> bool {
    let words = [Subtype::FileShare, Subtype::ThreadBroadcast, Subtype::Me, Subtype::BotMessage];
    post.subtype.as_ref().is_none_or(|subtype| words.contains(subtype))
}

/// What the model is to read of a post whose words, without a mention of us, are `said`: as plain text, no longer than
/// `chars_max`, with its files named. Mentions of people keep their ids; names are put in when a request is made.
pub(crate) fn words(post: &Post, said: &str, chars_max: usize) -> String {
    let mut words = text::plain(said, &text::NoNames);
    if let Some((cut, _)) = words.char_indices().nth(chars_max) {
        words.truncate(cut);
        words += "\n";
        words += &texts::message_too_long(chars_max);
    }
    for file in &post.files {
        if !words.is_empty() {
            words += "\n";
        }
        words += &texts::file_not_read(&text::one_line_name(&file.name));
    }
    words
}
