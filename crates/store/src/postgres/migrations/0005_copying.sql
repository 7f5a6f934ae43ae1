-- A copy of another store into this one, until it is whole: where from, and the last row that is here. Nothing else opens a store
-- with such a row.
CREATE TABLE chathakase.copying (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    source TEXT NOT NULL,
    stage BIGINT NOT NULL,
    after TEXT NOT NULL
);
