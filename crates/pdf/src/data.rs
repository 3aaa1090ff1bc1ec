//! What an informe tells. Moments, names and numbers come as the text that is to be read: who calls
//! knows the site's time zone and what its states are called.

use jiff::Timestamp;
use serde::Serialize;

/// All of a document. A list that is empty has no section.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// Name of the mine.
    pub sitio: String,
    /// When the document is made, for reading, with its time zone.
    pub emitido: String,
    /// The same moment, for the PDF's metadata.
    #[serde(skip)]
    pub emitido_en: Timestamp,
    pub emitido_por: String,
    pub reporte: Reporte,
    pub fotos: Vec<Photo>,
    pub otros: Vec<OtherArchivo>,
    /// The last ones, up to [`MAX_ROWS`](crate::MAX_FILAS).
    pub comentarios: Vec<Comentario>,
    /// How many there are.
    pub comentarios_en_total: i64,
    pub acciones: Vec<Accion>,
    /// The last ones, up to [`MAX_ROWS`](crate::MAX_FILAS); how many there are stands in `verificacion`.
    pub bitacora: Vec<Entrada>,
    pub verificacion: ChainVerification,
}

#[derive(Clone, Debug, Serialize)]
pub struct Reporte {
    pub id: i64,
    pub uuid_cliente: String,
    pub version: i64,
    pub titulo: String,
    pub descripcion: Option<String>,
    pub area: String,
    /// Its name; «Alta», «Media» and «Baja» have colours, others are grey.
    pub severidad: String,
    pub estado: String,
    /// What people call the place.
    pub ubicacion: Option<String>,
    pub coordenadas: Option<String>,
    /// When the danger was seen.
    pub fecha_reporte: Option<String>,
    /// When the phone wrote it down.
    pub creado_en: Option<String>,
    /// When the server got it.
    pub recibido_en: Option<String>,
    pub autor: String,
    pub decidido_en: Option<String>,
    pub decidido_por: Option<String>,
    pub motivo: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Photo {
    pub nombre: String,
    /// Of the original file, in hexadecimal.
    pub sha256: String,
    /// Type, size, or why there is no picture.
    pub detalle: Option<String>,
    /// A small copy. It goes into the PDF as it is, with what a camera wrote into it: give one
    /// without. One that is empty, damaged or larger than [`MAX_PIXELS`](crate::MAX_PIXELES) is
    /// told in words.
    #[serde(skip)]
    pub jpeg: Vec<u8>,
}

/// A file that is no photo.
#[derive(Clone, Debug, Serialize)]
pub struct OtherArchivo {
    pub nombre: String,
    pub tipo: String,
    /// Its size, with its unit.
    pub bytes: String,
    /// In hexadecimal.
    pub sha256: String,
    pub estado: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Comentario {
    pub cuando: String,
    pub quien: String,
    pub texto: String,
}

/// Something that was promised against the danger.
#[derive(Clone, Debug, Serialize)]
pub struct Accion {
    pub n: i64,
    pub descripcion: String,
    pub responsable: String,
    pub plazo: String,
    pub estado: String,
}

/// An entry of the bitácora.
#[derive(Clone, Debug, Serialize)]
pub struct Entrada {
    pub n: i64,
    pub cuando: String,
    pub quien: String,
    pub accion: String,
    /// What was said with it.
    pub detalle: Option<String>,
    pub cambios: Vec<FieldChange>,
    /// In hexadecimal.
    pub hash: String,
}

/// A field that changed; `None` is a field that held nothing.
#[derive(Clone, Debug, Serialize)]
pub struct FieldChange {
    pub campo: String,
    pub antes: Option<String>,
    pub despues: Option<String>,
}

/// What a check of the report's chain found when the document was made.
#[derive(Clone, Debug, Serialize)]
pub struct ChainVerification {
    /// How many entries the chain has.
    pub entradas: i64,
    pub ultimo_hash: String,
    /// The first thing that is wrong, in words; `None` when all agrees.
    pub rotura: Option<String>,
}
