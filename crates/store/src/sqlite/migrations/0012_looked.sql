-- Where looks for what was missed came to: a thread, or with `root` 0 what stands in the channel itself. When the look began, and from
-- when on it was to find things. A row goes when no process has missed anything since.
CREATE TABLE looked (
    workspace TEXT NOT NULL,
    channel TEXT NOT NULL,
    root INTEGER NOT NULL,
    since INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (workspace, channel, root)
) STRICT, WITHOUT ROWID;
CREATE INDEX looked_by_time ON looked (at);
