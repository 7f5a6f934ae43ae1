//! Marks of posts: what is stored, and what is gone.

use chathakase_session::{SlackTs, ThreadKey, Timestamp, store::Result};
use rusqlite::params;

use super::Sql;
use crate::{
    code::{Code, PlaceCode},
    rows::{Place, Post, PostName, PostRows},
    sqlite::cells::Cells,
    table::Table,
};

const POST: Table = Table {
    name: "post",
    columns: "workspace, channel, ts, asked, edited_ts, place, thread, session, seq, gone_at, root",
    key_columns: 3,
};

fn read(cells: Cells<'_, '_>) -> Result<Post> {
    let place = match cells.code(5)? {
        code @ (PlaceCode::Stored | PlaceCode::StoredRefused) => Place::Stored {
            thread: cells.get(6)?,
            session: cells.get(7)?,
            seq: cells.get(8)?,
            refused: matches!(code, PlaceCode::StoredRefused),
        },
        PlaceCode::Expired => Place::Expired { at: cells.time(9)? },
        PlaceCode::Erased => Place::Erased { at: cells.time(9)? },
        PlaceCode::Passed => Place::Passed { root: cells.ts(10)?, at: cells.time(9)? },
        PlaceCode::Refused => Place::Refused { at: cells.time(9)? },
    };
    Ok(Post { asked: cells.flag(3)?, edited_ts: cells.ts_or_none(4)?, place })
}

impl PostRows for Sql<'_> {
    fn post(&self, name: &PostName) -> Result<Option<Post>> {
        let sql =
            "SELECT workspace, channel, ts, asked, edited_ts, place, thread, session, seq, gone_at, root FROM post
                   WHERE workspace = ? AND channel = ? AND ts = ?";
        self.one(&POST, sql, params![name.workspace.as_str(), name.channel.as_str(), name.ts.as_micros()], read)
    }

    fn put_post(&mut self, name: &PostName, post: &Post) -> Result<()> {
        let sql =
            "INSERT INTO post (workspace, channel, ts, asked, edited_ts, place, thread, session, seq, gone_at, root)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET asked = excluded.asked, edited_ts = excluded.edited_ts,
                   place = excluded.place, thread = excluded.thread, session = excluded.session, seq = excluded.seq,
                   gone_at = excluded.gone_at, root = excluded.root";
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
        self.run(
            sql,
            params![
                name.workspace.as_str(),
                name.channel.as_str(),
                name.ts.as_micros(),
                post.asked,
                post.edited_ts.map(SlackTs::as_micros),
                place.code(),
                stored.map(|(thread, ..)| thread),
                stored.map(|(_, session, _)| session),
                stored.map(|(.., seq)| seq),
                gone_at.map(Timestamp::as_millis),
                root.map(SlackTs::as_micros),
            ],
        )?;
        Ok(())
    }

    fn passed(&self, key: &ThreadKey, after: SlackTs, limit: usize) -> Result<Vec<SlackTs>> {
        let sql = "SELECT workspace, channel, ts FROM post
                   WHERE workspace = ? AND channel = ? AND root = ? AND ts > ? ORDER BY ts LIMIT ?";
        let (root, after) = (key.root.as_micros(), after.as_micros());
        let params = params![key.workspace.as_str(), key.channel.as_str(), root, after, limit];
        self.all(&POST, sql, params, |cells| cells.ts(2))
    }

    fn forget_posts(&mut self, before: Timestamp, limit: usize) -> Result<bool> {
        let sql = "DELETE FROM post WHERE (workspace, channel, ts) IN
                   (SELECT workspace, channel, ts FROM post WHERE gone_at IS NOT NULL AND gone_at < ? LIMIT ?)";
        Ok(self.run(sql, params![before.as_millis(), limit])? == limit)
    }
}

impl Sql<'_> {
    /// Marks the posts of a discarded session's messages up to `last_seq` as expired, and those that were refused as that alone.
    pub(super) fn expire_posts(&self, session: u64, thread: u64, at: i64, last_seq: u64) -> Result<()> {
        let sql = "UPDATE post SET place = CASE place WHEN 5 THEN 4 ELSE 1 END, thread = NULL, session = NULL, seq = NULL, gone_at = ?3
                   FROM message, thread
                   WHERE message.session = ?1 AND message.seq <= ?4 AND message.answer = 0 AND thread.no = ?2
                   AND post.workspace = thread.workspace AND post.channel = thread.channel AND post.ts = message.ts
                   AND post.session = ?1";
        self.run(sql, params![session, thread, at, last_seq])?;
        Ok(())
    }
}
