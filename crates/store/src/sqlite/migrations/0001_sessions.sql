-- Times are milliseconds since 1970, Slack timestamps microseconds. Texts are in `content` alone.

-- What is known of a thread, and its session if it has one. Never removed: it holds no content.
CREATE TABLE thread (
    no INTEGER PRIMARY KEY,
    workspace TEXT NOT NULL,
    channel TEXT NOT NULL,
    root INTEGER NOT NULL,
    joined INTEGER NOT NULL,
    cleared_before INTEGER,
    bots_in_row INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    next_seq INTEGER NOT NULL,
    unread INTEGER NOT NULL,
    session INTEGER,
    created_at INTEGER,
    last_activity INTEGER,
    expires_at INTEGER,
    users INTEGER,
    answers INTEGER,
    commands INTEGER,
    waiting_messages INTEGER,
    running INTEGER,
    waiting INTEGER,
    open INTEGER,
    model TEXT,
    UNIQUE (workspace, channel, root)
) STRICT;
CREATE INDEX thread_by_expiry ON thread (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX thread_by_activity ON thread (workspace, last_activity) WHERE session IS NOT NULL;

-- Sessions that are over and whose rows are still to be erased.
CREATE TABLE discarded (
    session INTEGER PRIMARY KEY,
    thread INTEGER NOT NULL REFERENCES thread (no),
    at INTEGER NOT NULL
) STRICT;

-- Every Slack post that is known, stored or gone. `place`: 0 stored, 1 expired, 2 erased.
CREATE TABLE post (
    workspace TEXT NOT NULL,
    channel TEXT NOT NULL,
    ts INTEGER NOT NULL,
    asked INTEGER NOT NULL,
    edited_ts INTEGER,
    place INTEGER NOT NULL,
    thread INTEGER,
    session INTEGER,
    seq INTEGER,
    gone_at INTEGER,
    PRIMARY KEY (workspace, channel, ts)
) STRICT, WITHOUT ROWID;
CREATE INDEX post_by_age ON post (gone_at) WHERE gone_at IS NOT NULL;

-- Messages, by session. `answer` is 1 for answers of turns: they stand behind the post with their timestamp.
CREATE TABLE message (
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    ts INTEGER NOT NULL,
    answer INTEGER NOT NULL,
    role INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    author TEXT,
    team TEXT,
    turn INTEGER,
    content INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    ending INTEGER NOT NULL,
    tokens INTEGER,
    at INTEGER NOT NULL,
    PRIMARY KEY (session, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_in_window ON message (session, ts, answer);

CREATE TABLE person (
    session INTEGER NOT NULL,
    user TEXT NOT NULL,
    name INTEGER,
    messages INTEGER NOT NULL,
    PRIMARY KEY (session, user)
) STRICT, WITHOUT ROWID;

-- Turns and what they closed with. `due`: from when on a turn may be claimed. AUTOINCREMENT: a number is never used again.
CREATE TABLE turn (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    thread INTEGER NOT NULL REFERENCES thread (no),
    session INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    delivery INTEGER NOT NULL,
    deaths INTEGER NOT NULL,
    asker TEXT,
    asker_team TEXT,
    first_ts INTEGER NOT NULL,
    last_ts INTEGER NOT NULL,
    started_at INTEGER,
    first_seq INTEGER NOT NULL,
    owner TEXT,
    fence INTEGER NOT NULL,
    due INTEGER,
    outcome INTEGER,
    ending INTEGER,
    text INTEGER,
    note INTEGER,
    model TEXT,
    prompt_tokens INTEGER,
    completion_tokens INTEGER
) STRICT;
CREATE INDEX turn_by_due ON turn (due, id) WHERE due IS NOT NULL;
CREATE INDEX turn_by_session ON turn (session);

-- The Slack messages of answers.
CREATE TABLE part (
    turn INTEGER NOT NULL REFERENCES turn (id) ON DELETE CASCADE,
    idx INTEGER NOT NULL,
    mode INTEGER NOT NULL,
    state INTEGER NOT NULL,
    ts INTEGER,
    hash INTEGER NOT NULL,
    PRIMARY KEY (turn, idx)
) STRICT, WITHOUT ROWID;

-- All texts and names. Rows are only added, and erased by setting `body` to NULL where they are: deleting or moving rows
-- would leave copies behind in the file. `codec`: 0 plain, 1 zstd.
CREATE TABLE content (
    no INTEGER PRIMARY KEY,
    codec INTEGER NOT NULL,
    body BLOB
) STRICT;

-- One row that is written to see whether the store can write.
CREATE TABLE pulse (id INTEGER PRIMARY KEY CHECK (id = 1), beats INTEGER NOT NULL) STRICT;
INSERT INTO pulse (id, beats) VALUES (1, 0);
