//! What becomes of an item that a phone sends: the judgement of one content against the report as it
//! is, and what a decision about a conflict leads to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    FieldError, FieldErrorKind, Quien,
    bitacora::FieldValues,
    catalogo::Catalogo,
    reporte::{
        Contenido, FieldConflict, MAX_ARCHIVOS, MergeOutcome, NewReporte, Reporte, merge,
        out_of_use,
    },
};

/// Conflicts of one report that may wait for a decision at the same time.
pub const MAX_CONFLICTOS: usize = 20;

/// The report that has the item's uuid, and what is known of the item.
#[derive(Debug)]
pub struct ItemContext<'a> {
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
    pub base: Option<&'a FieldValues>,
    pub catalogo: &'a Catalogo,
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
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
        choques: Vec<FieldConflict>,
        nuevo: bool,
    },
    Rechazado(RejectReason),
}

/// Why an item is refused, valid as it is.
#[derive(Clone, Debug, PartialEq)]
pub enum RejectReason {
    /// The uuid is another person's; nothing else is told.
    UuidAjeno,
    Retirado,
    /// It would move the report to what the site no longer uses, or give it too many files.
    Datos(Vec<FieldError>),
    /// Too many conflicts of the report wait for a decision.
    DemasiadosConflictos,
    /// The answer to the batch has no room left for what would have to be told of this one.
    RespuestaLlena,
}

/// Judges an item whose uuid is there already.
pub fn judge(enviado: &NewReporte, s: &ItemContext<'_>) -> Verdict {
    let actual = s.actual;
    if actual.rut != s.quien.rut {
        return Verdict::Rechazado(RejectReason::UuidAjeno);
    }
    if actual.retirado_en.is_some() {
        return Verdict::Rechazado(RejectReason::Retirado);
    }
    if let Some(version) = s.aceptado {
        return Verdict::Duplicado {
            version,
            nuevo: false,
        };
    }
    let decidido = s.catalogo.is_decided(actual.estado_id);
    let m = merge(enviado, &actual.contenido, s.base, decidido);
    if s.en_conflicto {
        let choques = match m {
            MergeOutcome::Conflicto(choques) => choques,
            _ => vec![],
        };
        return Verdict::Conflicto {
            choques,
            nuevo: false,
        };
    }
    match m {
        MergeOutcome::Igual => Verdict::Duplicado {
            version: actual.version,
            nuevo: true,
        },
        // Nobody could decide for it, and it says the same before the report is there.
        MergeOutcome::Conflicto(choques) if !out_of_use_among(&choques, enviado).is_empty() => {
            Verdict::Rechazado(RejectReason::Datos(out_of_use_among(&choques, enviado)))
        }
        MergeOutcome::Conflicto(_) if s.conflictos >= MAX_CONFLICTOS => {
            Verdict::Rechazado(RejectReason::DemasiadosConflictos)
        }
        MergeOutcome::Conflicto(choques) => Verdict::Conflicto {
            choques,
            nuevo: true,
        },
        MergeOutcome::Demasiados => Verdict::Rechazado(RejectReason::Datos(vec![too_many()])),
        MergeOutcome::Actualizado(c) | MergeOutcome::Fusionado(c)
            if !newly_out_of_use(&c, &actual.contenido, s.catalogo).is_empty() =>
        {
            let errores = newly_out_of_use(&c, &actual.contenido, s.catalogo);
            Verdict::Rechazado(RejectReason::Datos(errores))
        }
        MergeOutcome::Actualizado(c) => Verdict::Actualizado(c),
        MergeOutcome::Fusionado(c) => Verdict::Fusionado(c),
    }
}

fn too_many() -> FieldError {
    FieldError {
        campo: "multimedia".into(),
        falla: FieldErrorKind::Demasiados { max: MAX_ARCHIVOS },
    }
}

/// What the site no longer uses among the fields that the phone changed.
fn out_of_use_among(choques: &[FieldConflict], enviado: &NewReporte) -> Vec<FieldError> {
    let errores = enviado.en_desuso.iter();
    let choca = |e: &&FieldError| choques.iter().any(|c| c.campo == e.campo);
    errores.filter(choca).cloned().collect()
}

/// What the site no longer uses and the report did not have before.
fn newly_out_of_use(nuevo: &Contenido, viejo: &Contenido, catalogo: &Catalogo) -> Vec<FieldError> {
    out_of_use(
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
    pub fn from_name(nombre: &str) -> Option<Self> {
        match nombre {
            "servidor" => Some(Self::Servidor),
            "cliente" => Some(Self::Cliente),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
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
    pub fn name(&self) -> &'static str {
        match self {
            Self::Servidor => "servidor",
            Self::Cliente => "cliente",
            Self::Mezcla(_) => "mezcla",
        }
    }

    /// The whole of it in words, for the bitácora.
    pub fn detalle(&self) -> String {
        let Self::Mezcla(lados) = self else {
            return self.name().to_owned();
        };
        let lados = lados.iter().map(|(c, l)| format!("{c}: {}", l.name()));
        format!("mezcla ({})", lados.collect::<Vec<_>>().join(", "))
    }
}

/// Why a decision can't be carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum DecisionDenied {
    /// The report is decided: only `servidor` is left.
    Decidido,
    Datos(Vec<FieldError>),
}

/// The content that a decision leads to. A file described in two ways keeps the server's description:
/// its bytes may be there already.
pub fn resolve(
    decision: &Decision,
    enviado: &NewReporte,
    actual: &Reporte,
    base: Option<&FieldValues>,
    catalogo: &Catalogo,
) -> Result<Contenido, DecisionDenied> {
    let viejo = &actual.contenido;
    if *decision == Decision::Servidor {
        return Ok(viejo.clone());
    }
    if catalogo.is_decided(actual.estado_id) {
        return Err(DecisionDenied::Decidido);
    }
    let m = merge(enviado, viejo, base, false);
    let choques: Vec<String> = match &m {
        MergeOutcome::Conflicto(choques) => choques.iter().map(|c| c.campo.clone()).collect(),
        _ => vec![],
    };
    let lados = sides(decision, &choques).map_err(DecisionDenied::Datos)?;
    let nuevo = match m {
        MergeOutcome::Igual => viejo.clone(),
        MergeOutcome::Actualizado(c) | MergeOutcome::Fusionado(c) => c,
        MergeOutcome::Demasiados => return Err(DecisionDenied::Datos(vec![too_many()])),
        MergeOutcome::Conflicto(_) => crate::reporte::apply(enviado, viejo, base, |campo| {
            lados.get(campo) == Some(&Lado::Cliente)
        }),
    };
    let mut errores = newly_out_of_use(&nuevo, viejo, catalogo);
    if nuevo.multimedia.iter().flatten().count() > MAX_ARCHIVOS {
        errores.push(too_many());
    }
    if errores.is_empty() {
        Ok(nuevo)
    } else {
        Err(DecisionDenied::Datos(errores))
    }
}

/// The side of each field that clashes: all of them must have one, and no other field.
fn sides(
    decision: &Decision,
    choques: &[String],
) -> Result<BTreeMap<String, Lado>, Vec<FieldError>> {
    let Decision::Mezcla(elegidos) = decision else {
        return Ok(choques.iter().map(|c| (c.clone(), Lado::Cliente)).collect());
    };
    let faltan = choques.iter().filter(|c| !elegidos.contains_key(*c));
    let faltan = faltan.map(|c| (c, FieldErrorKind::Requerido));
    let sobran = elegidos.keys().filter(|c| !choques.contains(c));
    let sobran = sobran.map(|c| (c, FieldErrorKind::NoEnConflicto));
    let errores: Vec<FieldError> = faltan
        .chain(sobran)
        .map(|(campo, falla)| FieldError {
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
mod tests;
