//! Rows on their way from one store to another, and what tells whether two tables hold the same.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::tables::Table;

/// One value of a row. `Debug` shows none: it may be somebody's name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}

impl Cell {
    pub(crate) const fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Null | Self::Text(_) => None,
        }
    }
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Int(_) => None,
        }
    }
}

/// The values of a row in the order of its table's columns.
pub(crate) type Row = Vec<Cell>;

/// A text or a name as it is kept.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Content {
    pub(crate) workspace: String,
    pub(crate) no: i64,
    pub(crate) codec: i64,
    pub(crate) body: Vec<u8>,
}

/// Which contents rows name: workspace and number.
pub(crate) fn named(table: &Table, rows: &[Row]) -> Vec<(String, i64)> {
    let places: Vec<usize> = table.contents.iter().filter_map(|name| table.place(name)).collect();
    let mut named = Vec::new();
    for row in rows {
        let workspace = row.first().and_then(Cell::text).unwrap_or_default();
        named.extend(places.iter().filter_map(|place| Some((workspace.to_owned(), row.get(*place)?.int()?))));
    }
    named.sort_unstable();
    named.dedup();
    named
}

/// How many rows there were, and what they held. The order in which they came makes no difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) rows: u64,
    pub(crate) sum: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, row: &impl Hash) {
        let mut hasher = DefaultHasher::new();
        row.hash(&mut hasher);
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hasher.finish());
    }
}

/// Between the values of a key as it is written down; none of them holds it.
const BETWEEN: char = '\u{1f}';

/// The key of a row, to be written down.
pub(crate) fn write_key(table: &Table, row: &Row) -> String {
    let words = row.iter().take(table.key).map(|cell| match cell {
        Cell::Int(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
        Cell::Null => String::new(),
    });
    words.collect::<Vec<_>>().join(&BETWEEN.to_string())
}

/// The same read; `None` when it is none of this table.
pub(crate) fn read_key(table: &Table, written: &str) -> Option<Vec<Cell>> {
    let words: Vec<&str> = written.split(BETWEEN).collect();
    let cells = table.columns.iter().take(table.key).zip(&words).map(|(column, word)| match column.kind {
        super::tables::Kind::Text => Some(Cell::Text((*word).to_owned())),
        _ => word.parse().ok().map(Cell::Int),
    });
    cells.collect::<Option<Vec<_>>>().filter(|key| key.len() == table.key && words.len() == table.key)
}
