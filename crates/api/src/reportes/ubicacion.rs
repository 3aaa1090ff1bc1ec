//! `GET /reportes/{id}/ubicacion`: where the danger is, for maps (GeoJSON, RFC 7946).

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use serde::Serialize;
use sigra_store::reportes::ReporteRef;
use utoipa::ToSchema;

use super::{
    dto::{Reporte, to_dto},
    ver::{find_active, spawn_record_opened},
};
use crate::{App, auth::guard::Session, body::Id, code::Codigo, problem::Problema};

pub const CODIGOS: &[Codigo] = &[Codigo::NoEncontrado, Codigo::ReporteRetirado];

const GEO_JSON: &str = "application/geo+json";

/// Dónde está el peligro de un reporte: un `Feature` de GeoJSON.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename = "Feature")]
#[schema(example = json!({
    "type": "Feature", "id": 17,
    "geometry": {"type": "Point", "coordinates": [-70.2871, -33.1512]},
    "properties": {"titulo": "Roca suelta en galería 4", "area": "Perforación y Tronadura", "severidad": "Alta",
        "estado": "Pendiente", "precision_m": 12.5, "referencia": "Nivel 1200, galería 4"}
}))]
pub struct UbicacionDeReporte {
    pub id: i64,
    /// `null` cuando el reporte no dice dónde.
    pub geometry: Option<Punto>,
    pub properties: PropiedadesDeUbicacion,
}

/// Un `Point` de GeoJSON.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename = "Point")]
pub struct Punto {
    /// Longitud y latitud, en ese orden (WGS 84).
    pub coordinates: [f64; 2],
}

/// Lo que un mapa muestra junto al punto.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct PropiedadesDeUbicacion {
    pub titulo: String,
    pub area: String,
    pub severidad: String,
    pub estado: String,
    /// Radio del error, en metros.
    pub precision_m: Option<f64>,
    pub referencia: Option<String>,
}

/// Ver dónde está el peligro, en GeoJSON.
///
/// Para ponerlo en un mapa: QGIS, Leaflet y los demás lo leen tal como llega. Sin ubicación, `geometry` es `null`.
#[utoipa::path(get, path = "/reportes/{id}/ubicacion", tag = "reportes",
    params(("id" = i64, Path, description = "Id del reporte")),
    responses((status = 200, description = "La ubicación", body = UbicacionDeReporte,
        content_type = "application/geo+json")))]
pub async fn ubicacion(
    State(app): State<App>,
    sesion: Session,
    Id(id): Id,
) -> Result<([(HeaderName, &'static str); 1], Json<UbicacionDeReporte>), Problema> {
    let leido = find_active(&app, &sesion, &ReporteRef::Id(id)).await?;
    spawn_record_opened(&app, &sesion, &leido);
    let feature = to_dto(&leido, &sesion.catalogo).into();
    Ok(([(header::CONTENT_TYPE, GEO_JSON)], Json(feature)))
}

impl From<Reporte> for UbicacionDeReporte {
    fn from(r: Reporte) -> Self {
        let geometry = r.ubicacion.as_ref().map(|u| Punto {
            coordinates: [u.lon, u.lat],
        });
        let (precision_m, referencia) = r
            .ubicacion
            .map_or((None, None), |u| (u.precision_m, u.referencia));
        Self {
            id: r.id,
            geometry,
            properties: PropiedadesDeUbicacion {
                titulo: r.titulo,
                area: r.area,
                severidad: r.severidad,
                estado: r.estado,
                precision_m,
                referencia,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sigra_domain::reporte::{SyncStatus, Ubicacion};

    use super::*;

    fn reporte(ubicacion: Option<Ubicacion>) -> Reporte {
        Reporte {
            id: 17,
            uuid_cliente: String::new(),
            titulo: "Roca suelta".to_owned(),
            descripcion: None,
            area_id: 1,
            area: "Perforación y Tronadura".to_owned(),
            severidad_id: 3,
            severidad: "Alta".to_owned(),
            estado_id: 1,
            estado: "Pendiente".to_owned(),
            rut: 12_345_678,
            autor: String::new(),
            device_id: None,
            fecha_reporte: String::new(),
            hora_creado: String::new(),
            hora_sincronizado: String::new(),
            hora_actualizado: String::new(),
            last_sync_attempt: None,
            sync_status: SyncStatus::Completo,
            sha256_contenido: String::new(),
            ubicacion,
            multimedia: Vec::new(),
            comentarios: 0,
            acciones_abiertas: 0,
            version: 1,
        }
    }

    fn geo_json(ubicacion: Option<Ubicacion>) -> serde_json::Value {
        serde_json::to_value(UbicacionDeReporte::from(reporte(ubicacion))).unwrap()
    }

    #[test]
    fn a_point_says_the_longitude_first() {
        let feature = geo_json(Some(Ubicacion {
            lat: -33.1512,
            lon: -70.2871,
            precision_m: Some(12.5),
            referencia: Some("Nivel 1200".to_owned()),
        }));
        assert_eq!(
            feature,
            json!({
                "type": "Feature", "id": 17,
                "geometry": {"type": "Point", "coordinates": [-70.2871, -33.1512]},
                "properties": {"titulo": "Roca suelta", "area": "Perforación y Tronadura",
                    "severidad": "Alta", "estado": "Pendiente", "precision_m": 12.5,
                    "referencia": "Nivel 1200"}
            })
        );
    }

    #[test]
    fn a_reporte_that_does_not_say_where_has_no_geometry() {
        let feature = geo_json(None);
        assert!(feature["geometry"].is_null() && feature["type"] == "Feature");
    }
}
