//! One report's file card (*ficha*) in the phone, and what each answer makes of it. No I/O.
//!
//! Three layers say what the owner sees: the **base**, which is the report as the server is known
//! to have it in some version; the item **en vuelo**, frozen when it was first sent and sent again
//! byte for byte until it is answered; and the **parche**, what was edited after that. While
//! anything waits the base does not move, since it is what the owner looked at when editing: the
//! server needs it to tell an edit from an accident.

use serde::{Deserialize, Serialize};
use sigra_domain::reporte::{Contenido, FieldConflict};

use crate::{
    Error, Problema,
    patch::{BLANK, Patch},
    reporte::{ContenidoDef, Reporte},
    verdict::Verdict,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Base {
    pub id: i64,
    pub version: i64,
    pub sha256: String,
    #[serde(with = "ContenidoDef")]
    pub contenido: Contenido,
}

impl From<&Reporte> for Base {
    fn from(r: &Reporte) -> Self {
        Self {
            id: r.id,
            version: r.version,
            sha256: r.sha256_contenido.clone(),
            contenido: r.contenido.clone(),
        }
    }
}

/// A report that both sides changed. The server keeps both until somebody decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conflicto {
    /// The server's number for it.
    pub id: i64,
    pub uuid_cliente: String,
    /// The fields that clash, with the value of each side.
    pub campos: Vec<FieldConflict>,
    /// The server's side.
    pub actual: Reporte,
    /// The phone's side.
    #[serde(with = "ContenidoDef")]
    pub enviado: Contenido,
}

/// Why a report is put aside: it is not sent by itself until its owner does something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HoldReason {
    Conflicto(Box<Conflicto>),
    /// What was refused is in the patch again, for its owner to correct.
    Rechazado(Problema),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LocalReporte {
    pub uuid_cliente: String,
    /// RFC 3339, the phone's clock.
    pub hora_creado: String,
    /// `YYYY-MM-DD`.
    pub fecha_reporte: Option<String>,
    /// `None` until the server acknowledged the report.
    pub base: Option<Base>,
    pub en_vuelo: Option<String>,
    pub parche: Patch,
    pub aparte: Option<HoldReason>,
    /// How often the server put it off; those go behind the others.
    pub aplazos: i64,
}

/// An item of a batch. All of the content goes, null where there is none, and what is fixed at
/// creation too: should the server have lost the report, the item makes it again as it was.
#[derive(Serialize)]
struct Item<'a> {
    uuid_cliente: &'a str,
    #[serde(flatten)]
    contenido: &'a Contenido,
    hora_creado: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fecha_reporte: Option<&'a str>,
    device_id: &'a str,
    /// What the content was changed from; absent in a creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    version_base: Option<i64>,
    /// Of that version: a restored server may have another one of the same number.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256_base: Option<&'a str>,
}

impl LocalReporte {
    pub(crate) fn is_pending(&self) -> bool {
        self.en_vuelo.is_some() || !self.parche.is_empty() || self.aparte.is_some()
    }

    fn base_contenido(&self) -> &Contenido {
        self.base.as_ref().map_or(&BLANK, |b| &b.contenido)
    }

    /// What makes `contenido` of the base.
    fn patch_from_base(&self, contenido: &Contenido) -> Patch {
        match &self.base {
            Some(base) => Patch::between(&base.contenido, contenido),
            None => Patch::from_contenido(contenido),
        }
    }

    /// What was sent and not answered yet, or is one side of a conflict.
    fn sent(&self) -> Result<Option<Contenido>, Error> {
        Ok(match (&self.en_vuelo, &self.aparte) {
            (Some(item), _) => Some(parse_contenido(item)?),
            (None, Some(HoldReason::Conflicto(c))) => Some(c.enviado.clone()),
            (None, _) => None,
        })
    }

    /// What the owner sees.
    pub(crate) fn a_la_vista(&self) -> Result<Contenido, Error> {
        let enviado = self.sent()?;
        Ok(self
            .parche
            .apply_to(enviado.as_ref().unwrap_or(self.base_contenido())))
    }

    /// An edit; of a refused report it is the correction, and may be empty to just try again.
    pub(crate) fn edit(&mut self, parche: Patch) {
        self.parche = std::mem::take(&mut self.parche).then(parche);
        if matches!(self.aparte, Some(HoldReason::Rechazado(_))) {
            self.aparte = None;
        }
    }

    /// Freezes what waits into an item, once. Edits that came to nothing are forgotten.
    pub(crate) fn freeze(&mut self, device_id: &str) -> Result<(), Error> {
        if self.en_vuelo.is_some() {
            return Ok(());
        }
        let contenido = std::mem::take(&mut self.parche).apply_to(self.base_contenido());
        if self.base.as_ref().is_some_and(|b| b.contenido == contenido) {
            return Ok(());
        }
        self.en_vuelo = Some(serde_json::to_string(&Item {
            uuid_cliente: &self.uuid_cliente,
            contenido: &contenido,
            hora_creado: &self.hora_creado,
            fecha_reporte: self.fecha_reporte.as_deref(),
            device_id,
            version_base: self.base.as_ref().map(|b| b.version),
            sha256_base: self.base.as_ref().map(|b| b.sha256.as_str()),
        })?);
        Ok(())
    }

    /// The answer to the item en vuelo.
    pub(crate) fn apply_verdict(&mut self, verdict: Verdict) -> Result<(), Error> {
        let Some(enviado) = self.sent()? else {
            return Ok(());
        };
        let producida = |id, version| Base {
            id,
            version,
            sha256: enviado.sha256(),
            contenido: enviado.clone(),
        };
        match verdict {
            Verdict::Creado { id, version }
            | Verdict::Actualizado {
                id,
                version,
                actual: None,
            }
            | Verdict::Duplicado {
                id,
                version,
                actual: None,
            } => self.base = Some(producida(id, version)),
            Verdict::Duplicado {
                id,
                version,
                actual: Some(actual),
            } => {
                // A creation's version is exactly what was sent: the base for what was edited
                // since. An edit's may have been merged with somebody else's.
                if self.base.is_none() && version < actual.version {
                    self.base = Some(producida(id, version));
                    self.rebase(&enviado, (&actual).into(), Patch::default());
                } else {
                    let antes = self.patch_from_base(&enviado);
                    self.rebase(&enviado, (&actual).into(), antes);
                }
            }
            Verdict::Fusionado { actual }
            | Verdict::Actualizado {
                actual: Some(actual),
                ..
            } => {
                let antes = self.patch_from_base(&enviado);
                self.rebase(&enviado, (&actual).into(), antes);
            }
            Verdict::Conflicto {
                conflicto_id,
                actual,
                campos,
            } => {
                self.aparte = Some(HoldReason::Conflicto(Box::new(Conflicto {
                    id: conflicto_id,
                    uuid_cliente: self.uuid_cliente.clone(),
                    campos,
                    actual,
                    enviado,
                })));
            }
            Verdict::Rechazado { error } if error.permanente => return self.reject(error),
            Verdict::Rechazado { .. } => {
                self.aplazos += 1;
                return Ok(());
            }
        }
        self.en_vuelo = None;
        self.aplazos = 0;
        Ok(())
    }

    /// Takes `nueva` as the base. Not when an edit that waits would then silently undo what
    /// somebody else changed: it keeps the base it was made on, together with what was sent
    /// (`antes`), and the server will see the clash.
    fn rebase(&mut self, visto: &Contenido, nueva: Base, antes: Patch) {
        if self.base.is_some() && self.parche.conflicts(visto, &nueva.contenido) {
            self.parche = antes.then(std::mem::take(&mut self.parche));
        } else {
            self.base = Some(nueva);
        }
    }

    /// Puts the report aside with all that waited in its patch.
    pub(crate) fn reject(&mut self, problema: Problema) -> Result<(), Error> {
        self.parche = self.patch_from_base(&self.a_la_vista()?);
        self.en_vuelo = None;
        self.aplazos = 0;
        self.aparte = Some(HoldReason::Rechazado(problema));
        Ok(())
    }

    /// The conflict was decided, here or elsewhere, and this is the report since.
    pub(crate) fn resolve(&mut self, decidido: &Reporte) {
        if let Some(HoldReason::Conflicto(c)) = &self.aparte {
            let enviado = c.enviado.clone();
            self.aparte = None;
            // What was sent had its decision: only later edits may clash again.
            self.rebase(&enviado, decidido.into(), Patch::default());
        }
    }

    /// The report as a pull brought it. Versions never go back.
    pub(crate) fn apply_pulled(&mut self, reporte: &Reporte) {
        if let Some(HoldReason::Conflicto(c)) = &self.aparte {
            if reporte.version > c.actual.version && reporte.sync_status != "conflicto" {
                self.resolve(reporte);
            }
        } else if !self.is_pending() {
            let nueva = self
                .base
                .as_ref()
                .is_none_or(|b| b.version < reporte.version);
            if nueva {
                self.base = Some(reporte.into());
            }
        }
    }

    /// The server lost the report that it had acknowledged: it is to be created again. An item en
    /// vuelo does that by itself.
    pub(crate) fn recreate(&mut self) -> Result<(), Error> {
        if self.en_vuelo.is_none() {
            self.parche = Patch::from_contenido(&self.a_la_vista()?);
            self.base = None;
            self.aparte = None;
        }
        Ok(())
    }

    /// The server went back to an older state (a backup) in which the report is `suyo`: what this
    /// phone knew beyond it is an edit again.
    pub(crate) fn roll_back(&mut self, suyo: &Reporte) {
        if self.is_pending() || self.base.as_ref().is_none_or(|b| b.version < suyo.version) {
            return;
        }
        self.parche = Patch::between(&suyo.contenido, self.base_contenido());
        self.base = Some(suyo.into());
    }
}

/// The content of an item.
pub(crate) fn parse_contenido(item: &str) -> Result<Contenido, Error> {
    Ok(ContenidoDef::deserialize(
        &mut serde_json::Deserializer::from_str(item),
    )?)
}

#[cfg(test)]
mod tests;
