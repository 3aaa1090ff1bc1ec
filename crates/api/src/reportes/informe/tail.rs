//! What is kept of a bitácora while it is read: the document shows its end, and an author may have edited
//! the report thousands of times.

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;
use sigra_domain::{
    Instante, Rut,
    bitacora::{Accion, Entrada, EntradaRecord, FieldValues, GENESIS},
};
use sigra_pdf::{MAX_CHARS, MAX_ROWS};
use sigra_store::reportes::StoredReporte;

pub struct BitacoraTail {
    decidido_en: Option<Instante>,
    /// The last ones. What can't be read as an entry is told by its columns.
    pub ultimas: VecDeque<(EntradaRecord, Option<Entrada>)>,
    pub comentarios: VecDeque<Entrada>,
    pub comentarios_en_total: i64,
    /// The entry of the decision that holds.
    pub decision: Option<Entrada>,
    /// Everybody whose name may stand in the document.
    pub ruts: BTreeSet<Rut>,
    pub ultimo_hash: String,
}

impl BitacoraTail {
    pub fn from_reporte(leido: &StoredReporte) -> Self {
        let r = &leido.reporte;
        let responsables = r.acciones.values().map(|m| m.responsable);
        Self {
            decidido_en: r.decision.map(|d| d.en),
            ultimas: VecDeque::new(),
            comentarios: VecDeque::new(),
            comentarios_en_total: 0,
            decision: None,
            ruts: responsables.chain([r.rut]).collect(),
            ultimo_hash: GENESIS.to_owned(),
        }
    }

    /// The next entry.
    pub fn push(&mut self, g: &EntradaRecord) {
        let entrada = serde_json::from_str::<Entrada>(&g.canonica).ok();
        self.ruts.extend(Rut::new(g.rut));
        self.ultimo_hash.clone_from(&g.hash);
        if let Some(e) = &entrada {
            if e.accion == Accion::Comentar {
                self.comentarios_en_total += 1;
                push_capped(&mut self.comentarios, e.clone());
            }
            if e.accion == Accion::CambiarEstado && Some(e.en) == self.decidido_en {
                self.decision = Some(e.clone());
            }
        }
        let sin_texto = EntradaRecord {
            canonica: String::new(),
            ..g.clone()
        };
        push_capped(
            &mut self.ultimas,
            (sin_texto, entrada.map(truncate_entrada)),
        );
    }
}

fn push_capped<T>(lista: &mut VecDeque<T>, nueva: T) {
    if lista.len() == MAX_ROWS {
        lista.pop_front();
    }
    lista.push_back(nueva);
}

/// One character more than is shown, so that the document tells that there is more.
fn truncate_entrada(mut e: Entrada) -> Entrada {
    let corta = |t: &mut String| {
        if let Some((fin, _)) = t.char_indices().nth(MAX_CHARS + 1) {
            t.truncate(fin);
        }
    };
    let textos = |v: &mut FieldValues| {
        for valor in v.values_mut() {
            if let Value::String(t) = valor {
                corta(t);
            }
        }
    };
    e.detalle.iter_mut().for_each(corta);
    textos(&mut e.antes);
    textos(&mut e.despues);
    e
}
