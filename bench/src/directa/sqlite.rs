//! SQLite through rusqlite, on one thread: prepared statements and nothing between them and the
//! library. Foreign keys and triggers are off, which SIGRA pays for and this does not. The log has
//! the limit that SIGRA gives it: with SQLite's own, every transaction of a thousand reports would
//! end with carrying it into the file.

use std::{sync::Arc, time::Duration};

use rusqlite::{Connection, params};
use sigra_store::Env;

use super::plantilla::{DESFASE, Plantilla};
use crate::{base::archivo_de, datos::escribe_uuid, error::Error};

pub struct Directa {
    conn: Connection,
    plantillas: Arc<Vec<Plantilla>>,
    entorno: Env,
    /// The last row of `cambios`: the place in the feed is the row's id.
    posicion: i64,
    escritos: usize,
}

const REPORTE: &str = "INSERT INTO reportes (uuid_cliente, rut, titulo, descripcion, area_id, severidad_id,
        estado_id, fecha_reporte, hora_creado, hora_sincronizado, hora_actualizado, last_sync_attempt,
        device_id, desfase_reloj_ms, sync_status, sha256_contenido, con_ubicacion, lat, lon, precision_m,
        referencia, con_manifiesto, version, busqueda, entradas, ultimo_hash)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
        ?19, ?20, 1, ?21, 1, ?22)";
const BITACORA: &str =
    "INSERT INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash)
    VALUES (?, 1, 1, ?, ?, ?, ?, ?)";
const CAMBIO: &str = "INSERT INTO cambios
        (posicion, reporte_id, version, rut, area_antes, area_despues, retirado, marca, en, evento)
    VALUES (?, ?, 1, ?, NULL, ?, 0, ?, ?, ?)";
const ACEPTADO: &str = "INSERT INTO aceptados (reporte_id, sha256_contenido, version_base, version)
    VALUES (?, ?, 0, 1)";

const DISPOSITIVO: &str =
    "INSERT INTO dispositivos (device_id, rut, primer_sync, last_sync, desfase_reloj_ms, pendientes)
    VALUES ('moto-1', ?1, ?2, ?2, 0, 0)
    ON CONFLICT (device_id, rut) DO UPDATE SET last_sync = excluded.last_sync,
        desfase_reloj_ms = excluded.desfase_reloj_ms, pendientes = excluded.pendientes";

impl Directa {
    pub fn abre(url: &str, plantillas: Arc<Vec<Plantilla>>) -> Result<Self, Error> {
        let conn = Connection::open(archivo_de(url))?;
        // As SIGRA opens it; what costs durability is checked, not believed.
        conn.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;
             PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;
             PRAGMA wal_autocheckpoint = 8000;",
        )?;
        let modo: String = conn.query_row("PRAGMA journal_mode", (), |f| f.get(0))?;
        let sincronia: i64 = conn.query_row("PRAGMA synchronous", (), |f| f.get(0))?;
        if (modo.as_str(), sincronia) != ("wal", 2) {
            return Err(Error::Interno("la referencia no es durable"));
        }
        let disparadores: Vec<String> = conn
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")?
            .query_map((), |f| f.get(0))?
            .collect::<Result<_, _>>()?;
        for nombre in disparadores {
            conn.execute_batch(&format!("DROP TRIGGER {nombre}"))?;
        }
        let posicion =
            conn.query_row("SELECT coalesce(max(id), 0) FROM cambios", (), |f| f.get(0))?;
        Ok(Self {
            conn,
            plantillas,
            entorno: Env::default(),
            posicion,
            escritos: 0,
        })
    }

    pub fn ronda(
        &mut self,
        duracion: Duration,
        por_transaccion: usize,
    ) -> Result<(u64, Duration), Error> {
        let Self {
            conn,
            plantillas,
            entorno,
            posicion,
            escritos,
        } = self;
        let mut empieza = conn.prepare("BEGIN IMMEDIATE")?;
        let mut confirma = conn.prepare("COMMIT")?;
        let mut reporte = conn.prepare(REPORTE)?;
        let mut bitacora = conn.prepare(BITACORA)?;
        let mut cambio = conn.prepare(CAMBIO)?;
        let mut aceptado = conn.prepare(ACEPTADO)?;
        let mut dispositivo = conn.prepare(DISPOSITIVO)?;
        let mut uuid = [0; 36];
        let mut n = 0;
        let inicio = Env::monotonic_now();
        while inicio.elapsed() < duracion {
            empieza.execute(())?;
            for _ in 0..por_transaccion {
                let p = &plantillas[*escritos % plantillas.len()];
                escribe_uuid(entorno.random(), &mut uuid);
                let texto = std::str::from_utf8(&uuid).map_err(|_| Error::Interno("uuid"))?;
                let ahora = entorno.now().0;
                *posicion += 1;
                let id = reporte.insert(params![
                    texto,
                    p.rut,
                    p.titulo,
                    p.descripcion,
                    p.area_id,
                    p.severidad_id,
                    p.estado_id,
                    p.fecha_reporte,
                    p.hora_creado,
                    ahora,
                    p.device_id,
                    DESFASE,
                    p.sync_status,
                    p.sha256_contenido,
                    p.con_ubicacion,
                    p.lat,
                    p.lon,
                    p.precision_m,
                    p.referencia,
                    p.con_manifiesto,
                    p.busqueda,
                    p.ultimo_hash
                ])?;
                bitacora.execute(params![
                    id,
                    p.accion,
                    p.rut,
                    ahora,
                    p.canonica,
                    p.ultimo_hash
                ])?;
                cambio.execute(params![
                    *posicion,
                    id,
                    p.rut,
                    p.area_id,
                    entorno.random_i64(),
                    ahora,
                    p.evento
                ])?;
                aceptado.execute(params![id, p.sha256_contenido])?;
                *escritos += 1;
                n += 1;
            }
            if por_transaccion > 1 {
                let rut = plantillas.first().map_or(0, |p| p.rut);
                dispositivo.execute(params![rut, entorno.now().0])?;
            }
            confirma.execute(())?;
        }
        Ok((n, inicio.elapsed()))
    }
}
