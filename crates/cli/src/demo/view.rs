//! What happens in the small Slack, as lines of a terminal. Decides only, writes nothing.
//!
//! The cursor stands in one post at a time. Others that come or grow meanwhile wait until that one is whole.

use std::collections::VecDeque;

use chathakase_session::{ChannelId, SlackTs};
use chathakase_sim::slack::{Happening, What};

use super::{ink::Ink, look::Look, slack_text, threads::Threads};

/// The assistant's name in the small Slack.
pub(crate) const ASSISTANT: &str = "assistant";
/// Columns before the text of a post: an edge, the name, a gap.
const EDGE: usize = 2;
const NAME: usize = 9;
const GAP: usize = 2;
const TEXT_AT: usize = EDGE + NAME + GAP;
/// Colours of people, in the order in which they first speak: cyan is for code, magenta for the assistant.
const COLOURS: &[&str] = &["33", "32", "34", "31"];
/// Takes back what stands on the cursor's line.
const ERASE: &str = "\r\x1b[2K";

/// Something to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stroke {
    /// At once.
    Quick(String),
    /// A word of somebody: on a terminal a short pause follows.
    Word(String),
}

/// What stands on the cursor's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Empty,
    Text,
    /// A status, which may be taken back.
    Status,
    /// The prompt, which may be taken back.
    Prompt,
}

/// What the terminal shows.
#[derive(Debug)]
pub(crate) struct View {
    look: Look,
    /// Whether people's posts are shown; not where they were typed into this very terminal.
    echo: bool,
    /// Ids and names of all who may be mentioned.
    cast: Vec<(String, String)>,
    threads: Threads,
    /// Who spoke, in the order of their colours.
    speakers: Vec<String>,
    /// The thread that the last lines belong to.
    here: Option<usize>,
    /// Nothing stands between here and what the demo itself said last.
    told: bool,
    line: Line,
    writing: Option<Writing>,
    waiting: VecDeque<Post>,
}

/// The post that the cursor stands in.
#[derive(Debug)]
struct Writing {
    post: Post,
    ink: Ink,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Post {
    channel: ChannelId,
    ts: SlackTs,
    thread: usize,
    who: String,
    text: String,
    streaming: bool,
    note: &'static str,
}

impl View {
    /// An empty one.
    pub(crate) fn new(look: Look, echo: bool) -> Self {
        Self {
            look,
            echo,
            cast: Vec::new(),
            threads: Threads::default(),
            speakers: Vec::new(),
            here: None,
            told: false,
            line: Line::Empty,
            writing: None,
            waiting: VecDeque::new(),
        }
    }

    /// Who is meant by an id.
    pub(crate) fn introduce(&mut self, id: &str, name: &str) {
        if !self.cast.iter().any(|(known, _)| known == id) {
            self.cast.push((id.to_owned(), name.to_owned()));
        }
    }

    /// The threads seen so far.
    pub(crate) fn threads(&self) -> &Threads {
        &self.threads
    }

    /// What a person wrote, without ids.
    pub(crate) fn readable(&self, text: &str) -> String {
        slack_text::read(text, &self.cast)
    }

    /// Whether the prompt stands there.
    pub(crate) fn is_prompting(&self) -> bool {
        self.line == Line::Prompt
    }

    /// Shows the prompt: `label` says who speaks where.
    pub(crate) fn prompt(&mut self, (who, place): &(String, String)) -> Vec<Stroke> {
        let mut out = self.new_line();
        let who = self.name(who);
        out += &format!("{who} {} ", self.look.paint("2", &format!("in {place} ›")));
        self.line = Line::Prompt;
        vec![Stroke::Quick(out)]
    }

    /// A line was typed and ended: the cursor stands at the beginning of the next.
    pub(crate) fn entered(&mut self) {
        self.line = Line::Empty;
        if let Some(writing) = &mut self.writing {
            writing.ink.interrupted();
        }
    }

    /// Lines that nobody in Slack said.
    pub(crate) fn say(&mut self, text: &str) -> Vec<Stroke> {
        let mut out = self.new_line();
        out += text;
        out.push('\n');
        (self.writing, self.here, self.told) = (None, None, true);
        vec![Stroke::Quick(out)]
    }

    /// A line of somebody that is not in Slack, such as a message in a request.
    pub(crate) fn quote(&mut self, who: &str, text: &str) -> Vec<Stroke> {
        let mut ink = Ink::new(Look { colour: false, ..self.look }, TEXT_AT);
        let mut out = self.new_line();
        out += &format!("{:EDGE$}{who:<NAME$}{:GAP$}", "", "");
        out.extend(ink.push(text));
        out.extend(ink.flush());
        out.push('\n');
        self.writing = None;
        vec![Stroke::Quick(out)]
    }

    /// Shows what happened.
    pub(crate) fn show(&mut self, happening: &Happening) -> Vec<Stroke> {
        let thread = self.threads.number(happening);
        let post = |text: &str, streaming, note| Post {
            channel: happening.channel.clone(),
            ts: happening.ts,
            thread,
            who: happening.who.clone(),
            text: text.to_owned(),
            streaming,
            note,
        };
        match &happening.what {
            What::Posted { text, streaming } => {
                if happening.who == ASSISTANT {
                    self.comes(post(text, *streaming, ""))
                } else if self.echo {
                    self.comes(post(&self.readable(text), *streaming, ""))
                } else {
                    self.here = Some(thread);
                    Vec::new()
                }
            }
            What::Grew(added) => self.grows(happening, added),
            What::Finished => self.finishes(happening),
            What::Changed(text) => self.changes(post(text, false, " (changed)")),
            What::Deleted => self.comes(post("", false, " (deleted)")),
            What::Whispered { to, text } => self.comes(post(&format!("(only {to} sees this) {text}"), false, "")),
            What::Status(status) => self.status(thread, status.as_deref()),
        }
    }

    fn comes(&mut self, post: Post) -> Vec<Stroke> {
        if self.writing.as_ref().is_some_and(|writing| writing.post.streaming) {
            self.waiting.push_back(post);
            return Vec::new();
        }
        self.begin(post)
    }

    fn begin(&mut self, post: Post) -> Vec<Stroke> {
        let mut out = self.new_line();
        out += &self.heading(post.thread);
        out += &self.gutter(&post.who);
        out += post.note.trim_start();
        let mut strokes = vec![Stroke::Quick(out)];
        let mut ink = Ink::new(self.look, TEXT_AT);
        strokes.extend(words(&mut ink, &post.text, !post.streaming));
        self.line = Line::Text;
        self.writing = Some(Writing { post, ink });
        strokes
    }

    fn grows(&mut self, happening: &Happening, added: &str) -> Vec<Stroke> {
        if let Some(writing) = self.writing.as_mut().filter(|writing| writing.post.is(happening)) {
            writing.post.text.push_str(added);
            let mut strokes = Vec::new();
            if matches!(self.line, Line::Status | Line::Prompt) {
                writing.ink.interrupted();
                strokes.push(Stroke::Quick(ERASE.to_owned()));
            }
            strokes.extend(words(&mut writing.ink, added, false));
            self.line = Line::Text;
            return strokes;
        }
        if let Some(post) = self.waiting.iter_mut().find(|post| post.is(happening)) {
            post.text.push_str(added);
        }
        Vec::new()
    }

    fn finishes(&mut self, happening: &Happening) -> Vec<Stroke> {
        if let Some(post) = self.waiting.iter_mut().find(|post| post.is(happening)) {
            post.streaming = false;
        }
        let Some(writing) = self.writing.as_mut().filter(|writing| writing.post.is(happening)) else {
            return Vec::new();
        };
        writing.post.streaming = false;
        let mut strokes: Vec<Stroke> = writing.ink.flush().map(Stroke::Word).into_iter().collect();
        strokes.push(Stroke::Quick(writing.ink.reset().to_owned()));
        while self.writing.as_ref().is_none_or(|writing| !writing.post.streaming) {
            let Some(post) = self.waiting.pop_front() else { break };
            strokes.extend(self.begin(post));
        }
        strokes
    }

    /// A post has another text, which is whole. Mostly it has only grown.
    fn changes(&mut self, post: Post) -> Vec<Stroke> {
        if let Some(later) = self.waiting.iter_mut().find(|later| later.ts == post.ts && later.channel == post.channel)
        {
            (later.text, later.streaming) = (post.text, false);
            return Vec::new();
        }
        let same = |writing: &&mut Writing| writing.post.ts == post.ts && writing.post.channel == post.channel;
        if let Some(writing) = self.writing.as_mut().filter(same) {
            let added = post.text.strip_prefix(writing.post.text.as_str()).map(str::to_owned);
            let happening = post.as_happening();
            let mut strokes = match added {
                Some(added) => self.grows(&happening, &added),
                None => {
                    writing.post.streaming = false;
                    self.begin(post)
                }
            };
            strokes.extend(self.finishes(&happening));
            return strokes;
        }
        self.comes(post)
    }

    fn status(&mut self, thread: usize, status: Option<&str>) -> Vec<Stroke> {
        let busy = self.writing.as_ref().is_some_and(|writing| writing.post.streaming);
        let Some(status) = status.filter(|_| self.look.live && !busy) else {
            if self.line != Line::Status {
                return Vec::new();
            }
            self.line = Line::Empty;
            return vec![Stroke::Quick(ERASE.to_owned())];
        };
        let mut out = self.new_line();
        out += &self.heading(thread);
        out += &self.gutter(ASSISTANT);
        out += &self.look.paint("2;3", status);
        self.line = Line::Status;
        self.writing = None;
        vec![Stroke::Quick(out)]
    }

    /// To the beginning of a line of one's own.
    fn new_line(&mut self) -> String {
        match std::mem::replace(&mut self.line, Line::Empty) {
            Line::Empty => String::new(),
            Line::Text => "\n".to_owned(),
            Line::Status | Line::Prompt => ERASE.to_owned(),
        }
    }

    /// The line above posts of another thread than those before them.
    fn heading(&mut self, thread: usize) -> String {
        if self.here.replace(thread) == Some(thread) {
            return String::new();
        }
        let gap = if std::mem::take(&mut self.told) { "" } else { "\n" };
        let place = self.threads.get(thread).map_or("", |thread| thread.place.as_str());
        format!("{gap}{:EDGE$}{}\n", "", self.look.paint("4", &format!("{place} · thread {thread}")))
    }

    fn gutter(&mut self, who: &str) -> String {
        let pad = NAME.saturating_sub(who.chars().count()) + GAP;
        format!("{:EDGE$}{}{:pad$}", "", self.name(who), "")
    }

    fn name(&mut self, who: &str) -> String {
        if who == ASSISTANT {
            return self.look.paint("1;35", who);
        }
        let known = self.speakers.iter().position(|speaker| speaker == who);
        let at = known.unwrap_or_else(|| {
            self.speakers.push(who.to_owned());
            self.speakers.len() - 1
        });
        self.look.paint(&format!("1;{}", COLOURS[at % COLOURS.len()]), who)
    }
}

impl Post {
    fn is(&self, happening: &Happening) -> bool {
        self.ts == happening.ts && self.channel == happening.channel
    }

    fn as_happening(&self) -> Happening {
        Happening {
            channel: self.channel.clone(),
            place: String::new(),
            thread: self.ts,
            ts: self.ts,
            who: self.who.clone(),
            what: What::Finished,
        }
    }
}

fn words(ink: &mut Ink, text: &str, whole: bool) -> Vec<Stroke> {
    let mut words = ink.push(text);
    if whole {
        words.extend(ink.flush());
        let reset = ink.reset();
        if let Some(last) = words.last_mut() {
            last.push_str(reset);
        }
    }
    words.into_iter().map(Stroke::Word).collect()
}
