//! What is copied: every table column by column, and how the two databases differ in it. PostgreSQL's form is the common one; it
//! has the workspace in every key.

/// How a column is kept in PostgreSQL. SQLite keeps flags and codes as whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Code,
    Flag,
    Text,
}

/// A column of the common form.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// What it is called in SQLite; `None` where SQLite has no such column.
    pub(crate) in_sqlite: Option<&'static str>,
    /// What gives it, where that is not the column itself.
    pub(crate) from_sqlite: Option<&'static str>,
    pub(crate) from_postgres: Option<&'static str>,
}

/// A table of the common form.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [Column],
    /// How many of the first columns are its key.
    pub(crate) key: usize,
    /// Columns that hold numbers of contents.
    pub(crate) contents: &'static [&'static str],
    pub(crate) only_sqlite: Option<OnlySqlite>,
}

/// A column that only SQLite has.
#[derive(Debug)]
pub(crate) struct OnlySqlite {
    pub(crate) column: &'static str,
    /// What gives it, from the values of the columns `of`.
    pub(crate) from: &'static str,
    pub(crate) of: &'static [&'static str],
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, in_sqlite: Some(name), from_sqlite: None, from_postgres: None }
}
const fn int(name: &'static str) -> Column {
    column(name, Kind::Int)
}
const fn code(name: &'static str) -> Column {
    column(name, Kind::Code)
}
const fn flag(name: &'static str) -> Column {
    column(name, Kind::Flag)
}
const fn text(name: &'static str) -> Column {
    column(name, Kind::Text)
}
/// A column that SQLite does not have.
const fn derived(name: &'static str, from: &'static str) -> Column {
    Column { in_sqlite: None, from_sqlite: Some(from), ..text(name) }
}

const WORKSPACE_OF_SESSION: &str = "coalesce((SELECT workspace FROM thread WHERE thread.session = it.session),
    (SELECT workspace FROM discarded JOIN thread ON no = thread WHERE discarded.session = it.session))";

/// All tables, in the order in which they are copied: what others point at comes first.
pub(crate) static TABLES: [Table; 7] = [
    Table {
        name: "thread",
        columns: &[
            text("workspace"),
            text("channel"),
            int("root"),
            int("no"),
            flag("joined"),
            int("cleared_before"),
            int("bots_in_row"),
            int("fence"),
            int("next_seq"),
            flag("unread"),
            int("session"),
            int("created_at"),
            int("last_activity"),
            int("expires_at"),
            int("users"),
            int("answers"),
            int("commands"),
            int("waiting_messages"),
            int("running"),
            int("waiting"),
            int("open"),
            text("model"),
            int("joined_from"),
            int("rested_at"),
            Column { from_postgres: Some("coalesce(it.left_out, 0)"), ..int("left_out") },
        ],
        key: 3,
        contents: &[],
        only_sqlite: None,
    },
    Table {
        name: "discarded",
        columns: &[
            derived("workspace", "(SELECT workspace FROM thread WHERE no = it.thread)"),
            int("session"),
            derived("channel", "(SELECT channel FROM thread WHERE no = it.thread)"),
            int("at"),
        ],
        key: 2,
        contents: &[],
        // Any thread of its channel: the channel is what is asked of it.
        only_sqlite: Some(OnlySqlite {
            column: "thread",
            from: "(SELECT min(no) FROM thread WHERE workspace = ? AND channel = ?)",
            of: &["workspace", "channel"],
        }),
    },
    Table {
        name: "post",
        columns: &[
            text("workspace"),
            text("channel"),
            int("ts"),
            flag("asked"),
            int("edited_ts"),
            code("place"),
            int("thread"),
            int("session"),
            int("seq"),
            int("gone_at"),
            int("root"),
        ],
        key: 3,
        contents: &[],
        only_sqlite: None,
    },
    Table {
        name: "person",
        columns: &[
            derived("workspace", WORKSPACE_OF_SESSION),
            int("session"),
            Column { in_sqlite: Some("user"), from_sqlite: Some("it.user"), ..text("member") },
            int("name"),
            int("messages"),
        ],
        key: 3,
        contents: &["name"],
        only_sqlite: None,
    },
    Table {
        name: "message",
        columns: &[
            derived("workspace", WORKSPACE_OF_SESSION),
            int("session"),
            int("seq"),
            int("ts"),
            flag("answer"),
            code("role"),
            code("kind"),
            text("author"),
            text("team"),
            int("turn"),
            int("content"),
            int("bytes"),
            code("ending"),
            int("tokens"),
            int("at"),
        ],
        key: 3,
        contents: &["content"],
        only_sqlite: None,
    },
    Table {
        name: "turn",
        columns: &[
            derived("workspace", "(SELECT workspace FROM thread WHERE no = it.thread)"),
            int("id"),
            int("thread"),
            int("session"),
            code("kind"),
            code("state"),
            code("delivery"),
            int("deaths"),
            text("asker"),
            text("asker_team"),
            int("first_ts"),
            int("last_ts"),
            int("started_at"),
            int("first_seq"),
            text("owner"),
            int("fence"),
            int("due"),
            code("outcome"),
            code("ending"),
            int("text"),
            int("note"),
            text("model"),
            int("prompt_tokens"),
            int("completion_tokens"),
            flag("stop_requested"),
            flag("repeated"),
        ],
        key: 2,
        contents: &["text", "note"],
        only_sqlite: None,
    },
    Table {
        name: "part",
        columns: &[
            derived(
                "workspace",
                "(SELECT workspace FROM turn JOIN thread ON thread.no = turn.thread WHERE turn.id = it.turn)",
            ),
            int("turn"),
            int("idx"),
            code("mode"),
            code("state"),
            int("ts"),
            int("hash"),
        ],
        key: 3,
        contents: &[],
        only_sqlite: None,
    },
];

impl Table {
    /// Where a column is in a row.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}
