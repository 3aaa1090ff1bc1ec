-- Moments are integers, milliseconds since 1970 UTC; days, uuids, hashes and JSON are text; booleans 0 or 1.
-- The PostgreSQL migration of the same number makes the same tables; a test compares the two.

CREATE TABLE catalogo_version (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO catalogo_version (id, version) VALUES (1, 1);

CREATE TABLE areas (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    nombre TEXT NOT NULL UNIQUE,
    activa INTEGER NOT NULL DEFAULT 1 CHECK (activa IN (0, 1))
) STRICT;
INSERT INTO areas (id, nombre) VALUES
    (1, 'Perforación y Tronadura'), (2, 'Carga y Transporte'), (3, 'Chancado y Molienda'),
    (4, 'Mantenimiento Mecánico'), (5, 'Mantenimiento Eléctrico'), (6, 'Seguridad Industrial'),
    (7, 'Control de Producción'), (8, 'Planta Concentradora'), (9, 'Salud y Medio Ambiente'),
    (10, 'Administración General');

CREATE TABLE severidades (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    nombre TEXT NOT NULL UNIQUE,
    activa INTEGER NOT NULL DEFAULT 1 CHECK (activa IN (0, 1))
) STRICT;
INSERT INTO severidades (id, nombre) VALUES (1, 'Baja'), (2, 'Media'), (3, 'Alta');

CREATE TABLE estados (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    nombre TEXT NOT NULL UNIQUE,
    es_final INTEGER NOT NULL CHECK (es_final IN (0, 1))
) STRICT;
INSERT INTO estados (id, nombre, es_final) VALUES
    (1, 'Pendiente', 0), (2, 'Aprobado', 1), (3, 'Rechazado', 1);

CREATE TABLE transiciones (
    desde INTEGER NOT NULL REFERENCES estados (id),
    hacia INTEGER NOT NULL REFERENCES estados (id),
    roles TEXT NOT NULL, -- names of roles, separated by commas
    PRIMARY KEY (desde, hacia)
) STRICT;
INSERT INTO transiciones (desde, hacia, roles) VALUES
    (1, 2, 'administrador,supervisor'), (1, 3, 'administrador,supervisor');

CREATE TABLE usuarios (
    rut INTEGER PRIMARY KEY,
    nombre TEXT NOT NULL,
    apellido_1 TEXT NOT NULL,
    apellido_2 TEXT,
    rol TEXT NOT NULL CHECK (rol IN ('administrador', 'trabajador', 'supervisor')),
    email TEXT,
    activo INTEGER NOT NULL DEFAULT 1 CHECK (activo IN (0, 1)),
    hash_password TEXT NOT NULL,
    debe_cambiar_password INTEGER NOT NULL CHECK (debe_cambiar_password IN (0, 1)),
    creado INTEGER NOT NULL,
    actualizado INTEGER NOT NULL
) STRICT;
-- Answers at each login whether hashes of the earlier system are left.
CREATE INDEX idx_usuarios_bcrypt ON usuarios (rut) WHERE hash_password LIKE '$2%';

CREATE TABLE usuario_areas (
    rut INTEGER NOT NULL REFERENCES usuarios (rut),
    area_id INTEGER NOT NULL REFERENCES areas (id),
    PRIMARY KEY (rut, area_id)
) STRICT;
CREATE INDEX idx_usuario_areas_area ON usuario_areas (area_id, rut);

-- One row per login: the family of its refresh tokens.
CREATE TABLE sesiones (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rut INTEGER NOT NULL REFERENCES usuarios (rut),
    creada INTEGER NOT NULL,
    ultimo_uso INTEGER NOT NULL,
    expira INTEGER NOT NULL,
    device_id TEXT,
    agente TEXT,
    direccion TEXT,
    cerrada_en INTEGER,
    motivo_cierre TEXT
) STRICT;
CREATE INDEX idx_sesiones_rut ON sesiones (rut, id);
CREATE INDEX idx_sesiones_expira ON sesiones (expira);

CREATE TABLE refresh_tokens (
    hash TEXT PRIMARY KEY,
    sesion_id INTEGER NOT NULL REFERENCES sesiones (id) ON DELETE CASCADE,
    estado TEXT NOT NULL CHECK (estado IN ('vigente', 'reemplazado', 'anulado')),
    creado INTEGER NOT NULL,
    reemplazado_en INTEGER,
    -- The successor is derived from the token that its client sends again and this salt.
    sal TEXT,
    sucesor TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_refresh_tokens_sesion ON refresh_tokens (sesion_id);

-- Wrong passwords per account and per address.
CREATE TABLE intentos (
    clave TEXT PRIMARY KEY,
    fallos INTEGER NOT NULL,
    ultimo INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_intentos_ultimo ON intentos (ultimo);

CREATE TABLE reportes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid_cliente TEXT NOT NULL UNIQUE,
    rut INTEGER NOT NULL REFERENCES usuarios (rut),
    titulo TEXT NOT NULL,
    descripcion TEXT,
    area_id INTEGER NOT NULL REFERENCES areas (id),
    severidad_id INTEGER NOT NULL REFERENCES severidades (id),
    estado_id INTEGER NOT NULL REFERENCES estados (id),
    fecha_reporte TEXT NOT NULL,
    hora_creado INTEGER NOT NULL,       -- the phone's clock
    hora_sincronizado INTEGER NOT NULL, -- the server's, when the row was made
    hora_actualizado INTEGER NOT NULL,
    last_sync_attempt INTEGER,
    device_id TEXT,
    desfase_reloj_ms INTEGER,
    sync_status TEXT NOT NULL CHECK (sync_status IN ('completo', 'multimedia_pendiente', 'conflicto')),
    sha256_contenido TEXT NOT NULL,
    con_ubicacion INTEGER NOT NULL CHECK (con_ubicacion IN (0, 1)),
    lat REAL,
    lon REAL,
    precision_m REAL,
    referencia TEXT,
    -- Whether a manifest was sent at all: null and [] are different content.
    con_manifiesto INTEGER NOT NULL CHECK (con_manifiesto IN (0, 1)),
    version INTEGER NOT NULL,
    busqueda TEXT NOT NULL, -- titulo and descripcion, folded
    retirado_en INTEGER,    -- tombstone
    entradas INTEGER NOT NULL,      -- how many bitácora entries there are
    ultimo_hash TEXT NOT NULL       -- and the last one's hash
) STRICT;
CREATE INDEX idx_reportes_hora ON reportes (hora_creado, id);
CREATE INDEX idx_reportes_fecha ON reportes (fecha_reporte, id);
CREATE INDEX idx_reportes_sincronizado ON reportes (hora_sincronizado, id);
CREATE INDEX idx_reportes_estado ON reportes (estado_id, hora_creado, id);
CREATE INDEX idx_reportes_area ON reportes (area_id, hora_creado, id);
CREATE INDEX idx_reportes_severidad ON reportes (severidad_id, hora_creado, id);
CREATE INDEX idx_reportes_rut ON reportes (rut, hora_creado, id);
CREATE INDEX idx_reportes_sync ON reportes (sync_status, hora_creado, id) WHERE sync_status <> 'completo';
CREATE TRIGGER reportes_no_borrar BEFORE DELETE ON reportes
BEGIN SELECT RAISE(ABORT, 'reportes: un reporte se retira, no se borra'); END;
-- INSERT OR REPLACE deletes without firing the trigger above. A taken uuid leaves the new row out, as
-- the server's own ON CONFLICT DO NOTHING does: an ABORT would come before that clause is looked at.
CREATE TRIGGER reportes_no_reemplazar BEFORE INSERT ON reportes
WHEN EXISTS (SELECT 1 FROM reportes WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM reportes WHERE uuid_cliente = NEW.uuid_cliente)
BEGIN
    SELECT RAISE(ABORT, 'reportes: un reporte se retira, no se borra')
    WHERE EXISTS (SELECT 1 FROM reportes WHERE id = NEW.id);
    SELECT RAISE(IGNORE);
END;
-- UPDATE OR REPLACE deletes whatever has the new key. Not UPDATE OF: the id is also called rowid.
CREATE TRIGGER reportes_no_cambiar_identidad BEFORE UPDATE ON reportes
WHEN NEW.id <> OLD.id OR NEW.uuid_cliente <> OLD.uuid_cliente
BEGIN SELECT RAISE(ABORT, 'reportes: la identidad de un reporte no se cambia'); END;

CREATE TABLE multimedia (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    reporte_id INTEGER NOT NULL REFERENCES reportes (id),
    uuid_cliente TEXT NOT NULL,
    nombre TEXT NOT NULL,
    tipo TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    subido INTEGER NOT NULL DEFAULT 0 CHECK (subido IN (0, 1)),
    UNIQUE (reporte_id, uuid_cliente)
) STRICT;

-- Every content that was accepted for a report, with the version the phone worked from (0: none
-- said) and the version it produced: what is sent again is answered, never applied twice.
CREATE TABLE aceptados (
    reporte_id INTEGER NOT NULL REFERENCES reportes (id),
    sha256_contenido TEXT NOT NULL,
    version_base INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (reporte_id, sha256_contenido, version_base)
) STRICT, WITHOUT ROWID;

CREATE TABLE bitacora (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    reporte_id INTEGER NOT NULL REFERENCES reportes (id),
    n INTEGER NOT NULL,
    version INTEGER NOT NULL,
    accion TEXT NOT NULL,
    rut INTEGER NOT NULL,
    en INTEGER NOT NULL,
    canonica TEXT NOT NULL,
    hash TEXT NOT NULL,
    UNIQUE (reporte_id, n)
) STRICT;
CREATE INDEX idx_bitacora_rut ON bitacora (rut, id);
CREATE TRIGGER bitacora_no_cambiar BEFORE UPDATE ON bitacora
BEGIN SELECT RAISE(ABORT, 'bitacora: una entrada no se cambia'); END;
CREATE TRIGGER bitacora_no_borrar BEFORE DELETE ON bitacora
BEGIN SELECT RAISE(ABORT, 'bitacora: una entrada no se borra'); END;
CREATE TRIGGER bitacora_no_reemplazar BEFORE INSERT ON bitacora
WHEN EXISTS (SELECT 1 FROM bitacora WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM bitacora WHERE reporte_id = NEW.reporte_id AND n = NEW.n)
BEGIN SELECT RAISE(ABORT, 'bitacora: una entrada no se reemplaza'); END;

-- Changes of users and catalogue, one chain; rut is null when made from the server's console.
CREATE TABLE bitacora_ajustes (
    n INTEGER PRIMARY KEY,
    objeto TEXT NOT NULL,
    accion TEXT NOT NULL,
    rut INTEGER,
    en INTEGER NOT NULL,
    canonica TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX idx_bitacora_ajustes_objeto ON bitacora_ajustes (objeto, n);
CREATE TRIGGER bitacora_ajustes_no_cambiar BEFORE UPDATE ON bitacora_ajustes
BEGIN SELECT RAISE(ABORT, 'bitacora_ajustes: una entrada no se cambia'); END;
CREATE TRIGGER bitacora_ajustes_no_borrar BEFORE DELETE ON bitacora_ajustes
BEGIN SELECT RAISE(ABORT, 'bitacora_ajustes: una entrada no se borra'); END;
CREATE TRIGGER bitacora_ajustes_no_reemplazar BEFORE INSERT ON bitacora_ajustes
WHEN EXISTS (SELECT 1 FROM bitacora_ajustes WHERE n = NEW.n)
BEGIN SELECT RAISE(ABORT, 'bitacora_ajustes: una entrada no se reemplaza'); END;
CREATE TABLE bitacora_ajustes_cabeza (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    entradas INTEGER NOT NULL,
    ultimo_hash TEXT NOT NULL
) STRICT;
INSERT INTO bitacora_ajustes_cabeza (id, entradas, ultimo_hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- The change feed: append-only, one row per version of a report, with its area before and after.
-- `posicion` is the feed's order: SQLite stamps it as it writes (one writer, so commits come in that
-- order); on PostgreSQL it is null until the row is committed and a sequencer stamps it.
CREATE TABLE cambios (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    posicion INTEGER UNIQUE,
    reporte_id INTEGER NOT NULL REFERENCES reportes (id),
    version INTEGER NOT NULL,
    rut INTEGER NOT NULL, -- the report's author
    area_antes INTEGER,
    area_despues INTEGER NOT NULL,
    retirado INTEGER NOT NULL CHECK (retirado IN (0, 1)),
    marca INTEGER NOT NULL, -- random: a copied-back database is noticed by it
    en INTEGER NOT NULL
) STRICT;

-- One row per change that somebody may have to be told of; workers fan it out.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    evento TEXT NOT NULL,
    reporte_id INTEGER NOT NULL REFERENCES reportes (id),
    version INTEGER NOT NULL,
    en INTEGER NOT NULL
) STRICT;

CREATE TABLE idempotencia (
    rut INTEGER NOT NULL REFERENCES usuarios (rut),
    ruta TEXT NOT NULL,
    clave TEXT NOT NULL,
    sha256_cuerpo TEXT NOT NULL,
    respuesta TEXT NOT NULL,
    creada INTEGER NOT NULL,
    PRIMARY KEY (rut, ruta, clave)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_idempotencia_creada ON idempotencia (creada);
