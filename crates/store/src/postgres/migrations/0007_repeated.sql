-- Whether an answer was posted once more although it may have stood in its thread already.
ALTER TABLE chathakase.turn ADD COLUMN repeated BOOLEAN NOT NULL DEFAULT FALSE;
