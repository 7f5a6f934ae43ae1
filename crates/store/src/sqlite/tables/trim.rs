//! Taking the rows of erased texts out of the file, so that it does not grow for ever.
//!
//! Deleting a row may make SQLite move its neighbours between pages, and leave copies of them where they were. So a row goes
//! only when so many erased rows lie on both sides that whatever is moved is erased too. An erased row stays erased:
//! what was seen of a run of them holds until the run is done.

use std::collections::VecDeque;

use chathakase_session::store::Result;
use rusqlite::params;

use super::Sql;
use crate::{sqlite::cells::Cells, table::Table};

/// Erased rows that stay on either side of those that go. A page holds fewer than 500 of them, and SQLite moves rows
/// between a page and no more than two beside it: these are more than three pages hold.
const CUSHION: usize = 1500;
/// Rows that one slice looks at.
const SLICE: usize = 1000;

const CONTENT: Table = Table { name: "content", columns: "no, erased", key_columns: 1 };

/// How far a walk over the texts has come.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// The last row that was looked at; 0 at the beginning.
    last: u64,
    /// Whether erased rows reach from there back to the first row of all: nothing needs a cushion before them.
    from_start: bool,
    /// How many erased rows in a row lie before the cushion.
    run: usize,
    /// The erased rows up to `last`, at most as many as make a cushion.
    cushion: VecDeque<u64>,
}

impl Walk {
    /// Looks at a row, and returns the one that is now known to have cushions on both sides.
    fn look(&mut self, no: u64, erased: bool) -> Option<u64> {
        if self.last == 0 {
            self.from_start = true;
        }
        self.last = no;
        if !erased {
            (self.from_start, self.run) = (false, 0);
            self.cushion.clear();
            return None;
        }
        self.cushion.push_back(no);
        if self.cushion.len() <= CUSHION {
            return None;
        }
        self.run += 1;
        self.cushion.pop_front().filter(|_| self.from_start || self.run > CUSHION)
    }
}

impl Sql<'_> {
    /// Walks on a little; `true` while there is more to walk over. What is deleted is rolled back with the rest when the
    /// transaction fails; the walk then misses it until its next round.
    pub(in crate::sqlite) fn trim(&self) -> Result<bool> {
        let mut walk = self.state.walk.borrow_mut();
        let sql = "SELECT no, body IS NULL FROM content WHERE no > ? ORDER BY no LIMIT ?";
        let read = |cells: Cells<'_, '_>| Ok((cells.get(0)?, cells.flag(1)?));
        let rows: Vec<(u64, bool)> = self.all(&CONTENT, sql, params![walk.last, SLICE], read)?;
        let mut range: Option<(u64, u64)> = None;
        for (no, erased) in &rows {
            if let Some(goes) = walk.look(*no, *erased) {
                range = Some(range.map_or((goes, goes), |(first, _)| (first, goes)));
            }
            if !erased {
                self.delete(range.take())?;
            }
        }
        self.delete(range)?;
        let more = rows.len() == SLICE;
        if !more {
            *walk = Walk::default();
        }
        Ok(more)
    }

    /// Deletes rows of one run: all between the first and the last are erased.
    fn delete(&self, range: Option<(u64, u64)>) -> Result<()> {
        let Some((first, last)) = range else { return Ok(()) };
        self.run("DELETE FROM content WHERE no BETWEEN ? AND ?", params![first, last])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_rows_with_erased_ones_all_around_go(runs in prop::collection::vec((1..3 * CUSHION, 1..4usize), 0..5)) {
            let mut rows = Vec::new();
            for (erased, live) in runs {
                rows.extend(std::iter::repeat_n(true, erased));
                rows.extend(std::iter::repeat_n(false, live));
            }
            let mut walk = Walk::default();
            let gone: Vec<usize> = (1..)
                .zip(&rows)
                .filter_map(|(no, erased)| walk.look(no, *erased))
                .map(|no| usize::try_from(no).unwrap() - 1)
                .collect();
            prop_assert!(gone.is_sorted_by(|a, b| a < b));
            for at in 0..rows.len() {
                let around = &rows[at.saturating_sub(CUSHION)..(at + CUSHION + 1).min(rows.len())];
                let cushioned = around.iter().all(|erased| *erased) && at + CUSHION < rows.len();
                prop_assert_eq!(gone.binary_search(&at).is_ok(), cushioned, "row {}", at);
            }
        }
    }
}
