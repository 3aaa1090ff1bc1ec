-- What became of each file of a manifest.
ALTER TABLE multimedia ADD COLUMN estado TEXT NOT NULL DEFAULT 'pendiente'
    CHECK (estado IN ('pendiente', 'subido', 'renunciado', 'eliminado'));
UPDATE multimedia SET estado = 'subido' WHERE subido;
ALTER TABLE multimedia DROP COLUMN subido;
CREATE INDEX idx_multimedia_sha256 ON multimedia (sha256) WHERE estado = 'subido';
CREATE INDEX idx_multimedia_uuid ON multimedia (uuid_cliente) WHERE estado <> 'subido';

-- The same bytes are kept once. A row is locked whenever something begins or ceases to refer to it:
-- a file of a report that is 'subido' with this hash, or an upload that is finished and waits for its
-- report.
CREATE TABLE objetos (
    sha256 TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    tipo TEXT NOT NULL,              -- MIME type, by its bytes
    clave TEXT NOT NULL UNIQUE,      -- where the store keeps them
    creado INTEGER NOT NULL,
    sin_uso_desde INTEGER,           -- null while something refers to it
    -- What is made of it in the background.
    vistas TEXT NOT NULL CHECK (vistas IN ('pendientes', 'listas', 'ninguna')),
    intentos INTEGER NOT NULL DEFAULT 0,
    reclamado_hasta INTEGER,         -- somebody is at it until then
    clave_miniatura TEXT,
    bytes_miniatura INTEGER,
    clave_vista TEXT,
    bytes_vista INTEGER,
    recortes TEXT                    -- JSON: what a copy without location leaves out; null: no such copy
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_objetos_pendientes ON objetos (creado, sha256) WHERE vistas = 'pendientes';
CREATE INDEX idx_objetos_sin_uso ON objetos (sin_uso_desde) WHERE sin_uso_desde IS NOT NULL;

-- Files on their way. An upload is unfinished, or finished and waiting for its report, or adopted.
CREATE TABLE subidas (
    id TEXT PRIMARY KEY,             -- random: who knows it may go on
    rut INTEGER NOT NULL REFERENCES usuarios (rut),
    multimedia_uuid TEXT NOT NULL,
    reporte_uuid TEXT,
    nombre TEXT NOT NULL,
    tipo TEXT NOT NULL,              -- as the phone believes it
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    recibidos INTEGER NOT NULL DEFAULT 0,
    turno INTEGER NOT NULL DEFAULT 0, -- only whoever took the last one may go on
    creada INTEGER NOT NULL,
    expira INTEGER NOT NULL,
    terminada INTEGER,
    adoptada INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX idx_subidas_archivo ON subidas (rut, multimedia_uuid) WHERE adoptada IS NULL;
CREATE INDEX idx_subidas_expira ON subidas (expira);
CREATE INDEX idx_subidas_sha256 ON subidas (sha256) WHERE terminada IS NOT NULL AND adoptada IS NULL;

-- The bytes of an unfinished upload, piece by piece, as objects of the store.
CREATE TABLE piezas (
    subida_id TEXT NOT NULL REFERENCES subidas (id),
    desde INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    clave TEXT NOT NULL,
    PRIMARY KEY (subida_id, desde)
) STRICT, WITHOUT ROWID;

-- Keys of the store that no row needs: written before an object is, and taken back by the transaction
-- that needs it; what a crash leaves behind is found here.
CREATE TABLE basura (
    clave TEXT PRIMARY KEY,
    desde INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_basura_desde ON basura (desde);
