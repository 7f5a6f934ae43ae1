//! Follows a text line by line as far as code fences go. CommonMark: fenced code blocks.

/// Longest run of fence characters that is taken for a fence; a longer one is only text to us.
const MARKER_CHARS_MAX: usize = 32;
/// Deepest indentation, in spaces, at which a line is still read as a possible fence.
const INDENT_MAX: usize = 3;
/// An info string (`rust`, `python title="x"`) longer than this is not repeated when the fence is reopened.
const INFO_BYTES_MAX: usize = 96;

/// An open code fence.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fence {
    marker: char,
    len: usize,
    /// What follows the marker on its line, kept up to `INFO_BYTES_MAX`.
    info: String,
}

impl Fence {
    /// The line that ends it.
    pub(super) fn end(&self) -> String {
        self.marker.to_string().repeat(self.len)
    }
    /// The bytes of that line.
    pub(super) fn end_len(&self) -> usize {
        self.len
    }
    /// The line that begins it again.
    pub(super) fn start(&self) -> String {
        let info = if self.info.len() > INFO_BYTES_MAX { "" } else { &self.info };
        format!("{}{info}\n", self.end())
    }
}

/// What the running line is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    /// Nothing but spaces and fence characters yet; they are kept here until it is clear what they are.
    Start(String),
    Text,
    /// Opens this fence, unless a backtick follows a marker of backticks.
    Opens(Fence),
    /// Ends the open fence, unless more than spaces follow.
    Ends,
}

#[derive(Debug)]
pub(super) struct Lines {
    pub fence: Option<Fence>,
    pub line: Line,
}

impl Default for Lines {
    fn default() -> Self {
        Self { fence: None, line: Line::Start(String::new()) }
    }
}

impl Lines {
    /// Keeps a character of a line's beginning; false when the beginning is over, or was before.
    pub(super) fn keeps(&mut self, c: char) -> bool {
        let Line::Start(lead) = &mut self.line else { return false };
        let keep = match c {
            ' ' => lead.len() < INDENT_MAX && !lead.ends_with(['`', '~']),
            '`' | '~' => lead.trim_start().len() < MARKER_CHARS_MAX && lead.ends_with([c, ' ']) || lead.is_empty(),
            _ => false,
        };
        if keep {
            lead.push(c);
        }
        keep
    }

    /// The line's beginning, and what it makes of the line. Ends the keeping.
    pub(super) fn begin(&mut self, next: Option<char>) -> Option<String> {
        let Line::Start(lead) = &mut self.line else { return None };
        let lead = std::mem::take(lead);
        self.line = self.kind(lead.trim_start(), next);
        Some(lead)
    }

    fn kind(&self, marker: &str, next: Option<char>) -> Line {
        let Some(first) = marker.chars().next().filter(|first| marker.len() >= 3 && Some(*first) != next) else {
            return Line::Text;
        };
        match &self.fence {
            None => Line::Opens(Fence { marker: first, len: marker.len(), info: String::new() }),
            Some(open) if open.marker == first && marker.len() >= open.len => Line::Ends,
            Some(_) => Line::Text,
        }
    }

    /// Follows a character behind the line's beginning.
    pub(super) fn follow(&mut self, c: char) {
        if c == '\n' {
            match std::mem::replace(&mut self.line, Line::Start(String::new())) {
                Line::Opens(fence) => self.fence = Some(fence),
                Line::Ends => self.fence = None,
                Line::Text | Line::Start(_) => {}
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

    /// The fence that has to be ended if the part ends here.
    pub(super) fn open(&self) -> Option<&Fence> {
        match &self.line {
            Line::Opens(fence) => Some(fence),
            Line::Ends => None,
            Line::Start(_) | Line::Text => self.fence.as_ref(),
        }
    }

    /// The part ends here, in the middle of a line or before one: what is open stays open in the next.
    pub(super) fn break_off(&mut self) {
        self.fence = self.open().cloned();
        if !matches!(self.line, Line::Start(_)) {
            self.line = Line::Text;
        }
    }
}
