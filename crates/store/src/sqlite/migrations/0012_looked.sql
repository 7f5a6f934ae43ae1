-- Places that were looked through for what was missed, and until when: a thread, or with `root` 0 what stands in the channel itself.
-- A row goes when all processes are as good everywhere.
CREATE TABLE looked (
    workspace TEXT NOT NULL,
    channel TEXT NOT NULL,
    root INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (workspace, channel, root)
) STRICT, WITHOUT ROWID;
CREATE INDEX looked_by_until ON looked (until);
