//! Turns, their leases, and the parts of their answers.

use std::collections::HashSet;

use chathakase_session::{
    SlackTs, Timestamp, UserId, WorkspaceId,
    store::{Result, Usage},
    turn::{Outcome, OwnerId, Part, TurnId, TurnKind},
};

use super::{Cells, Param, Sql, int, params};
use crate::{
    postgres::param::{code, code_or_none, foreign},
    rows::{AT_ONCE, ClosingRow, Room, SUSPECT_DEATHS, Suspects, TurnRow, TurnRows, oldest},
    table::Table,
};

macro_rules! columns {
    () => {
        "turn.workspace, id, turn.thread, turn.session, kind, state, delivery, deaths, asker, asker_team, first_ts, \
         last_ts, started_at, first_seq, owner, turn.fence, due, outcome, ending, text, note, turn.model, prompt_tokens, \
         completion_tokens, stop_requested, repeated"
    };
}
pub(super) use columns;

pub(super) const TURN: Table = Table { name: "turn", columns: columns!(), key_columns: 2 };
pub(super) const PART: Table =
    Table { name: "part", columns: "workspace, turn, idx, mode, state, ts, hash", key_columns: 3 };
const SUSPECTS: Table = Table { name: "turn", columns: "count, deaths", key_columns: 0 };
const WAITING: Table = Table { name: "turn", columns: "workspace, id, channel, command", key_columns: 2 };

pub(super) fn read(cells: Cells<'_>) -> Result<TurnRow> {
    let closing = |outcome: Outcome| -> Result<ClosingRow> {
        Ok(ClosingRow {
            outcome,
            ending: cells.code(18)?,
            text: cells.count_or_none(19)?,
            note: cells.count_or_none(20)?,
            model: cells.get(21)?,
            usage: Usage { prompt: cells.count(22)?, completion: cells.count(23)? },
        })
    };
    Ok(TurnRow {
        id: TurnId(cells.count(1)?),
        thread: cells.count(2)?,
        session: cells.count(3)?,
        kind: cells.code(4)?,
        state: cells.code(5)?,
        delivery: cells.code(6)?,
        deaths: cells.count(7)?,
        asker: cells.id_or_none(8)?,
        asker_team: cells.id_or_none(9)?,
        first_ts: cells.ts(10)?,
        last_ts: cells.ts(11)?,
        started_at: cells.time_or_none(12)?,
        first_seq: cells.count(13)?,
        owner: cells.get::<Option<&str>>(14)?.map(OwnerId::new),
        fence: cells.count(15)?,
        due: cells.time_or_none(16)?,
        stop_requested: cells.flag(24)?,
        repeated: cells.flag(25)?,
        closing: cells.code_or_none(17)?.map(closing).transpose()?,
    })
}

pub(super) fn read_part(cells: Cells<'_>) -> Result<(TurnId, Part)> {
    let part = Part {
        index: cells.count(2)?,
        mode: cells.code(3)?,
        state: cells.code(4)?,
        ts: cells.ts_or_none(5)?,
        hash: cells.get::<i64>(6)?.cast_unsigned(),
    };
    Ok((TurnId(cells.count(1)?), part))
}

impl Sql<'_> {
    fn knows_turn(&self, turn: &TurnRow) {
        self.book.borrow_mut().turns.insert(turn.id, Some(turn.clone()));
    }
    /// Values that begin with a turn's key.
    fn keyed(&self, turn: TurnId, mut rest: Vec<Param>) -> Vec<Param> {
        let mut params = vec![self.home(turn), turn.0.into()];
        params.append(&mut rest);
        params
    }
    /// Erases the turns of a discarded session with their words.
    pub(super) fn purge_turns(&self, session: u64) -> Result<()> {
        let of_session = || vec![self.workspace(), session.into()];
        let sql = "DELETE FROM chathakase.content USING chathakase.turn WHERE turn.workspace = $1 AND turn.session = $2
                   AND content.workspace = $1 AND content.no IN (turn.text, turn.note)";
        self.run(sql, of_session())?;
        let sql = "DELETE FROM chathakase.part USING chathakase.turn WHERE turn.workspace = $1 AND turn.session = $2
                   AND part.workspace = $1 AND part.turn = turn.id";
        self.run(sql, of_session())?;
        self.run("DELETE FROM chathakase.turn WHERE workspace = $1 AND session = $2", of_session())
    }
}

impl TurnRows for Sql<'_> {
    fn next_turn(&mut self) -> TurnId {
        TurnId(self.surely(self.turn_number()))
    }

    fn turn(&self, id: TurnId) -> Result<Option<TurnRow>> {
        let home = self.home(id);
        if let Some(known) = self.book.borrow().turns.get(&id) {
            return Ok(known.clone());
        }
        let sql = concat!("SELECT ", columns!(), " FROM chathakase.turn WHERE workspace = $1 AND id = $2");
        let turn = self.one(&TURN, sql, vec![home, id.0.into()], read)?;
        self.book.borrow_mut().turns.insert(id, turn.clone());
        Ok(turn)
    }

    fn add_turn(&mut self, turn: &TurnRow) -> Result<()> {
        let sql = "INSERT INTO chathakase.turn (workspace, id, thread, session, kind, state, delivery, deaths, asker,
                   asker_team, first_ts, last_ts, started_at, first_seq, owner, fence, due)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
        let values = params![
            turn.thread,
            turn.session,
            code(turn.kind),
            code(turn.state),
            code(turn.delivery),
            turn.deaths,
            turn.asker.as_ref().map(UserId::as_str),
            turn.asker_team.as_ref().map(WorkspaceId::as_str),
            turn.first_ts,
            turn.last_ts,
            turn.started_at,
            turn.first_seq,
            turn.owner.as_ref().map(OwnerId::as_str),
            turn.fence,
            turn.due,
        ];
        self.run(sql, self.keyed(turn.id, values))?;
        self.knows_turn(turn);
        Ok(())
    }

    fn save_turn(&mut self, turn: &TurnRow) -> Result<()> {
        let sql = "UPDATE chathakase.turn SET state = $3, delivery = $4, deaths = $5, asker = $6, asker_team = $7,
                   first_ts = $8, last_ts = $9, started_at = $10, first_seq = $11, owner = $12, fence = $13, due = $14,
                   outcome = $15, ending = $16, text = $17, note = $18, model = $19, prompt_tokens = $20,
                   completion_tokens = $21, stop_requested = $22, repeated = $23 WHERE workspace = $1 AND id = $2";
        let closing = turn.closing.as_ref();
        let values = params![
            code(turn.state),
            code(turn.delivery),
            turn.deaths,
            turn.asker.as_ref().map(UserId::as_str),
            turn.asker_team.as_ref().map(WorkspaceId::as_str),
            turn.first_ts,
            turn.last_ts,
            turn.started_at,
            turn.first_seq,
            turn.owner.as_ref().map(OwnerId::as_str),
            turn.fence,
            turn.due,
            code_or_none(closing.map(|closing| closing.outcome)),
            code_or_none(closing.map(|closing| closing.ending)),
            closing.and_then(|closing| closing.text),
            closing.and_then(|closing| closing.note),
            foreign(closing.and_then(|closing| closing.model.as_deref())),
            closing.map(|closing| closing.usage.prompt),
            closing.map(|closing| closing.usage.completion),
            turn.stop_requested,
            turn.repeated,
        ];
        self.run(sql, self.keyed(turn.id, values))?;
        self.knows_turn(turn);
        Ok(())
    }

    fn save_due(&mut self, id: TurnId, due: Option<Timestamp>) -> Result<()> {
        let sql = "UPDATE chathakase.turn SET due = $3 WHERE workspace = $1 AND id = $2";
        self.run(sql, self.keyed(id, params![due]))?;
        if let Some(Some(turn)) = self.book.borrow_mut().turns.get_mut(&id) {
            turn.due = due;
        }
        Ok(())
    }

    fn remove_turn(&mut self, id: TurnId) -> Result<()> {
        self.remove_parts(id)?;
        self.run("DELETE FROM chathakase.turn WHERE workspace = $1 AND id = $2", self.keyed(id, Vec::new()))?;
        self.book.borrow_mut().turns.insert(id, None);
        Ok(())
    }

    fn suspects_of(&self, owner: &OwnerId, now: Timestamp) -> Result<Suspects> {
        let sql = "SELECT count(*), coalesce(max(deaths), 0) FROM chathakase.turn
                   WHERE deaths > 0 AND due > $1 AND deaths >= $2 AND owner = $3";
        let read = |cells: Cells<'_>| {
            let worst = u32::try_from(cells.get::<i64>(1)?).unwrap_or(u32::MAX);
            Ok(Suspects { held: cells.count(0)?, worst })
        };
        Ok(self.one(&SUSPECTS, sql, params![now, SUSPECT_DEATHS, owner.as_str()], read)?.unwrap_or_default())
    }

    /// Takes the locks of all channels concerned, so nothing that takes any comes before it in its transaction.
    fn claimable(&self, deaths_max: u32, now: Timestamp, room: Room) -> Result<Vec<TurnId>> {
        // Those whose owner is gone are no more than were running.
        let sql = "SELECT turn.workspace, id, channel, kind = $6 FROM (
                   (SELECT workspace, id, thread, kind FROM chathakase.turn WHERE due = $1 ORDER BY id LIMIT $3) UNION ALL
                   (SELECT workspace, id, thread, kind FROM chathakase.turn WHERE due > $1 AND due <= $2 AND kind <> $6
                    AND deaths + (owner IS NOT NULL)::int < $4 ORDER BY id LIMIT $3) UNION ALL
                   (SELECT workspace, id, thread, kind FROM chathakase.turn WHERE due > $1 AND due <= $2 AND kind = $6
                    AND deaths + (owner IS NOT NULL)::int < $4 ORDER BY id LIMIT $7) UNION ALL
                   (SELECT workspace, id, thread, kind FROM chathakase.turn WHERE deaths > 0 AND due <= $2
                    AND deaths + (owner IS NOT NULL)::int BETWEEN $4 AND $5 AND CASE kind WHEN $6 THEN $7 ELSE $3 END > 0
                    ORDER BY deaths, id LIMIT 1)
                   ) AS turn JOIN chathakase.thread ON thread.workspace = turn.workspace AND thread.no = turn.thread";
        let read_waiting = |cells: Cells<'_>| Ok((cells.id(0)?, cells.count(1)?, cells.get(2)?, cells.flag(3)?));
        let Room { answers, commands } = room;
        let values = params![AT_ONCE, now, answers, SUSPECT_DEATHS, deaths_max, code(TurnKind::Command), commands];
        let mut found: Vec<(WorkspaceId, u64, String, bool)> = self.all(&WAITING, sql, values, read_waiting)?;
        let taken = oldest(found.iter().map(|(_, id, _, command)| (TurnId(*id), *command)).collect(), room);
        found.retain(|(_, id, ..)| taken.contains(&TurnId(*id)));
        if found.is_empty() {
            return Ok(Vec::new());
        }
        self.lock(found.iter().map(|(workspace, _, channel, _)| format!("{workspace}/{channel}")).collect())?;
        // Looked at again: another process may have been faster.
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM unnest($1::text[], $2::bigint[]) AS k (w, n)
             JOIN chathakase.turn ON turn.workspace = w AND turn.id = n WHERE due <= $3 ORDER BY id"
        );
        let workspaces: Vec<String> = found.iter().map(|(workspace, ..)| workspace.to_string()).collect();
        let numbers: Vec<i64> = found.iter().map(|(_, id, ..)| int(*id)).collect();
        let still = self.readable(&TURN, sql, params![workspaces, numbers, now], |cells| {
            let id = TurnId(cells.count(1)?);
            Ok((id, cells.id(0)?, read(cells)))
        })?;
        let mut book = self.book.borrow_mut();
        let mut ids = Vec::with_capacity(still.len());
        for (id, home, turn) in still {
            book.homes.insert(id, home);
            // One that cannot be read is read again by whoever can say so.
            if let Ok(turn) = turn {
                book.turns.insert(id, Some(turn));
            }
            ids.push(id);
        }
        Ok(ids)
    }

    fn delivered_until(&self, session: u64, until: SlackTs) -> Result<Vec<TurnRow>> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM chathakase.turn WHERE workspace = $1 AND session = $2 AND last_ts <= $3 AND state = 2 AND delivery = 1
             ORDER BY id"
        );
        self.all(&TURN, sql, vec![self.workspace(), session.into(), until.into()], read)
    }

    fn turn_shown_at(&self, session: u64, ts: SlackTs) -> Result<Option<TurnId>> {
        const SHOWN: Table = Table { name: "part", columns: "turn", key_columns: 0 };
        let sql = "SELECT turn.id FROM chathakase.part
                   JOIN chathakase.turn ON turn.workspace = part.workspace AND turn.id = part.turn
                   WHERE part.workspace = $1 AND part.ts = $2 AND turn.session = $3";
        self.one(&SHOWN, sql, vec![self.workspace(), ts.into(), session.into()], |cells| Ok(TurnId(cells.count(0)?)))
    }

    fn parts(&self, turn: TurnId) -> Result<Vec<Part>> {
        if let Some(known) = self.book.borrow().parts.get(&turn) {
            return Ok(known.clone());
        }
        let sql = "SELECT workspace, turn, idx, mode, state, ts, hash FROM chathakase.part
                   WHERE workspace = $1 AND turn = $2 ORDER BY idx";
        let parts = self.all(&PART, sql, self.keyed(turn, Vec::new()), |cells| Ok(read_part(cells)?.1))?;
        self.book.borrow_mut().parts.insert(turn, parts.clone());
        Ok(parts)
    }

    fn put_part(&mut self, turn: TurnId, part: &Part) -> Result<()> {
        let sql = "INSERT INTO chathakase.part (workspace, turn, idx, mode, state, ts, hash)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)
                   ON CONFLICT (workspace, turn, idx) DO UPDATE SET mode = excluded.mode, state = excluded.state,
                   ts = excluded.ts, hash = excluded.hash";
        let values = params![part.index, code(part.mode), code(part.state), part.ts, part.hash.cast_signed()];
        self.run(sql, self.keyed(turn, values))?;
        if let Some(parts) = self.book.borrow_mut().parts.get_mut(&turn) {
            match parts.binary_search_by_key(&part.index, |part| part.index) {
                Ok(at) => parts[at] = part.clone(),
                Err(at) => parts.insert(at, part.clone()),
            }
        }
        Ok(())
    }

    fn remove_parts(&mut self, turn: TurnId) -> Result<()> {
        self.run("DELETE FROM chathakase.part WHERE workspace = $1 AND turn = $2", self.keyed(turn, Vec::new()))?;
        self.book.borrow_mut().parts.insert(turn, Vec::new());
        Ok(())
    }

    fn part_times(&self, session: u64) -> Result<HashSet<SlackTs>> {
        let sql = "SELECT part.workspace, part.turn, idx, mode, part.state, part.ts, hash FROM chathakase.turn
                   JOIN chathakase.part ON part.workspace = turn.workspace AND part.turn = turn.id
                   WHERE turn.workspace = $1 AND turn.session = $2 AND part.ts IS NOT NULL";
        let times = self.all(&PART, sql, vec![self.workspace(), session.into()], |cells| cells.ts(5))?;
        Ok(times.into_iter().collect())
    }
}
