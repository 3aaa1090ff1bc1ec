//! A new report: from the body a phone sends to something that can be stored.

use serde::Deserialize;
use utoipa::ToSchema;
use uuid::{Uuid, Version};

use super::{Archivo, Contenido, Ubicacion};
use crate::{
    Fecha, Field, FieldError, FieldErrorKind, Instante,
    campo::{BoundedList, FieldErrors, JsonObject, text, tipo},
    catalogo::Catalogo,
};

pub const MAX_TITULO: usize = 255;
pub const MAX_DESCRIPCION: usize = 10_000;
pub const MAX_DETALLE: usize = 2_000;
/// Files in one manifest.
pub const MAX_ARCHIVOS: usize = 20;
/// 200 MiB, the largest file any setting allows.
pub const MAX_ARCHIVO_BYTES: i64 = 200 * 1024 * 1024;
/// A phone whose battery died may believe that it is 1970; its report must still come in. What lies
/// outside these years is no clock's mistake.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2100;

/// Lo que un teléfono envía para crear un reporte.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({
    "titulo": "Roca suelta en galería 4",
    "descripcion": "Planchón suelto sobre el paso de personal, lado norte.",
    "area_id": 1,
    "severidad_id": 3,
    "uuid_cliente": "6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11",
    "hora_creado": "2026-03-01T14:03:11.250-03:00",
    "device_id": "moto-e7-0042",
    "ubicacion": {"lat": -33.1512, "lon": -70.2871, "precision_m": 12.5, "referencia": "Nivel 1200, galería 4"}
}))]
pub struct ReporteCreate {
    #[serde(default)]
    #[schema(required = true, value_type = String, min_length = 1, max_length = 255)]
    pub titulo: Field<String>,
    #[serde(default)]
    #[schema(required = true, value_type = String, max_length = 10_000)]
    pub descripcion: Field<String>,
    #[serde(default)]
    #[schema(required = true, value_type = i64)]
    pub area_id: Field<i64>,
    #[serde(default)]
    #[schema(required = true, value_type = i64)]
    pub severidad_id: Field<i64>,
    /// UUID v4 o v7 que el teléfono inventa una vez: la identidad del reporte.
    #[serde(default)]
    #[schema(required = true, value_type = String, format = "uuid")]
    pub uuid_cliente: Field<String>,
    /// Día del hecho; sin él, el de `hora_creado` en la zona de la faena.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date, required = false)]
    pub fecha_reporte: Field<String>,
    /// Reloj del teléfono, RFC 3339 con cualquier desfase; sin él, la hora del servidor.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    pub hora_creado: Field<String>,
    /// 1 a 64 caracteres ASCII visibles.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 64)]
    pub device_id: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<Ubicacion>, required = false)]
    pub ubicacion: Field<JsonObject<UbicacionIn>>,
    /// Los archivos que el teléfono tiene; sus bytes viajan aparte.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Archivo>>, required = false, max_items = 20)]
    pub multimedia: Field<BoundedList<JsonObject<ArchivoIn>, MAX_ARCHIVOS>>,
    /// Versión sobre la que el teléfono editó; solo la usa la sincronización.
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    pub version_base: Field<i64>,
    /// El `sha256_contenido` de esa versión, como el teléfono la conoció: si la del servidor es otra, como
    /// después de restaurar un respaldo, nada se aplica sin que alguien decida.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, min_length = 64, max_length = 64)]
    pub sha256_base: Field<String>,
}

/// A location as sent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct UbicacionIn {
    lat: Field<f64>,
    lon: Field<f64>,
    precision_m: Field<f64>,
    referencia: Field<String>,
}

/// One file of a manifest as sent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ArchivoIn {
    uuid_cliente: Field<String>,
    nombre: Field<String>,
    tipo: Field<String>,
    bytes: Field<i64>,
    sha256: Field<String>,
}

/// A report that can be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewReporte {
    /// Lower case, hyphenated.
    pub uuid_cliente: String,
    pub contenido: Contenido,
    /// `ubicacion` was left out: unchanged in an edit, where null clears it.
    pub sin_ubicacion: bool,
    /// Of the content as sent.
    pub sha256_contenido: String,
    pub fecha_reporte: Option<Fecha>,
    pub hora_creado: Option<Instante>,
    pub device_id: Option<String>,
    pub version_base: Option<i64>,
    /// Of the content at `version_base`, as the phone knew it.
    pub sha256_base: Option<String>,
    /// Fields that name what the site no longer uses: refused in a new report, known in one that
    /// is there already and is sent again.
    pub en_desuso: Vec<FieldError>,
}

impl NewReporte {
    /// Reads one item of a batch; anything but an object is one error on the item itself.
    pub fn from_json(json: &str, catalogo: &Catalogo) -> Result<Self, Vec<FieldError>> {
        match serde_json::from_str::<JsonObject<ReporteCreate>>(json) {
            Ok(JsonObject(create)) => create.validate(catalogo),
            Err(_) => Err(vec![FieldError {
                campo: String::new(),
                falla: FieldErrorKind::Tipo(tipo::OBJECT.0, tipo::OBJECT.1),
            }]),
        }
    }
}

impl ReporteCreate {
    /// Every rule of a new report; all that is wrong is told at once.
    pub fn validate(self, catalogo: &Catalogo) -> Result<NewReporte, Vec<FieldError>> {
        let mut e = FieldErrors::default();
        let titulo = e
            .required("titulo", self.titulo, tipo::STRING)
            .and_then(|t| e.take("titulo", titulo(t)));
        // In an edit, null is what somebody may have made it: a phone sends back what it received.
        let es_edicion = matches!(self.version_base, Field::Valor(_));
        let descripcion = match self.descripcion {
            Field::Nulo if es_edicion => Some(None),
            dicha => e
                .required("descripcion", dicha, tipo::STRING)
                .and_then(|t| e.take("descripcion", descripcion(t)))
                .map(Some),
        };
        let area_id = e
            .required("area_id", self.area_id, tipo::INTEGER)
            .and_then(|id| e.take("area_id", area(id, catalogo)));
        let severidad_id = e
            .required("severidad_id", self.severidad_id, tipo::INTEGER)
            .and_then(|id| e.take("severidad_id", severidad(id, catalogo)));
        let uuid_cliente = e
            .required("uuid_cliente", self.uuid_cliente, tipo::STRING)
            .and_then(|t| e.take("uuid_cliente", parse_uuid_cliente(&t)));
        let fecha_reporte = e
            .optional("fecha_reporte", self.fecha_reporte, tipo::STRING)
            .and_then(|t| e.take("fecha_reporte", parse_fecha(&t)));
        let hora_creado = e
            .optional("hora_creado", self.hora_creado, tipo::STRING)
            .and_then(|t| e.take("hora_creado", parse_hora(&t)));
        let device_id = e
            .optional("device_id", self.device_id, tipo::STRING)
            .and_then(|t| e.take("device_id", device_id(t)));
        let version_base = e
            .optional("version_base", self.version_base, tipo::INTEGER)
            .and_then(|v| e.take("version_base", in_range(v, 0, i64::MAX)));
        let sha256_base = e
            .optional("sha256_base", self.sha256_base, tipo::STRING)
            .and_then(|t| e.take("sha256_base", sha256(t)));
        let sin_ubicacion = matches!(self.ubicacion, Field::Ausente);
        let ubicacion = e
            .optional("ubicacion", self.ubicacion, tipo::OBJECT)
            .and_then(|u| ubicacion(u, &mut e));
        let enviados = e.optional("multimedia", self.multimedia, tipo::LIST);
        // The hash is over what was sent: a uuid keeps its case there.
        let multimedia = enviados.and_then(|m| parse_manifest(m, &mut e));
        let en_desuso = out_of_use(area_id, severidad_id, catalogo);
        if e.has_errors() {
            for error in &en_desuso {
                e.add(error.campo.as_str(), error.falla.clone());
            }
        }
        let nuevo = (|| {
            let mut contenido = Contenido {
                titulo: titulo?,
                descripcion: descripcion?,
                area_id: area_id?,
                severidad_id: severidad_id?,
                ubicacion,
                multimedia,
            };
            let sha256_contenido = contenido.sha256();
            for archivo in contenido.multimedia.iter_mut().flatten() {
                archivo.uuid_cliente.make_ascii_lowercase();
            }
            // In lower case their order may be another.
            if let Some(archivos) = &mut contenido.multimedia {
                archivos.sort_by(|a, b| a.uuid_cliente.cmp(&b.uuid_cliente));
            }
            Some(NewReporte {
                uuid_cliente: uuid_cliente?,
                contenido,
                sin_ubicacion,
                sha256_contenido,
                fecha_reporte,
                hora_creado,
                device_id,
                version_base,
                sha256_base,
                en_desuso,
            })
        })();
        e.finish(nuevo)
    }
}

pub(super) fn titulo(t: String) -> Result<String, FieldErrorKind> {
    text(t, 1, MAX_TITULO, false)
}

pub(super) fn descripcion(t: String) -> Result<String, FieldErrorKind> {
    text(t, 0, MAX_DESCRIPCION, true)
}

/// The reason given for a decision or withdrawal.
pub fn detalle(t: String) -> Result<String, FieldErrorKind> {
    text(t, 1, MAX_DETALLE, true)
}

pub(super) fn area(id: i64, catalogo: &Catalogo) -> Result<i64, FieldErrorKind> {
    catalogo
        .area(id)
        .map(|a| a.id)
        .ok_or(FieldErrorKind::NoExiste)
}

pub(super) fn severidad(id: i64, catalogo: &Catalogo) -> Result<i64, FieldErrorKind> {
    catalogo
        .severidad(id)
        .map(|s| s.id)
        .ok_or(FieldErrorKind::NoExiste)
}

/// Which of these the catalogue has, and the site no longer uses.
pub fn out_of_use(
    area_id: Option<i64>,
    severidad_id: Option<i64>,
    catalogo: &Catalogo,
) -> Vec<FieldError> {
    let area = area_id.and_then(|id| catalogo.area(id));
    let severidad = severidad_id.and_then(|id| catalogo.severidad(id));
    [
        ("area_id", area.is_some_and(|a| !a.activa)),
        ("severidad_id", severidad.is_some_and(|s| !s.activa)),
    ]
    .into_iter()
    .filter(|(_, en_desuso)| *en_desuso)
    .map(|(campo, _)| FieldError {
        campo: campo.to_owned(),
        falla: FieldErrorKind::NoExiste,
    })
    .collect()
}

/// A UUID of version 4 or 7 in its hyphenated form, any case; answered in lower case.
pub fn parse_uuid_cliente(t: &str) -> Result<String, FieldErrorKind> {
    const BAD_FORMAT: FieldErrorKind = FieldErrorKind::Formato(
        "un UUID v4 o v7, como 6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11",
        "a UUID v4 or v7, like 6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11",
    );
    let uuid = (t.len() == 36)
        .then(|| Uuid::parse_str(t).ok())
        .flatten()
        .ok_or(BAD_FORMAT)?;
    let known = matches!(
        uuid.get_version(),
        Some(Version::Random | Version::SortRand)
    );
    if known {
        Ok(uuid.as_hyphenated().to_string())
    } else {
        Err(BAD_FORMAT)
    }
}

/// The uuid (v4) of these random bytes, for what a client left without one.
pub fn random_uuid(random: [u8; 16]) -> String {
    uuid::Builder::from_random_bytes(random)
        .into_uuid()
        .to_string()
}

fn in_range(v: i64, min: i64, max: i64) -> Result<i64, FieldErrorKind> {
    let dentro = (min..=max).contains(&v);
    if dentro {
        Ok(v)
    } else {
        Err(FieldErrorKind::Rango {
            min: min.to_string(),
            max: max.to_string(),
        })
    }
}

fn in_range_f64(v: f64, min: f64, max: f64) -> Result<f64, FieldErrorKind> {
    let dentro = (min..=max).contains(&v);
    if dentro {
        Ok(v)
    } else {
        Err(FieldErrorKind::Rango {
            min: min.to_string(),
            max: max.to_string(),
        })
    }
}

fn parse_fecha(t: &str) -> Result<Fecha, FieldErrorKind> {
    let fecha = Fecha::parse(t).ok_or(FieldErrorKind::Formato("AAAA-MM-DD", "YYYY-MM-DD"))?;
    if YEARS.contains(&fecha.year()) {
        Ok(fecha)
    } else {
        Err(year_out_of_range())
    }
}

fn parse_hora(t: &str) -> Result<Instante, FieldErrorKind> {
    let hora = Instante::parse(t).ok_or(FieldErrorKind::Formato(
        "2026-03-01T14:03:11.250-03:00 (RFC 3339)",
        "2026-03-01T14:03:11.250-03:00 (RFC 3339)",
    ))?;
    let desde = Instante::parse("1970-01-01T00:00:00Z");
    let hasta = Instante::parse("2101-01-01T00:00:00Z");
    if desde <= Some(hora) && Some(hora) < hasta {
        Ok(hora)
    } else {
        Err(year_out_of_range())
    }
}

fn year_out_of_range() -> FieldErrorKind {
    FieldErrorKind::Rango {
        min: format!("{}-01-01", YEARS.start()),
        max: format!("{}-12-31", YEARS.end()),
    }
}

/// 1–64 visible ASCII characters.
pub fn device_id(t: String) -> Result<String, FieldErrorKind> {
    if !(1..=64).contains(&t.len()) {
        return Err(FieldErrorKind::Largo { min: 1, max: 64 });
    }
    if t.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(t)
    } else {
        Err(FieldErrorKind::Caracter)
    }
}

pub(super) fn ubicacion(
    JsonObject(u): JsonObject<UbicacionIn>,
    e: &mut FieldErrors,
) -> Option<Ubicacion> {
    let lat = e
        .required("ubicacion.lat", u.lat, tipo::NUMBER)
        .and_then(|v| e.take("ubicacion.lat", in_range_f64(v, -90.0, 90.0)));
    let lon = e
        .required("ubicacion.lon", u.lon, tipo::NUMBER)
        .and_then(|v| e.take("ubicacion.lon", in_range_f64(v, -180.0, 180.0)));
    let precision_m = e
        .optional("ubicacion.precision_m", u.precision_m, tipo::NUMBER)
        .and_then(|v| e.take("ubicacion.precision_m", in_range_f64(v, 0.0, 1e7)));
    let referencia = e
        .optional("ubicacion.referencia", u.referencia, tipo::STRING)
        .and_then(|t| e.take("ubicacion.referencia", text(t, 0, 255, false)));
    Some(Ubicacion {
        lat: lat?,
        lon: lon?,
        precision_m,
        referencia,
    })
}

fn parse_manifest(
    BoundedList(enviados): BoundedList<JsonObject<ArchivoIn>, MAX_ARCHIVOS>,
    e: &mut FieldErrors,
) -> Option<Vec<Archivo>> {
    if enviados.len() > MAX_ARCHIVOS {
        e.add(
            "multimedia",
            FieldErrorKind::Demasiados { max: MAX_ARCHIVOS },
        );
        return None;
    }
    let mut archivos = Vec::with_capacity(enviados.len());
    for (i, JsonObject(a)) in enviados.into_iter().enumerate() {
        let campo = |nombre: &str| format!("multimedia[{i}].{nombre}");
        let uuid = e
            .required(&campo("uuid_cliente"), a.uuid_cliente, tipo::STRING)
            .and_then(|t| {
                let valido = parse_uuid_cliente(&t).map(|_| t);
                e.take(&campo("uuid_cliente"), valido)
            });
        let nombre = e
            .required(&campo("nombre"), a.nombre, tipo::STRING)
            .and_then(|t| e.take(&campo("nombre"), text(t, 1, 255, false)));
        let mime = e
            .required(&campo("tipo"), a.tipo, tipo::STRING)
            .and_then(|t| e.take(&campo("tipo"), mime_type(t)));
        let bytes = e
            .required(&campo("bytes"), a.bytes, tipo::INTEGER)
            .and_then(|n| e.take(&campo("bytes"), in_range(n, 1, MAX_ARCHIVO_BYTES)));
        let sha256 = e
            .required(&campo("sha256"), a.sha256, tipo::STRING)
            .and_then(|t| e.take(&campo("sha256"), sha256(t)));
        if let (Some(uuid_cliente), Some(nombre), Some(tipo), Some(bytes), Some(sha256)) =
            (uuid, nombre, mime, bytes, sha256)
        {
            archivos.push(Archivo {
                uuid_cliente,
                nombre,
                tipo,
                bytes,
                sha256,
            });
        }
    }
    archivos.sort_by(|a, b| a.uuid_cliente.cmp(&b.uuid_cliente));
    let mut vistos: Vec<_> = archivos
        .iter()
        .map(|a| a.uuid_cliente.to_ascii_lowercase())
        .collect();
    vistos.sort();
    if vistos.windows(2).any(|w| w[0] == w[1]) {
        e.add("multimedia", FieldErrorKind::Repetido);
    }
    Some(archivos)
}

/// A MIME type without parameters.
pub fn mime_type(t: String) -> Result<String, FieldErrorKind> {
    let parte = |p: &str| {
        !p.is_empty()
            && p.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let valido = t.len() <= 100 && t.split_once('/').is_some_and(|(a, b)| parte(a) && parte(b));
    if valido {
        Ok(t)
    } else {
        Err(FieldErrorKind::Formato("image/jpeg", "image/jpeg"))
    }
}

/// The name of a file that is sent: data, but one with a path in it is a mistake or an attack.
pub fn parse_file_name(t: String) -> Result<String, FieldErrorKind> {
    let t = text(t, 1, 255, false)?;
    if t.contains(['/', '\\']) || t == "." || t == ".." {
        Err(FieldErrorKind::Caracter)
    } else {
        Ok(t)
    }
}

/// 64 lower-case hexadecimal digits.
pub fn sha256(t: String) -> Result<String, FieldErrorKind> {
    let valido = t.len() == 64
        && t.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if valido {
        Ok(t)
    } else {
        Err(FieldErrorKind::Formato(
            "64 dígitos hexadecimales en minúscula",
            "64 lower-case hexadecimal digits",
        ))
    }
}
