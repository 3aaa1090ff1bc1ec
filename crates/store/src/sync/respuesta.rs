//! The room of a batch's answer. A report may be much longer than the item that speaks of it, and an
//! answer is held in memory while a slow link takes it.

use std::{collections::HashMap, sync::Arc};

use sigra_domain::{
    reporte::{Choque, Contenido, iguales},
    sync::Motivo,
};

use super::{
    expediente::Expediente,
    lote::{Juzgado, Recibido, Suerte},
    mesa::Previa,
};
use crate::{
    Fallo,
    db::json,
    reportes::{ReporteLeido, lote::IdsDeArchivos},
};

/// Bytes of a result besides content and files.
const RESULTADO: usize = 1_024;
/// Bytes of what is told of a file, besides its description.
const ARCHIVO: usize = 512;

/// What is left of it, in bytes.
pub(super) struct Lugar(usize);

impl Lugar {
    pub(super) fn nuevo(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Takes that much, if it is there.
    pub(super) fn toma(&mut self, bytes: usize) -> bool {
        let queda = self.0.checked_sub(bytes);
        self.0 = queda.unwrap_or(self.0);
        queda.is_some()
    }
}

/// About how many bytes it takes to tell this content and these clashes.
pub(super) fn bytes_de(contenido: &Contenido, choques: &[Choque]) -> Result<usize, Fallo> {
    let archivos = contenido.multimedia.iter().flatten().count();
    Ok(RESULTADO + archivos * ARCHIVO + json(contenido)?.len() + json(choques)?.len())
}

/// What is told of each item, with the report as the batch left it.
pub(super) fn responde(
    items: &[Recibido],
    mut expedientes: HashMap<i64, Expediente>,
    ids: &IdsDeArchivos,
    previas: Vec<Previa>,
    mut lugar: Lugar,
) -> Result<Vec<Juzgado>, Fallo> {
    for (id, e) in &mut expedientes {
        for a in e.leido.archivos.iter_mut().filter(|a| a.id == 0) {
            let suyo = ids.get(&(*id, a.archivo.uuid_cliente.clone()));
            a.id = *suyo.ok_or(Fallo::Interno("un archivo quedó sin fila"))?;
        }
    }
    let mut leidos: HashMap<i64, Arc<ReporteLeido>> = HashMap::new();
    let mut juzgados = Vec::with_capacity(previas.len());
    for (previa, item) in previas.into_iter().zip(items) {
        let mut suerte = previa.suerte;
        let Some(id) = previa.reporte_id else {
            juzgados.push(Juzgado {
                suerte,
                leido: None,
            });
            continue;
        };
        let e = &expedientes[&id];
        if let (Suerte::Conflicto(conflicto_id, _), Some(clave)) = (&mut suerte, &previa.conflicto)
        {
            *conflicto_id = e
                .abiertos
                .get(clave)
                .and_then(|abierto| abierto.id)
                .ok_or(Fallo::Interno("un conflicto quedó sin fila"))?;
        }
        // After a lost answer the phone does not know what else the merge brought.
        if let Suerte::Duplicado(version, difiere) = &mut suerte {
            let actual = &e.leido.reporte;
            *difiere = *version != actual.version || !iguales(&item.enviado, &actual.contenido);
            let bytes = if *difiere {
                bytes_de(&actual.contenido, &[])?
            } else {
                e.leido.archivos.len() * ARCHIVO
            };
            if !lugar.toma(bytes) {
                suerte = Suerte::Rechazado(Motivo::RespuestaLlena);
            }
        }
        let leido = leidos
            .entry(id)
            .or_insert_with(|| Arc::new(e.leido.clone()));
        let cabe = !matches!(suerte, Suerte::Rechazado(_));
        juzgados.push(Juzgado {
            suerte,
            leido: cabe.then(|| Arc::clone(leido)),
        });
    }
    Ok(juzgados)
}
