-- Times are milliseconds since 1970, Slack timestamps microseconds. Texts are in `content` alone. Every key begins with the
-- workspace, so that each table can be distributed by it.

-- Turns are claimed in the order of their numbers, so a process takes few at a time; of the other numbers it takes many.
CREATE SEQUENCE chathakase.turn_no INCREMENT BY 8;
CREATE SEQUENCE chathakase.other_no INCREMENT BY 256;

-- What is known of a thread, and its session if it has one. Never removed: it holds no content.
CREATE TABLE chathakase.thread (
    workspace TEXT NOT NULL,
    channel TEXT NOT NULL,
    root BIGINT NOT NULL,
    no BIGINT NOT NULL,
    joined BOOLEAN NOT NULL,
    cleared_before BIGINT,
    bots_in_row BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    next_seq BIGINT NOT NULL,
    unread BOOLEAN NOT NULL,
    session BIGINT,
    created_at BIGINT,
    last_activity BIGINT,
    expires_at BIGINT,
    users BIGINT,
    answers BIGINT,
    commands BIGINT,
    waiting_messages BIGINT,
    running BIGINT,
    waiting BIGINT,
    open BIGINT,
    model TEXT,
    joined_from BIGINT,
    rested_at BIGINT,
    left_out BIGINT,
    PRIMARY KEY (workspace, channel, root),
    UNIQUE (workspace, no)
) WITH (fillfactor = 80);
CREATE INDEX thread_by_expiry ON chathakase.thread (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX thread_by_activity ON chathakase.thread (workspace, last_activity) WHERE session IS NOT NULL;
CREATE INDEX thread_by_rest ON chathakase.thread (rested_at) WHERE rested_at IS NOT NULL;

-- Sessions that are over and whose rows are still to be erased.
CREATE TABLE chathakase.discarded (
    workspace TEXT NOT NULL,
    session BIGINT NOT NULL,
    channel TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace, session)
);

-- Every Slack post that is known, stored or gone. `place`: 0 stored, 1 expired, 2 erased.
CREATE TABLE chathakase.post (
    workspace TEXT NOT NULL,
    channel TEXT NOT NULL,
    ts BIGINT NOT NULL,
    asked BOOLEAN NOT NULL,
    edited_ts BIGINT,
    place SMALLINT NOT NULL,
    thread BIGINT,
    session BIGINT,
    seq BIGINT,
    gone_at BIGINT,
    PRIMARY KEY (workspace, channel, ts)
);
CREATE INDEX post_by_age ON chathakase.post (gone_at) WHERE gone_at IS NOT NULL;

-- Messages, by session. `answer` is true for answers of turns: they stand behind the post with their timestamp.
CREATE TABLE chathakase.message (
    workspace TEXT NOT NULL,
    session BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    ts BIGINT NOT NULL,
    answer BOOLEAN NOT NULL,
    role SMALLINT NOT NULL,
    kind SMALLINT NOT NULL,
    author TEXT,
    team TEXT,
    turn BIGINT,
    content BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    ending SMALLINT NOT NULL,
    tokens BIGINT,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace, session, seq)
);
CREATE INDEX message_in_window ON chathakase.message (workspace, session, ts, answer, seq);

CREATE TABLE chathakase.person (
    workspace TEXT NOT NULL,
    session BIGINT NOT NULL,
    member TEXT NOT NULL,
    name BIGINT,
    messages BIGINT NOT NULL,
    PRIMARY KEY (workspace, session, member)
);

-- Turns and what they closed with. `due`: from when on a turn may be claimed.
CREATE TABLE chathakase.turn (
    workspace TEXT NOT NULL,
    id BIGINT NOT NULL,
    thread BIGINT NOT NULL,
    session BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    state SMALLINT NOT NULL,
    delivery SMALLINT NOT NULL,
    deaths BIGINT NOT NULL,
    asker TEXT,
    asker_team TEXT,
    first_ts BIGINT NOT NULL,
    last_ts BIGINT NOT NULL,
    started_at BIGINT,
    first_seq BIGINT NOT NULL,
    owner TEXT,
    fence BIGINT NOT NULL,
    due BIGINT,
    outcome SMALLINT,
    ending SMALLINT,
    text BIGINT,
    note BIGINT,
    model TEXT,
    prompt_tokens BIGINT,
    completion_tokens BIGINT,
    stop_requested BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (workspace, id)
) WITH (fillfactor = 80);
CREATE INDEX turn_by_due ON chathakase.turn (due, id) WHERE due IS NOT NULL;
CREATE INDEX turn_by_session ON chathakase.turn (workspace, session);

-- The Slack messages of answers.
CREATE TABLE chathakase.part (
    workspace TEXT NOT NULL,
    turn BIGINT NOT NULL,
    idx BIGINT NOT NULL,
    mode SMALLINT NOT NULL,
    state SMALLINT NOT NULL,
    ts BIGINT,
    hash BIGINT NOT NULL,
    PRIMARY KEY (workspace, turn, idx)
);

-- All texts and names. `codec`: 0 plain, 1 zstd. Erasing deletes the row; its bytes leave the disk with the vacuum, which
-- therefore comes early.
CREATE TABLE chathakase.content (
    workspace TEXT NOT NULL,
    no BIGINT NOT NULL,
    codec SMALLINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (workspace, no)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 50);
ALTER TABLE chathakase.content ALTER body SET STORAGE EXTERNAL;

-- One row that is written to see whether the store can write, and that knows until when nothing was missed.
CREATE TABLE chathakase.pulse (id SMALLINT PRIMARY KEY CHECK (id = 1), beats BIGINT NOT NULL, good_until BIGINT);
INSERT INTO chathakase.pulse (id, beats) VALUES (1, 0);
