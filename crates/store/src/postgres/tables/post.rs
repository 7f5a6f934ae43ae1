//! Marks of posts: what is stored, and what is gone.

use chathakase_session::{Timestamp, store::Result};

use super::{Cells, Sql, params};
use crate::{
    code::PlaceCode,
    postgres::param::code,
    rows::{Place, Post, PostName, PostRows},
    table::Table,
};

macro_rules! columns {
    () => {
        "post.workspace, post.channel, post.ts, asked, edited_ts, place, thread, session, seq, gone_at"
    };
}
pub(super) use columns;

pub(super) const POST: Table = Table { name: "post", columns: columns!(), key_columns: 3 };
const COUNT: Table = Table { name: "post", columns: "count", key_columns: 0 };

pub(super) fn read(cells: Cells<'_>) -> Result<(PostName, Post)> {
    let place = match cells.code(5)? {
        PlaceCode::Stored => Place::Stored { thread: cells.count(6)?, session: cells.count(7)?, seq: cells.count(8)? },
        PlaceCode::Expired => Place::Expired { at: cells.time(9)? },
        PlaceCode::Erased => Place::Erased { at: cells.time(9)? },
    };
    let name = PostName { workspace: cells.id(0)?, channel: cells.id(1)?, ts: cells.ts(2)? };
    Ok((name, Post { asked: cells.flag(3)?, edited_ts: cells.ts_or_none(4)?, place }))
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
                   (workspace, channel, ts, asked, edited_ts, place, thread, session, seq, gone_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                   ON CONFLICT (workspace, channel, ts) DO UPDATE SET asked = excluded.asked,
                   edited_ts = excluded.edited_ts, place = excluded.place, thread = excluded.thread,
                   session = excluded.session, seq = excluded.seq, gone_at = excluded.gone_at";
        let (place, stored, gone_at) = match post.place {
            Place::Stored { thread, session, seq } => (PlaceCode::Stored, Some((thread, session, seq)), None),
            Place::Expired { at } => (PlaceCode::Expired, None, Some(at)),
            Place::Erased { at } => (PlaceCode::Erased, None, Some(at)),
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
        ];
        self.run(sql, params)?;
        self.book.borrow_mut().posts.insert(name.clone(), Some(post.clone()));
        Ok(())
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
    /// Marks the posts of a discarded session's messages up to `last_seq` as expired.
    pub(super) fn expire_posts(&self, session: u64, channel: &str, at: i64, last_seq: u64) -> Result<()> {
        let sql = "UPDATE chathakase.post SET place = 1, thread = NULL, session = NULL, seq = NULL, gone_at = $4
                   FROM chathakase.message
                   WHERE message.workspace = $1 AND message.session = $2 AND message.seq <= $5 AND NOT message.answer
                   AND post.workspace = $1 AND post.channel = $3 AND post.ts = message.ts AND post.session = $2";
        let mut params = params![session, channel, at, last_seq];
        params.insert(0, self.workspace());
        self.run(sql, params)
    }
}
