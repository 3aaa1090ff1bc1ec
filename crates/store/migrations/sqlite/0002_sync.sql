-- Phones as they present themselves, one row for each person who uses one.
CREATE TABLE dispositivos (
    device_id TEXT NOT NULL,
    rut INTEGER NOT NULL REFERENCES usuarios (rut),
    app_version TEXT,
    primer_sync INTEGER NOT NULL,
    last_sync INTEGER NOT NULL,
    desfase_reloj_ms INTEGER NOT NULL, -- the server's clock less the phone's
    pendientes INTEGER,                -- what the phone says it still holds
    PRIMARY KEY (device_id, rut)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_dispositivos_rut ON dispositivos (rut);

-- What a phone sent and could not be merged, until somebody decides. Kept after that, too.
CREATE TABLE conflictos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    reporte_id INTEGER NOT NULL REFERENCES reportes (id),
    sha256_contenido TEXT NOT NULL,
    version_base INTEGER NOT NULL, -- 0: none said
    enviado TEXT NOT NULL,         -- JSON: the content as sent
    base TEXT,                     -- JSON: the values at version_base; null when not known
    device_id TEXT NOT NULL,
    creado INTEGER NOT NULL,
    resuelto INTEGER,
    decision TEXT CHECK (decision IN ('servidor', 'cliente', 'mezcla')),
    rut_resolvio INTEGER REFERENCES usuarios (rut),
    UNIQUE (reporte_id, sha256_contenido, version_base)
) STRICT;
CREATE INDEX idx_conflictos_abiertos ON conflictos (reporte_id, id) WHERE resuelto IS NULL;

-- The feed: what changed in the reports of one author, and what else changed in one report.
CREATE UNIQUE INDEX idx_cambios_reporte ON cambios (reporte_id, version);
CREATE INDEX idx_cambios_rut ON cambios (rut, posicion);
-- PostgreSQL finds here what its sequencer has to stamp; SQLite stamps as it writes.
CREATE INDEX idx_cambios_sin_posicion ON cambios (id) WHERE posicion IS NULL;
