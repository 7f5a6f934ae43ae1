-- What a deletion, a gap and a sweep ask for is found however much is stored.
CREATE INDEX part_by_ts ON chathakase.part (workspace, ts) WHERE ts IS NOT NULL;
CREATE INDEX discarded_by_age ON chathakase.discarded (at, session);
DROP INDEX chathakase.thread_by_rest;
CREATE INDEX thread_by_rest ON chathakase.thread (workspace, rested_at) WHERE rested_at IS NOT NULL;
