//! What becomes of an item that a phone sends: the judgement of one content against the report as it
//! is, and what a decision about a conflict leads to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ErrorCampo, Falla, Quien,
    bitacora::Valores,
    catalogo::Catalogo,
    reporte::{Choque, Contenido, MAX_ARCHIVOS, Mezcla, Reporte, ReporteNuevo, en_desuso, mezcla},
};

/// Conflicts of one report that may wait for a decision at the same time.
pub const MAX_CONFLICTOS: usize = 20;

/// The report that has the item's uuid, and what is known of the item.
#[derive(Debug)]
pub struct Situacion<'a> {
    pub quien: &'a Quien,
    pub actual: &'a Reporte,
    /// The version that this content with this base produced when it was accepted before.
    pub aceptado: Option<i64>,
    /// This content with this base waits for a decision already.
    pub en_conflicto: bool,
    /// Conflicts of the report that wait for a decision.
    pub conflictos: usize,
    /// The report's values at the item's `version_base`; `None` when it names none or one that does
    /// not exist.
    pub base: Option<&'a Valores>,
    pub catalogo: &'a Catalogo,
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Veredicto {
    /// It was accepted before, or the report holds it already; with the version it produced.
    Duplicado {
        version: i64,
        nuevo: bool,
    },
    /// This content takes the place of the old one.
    Actualizado(Contenido),
    /// The server's changes and the phone's, together. May be what the report holds already.
    Fusionado(Contenido),
    /// Nothing is applied: somebody has to decide. Empty when it waits for that already and would
    /// not clash any more.
    Conflicto {
        choques: Vec<Choque>,
        nuevo: bool,
    },
    Rechazado(Motivo),
}

/// Why an item is refused, valid as it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Motivo {
    /// The uuid is another person's; nothing else is told.
    UuidAjeno,
    Retirado,
    /// It would move the report to what the site no longer uses, or give it too many files.
    Datos(Vec<ErrorCampo>),
    /// Too many conflicts of the report wait for a decision.
    DemasiadosConflictos,
    /// The answer to the batch has no room left for what would have to be told of this one.
    RespuestaLlena,
}

/// Judges an item whose uuid is there already.
pub fn juzga(enviado: &ReporteNuevo, s: &Situacion<'_>) -> Veredicto {
    let actual = s.actual;
    if actual.rut != s.quien.rut {
        return Veredicto::Rechazado(Motivo::UuidAjeno);
    }
    if actual.retirado_en.is_some() {
        return Veredicto::Rechazado(Motivo::Retirado);
    }
    if let Some(version) = s.aceptado {
        return Veredicto::Duplicado {
            version,
            nuevo: false,
        };
    }
    let decidido = s.catalogo.decidido(actual.estado_id);
    let m = mezcla(enviado, &actual.contenido, s.base, decidido);
    if s.en_conflicto {
        let choques = match m {
            Mezcla::Conflicto(choques) => choques,
            _ => vec![],
        };
        return Veredicto::Conflicto {
            choques,
            nuevo: false,
        };
    }
    match m {
        Mezcla::Igual => Veredicto::Duplicado {
            version: actual.version,
            nuevo: true,
        },
        // Nobody could decide for it, and it says the same before the report is there.
        Mezcla::Conflicto(choques) if !en_desuso_de(&choques, enviado).is_empty() => {
            Veredicto::Rechazado(Motivo::Datos(en_desuso_de(&choques, enviado)))
        }
        Mezcla::Conflicto(_) if s.conflictos >= MAX_CONFLICTOS => {
            Veredicto::Rechazado(Motivo::DemasiadosConflictos)
        }
        Mezcla::Conflicto(choques) => Veredicto::Conflicto {
            choques,
            nuevo: true,
        },
        Mezcla::Demasiados => Veredicto::Rechazado(Motivo::Datos(vec![demasiados()])),
        Mezcla::Actualizado(c) | Mezcla::Fusionado(c)
            if !en_desuso_nuevo(&c, &actual.contenido, s.catalogo).is_empty() =>
        {
            let errores = en_desuso_nuevo(&c, &actual.contenido, s.catalogo);
            Veredicto::Rechazado(Motivo::Datos(errores))
        }
        Mezcla::Actualizado(c) => Veredicto::Actualizado(c),
        Mezcla::Fusionado(c) => Veredicto::Fusionado(c),
    }
}

fn demasiados() -> ErrorCampo {
    ErrorCampo {
        campo: "multimedia".into(),
        falla: Falla::Demasiados { max: MAX_ARCHIVOS },
    }
}

/// What the site no longer uses among the fields that the phone changed.
fn en_desuso_de(choques: &[Choque], enviado: &ReporteNuevo) -> Vec<ErrorCampo> {
    let errores = enviado.en_desuso.iter();
    let choca = |e: &&ErrorCampo| choques.iter().any(|c| c.campo == e.campo);
    errores.filter(choca).cloned().collect()
}

/// What the site no longer uses and the report did not have before.
fn en_desuso_nuevo(nuevo: &Contenido, viejo: &Contenido, catalogo: &Catalogo) -> Vec<ErrorCampo> {
    en_desuso(
        Some(nuevo.area_id).filter(|id| *id != viejo.area_id),
        Some(nuevo.severidad_id).filter(|id| *id != viejo.severidad_id),
        catalogo,
    )
}

/// Whose value a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(description = "De quién es el valor que toma un campo.")]
pub enum Lado {
    Servidor,
    Cliente,
}

impl Lado {
    pub fn de_nombre(nombre: &str) -> Option<Self> {
        match nombre {
            "servidor" => Some(Self::Servidor),
            "cliente" => Some(Self::Cliente),
            _ => None,
        }
    }

    fn nombre(self) -> &'static str {
        match self {
            Self::Servidor => "servidor",
            Self::Cliente => "cliente",
        }
    }
}

/// What somebody decides about a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The report stays as it is; what the phone sent is dropped.
    Servidor,
    /// Where both sides clash the phone's value counts; what only one side changed stays changed.
    Cliente,
    /// A side for each field that clashes.
    Mezcla(BTreeMap<String, Lado>),
}

impl Decision {
    pub fn nombre(&self) -> &'static str {
        match self {
            Self::Servidor => "servidor",
            Self::Cliente => "cliente",
            Self::Mezcla(_) => "mezcla",
        }
    }

    /// The whole of it in words, for the bitácora.
    pub fn detalle(&self) -> String {
        let Self::Mezcla(lados) = self else {
            return self.nombre().to_owned();
        };
        let lados = lados.iter().map(|(c, l)| format!("{c}: {}", l.nombre()));
        format!("mezcla ({})", lados.collect::<Vec<_>>().join(", "))
    }
}

/// Why a decision can't be carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum DecisionNegada {
    /// The report is decided: only `servidor` is left.
    Decidido,
    Datos(Vec<ErrorCampo>),
}

/// The content that a decision leads to. A file described in two ways keeps the server's description:
/// its bytes may be there already.
pub fn resuelve(
    decision: &Decision,
    enviado: &ReporteNuevo,
    actual: &Reporte,
    base: Option<&Valores>,
    catalogo: &Catalogo,
) -> Result<Contenido, DecisionNegada> {
    let viejo = &actual.contenido;
    if *decision == Decision::Servidor {
        return Ok(viejo.clone());
    }
    if catalogo.decidido(actual.estado_id) {
        return Err(DecisionNegada::Decidido);
    }
    let m = mezcla(enviado, viejo, base, false);
    let choques: Vec<String> = match &m {
        Mezcla::Conflicto(choques) => choques.iter().map(|c| c.campo.clone()).collect(),
        _ => vec![],
    };
    let lados = lados(decision, &choques).map_err(DecisionNegada::Datos)?;
    let nuevo = match m {
        Mezcla::Igual => viejo.clone(),
        Mezcla::Actualizado(c) | Mezcla::Fusionado(c) => c,
        Mezcla::Demasiados => return Err(DecisionNegada::Datos(vec![demasiados()])),
        Mezcla::Conflicto(_) => crate::reporte::aplica(enviado, viejo, base, |campo| {
            lados.get(campo) == Some(&Lado::Cliente)
        }),
    };
    let mut errores = en_desuso_nuevo(&nuevo, viejo, catalogo);
    if nuevo.multimedia.iter().flatten().count() > MAX_ARCHIVOS {
        errores.push(demasiados());
    }
    if errores.is_empty() {
        Ok(nuevo)
    } else {
        Err(DecisionNegada::Datos(errores))
    }
}

/// The side of each field that clashes: all of them must have one, and no other field.
fn lados(
    decision: &Decision,
    choques: &[String],
) -> Result<BTreeMap<String, Lado>, Vec<ErrorCampo>> {
    let Decision::Mezcla(elegidos) = decision else {
        return Ok(choques.iter().map(|c| (c.clone(), Lado::Cliente)).collect());
    };
    let faltan = choques.iter().filter(|c| !elegidos.contains_key(*c));
    let faltan = faltan.map(|c| (c, Falla::Requerido));
    let sobran = elegidos.keys().filter(|c| !choques.contains(c));
    let sobran = sobran.map(|c| (c, Falla::NoEnConflicto));
    let errores: Vec<ErrorCampo> = faltan
        .chain(sobran)
        .map(|(campo, falla)| ErrorCampo {
            campo: format!("campos.{campo}"),
            falla,
        })
        .collect();
    if errores.is_empty() {
        Ok(elegidos.clone())
    } else {
        Err(errores)
    }
}

#[cfg(test)]
mod pruebas;
