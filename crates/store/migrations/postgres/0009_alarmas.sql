-- Who of those that may decide an urgent report was the first to open it.
CREATE TABLE aperturas (
    reporte_id BIGINT PRIMARY KEY REFERENCES reportes (id),
    rut BIGINT NOT NULL REFERENCES usuarios (rut),
    en BIGINT NOT NULL
);

-- What people were told because nothing happened: once for each, by a name of its own.
CREATE TABLE alarmas (
    clave TEXT PRIMARY KEY,
    creada BIGINT NOT NULL
);
CREATE INDEX idx_alarmas_creada ON alarmas (creada);

-- Looked through every minute.
CREATE INDEX idx_dispositivos_last_sync ON dispositivos (last_sync);

-- Of a phone that is silent there is no report.
ALTER TABLE notificaciones ALTER COLUMN reporte_id DROP NOT NULL;
