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
    sha256 TEXT COLLATE "C" PRIMARY KEY,
    bytes BIGINT NOT NULL,
    tipo TEXT NOT NULL,              -- MIME type, by its bytes
    clave TEXT NOT NULL UNIQUE,      -- where the store keeps them
    creado BIGINT NOT NULL,
    sin_uso_desde BIGINT,           -- null while something refers to it
    -- What is made of it in the background.
    vistas TEXT NOT NULL CHECK (vistas IN ('pendientes', 'listas', 'ninguna')),
    intentos BIGINT NOT NULL DEFAULT 0,
    reclamado_hasta BIGINT,         -- somebody is at it until then
    clave_miniatura TEXT,
    bytes_miniatura BIGINT,
    clave_vista TEXT,
    bytes_vista BIGINT,
    recortes TEXT                    -- JSON: what a copy without location leaves out; null: no such copy
);
CREATE INDEX idx_objetos_pendientes ON objetos (creado, sha256) WHERE vistas = 'pendientes';
CREATE INDEX idx_objetos_sin_uso ON objetos (sin_uso_desde) WHERE sin_uso_desde IS NOT NULL;

-- Files on their way. An upload is unfinished, or finished and waiting for its report, or adopted.
CREATE TABLE subidas (
    id TEXT COLLATE "C" PRIMARY KEY,             -- random: who knows it may go on
    rut BIGINT NOT NULL REFERENCES usuarios (rut),
    multimedia_uuid TEXT NOT NULL,
    reporte_uuid TEXT,
    nombre TEXT NOT NULL,
    tipo TEXT NOT NULL,              -- as the phone believes it
    bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    recibidos BIGINT NOT NULL DEFAULT 0,
    turno BIGINT NOT NULL DEFAULT 0, -- only whoever took the last one may go on
    creada BIGINT NOT NULL,
    expira BIGINT NOT NULL,
    terminada BIGINT,
    adoptada BIGINT
);
CREATE UNIQUE INDEX idx_subidas_archivo ON subidas (rut, multimedia_uuid) WHERE adoptada IS NULL;
CREATE INDEX idx_subidas_expira ON subidas (expira);
CREATE INDEX idx_subidas_sha256 ON subidas (sha256) WHERE terminada IS NOT NULL AND adoptada IS NULL;

-- The bytes of an unfinished upload, piece by piece, as objects of the store.
CREATE TABLE piezas (
    subida_id TEXT COLLATE "C" NOT NULL REFERENCES subidas (id),
    desde BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    clave TEXT NOT NULL,
    PRIMARY KEY (subida_id, desde)
);

-- Keys of the store that no row needs: written before an object is, and taken back by the transaction
-- that needs it; what a crash leaves behind is found here.
CREATE TABLE basura (
    clave TEXT COLLATE "C" PRIMARY KEY,
    desde BIGINT NOT NULL
);
CREATE INDEX idx_basura_desde ON basura (desde);
