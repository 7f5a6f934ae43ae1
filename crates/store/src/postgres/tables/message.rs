//! Messages, their texts, and the people who wrote them.

use chathakase_session::{
    SlackTs, UserId, WorkspaceId,
    store::{Count, Result},
    turn::TurnId,
};

use super::{Cells, Param, Sql, int, params};
use crate::{
    codec::{Codec, Packed},
    postgres::param::code,
    rows::{ContentNo, MessageRow, MessageRows, Person},
    table::{Table, UnknownCode},
};

macro_rules! columns {
    () => {
        "message.workspace, session, seq, ts, answer, role, kind, author, team, turn, message.content, bytes, ending, \
         tokens, at"
    };
}
pub(super) use columns;

macro_rules! person {
    () => {
        "SELECT person.workspace, person.session, member, name, messages, codec, body FROM chathakase.person
         LEFT JOIN chathakase.content ON content.workspace = person.workspace AND content.no = person.name"
    };
}
pub(super) use person;

pub(super) const MESSAGE: Table = Table { name: "message", columns: columns!(), key_columns: 3 };
pub(super) const PERSON: Table =
    Table { name: "person", columns: "workspace, session, member, name, messages, codec, body", key_columns: 3 };
const CONTENT: Table = Table { name: "content", columns: "workspace, no, codec, body", key_columns: 2 };

pub(super) fn read(cells: Cells<'_>) -> Result<MessageRow> {
    Ok(MessageRow {
        session: cells.count(1)?,
        seq: cells.count(2)?,
        ts: cells.ts(3)?,
        answer: cells.flag(4)?,
        role: cells.code(5)?,
        kind: cells.code(6)?,
        author: cells.id_or_none(7)?,
        team: cells.id_or_none(8)?,
        turn: cells.count_or_none(9)?.map(TurnId),
        content: cells.count(10)?,
        bytes: cells.count(11)?,
        ending: cells.code(12)?,
        tokens: cells.count_or_none(13)?,
        at: cells.time(14)?,
    })
}

/// What may be a name (bytes).
const NAME_BYTES_MAX: usize = 256;

/// A content's codec and body, the codec in `column` and the body behind it.
pub(super) fn packed(cells: Cells<'_>, column: usize) -> Result<Packed> {
    let code = i64::from(cells.get::<i16>(column)?);
    let codec = Codec::of(code).ok_or_else(|| cells.bad(column, UnknownCode(code)))?;
    Ok(Packed { codec, text_bytes: 0, bytes: cells.get::<&[u8]>(column + 1)?.to_owned() })
}

/// The text whose codec is in `column` and whose body is behind it.
pub(super) fn text(cells: Cells<'_>, column: usize) -> Result<String> {
    packed(cells, column)?.text().map_err(|cause| cells.bad(column + 1, cause))
}

impl MessageRows for Sql<'_> {
    fn add_message(&mut self, message: &MessageRow) -> Result<()> {
        let sql = "INSERT INTO chathakase.message (workspace, session, seq, ts, answer, role, kind, author, team, turn,
                   content, bytes, ending, tokens, at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
        let values = params![
            message.seq,
            message.ts,
            message.answer,
            code(message.role),
            code(message.kind),
            message.author.as_ref().map(UserId::as_str),
            message.team.as_ref().map(WorkspaceId::as_str),
            message.turn.map(|turn| turn.0),
            message.content,
            message.bytes,
            code(message.ending),
            message.tokens,
            message.at,
        ];
        self.run(sql, self.of(message.session, values))
    }

    fn message(&self, session: u64, seq: u64) -> Result<Option<MessageRow>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM chathakase.message WHERE workspace = $1 AND session = $2 AND seq = $3"
        );
        self.one(&MESSAGE, sql, self.of(session, params![seq]), read)
    }

    fn save_message(&mut self, message: &MessageRow) -> Result<()> {
        let sql =
            "UPDATE chathakase.message SET kind = $4, author = $5, team = $6, turn = $7, content = $8, bytes = $9,
                   tokens = $10 WHERE workspace = $1 AND session = $2 AND seq = $3";
        let values = params![
            message.seq,
            code(message.kind),
            message.author.as_ref().map(UserId::as_str),
            message.team.as_ref().map(WorkspaceId::as_str),
            message.turn.map(|turn| turn.0),
            message.content,
            message.bytes,
            message.tokens,
        ];
        self.run(sql, self.of(message.session, values))
    }

    fn remove_message(&mut self, message: &MessageRow) -> Result<()> {
        let sql = "DELETE FROM chathakase.message WHERE workspace = $1 AND session = $2 AND seq = $3";
        self.run(sql, self.of(message.session, params![message.seq]))
    }

    fn messages_until(&self, session: u64, until: SlackTs) -> Result<Vec<MessageRow>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM chathakase.message WHERE workspace = $1 AND session = $2 AND ts <= $3 ORDER BY ts, answer, seq"
        );
        self.all(&MESSAGE, sql, self.of(session, params![until]), read)
    }

    fn messages_from(&self, session: u64, from: SlackTs) -> Result<Vec<MessageRow>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM chathakase.message WHERE workspace = $1 AND session = $2 AND ts >= $3 ORDER BY ts, answer, seq"
        );
        self.all(&MESSAGE, sql, self.of(session, params![from]), read)
    }

    fn answers_before(&self, session: u64, before: SlackTs, limit: usize) -> Result<Vec<MessageRow>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM chathakase.message WHERE workspace = $1 AND session = $2 AND ts < $3 AND answer
             ORDER BY ts DESC, answer DESC, seq DESC LIMIT $4"
        );
        self.all(&MESSAGE, sql, self.of(session, params![before, limit]), read)
    }

    fn answer_of(&self, session: u64, turn: TurnId, ts: SlackTs) -> Result<Option<MessageRow>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM chathakase.message WHERE workspace = $1 AND session = $2 AND ts = $3 AND answer AND turn = $4"
        );
        self.one(&MESSAGE, sql, self.of(session, params![ts, turn.0]), read)
    }

    fn messages_of(&self, session: u64, turn: TurnId, first_seq: u64) -> Result<Vec<MessageRow>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM chathakase.message WHERE workspace = $1 AND session = $2 AND seq >= $3 AND turn = $4 AND NOT answer
             ORDER BY seq"
        );
        self.all(&MESSAGE, sql, self.of(session, params![first_seq, turn.0]), read)
    }

    fn save_tokens(&mut self, session: u64, count: Count) -> Result<()> {
        let sql = "UPDATE chathakase.message SET tokens = $5
                   WHERE workspace = $1 AND session = $2 AND seq = $3 AND bytes = $4";
        self.run(sql, self.of(session, params![int(count.seq), count.bytes, count.tokens]))
    }

    fn add_content(&mut self, content: &Packed) -> Result<ContentNo> {
        let no = self.number()?;
        let sql = "INSERT INTO chathakase.content (workspace, no, codec, body) VALUES ($1, $2, $3, $4)";
        let codec = Param::Code(i16::try_from(content.codec.code()).ok());
        self.run(sql, self.of(no, vec![codec, content.bytes.as_slice().into()]))?;
        // A name is compared with the next one; a text is not asked for again.
        if content.bytes.len() <= NAME_BYTES_MAX {
            self.book.borrow_mut().contents.insert(no, Some(content.clone()));
        }
        Ok(no)
    }

    fn erase_content(&mut self, no: ContentNo) -> Result<()> {
        self.run("DELETE FROM chathakase.content WHERE workspace = $1 AND no = $2", self.of(no, Vec::new()))?;
        self.book.borrow_mut().contents.insert(no, None);
        Ok(())
    }

    fn content(&self, no: ContentNo) -> Result<Option<Packed>> {
        if let Some(known) = self.book.borrow().contents.get(&no) {
            return Ok(known.clone());
        }
        let sql = "SELECT workspace, no, codec, body FROM chathakase.content WHERE workspace = $1 AND no = $2";
        self.one(&CONTENT, sql, self.of(no, Vec::new()), |cells| packed(cells, 2))
    }

    fn person(&self, session: u64, user: &UserId) -> Result<Option<Person>> {
        if let Some(known) = self.book.borrow().people.get(&(session, user.clone())) {
            return Ok(known.clone());
        }
        if self.book.borrow().fresh.contains(&session) {
            return Ok(None);
        }
        let sql = concat!(person!(), " WHERE person.workspace = $1 AND session = $2 AND member = $3");
        let found = self.one(&PERSON, sql, self.of(session, params![user.as_str()]), read_person)?;
        Ok(self.knows_person(session, user, found))
    }

    fn put_person(&mut self, session: u64, user: &UserId, person: &Person) -> Result<()> {
        let sql =
            "INSERT INTO chathakase.person (workspace, session, member, name, messages) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (workspace, session, member) DO UPDATE SET name = excluded.name,
                   messages = excluded.messages";
        self.run(sql, self.of(session, params![user.as_str(), person.name, person.messages]))?;
        self.book.borrow_mut().people.insert((session, user.clone()), Some(person.clone()));
        Ok(())
    }

    fn remove_person(&mut self, session: u64, user: &UserId) -> Result<()> {
        let sql = "DELETE FROM chathakase.person WHERE workspace = $1 AND session = $2 AND member = $3";
        self.run(sql, self.of(session, params![user.as_str()]))?;
        self.book.borrow_mut().people.insert((session, user.clone()), None);
        Ok(())
    }
}

/// A person with the name that is wanted next.
pub(super) type Named = (u64, UserId, Person, Option<Packed>);

pub(super) fn read_person(cells: Cells<'_>) -> Result<Named> {
    let name = cells.get::<Option<i16>>(5)?.map(|_| packed(cells, 5)).transpose()?;
    let person = Person { name: cells.count_or_none(3)?, messages: cells.count(4)? };
    Ok((cells.count(1)?, cells.id(2)?, person, name))
}

impl Sql<'_> {
    /// Values that begin with the key of a session or a content.
    pub(super) fn of(&self, number: u64, mut rest: Vec<Param>) -> Vec<Param> {
        let mut params = vec![self.workspace(), number.into()];
        params.append(&mut rest);
        params
    }

    pub(super) fn knows_person(&self, session: u64, user: &UserId, found: Option<Named>) -> Option<Person> {
        let mut book = self.book.borrow_mut();
        let person = found.map(|(.., person, name)| {
            if let Some(no) = person.name {
                book.contents.insert(no, name);
            }
            person
        });
        book.people.insert((session, user.clone()), person.clone());
        person
    }

    /// Erases up to `limit` messages of a discarded session; `true` when some are left.
    pub(super) fn purge_messages(&self, session: u64, channel: &str, at: i64, limit: usize) -> Result<bool> {
        const LAST: Table = Table { name: "message", columns: "seq, count", key_columns: 0 };
        let sql = "SELECT max(seq), count(*) FROM (SELECT seq FROM chathakase.message
                   WHERE workspace = $1 AND session = $2 ORDER BY seq LIMIT $3) AS oldest";
        let read = |cells: Cells<'_>| Ok((cells.count_or_none(0)?, cells.count(1)?));
        let found = self.one::<(Option<u64>, usize)>(&LAST, sql, self.of(session, params![limit]), read)?;
        let Some((Some(last), count)) = found else { return Ok(false) };
        let sql = "DELETE FROM chathakase.content USING chathakase.message WHERE message.workspace = $1
                   AND message.session = $2 AND message.seq <= $3
                   AND content.workspace = $1 AND content.no = message.content";
        self.run(sql, self.of(session, params![last]))?;
        self.expire_posts(session, channel, at, last)?;
        let sql = "DELETE FROM chathakase.message WHERE workspace = $1 AND session = $2 AND seq <= $3";
        self.run(sql, self.of(session, params![last]))?;
        Ok(count == limit)
    }

    pub(super) fn purge_people(&self, session: u64) -> Result<()> {
        let sql = "DELETE FROM chathakase.content USING chathakase.person WHERE person.workspace = $1
                   AND person.session = $2 AND content.workspace = $1 AND content.no = person.name";
        self.run(sql, self.of(session, Vec::new()))?;
        let sql = "DELETE FROM chathakase.person WHERE workspace = $1 AND session = $2";
        self.run(sql, self.of(session, Vec::new()))
    }
}
