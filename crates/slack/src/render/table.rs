//! Remembers the head of the running table, so that its rows are a table in the next part too. GFM: Tables.

/// A head row or a row of dashes longer than this is not remembered.
const ROW_BYTES_MAX: usize = 400;

#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// The head row and the row of dashes, with their line ends.
    head: Option<String>,
    /// Whether the table has a row behind its head.
    has_rows: bool,
    before: Row,
    line: Row,
}

/// A line as far as it may be a row.
#[derive(Clone, Debug, Default)]
struct Row {
    text: String,
    has_bar: bool,
}

impl Row {
    fn push(&mut self, c: char) {
        self.has_bar |= c == '|';
        if self.text.len() <= ROW_BYTES_MAX {
            self.text.push(c);
        }
    }

    /// Its cells; none when it is too long.
    fn cells(&self) -> usize {
        if self.text.len() > ROW_BYTES_MAX { 0 } else { inner(&self.text).split('|').count() }
    }

    fn is_dashes(&self) -> bool {
        let dashes = |cell: &str| {
            let cell = cell.trim();
            let cell = cell.strip_prefix(':').unwrap_or(cell);
            let cell = cell.strip_suffix(':').unwrap_or(cell);
            !cell.is_empty() && cell.bytes().all(|b| b == b'-')
        };
        self.has_bar && self.text.len() <= ROW_BYTES_MAX && inner(&self.text).split('|').all(dashes)
    }
}

/// A row without its outer bars.
fn inner(row: &str) -> &str {
    let row = row.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    row.strip_suffix('|').unwrap_or(row)
}

impl Table {
    pub(super) fn follow(&mut self, text: &str) {
        for c in text.chars() {
            if c == '\n' {
                self.end_line();
            } else {
                self.line.push(c);
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if self.head.is_some() {
            self.has_rows = true;
            if !line.has_bar {
                self.head = None;
            }
        } else if line.is_dashes() && self.before.has_bar && self.before.cells() == line.cells() {
            self.head = Some(format!("{}\n{}\n", self.before.text, line.text));
            self.has_rows = false;
        }
        self.before = line;
    }

    /// There is no table here any more.
    pub(super) fn leave(&mut self) {
        *self = Self::default();
    }

    /// What a row that begins a part needs before it, when that has at most so many bytes.
    pub(super) fn head(&self, bytes_max: usize) -> Option<&str> {
        self.head.as_deref().filter(|head| head.len() <= bytes_max)
    }

    /// Whether a row that comes next may belong to what is just before: the dashes to the head, or the first row to both.
    pub(super) fn is_beginning(&self) -> bool {
        if self.head.is_some() { !self.has_rows } else { self.before.has_bar }
    }
}
