-- What is needed to find out what was missed while nobody listened, and to tell what came before us in a thread.
ALTER TABLE thread ADD COLUMN joined_from INTEGER;
ALTER TABLE thread ADD COLUMN rested_at INTEGER;
ALTER TABLE thread ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;
CREATE INDEX thread_by_rest ON thread (rested_at) WHERE rested_at IS NOT NULL;
ALTER TABLE pulse ADD COLUMN good_until INTEGER;
