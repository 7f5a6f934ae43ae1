//! Marks of posts: what is stored, and what is gone.

use chathakase_session::{SlackTs, ThreadKey, Timestamp, store::Result};

use super::{Cells, Sql, params};
use crate::{
    code::PlaceCode,
    postgres::param::code,
    rows::{Place, Post, PostName, PostRows},
    table::Table,
};

macro_rules! columns {
    () => {
        "post.workspace, post.channel, post.ts, asked, edited_ts, place, thread, session, seq, gone_at, post.root"
    };
}
pub(super) use columns;

pub(super) const POST: Table = Table { name: "post", columns: columns!(), key_columns: 3 };
const COUNT: Table = Table { name: "post", columns: "count", key_columns: 0 };

pub(super) fn read(cells: Cells<'_>) -> Result<(PostName, Post)> {
    let place = match cells.code(5)? {
        code @ (PlaceCode::Stored | PlaceCode::StoredRefused) => Place::Stored {
            thread: cells.count(6)?,
            session: cells.count(7)?,
            seq: cells.count(8)?,
            refused: matches!(code, PlaceCode::StoredRefused),
        },
        PlaceCode::Expired => Place::Expired { at: cells.time(9)? },
        PlaceCode::Erased => Place::Erased { at: cells.time(9)? },
        PlaceCode::Passed => Place::Passed { root: cells.ts(10)?, at: cells.time(9)? },
        PlaceCode::Refused => Place::Refused { at: cells.time(9)? },
    };
    let name = PostName { workspace: cells.id(0)?, channel: cells.id(1)?, ts: cells.ts(2)? };
    Ok((name, Post { asked: cells.flag(3)?, edited_ts: cells.ts_or_none(4)?, place }))
}

/// Posts that were not taken in, of the threads asked for and after a moment.
pub(super) const PASSED: &str = "SELECT w, c, r, a, ts FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS k (w, c, r, a),
    LATERAL (SELECT ts FROM chathakase.post WHERE workspace = w AND channel = c AND root = r AND ts > a ORDER BY ts LIMIT $5) AS p
    ORDER BY ts";

pub(super) fn read_passed(cells: Cells<'_>) -> Result<((ThreadKey, SlackTs), SlackTs)> {
    let key = ThreadKey { workspace: cells.id(0)?, channel: cells.id(1)?, root: cells.ts(2)? };
    Ok(((key, cells.ts(3)?), cells.ts(4)?))
}

impl PostRows for Sql<'_> {
    fn post(&self, name: &PostName) -> Result<Option<Post>> {
        self.enter(&name.workspace);
        if let Some(known) = self.book.borrow().posts.get(name) {
            return Ok(known.clone());
        }
        let sql =
            concat!("SELECT ", columns!(), " FROM chathakase.post WHERE workspace = $1 AND channel = $2 AND ts = $3");
        let params = params![name.workspace.as_str(), name.channel.as_str(), name.ts];
        let post = self.one(&POST, sql, params, read)?.map(|(_, post)| post);
        self.book.borrow_mut().posts.insert(name.clone(), post.clone());
        Ok(post)
    }

    fn put_post(&mut self, name: &PostName, post: &Post) -> Result<()> {
        let sql = "INSERT INTO chathakase.post
                   (workspace, channel, ts, asked, edited_ts, place, thread, session, seq, gone_at, root)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                   ON CONFLICT (workspace, channel, ts) DO UPDATE SET asked = excluded.asked,
                   edited_ts = excluded.edited_ts, place = excluded.place, thread = excluded.thread,
                   session = excluded.session, seq = excluded.seq, gone_at = excluded.gone_at,
                   root = excluded.root";
        let (place, stored, gone_at, root) = match post.place {
            Place::Stored { thread, session, seq, refused } => {
                let code = if refused { PlaceCode::StoredRefused } else { PlaceCode::Stored };
                (code, Some((thread, session, seq)), None, None)
            }
            Place::Expired { at } => (PlaceCode::Expired, None, Some(at), None),
            Place::Erased { at } => (PlaceCode::Erased, None, Some(at), None),
            Place::Passed { root, at } => (PlaceCode::Passed, None, Some(at), Some(root)),
            Place::Refused { at } => (PlaceCode::Refused, None, Some(at), None),
        };
        let params = params![
            name.workspace.as_str(),
            name.channel.as_str(),
            name.ts,
            post.asked,
            post.edited_ts,
            code(place),
            stored.map(|(thread, ..)| thread),
            stored.map(|(_, session, _)| session),
            stored.map(|(.., seq)| seq),
            gone_at,
            root,
        ];
        self.run(sql, params)?;
        let mut book = self.book.borrow_mut();
        if root.is_some() {
            book.passed.clear();
        }
        book.posts.insert(name.clone(), Some(post.clone()));
        Ok(())
    }

    fn passed(&self, key: &ThreadKey, after: SlackTs, limit: usize) -> Result<Vec<SlackTs>> {
        self.enter(&key.workspace);
        if let Some(known) = self.book.borrow().passed.get(&(key.clone(), after)) {
            return Ok(known.clone());
        }
        let (w, c, r) = (vec![key.workspace.to_string()], vec![key.channel.to_string()], vec![key.root.as_micros()]);
        let params = params![w, c, r, vec![after.as_micros()], limit];
        self.all(&POST, PASSED, params, |cells| Ok(read_passed(cells)?.1))
    }

    /// Takes no lock: a mark that somebody writes at this moment is left for the next time.
    fn forget_posts(&mut self, before: Timestamp, limit: usize) -> Result<bool> {
        let sql = "WITH old AS (SELECT workspace, channel, ts FROM chathakase.post
                   WHERE gone_at IS NOT NULL AND gone_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED),
                   forgotten AS (DELETE FROM chathakase.post USING old WHERE post.workspace = old.workspace
                   AND post.channel = old.channel AND post.ts = old.ts RETURNING 1)
                   SELECT count(*) FROM forgotten";
        let forgotten: Option<usize> = self.run_for(&COUNT, sql, params![before, limit], |cells| cells.count(0))?;
        Ok(forgotten == Some(limit))
    }
}

impl Sql<'_> {
    /// Marks the posts of a discarded session's messages up to `last_seq` as expired, and those that were refused as that alone.
    pub(super) fn expire_posts(&self, session: u64, channel: &str, at: i64, last_seq: u64) -> Result<()> {
        let sql = "UPDATE chathakase.post SET place = CASE place WHEN 5 THEN 4 ELSE 1 END, thread = NULL, session = NULL, seq = NULL, gone_at = $4
                   FROM chathakase.message
                   WHERE message.workspace = $1 AND message.session = $2 AND message.seq <= $5 AND NOT message.answer
                   AND post.workspace = $1 AND post.channel = $3 AND post.ts = message.ts AND post.session = $2";
        let mut params = params![session, channel, at, last_seq];
        params.insert(0, self.workspace());
        self.run(sql, params)
    }
}
