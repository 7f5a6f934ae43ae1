//! Text that grows, made ready for a terminal: Markdown becomes bold, italic or coloured, lines are wrapped under each other.
//! Decides only, writes nothing.

use super::look::Look;

/// One post on its way to the screen. Whole words come out of it, however the text was cut on the way.
#[derive(Debug)]
pub(crate) struct Ink {
    look: Look,
    /// The column that every line begins at.
    indent: usize,
    /// Columns more for the lines after a list item's first.
    hang: usize,
    column: usize,
    /// The characters since the last space.
    word: String,
    /// Spaces and line ends that are written once a word follows.
    spaces: usize,
    ends: usize,
    first_word: bool,
    fenced: bool,
    bold: bool,
    italic: bool,
    code: bool,
}

impl Ink {
    /// For a post whose first line begins at `indent`, which is where the cursor stands.
    pub(crate) fn new(look: Look, indent: usize) -> Self {
        Self {
            look,
            indent,
            hang: 0,
            column: indent,
            word: String::new(),
            spaces: 0,
            ends: 0,
            first_word: true,
            fenced: false,
            bold: false,
            italic: false,
            code: false,
        }
    }

    /// Takes more text; gives back the words that are whole now, each with what stands before it.
    pub(crate) fn push(&mut self, text: &str) -> Vec<String> {
        let mut words = Vec::new();
        for c in text.chars() {
            match c {
                ' ' | '\t' | '\n' => {
                    words.extend(self.flush());
                    if c == '\n' {
                        self.ends += 1;
                        self.spaces = 0;
                    } else {
                        self.spaces += 1;
                    }
                }
                c if c.is_control() => {}
                c => self.word.push(c),
            }
        }
        words
    }

    /// Gives back the word that no space followed yet; more may come.
    pub(crate) fn flush(&mut self) -> Option<String> {
        if self.word.is_empty() {
            return None;
        }
        let word = std::mem::take(&mut self.word);
        let mut out = String::new();
        // A list stands close under what leads to it, as Slack shows it.
        if self.ends == 2 && !self.fenced && is_bullet(&word) {
            self.ends = 1;
        }
        self.break_lines(&mut out);
        let in_fence = self.fenced;
        let shown = self.styled(&word);
        let room = self.look.width.unwrap_or(usize::MAX);
        let width = self.spaces + visible_width(&shown);
        if !self.first_word && !in_fence && self.column + width > room {
            out.push('\n');
            out.push_str(&" ".repeat(self.indent + self.hang));
            self.column = self.indent + self.hang;
        } else {
            out.push_str(&" ".repeat(self.spaces));
            self.column += self.spaces;
        }
        self.spaces = 0;
        if self.first_word && is_bullet(&word) && !in_fence {
            self.hang = self.column + word.len() + 1 - self.indent;
        }
        self.column += visible_width(&shown);
        self.first_word = false;
        out.push_str(&shown);
        Some(out)
    }

    /// Somebody else wrote to the screen; the cursor stands at the beginning of a line.
    pub(crate) fn interrupted(&mut self) {
        (self.column, self.spaces) = (0, 0);
    }

    /// Ends a style that is still on.
    pub(crate) fn reset(&self) -> &'static str {
        let styled = self.bold || self.italic || self.code || self.fenced;
        if self.look.colour && styled { RESET } else { "" }
    }

    fn break_lines(&mut self, out: &mut String) {
        if self.ends > 0 {
            if !self.fenced {
                out.push_str(self.reset());
                (self.bold, self.italic, self.code) = (false, false, false);
            }
            out.push_str(&"\n".repeat(self.ends));
            (self.ends, self.column, self.hang, self.first_word) = (0, 0, 0, true);
        }
        if self.column == 0 {
            out.push_str(&" ".repeat(self.indent));
            self.column = self.indent;
        }
    }

    /// The word as the terminal shows it; turns styles on and off on the way.
    fn styled(&mut self, word: &str) -> String {
        if !self.look.colour {
            return word.to_owned();
        }
        if self.first_word && word.starts_with("```") {
            self.fenced = !self.fenced;
            return format!("{DIM}{word}{RESET}{}", if self.fenced { CODE } else { "" });
        }
        if self.fenced {
            return word.to_owned();
        }
        if self.first_word && matches!(word, "-" | "*") {
            return "•".to_owned();
        }
        if self.first_word && word.bytes().all(|b| b == b'#') {
            self.bold = true;
            return format!("{DIM}{word}{RESET}{BOLD}");
        }
        self.marks(word)
    }

    fn marks(&mut self, word: &str) -> String {
        let mut out = String::new();
        let mut rest = word;
        let letters = |text: &str| text.chars().any(char::is_alphanumeric);
        if let Some(after) = rest.strip_prefix('_').filter(|after| !self.code && letters(after)) {
            self.italic = true;
            out.push_str(ITALIC);
            rest = after;
        }
        while let Some(c) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix('`') {
                self.code = !self.code;
                out.push_str(if self.code { CODE } else { NOT_COLOURED });
                rest = after;
            } else if let Some(after) = rest.strip_prefix("**").filter(|_| !self.code) {
                self.bold = !self.bold;
                out.push_str(if self.bold { BOLD } else { NOT_BOLD });
                rest = after;
            } else if let Some(after) = rest.strip_prefix('_').filter(|after| self.italic && !letters(after)) {
                self.italic = false;
                out.push_str(NOT_ITALIC);
                rest = after;
            } else {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        out
    }
}

const RESET: &str = "\x1b[0m";
const DIM: &str = "\x1b[2m";
const BOLD: &str = "\x1b[1m";
const NOT_BOLD: &str = "\x1b[22m";
const ITALIC: &str = "\x1b[3m";
const NOT_ITALIC: &str = "\x1b[23m";
const CODE: &str = "\x1b[36m";
const NOT_COLOURED: &str = "\x1b[39m";

fn is_bullet(word: &str) -> bool {
    matches!(word, "-" | "*")
        || word.strip_suffix('.').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Characters that are seen: all but those of styles.
fn visible_width(shown: &str) -> usize {
    let mut in_style = false;
    let seen = shown.chars().filter(|c| match c {
        '\x1b' => {
            in_style = true;
            false
        }
        'm' if in_style => {
            in_style = false;
            false
        }
        _ => !in_style,
    });
    seen.count()
}

#[cfg(test)]
mod tests;
