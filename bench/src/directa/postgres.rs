//! PostgreSQL on one connection: one statement writes all rows of a report, so that each report
//! costs one round trip and one COMMIT. Foreign keys are checked, being part of the tables.

use std::{str::FromStr as _, sync::Arc, time::Duration};

use sigra_store::Entorno;
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};

use super::plantilla::Plantilla;
use crate::{datos::uuid_nuevo, error::Error};

pub struct Directa {
    conn: PgConnection,
    plantillas: Arc<Vec<Plantilla>>,
    entorno: Entorno,
    escritos: usize,
}

const SQL: &str = "WITH r AS (
        INSERT INTO reportes (uuid_cliente, rut, titulo, descripcion, area_id, severidad_id,
            estado_id, fecha_reporte, hora_creado, hora_sincronizado, hora_actualizado, device_id,
            sync_status, sha256_contenido, con_ubicacion, lat, lon, precision_m, referencia,
            con_manifiesto, version, busqueda, entradas, ultimo_hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13, $14, $15, $16, $17,
            $18, $19, 1, $20, 1, $21)
        RETURNING id
    ), b AS (
        INSERT INTO bitacora (reporte_id, n, version, accion, rut, en, canonica, hash)
        SELECT id, 1, 1, $22, $2, $10, $23, $21 FROM r
    ), c AS (
        INSERT INTO cambios (reporte_id, version, rut, area_despues, retirado, marca, en)
        SELECT id, 1, $2, $5, FALSE, $24, $10 FROM r
    ), o AS (
        INSERT INTO outbox (evento, reporte_id, version, en) SELECT $25, id, 1, $10 FROM r
    )
    INSERT INTO aceptados (reporte_id, sha256_contenido, version_base, version)
    SELECT id, $13, 0, 1 FROM r";

impl Directa {
    pub async fn abre(url: &str, plantillas: Arc<Vec<Plantilla>>) -> Result<Self, Error> {
        let conn = PgConnectOptions::from_str(url)?
            .disable_statement_logging()
            .connect()
            .await?;
        Ok(Self {
            conn,
            plantillas,
            entorno: Entorno::default(),
            escritos: 0,
        })
    }

    pub async fn ronda(&mut self, duracion: Duration) -> Result<(u64, Duration), Error> {
        let mut n = 0;
        let inicio = Entorno::cronometro();
        while inicio.elapsed() < duracion {
            let p = &self.plantillas[self.escritos % self.plantillas.len()];
            let ahora = self.entorno.ahora().0;
            sqlx::query(SQL)
                .bind(uuid_nuevo(self.entorno.azar()))
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
                .bind(self.entorno.azar_i64())
                .bind(p.evento.as_str())
                .execute(&mut self.conn)
                .await?;
            self.escritos += 1;
            n += 1;
        }
        Ok((n, inicio.elapsed()))
    }
}
