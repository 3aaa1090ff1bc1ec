//! A report on the wire.

use serde::Serialize;
use sigra_domain::{
    catalogo::Catalogo,
    reporte::{EstadoArchivo, EstadoDeAccion, SyncStatus, Ubicacion},
};
use sigra_store::reportes::{StoredArchivo, StoredReporte};
use utoipa::ToSchema;

use crate::files::tus::BASE_PATH;

/// Un reporte.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": 17, "uuid_cliente": "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11",
    "titulo": "Roca suelta en galería 4",
    "descripcion": "Planchón suelto sobre el paso de personal, lado norte.",
    "area_id": 1, "area": "Perforación y Tronadura", "severidad_id": 3, "severidad": "Alta",
    "estado_id": 1, "estado": "Pendiente", "rut": 12_345_678, "autor": "Rosa Díaz",
    "device_id": "moto-e7-0042", "fecha_reporte": "2026-03-01",
    "hora_creado": "2026-03-01T17:03:11.250Z", "hora_sincronizado": "2026-03-01T21:40:02.117Z",
    "hora_actualizado": "2026-03-01T21:40:02.117Z", "last_sync_attempt": null,
    "sync_status": "completo",
    "sha256_contenido": "e0d4f6a1c2b3948576a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f607",
    "ubicacion": {"lat": -33.1512, "lon": -70.2871, "precision_m": 12.5, "referencia": "Nivel 1200, galería 4"},
    "multimedia": [], "comentarios": 0, "acciones_abiertas": 0, "version": 1
}))]
pub struct Reporte {
    pub id: i64,
    #[schema(format = "uuid")]
    pub uuid_cliente: String,
    pub titulo: String,
    pub descripcion: Option<String>,
    pub area_id: i64,
    pub area: String,
    pub severidad_id: i64,
    pub severidad: String,
    pub estado_id: i64,
    pub estado: String,
    /// Del autor.
    pub rut: i64,
    /// Nombre del autor.
    pub autor: String,
    pub device_id: Option<String>,
    #[schema(format = Date)]
    pub fecha_reporte: String,
    /// Reloj del teléfono.
    #[schema(format = DateTime)]
    pub hora_creado: String,
    /// Reloj del servidor cuando lo recibió.
    #[schema(format = DateTime)]
    pub hora_sincronizado: String,
    #[schema(format = DateTime)]
    pub hora_actualizado: String,
    /// Cuándo lo escribió por última vez la sincronización.
    #[schema(format = DateTime)]
    pub last_sync_attempt: Option<String>,
    pub sync_status: SyncStatus,
    /// SHA-256 del contenido en JSON canónico (RFC 8785).
    pub sha256_contenido: String,
    pub ubicacion: Option<Ubicacion>,
    pub multimedia: Vec<Multimedia>,
    /// Cuántos hay; se leen en `/reportes/{id}/comentarios`.
    pub comentarios: i64,
    /// Cuántas quedan por hacer; se leen en `/reportes/{id}/acciones`.
    pub acciones_abiertas: usize,
    /// Sube en uno con cada cambio visible; también es el ETag.
    pub version: i64,
}

/// Un archivo de un reporte.
#[derive(Serialize, ToSchema)]
pub struct Multimedia {
    pub id: i64,
    #[schema(format = "uuid")]
    pub uuid_cliente: String,
    pub nombre: String,
    pub tipo: String,
    pub bytes: i64,
    pub sha256: String,
    /// Sus bytes llegaron y coinciden.
    pub subido: bool,
    /// Qué fue de él: `renunciado` si su autor avisó que no llegará, `eliminado` si un administrador lo
    /// quitó.
    pub estado: EstadoArchivo,
    /// Dónde enviarlo (tus 1.0.0), mientras falta.
    pub url_subida: Option<&'static str>,
    /// Dónde verlo, cuando está subido.
    pub url: Option<String>,
    pub url_miniatura: Option<String>,
}

/// The report with the catalogue's names.
pub fn to_dto(leido: &StoredReporte, catalogo: &Catalogo) -> Reporte {
    let r = &leido.reporte;
    let k = &r.contenido;
    Reporte {
        id: r.id,
        uuid_cliente: r.uuid_cliente.clone(),
        titulo: k.titulo.clone(),
        descripcion: k.descripcion.clone(),
        area_id: k.area_id,
        area: catalogo
            .area(k.area_id)
            .map(|a| a.nombre.clone())
            .unwrap_or_default(),
        severidad_id: k.severidad_id,
        severidad: catalogo
            .severidad(k.severidad_id)
            .map(|s| s.nombre.clone())
            .unwrap_or_default(),
        estado_id: r.estado_id,
        estado: catalogo
            .estado(r.estado_id)
            .map(|e| e.nombre.clone())
            .unwrap_or_default(),
        rut: r.rut.body(),
        autor: leido.autor.clone(),
        device_id: r.device_id.clone(),
        fecha_reporte: r.fecha_reporte.to_string(),
        hora_creado: r.hora_creado.to_string(),
        hora_sincronizado: r.hora_sincronizado.to_string(),
        hora_actualizado: r.hora_actualizado.to_string(),
        last_sync_attempt: r.last_sync_attempt.map(|t| t.to_string()),
        sync_status: r.sync_status,
        sha256_contenido: r.sha256_contenido.clone(),
        ubicacion: k.ubicacion.clone(),
        multimedia: multimedia(leido),
        comentarios: r.comentarios,
        acciones_abiertas: r
            .acciones
            .values()
            .filter(|m| m.estado == EstadoDeAccion::Abierta)
            .count(),
        version: r.version,
    }
}

/// Its files.
pub fn multimedia(leido: &StoredReporte) -> Vec<Multimedia> {
    let archivos = leido.archivos.iter();
    archivos
        .map(|a| Multimedia {
            id: a.id,
            uuid_cliente: a.archivo.uuid_cliente.clone(),
            nombre: a.archivo.nombre.clone(),
            tipo: a.archivo.tipo.clone(),
            bytes: a.archivo.bytes,
            sha256: a.archivo.sha256.clone(),
            subido: a.estado == EstadoArchivo::Subido,
            estado: a.estado,
            url_subida: a.estado.accepts_bytes().then_some(BASE_PATH),
            url: url(a, ""),
            url_miniatura: url(a, "/miniatura"),
        })
        .collect()
}

fn url(a: &StoredArchivo, resto: &str) -> Option<String> {
    (a.estado == EstadoArchivo::Subido).then(|| format!("/multimedia/{}{resto}", a.id))
}
