//! What one person sees: channels, posts and threads as a chat program shows them to them and to nobody else.

use std::collections::{HashMap, HashSet};

use chathakase_session::{ChannelId, SlackTs, UserId};
use serde_json::Value;

use crate::slack::{
    SmallSlack,
    world::{Channel, ChannelKind, Ephemeral, Message, Rank, StreamState, World},
};

/// The eyes of one person. They see public channels, what they are a member of, and what is only for them.
#[derive(Clone, Debug)]
pub struct Eyes {
    slack: SmallSlack,
    user: UserId,
}

/// Somebody who can be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Face {
    /// Their id.
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// Whether they administer the workspace.
    pub is_admin: bool,
    /// Whether it is an app, such as the assistant.
    pub is_app: bool,
}

/// A channel in a person's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The channel's id.
    pub id: ChannelId,
    /// Its name without `#`; for direct messages with the app its name.
    pub name: String,
    /// Direct messages with the app.
    pub is_direct: bool,
    /// The posts of others here, in order: what may be unread.
    pub others: Vec<SlackTs>,
}

/// A post as it is seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    /// Its timestamp.
    pub ts: SlackTs,
    /// The author's name.
    pub who: String,
    /// The app wrote it.
    pub ours: bool,
    /// As the author wrote it: mrkdwn with Slack's escapes, or Markdown.
    pub text: String,
    /// The text is standard Markdown.
    pub markdown: bool,
    /// Somebody changed it.
    pub edited: bool,
    /// Words still come.
    pub streaming: bool,
    /// It was cut off: its stream lived too long, or was ended by Slack.
    pub broken: bool,
    /// What is left of a deleted first post.
    pub deleted: bool,
    /// Nobody else sees it.
    pub only_here: bool,
    /// Block Kit's blocks, if the app sent any.
    pub blocks: Option<Value>,
    /// The names of its files.
    pub files: Vec<String>,
    /// What is below it, if it is the first of a thread.
    pub replies: Replies,
}

/// A thread in one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replies {
    /// How many.
    pub count: usize,
    /// Who wrote them, in order of appearance.
    pub who: Vec<String>,
    /// The newest one.
    pub last: Option<SlackTs>,
    /// What the assistant is doing in the thread.
    pub status: Option<String>,
    /// An answer is growing in it.
    pub streaming: bool,
}

/// Where a question stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stood {
    /// The channel.
    pub channel: ChannelId,
    /// The first post of the thread.
    pub root: SlackTs,
    /// The question.
    pub question: SlackTs,
    /// How many messages there are in the thread up to the question. The posts of one answer are one.
    pub messages: usize,
}

impl SmallSlack {
    /// The eyes of the person of this name; none if there is nobody.
    pub fn eyes(&self, who: &str) -> Option<Eyes> {
        let user = self.shared.look(|world| world.named(0, who).cloned())?;
        Some(Eyes { slack: self.clone(), user })
    }

    /// Everybody in the first workspace, in the order in which they came.
    pub fn faces(&self) -> Vec<Face> {
        let face = |person: &crate::slack::world::Person| Face {
            user: person.id.clone(),
            name: person.name.clone(),
            is_admin: person.rank != Rank::Member,
            is_app: person.bot.is_some(),
        };
        let mut faces: Vec<Face> = self.shared.look(|world| world.people.values().map(face).collect());
        faces.sort_by(|a, b| a.user.as_str().cmp(b.user.as_str()));
        faces
    }

    /// The threads that a model may be asked about which is told all this: people said it there, the last of it as a question that
    /// still waits for an answer; where none waits, the thread of the newest one alone. A message is known with and without its
    /// author's name before it, and without the app's mention.
    pub fn threads_of(&self, said: &[&str]) -> Vec<Stood> {
        let Some(question) = said.last() else { return Vec::new() };
        self.shared.look(|world| {
            let posts =
                world.channels.values().flat_map(|place| place.messages.values().map(move |post| (place, post)));
            let mut questions: Vec<_> = posts.filter(|(place, post)| says(world, place, post, question)).collect();
            questions.sort_by_key(|(_, post)| std::cmp::Reverse(post.ts));
            questions.retain(|(place, asked)| {
                said.iter().all(|said| place.thread_messages(asked.root()).any(|post| says(world, place, post, said)))
            });
            let mut seen = HashSet::new();
            questions.retain(|(place, asked)| seen.insert((&place.id, asked.root())));
            if questions.iter().any(|(place, asked)| waits(world, place, asked)) {
                questions.retain(|(place, asked)| waits(world, place, asked));
            } else {
                questions.truncate(1);
            }
            questions.into_iter().map(|(place, question)| stood(world, place, question)).collect()
        })
    }
}

fn is_ours(world: &World, place: &Channel, post: &Message) -> bool {
    post.user == *world.bot_user(place.home)
}

/// Whether nothing of the app stands below this yet.
fn waits(world: &World, place: &Channel, asked: &Message) -> bool {
    !place.thread_messages(asked.root()).any(|post| post.ts > asked.ts && is_ours(world, place, post))
}

fn stood(world: &World, place: &Channel, question: &Message) -> Stood {
    let mut last_was_ours = false;
    let before = place.thread_messages(question.root()).filter(|post| post.ts <= question.ts);
    let counted = before.filter(|post| {
        let ours = is_ours(world, place, post);
        !(std::mem::replace(&mut last_was_ours, ours) && ours)
    });
    Stood { channel: place.id.clone(), root: question.root(), question: question.ts, messages: counted.count() }
}

/// Whether a person's post says this, as a model would be told it.
fn says(world: &World, place: &Channel, post: &Message, said: &str) -> bool {
    let bot = world.bot_user(place.home);
    if post.user == *bot {
        return false;
    }
    let mut text = post.text.replace(&format!("<@{bot}>"), "");
    for person in world.people.values().filter(|person| post.text.contains(person.id.as_str())) {
        text = text.replace(&format!("<@{}>", person.id), &format!("@{}", person.name));
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let text = text.trim();
    let unnamed = said.strip_prefix(world.name_of(&post.user)).and_then(|rest| rest.strip_prefix(": "));
    said == text || unnamed == Some(text)
}

impl Eyes {
    /// The channels in the person's list: public ones and those they are in, then direct messages.
    pub fn places(&self) -> Vec<Place> {
        let mut places: Vec<Place> = self.slack.shared.look(|world| {
            let visible = world.channels.values().filter(|channel| self.may_see(channel));
            visible.map(|channel| self.place(world, channel)).collect()
        });
        places.sort_by(|a, b| (a.is_direct, a.id.as_str()).cmp(&(b.is_direct, b.id.as_str())));
        places
    }

    /// The posts at the top of a channel, in order; none if the person may not see it.
    pub fn channel(&self, channel: &ChannelId) -> Option<Vec<Sight>> {
        self.look(channel, |world, place| {
            let top =
                |message: &&Message| message.thread.is_none() || message.subtype.as_deref() == Some("thread_broadcast");
            let mut sights: Vec<Sight> =
                place.messages.values().filter(top).map(|message| self.sight(world, place, message)).collect();
            self.whispers(world, place, None, &mut sights);
            sights
        })
    }

    /// The posts of a thread, the first one first; none if the person may not see it or it is not there.
    pub fn thread(&self, channel: &ChannelId, root: SlackTs) -> Option<Vec<Sight>> {
        self.look(channel, |world, place| {
            let messages = place.thread_messages(root);
            let mut sights: Vec<Sight> = messages.map(|message| self.sight(world, place, message)).collect();
            self.whispers(world, place, Some(root), &mut sights);
            sights
        })
        .filter(|sights| !sights.is_empty())
    }

    /// What the assistant is doing in a thread, and whether an answer grows there.
    pub fn activity(&self, channel: &ChannelId, root: SlackTs) -> Replies {
        self.look(channel, |world, place| self.replies(world, place, root)).unwrap_or_default()
    }

    /// Ids and names of everybody, for mentions.
    pub fn names(&self) -> HashMap<String, String> {
        self.slack.shared.look(|world| {
            world.people.values().map(|person| (person.id.as_str().to_owned(), person.name.clone())).collect()
        })
    }

    fn look<R>(&self, channel: &ChannelId, look: impl FnOnce(&World, &Channel) -> R) -> Option<R> {
        self.slack.shared.look(|world| {
            let place = world.channels.get(channel).filter(|place| self.may_see(place))?;
            Some(look(world, place))
        })
    }

    fn may_see(&self, channel: &Channel) -> bool {
        channel.home == 0 && (channel.kind == ChannelKind::Public || channel.members.contains(&self.user))
    }

    fn place(&self, world: &World, channel: &Channel) -> Place {
        let is_direct = matches!(channel.kind, ChannelKind::Im { .. });
        let name =
            if is_direct { world.name_of(world.bot_user(channel.home)).to_owned() } else { channel.name.clone() };
        let others = channel.messages.values().filter(|message| message.user != self.user && !message.is_tombstone());
        Place { id: channel.id.clone(), name, is_direct, others: others.map(|message| message.ts).collect() }
    }

    fn sight(&self, world: &World, place: &Channel, message: &Message) -> Sight {
        let bot = world.bot_user(place.home);
        let names = message.files.iter().filter_map(|file| file["name"].as_str());
        Sight {
            ts: message.ts,
            who: world.name_of(&message.user).to_owned(),
            ours: message.user == *bot,
            text: message.text.clone(),
            markdown: message.markdown,
            edited: message.edited.is_some() && message.user != *bot,
            streaming: message.is_streaming(),
            broken: message.stream.as_ref().is_some_and(|stream| stream.state == StreamState::Errored),
            deleted: message.is_tombstone(),
            only_here: false,
            blocks: message.blocks.clone(),
            files: names.map(str::to_owned).collect(),
            replies: if message.thread.is_none() { self.replies(world, place, message.ts) } else { Replies::default() },
        }
    }

    fn replies(&self, world: &World, place: &Channel, root: SlackTs) -> Replies {
        let Some(thread) = place.threads.get(&root) else { return Replies::default() };
        let now = self.slack.shared.options.clock.monotonic();
        let mut replies = Replies {
            count: thread.replies.len(),
            last: thread.replies.last().copied(),
            status: thread.status.as_ref().filter(|status| status.until > now).map(|status| status.text.clone()),
            ..Replies::default()
        };
        for message in thread.replies.iter().filter_map(|ts| place.messages.get(ts)) {
            let who = world.name_of(&message.user);
            replies.streaming |= message.is_streaming();
            if !replies.who.iter().any(|known| known == who) {
                replies.who.push(who.to_owned());
            }
        }
        replies
    }

    /// Puts what only this person sees where it belongs.
    fn whispers(&self, world: &World, place: &Channel, root: Option<SlackTs>, sights: &mut Vec<Sight>) {
        let mine = |seen: &&Ephemeral| seen.to == self.user && seen.thread == root;
        sights.extend(place.ephemerals.iter().filter(mine).map(|seen| Sight {
            ts: seen.ts,
            who: world.name_of(world.bot_user(place.home)).to_owned(),
            ours: true,
            text: seen.text.clone(),
            markdown: seen.markdown,
            edited: false,
            streaming: false,
            broken: false,
            deleted: false,
            only_here: true,
            blocks: None,
            files: Vec::new(),
            replies: Replies::default(),
        }));
        sights.sort_by_key(|sight| sight.ts);
    }
}
