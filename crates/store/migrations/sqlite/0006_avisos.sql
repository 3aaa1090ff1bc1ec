-- The feed is also what people are told from: each change says what happened. What stood in the outbox
-- said the same of the same rows, and nobody was told of it.
ALTER TABLE cambios ADD COLUMN evento TEXT NOT NULL DEFAULT 'reporte.cambiado';
DROP TABLE outbox;
-- How far in the feed they were told.
CREATE TABLE reparto (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    posicion INTEGER NOT NULL
) STRICT;
INSERT INTO reparto (id, posicion) SELECT 1, coalesce(max(posicion), 0) FROM cambios;

-- What each person was told, until some months later.
CREATE TABLE notificaciones (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rut INTEGER NOT NULL REFERENCES usuarios (rut),
    evento TEXT NOT NULL,
    reporte_id INTEGER NOT NULL REFERENCES reportes (id),
    version INTEGER NOT NULL,
    datos TEXT NOT NULL, -- JSON: what the text is made of
    creada INTEGER NOT NULL,
    leida INTEGER
) STRICT;
CREATE INDEX idx_notificaciones_rut ON notificaciones (rut, id);
CREATE INDEX idx_notificaciones_sin_leer ON notificaciones (rut, id) WHERE leida IS NULL;
CREATE INDEX idx_notificaciones_creada ON notificaciones (creada);
