-- Whether a person wants no more of a turn: outlives the process that was told.
ALTER TABLE turn ADD COLUMN stop_requested INTEGER NOT NULL DEFAULT 0;
