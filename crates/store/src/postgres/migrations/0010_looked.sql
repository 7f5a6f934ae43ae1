-- Places that were looked through for what was missed, and until when: a thread, or with `root` 0 what stands in the channel itself.
-- A row goes when all processes are as good everywhere.
CREATE TABLE chathakase.looked (
    workspace TEXT NOT NULL,
    channel TEXT NOT NULL,
    root BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (workspace, channel, root)
);
CREATE INDEX looked_by_until ON chathakase.looked (until);
