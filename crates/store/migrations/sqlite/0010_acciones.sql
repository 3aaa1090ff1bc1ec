-- What is done against the danger of a report: its entries tell it, the row remembers it.
ALTER TABLE reportes ADD COLUMN acciones TEXT; -- JSON, by number

-- Those that are still to be done, to be found by their last day; written with the row.
CREATE TABLE acciones_abiertas (
    reporte_id INTEGER NOT NULL REFERENCES reportes (id),
    n INTEGER NOT NULL,
    responsable INTEGER NOT NULL REFERENCES usuarios (rut),
    plazo TEXT NOT NULL, -- YYYY-MM-DD
    PRIMARY KEY (reporte_id, n)
) STRICT;
CREATE INDEX idx_acciones_abiertas_plazo ON acciones_abiertas (plazo);
