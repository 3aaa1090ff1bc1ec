//! What is known of a report while a batch about it is judged: as it is in this transaction, what was
//! accepted for it, what waits for a decision, and how it came to be.

use std::collections::{HashMap, HashSet};

use sigra_domain::{
    Quien,
    bitacora::{Accion, Entrada, Valores, diferencia},
    catalogo::Catalogo,
    reporte::{Choque, Contenido, Reporte, ReporteNuevo, SyncStatus},
    sync::{Situacion, Veredicto, juzga},
};
use sqlx::FromRow;

use super::conflictos::{Guardado, Pendiente};
use crate::{
    Fallo, Tx,
    db::{Conn, con, json},
    reportes::{
        ArchivoLeido, ReporteLeido,
        lote::{Aceptado, Escritura},
        registro::{Hecho, Registro},
    },
};

/// One report with its past.
pub(super) struct Expediente {
    pub(super) leido: ReporteLeido,
    /// Version and values before it, oldest first; only as far back as an item may ask for.
    historia: Vec<(i64, Valores)>,
    aceptados: HashMap<Aceptado, i64>,
    pub(super) abiertos: HashMap<Aceptado, Abierto>,
}

/// What waits for a decision.
pub(super) struct Abierto {
    /// None yet for what this batch brought.
    pub(super) id: Option<i64>,
    /// The values that the phone worked from, as far as they were known then.
    base: Option<Valores>,
}

impl Expediente {
    /// A report that this batch brought.
    pub(super) fn nuevo(leido: ReporteLeido, aceptado: Aceptado) -> Self {
        let version = leido.reporte.version;
        Self {
            aceptados: HashMap::from([(aceptado, version)]),
            ..Self::sin_pasado(leido)
        }
    }

    pub(super) fn sin_pasado(leido: ReporteLeido) -> Self {
        Self {
            leido,
            historia: vec![],
            aceptados: HashMap::new(),
            abiertos: HashMap::new(),
        }
    }

    pub(super) fn juzga(
        &self,
        enviado: &ReporteNuevo,
        quien: &Quien,
        catalogo: &Catalogo,
    ) -> Veredicto {
        let clave = Aceptado::de(enviado);
        let abierto = self.abiertos.get(&clave);
        let base = match abierto {
            Some(abierto) => abierto.base.clone(),
            None => self.valores_en(clave.version_base),
        };
        juzga(
            enviado,
            &Situacion {
                quien,
                actual: &self.leido.reporte,
                aceptado: self.aceptados.get(&clave).copied(),
                en_conflicto: abierto.is_some(),
                conflictos: self.abiertos.len(),
                base: base.as_ref(),
                catalogo,
            },
        )
    }

    /// The content's values at a version: today's, and before each later change what it was then.
    pub(super) fn valores_en(&self, version: i64) -> Option<Valores> {
        let actual = &self.leido.reporte;
        if !(1..=actual.version).contains(&version) {
            return None;
        }
        let mut valores = actual.contenido.valores();
        let despues = self.historia.iter().rev();
        for (_, antes) in despues.take_while(|(v, _)| *v > version) {
            for (campo, valor) in antes {
                if valores.contains_key(campo) {
                    valores.insert(campo.clone(), valor.clone());
                }
            }
        }
        Some(valores)
    }

    /// This content was accepted without a change.
    pub(super) fn acepta(&mut self, clave: Aceptado) -> i64 {
        let version = self.leido.reporte.version;
        self.aceptados.insert(clave, version);
        version
    }

    /// The report gets this content: what is to be written.
    pub(super) fn cambia(
        &mut self,
        tx: &Tx<'_>,
        quien: &Quien,
        contenido: Contenido,
        enviado: &ReporteNuevo,
    ) -> Result<Escritura, Fallo> {
        let mut reporte = self.leido.reporte.clone();
        reporte.sha256_contenido = if contenido == enviado.contenido {
            enviado.sha256_contenido.clone()
        } else {
            contenido.sha256()
        };
        reporte.contenido = contenido;
        self.agrega_archivos(&reporte.contenido);
        if reporte.sync_status != SyncStatus::Conflicto {
            reporte.sync_status = sin_conflicto(&self.leido.archivos);
        }
        reporte.last_sync_attempt = Some(tx.ahora);
        let clave = Aceptado::de(enviado);
        let mut escritura = self.escritura(
            tx,
            quien,
            reporte,
            (Accion::Editar, None, "reporte.cambiado"),
        )?;
        self.acepta(clave.clone());
        escritura.aceptado = Some(clave);
        Ok(escritura)
    }

    /// Somebody has to decide about what was sent: what is to be written.
    pub(super) fn abre_conflicto(
        &mut self,
        tx: &Tx<'_>,
        quien: &Quien,
        choques: &[Choque],
        enviado: &ReporteNuevo,
    ) -> Result<(Escritura, Pendiente), Fallo> {
        let clave = Aceptado::de(enviado);
        let base = self.valores_en(clave.version_base);
        let mut reporte = self.leido.reporte.clone();
        reporte.sync_status = SyncStatus::Conflicto;
        reporte.last_sync_attempt = Some(tx.ahora);
        let campos: Vec<&str> = choques.iter().map(|c| c.campo.as_str()).collect();
        let hecho = (
            Accion::Conflicto,
            Some(campos.join(", ")),
            "conflicto.creado",
        );
        let escritura = self.escritura(tx, quien, reporte, hecho)?;
        let pendiente = Pendiente {
            reporte_id: self.leido.reporte.id,
            clave: clave.clone(),
            enviado: Guardado::de(enviado),
            base: base.clone(),
        };
        self.abiertos.insert(clave, Abierto { id: None, base });
        Ok((escritura, pendiente))
    }

    /// The next version of the report.
    pub(super) fn escritura(
        &mut self,
        tx: &Tx<'_>,
        quien: &Quien,
        mut reporte: Reporte,
        (accion, detalle, evento): (Accion, Option<String>, &'static str),
    ) -> Result<Escritura, Fallo> {
        let viejo = &self.leido.reporte;
        reporte.version += 1;
        reporte.hora_actualizado = tx.ahora;
        let hecho = Hecho {
            accion,
            detalle,
            cambios: diferencia(&viejo.valores(), &reporte.valores()),
            area_antes: Some(viejo.contenido.area_id),
            evento,
        };
        let registro = Registro::nuevo(&mut reporte, quien, tx.ahora, hecho)?;
        let antes = registro.entrada().antes.clone();
        self.historia.push((reporte.version, antes));
        self.leido.reporte = reporte.clone();
        Ok(Escritura::nueva(reporte, registro, tx.entorno.azar_i64()))
    }

    /// Files that the manifest did not have; their ids come with their rows.
    pub(super) fn agrega_archivos(&mut self, contenido: &Contenido) {
        let suyos = &mut self.leido.archivos;
        for archivo in contenido.multimedia.iter().flatten() {
            let tiene = |a: &ArchivoLeido| a.archivo.uuid_cliente == archivo.uuid_cliente;
            if !suyos.iter().any(tiene) {
                suyos.push(ArchivoLeido {
                    id: 0,
                    archivo: archivo.clone(),
                    subido: false,
                });
            }
        }
        suyos.sort_by(|a, b| a.archivo.uuid_cliente.cmp(&b.archivo.uuid_cliente));
    }
}

/// What a report without conflicts waits for.
pub(super) fn sin_conflicto(archivos: &[ArchivoLeido]) -> SyncStatus {
    if archivos.iter().all(|a| a.subido) {
        SyncStatus::Completo
    } else {
        SyncStatus::MultimediaPendiente
    }
}

#[derive(FromRow)]
struct FilaAceptado {
    reporte_id: i64,
    sha256_contenido: String,
    version_base: i64,
    version: i64,
}

#[derive(FromRow)]
struct FilaAbierto {
    id: i64,
    reporte_id: i64,
    sha256_contenido: String,
    version_base: i64,
    base: Option<String>,
}

/// Adds to each report what was accepted of these items, what waits for a decision, and the past as
/// far back as an item's `version_base`.
pub(super) async fn completa(
    conn: &mut Conn<'_>,
    expedientes: &mut HashMap<i64, Expediente>,
    items: &[(i64, &ReporteNuevo)],
) -> Result<(), Fallo> {
    let pares: HashSet<(i64, &str)> = items
        .iter()
        .map(|(id, e)| (*id, e.sha256_contenido.as_str()))
        .collect();
    if pares.is_empty() {
        return Ok(());
    }
    let sql = conn.elige(
        "SELECT a.reporte_id, a.sha256_contenido, a.version_base, a.version
         FROM json_each($1) j JOIN aceptados a
           ON a.reporte_id = json_extract(j.value, '$[0]')
           AND a.sha256_contenido = json_extract(j.value, '$[1]')",
        "SELECT a.reporte_id, a.sha256_contenido, a.version_base, a.version
         FROM json_array_elements(CAST($1 AS JSON)) j JOIN aceptados a
           ON a.reporte_id = CAST(j.value->>0 AS BIGINT) AND a.sha256_contenido = j.value->>1",
    );
    let aceptados: Vec<FilaAceptado> = con!(*conn, c =>
        sqlx::query_as(sql).bind(json(&pares)?).fetch_all(&mut **c).await)?;
    for a in aceptados {
        if let Some(expediente) = expedientes.get_mut(&a.reporte_id) {
            let clave = Aceptado {
                sha256_contenido: a.sha256_contenido,
                version_base: a.version_base,
            };
            expediente.aceptados.insert(clave, a.version);
        }
    }
    abiertos(conn, expedientes).await?;
    historia(conn, expedientes, items).await
}

async fn abiertos(
    conn: &mut Conn<'_>,
    expedientes: &mut HashMap<i64, Expediente>,
) -> Result<(), Fallo> {
    let con_conflicto: Vec<i64> = expedientes
        .iter()
        .filter(|(_, e)| e.leido.reporte.sync_status == SyncStatus::Conflicto)
        .map(|(id, _)| *id)
        .collect();
    if con_conflicto.is_empty() {
        return Ok(());
    }
    let sql = conn.elige(
        "SELECT id, reporte_id, sha256_contenido, version_base, base FROM conflictos
         WHERE resuelto IS NULL AND reporte_id IN (SELECT value FROM json_each($1))",
        "SELECT id, reporte_id, sha256_contenido, version_base, base FROM conflictos
         WHERE resuelto IS NULL AND reporte_id IN
            (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))",
    );
    let filas: Vec<FilaAbierto> = con!(*conn, c =>
        sqlx::query_as(sql).bind(json(&con_conflicto)?).fetch_all(&mut **c).await)?;
    for a in filas {
        let base = a.base.as_deref().map(serde_json::from_str).transpose();
        let base = base.map_err(|_| Fallo::Dato(format!("conflicto {}", a.id)))?;
        if let Some(expediente) = expedientes.get_mut(&a.reporte_id) {
            let clave = Aceptado {
                sha256_contenido: a.sha256_contenido,
                version_base: a.version_base,
            };
            let id = Some(a.id);
            expediente.abiertos.insert(clave, Abierto { id, base });
        }
    }
    Ok(())
}

/// Only what came after the oldest `version_base` that an item names: most name the last version.
async fn historia(
    conn: &mut Conn<'_>,
    expedientes: &mut HashMap<i64, Expediente>,
    items: &[(i64, &ReporteNuevo)],
) -> Result<(), Fallo> {
    let mut desde: HashMap<i64, i64> = HashMap::new();
    for (id, enviado) in items {
        let version = expedientes.get(id).map_or(0, |e| e.leido.reporte.version);
        if let Some(base) = enviado.version_base.filter(|b| (1..version).contains(b)) {
            let desde = desde.entry(*id).or_insert(base);
            *desde = base.min(*desde);
        }
    }
    if desde.is_empty() {
        return Ok(());
    }
    let pares: Vec<(i64, i64)> = desde.into_iter().collect();
    // A version is the number of entries that led to it.
    let sql = conn.elige(
        "SELECT b.reporte_id, b.canonica FROM json_each($1) j JOIN bitacora b
           ON b.reporte_id = json_extract(j.value, '$[0]') AND b.n > json_extract(j.value, '$[1]')
         ORDER BY b.reporte_id, b.n",
        "SELECT b.reporte_id, b.canonica FROM json_array_elements(CAST($1 AS JSON)) j JOIN bitacora b
           ON b.reporte_id = CAST(j.value->>0 AS BIGINT) AND b.n > CAST(j.value->>1 AS BIGINT)
         ORDER BY b.reporte_id, b.n",
    );
    let filas: Vec<(i64, String)> = con!(*conn, c =>
        sqlx::query_as(sql).bind(json(&pares)?).fetch_all(&mut **c).await)?;
    for (id, canonica) in filas {
        let entrada: Entrada = serde_json::from_str(&canonica)
            .map_err(|_| Fallo::Dato(format!("bitácora del reporte {id}")))?;
        if let Some(expediente) = expedientes.get_mut(&id) {
            expediente.historia.push((entrada.version, entrada.antes));
        }
    }
    Ok(())
}
