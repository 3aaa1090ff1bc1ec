//! A report's content: the part that phones edit, compare and hash.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    bitacora::{FieldValues, as_in_entrada, to_canonical_json},
    sha256_hex,
};

/// Where it is. Coordinates in degrees (WGS 84), precision in metres.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(description = "Dónde está: grados (WGS 84) y metros.")]
pub struct Ubicacion {
    #[schema(example = -33.1512, minimum = -90, maximum = 90)]
    pub lat: f64,
    #[schema(example = -70.2871, minimum = -180, maximum = 180)]
    pub lon: f64,
    #[schema(example = 12.5, minimum = 0)]
    pub precision_m: Option<f64>,
    #[schema(example = "Nivel 1200, galería 4", max_length = 255)]
    pub referencia: Option<String>,
}

/// One file that the phone holds for the report; its bytes travel separately.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(
    description = "Un archivo que el teléfono tiene para el reporte; sus bytes viajan aparte."
)]
pub struct Archivo {
    #[schema(example = "0b54a1cc-76c1-4c70-9a3e-0a3d0a8f5b1e")]
    pub uuid_cliente: String,
    #[schema(example = "roca.jpg", min_length = 1, max_length = 255)]
    pub nombre: String,
    /// Tipo MIME, según el teléfono.
    #[schema(example = "image/jpeg", max_length = 100)]
    pub tipo: String,
    #[schema(example = 183_220, minimum = 1)]
    pub bytes: i64,
    /// 64 dígitos hexadecimales en minúscula.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub sha256: String,
}

/// Content as the contract defines it; `None` is null. The manifest is kept in order of uuid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contenido {
    pub titulo: String,
    pub descripcion: Option<String>,
    pub area_id: i64,
    pub severidad_id: i64,
    pub ubicacion: Option<Ubicacion>,
    pub multimedia: Option<Vec<Archivo>>,
}

impl Contenido {
    /// The field names that are content, in the contract's order.
    pub const FIELDS: [&str; 6] = [
        "titulo",
        "descripcion",
        "area_id",
        "severidad_id",
        "ubicacion",
        "multimedia",
    ];

    /// By field name.
    pub fn values(&self) -> FieldValues {
        let mut v = FieldValues::new();
        v.insert("titulo".into(), json!(self.titulo));
        v.insert("descripcion".into(), json!(self.descripcion));
        v.insert("area_id".into(), json!(self.area_id));
        v.insert("severidad_id".into(), json!(self.severidad_id));
        v.insert("ubicacion".into(), as_in_entrada(&self.ubicacion));
        v.insert("multimedia".into(), json!(self.multimedia));
        v
    }

    /// `sha256_contenido`: the SHA-256 of the content's RFC 8785 JSON. Absent members are null at
    /// every depth.
    pub fn sha256(&self) -> String {
        // Strings, finite numbers and lists of them always serialise.
        to_canonical_json(self)
            .map(|json| sha256_hex(json.as_bytes()))
            .unwrap_or_default()
    }
}

/// [`Contenido::sha256`] of a content given by its values.
pub fn sha256_of(valores: &FieldValues) -> String {
    to_canonical_json(valores)
        .map(|json| sha256_hex(json.as_bytes()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Archivo, Contenido, Ubicacion, sha256_of};
    use crate::bitacora::to_canonical_json;

    /// The vectors of the guide (docs/guia.md): what a client's implementation must produce.
    #[test]
    fn vectors() {
        let mut c = Contenido {
            titulo: "Roca suelta".into(),
            descripcion: Some("Sobre la galería 4 \u{20ac} \u{1f4a5} \"ojo\"\n".into()),
            area_id: 1,
            severidad_id: 3,
            ubicacion: None,
            multimedia: None,
        };
        assert_eq!(
            to_canonical_json(&c).unwrap(),
            r#"{"area_id":1,"descripcion":"Sobre la galería 4 € 💥 \"ojo\"\n","multimedia":null,"severidad_id":3,"titulo":"Roca suelta","ubicacion":null}"#
        );
        assert_eq!(
            c.sha256(),
            "f3979245ca041b4b1624300793409127a749c1fdd0d0b47989b6044b32948604"
        );
        c.ubicacion = Some(Ubicacion {
            lat: -33.0,
            lon: 1e-7,
            precision_m: Some(12.50),
            referencia: None,
        });
        c.multimedia = Some(vec![Archivo {
            uuid_cliente: "0b54a1cc-76c1-4c70-9a3e-0a3d0a8f5b1e".into(),
            nombre: "roca.jpg".into(),
            tipo: "image/jpeg".into(),
            bytes: 183_220,
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        }]);
        assert_eq!(
            to_canonical_json(&c.ubicacion).unwrap(),
            r#"{"lat":-33,"lon":1e-7,"precision_m":12.5,"referencia":null}"#
        );
        assert_eq!(
            c.sha256(),
            "78e3ab34db1c22c9baa7578f32e47dd90e3c13355985af9f03ae187a9c59c8a3"
        );
        assert_eq!(sha256_of(&c.values()), c.sha256());
    }
}
