-- A comment is an entry of the report's bitácora; its row remembers how many there are.
ALTER TABLE reportes ADD COLUMN comentarios BIGINT NOT NULL DEFAULT 0;
