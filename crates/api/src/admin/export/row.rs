//! A report as a row, whatever the table is written in.

use sigra_domain::{Fecha, Zona, catalogo::Catalogo, reporte::EstadoArchivo};
use sigra_store::reportes::StoredReporte;

pub const COLUMNS: [&str; 24] = [
    "id",
    "uuid_cliente",
    "titulo",
    "descripcion",
    "area",
    "severidad",
    "estado",
    "rut",
    "autor",
    "device_id",
    "fecha_reporte",
    "hora_creado",
    "hora_sincronizado",
    "hora_actualizado",
    "decidido_en",
    "a_tiempo",
    "sync_status",
    "lat",
    "lon",
    "precision_m",
    "referencia",
    "archivos",
    "archivos_pendientes",
    "version",
];

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum CellValue {
    Vacia,
    /// What people wrote, or the site's names.
    Texto(String),
    /// What SIGRA writes: never taken for a formula.
    Propio(String),
    Entero(i64),
    Decimal(f64),
    Dia(Fecha),
    /// In the site's zone, `2026-02-28 23:30:00`.
    Hora(String),
}

pub type Row = [CellValue; COLUMNS.len()];

pub fn to_row(leido: &StoredReporte, catalogo: &Catalogo, zona: &Zona) -> Row {
    use CellValue::{Decimal, Dia, Entero, Hora, Propio, Texto, Vacia};
    let r = &leido.reporte;
    let k = &r.contenido;
    let texto = |t: Option<&str>| t.map_or(Vacia, |t| Texto(t.to_owned()));
    let area = catalogo.area(k.area_id).map(|a| a.nombre.as_str());
    let severidad = catalogo
        .severidad(k.severidad_id)
        .map(|s| s.nombre.as_str());
    let estado = catalogo.estado(r.estado_id).map(|e| e.nombre.as_str());
    let u = k.ubicacion.as_ref();
    let decimal = |x: Option<f64>| x.map_or(Vacia, Decimal);
    let pendientes = leido.archivos.iter();
    let pendientes = pendientes
        .filter(|a| a.estado == EstadoArchivo::Pendiente)
        .count();
    let cuenta = |n: usize| Entero(i64::try_from(n).unwrap_or(i64::MAX));
    let a_tiempo = r.decision.map(|d| if d.a_tiempo { "sí" } else { "no" });
    [
        Entero(r.id),
        Propio(r.uuid_cliente.clone()),
        Texto(k.titulo.clone()),
        texto(k.descripcion.as_deref()),
        texto(area),
        texto(severidad),
        texto(estado),
        Propio(r.rut.formatted()),
        Texto(leido.autor.clone()),
        texto(r.device_id.as_deref()),
        Dia(r.fecha_reporte),
        Hora(zona.format_local(r.hora_creado)),
        Hora(zona.format_local(r.hora_sincronizado)),
        Hora(zona.format_local(r.hora_actualizado)),
        r.decision.map_or(Vacia, |d| Hora(zona.format_local(d.en))),
        a_tiempo.map_or(Vacia, |t| Propio(t.to_owned())),
        Propio(r.sync_status.name().to_owned()),
        decimal(u.map(|u| u.lat)),
        decimal(u.map(|u| u.lon)),
        decimal(u.and_then(|u| u.precision_m)),
        texto(u.and_then(|u| u.referencia.as_deref())),
        cuenta(leido.archivos.len()),
        cuenta(pendientes),
        Entero(r.version),
    ]
}
