//! A file that is copied from or to: opened as `serve` opens it, so that nobody else has it.

use std::{fs, io::ErrorKind, path::Path, sync::LazyLock};

use chathakase_session::{
    chain,
    store::{Result, StoreError},
};
use rusqlite::{
    Connection, OptionalExtension, Row as SqlRow, ToSql, params, params_from_iter,
    types::{ToSqlOutput, Value, ValueRef},
};

use super::{
    Options,
    cells::unavailable,
    open::{self, Locked},
};
use crate::{
    OpenError,
    copy::{Cell, Column, Content, CopyError, End, Marks, OnlySqlite, Position, Row, TABLES, Table},
};

/// The statements of a table.
struct Statements {
    first: String,
    next: String,
    insert: String,
    /// Where the values of `insert` are in a row.
    places: Vec<usize>,
}

static STATEMENTS: LazyLock<Vec<Statements>> = LazyLock::new(|| TABLES.iter().map(statements).collect());

fn statements(table: &Table) -> Statements {
    let given = |column: &Column| column.from_sqlite.map_or_else(|| format!("it.{}", column.name), str::to_owned);
    let columns: Vec<String> = table.columns.iter().map(given).collect();
    let (columns, name) = (columns.join(", "), table.name);
    let keys: Vec<&str> = stored_key(table).map(|(_, name)| name).collect();
    let key = format!("it.{}", keys.join(", it."));
    let after = vec!["?"; keys.len()].join(", ");
    let stored = || table.columns.iter().enumerate().filter_map(|(place, column)| Some((place, column.in_sqlite?)));
    let (mut places, mut into): (Vec<usize>, Vec<&str>) = stored().unzip();
    let mut values = vec!["?"; into.len()];
    if let Some(OnlySqlite { column, from, of }) = &table.only_sqlite {
        into.push(column);
        values.push(from);
        places.extend(of.iter().filter_map(|name| table.place(name)));
    }
    Statements {
        first: format!("SELECT {columns} FROM {name} AS it ORDER BY {key} LIMIT ?"),
        next: format!("SELECT {columns} FROM {name} AS it WHERE ({key}) > ({after}) ORDER BY {key} LIMIT ?"),
        insert: format!("INSERT INTO {name} ({}) VALUES ({})", into.join(", "), values.join(", ")),
        places,
    }
}

/// The columns of a table's key that this database has, with their places in a row.
fn stored_key(table: &Table) -> impl Iterator<Item = (usize, &'static str)> {
    let key = table.columns.iter().take(table.key).enumerate();
    key.filter_map(|(place, column)| Some((place, column.in_sqlite?)))
}

fn statements_of(table: &'static Table) -> &'static Statements {
    let at = TABLES.iter().position(|known| known.name == table.name).unwrap_or_default();
    &STATEMENTS[at]
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Int(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

fn read(row: &SqlRow<'_>, table: &Table) -> Result<Row> {
    let cell = |place: usize| -> Result<Cell> {
        let bad = || StoreError::BadRow {
            table: table.name,
            column: table.columns[place].name,
            row: "?".to_owned(),
            cause: None,
        };
        Ok(match row.get_ref(place).map_err(unavailable)? {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Int(number),
            // PostgreSQL's texts take anything but a zero, which another program's words may hold.
            ValueRef::Text(text) => Cell::Text(str::from_utf8(text).map_err(|_| bad())?.replace('\0', "")),
            ValueRef::Real(_) | ValueRef::Blob(_) => return Err(bad()),
        })
    };
    (0..table.columns.len()).map(cell).collect()
}

/// Whether a row was there already.
pub(crate) fn is_clash(error: &StoreError) -> bool {
    let StoreError::Unavailable { cause: Some(cause), .. } = error else { return false };
    let code = cause.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
    code == Some(rusqlite::ErrorCode::ConstraintViolation)
}

/// A file, and the only process that has it.
pub(crate) struct CopyEnd {
    file: Locked,
}

impl CopyEnd {
    /// Opens the file, and makes it when it is missing.
    pub(crate) fn open(path: &Path) -> std::result::Result<Self, OpenError> {
        Ok(Self { file: open::locked(path, &Options::default())? })
    }
    fn conn(&self) -> &Connection {
        &self.file.conn
    }
    fn transaction(&self, work: impl FnOnce(&Connection) -> Result<()>) -> Result<()> {
        let transaction = self.conn().unchecked_transaction().map_err(unavailable)?;
        work(&transaction)?;
        transaction.commit().map_err(unavailable)
    }
    fn one(&self, sql: &str) -> Result<Option<i64>> {
        self.conn().query_row(sql, [], |row| row.get(0)).map_err(unavailable)
    }
}

fn write_position(conn: &Connection, at: &Position) -> Result<()> {
    let sql = "INSERT INTO copying (id, source, stage, after) VALUES (1, ?, ?, ?)
               ON CONFLICT DO UPDATE SET stage = excluded.stage, after = excluded.after";
    let mut statement = conn.prepare_cached(sql).map_err(unavailable)?;
    statement.execute(params![at.source, at.stage, at.after]).map(drop).map_err(unavailable)
}

/// The copy that is under way in a database.
pub(super) fn position(conn: &Connection) -> rusqlite::Result<Option<Position>> {
    let read = |row: &SqlRow<'_>| Ok(Position { source: row.get(0)?, stage: row.get(1)?, after: row.get(2)? });
    conn.query_row("SELECT source, stage, after FROM copying", [], read).optional()
}

impl End for CopyEnd {
    fn rows(&mut self, table: &'static Table, after: Option<&[Cell]>, limit: usize) -> Result<Vec<Row>> {
        let statements = statements_of(table);
        let sql = if after.is_some() { &statements.next } else { &statements.first };
        let mut statement = self.conn().prepare_cached(sql).map_err(unavailable)?;
        let key = stored_key(table).filter_map(|(place, _)| after?.get(place).cloned());
        let limit = Cell::Int(i64::try_from(limit).unwrap_or(i64::MAX));
        let mut found = statement.query(params_from_iter(key.chain([limit]))).map_err(unavailable)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(unavailable)? {
            rows.push(read(row, table)?);
        }
        Ok(rows)
    }

    fn contents(&mut self, wanted: &[(String, i64)]) -> Result<Vec<Content>> {
        let sql = "SELECT codec, body FROM content WHERE no = ? AND body IS NOT NULL";
        let mut statement = self.conn().prepare_cached(sql).map_err(unavailable)?;
        let mut contents = Vec::with_capacity(wanted.len());
        for (workspace, no) in wanted {
            let content = |row: &SqlRow<'_>| {
                Ok(Content { workspace: workspace.clone(), no: *no, codec: row.get(0)?, body: row.get(1)? })
            };
            contents.extend(statement.query_row([no], content).optional().map_err(unavailable)?);
        }
        Ok(contents)
    }

    fn count(&mut self, table: &'static Table) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM {}", table.name);
        Ok(self.one(&sql)?.unwrap_or(0).unsigned_abs())
    }

    fn marks(&mut self) -> Result<Marks> {
        Ok(Marks {
            last_turn: self.one("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'turn'")?.unwrap_or(0),
            last_other: self
                .one(
                    "SELECT max(coalesce((SELECT max(no) FROM content), 0), coalesce((SELECT max(no) FROM thread), 0),
                     coalesce((SELECT max(session) FROM thread), 0), coalesce((SELECT max(session) FROM discarded), 0))",
                )?
                .unwrap_or(0),
            good_until: self.one("SELECT min(good_until) FROM process")?,
        })
    }

    fn position(&mut self) -> Result<Option<Position>> {
        position(self.conn()).map_err(unavailable)
    }

    fn put(&mut self, table: &'static Table, rows: &[Row], contents: &[Content], reached: &Position) -> Result<()> {
        self.transaction(|conn| {
            let sql = "INSERT INTO content (no, codec, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
            let mut statement = conn.prepare_cached(sql).map_err(unavailable)?;
            for Content { no, codec, body, .. } in contents {
                statement.execute(params![no, codec, body]).map_err(unavailable)?;
            }
            let Statements { insert, places, .. } = statements_of(table);
            let mut statement = conn.prepare_cached(insert).map_err(unavailable)?;
            for row in rows {
                statement.execute(params_from_iter(places.iter().map(|place| &row[*place]))).map_err(unavailable)?;
            }
            write_position(conn, reached)
        })
    }

    fn begin(&mut self, at: &Position) -> Result<()> {
        self.transaction(|conn| write_position(conn, at))
    }

    /// Makes the file anew: rows that were deleted could leave traces.
    fn begin_anew(&mut self, at: &Position) -> std::result::Result<(), CopyError> {
        let Locked { path, conn, .. } = &mut self.file;
        // The lock stays ours.
        *conn = Connection::open_in_memory().map_err(|cause| open::refused(path, cause))?;
        for end in ["", "-wal", "-shm"] {
            let mut name = path.clone().into_os_string();
            name.push(end);
            match fs::remove_file(&name) {
                Err(cause) if cause.kind() != ErrorKind::NotFound => {
                    return Err(OpenError::NotWritable { path: name.into(), cause }.into());
                }
                _ => {}
            }
        }
        *conn = open::connect(path, &Options::default())?;
        let at_path = format!("sqlite:{}", path.display());
        self.begin(at).map_err(|cause| CopyError::broken(&at_path, cause))
    }

    fn finish(&mut self, marks: &Marks) -> Result<()> {
        self.transaction(|conn| {
            let run = |sql: &str, value: Option<i64>| conn.execute(sql, [value]).map(drop).map_err(unavailable);
            // An erased row holds the place of the last number.
            run(
                "INSERT INTO content (no, codec, body) VALUES (?, 0, NULL) ON CONFLICT DO NOTHING",
                Some(marks.last_other),
            )?;
            run("DELETE FROM sqlite_sequence WHERE name = 'turn' AND seq < ?", Some(marks.last_turn))?;
            run(
                "INSERT INTO sqlite_sequence (name, seq) SELECT 'turn', ?
                 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'turn')",
                Some(marks.last_turn),
            )?;
            run("DELETE FROM process WHERE until >= coalesce(?, 0)", None)?;
            run("INSERT INTO process (owner, until, good_until) VALUES ('before', 0, ?)", marks.good_until)?;
            run("DELETE FROM looked WHERE at >= coalesce(?, 0)", None)?;
            run("DELETE FROM copying WHERE id >= coalesce(?, 0)", None)
        })
    }

    fn close(self: Box<Self>) {
        let Locked { conn, lock, .. } = self.file;
        if let Err((_, error)) = conn.close() {
            tracing::error!(error = %chain(&error), "the database was not closed cleanly; nothing is lost");
        }
        drop(lock);
    }
}

#[cfg(test)]
impl CopyEnd {
    /// The tables of the file and their columns.
    pub(crate) fn schema(&self) -> Vec<(String, Vec<String>)> {
        let mut tables =
            self.conn().prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
        let names: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(|name| name.unwrap()).collect();
        let columns = |name: &String| {
            let mut columns = self.conn().prepare(&format!("SELECT name FROM pragma_table_info('{name}')")).unwrap();
            columns.query_map([], |row| row.get(0)).unwrap().map(|name| name.unwrap()).collect()
        };
        names.iter().map(|name| (name.clone(), columns(name))).collect()
    }
}
