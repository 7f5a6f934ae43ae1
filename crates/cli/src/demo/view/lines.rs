//! The lines of the terminal: what stands on the cursor's, and how a post's begins.

use crate::demo::{look::Look, view::ASSISTANT};

/// Columns before the text of a post: an edge, the name, a gap.
const EDGE: usize = 2;
const NAME: usize = 9;
const GAP: usize = 2;
/// The column of a post's text.
pub(super) const TEXT_AT: usize = EDGE + NAME + GAP;
/// Colours of people, in the order in which they first speak: cyan is for code, magenta for the assistant.
const COLOURS: &[&str] = &["33", "32", "34", "31"];
/// Takes back what stands on the cursor's line.
const ERASE: &str = "\r\x1b[2K";

/// What stands on the cursor's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    Nothing,
    Text,
    /// A status, which may be taken back.
    Status,
    /// The prompt, which may be taken back.
    Prompt,
}

/// The lines written so far, as far as the next one depends on them.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) look: Look,
    pub(super) on: On,
    /// The thread that the last lines belong to.
    pub(super) here: Option<usize>,
    /// The last line was the demo's own.
    told: bool,
    /// Who spoke, in the order of their colours.
    speakers: Vec<String>,
    /// Columns behind the last prompt.
    prompt_room: usize,
}

impl Lines {
    pub(super) fn new(look: Look) -> Self {
        Self { look, on: On::Nothing, here: None, told: false, speakers: Vec::new(), prompt_room: 0 }
    }

    /// To the beginning of an empty line.
    pub(super) fn fresh(&mut self) -> String {
        match std::mem::replace(&mut self.on, On::Nothing) {
            On::Nothing => String::new(),
            On::Text => "\n".to_owned(),
            On::Status | On::Prompt => ERASE.to_owned(),
        }
    }

    /// A line that nobody in Slack said.
    pub(super) fn tell(&mut self, text: &str) -> String {
        (self.here, self.told) = (None, true);
        format!("{}{text}\n", self.fresh())
    }

    /// The beginning of a post: under a heading, if the lines before are of another thread.
    pub(super) fn begin(&mut self, thread: usize, place: &str, who: &str) -> String {
        let mut out = self.fresh();
        if self.here.replace(thread) != Some(thread) {
            let gap = if self.told { "" } else { "\n" };
            out += &format!("{gap}{:EDGE$}{}\n", "", self.look.paint("4", &format!("{place} · thread {thread}")));
        }
        self.told = false;
        self.on = On::Text;
        let name = self.name(who);
        out + &gutter(who, &name)
    }

    /// The beginning of a line that quotes somebody.
    pub(super) fn quote(&mut self, who: &str) -> String {
        self.fresh() + &gutter(who, who)
    }

    /// The prompt: who speaks where, and the end of what was typed, as far as it fits in one line.
    pub(super) fn prompt(&mut self, who: &str, place: &str, typed: &str) -> String {
        let place = format!("in {place} ›");
        let taken = who.chars().count() + place.chars().count() + 3;
        self.prompt_room = self.look.width.map_or(usize::MAX, |width| width.saturating_sub(taken));
        let surplus = typed.chars().count().saturating_sub(self.prompt_room);
        let shown: String = typed.chars().skip(surplus).collect();
        let out = format!("{}{} {} {shown}", self.fresh(), self.name(who), self.look.paint("2", &place));
        self.on = On::Prompt;
        out
    }

    /// Whether the prompt shows all of this.
    pub(super) fn prompt_holds(&self, typed: &str) -> bool {
        typed.chars().count() <= self.prompt_room
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

/// `painted` is `who` in colour, which takes no more columns.
fn gutter(who: &str, painted: &str) -> String {
    let pad = NAME.saturating_sub(who.chars().count()) + GAP;
    format!("{:EDGE$}{painted}{:pad$}", "", "")
}
