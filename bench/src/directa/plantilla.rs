//! Rows as SIGRA wrote them, to be written again under other uuids: the same columns with values of
//! the same sizes.

use sigra_domain::Zona;
use sqlx::{Connection as _, FromRow, PgConnection, SqliteConnection};

use crate::{base::Motor, datos::Caso, error::Error, servidor::ZONA};

/// A report with the rest of what its creation writes.
#[derive(Clone, Debug, FromRow)]
pub struct Plantilla {
    pub rut: i64,
    pub titulo: String,
    pub descripcion: Option<String>,
    pub area_id: i64,
    pub severidad_id: i64,
    pub estado_id: i64,
    pub fecha_reporte: String,
    pub hora_creado: i64,
    pub device_id: Option<String>,
    pub sync_status: String,
    pub sha256_contenido: String,
    pub con_ubicacion: bool,
    pub lat: Option<f64>,
    pub lon: Option<f64>,
    pub precision_m: Option<f64>,
    pub referencia: Option<String>,
    pub con_manifiesto: bool,
    pub busqueda: String,
    pub ultimo_hash: String,
    pub accion: String,
    pub canonica: String,
    pub evento: String,
}

/// A phone's clock, in milliseconds off.
pub const DESFASE: i64 = 3;

const SQL: &str = "SELECT r.rut, r.titulo, r.descripcion, r.area_id, r.severidad_id, r.estado_id,
        r.fecha_reporte, r.hora_creado, r.device_id, r.sync_status, r.sha256_contenido,
        r.con_ubicacion, r.lat, r.lon, r.precision_m, r.referencia, r.con_manifiesto, r.busqueda,
        r.ultimo_hash, b.accion, b.canonica, o.evento
    FROM reportes r
    JOIN bitacora b ON b.reporte_id = r.id AND b.n = 1
    JOIN cambios o ON o.reporte_id = r.id AND o.version = 1
    WHERE r.version = 1 AND r.id <= 2000 ORDER BY r.id LIMIT 400";

/// What SIGRA wrote for the first reports that nobody has decided since, with the times of what is
/// sent to SIGRA meanwhile, so that both insert at the same places of each index.
pub async fn plantillas(motor: Motor, url: &str, casos: &[Caso]) -> Result<Vec<Plantilla>, Error> {
    let mut plantillas: Vec<Plantilla> = match motor {
        Motor::Sqlite => {
            let mut c = SqliteConnection::connect(url).await?;
            let filas = sqlx::query_as(SQL).fetch_all(&mut c).await?;
            c.close().await?;
            filas
        }
        Motor::Postgres => {
            let mut c = PgConnection::connect(url).await?;
            let filas = sqlx::query_as(SQL).fetch_all(&mut c).await?;
            c.close().await?;
            filas
        }
    };
    if plantillas.is_empty() {
        return Err(Error::Interno("no hay reportes que copiar"));
    }
    let zona = Zona::new(ZONA).ok_or(Error::Interno("zona"))?;
    for (p, caso) in plantillas.iter_mut().zip(casos) {
        p.hora_creado = caso.hora.0;
        p.fecha_reporte = zona.fecha(caso.hora).to_string();
    }
    Ok(plantillas)
}
