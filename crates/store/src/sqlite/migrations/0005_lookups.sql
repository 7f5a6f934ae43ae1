-- What a deletion and a gap ask for is found however much is stored.
CREATE INDEX part_by_ts ON part (ts) WHERE ts IS NOT NULL;
CREATE INDEX thread_by_session ON thread (session) WHERE session IS NOT NULL;
DROP INDEX thread_by_rest;
CREATE INDEX thread_by_rest ON thread (workspace, rested_at) WHERE rested_at IS NOT NULL;
