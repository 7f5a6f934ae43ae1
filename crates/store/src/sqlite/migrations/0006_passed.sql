-- Posts that were not taken in (`place` 3), by their threads: replies in threads that were not ours then, and posts of which only
-- an edit arrived.
ALTER TABLE post ADD COLUMN root INTEGER;
CREATE INDEX post_passed ON post (workspace, channel, root, ts) WHERE root IS NOT NULL;
