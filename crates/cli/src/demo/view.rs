//! What happens in the small Slack, as lines of a terminal. Decides only, writes nothing.
//!
//! The cursor stands in one post at a time. Others that come or grow meanwhile wait until that one is whole.

mod lines;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};

use chathakase_session::{ChannelId, SlackTs, UserId};
use chathakase_sim::slack::{Happening, What};
use chathakase_slack::text;

use self::lines::{Lines, On, TEXT_AT};
use super::{ink::Ink, look::Look, threads::Threads};

/// The assistant's name in the small Slack.
pub(crate) const ASSISTANT: &str = "assistant";

/// Something to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stroke {
    /// At once.
    Quick(String),
    /// A word of somebody: on a terminal a short pause follows.
    Word(String),
}

/// What the terminal shows.
#[derive(Debug)]
pub(crate) struct View {
    lines: Lines,
    /// Posts that stand on the screen already: they were typed at the prompt.
    typed: Vec<PostId>,
    cast: Cast,
    threads: Threads,
    /// The post that the cursor stands in, or stood in last.
    writing: Option<(Post, Ink)>,
    waiting: VecDeque<Post>,
}

/// All who may be mentioned.
#[derive(Debug, Default)]
struct Cast(HashMap<UserId, String>);

impl text::Names for Cast {
    fn person(&self, id: &UserId) -> Option<String> {
        self.0.get(id).cloned()
    }
}

type PostId = (ChannelId, SlackTs);

#[derive(Debug)]
struct Post {
    id: PostId,
    thread: usize,
    who: String,
    text: String,
    streaming: bool,
    note: &'static str,
}

impl View {
    /// An empty one.
    pub(crate) fn new(look: Look) -> Self {
        Self {
            lines: Lines::new(look),
            typed: Vec::new(),
            cast: Cast::default(),
            threads: Threads::default(),
            writing: None,
            waiting: VecDeque::new(),
        }
    }

    /// This post stands there already, as it was typed.
    pub(crate) fn already_shown(&mut self, channel: &ChannelId, ts: SlackTs) {
        self.typed.push((channel.clone(), ts));
    }

    /// Who is meant by an id.
    pub(crate) fn introduce(&mut self, id: &UserId, name: &str) {
        self.cast.0.insert(id.clone(), name.to_owned());
    }

    /// The threads seen so far.
    pub(crate) fn threads(&self) -> &Threads {
        &self.threads
    }

    /// What a person wrote, without ids.
    pub(crate) fn readable(&self, text: &str) -> String {
        text::plain(text, &self.cast)
    }

    /// Whether the prompt stands there.
    pub(crate) fn is_prompting(&self) -> bool {
        self.lines.on == On::Prompt
    }

    /// Whether a post is growing under the cursor.
    pub(crate) fn is_writing(&self) -> bool {
        self.is_streaming()
    }

    /// Shows the prompt: who speaks where, and what was typed so far.
    pub(crate) fn prompt(&mut self, (who, place): &(String, String), typed: &str) -> Vec<Stroke> {
        self.leave();
        vec![Stroke::Quick(self.lines.prompt(who, place, typed))]
    }

    /// A line was ended; whether it stands there as it was typed. What is typed while an answer grows is not shown before its turn.
    pub(crate) fn entered(&mut self, typed: &str) -> (Vec<Stroke>, bool) {
        if !self.is_prompting() {
            return (Vec::new(), false);
        }
        self.lines.on = On::Nothing;
        (vec![Stroke::Quick("\n".to_owned())], self.lines.prompt_holds(typed))
    }

    /// Lines that nobody in Slack said.
    pub(crate) fn say(&mut self, text: &str) -> Vec<Stroke> {
        self.leave();
        vec![Stroke::Quick(self.lines.tell(text))]
    }

    /// What somebody says elsewhere, such as a message in a request.
    pub(crate) fn quote(&mut self, who: &str, text: &str) -> Vec<Stroke> {
        self.leave();
        let mut ink = Ink::new(Look { colour: false, ..self.lines.look }, TEXT_AT);
        let mut out = self.lines.quote(who);
        out.extend(ink.push(text));
        out.extend(ink.flush());
        out.push('\n');
        vec![Stroke::Quick(out)]
    }

    /// Shows what happened.
    pub(crate) fn show(&mut self, happening: &Happening) -> Vec<Stroke> {
        let thread = self.threads.number(happening);
        let id = (happening.channel.clone(), happening.ts);
        let ours = happening.who == ASSISTANT;
        let post = |text: &str, note| Post {
            id: id.clone(),
            thread,
            who: happening.who.clone(),
            text: if ours { text.to_owned() } else { self.readable(text) },
            streaming: false,
            note,
        };
        match &happening.what {
            What::Posted { .. } if self.typed.contains(&id) => {
                self.typed.retain(|typed| *typed != id);
                self.lines.here = Some(thread);
                Vec::new()
            }
            What::Posted { text, streaming } => self.comes(Post { streaming: *streaming, ..post(text, "") }),
            What::Grew(added) => self.grows(&id, added),
            What::Finished => self.finishes(&id),
            What::Changed(text) => self.changes(post(text, "(changed) ")),
            What::Deleted => self.comes(post("", "(deleted)")),
            What::Whispered { to, text } => self.comes(post(&format!("(only {to} sees this) {text}"), "")),
            What::Status(status) => self.status(thread, status.as_deref()),
        }
    }

    fn comes(&mut self, post: Post) -> Vec<Stroke> {
        if self.is_streaming() {
            self.waiting.push_back(post);
            return Vec::new();
        }
        self.begin(post)
    }

    fn begin(&mut self, post: Post) -> Vec<Stroke> {
        let place = self.threads.get(post.thread).map_or("", |thread| thread.place.as_str());
        let mut strokes = vec![Stroke::Quick(self.lines.begin(post.thread, place, &post.who))];
        let mut ink = Ink::new(self.lines.look, TEXT_AT);
        strokes.extend(words(ink.push(&format!("{}{}", post.note, post.text))));
        let (streaming, ours) = (post.streaming, post.who == ASSISTANT);
        self.writing = Some((post, ink));
        // One of the assistant's that is no stream may be made in steps, and go on where it ended.
        if !streaming {
            strokes.extend(self.whole(!ours));
        }
        strokes
    }

    fn grows(&mut self, id: &PostId, added: &str) -> Vec<Stroke> {
        if let Some((post, ink)) = self.writing.as_mut().filter(|(post, _)| post.id == *id) {
            post.text.push_str(added);
            let mut strokes = Vec::new();
            if matches!(self.lines.on, On::Status | On::Prompt) {
                strokes.push(Stroke::Quick(self.lines.fresh()));
            }
            strokes.extend(words(ink.push(added)));
            self.lines.on = On::Text;
            return strokes;
        }
        if let Some(post) = self.waiting.iter_mut().find(|post| post.id == *id) {
            post.text.push_str(added);
        }
        Vec::new()
    }

    fn finishes(&mut self, id: &PostId) -> Vec<Stroke> {
        if let Some(post) = self.waiting.iter_mut().find(|post| post.id == *id) {
            post.streaming = false;
        }
        let Some((post, _)) = self.writing.as_mut().filter(|(post, _)| post.id == *id) else { return Vec::new() };
        let was_streaming = std::mem::take(&mut post.streaming);
        let mut strokes = self.whole(was_streaming);
        while !self.is_streaming() {
            let Some(post) = self.waiting.pop_front() else { break };
            strokes.extend(self.begin(post));
        }
        strokes
    }

    /// A post has another text. Mostly it has only grown; a stream is whole then.
    fn changes(&mut self, changed: Post) -> Vec<Stroke> {
        if let Some(later) = self.waiting.iter_mut().find(|later| later.id == changed.id) {
            (later.text, later.streaming) = (changed.text, false);
            return Vec::new();
        }
        let Some((post, _)) = self.writing.as_mut().filter(|(post, _)| post.id == changed.id) else {
            return self.comes(changed);
        };
        let id = changed.id.clone();
        let mut strokes = match changed.text.strip_prefix(post.text.as_str()).map(str::to_owned) {
            Some(added) => self.grows(&id, &added),
            None => self.begin(changed),
        };
        strokes.extend(self.finishes(&id));
        strokes
    }

    fn status(&mut self, thread: usize, status: Option<&str>) -> Vec<Stroke> {
        let Some(status) = status.filter(|_| self.lines.look.live && !self.is_streaming()) else {
            let gone = if self.lines.on == On::Status { self.lines.fresh() } else { String::new() };
            return vec![Stroke::Quick(gone)];
        };
        self.leave();
        let place = self.threads.get(thread).map_or("", |thread| thread.place.as_str());
        let out = self.lines.begin(thread, place, ASSISTANT) + &self.lines.look.paint("2;3", status);
        self.lines.on = On::Status;
        vec![Stroke::Quick(out)]
    }

    fn is_streaming(&self) -> bool {
        self.writing.as_ref().is_some_and(|(post, _)| post.streaming)
    }

    /// Writes what is left of the post under the cursor; ends its line, so that a log line does not stick to it.
    fn whole(&mut self, ends_line: bool) -> Vec<Stroke> {
        let Some((_, ink)) = &mut self.writing else { return Vec::new() };
        let mut strokes = words(ink.flush());
        let mut end = ink.reset().to_owned();
        if ends_line {
            end.push('\n');
            ink.interrupted();
            self.lines.on = On::Nothing;
        }
        strokes.push(Stroke::Quick(end));
        strokes
    }

    /// The cursor leaves the post it stands in. One that still grows goes on below.
    fn leave(&mut self) {
        match &mut self.writing {
            Some((post, ink)) if post.streaming => ink.interrupted(),
            writing => *writing = None,
        }
    }
}

fn words(words: impl IntoIterator<Item = String>) -> Vec<Stroke> {
    words.into_iter().map(Stroke::Word).collect()
}
