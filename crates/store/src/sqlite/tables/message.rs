//! Messages, their texts, and the people who wrote them.

use chathakase_session::{
    SlackTs, UserId,
    store::{Count, Result},
    turn::TurnId,
};
use rusqlite::params;

use super::{Sql, int};
use crate::{
    code::Code,
    codec::{Codec, Packed},
    rows::{ContentNo, MessageRow, MessageRows, Person},
    sqlite::cells::Cells,
    table::Table,
};

macro_rules! columns {
    () => {
        "session, seq, ts, answer, role, kind, author, team, turn, message.content, bytes, ending, tokens, at"
    };
}
pub(super) use columns;

pub(super) const MESSAGE: Table = Table { name: "message", columns: columns!(), key_columns: 2 };
const PERSON: Table = Table { name: "person", columns: "session, user, name, messages", key_columns: 2 };
const CONTENT: Table = Table { name: "content", columns: "no, codec, body", key_columns: 1 };

pub(super) fn read(cells: Cells<'_, '_>) -> Result<MessageRow> {
    Ok(MessageRow {
        session: cells.get(0)?,
        seq: cells.get(1)?,
        ts: cells.ts(2)?,
        answer: cells.flag(3)?,
        role: cells.code(4)?,
        kind: cells.code(5)?,
        author: cells.id_or_none(6)?,
        team: cells.id_or_none(7)?,
        turn: cells.get::<Option<u64>>(8)?.map(TurnId),
        content: cells.get(9)?,
        bytes: cells.get(10)?,
        ending: cells.code(11)?,
        tokens: cells.get(12)?,
        at: cells.time(13)?,
    })
}

impl MessageRows for Sql<'_> {
    fn add_message(&mut self, message: &MessageRow) -> Result<()> {
        let sql =
            "INSERT INTO message (session, seq, ts, answer, role, kind, author, team, turn, content, bytes, ending,
                   tokens, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        self.run(
            sql,
            params![
                message.session,
                message.seq,
                message.ts.as_micros(),
                message.answer,
                message.role.code(),
                message.kind.code(),
                message.author.as_ref().map(UserId::as_str),
                message.team.as_ref().map(|team| team.as_str()),
                message.turn.map(|turn| turn.0),
                message.content,
                message.bytes,
                message.ending.code(),
                message.tokens,
                message.at.as_millis(),
            ],
        )?;
        Ok(())
    }

    fn message(&self, session: u64, seq: u64) -> Result<Option<MessageRow>> {
        let sql = concat!("SELECT ", columns!(), " FROM message WHERE session = ? AND seq = ?");
        self.one(&MESSAGE, sql, params![session, seq], read)
    }

    fn save_message(&mut self, message: &MessageRow) -> Result<()> {
        let sql = "UPDATE message SET kind = ?, author = ?, team = ?, turn = ?, content = ?, bytes = ?, tokens = ?
                   WHERE session = ? AND seq = ?";
        self.run(
            sql,
            params![
                message.kind.code(),
                message.author.as_ref().map(UserId::as_str),
                message.team.as_ref().map(|team| team.as_str()),
                message.turn.map(|turn| turn.0),
                message.content,
                message.bytes,
                message.tokens,
                message.session,
                message.seq,
            ],
        )?;
        Ok(())
    }

    fn remove_message(&mut self, message: &MessageRow) -> Result<()> {
        self.run("DELETE FROM message WHERE session = ? AND seq = ?", params![message.session, message.seq])?;
        Ok(())
    }

    fn messages_until(&self, session: u64, until: SlackTs) -> Result<Vec<MessageRow>> {
        let sql =
            concat!("SELECT ", columns!(), " FROM message WHERE session = ? AND ts <= ? ORDER BY ts, answer, seq");
        self.all(&MESSAGE, sql, params![session, until.as_micros()], read)
    }

    fn messages_from(&self, session: u64, from: SlackTs) -> Result<Vec<MessageRow>> {
        let sql =
            concat!("SELECT ", columns!(), " FROM message WHERE session = ? AND ts >= ? ORDER BY ts, answer, seq");
        self.all(&MESSAGE, sql, params![session, from.as_micros()], read)
    }

    fn answers_before(&self, session: u64, before: SlackTs, limit: usize) -> Result<Vec<MessageRow>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM message WHERE session = ? AND ts < ? AND answer = 1 ORDER BY ts DESC, answer DESC, seq DESC LIMIT ?"
        );
        self.all(&MESSAGE, sql, params![session, before.as_micros(), int(limit)], read)
    }

    fn answer_of(&self, session: u64, turn: TurnId, ts: SlackTs) -> Result<Option<MessageRow>> {
        // Left to itself SQLite takes the key, and walks over the session.
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM message INDEXED BY message_in_window WHERE session = ? AND ts = ? AND answer = 1 AND turn = ?"
        );
        self.one(&MESSAGE, sql, params![session, ts.as_micros(), turn.0], read)
    }

    fn messages_of(&self, session: u64, turn: TurnId, first_seq: u64) -> Result<Vec<MessageRow>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM message WHERE session = ? AND seq >= ? AND turn = ? AND answer = 0 ORDER BY seq"
        );
        self.all(&MESSAGE, sql, params![session, first_seq, turn.0], read)
    }

    fn save_tokens(&mut self, session: u64, count: Count) -> Result<()> {
        let sql = "UPDATE message SET tokens = ? WHERE session = ? AND seq = ? AND bytes = ?";
        self.run(sql, params![count.tokens, session, int(count.seq), int(count.bytes)])?;
        Ok(())
    }

    fn add_content(&mut self, content: &Packed) -> Result<ContentNo> {
        let sql = "INSERT INTO content (codec, body) VALUES (?, ?)";
        self.run(sql, params![content.codec.code(), content.bytes])?;
        Ok(self.conn.last_insert_rowid().unsigned_abs())
    }

    fn erase_content(&mut self, no: ContentNo) -> Result<()> {
        self.state.erased.set(true);
        self.run("UPDATE content SET body = NULL WHERE no = ?", params![no])?;
        Ok(())
    }

    fn content(&self, no: ContentNo) -> Result<Option<Packed>> {
        let sql = "SELECT no, codec, body FROM content WHERE no = ? AND body IS NOT NULL";
        self.one(&CONTENT, sql, params![no], |cells| packed(cells, 1))
    }

    fn person(&self, session: u64, user: &UserId) -> Result<Option<Person>> {
        let sql = "SELECT session, user, name, messages FROM person WHERE session = ? AND user = ?";
        let read = |cells: Cells<'_, '_>| Ok(Person { name: cells.get(2)?, messages: cells.get(3)? });
        self.one(&PERSON, sql, params![session, user.as_str()], read)
    }

    fn put_person(&mut self, session: u64, user: &UserId, person: &Person) -> Result<()> {
        let sql = "INSERT INTO person (session, user, name, messages) VALUES (?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET name = excluded.name, messages = excluded.messages";
        self.run(sql, params![session, user.as_str(), person.name, person.messages])?;
        Ok(())
    }

    fn remove_person(&mut self, session: u64, user: &UserId) -> Result<()> {
        self.run("DELETE FROM person WHERE session = ? AND user = ?", params![session, user.as_str()])?;
        Ok(())
    }
}

/// A content's codec and body, the codec in `column` and the body behind it.
fn packed(cells: Cells<'_, '_>, column: usize) -> Result<Packed> {
    let codec = cells.get(column)?;
    let codec = Codec::of(codec).ok_or_else(|| cells.bad(column, UnknownCodec(codec)))?;
    let bytes: Vec<u8> = cells.get(column + 1)?;
    Ok(Packed { codec, text_bytes: 0, bytes })
}

#[derive(Debug, thiserror::Error)]
#[error("codec {0} is of a later build, or damaged")]
struct UnknownCodec(i64);

/// The text whose codec is in `column` and whose body is behind it.
pub(super) fn text(cells: Cells<'_, '_>, column: usize) -> Result<String> {
    packed(cells, column)?.text().map_err(|cause| cells.bad(column + 1, cause))
}

impl Sql<'_> {
    /// Erases up to `limit` messages of a discarded session; `true` when some are left.
    pub(super) fn purge_messages(&self, session: u64, thread: u64, at: i64, limit: usize) -> Result<bool> {
        const LAST: Table = Table { name: "message", columns: "seq, count", key_columns: 0 };
        let sql = "SELECT max(seq), count(*) FROM (SELECT seq FROM message WHERE session = ? ORDER BY seq LIMIT ?)";
        let read = |cells: Cells<'_, '_>| Ok((cells.get(0)?, cells.get(1)?));
        let Some((Some(last), count)) = self.one::<(Option<u64>, usize)>(&LAST, sql, params![session, limit], read)?
        else {
            return Ok(false);
        };
        let sql = "UPDATE content SET body = NULL WHERE no IN
                   (SELECT content FROM message WHERE session = ? AND seq <= ?)";
        self.run(sql, params![session, last])?;
        self.expire_posts(session, thread, at, last)?;
        self.run("DELETE FROM message WHERE session = ? AND seq <= ?", params![session, last])?;
        Ok(count == limit)
    }

    pub(super) fn purge_people(&self, session: u64) -> Result<()> {
        let sql = "UPDATE content SET body = NULL WHERE no IN (SELECT name FROM person WHERE session = ?)";
        self.run(sql, params![session])?;
        self.run("DELETE FROM person WHERE session = ?", params![session])?;
        Ok(())
    }
}
