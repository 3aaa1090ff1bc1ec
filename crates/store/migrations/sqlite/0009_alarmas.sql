-- Who of those that may decide an urgent report was the first to open it.
CREATE TABLE aperturas (
    reporte_id INTEGER PRIMARY KEY REFERENCES reportes (id),
    rut INTEGER NOT NULL REFERENCES usuarios (rut),
    en INTEGER NOT NULL
) STRICT;

-- What people were told because nothing happened: once for each, by a name of its own.
CREATE TABLE alarmas (
    clave TEXT PRIMARY KEY,
    creada INTEGER NOT NULL
) STRICT;
CREATE INDEX idx_alarmas_creada ON alarmas (creada);

-- Looked through every minute.
CREATE INDEX idx_dispositivos_last_sync ON dispositivos (last_sync);

-- Of a phone that is silent there is no report. The ids go on from where they were: a stream that is cut
-- goes on from the last one it had.
CREATE TABLE notificaciones_nueva (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rut INTEGER NOT NULL REFERENCES usuarios (rut),
    evento TEXT NOT NULL,
    reporte_id INTEGER REFERENCES reportes (id),
    version INTEGER NOT NULL,
    datos TEXT NOT NULL, -- JSON: what the text is made of
    creada INTEGER NOT NULL,
    leida INTEGER
) STRICT;
INSERT INTO notificaciones_nueva SELECT id, rut, evento, reporte_id, version, datos, creada, leida
    FROM notificaciones;
DELETE FROM sqlite_sequence WHERE name = 'notificaciones_nueva';
UPDATE sqlite_sequence SET name = 'notificaciones_nueva' WHERE name = 'notificaciones';
DROP TABLE notificaciones;
ALTER TABLE notificaciones_nueva RENAME TO notificaciones;
CREATE INDEX idx_notificaciones_rut ON notificaciones (rut, id);
CREATE INDEX idx_notificaciones_sin_leer ON notificaciones (rut, id) WHERE leida IS NULL;
CREATE INDEX idx_notificaciones_creada ON notificaciones (creada);
