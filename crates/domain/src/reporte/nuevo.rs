//! A new report: from the body a phone sends to something that can be stored.

use serde::Deserialize;
use utoipa::ToSchema;
use uuid::{Uuid, Version};

use super::{Archivo, Contenido, Ubicacion};
use crate::{
    Campo, ErrorCampo, Falla, Fecha, Instante,
    campo::{Errores, Lista, Objeto, texto, tipo},
    catalogo::Catalogo,
};

pub const MAX_TITULO: usize = 255;
pub const MAX_DESCRIPCION: usize = 10_000;
pub const MAX_DETALLE: usize = 2_000;
/// Files in one manifest.
pub const MAX_ARCHIVOS: usize = 20;
/// 200 MiB, the largest file any setting allows.
pub const MAX_BYTES_ARCHIVO: i64 = 200 * 1024 * 1024;
/// A phone whose battery died may believe that it is 1970; its report must still come in. What lies
/// outside these years is no clock's mistake.
const ANIOS: std::ops::RangeInclusive<i16> = 1970..=2100;

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
    pub titulo: Campo<String>,
    #[serde(default)]
    #[schema(required = true, value_type = String, max_length = 10_000)]
    pub descripcion: Campo<String>,
    #[serde(default)]
    #[schema(required = true, value_type = i64)]
    pub area_id: Campo<i64>,
    #[serde(default)]
    #[schema(required = true, value_type = i64)]
    pub severidad_id: Campo<i64>,
    /// UUID v4 o v7 que el teléfono inventa una vez: la identidad del reporte.
    #[serde(default)]
    #[schema(required = true, value_type = String, format = "uuid")]
    pub uuid_cliente: Campo<String>,
    /// Día del hecho; sin él, el de `hora_creado` en la zona de la faena.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date, required = false)]
    pub fecha_reporte: Campo<String>,
    /// Reloj del teléfono, RFC 3339 con cualquier desfase; sin él, la hora del servidor.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    pub hora_creado: Campo<String>,
    /// 1 a 64 caracteres ASCII visibles.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 64)]
    pub device_id: Campo<String>,
    #[serde(default)]
    #[schema(value_type = Option<Ubicacion>, required = false)]
    pub ubicacion: Campo<Objeto<UbicacionIn>>,
    /// Los archivos que el teléfono tiene; sus bytes viajan aparte.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Archivo>>, required = false, max_items = 20)]
    pub multimedia: Campo<Lista<Objeto<ArchivoIn>, MAX_ARCHIVOS>>,
    /// Versión sobre la que el teléfono editó; solo la usa la sincronización.
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    pub version_base: Campo<i64>,
    /// El `sha256_contenido` de esa versión, como el teléfono la conoció: si la del servidor es otra, como
    /// después de restaurar un respaldo, nada se aplica sin que alguien decida.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, min_length = 64, max_length = 64)]
    pub sha256_base: Campo<String>,
}

/// A location as sent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct UbicacionIn {
    lat: Campo<f64>,
    lon: Campo<f64>,
    precision_m: Campo<f64>,
    referencia: Campo<String>,
}

/// One file of a manifest as sent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ArchivoIn {
    uuid_cliente: Campo<String>,
    nombre: Campo<String>,
    tipo: Campo<String>,
    bytes: Campo<i64>,
    sha256: Campo<String>,
}

/// A report that can be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ReporteNuevo {
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
    pub en_desuso: Vec<ErrorCampo>,
}

impl ReporteNuevo {
    /// Reads one item of a batch; anything but an object is one error on the item itself.
    pub fn de_texto(json: &str, catalogo: &Catalogo) -> Result<Self, Vec<ErrorCampo>> {
        match serde_json::from_str::<Objeto<ReporteCreate>>(json) {
            Ok(Objeto(create)) => create.validar(catalogo),
            Err(_) => Err(vec![ErrorCampo {
                campo: String::new(),
                falla: Falla::Tipo(tipo::OBJETO.0, tipo::OBJETO.1),
            }]),
        }
    }
}

impl ReporteCreate {
    /// Every rule of a new report; all that is wrong is told at once.
    pub fn validar(self, catalogo: &Catalogo) -> Result<ReporteNuevo, Vec<ErrorCampo>> {
        let mut e = Errores::default();
        let titulo = e
            .requerido("titulo", self.titulo, tipo::TEXTO)
            .and_then(|t| e.toma("titulo", titulo(t)));
        // In an edit, null is what somebody may have made it: a phone sends back what it received.
        let es_edicion = matches!(self.version_base, Campo::Valor(_));
        let descripcion = match self.descripcion {
            Campo::Nulo if es_edicion => Some(None),
            dicha => e
                .requerido("descripcion", dicha, tipo::TEXTO)
                .and_then(|t| e.toma("descripcion", descripcion(t)))
                .map(Some),
        };
        let area_id = e
            .requerido("area_id", self.area_id, tipo::ENTERO)
            .and_then(|id| e.toma("area_id", area(id, catalogo)));
        let severidad_id = e
            .requerido("severidad_id", self.severidad_id, tipo::ENTERO)
            .and_then(|id| e.toma("severidad_id", severidad(id, catalogo)));
        let uuid_cliente = e
            .requerido("uuid_cliente", self.uuid_cliente, tipo::TEXTO)
            .and_then(|t| e.toma("uuid_cliente", uuid_de_cliente(&t)));
        let fecha_reporte = e
            .opcional("fecha_reporte", self.fecha_reporte, tipo::TEXTO)
            .and_then(|t| e.toma("fecha_reporte", fecha(&t)));
        let hora_creado = e
            .opcional("hora_creado", self.hora_creado, tipo::TEXTO)
            .and_then(|t| e.toma("hora_creado", hora(&t)));
        let device_id = e
            .opcional("device_id", self.device_id, tipo::TEXTO)
            .and_then(|t| e.toma("device_id", device_id(t)));
        let version_base = e
            .opcional("version_base", self.version_base, tipo::ENTERO)
            .and_then(|v| e.toma("version_base", rango(v, 0, i64::MAX)));
        let sha256_base = e
            .opcional("sha256_base", self.sha256_base, tipo::TEXTO)
            .and_then(|t| e.toma("sha256_base", sha256(t)));
        let sin_ubicacion = matches!(self.ubicacion, Campo::Ausente);
        let ubicacion = e
            .opcional("ubicacion", self.ubicacion, tipo::OBJETO)
            .and_then(|u| ubicacion(u, &mut e));
        let enviados = e.opcional("multimedia", self.multimedia, tipo::LISTA);
        // The hash is over what was sent: a uuid keeps its case there.
        let multimedia = enviados.and_then(|m| manifiesto(m, &mut e));
        let en_desuso = en_desuso(area_id, severidad_id, catalogo);
        if e.hay() {
            for error in &en_desuso {
                e.agrega(error.campo.as_str(), error.falla.clone());
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
            Some(ReporteNuevo {
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
        e.fin(nuevo)
    }
}

pub(super) fn titulo(t: String) -> Result<String, Falla> {
    texto(t, 1, MAX_TITULO, false)
}

pub(super) fn descripcion(t: String) -> Result<String, Falla> {
    texto(t, 0, MAX_DESCRIPCION, true)
}

/// The reason given for a decision or withdrawal.
pub fn detalle(t: String) -> Result<String, Falla> {
    texto(t, 1, MAX_DETALLE, true)
}

pub(super) fn area(id: i64, catalogo: &Catalogo) -> Result<i64, Falla> {
    catalogo.area(id).map(|a| a.id).ok_or(Falla::NoExiste)
}

pub(super) fn severidad(id: i64, catalogo: &Catalogo) -> Result<i64, Falla> {
    catalogo.severidad(id).map(|s| s.id).ok_or(Falla::NoExiste)
}

/// Which of these the catalogue has, and the site no longer uses.
pub fn en_desuso(
    area_id: Option<i64>,
    severidad_id: Option<i64>,
    catalogo: &Catalogo,
) -> Vec<ErrorCampo> {
    let area = area_id.and_then(|id| catalogo.area(id));
    let severidad = severidad_id.and_then(|id| catalogo.severidad(id));
    [
        ("area_id", area.is_some_and(|a| !a.activa)),
        ("severidad_id", severidad.is_some_and(|s| !s.activa)),
    ]
    .into_iter()
    .filter(|(_, en_desuso)| *en_desuso)
    .map(|(campo, _)| ErrorCampo {
        campo: campo.to_owned(),
        falla: Falla::NoExiste,
    })
    .collect()
}

/// A UUID of version 4 or 7 in its hyphenated form, any case; answered in lower case.
pub fn uuid_de_cliente(t: &str) -> Result<String, Falla> {
    const FORMA: Falla = Falla::Formato(
        "un UUID v4 o v7, como 6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11",
        "a UUID v4 or v7, like 6f1c2f7e-3c61-4c52-9d0e-5a8a4b8f0c11",
    );
    let uuid = (t.len() == 36)
        .then(|| Uuid::parse_str(t).ok())
        .flatten()
        .ok_or(FORMA)?;
    let known = matches!(
        uuid.get_version(),
        Some(Version::Random | Version::SortRand)
    );
    if known {
        Ok(uuid.as_hyphenated().to_string())
    } else {
        Err(FORMA)
    }
}

/// The uuid (v4) of these random bytes, for what a client left without one.
pub fn uuid_al_azar(azar: [u8; 16]) -> String {
    uuid::Builder::from_random_bytes(azar)
        .into_uuid()
        .to_string()
}

fn rango(v: i64, min: i64, max: i64) -> Result<i64, Falla> {
    let dentro = (min..=max).contains(&v);
    if dentro {
        Ok(v)
    } else {
        Err(Falla::Rango {
            min: min.to_string(),
            max: max.to_string(),
        })
    }
}

fn rango_f64(v: f64, min: f64, max: f64) -> Result<f64, Falla> {
    let dentro = (min..=max).contains(&v);
    if dentro {
        Ok(v)
    } else {
        Err(Falla::Rango {
            min: min.to_string(),
            max: max.to_string(),
        })
    }
}

fn fecha(t: &str) -> Result<Fecha, Falla> {
    let fecha = Fecha::parse(t).ok_or(Falla::Formato("AAAA-MM-DD", "YYYY-MM-DD"))?;
    if ANIOS.contains(&fecha.anio()) {
        Ok(fecha)
    } else {
        Err(fuera_de_anios())
    }
}

fn hora(t: &str) -> Result<Instante, Falla> {
    let hora = Instante::parse(t).ok_or(Falla::Formato(
        "2026-03-01T14:03:11.250-03:00 (RFC 3339)",
        "2026-03-01T14:03:11.250-03:00 (RFC 3339)",
    ))?;
    let desde = Instante::parse("1970-01-01T00:00:00Z");
    let hasta = Instante::parse("2101-01-01T00:00:00Z");
    if desde <= Some(hora) && Some(hora) < hasta {
        Ok(hora)
    } else {
        Err(fuera_de_anios())
    }
}

fn fuera_de_anios() -> Falla {
    Falla::Rango {
        min: format!("{}-01-01", ANIOS.start()),
        max: format!("{}-12-31", ANIOS.end()),
    }
}

/// 1–64 visible ASCII characters.
pub fn device_id(t: String) -> Result<String, Falla> {
    if !(1..=64).contains(&t.len()) {
        return Err(Falla::Largo { min: 1, max: 64 });
    }
    if t.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(t)
    } else {
        Err(Falla::Caracter)
    }
}

pub(super) fn ubicacion(Objeto(u): Objeto<UbicacionIn>, e: &mut Errores) -> Option<Ubicacion> {
    let lat = e
        .requerido("ubicacion.lat", u.lat, tipo::NUMERO)
        .and_then(|v| e.toma("ubicacion.lat", rango_f64(v, -90.0, 90.0)));
    let lon = e
        .requerido("ubicacion.lon", u.lon, tipo::NUMERO)
        .and_then(|v| e.toma("ubicacion.lon", rango_f64(v, -180.0, 180.0)));
    let precision_m = e
        .opcional("ubicacion.precision_m", u.precision_m, tipo::NUMERO)
        .and_then(|v| e.toma("ubicacion.precision_m", rango_f64(v, 0.0, 1e7)));
    let referencia = e
        .opcional("ubicacion.referencia", u.referencia, tipo::TEXTO)
        .and_then(|t| e.toma("ubicacion.referencia", texto(t, 0, 255, false)));
    Some(Ubicacion {
        lat: lat?,
        lon: lon?,
        precision_m,
        referencia,
    })
}

fn manifiesto(
    Lista(enviados): Lista<Objeto<ArchivoIn>, MAX_ARCHIVOS>,
    e: &mut Errores,
) -> Option<Vec<Archivo>> {
    if enviados.len() > MAX_ARCHIVOS {
        e.agrega("multimedia", Falla::Demasiados { max: MAX_ARCHIVOS });
        return None;
    }
    let mut archivos = Vec::with_capacity(enviados.len());
    for (i, Objeto(a)) in enviados.into_iter().enumerate() {
        let campo = |nombre: &str| format!("multimedia[{i}].{nombre}");
        let uuid = e
            .requerido(&campo("uuid_cliente"), a.uuid_cliente, tipo::TEXTO)
            .and_then(|t| {
                let valido = uuid_de_cliente(&t).map(|_| t);
                e.toma(&campo("uuid_cliente"), valido)
            });
        let nombre = e
            .requerido(&campo("nombre"), a.nombre, tipo::TEXTO)
            .and_then(|t| e.toma(&campo("nombre"), texto(t, 1, 255, false)));
        let mime = e
            .requerido(&campo("tipo"), a.tipo, tipo::TEXTO)
            .and_then(|t| e.toma(&campo("tipo"), tipo_mime(t)));
        let bytes = e
            .requerido(&campo("bytes"), a.bytes, tipo::ENTERO)
            .and_then(|n| e.toma(&campo("bytes"), rango(n, 1, MAX_BYTES_ARCHIVO)));
        let sha256 = e
            .requerido(&campo("sha256"), a.sha256, tipo::TEXTO)
            .and_then(|t| e.toma(&campo("sha256"), sha256(t)));
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
        e.agrega("multimedia", Falla::Repetido);
    }
    Some(archivos)
}

/// A MIME type without parameters.
pub fn tipo_mime(t: String) -> Result<String, Falla> {
    let parte = |p: &str| {
        !p.is_empty()
            && p.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let valido = t.len() <= 100 && t.split_once('/').is_some_and(|(a, b)| parte(a) && parte(b));
    if valido {
        Ok(t)
    } else {
        Err(Falla::Formato("image/jpeg", "image/jpeg"))
    }
}

/// The name of a file that is sent: data, but one with a path in it is a mistake or an attack.
pub fn nombre_de_archivo(t: String) -> Result<String, Falla> {
    let t = texto(t, 1, 255, false)?;
    if t.contains(['/', '\\']) || t == "." || t == ".." {
        Err(Falla::Caracter)
    } else {
        Ok(t)
    }
}

/// 64 lower-case hexadecimal digits.
pub fn sha256(t: String) -> Result<String, Falla> {
    let valido = t.len() == 64
        && t.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if valido {
        Ok(t)
    } else {
        Err(Falla::Formato(
            "64 dígitos hexadecimales en minúscula",
            "64 lower-case hexadecimal digits",
        ))
    }
}
