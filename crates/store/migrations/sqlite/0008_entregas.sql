-- Severities of which people are told at once, apart, and whatever else they chose.
ALTER TABLE severidades ADD COLUMN urgente INTEGER NOT NULL DEFAULT 0 CHECK (urgente IN (0, 1));
UPDATE severidades SET urgente = 1 WHERE nombre = 'Alta';
UPDATE catalogo_version SET version = version + 1;

-- How each person wants to be told; whoever chose nothing has no row.
CREATE TABLE preferencias (
    rut INTEGER PRIMARY KEY REFERENCES usuarios (rut),
    idioma TEXT NOT NULL CHECK (idioma IN ('es', 'en')),
    correo INTEGER NOT NULL CHECK (correo IN (0, 1)),
    push INTEGER NOT NULL CHECK (push IN (0, 1)),
    silenciados TEXT NOT NULL, -- JSON: events that go to the tray alone
    actualizado INTEGER NOT NULL
) STRICT;

-- Browsers that take messages for a person (Web Push).
CREATE TABLE suscripciones_push (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rut INTEGER NOT NULL REFERENCES usuarios (rut),
    endpoint TEXT NOT NULL UNIQUE,
    p256dh TEXT NOT NULL,
    auth TEXT NOT NULL,
    circuito TEXT NOT NULL,
    creada INTEGER NOT NULL
) STRICT;
CREATE INDEX idx_suscripciones_push_rut ON suscripciones_push (rut, id);

-- Other systems that are told of events. The secret signs, so it can't be kept as a hash.
CREATE TABLE webhooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    url TEXT NOT NULL,
    descripcion TEXT NOT NULL,
    eventos TEXT NOT NULL, -- JSON: which events
    activo INTEGER NOT NULL CHECK (activo IN (0, 1)),
    secreto TEXT NOT NULL,
    secreto_anterior TEXT, -- signs too, until then
    anterior_hasta INTEGER,
    creado INTEGER NOT NULL
) STRICT;

-- What is on its way to somebody outside: written with the place in the feed that it comes from, taken
-- out by one worker at a time.
CREATE TABLE entregas (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    canal TEXT NOT NULL CHECK (canal IN ('correo', 'push', 'webhook')),
    destino INTEGER NOT NULL,  -- a person's rut, a subscription or a webhook
    circuito TEXT NOT NULL,    -- what fails together
    evento TEXT NOT NULL,
    reporte_id INTEGER,
    datos TEXT NOT NULL,       -- JSON: what the text is made of; of a webhook, its body
    urgente INTEGER NOT NULL CHECK (urgente IN (0, 1)),
    estado TEXT NOT NULL CHECK (estado IN ('pendiente', 'entregada', 'muerta')),
    intentos INTEGER NOT NULL DEFAULT 0,
    proximo INTEGER NOT NULL,  -- not before
    tomada INTEGER,            -- until then somebody is at it
    error TEXT,
    creada INTEGER NOT NULL,
    terminada INTEGER
) STRICT;
-- By circuit and urgency, those that are due first.
CREATE INDEX idx_entregas_cola ON entregas (estado, circuito, urgente, proximo, id);
CREATE INDEX idx_entregas_proximo ON entregas (estado, proximo);
CREATE INDEX idx_entregas_tomada ON entregas (circuito) WHERE tomada IS NOT NULL;
CREATE INDEX idx_entregas_destino ON entregas (canal, destino, reporte_id, id) WHERE estado = 'pendiente';
CREATE INDEX idx_entregas_estado ON entregas (estado, id);
CREATE INDEX idx_entregas_creada ON entregas (creada);

-- Destinations that fail are left alone for a while.
CREATE TABLE circuitos (
    circuito TEXT PRIMARY KEY,
    fallos INTEGER NOT NULL,
    abierto_hasta INTEGER NOT NULL
) STRICT;

-- Keys of the site that every node must share.
CREATE TABLE claves_del_sitio (
    nombre TEXT PRIMARY KEY,
    valor TEXT NOT NULL
) STRICT;
