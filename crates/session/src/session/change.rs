//! How a session changes.

use std::ops::Range;

use super::{
    Session,
    row::{Inserted, NewMessage, Row},
};
use crate::{Kind, Message, Role, SlackTs, Timestamp, UserId, store::Amended};

impl Session {
    /// Adds a message where it belongs in window order.
    ///
    /// The same one is added once: a post of a person by its timestamp, an answer by its turn, and a post of ours that was
    /// read back from Slack (an assistant's of kind [`Kind::Context`]) by its timestamp. An answer without a turn is always new.
    pub fn insert(&mut self, new: &NewMessage<'_>, now: Timestamp) -> Inserted {
        if self.cleared_before.is_some_and(|before| new.ts <= before) {
            return Inserted::Gone;
        }
        let order = (new.ts, new.role, self.next_seq);
        // The usual case first: it comes behind all others.
        let at = match self.rows.last() {
            Some(last) if last.order() > order || last.ts == new.ts => {
                if self.holds(new) {
                    return Inserted::Known;
                }
                self.rows.partition_point(|row| row.order() < order)
            }
            _ => self.rows.len(),
        };
        let row = Row {
            ts: new.ts,
            seq: self.next_seq,
            at: now,
            turn: new.turn,
            text: self.texts.push(new.text),
            tokens: None,
            author: new.author.map(|author| self.author(author, new.name)),
            role: new.role,
            kind: new.kind,
            ending: new.ending,
        };
        if let Some(edited_ts) = new.edited_ts {
            self.edits.insert(new.ts, edited_ts);
        }
        self.count(new.role, new.kind, 1);
        self.make_room();
        self.rows.insert(at, row);
        self.next_seq += 1;
        self.touch(now);
        Inserted::New(order.2)
    }

    /// Says that something happened in the session at `now`, which puts its expiry off.
    pub fn touch(&mut self, now: Timestamp) {
        self.last_activity = self.last_activity.max(now);
    }

    /// Changes the text of the post at `ts` to that of its edit at `edited_ts`. A later edit wins, whatever the order of arrival.
    pub fn amend(&mut self, ts: SlackTs, text: &str, edited_ts: SlackTs) -> Amended {
        let Some(at) = self.post_at(ts) else { return Amended::Unknown };
        if self.edits.get(&ts).is_some_and(|known| *known >= edited_ts) {
            return Amended::Old;
        }
        self.edits.insert(ts, edited_ts);
        let place = self.texts.push(text);
        let row = &mut self.rows[at];
        row.tokens = None;
        let before = std::mem::replace(&mut row.text, place);
        self.texts.let_go(&before);
        self.texts.tidy(self.rows.iter_mut().map(|row| &mut row.text));
        Amended::Done
    }

    /// Takes the post at `ts` out, and returns it.
    pub fn erase(&mut self, ts: SlackTs) -> Option<Message> {
        let at = self.post_at(ts)?;
        let erased = self.view(&self.rows[at]).to_message();
        self.edits.remove(&ts);
        self.remove(at..at + 1);
        Some(erased)
    }

    /// Takes out all messages up to and including `before`, and refuses such messages from now on. Whoever wrote nothing that
    /// is left is forgotten. Returns how many messages went, commands included.
    pub fn clear(&mut self, before: SlackTs) -> usize {
        self.cleared_before = self.cleared_before.max(Some(before));
        let end = self.rows.partition_point(|row| row.ts <= before);
        self.remove(0..end);
        self.edits = self.edits.split_off(&before);
        self.edits.remove(&before);
        self.people.keep_only(self.rows.iter_mut().filter_map(|row| row.author.as_mut()));
        end
    }

    /// Takes out the `count` oldest messages in window order.
    pub fn forget_oldest(&mut self, count: usize) {
        self.remove(0..count.min(self.rows.len()));
        match self.rows.first() {
            Some(oldest) => self.edits = self.edits.split_off(&oldest.ts),
            None => self.edits.clear(),
        }
    }

    /// Remembers how many tokens messages have, each given by its number in the session. Looks from the newest on, and no
    /// further than to the oldest that is named.
    pub fn counted(&mut self, tokens: &[(u64, u32)]) {
        let mut missing = tokens.len();
        for row in self.rows.iter_mut().rev() {
            if missing == 0 {
                break;
            }
            if let Some((_, count)) = tokens.iter().find(|(seq, _)| *seq == row.seq) {
                row.tokens = Some(*count);
                missing -= 1;
            }
        }
    }

    fn author(&mut self, id: &UserId, name: Option<&str>) -> u32 {
        self.people.number(id, name)
    }

    fn holds(&self, new: &NewMessage<'_>) -> bool {
        let start = self.rows.partition_point(|row| (row.ts, row.role) < (new.ts, new.role));
        let same_place = self.rows[start..].iter().take_while(|row| row.ts == new.ts && row.role == new.role);
        let once = new.role == Role::User || new.kind == Kind::Context || new.turn.is_some();
        once && same_place.into_iter().any(|row| new.role == Role::User || (row.turn, row.kind) == (new.turn, new.kind))
    }

    fn remove(&mut self, range: Range<usize>) {
        let gone: Vec<Row> = self.rows.drain(range).collect();
        for row in &gone {
            self.texts.let_go(&row.text);
            self.count(row.role, row.kind, -1);
        }
        self.texts.tidy(self.rows.iter_mut().map(|row| &mut row.text));
        if self.rows.is_empty() {
            self.rows = Vec::new();
        }
    }

    fn count(&mut self, role: Role, kind: Kind, by: i64) {
        let counter = match (kind, role) {
            (Kind::Command, _) => return,
            (_, Role::Assistant) => &mut self.assistant_messages,
            _ => &mut self.user_messages,
        };
        *counter = counter.saturating_add_signed(by);
    }

    /// Grows by half, as the texts do.
    fn make_room(&mut self) {
        if self.rows.len() == self.rows.capacity() {
            self.rows.reserve_exact((self.rows.len() / 2).max(4));
        }
    }
}
