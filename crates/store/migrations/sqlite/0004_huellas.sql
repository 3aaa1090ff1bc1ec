-- A phone may write a file's uuid in upper case: its hash is of what it sent, and the row holds lower
-- case. What the row hashes to then. Reports of that kind from before this count as altered until their
-- next change.
CREATE TABLE huellas (
    reporte_id INTEGER NOT NULL REFERENCES reportes (id),
    enviada TEXT NOT NULL,
    guardada TEXT NOT NULL,
    PRIMARY KEY (reporte_id, enviada)
) STRICT, WITHOUT ROWID;
