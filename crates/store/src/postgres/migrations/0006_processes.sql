-- Until when a process lives unless it says so again, and until when it missed nothing of what Slack had to say. The row of one that
-- lives no more stays until somebody has looked for what it missed.
CREATE TABLE chathakase.process (owner TEXT PRIMARY KEY, until BIGINT NOT NULL, good_until BIGINT) WITH (fillfactor = 50);
INSERT INTO chathakase.process (owner, until, good_until)
    SELECT 'before', 0, good_until FROM chathakase.pulse WHERE good_until IS NOT NULL;
ALTER TABLE chathakase.pulse DROP COLUMN good_until;
