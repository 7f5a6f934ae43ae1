//! A database that is copied from or to, over one connection.

use std::sync::LazyLock;

use chathakase_session::store::{Result, StoreError};
use tokio_postgres::{Row as SqlRow, error::SqlState, types::FromSql};

use super::{
    address::Address,
    cells::{postgres, unavailable},
    link::Link,
    migrate,
    numbers::{OTHERS_AT_ONCE, TURNS_AT_ONCE},
    param::{Param, params},
};
use crate::{
    OpenError,
    copy::{Cell, Column, Content, CopyError, End, Kind, Marks, Position, Row, TABLES, Table},
};

/// How often it is looked whether others are gone, a quarter of a second apart.
const LOOKS_MAX: u32 = 8;

/// The statements of a table.
struct Statements {
    first: String,
    next: String,
    count: String,
    insert: String,
    empty: String,
}

static STATEMENTS: LazyLock<Vec<Statements>> = LazyLock::new(|| TABLES.iter().map(statements).collect());

fn statements(table: &Table) -> Statements {
    let given = |column: &Column| column.from_postgres.map_or_else(|| format!("it.{}", column.name), str::to_owned);
    let columns = table.columns.iter().map(given).collect::<Vec<_>>().join(", ");
    let names = table.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
    let numbered = |count: usize| (1..=count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ");
    let key = table.columns.iter().take(table.key).map(|column| format!("it.{}", column.name));
    let key = key.collect::<Vec<_>>().join(", ");
    let (after, limit) = (numbered(table.key), table.key + 1);
    let name = table.name;
    Statements {
        first: format!("SELECT {columns} FROM chathakase.{name} AS it ORDER BY {key} LIMIT $1"),
        next: format!(
            "SELECT {columns} FROM chathakase.{name} AS it WHERE ({key}) > ({after}) ORDER BY {key} LIMIT ${limit}"
        ),
        count: format!("SELECT count(*) FROM chathakase.{name}"),
        insert: format!("INSERT INTO chathakase.{name} ({names}) VALUES ({})", numbered(table.columns.len())),
        empty: format!("TRUNCATE chathakase.{name}"),
    }
}

fn statements_of(table: &'static Table) -> &'static Statements {
    let at = TABLES.iter().position(|known| known.name == table.name).unwrap_or_default();
    &STATEMENTS[at]
}

fn param(kind: Kind, cell: &Cell) -> Param {
    match kind {
        Kind::Int => Param::Int(cell.int()),
        Kind::Code => Param::Code(cell.int().and_then(|code| i16::try_from(code).ok())),
        Kind::Flag => Param::Flag(cell.int() == Some(1)),
        Kind::Text => Param::Text(cell.text().map(str::to_owned)),
    }
}

fn read(row: &SqlRow, table: &Table) -> Result<Row> {
    let cell = |(place, column): (usize, &Column)| {
        Ok(match column.kind {
            Kind::Int => value::<i64>(row, place)?.map_or(Cell::Null, Cell::Int),
            Kind::Code => value::<i16>(row, place)?.map_or(Cell::Null, |code| Cell::Int(code.into())),
            Kind::Flag => value::<bool>(row, place)?.map_or(Cell::Null, |flag| Cell::Int(flag.into())),
            Kind::Text => value::<String>(row, place)?.map_or(Cell::Null, Cell::Text),
        })
    };
    table.columns.iter().enumerate().map(cell).collect()
}

fn value<'r, T: FromSql<'r>>(row: &'r SqlRow, place: usize) -> Result<Option<T>> {
    row.try_get(place).map_err(unavailable)
}

/// Whether a row was there already.
pub(crate) fn is_double(error: &StoreError) -> bool {
    postgres(error).and_then(tokio_postgres::Error::code) == Some(&SqlState::UNIQUE_VIOLATION)
}

/// A database that no process serves.
pub(crate) struct CopyEnd {
    link: Link,
    address: Address,
}

impl CopyEnd {
    /// Connects, and makes the tables when they are missing and wanted.
    pub(crate) fn open(url: &str, make: bool) -> std::result::Result<Self, CopyError> {
        let address = Address::parse(url)?;
        let refused = |cause| CopyError::from(OpenError::postgres(&address.shown, cause));
        let link = Link::connect(&address).map_err(refused)?;
        if !make && !migrate::has_begun(&link).map_err(refused)? {
            return Err(CopyError::NoTables { url: address.shown });
        }
        let mut end = Self { link, address };
        // Before its tables change.
        end.check_alone()?;
        migrate::run(&end.link, &end.address, true)?;
        Ok(end)
    }

    /// All of `work` or nothing.
    fn transaction(&self, work: impl FnOnce(&Link) -> Result<()>) -> Result<()> {
        self.link.command("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = on")?;
        let done = work(&self.link).and_then(|()| self.link.command("COMMIT")).and_then(|()| self.link.settle());
        if done.is_err() {
            let _ = self.link.settle();
            let _ = self.link.command("ROLLBACK").and_then(|()| self.link.settle());
        }
        done
    }
}

/// Connections of other processes of ours. Whoever serves the database keeps some open; those of one that has just ended may be
/// there for a moment.
fn others(link: &Link, address: &Address) -> Result<i64> {
    let name = address.config.get_application_name().unwrap_or_default();
    let sql = "SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()";
    let mut found = 0;
    for _ in 0..LOOKS_MAX {
        found = number(&link.query(sql, params![name])?)?.unwrap_or(0);
        if found == 0 {
            break;
        }
        link.query("SELECT pg_sleep(0.25)::text", Vec::new())?;
    }
    Ok(found)
}

fn number(rows: &[SqlRow]) -> Result<Option<i64>> {
    rows.first().map_or(Ok(None), |row| row.try_get(0).map_err(unavailable))
}

fn write_position(link: &Link, at: &Position) -> Result<()> {
    let sql = "INSERT INTO chathakase.copying (id, source, stage, after) VALUES (1, $1, $2, $3)
               ON CONFLICT (id) DO UPDATE SET stage = excluded.stage, after = excluded.after";
    link.send(sql, params![&*at.source, at.stage, &*at.after])
}

/// The copy that is under way in a database.
pub(super) fn position(link: &Link) -> Result<Option<Position>> {
    let rows = link.query("SELECT source, stage, after FROM chathakase.copying", Vec::new())?;
    let Some(row) = rows.first() else { return Ok(None) };
    let stage: i64 = row.try_get(1).map_err(unavailable)?;
    Ok(Some(Position {
        source: row.try_get(0).map_err(unavailable)?,
        stage: usize::try_from(stage).unwrap_or(usize::MAX),
        after: row.try_get(2).map_err(unavailable)?,
    }))
}

impl End for CopyEnd {
    fn check_alone(&mut self) -> std::result::Result<(), CopyError> {
        let refused = |cause| CopyError::from(OpenError::postgres(&self.address.shown, cause));
        match others(&self.link, &self.address).map_err(refused)? {
            0 => Ok(()),
            connections => Err(CopyError::Served { url: self.address.shown.clone(), connections }),
        }
    }

    fn rows(&mut self, table: &'static Table, after: Option<&[Cell]>, limit: usize) -> Result<Vec<Row>> {
        let statements = statements_of(table);
        let sql: &'static str = if after.is_some() { &statements.next } else { &statements.first };
        let key = table.columns.iter().zip(after.unwrap_or_default());
        let mut values: Vec<Param> = key.map(|(column, cell)| param(column.kind, cell)).collect();
        values.push(limit.into());
        self.link.query(sql, values)?.iter().map(|row| read(row, table)).collect()
    }

    fn contents(&mut self, wanted: &[(String, i64)]) -> Result<Vec<Content>> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let sql = "SELECT workspace, no, codec, body FROM unnest($1::text[], $2::bigint[]) AS k (w, n)
                   JOIN chathakase.content ON content.workspace = w AND content.no = n";
        let (workspaces, numbers): (Vec<String>, Vec<i64>) = wanted.iter().cloned().unzip();
        let content = |row: &SqlRow| -> std::result::Result<Content, tokio_postgres::Error> {
            let codec: i16 = row.try_get(2)?;
            Ok(Content { workspace: row.try_get(0)?, no: row.try_get(1)?, codec: codec.into(), body: row.try_get(3)? })
        };
        let found = self.link.query(sql, params![workspaces, numbers])?;
        found.iter().map(|row| content(row).map_err(unavailable)).collect()
    }

    fn count(&mut self, table: &'static Table) -> Result<u64> {
        let sql: &'static str = &statements_of(table).count;
        Ok(number(&self.link.query(sql, Vec::new())?)?.unwrap_or(0).unsigned_abs())
    }

    fn marks(&mut self) -> Result<Marks> {
        let one = |sql: &'static str, values| number(&self.link.query(sql, values)?);
        // A number of a sequence is the first of several; one that nobody asked for was not given.
        let last_turn =
            "SELECT CASE WHEN is_called THEN last_value + $1 - 1 ELSE last_value - 1 END FROM chathakase.turn_no";
        let last_other =
            "SELECT CASE WHEN is_called THEN last_value + $1 - 1 ELSE last_value - 1 END FROM chathakase.other_no";
        Ok(Marks {
            last_turn: one(last_turn, params![TURNS_AT_ONCE])?.unwrap_or(0),
            last_other: one(last_other, params![OTHERS_AT_ONCE])?.unwrap_or(0),
            good_until: one("SELECT min(good_until) FROM chathakase.process", Vec::new())?,
        })
    }

    fn position(&mut self) -> Result<Option<Position>> {
        position(&self.link)
    }

    fn put(&mut self, table: &'static Table, rows: &[Row], contents: &[Content], reached: &Position) -> Result<()> {
        let insert: &'static str = &statements_of(table).insert;
        self.transaction(|link| {
            for Content { workspace, no, codec, body } in contents {
                let sql = "INSERT INTO chathakase.content (workspace, no, codec, body) VALUES ($1, $2, $3, $4)
                           ON CONFLICT (workspace, no) DO NOTHING";
                let codec = Param::Code(i16::try_from(*codec).ok());
                link.send(sql, vec![workspace.as_str().into(), (*no).into(), codec, body.as_slice().into()])?;
            }
            for row in rows {
                let values = table.columns.iter().zip(row).map(|(column, cell)| param(column.kind, cell));
                link.send(insert, values.collect())?;
            }
            write_position(link, reached)
        })
    }

    fn begin(&mut self, at: &Position) -> Result<()> {
        self.transaction(|link| write_position(link, at))
    }

    fn begin_anew(&mut self, at: &Position) -> std::result::Result<(), CopyError> {
        let done = self.transaction(|link| {
            link.command("TRUNCATE chathakase.content")?;
            for statements in STATEMENTS.iter() {
                link.command(&statements.empty)?;
            }
            write_position(link, at)
        });
        done.map_err(|cause| OpenError::postgres(&self.address.shown, cause).into())
    }

    fn finish(&mut self, marks: &Marks) -> Result<()> {
        let Marks { last_turn, last_other, good_until } = *marks;
        self.transaction(|link| {
            link.send("SELECT setval('chathakase.turn_no', $1, FALSE)", params![last_turn + 1])?;
            link.send("SELECT setval('chathakase.other_no', $1, FALSE)", params![last_other + 1])?;
            link.send("DELETE FROM chathakase.process", Vec::new())?;
            let sql = "INSERT INTO chathakase.process (owner, until, good_until) VALUES ('before', 0, $1)";
            link.send(sql, params![good_until])?;
            link.send("DELETE FROM chathakase.looked", Vec::new())?;
            link.send("DELETE FROM chathakase.copying", Vec::new())
        })
    }

    fn close(self: Box<Self>) {
        self.link.close();
    }
}
