//! PostgreSQL on one connection: one statement writes all rows of a report, or of many, so that each
//! transaction costs one round trip. Foreign keys are checked, being part of the tables.

use std::{str::FromStr as _, sync::Arc, time::Duration};

use sigra_store::Env;
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};

use super::plantilla::{DESFASE, Plantilla};
use crate::{datos::uuid_nuevo, error::Error};

pub struct Directa {
    conn: PgConnection,
    plantillas: Arc<Vec<Plantilla>>,
    entorno: Env,
    /// The id of the last report that many at once wrote; one alone takes its id from the sequence.
    ultimo: i64,
    escritos: usize,
}

/// One report.
const UNO: &str = "WITH r AS (
        INSERT INTO reportes (uuid_cliente, rut, titulo, descripcion, area_id, severidad_id,
            estado_id, fecha_reporte, hora_creado, hora_sincronizado, hora_actualizado,
            last_sync_attempt, device_id, desfase_reloj_ms, sync_status, sha256_contenido,
            con_ubicacion, lat, lon, precision_m, referencia, con_manifiesto, version, busqueda,
            entradas, ultimo_hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $10, $11, $26, $12, $13, $14, $15,
            $16, $17, $18, $19, 1, $20, 1, $21)
        RETURNING id
    ), b AS (
        INSERT INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash)
        SELECT id, 1, 1, $22, $2, $10, $23, $21 FROM r
    ), c AS (
        INSERT INTO cambios (reporte_id, version, rut, area_despues, retirado, marca, en, evento)
        SELECT id, 1, $2, $5, FALSE, $24, $10, $25 FROM r
    )
    INSERT INTO aceptados (reporte_id, sha256_contenido, version_base, version)
    SELECT id, $13, 0, 1 FROM r";

/// Many reports: the values come as one array a column, the ids too, because nobody else is here to
/// take them.
const LOTE: &str = "WITH d AS MATERIALIZED (
        SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[],
            $6::bigint[], $7::bigint[], $8::text[], $9::bigint[], $10::text[], $11::text[],
            $12::text[], $13::boolean[], $14::float8[], $15::float8[], $16::float8[], $17::text[],
            $18::boolean[], $19::text[], $20::text[], $21::text[], $22::text[], $23::bigint[],
            $24::text[], $25::bigint[]) AS d (uuid, rut, titulo, descripcion, area_id,
            severidad_id, estado_id, fecha, hora, device_id, sync_status, sha256, con_ubicacion,
            lat, lon, precision_m, referencia, con_manifiesto, busqueda, hash, accion, canonica,
            marca, evento, id)
    ), r AS (
        INSERT INTO reportes (id, uuid_cliente, rut, titulo, descripcion, area_id, severidad_id,
            estado_id, fecha_reporte, hora_creado, hora_sincronizado, hora_actualizado,
            last_sync_attempt, device_id, desfase_reloj_ms, sync_status, sha256_contenido,
            con_ubicacion, lat, lon, precision_m, referencia, con_manifiesto, version, busqueda,
            entradas, ultimo_hash)
        SELECT id, uuid, rut, titulo, descripcion, area_id, severidad_id, estado_id, fecha, hora,
            $26, $26, $26, device_id, $27, sync_status, sha256, con_ubicacion, lat, lon,
            precision_m, referencia, con_manifiesto, 1, busqueda, 1, hash FROM d
    ), b AS (
        INSERT INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash)
        SELECT id, 1, 1, accion, rut, $26, canonica, hash FROM d
    ), c AS (
        INSERT INTO cambios (reporte_id, version, rut, area_despues, retirado, marca, en, evento)
        SELECT id, 1, rut, area_id, FALSE, marca, $26, evento FROM d
    ), v AS (
        INSERT INTO dispositivos (device_id, rut, primer_sync, last_sync, desfase_reloj_ms,
            pendientes)
        SELECT 'moto-1', min(rut), $26, $26, $27, 0 FROM d
        ON CONFLICT (device_id, rut) DO UPDATE SET last_sync = excluded.last_sync,
            desfase_reloj_ms = excluded.desfase_reloj_ms, pendientes = excluded.pendientes
    )
    INSERT INTO aceptados (reporte_id, sha256_contenido, version_base, version)
    SELECT id, sha256, 0, 1 FROM d";

impl Directa {
    pub async fn abre(url: &str, plantillas: Arc<Vec<Plantilla>>) -> Result<Self, Error> {
        let mut conn = PgConnectOptions::from_str(url)?
            .disable_statement_logging()
            .connect()
            .await?;
        let ultimo = sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM reportes")
            .fetch_one(&mut conn)
            .await?;
        Ok(Self {
            conn,
            plantillas,
            entorno: Env::default(),
            ultimo,
            escritos: 0,
        })
    }

    pub async fn ronda(
        &mut self,
        duracion: Duration,
        por_transaccion: usize,
    ) -> Result<(u64, Duration), Error> {
        let mut n = 0;
        let inicio = Env::monotonic_now();
        while inicio.elapsed() < duracion {
            if por_transaccion == 1 {
                self.uno().await?;
            } else {
                self.lote(por_transaccion).await?;
            }
            n += u64::try_from(por_transaccion).unwrap_or(u64::MAX);
        }
        Ok((n, inicio.elapsed()))
    }

    async fn uno(&mut self) -> Result<(), Error> {
        let p = &self.plantillas[self.escritos % self.plantillas.len()];
        let ahora = self.entorno.now().0;
        sqlx::query(UNO)
            .bind(uuid_nuevo(self.entorno.random()))
            .bind(p.rut)
            .bind(p.titulo.as_str())
            .bind(p.descripcion.as_deref())
            .bind(p.area_id)
            .bind(p.severidad_id)
            .bind(p.estado_id)
            .bind(p.fecha_reporte.as_str())
            .bind(p.hora_creado)
            .bind(ahora)
            .bind(p.device_id.as_deref())
            .bind(p.sync_status.as_str())
            .bind(p.sha256_contenido.as_str())
            .bind(p.con_ubicacion)
            .bind(p.lat)
            .bind(p.lon)
            .bind(p.precision_m)
            .bind(p.referencia.as_deref())
            .bind(p.con_manifiesto)
            .bind(p.busqueda.as_str())
            .bind(p.ultimo_hash.as_str())
            .bind(p.accion.as_str())
            .bind(p.canonica.as_str())
            .bind(self.entorno.random_i64())
            .bind(p.evento.as_str())
            .bind(DESFASE)
            .execute(&mut self.conn)
            .await?;
        self.escritos += 1;
        Ok(())
    }

    async fn lote(&mut self, cuantos: usize) -> Result<(), Error> {
        let (todas, desde) = (&self.plantillas, self.escritos);
        let filas: Vec<&Plantilla> = (0..cuantos)
            .map(|i| &todas[(desde + i) % todas.len()])
            .collect();
        macro_rules! columna {
            (|$p:ident| $valor:expr) => {
                filas.iter().map(|$p| $valor).collect::<Vec<_>>()
            };
        }
        let uuids = filas.iter().map(|_| uuid_nuevo(self.entorno.random()));
        let ids = filas.iter().zip(self.ultimo + 1..).map(|(_, id)| id);
        let marcas = filas.iter().map(|_| self.entorno.random_i64());
        sqlx::query(LOTE)
            .bind(uuids.collect::<Vec<_>>())
            .bind(columna!(|p| p.rut))
            .bind(columna!(|p| p.titulo.as_str()))
            .bind(columna!(|p| p.descripcion.as_deref()))
            .bind(columna!(|p| p.area_id))
            .bind(columna!(|p| p.severidad_id))
            .bind(columna!(|p| p.estado_id))
            .bind(columna!(|p| p.fecha_reporte.as_str()))
            .bind(columna!(|p| p.hora_creado))
            .bind(columna!(|p| p.device_id.as_deref()))
            .bind(columna!(|p| p.sync_status.as_str()))
            .bind(columna!(|p| p.sha256_contenido.as_str()))
            .bind(columna!(|p| p.con_ubicacion))
            .bind(columna!(|p| p.lat))
            .bind(columna!(|p| p.lon))
            .bind(columna!(|p| p.precision_m))
            .bind(columna!(|p| p.referencia.as_deref()))
            .bind(columna!(|p| p.con_manifiesto))
            .bind(columna!(|p| p.busqueda.as_str()))
            .bind(columna!(|p| p.ultimo_hash.as_str()))
            .bind(columna!(|p| p.accion.as_str()))
            .bind(columna!(|p| p.canonica.as_str()))
            .bind(marcas.collect::<Vec<_>>())
            .bind(columna!(|p| p.evento.as_str()))
            .bind(ids.collect::<Vec<_>>())
            .bind(self.entorno.now().0)
            .bind(DESFASE)
            .execute(&mut self.conn)
            .await?;
        self.ultimo += i64::try_from(cuantos).unwrap_or(0);
        self.escritos += cuantos;
        Ok(())
    }
}
