//! Turns, their leases, and the parts of their answers.

use std::collections::HashSet;

use chathakase_session::{
    SlackTs, Timestamp, UserId, WorkspaceId,
    store::{Result, Usage},
    turn::{Outcome, OwnerId, Part, TurnId, TurnKind},
};
use rusqlite::params;

use super::{Sql, int};
use crate::{
    code::Code,
    rows::{AT_ONCE, Claimable, ClosingRow, Room, SUSPECT_DEATHS, Suspects, TurnRow, TurnRows, oldest},
    sqlite::cells::Cells,
    table::Table,
};

macro_rules! columns {
    () => {
        "id, thread, session, kind, state, delivery, deaths, asker, asker_team, first_ts, last_ts, started_at, first_seq, \
         owner, fence, due, outcome, ending, text, note, model, prompt_tokens, completion_tokens, stop_requested, \
         repeated"
    };
}

const TURN: Table = Table { name: "turn", columns: columns!(), key_columns: 1 };
const ID: Table = Table { name: "turn", columns: "id", key_columns: 1 };
const CLAIMABLE: Table = Table { name: "turn", columns: "id, command", key_columns: 1 };
const SUSPECTS: Table = Table { name: "turn", columns: "count, deaths", key_columns: 0 };
const PART: Table = Table { name: "part", columns: "turn, idx, mode, state, ts, hash", key_columns: 2 };

fn read(cells: Cells<'_, '_>) -> Result<TurnRow> {
    let closing = |outcome: Outcome| -> Result<ClosingRow> {
        Ok(ClosingRow {
            outcome,
            ending: cells.code(17)?,
            text: cells.get(18)?,
            note: cells.get(19)?,
            model: cells.get(20)?,
            usage: Usage { prompt: cells.get(21)?, completion: cells.get(22)? },
        })
    };
    Ok(TurnRow {
        id: TurnId(cells.get(0)?),
        thread: cells.get(1)?,
        session: cells.get(2)?,
        kind: cells.code(3)?,
        state: cells.code(4)?,
        delivery: cells.code(5)?,
        deaths: cells.get(6)?,
        asker: cells.id_or_none(7)?,
        asker_team: cells.id_or_none(8)?,
        first_ts: cells.ts(9)?,
        last_ts: cells.ts(10)?,
        started_at: cells.time_or_none(11)?,
        first_seq: cells.get(12)?,
        owner: cells.get::<Option<String>>(13)?.as_deref().map(OwnerId::new),
        fence: cells.get(14)?,
        due: cells.time_or_none(15)?,
        stop_requested: cells.flag(23)?,
        repeated: cells.flag(24)?,
        closing: cells.code_or_none(16)?.map(closing).transpose()?,
    })
}

fn read_part(cells: Cells<'_, '_>) -> Result<Part> {
    Ok(Part {
        index: cells.get(1)?,
        mode: cells.code(2)?,
        state: cells.code(3)?,
        ts: cells.ts_or_none(4)?,
        hash: cells.get::<i64>(5)?.cast_unsigned(),
    })
}

impl TurnRows for Sql<'_> {
    fn next_turn(&mut self) -> TurnId {
        let next = self.state.last_turn.get() + 1;
        self.state.last_turn.set(next);
        TurnId(next)
    }

    fn turn(&self, id: TurnId) -> Result<Option<TurnRow>> {
        self.one(&TURN, concat!("SELECT ", columns!(), " FROM turn WHERE id = ?"), params![int(id.0)], read)
    }

    fn add_turn(&mut self, turn: &TurnRow) -> Result<()> {
        let sql = "INSERT INTO turn (id, thread, session, kind, state, delivery, deaths, asker, asker_team, first_ts,
                   last_ts, started_at, first_seq, owner, fence, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        self.run(
            sql,
            params![
                turn.id.0,
                turn.thread,
                turn.session,
                turn.kind.code(),
                turn.state.code(),
                turn.delivery.code(),
                turn.deaths,
                turn.asker.as_ref().map(UserId::as_str),
                turn.asker_team.as_ref().map(WorkspaceId::as_str),
                turn.first_ts.as_micros(),
                turn.last_ts.as_micros(),
                turn.started_at.map(Timestamp::as_millis),
                turn.first_seq,
                turn.owner.as_ref().map(OwnerId::as_str),
                turn.fence,
                turn.due.map(Timestamp::as_millis),
            ],
        )?;
        Ok(())
    }

    fn save_turn(&mut self, turn: &TurnRow) -> Result<()> {
        let sql = "UPDATE turn SET state = ?, delivery = ?, deaths = ?, asker = ?, asker_team = ?, first_ts = ?,
                   last_ts = ?, started_at = ?, first_seq = ?, owner = ?, fence = ?, due = ?, outcome = ?, ending = ?,
                   text = ?, note = ?, model = ?, prompt_tokens = ?, completion_tokens = ?, stop_requested = ?, repeated = ?
                   WHERE id = ?";
        let closing = turn.closing.as_ref();
        self.run(
            sql,
            params![
                turn.state.code(),
                turn.delivery.code(),
                turn.deaths,
                turn.asker.as_ref().map(UserId::as_str),
                turn.asker_team.as_ref().map(WorkspaceId::as_str),
                turn.first_ts.as_micros(),
                turn.last_ts.as_micros(),
                turn.started_at.map(Timestamp::as_millis),
                turn.first_seq,
                turn.owner.as_ref().map(OwnerId::as_str),
                turn.fence,
                turn.due.map(Timestamp::as_millis),
                closing.map(|closing| closing.outcome.code()),
                closing.map(|closing| closing.ending.code()),
                closing.and_then(|closing| closing.text),
                closing.and_then(|closing| closing.note),
                closing.and_then(|closing| closing.model.as_deref()),
                closing.map(|closing| closing.usage.prompt),
                closing.map(|closing| closing.usage.completion),
                turn.stop_requested,
                turn.repeated,
                turn.id.0,
            ],
        )?;
        Ok(())
    }

    fn save_due(&mut self, id: TurnId, due: Option<Timestamp>) -> Result<()> {
        self.run("UPDATE turn SET due = ? WHERE id = ?", params![due.map(Timestamp::as_millis), id.0])?;
        Ok(())
    }

    fn remove_turn(&mut self, id: TurnId) -> Result<()> {
        self.run("DELETE FROM turn WHERE id = ?", params![id.0])?;
        Ok(())
    }

    fn suspects_of(&self, owner: &OwnerId, now: Timestamp) -> Result<Suspects> {
        let sql = "SELECT count(*), coalesce(max(deaths), 0) FROM turn
                   WHERE deaths > 0 AND due > ?1 AND deaths >= ?2 AND owner = ?3";
        let read = |cells: Cells<'_, '_>| {
            let worst = u32::try_from(cells.get::<i64>(1)?).unwrap_or(u32::MAX);
            Ok(Suspects { held: cells.get(0)?, worst })
        };
        let found = self.one(&SUSPECTS, sql, params![now.as_millis(), SUSPECT_DEATHS, owner.as_str()], read)?;
        Ok(found.unwrap_or_default())
    }

    fn claimable(&self, deaths_max: u32, now: Timestamp, room: Room) -> Result<Vec<TurnId>> {
        let read = |cells: Cells<'_, '_>| -> Result<Claimable> { Ok((TurnId(cells.get(0)?), cells.get(1)?)) };
        let command = TurnKind::Command.code();
        let sql = "SELECT id, kind = ? FROM turn WHERE due = ? ORDER BY id LIMIT ?";
        let mut found = self.all(&CLAIMABLE, sql, params![command, AT_ONCE.as_millis(), int(room.answers)], read)?;
        // Those whose owner is gone: no more than were running.
        let sql = "SELECT id, kind = ?1 AS command FROM turn WHERE due > ?2 AND due <= ?3 AND command = ?4
                   AND deaths + (owner IS NOT NULL) < ?5 ORDER BY id LIMIT ?6";
        for (is_command, most) in [(false, room.answers), (true, room.commands)] {
            let (from, to) = (AT_ONCE.as_millis(), now.as_millis());
            let values = params![command, from, to, is_command, SUSPECT_DEATHS, int(most)];
            found.extend(self.all(&CLAIMABLE, sql, values, read)?);
        }
        let sql = "SELECT id, kind = ?1 AS command FROM turn WHERE deaths > 0 AND due <= ?2
                   AND deaths + (owner IS NOT NULL) BETWEEN ?3 AND ?4 AND iif(command, ?6, ?5) ORDER BY deaths, id LIMIT 1";
        let values = params![command, now.as_millis(), SUSPECT_DEATHS, deaths_max, room.takes(false), room.takes(true)];
        found.extend(self.all(&CLAIMABLE, sql, values, read)?);
        Ok(oldest(found, room))
    }

    fn delivered_until(&self, session: u64, until: SlackTs) -> Result<Vec<TurnRow>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM turn WHERE session = ? AND last_ts <= ? AND state = 2 AND delivery = 1 ORDER BY id"
        );
        self.all(&TURN, sql, params![session, until.as_micros()], read)
    }

    fn turn_shown_at(&self, session: u64, ts: SlackTs) -> Result<Option<TurnId>> {
        let sql = "SELECT turn.id FROM part JOIN turn ON turn.id = part.turn WHERE part.ts = ? AND turn.session = ?";
        self.one(&ID, sql, params![ts.as_micros(), session], |cells| Ok(TurnId(cells.get(0)?)))
    }

    fn parts(&self, turn: TurnId) -> Result<Vec<Part>> {
        let sql = "SELECT turn, idx, mode, state, ts, hash FROM part WHERE turn = ? ORDER BY idx";
        self.all(&PART, sql, params![turn.0], read_part)
    }

    fn put_part(&mut self, turn: TurnId, part: &Part) -> Result<()> {
        let sql = "INSERT INTO part (turn, idx, mode, state, ts, hash) VALUES (?, ?, ?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET mode = excluded.mode, state = excluded.state, ts = excluded.ts,
                   hash = excluded.hash";
        self.run(
            sql,
            params![
                turn.0,
                part.index,
                part.mode.code(),
                part.state.code(),
                part.ts.map(SlackTs::as_micros),
                part.hash.cast_signed(),
            ],
        )?;
        Ok(())
    }

    fn remove_parts(&mut self, turn: TurnId) -> Result<()> {
        self.run("DELETE FROM part WHERE turn = ?", params![turn.0])?;
        Ok(())
    }

    fn part_times(&self, session: u64) -> Result<HashSet<SlackTs>> {
        let sql = "SELECT part.turn, idx, mode, part.state, part.ts FROM turn JOIN part ON part.turn = turn.id
                   WHERE turn.session = ? AND part.ts IS NOT NULL";
        Ok(self.all(&PART, sql, params![session], |cells| cells.ts(4))?.into_iter().collect())
    }
}

impl Sql<'_> {
    /// Erases the turns of a discarded session with their words.
    pub(super) fn purge_turns(&self, session: u64) -> Result<()> {
        let sql = "UPDATE content SET body = NULL WHERE no IN
                   (SELECT text FROM turn WHERE session = ?1 UNION ALL SELECT note FROM turn WHERE session = ?1)";
        self.run(sql, params![session])?;
        self.run("DELETE FROM turn WHERE session = ?", params![session])?;
        Ok(())
    }
}
