-- Within how many hours of its arrival a report of each severity should be decided.
ALTER TABLE severidades ADD COLUMN meta_horas INTEGER NOT NULL DEFAULT 168;
UPDATE severidades SET meta_horas = CASE id WHEN 3 THEN 24 WHEN 2 THEN 72 ELSE 168 END;
UPDATE catalogo_version SET version = version + 1;

-- When a report came into a final state, and whether that was soon enough by what held then.
ALTER TABLE reportes ADD COLUMN decidido_en INTEGER;
ALTER TABLE reportes ADD COLUMN a_tiempo INTEGER CHECK (a_tiempo IN (0, 1));
UPDATE reportes SET decidido_en = coalesce(
    (SELECT b.en FROM bitacora b WHERE b.reporte_id = reportes.id AND b.accion = 'cambiar_estado'
     ORDER BY b.n DESC LIMIT 1), hora_actualizado)
WHERE estado_id IN (SELECT id FROM estados WHERE es_final);
UPDATE reportes SET a_tiempo = (decidido_en - hora_sincronizado <= 3600000 *
    (SELECT s.meta_horas FROM severidades s WHERE s.id = reportes.severidad_id))
WHERE decidido_en IS NOT NULL;
-- The one that waits longest, of each area.
CREATE INDEX idx_reportes_pendientes ON reportes (area_id, fecha_reporte, hora_sincronizado, id) WHERE decidido_en IS NULL AND retirado_en IS NULL;

-- What the dashboard shows: how many reports there are of each kind, by day (YYYY-MM-DD) and by month
-- (YYYY-MM) of fecha_reporte. What each value means stands in the code.
CREATE TABLE conteos (
    periodo TEXT NOT NULL,
    que TEXT NOT NULL CHECK (que IN ('estado', 'sync', 'demora', 'decision', 'a_tiempo')),
    area_id INTEGER NOT NULL,
    severidad_id INTEGER NOT NULL,
    valor INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (periodo, que, area_id, severidad_id, valor)
) STRICT, WITHOUT ROWID;
-- What is to be added to them: every change of reports appends here, so that no two wait for one row.
-- Whoever reads the counts reads these, too; one worker folds them in.
CREATE TABLE conteos_deltas (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    fecha TEXT NOT NULL,
    que TEXT NOT NULL,
    area_id INTEGER NOT NULL,
    severidad_id INTEGER NOT NULL,
    valor INTEGER NOT NULL,
    n INTEGER NOT NULL
) STRICT;
INSERT INTO conteos (periodo, que, area_id, severidad_id, valor, n)
WITH RECURSIVE octavas (k) AS (VALUES (0) UNION ALL SELECT k + 1 FROM octavas WHERE k < 24),
    dieciseis (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM dieciseis WHERE i < 15),
    -- The first minute of each bucket of durations.
    cubos (cubo, minuto) AS (
        SELECT i, CAST(i AS INTEGER) FROM dieciseis
        UNION ALL SELECT k * 16 + 16 + i, CAST(16 + i AS INTEGER) << k FROM octavas, dieciseis
    ),
    r AS (
        SELECT fecha_reporte, area_id, severidad_id, estado_id, sync_status, decidido_en, a_tiempo,
            CASE WHEN hora_sincronizado > hora_creado THEN (hora_sincronizado - hora_creado) / 60000 ELSE 0 END AS demora,
            CASE WHEN decidido_en > hora_sincronizado THEN (decidido_en - hora_sincronizado) / 60000 ELSE 0 END AS decision
        FROM reportes WHERE retirado_en IS NULL
    ),
    celdas (fecha, que, area_id, severidad_id, valor) AS (
        SELECT fecha_reporte, 'estado', area_id, severidad_id, estado_id FROM r
        UNION ALL
        SELECT fecha_reporte, 'sync', area_id, severidad_id,
            CASE sync_status WHEN 'conflicto' THEN 2 ELSE 1 END
        FROM r WHERE sync_status <> 'completo'
        UNION ALL
        SELECT fecha_reporte, 'demora', area_id, severidad_id,
            (SELECT max(cubo) FROM cubos WHERE minuto <= demora) FROM r
        UNION ALL
        SELECT fecha_reporte, 'decision', area_id, severidad_id,
            (SELECT max(cubo) FROM cubos WHERE minuto <= decision) FROM r WHERE decidido_en IS NOT NULL
        UNION ALL
        SELECT fecha_reporte, 'a_tiempo', area_id, severidad_id, 1 FROM r WHERE a_tiempo
    ),
    largos (largo) AS (VALUES (7), (10))
SELECT substr(fecha, 1, largo), que, area_id, severidad_id, valor, count(*)
FROM celdas, largos GROUP BY 1, 2, 3, 4, 5;
