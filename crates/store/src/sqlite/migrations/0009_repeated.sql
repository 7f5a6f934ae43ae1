-- Whether an answer was posted once more although it may have stood in its thread already.
ALTER TABLE turn ADD COLUMN repeated INTEGER NOT NULL DEFAULT 0;
