//! Copying a store into another, of whichever kind each is.
//!
//! Tables go one after the other in small transactions; each writes down how far it came. So a copy that is cut at any point
//! goes on there. Until it is whole and was compared with its source, nothing else opens it. Texts travel with the rows that
//! name them: what is erased, or named by nothing, stays behind.

mod error;
mod row;
mod tables;
#[cfg(test)]
mod tests;

pub use error::CopyError;
pub(crate) use row::{Cell, Content, Row};
pub(crate) use tables::{Column, Kind, OnlySqlite, TABLES, Table};

use std::path::Path;

use chathakase_session::store::Result as StoreResult;

use crate::{OpenError, RedactedUrl, file, postgres, sqlite};
use row::{Tally, named, read_key, write_key};

/// Rows in one transaction.
const BATCH_ROWS: usize = 200;

/// How far a copy is. Stored with the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Where it comes from.
    pub(crate) source: String,
    /// Which table is next to be copied, by its number.
    pub(crate) stage: usize,
    /// The key of its last row that is there; empty for none.
    pub(crate) after: String,
}

/// Numbers that are never given twice, and until when nothing was missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) last_turn: i64,
    /// The greatest number of a thread, a session or a content.
    pub(crate) last_other: i64,
    pub(crate) good_until: Option<i64>,
}

/// A store that is copied from or to. Nobody else has it meanwhile.
pub(crate) trait End {
    /// Up to `limit` rows behind a key, in the order of keys.
    fn rows(&mut self, table: &'static Table, after: Option<&[Cell]>, limit: usize) -> StoreResult<Vec<Row>>;
    /// Those of the contents that are not erased.
    fn contents(&mut self, wanted: &[(String, i64)]) -> StoreResult<Vec<Content>>;
    fn count(&mut self, table: &'static Table) -> StoreResult<u64>;
    fn marks(&mut self) -> StoreResult<Marks>;

    fn position(&mut self) -> StoreResult<Option<Position>>;
    /// Writes rows with the position behind them, all or nothing.
    fn put(&mut self, table: &'static Table, rows: &[Row], contents: &[Content], reached: &Position)
    -> StoreResult<()>;
    /// Begins a copy.
    fn begin(&mut self, at: &Position) -> StoreResult<()>;
    /// Takes everything out and begins anew.
    fn begin_anew(&mut self, at: &Position) -> Result<(), CopyError>;
    /// Nobody serves it, also now that all is copied. A file cannot be served beside us.
    fn check_alone(&mut self) -> Result<(), CopyError> {
        Ok(())
    }
    /// The copy is whole: any process may open it.
    fn finish(&mut self, marks: &Marks) -> StoreResult<()>;
    fn close(self: Box<Self>);
}

/// What a copy is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Rows are written.
    Copying,
    /// Both stores are read and compared.
    Comparing,
    /// The source has changed since the copy was begun, which therefore begins anew.
    Anew,
}

/// How far a copy is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What it does.
    pub doing: Doing,
    /// The table it is at.
    pub table: &'static str,
    /// Rows of all tables that are done.
    pub done: u64,
    /// Rows of all tables of the source.
    pub total: u64,
}

/// A table of which both stores hold the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Same {
    /// Its name.
    pub table: &'static str,
    /// How many rows. Of `content`, how often rows name one.
    pub rows: u64,
    /// A sum over what they hold, independent of their order. Only comparable with others of the same build.
    pub checksum: u64,
}

/// Copies the store at `from` into the empty one at `to`, or goes on with a copy that was cut. `told` hears how far it is.
/// Blocks; not for threads of an asynchronous runtime.
///
/// # Errors
/// When a process serves one of them, the target holds something else, or the two differ in the end. What was copied until then
/// stays, and cannot be opened otherwise.
pub fn copy(from: &str, to: &str, mut told: impl FnMut(Progress)) -> Result<Vec<Same>, CopyError> {
    let named_as = name(from)?;
    if named_as == name(to)? {
        return Err(CopyError::SameStore);
    }
    let mut source = open(from, false)?;
    if let Some(position) = source.position().map_err(|cause| CopyError::broken(from, cause))? {
        return Err(OpenError::Unfinished { at: RedactedUrl::new(from), of: position.source }.into());
    }
    let mut target = open(to, true)?;
    let mut work = Work { source: &mut *source, target: &mut *target, from, to, total: 0, told: &mut told };
    let done = work.run(&named_as);
    source.close();
    target.close();
    done
}

/// A store's name, as its copy knows it.
fn name(url: &str) -> Result<String, CopyError> {
    match url.split_once(':') {
        Some(("memory", _)) => Err(CopyError::InMemory),
        Some(("sqlite", path)) => {
            let path = file(path)?;
            let whole = path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned());
            Ok(format!("sqlite:{}", whole.display()))
        }
        Some(("postgres" | "postgresql", _)) => {
            Ok(RedactedUrl::new(url).to_string().replacen("postgresql:", "postgres:", 1))
        }
        _ => Err(OpenError::UnknownUrl { url: RedactedUrl::new(url) }.into()),
    }
}

fn open(url: &str, make: bool) -> Result<Box<dyn End>, CopyError> {
    match url.split_once(':') {
        Some(("sqlite", path)) => {
            let path: &Path = file(path)?;
            if !make && !path.exists() {
                return Err(CopyError::NoSource { path: path.into() });
            }
            Ok(Box::new(sqlite::CopyEnd::open(path)?))
        }
        _ => Ok(Box::new(postgres::CopyEnd::open(url, make)?)),
    }
}

/// A copy under way.
struct Work<'a> {
    source: &'a mut dyn End,
    target: &'a mut dyn End,
    from: &'a str,
    to: &'a str,
    total: u64,
    told: &'a mut dyn FnMut(Progress),
}

impl Work<'_> {
    fn run(&mut self, source: &str) -> Result<Vec<Same>, CopyError> {
        self.total = self.count()?;
        let beginning = Position { source: source.to_owned(), stage: 0, after: String::new() };
        let known = self.target.position().map_err(|cause| CopyError::broken(self.to, cause))?;
        let resumed = known.as_ref().is_some_and(|known| *known != beginning);
        let position = match known {
            Some(known) if known.source == source => known,
            Some(known) => return Err(CopyError::OtherCopy { to: RedactedUrl::new(self.to), of: known.source }),
            None if self.is_empty()? => {
                self.target.begin(&beginning).map_err(|cause| CopyError::broken(self.to, cause))?;
                beginning.clone()
            }
            // The same command again, after all was done.
            None => {
                return self
                    .compare()
                    .map_err(|error| error.if_differing(CopyError::Occupied { to: RedactedUrl::new(self.to) }));
            }
        };
        let mut done = self.transfer(position).and_then(|()| self.compare());
        if resumed && matches!(done, Err(CopyError::Differs { .. } | CopyError::Clashes { .. })) {
            // Somebody went on with the source after the copy was cut.
            self.tell(Doing::Anew, TABLES[0].name, 0);
            self.target.begin_anew(&beginning)?;
            done = self.transfer(beginning).and_then(|()| self.compare());
        }
        let done = done?;
        // What is written from now on would be in one of them alone.
        self.source.check_alone()?;
        self.target.check_alone()?;
        let marks = self.source.marks().map_err(|cause| CopyError::broken(self.from, cause))?;
        self.target.finish(&marks).map_err(|cause| CopyError::broken(self.to, cause))?;
        Ok(done)
    }

    fn count(&mut self) -> Result<u64, CopyError> {
        let mut total = 0;
        for table in &TABLES {
            total += self.source.count(table).map_err(|cause| CopyError::broken(self.from, cause))?;
        }
        Ok(total)
    }

    fn is_empty(&mut self) -> Result<bool, CopyError> {
        for table in &TABLES {
            if !self.target.rows(table, None, 1).map_err(|cause| CopyError::broken(self.to, cause))?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Copies what is behind `position`.
    fn transfer(&mut self, mut position: Position) -> Result<(), CopyError> {
        let mut done = 0;
        for (stage, table) in TABLES.iter().enumerate() {
            if stage < position.stage {
                done += self.source.count(table).map_err(|cause| CopyError::broken(self.from, cause))?;
                continue;
            }
            if stage > position.stage {
                position = Position { stage, after: String::new(), ..position };
            }
            loop {
                let after = (!position.after.is_empty()).then(|| read_key(table, &position.after)).flatten();
                let rows = self.source.rows(table, after.as_deref(), BATCH_ROWS);
                let rows = rows.map_err(|cause| CopyError::broken(self.from, cause))?;
                let Some(last) = rows.last() else { break };
                let contents = self.source.contents(&named(table, &rows));
                let contents = contents.map_err(|cause| CopyError::broken(self.from, cause))?;
                position.after = write_key(table, last);
                let put = self.target.put(table, &rows, &contents, &position);
                put.map_err(|cause| CopyError::refused(self.to, table.name, cause))?;
                done += rows.len() as u64;
                self.tell(Doing::Copying, table.name, done);
            }
        }
        Ok(())
    }

    /// Reads both stores and sees whether they hold the same.
    fn compare(&mut self) -> Result<Vec<Same>, CopyError> {
        let (mut same, mut done, mut all_contents) = (Vec::new(), 0, Tally::default());
        let line = |table, tally: Tally| Same { table, rows: tally.rows, checksum: tally.sum };
        for table in &TABLES {
            let (ours, our_contents) = tally(self.source, table, |rows| {
                done += rows;
                (self.told)(Progress { doing: Doing::Comparing, table: table.name, done, total: self.total });
            })
            .map_err(|cause| CopyError::broken(self.from, cause))?;
            let (theirs, their_contents) =
                tally(self.target, table, |_| {}).map_err(|cause| CopyError::broken(self.to, cause))?;
            if ours != theirs {
                return Err(CopyError::Differs { table: table.name });
            }
            if our_contents != their_contents {
                return Err(CopyError::Differs { table: "content" });
            }
            same.push(line(table.name, ours));
            all_contents.rows += our_contents.rows;
            all_contents.sum = all_contents.sum.wrapping_add(our_contents.sum);
        }
        same.push(line("content", all_contents));
        Ok(same)
    }

    fn tell(&mut self, doing: Doing, table: &'static str, done: u64) {
        (self.told)(Progress { doing, table, done, total: self.total });
    }
}

/// What a table of a store holds, and the contents that its rows name.
fn tally(end: &mut dyn End, table: &'static Table, mut told: impl FnMut(u64)) -> StoreResult<(Tally, Tally)> {
    let (mut tallied, mut contents, mut after) = (Tally::default(), Tally::default(), None::<Vec<Cell>>);
    loop {
        let rows = end.rows(table, after.as_deref(), BATCH_ROWS)?;
        let Some(last) = rows.last() else { return Ok((tallied, contents)) };
        after = Some(last.iter().take(table.key).cloned().collect());
        rows.iter().for_each(|row| tallied.add(row));
        end.contents(&named(table, &rows))?.iter().for_each(|content| contents.add(content));
        told(rows.len() as u64);
    }
}
