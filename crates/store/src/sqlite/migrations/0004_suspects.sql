-- Open turns that owners died over, for who must not hold two of them.
CREATE INDEX turn_by_deaths ON turn (deaths, id) WHERE deaths > 0 AND due IS NOT NULL;
