//! A report's row with its author's name and files, read in one statement on either database.

use serde::Deserialize;
use sigra_domain::{
    Fecha, Instante, Rut,
    bitacora::Cabeza,
    reporte::{
        AccionesCorrectivas, Archivo, Contenido, Decision, EstadoArchivo, Reporte, SyncStatus,
        Ubicacion,
    },
};
use sigra_store_macros::FromRow;

use crate::StoreError;

/// A report as read: itself, its author's name, and its files with what the server knows of each.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredReporte {
    pub reporte: Reporte,
    /// The author's name.
    pub autor: String,
    pub archivos: Vec<StoredArchivo>,
}

/// A file of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredArchivo {
    pub id: i64,
    pub archivo: Archivo,
    pub estado: EstadoArchivo,
}

/// `SELECT` of everything in [`Row`], and of more columns where they are named; the names of the JSON
/// functions are where the two databases differ.
macro_rules! select_columns {
    (@ $lista:literal, $objeto:literal, $mas:expr, $resto:expr) => {
        concat!(
            "SELECT ", $mas, "r.id, r.uuid_cliente, r.rut, r.titulo, r.descripcion, r.area_id, r.severidad_id, ",
            "r.estado_id, r.fecha_reporte, r.hora_creado, r.hora_sincronizado, r.hora_actualizado, ",
            "r.last_sync_attempt, r.device_id, r.sync_status, r.sha256_contenido, r.con_ubicacion, ",
            "r.lat, r.lon, r.precision_m, r.referencia, r.con_manifiesto, r.version, r.retirado_en, ",
            "r.entradas, r.ultimo_hash, r.decidido_en, r.a_tiempo, r.comentarios, r.acciones, u.nombre AS autor_nombre, u.apellido_1 AS autor_apellido, ",
            "CASE WHEN r.con_manifiesto THEN (SELECT CAST(", $lista, "(", $objeto,
            "('id', m.id, 'uuid_cliente', m.uuid_cliente, 'nombre', m.nombre, 'tipo', m.tipo, ",
            "'bytes', m.bytes, 'sha256', m.sha256, 'estado', m.estado) ",
            "ORDER BY m.uuid_cliente) AS TEXT) FROM multimedia m WHERE m.reporte_id = r.id) END ",
            "AS archivos FROM reportes r JOIN usuarios u ON u.rut = r.rut ",
            $resto
        )
    };
    ($resto:expr) => {
        $crate::reportes::row::select_columns!("", $resto)
    };
    ($mas:expr, $resto:expr) => {
        [
            $crate::reportes::row::select_columns!(@ "json_group_array", "json_object", $mas, $resto),
            $crate::reportes::row::select_columns!(@ "json_agg", "json_build_object", $mas, $resto),
        ]
    };
}
pub(crate) use select_columns;

#[derive(FromRow)]
pub(crate) struct Row {
    id: i64,
    uuid_cliente: String,
    rut: i64,
    titulo: String,
    descripcion: Option<String>,
    area_id: i64,
    severidad_id: i64,
    estado_id: i64,
    fecha_reporte: String,
    hora_creado: i64,
    hora_sincronizado: i64,
    hora_actualizado: i64,
    last_sync_attempt: Option<i64>,
    device_id: Option<String>,
    sync_status: String,
    sha256_contenido: String,
    con_ubicacion: bool,
    lat: Option<f64>,
    lon: Option<f64>,
    precision_m: Option<f64>,
    referencia: Option<String>,
    con_manifiesto: bool,
    version: i64,
    retirado_en: Option<i64>,
    decidido_en: Option<i64>,
    a_tiempo: Option<bool>,
    comentarios: i64,
    acciones: Option<String>,
    entradas: i64,
    ultimo_hash: String,
    autor_nombre: String,
    autor_apellido: String,
    archivos: Option<String>,
}

#[derive(Deserialize)]
struct ArchivoJson {
    id: i64,
    #[serde(flatten)]
    archivo: Archivo,
    estado: EstadoArchivo,
}

impl Row {
    pub(crate) fn decode(self) -> Result<StoredReporte, StoreError> {
        let ilegible = |que: &str| StoreError::Dato(format!("reporte {}: {que}", self.id));
        let archivos: Vec<StoredArchivo> = match self.archivos.as_deref() {
            None => vec![],
            Some(json) => serde_json::from_str::<Vec<ArchivoJson>>(json)
                .map_err(|_| ilegible("multimedia"))?
                .into_iter()
                .map(|a| StoredArchivo {
                    id: a.id,
                    archivo: a.archivo,
                    estado: a.estado,
                })
                .collect(),
        };
        let ubicacion = match (self.con_ubicacion, self.lat, self.lon) {
            (true, Some(lat), Some(lon)) => Some(Ubicacion {
                lat,
                lon,
                precision_m: self.precision_m,
                referencia: self.referencia.clone(),
            }),
            (false, ..) => None,
            _ => return Err(ilegible("ubicacion")),
        };
        let acciones = match self.acciones.as_deref() {
            None => AccionesCorrectivas::new(),
            Some(json) => serde_json::from_str(json).map_err(|_| ilegible("acciones"))?,
        };
        let reporte = Reporte {
            rut: Rut::new(self.rut).map_err(|_| ilegible("rut"))?,
            fecha_reporte: Fecha::parse(&self.fecha_reporte)
                .ok_or_else(|| ilegible("fecha_reporte"))?,
            sync_status: SyncStatus::from_name(&self.sync_status)
                .ok_or_else(|| ilegible("sync_status"))?,
            archivos: archivos
                .iter()
                .filter(|a| a.estado != EstadoArchivo::Pendiente)
                .map(|a| (a.archivo.uuid_cliente.clone(), a.estado))
                .collect(),
            id: self.id,
            uuid_cliente: self.uuid_cliente,
            contenido: Contenido {
                titulo: self.titulo,
                descripcion: self.descripcion,
                area_id: self.area_id,
                severidad_id: self.severidad_id,
                ubicacion,
                multimedia: self
                    .con_manifiesto
                    .then(|| archivos.iter().map(|a| a.archivo.clone()).collect()),
            },
            estado_id: self.estado_id,
            decision: self
                .decidido_en
                .zip(self.a_tiempo)
                .map(|(en, a_tiempo)| Decision {
                    en: Instante(en),
                    a_tiempo,
                }),
            device_id: self.device_id,
            hora_creado: Instante(self.hora_creado),
            hora_sincronizado: Instante(self.hora_sincronizado),
            hora_actualizado: Instante(self.hora_actualizado),
            last_sync_attempt: self.last_sync_attempt.map(Instante),
            sha256_contenido: self.sha256_contenido,
            comentarios: self.comentarios,
            acciones,
            version: self.version,
            retirado_en: self.retirado_en.map(Instante),
            cabeza: Cabeza {
                entradas: self.entradas,
                hash: self.ultimo_hash,
            },
        };
        let autor = format!("{} {}", self.autor_nombre, self.autor_apellido);
        Ok(StoredReporte {
            reporte,
            autor,
            archivos,
        })
    }
}
