-- What is done against the danger of a report: its entries tell it, the row remembers it.
ALTER TABLE reportes ADD COLUMN acciones TEXT; -- JSON, by number

-- Those that are still to be done, to be found by their last day; written with the row.
CREATE TABLE acciones_abiertas (
    reporte_id BIGINT NOT NULL REFERENCES reportes (id),
    n BIGINT NOT NULL,
    responsable BIGINT NOT NULL REFERENCES usuarios (rut),
    plazo TEXT NOT NULL, -- YYYY-MM-DD
    PRIMARY KEY (reporte_id, n)
);
CREATE INDEX idx_acciones_abiertas_plazo ON acciones_abiertas (plazo);
