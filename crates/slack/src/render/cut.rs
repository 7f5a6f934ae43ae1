//! Third step: counts what a part holds and ends it at the best place that comes along while there is still room.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::{
    Out, PartLimits, Seam,
    fill::{Fill, Place},
    lines::{Line, Lines},
    table::Table,
    tame::{Atom, BREAK},
};

/// When a part is asked to end: a line end will do at once, the end of a word after so many characters, any place after so many.
const ROLL_WORD_AFTER: usize = 120;
const ROLL_ANYWHERE_AFTER: usize = 400;
/// How much text behind is kept to see where one visible character ends, in bytes.
const LOOK_BACK_BYTES: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Cutter {
    chars_fill: Fill,
    bytes_fill: Fill,
    lines: Lines,
    table: Table,
    /// Held by the running part, what we added included.
    chars: usize,
    bytes: usize,
    /// Bytes of the answer in the running part.
    body: usize,
    /// The text just before is the first line of a fence.
    fence_is_empty: bool,
    /// `chars` when the part was asked to end.
    roll_asked: Option<usize>,
    /// The text just before, up to `2 * LOOK_BACK_BYTES`.
    behind: String,
    seams: Vec<Seam>,
    outs: Vec<Out>,
    text: String,
}

impl Cutter {
    pub(super) fn new(limits: PartLimits) -> Self {
        Self {
            chars_fill: Fill::of_chars(limits),
            bytes_fill: Fill::of_bytes(limits),
            lines: Lines::default(),
            table: Table::default(),
            chars: 0,
            bytes: 0,
            body: 0,
            fence_is_empty: false,
            roll_asked: None,
            behind: String::new(),
            seams: Vec::new(),
            outs: Vec::new(),
            text: String::new(),
        }
    }

    pub(super) fn seams(&self) -> &[Seam] {
        &self.seams
    }

    pub(super) fn roll(&mut self) {
        if self.body > 0 && self.roll_asked.is_none() {
            self.roll_asked = Some(self.chars);
        }
    }

    pub(super) fn push(&mut self, atom: Atom<'_>) {
        let Some(first) = atom.text.chars().next() else { return };
        if self.lines.keeps(first) {
            return;
        }
        match self.lines.begin(Some(first)) {
            Some((lead, line)) => self.line_begins(&lead, line, atom.text),
            None => self.line_goes_on(atom, first),
        }
        self.write(atom.text);
        self.fence_is_empty = atom.text == "\n" && matches!(self.lines.line(), Line::Opens(_));
        atom.text.chars().for_each(|c| self.lines.follow(c));
    }

    pub(super) fn finish(&mut self) {
        if let Some((lead, line)) = self.lines.begin(None).filter(|(lead, _)| !lead.is_empty()) {
            self.line_begins(&lead, line, "");
        }
        if self.body > 0 {
            self.close();
        }
    }

    /// All that may be shown by now.
    pub(super) fn take(&mut self) -> Vec<Out> {
        self.end_text();
        std::mem::take(&mut self.outs)
    }

    /// Decides whether the part ends before a line, of which `lead` is kept back, and writes that.
    fn line_begins(&mut self, lead: &str, line: Line, next: &str) {
        let blank = matches!(next, "" | "\n") && lead.trim_start().is_empty();
        let row = next == "|" && line == Line::Text && self.lines.open().is_none();
        let place = match &line {
            _ if blank => Place::Forced,
            // The part would end with a fence of ours and the next begin with an empty one.
            Line::Ends => Place::Forced,
            Line::Opens(_) if !lead.starts_with("    ") => Place::Paragraph,
            _ if self.fence_is_empty => Place::Anywhere,
            // Without the list item around it, it would be indented code.
            _ if self.lines.open().is_none() && lead.starts_with("    ") => Place::Word,
            _ if row && self.table.is_beginning() => Place::Word,
            _ if self.lines.open().is_none() && self.behind.ends_with("\n\n") => Place::Paragraph,
            _ => Place::Line,
        };
        let end = if let Line::Opens(fence) = &line { 1 + fence.end_len() } else { 0 };
        if self.needed() >= place || !self.fits(lead.len() + next.len() + end) {
            self.close();
            if line == Line::Leaves {
                self.lines.leave();
            }
            let head_bytes_max = self.chars_fill.full.min(self.bytes_fill.full) / 4;
            let head = self.table.head(head_bytes_max).filter(|_| row).map(String::from);
            self.begin_part(&head.unwrap_or_default());
        }
        self.lines.enter(line);
        if self.lines.open().is_some() {
            self.table.leave();
        }
        self.write(lead);
    }

    /// Decides whether the part ends before `atom`, in the middle of a line.
    fn line_goes_on(&mut self, atom: Atom<'_>, first: char) {
        let needed = self.needed();
        if needed < Place::Word || atom.glued || first == '\n' && self.fits(1) {
            return;
        }
        if needed >= self.place_before(atom, first) {
            self.close();
            self.table.leave();
            let breaks = matches!(first, ' ' | '\t' | '`' | '~');
            self.begin_part(if breaks { BREAK } else { "" });
        }
    }

    fn place_before(&self, atom: Atom<'_>, first: char) -> Place {
        // Behind the cut, these could begin a fence or make the line code.
        if matches!(first, ' ' | '\t' | '`' | '~' | '\n') || *self.lines.line() != Line::Text {
            return Place::Forced;
        }
        if self.behind.ends_with([' ', '\t', '。', '、', '，', '！', '？', '；']) {
            return Place::Word;
        }
        let around = format!("{}{}", self.behind, atom.text);
        let between = GraphemeCursor::new(self.behind.len(), around.len(), true).is_boundary(&around, 0);
        if between.unwrap_or(true) { Place::Anywhere } else { Place::Forced }
    }

    /// How good a place has to be by now.
    fn needed(&self) -> Place {
        if self.body == 0 {
            return Place::Never;
        }
        let (chars, bytes) = self.with_end();
        self.chars_fill.needs(chars).max(self.bytes_fill.needs(bytes)).max(self.needed_by_time())
    }

    fn needed_by_time(&self) -> Place {
        match self.roll_asked.map(|asked| self.chars - asked) {
            None => Place::Never,
            Some(0..ROLL_WORD_AFTER) => Place::Line,
            Some(ROLL_WORD_AFTER..ROLL_ANYWHERE_AFTER) => Place::Word,
            Some(_) => Place::Anywhere,
        }
    }

    /// What the part would hold if it ended here.
    fn with_end(&self) -> (usize, usize) {
        let end = self.lines.open().map_or(0, |fence| "\n".len() + fence.end_len());
        (self.chars + end, self.bytes + end)
    }

    /// Whether so many bytes more leave room for that end; as if each were a character.
    fn fits(&self, bytes: usize) -> bool {
        let (with_chars, with_bytes) = self.with_end();
        self.body == 0 || with_chars + bytes <= self.chars_fill.full && with_bytes + bytes <= self.bytes_fill.full
    }

    /// Begins the next part with what reopens a fence, and this.
    fn begin_part(&mut self, more: &str) {
        let mut head = self.lines.break_off().unwrap_or_default();
        self.end_text();
        self.outs.push(Out::NewPart);
        (self.chars, self.bytes, self.body, self.roll_asked) = (0, 0, 0, None);
        head.push_str(more);
        self.add(&head);
        self.seams.push(Seam { head: head.len(), tail: 0 });
    }

    /// Ends what is open.
    fn close(&mut self) {
        let Some(fence) = self.lines.open() else { return };
        let line_end = if self.behind.ends_with('\n') { "" } else { "\n" };
        let tail = format!("{line_end}{}", fence.end());
        self.add(&tail);
        if let Some(seam) = self.seams.last_mut() {
            seam.tail = tail.len();
        }
    }

    /// Text of the answer.
    fn write(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.seams.is_empty() {
            self.seams.push(Seam::default());
        }
        self.body += text.len();
        self.table.follow(text);
        self.behind.push_str(text);
        if self.behind.len() > 2 * LOOK_BACK_BYTES {
            let at = whole_character_at(&self.behind, self.behind.len() - LOOK_BACK_BYTES);
            self.behind.drain(..at);
        }
        self.add(text);
    }

    fn add(&mut self, text: &str) {
        self.chars += text.chars().count();
        self.bytes += text.len();
        self.text.push_str(text);
    }

    fn end_text(&mut self) {
        if !self.text.is_empty() {
            self.outs.push(Out::Text(std::mem::take(&mut self.text)));
        }
    }
}

/// Where a visible character begins, at `from` or soon after; `text` must begin with a whole one too, or flags would be split.
fn whole_character_at(text: &str, from: usize) -> usize {
    if text.is_ascii() {
        return from;
    }
    let found = text.grapheme_indices(true).map(|(at, _)| at).find(|at| *at >= from);
    found.unwrap_or_else(|| text.ceil_char_boundary(from))
}
