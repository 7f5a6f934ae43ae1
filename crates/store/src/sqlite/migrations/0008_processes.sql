-- Until when a process lives unless it says so again, and until when it missed nothing of what Slack had to say. The row of one that
-- lives no more stays until somebody has looked for what it missed.
CREATE TABLE process (owner TEXT PRIMARY KEY, until INTEGER NOT NULL, good_until INTEGER) STRICT, WITHOUT ROWID;
INSERT INTO process (owner, until, good_until) SELECT 'before', 0, good_until FROM pulse WHERE good_until IS NOT NULL;
ALTER TABLE pulse DROP COLUMN good_until;
