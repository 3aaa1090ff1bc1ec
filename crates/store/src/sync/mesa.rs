//! Where a batch is judged: what is new is written first, the rest is read once, each item is judged
//! against what the items before have left, and all changes are written together.

use std::collections::{HashMap, HashSet};

use sigra_domain::{
    reporte::{Archivo, ReporteNuevo},
    sync::{Motivo, Veredicto},
};

use super::{
    conflictos::{self, Pendiente},
    expediente::Expediente,
    lote::{Recibido, RecibirLote, Suerte},
    pasado::completa,
    respuesta::{Lugar, bytes_de},
};
use crate::{
    Fallo, Tx,
    db::{con, json},
    reportes::{
        ReporteLeido,
        crear::leido,
        leer::{bloquea, de_uuids},
        lote::{
            Aceptado, Escritura, IdsDeArchivos, IdsDeReportes, actualiza, inserta, inserta_archivos,
        },
    },
};

/// An item's fate before conflicts have their ids.
pub(super) struct Previa {
    /// Of the report; `None` when the item was refused.
    pub(super) reporte_id: Option<i64>,
    pub(super) suerte: Suerte,
    pub(super) conflicto: Option<Aceptado>,
}

/// Where a batch is judged: each report as the items before have left it.
pub(super) struct Mesa<'a> {
    lote: &'a RecibirLote,
    /// The item that made each new report.
    creados: HashMap<i64, usize>,
    ids: HashMap<&'a str, i64>,
    expedientes: HashMap<i64, Expediente>,
    escrituras: Vec<Escritura>,
    archivos: Vec<(i64, Archivo)>,
    aceptados: Vec<(i64, Aceptado, i64)>,
    conflictos: Vec<Pendiente>,
    /// Of the answer.
    lugar: Lugar,
}

impl<'a> Mesa<'a> {
    /// Writes what is new and reads what is not.
    pub(super) async fn nueva(lote: &'a RecibirLote, tx: &mut Tx<'_>) -> Result<Self, Fallo> {
        let mut vistos = HashSet::new();
        let mut primeras: Vec<usize> = Vec::with_capacity(lote.items.len());
        for (i, item) in lote.items.iter().enumerate() {
            if item.enviado.en_desuso.is_empty() && vistos.insert(&item.enviado.uuid_cliente) {
                primeras.push(i);
            }
        }
        let nuevas: Vec<&Escritura> = primeras.iter().map(|i| &lote.items[*i].nueva).collect();
        let (ids, archivos) = inserta(tx, &nuevas).await?;
        let mut mesa = Self {
            lote,
            creados: HashMap::new(),
            ids: HashMap::new(),
            expedientes: HashMap::new(),
            escrituras: vec![],
            archivos: vec![],
            aceptados: vec![],
            conflictos: vec![],
            lugar: Lugar::nuevo(lote.respuesta_max),
        };
        mesa.toma_creados(primeras, &ids, &archivos)?;
        mesa.lee_otros(tx).await?;
        Ok(mesa)
    }

    fn toma_creados(
        &mut self,
        primeras: Vec<usize>,
        ids: &IdsDeReportes,
        archivos: &IdsDeArchivos,
    ) -> Result<(), Fallo> {
        for i in primeras {
            let Recibido { enviado, nueva } = &self.lote.items[i];
            if let Some(id) = ids.get(&enviado.uuid_cliente) {
                let leido = leido(&nueva.reporte, *id, archivos, &self.lote.autor)?;
                let expediente = Expediente::nuevo(leido, Aceptado::de(enviado));
                self.expedientes.insert(*id, expediente);
                self.ids.insert(&enviado.uuid_cliente, *id);
                self.creados.insert(*id, i);
            }
        }
        Ok(())
    }

    async fn lee_otros(&mut self, tx: &mut Tx<'_>) -> Result<(), Fallo> {
        let items = self.lote.items.iter().map(|r| &r.enviado);
        let otros: HashSet<&str> = items
            .clone()
            .map(|e| e.uuid_cliente.as_str())
            .filter(|uuid| !self.ids.contains_key(uuid))
            .collect();
        if otros.is_empty() {
            return Ok(());
        }
        let uuids: Vec<&str> = otros.into_iter().collect();
        bloquea(&mut tx.conn, &uuids, self.lote.quien.rut).await?;
        let leidos = de_uuids(&mut tx.conn, &uuids).await?;
        let mut leidos: HashMap<String, ReporteLeido> = leidos
            .into_iter()
            .map(|l| (l.reporte.uuid_cliente.clone(), l))
            .collect();
        for e in items.clone() {
            if let Some(leido) = leidos.remove(&e.uuid_cliente) {
                self.ids.insert(&e.uuid_cliente, leido.reporte.id);
                self.expedientes
                    .insert(leido.reporte.id, Expediente::sin_pasado(leido));
            }
        }
        let suyos: Vec<(i64, &ReporteNuevo)> = items
            .filter_map(|e| Some((*self.ids.get(e.uuid_cliente.as_str())?, e)))
            .filter(|(id, _)| !self.creados.contains_key(id))
            .collect();
        completa(&mut tx.conn, &mut self.expedientes, &suyos).await
    }

    pub(super) fn juzga(
        &mut self,
        tx: &Tx<'_>,
        i: usize,
        item: &Recibido,
    ) -> Result<Previa, Fallo> {
        let (quien, enviado) = (&self.lote.quien, &item.enviado);
        let rechazo = |motivo| Previa {
            reporte_id: None,
            suerte: Suerte::Rechazado(motivo),
            conflicto: None,
        };
        let id = self.ids.get(enviado.uuid_cliente.as_str()).copied();
        // What a later item of the batch makes is not there yet.
        let id = id.filter(|id| self.creados.get(id).is_none_or(|creador| *creador <= i));
        let Some((id, e)) = id.and_then(|id| Some((id, self.expedientes.get_mut(&id)?))) else {
            if enviado.en_desuso.is_empty() {
                return Err(Fallo::Interno("un uuid repetido desapareció"));
            }
            return Ok(rechazo(Motivo::Datos(enviado.en_desuso.clone())));
        };
        let previa = |suerte| Previa {
            reporte_id: Some(id),
            suerte,
            conflicto: None,
        };
        if self.creados.get(&id) == Some(&i) {
            return Ok(previa(Suerte::Creado(item.nueva.reporte.version)));
        }
        let clave = Aceptado::de(enviado);
        let veredicto = e.juzga(enviado, quien, &self.lote.catalogo);
        if !self.lugar.toma(a_contar(&veredicto, e, enviado)?) {
            return Ok(rechazo(Motivo::RespuestaLlena));
        }
        Ok(match veredicto {
            Veredicto::Rechazado(motivo) => rechazo(motivo),
            Veredicto::Duplicado { version, nuevo } => {
                if nuevo {
                    let version = e.acepta(clave.clone());
                    self.aceptados.push((id, clave, version));
                }
                previa(Suerte::Duplicado(version, false))
            }
            Veredicto::Fusionado(contenido) if contenido == e.leido.reporte.contenido => {
                let version = e.acepta(clave.clone());
                self.aceptados.push((id, clave, version));
                previa(Suerte::Fusionado(version))
            }
            v @ (Veredicto::Actualizado(_) | Veredicto::Fusionado(_)) => {
                let (contenido, suerte): (_, fn(i64) -> Suerte) = match v {
                    // What was left out stayed, and is part of what the next edit is made from.
                    Veredicto::Actualizado(c) if c != enviado.contenido => {
                        (c, |version| Suerte::Actualizado(version, true))
                    }
                    Veredicto::Actualizado(c) => (c, |version| Suerte::Actualizado(version, false)),
                    Veredicto::Fusionado(c) => (c, Suerte::Fusionado),
                    _ => return Err(Fallo::Interno("veredicto sin contenido")),
                };
                let nuevos = archivos_nuevos(&e.leido, contenido.multimedia.as_deref());
                self.archivos.extend(nuevos.into_iter().map(|a| (id, a)));
                let mut escritura = e.cambia(tx, quien, contenido, enviado)?;
                escritura.desfase_reloj_ms = Some(self.lote.presencia.desfase_reloj_ms);
                let version = escritura.reporte.version;
                self.escrituras.push(escritura);
                previa(suerte(version))
            }
            Veredicto::Conflicto { choques, nuevo } => {
                if nuevo {
                    let (escritura, pendiente) = e.abre_conflicto(tx, quien, &choques, enviado)?;
                    self.escrituras.push(escritura);
                    self.conflictos.push(pendiente);
                }
                Previa {
                    conflicto: Some(clave),
                    ..previa(Suerte::Conflicto(0, choques))
                }
            }
        })
    }

    pub(super) async fn escribe(
        self,
        tx: &mut Tx<'_>,
    ) -> Result<(HashMap<i64, Expediente>, IdsDeArchivos, Lugar), Fallo> {
        let Self {
            mut expedientes,
            escrituras,
            archivos,
            aceptados,
            conflictos: pendientes,
            lote,
            lugar,
            ..
        } = self;
        actualiza(tx, &escrituras.iter().collect::<Vec<_>>()).await?;
        let archivos: Vec<_> = archivos.iter().map(|(id, a)| (*id, a)).collect();
        let ids = inserta_archivos(tx, &archivos).await?;
        acepta(tx, &aceptados).await?;
        let device_id = &lote.presencia.device_id;
        for abierto in conflictos::guarda(tx, device_id, &pendientes).await? {
            let (id, reporte_id, clave) = abierto;
            if let Some(abierto) = expedientes
                .get_mut(&reporte_id)
                .and_then(|e| e.abiertos.get_mut(&clave))
            {
                abierto.id = Some(id);
            }
        }
        Ok((expedientes, ids, lugar))
    }
}

/// Bytes of the answer to a verdict that has to show the report. What was there already is counted when
/// the batch is done with it.
fn a_contar(v: &Veredicto, e: &Expediente, enviado: &ReporteNuevo) -> Result<usize, Fallo> {
    match v {
        Veredicto::Actualizado(c) if *c == enviado.contenido => Ok(0),
        Veredicto::Actualizado(c) | Veredicto::Fusionado(c) => bytes_de(c, &[]),
        Veredicto::Conflicto { choques, .. } => bytes_de(&e.leido.reporte.contenido, choques),
        Veredicto::Duplicado { .. } | Veredicto::Rechazado(_) => Ok(0),
    }
}

/// The files of a manifest that the report does not have.
pub(super) fn archivos_nuevos(
    leido: &ReporteLeido,
    manifiesto: Option<&[Archivo]>,
) -> Vec<Archivo> {
    let tiene = |a: &Archivo| {
        let suyos = leido.archivos.iter();
        suyos
            .map(|s| &s.archivo.uuid_cliente)
            .any(|u| *u == a.uuid_cliente)
    };
    let todos = manifiesto.into_iter().flatten();
    todos.filter(|a| !tiene(a)).cloned().collect()
}

/// Notes contents that changed nothing, so that they are known when they come again.
async fn acepta(tx: &mut Tx<'_>, aceptados: &[(i64, Aceptado, i64)]) -> Result<(), Fallo> {
    if aceptados.is_empty() {
        return Ok(());
    }
    let filas: Vec<_> = aceptados
        .iter()
        .map(|(id, a, version)| (id, &a.sha256_contenido, a.version_base, version))
        .collect();
    let sql = tx.conn.elige(
        "INSERT INTO aceptados (reporte_id, sha256_contenido, version_base, version)
         SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),
            json_extract(value, '$[2]'), json_extract(value, '$[3]') FROM json_each($1) WHERE TRUE
         ON CONFLICT DO NOTHING",
        "INSERT INTO aceptados (reporte_id, sha256_contenido, version_base, version)
         SELECT CAST(value->>0 AS BIGINT), value->>1, CAST(value->>2 AS BIGINT),
            CAST(value->>3 AS BIGINT) FROM json_array_elements(CAST($1 AS JSON))
         ON CONFLICT DO NOTHING",
    );
    con!(tx.conn, c => sqlx::query(sql).bind(json(&filas)?).execute(&mut **c).await.map(drop))?;
    Ok(())
}
