//! Follows a text line by line as far as code fences go. CommonMark: fenced code blocks, list items.
//!
//! Lists matter because a fence inside an item is indented with it and ends with it: closed or reopened at another depth it
//! would be a new fence, or none. Quotes are not followed; a fence inside one ends with its part.

/// Longest run of fence characters that is taken for a fence; a longer one is only text to us.
const MARKER_CHARS_MAX: usize = 32;
/// Deepest column at which a fence or a list item is still seen.
const INDENT_MAX: usize = 20;
/// An info string (`rust`, `python title="x"`) longer than this is not repeated when the fence is reopened.
const INFO_BYTES_MAX: usize = 80;

/// An open code fence.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fence {
    marker: char,
    len: usize,
    /// The column of the marker.
    indent: usize,
    /// The column at which the list item around it begins, 0 without one. A line that begins before it ends both.
    item: usize,
    /// What follows the marker on its line, kept up to `INFO_BYTES_MAX`.
    info: String,
}

impl Fence {
    /// The line that ends it, without its line end.
    pub(super) fn end(&self) -> String {
        format!("{}{}", " ".repeat(self.indent), self.run())
    }
    /// The bytes of that line.
    pub(super) fn end_len(&self) -> usize {
        self.indent + self.len
    }
    /// The line that begins it again. What is indented too far to stand alone gets a list item around it.
    fn start(&self) -> String {
        let info = if self.info.len() > INFO_BYTES_MAX { "" } else { &self.info };
        // An item is a dash with one to four spaces, and may stand three columns in.
        let items = self.indent.saturating_sub(3).div_ceil(5);
        let spaces = self.indent.saturating_sub(5 * items);
        let mut line = " ".repeat(spaces);
        for inner in (0..items).rev() {
            let width = self.indent - 5 * inner - line.len();
            line.push_str(&format!("{:<width$}", "-"));
        }
        format!("{line}{}{info}\n", self.run())
    }
    fn run(&self) -> String {
        self.marker.to_string().repeat(self.len)
    }
}

/// What a line is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Line {
    /// Not begun, or so far only what may stand before a fence.
    #[default]
    Start,
    Text,
    /// Opens this fence, unless a backtick follows a marker of backticks.
    Opens(Fence),
    /// Ends the open fence, unless more than spaces follow.
    Ends,
    /// Begins outside the list item of the open fence, which ends with it.
    Leaves,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    fence: Option<Fence>,
    line: Line,
    /// The running line's beginning, kept until it is clear what it is: spaces, list markers, a run of fence characters.
    lead: String,
    /// Where the content of the list items around begins, outermost first.
    items: Vec<usize>,
}

impl Lines {
    /// Keeps a character of a line's beginning; false when the beginning is over, or was before.
    pub(super) fn keeps(&mut self, c: char) -> bool {
        if self.line != Line::Start {
            return false;
        }
        let (before, run) = split_run(&self.lead);
        let keep = match c {
            '`' | '~' => run.len() < MARKER_CHARS_MAX && (run.is_empty() || run.starts_with(c)) && stands_free(before),
            _ if !run.is_empty() || before.len() > INDENT_MAX => false,
            ' ' => true,
            '-' | '*' | '+' => self.fence.is_none() && stands_free(before),
            '0'..='9' => {
                self.fence.is_none() && (stands_free(before) || before.ends_with(|c: char| c.is_ascii_digit()))
            }
            '.' | ')' => before.ends_with(|c: char| c.is_ascii_digit()),
            _ => false,
        };
        if keep {
            self.lead.push(c);
        }
        keep
    }

    /// The line's beginning is over: gives what was kept of it, and what line it is. `None` when it was over before.
    pub(super) fn begin(&mut self, next: Option<char>) -> Option<(String, Line)> {
        if self.line != Line::Start {
            return None;
        }
        let lead = std::mem::take(&mut self.lead);
        let line = self.kind(&lead, next);
        Some((lead, line))
    }

    fn kind(&mut self, lead: &str, next: Option<char>) -> Line {
        let (before, run) = split_run(lead);
        let blank = lead.trim_start().is_empty() && matches!(next, None | Some('\n'));
        let indent = lead.len() - lead.trim_start_matches(' ').len();
        if let Some(open) = &self.fence {
            let ends =
                run.len() >= open.len && run.starts_with(open.marker) && next.is_none_or(|next| next != open.marker);
            return match () {
                () if !blank && indent < open.item && next != Some('\t') => Line::Leaves,
                () if ends && before.len() <= open.item + 3 => Line::Ends,
                () => Line::Text,
            };
        }
        if !blank {
            self.items.retain(|item| *item <= indent);
            self.items.extend(item_columns(before));
        }
        let item = self.items.last().copied().unwrap_or(0);
        match run.chars().next() {
            Some(marker) if run.len() >= 3 && next != Some(marker) && before.len() <= item + 3 => {
                Line::Opens(Fence { marker, len: run.len(), indent: before.len(), item, info: String::new() })
            }
            _ => Line::Text,
        }
    }

    /// The line is what [`Lines::begin`] said.
    pub(super) fn enter(&mut self, line: Line) {
        if line == Line::Leaves {
            self.leave();
        }
        self.line = if line == Line::Leaves { Line::Text } else { line };
    }

    /// The list item of the open fence has ended.
    pub(super) fn leave(&mut self) {
        self.fence = None;
        self.items.clear();
    }

    /// Follows a character behind the line's beginning.
    pub(super) fn follow(&mut self, c: char) {
        if c == '\n' {
            match std::mem::take(&mut self.line) {
                Line::Opens(fence) => self.fence = Some(fence),
                Line::Ends => self.fence = None,
                Line::Start | Line::Text | Line::Leaves => {}
            }
            return;
        }
        match &mut self.line {
            Line::Opens(fence) if c == '`' && fence.marker == '`' => self.line = Line::Text,
            Line::Opens(fence) if fence.info.len() <= INFO_BYTES_MAX => fence.info.push(c),
            Line::Ends if c != ' ' && c != '\t' => self.line = Line::Text,
            _ => {}
        }
    }

    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    /// The fence that has to be ended if the part ends here.
    pub(super) fn open(&self) -> Option<&Fence> {
        match &self.line {
            Line::Opens(fence) => Some(fence),
            Line::Ends => None,
            _ => self.fence.as_ref(),
        }
    }

    /// The part ends here, in the middle of a line or before one. Gives the line that reopens what was open.
    pub(super) fn break_off(&mut self) -> Option<String> {
        self.fence = self.open().cloned();
        self.items.clear();
        if self.line != Line::Start {
            self.line = Line::Text;
        }
        let fence = self.fence.as_mut()?;
        let start = fence.start();
        // A list item of our own stands around it now, or none.
        fence.item = if fence.indent > 3 { fence.indent } else { 0 };
        Some(start)
    }
}

/// A line's beginning as what stands before a run of fence characters, and the run.
fn split_run(lead: &str) -> (&str, &str) {
    lead.split_at(lead.trim_end_matches(['`', '~']).len())
}

/// Whether a list item or a fence may begin behind this beginning: nothing but items before it.
fn stands_free(before: &str) -> bool {
    (before.is_empty() || before.ends_with(' ')) && before.split(' ').all(|word| word.is_empty() || is_item(word))
}

fn is_item(word: &str) -> bool {
    let number = |digits: &str| (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    matches!(word, "-" | "*" | "+") || word.strip_suffix(['.', ')']).is_some_and(number)
}

/// The columns at which the content of the items in a line's beginning begins: 2 for `- `, 3 and 5 for `1. - `.
fn item_columns(before: &str) -> Vec<usize> {
    let (mut columns, mut at) = (Vec::new(), 0);
    for word in before.split_inclusive(' ') {
        at += word.len();
        if word.strip_suffix(' ').is_some_and(is_item) {
            let spaces = before[at..].len() - before[at..].trim_start_matches(' ').len();
            // More than four spaces behind the marker: the item begins after the first, with indented code.
            columns.push(at + if spaces < 4 { spaces } else { 0 });
        }
    }
    columns
}
