//! Reports come in.

use std::{collections::HashSet, ops::Range, sync::Arc};

use sigra_domain::{
    Evento, Instante, Quien, Zona,
    bitacora::{Accion, Cabeza, FieldValues, GENESIS},
    catalogo,
    reporte::{EstadoArchivo, Estados, NewReporte, Reporte, status_without_conflicto},
};

use super::{
    ReporteRef, ReporteRefusal, StoredArchivo, StoredReporte,
    change::{AcceptedContent, ArchivoIds, ReporteWrite, UBICACION_UNCHANGED, insert},
    entry::{ChangeDetails, ChangeRecord},
    get::find,
};
use crate::{
    Env, Refused, Store, StoreError, Tx, Write, batcher::Batcher, db::with_conn,
    idempotency::Authorize,
};

/// Creates a report, once: the same uuid and content again answers with the first one. All that can
/// be made of it beforehand is made before its transaction.
#[derive(Debug)]
pub struct CreateReporte {
    /// The author's name, for the answer.
    autor: String,
    enviado: NewReporte,
    nueva: ReporteWrite,
}

/// What became of it.
#[derive(Debug)]
pub struct CreatedReporte {
    pub leido: StoredReporte,
    /// False when it was there already.
    pub es_nuevo: bool,
}

impl CreateReporte {
    /// As of now. `autor` is the author's name.
    pub fn new(
        store: &Store,
        quien: &Quien,
        autor: String,
        enviado: NewReporte,
        zona: &Zona,
    ) -> Result<Self, StoreError> {
        let nueva = first_version(
            store.env(),
            quien,
            new_reporte(quien, &enviado, zona, store.env().now()),
            &enviado,
        )?;
        Ok(Self {
            autor,
            enviado,
            nueva,
        })
    }

    fn created(&self, id: i64, archivos: &ArchivoIds) -> Result<CreatedReporte, StoreError> {
        Ok(CreatedReporte {
            leido: as_loaded(&self.nueva.reporte, id, archivos, &self.autor)?,
            es_nuevo: true,
        })
    }

    /// The uuid is taken, or the site no longer uses what the report names: it may be the very
    /// report that is there already.
    async fn no_creado(&self, tx: &mut Tx<'_>) -> Result<CreatedReporte, Refused<ReporteRefusal>> {
        let en_desuso = &self.enviado.en_desuso;
        match self.find_existing(tx).await? {
            Some(creado) => Ok(creado),
            None if en_desuso.is_empty() => {
                Err(StoreError::Interno("un uuid repetido desapareció").into())
            }
            None => Err(ReporteRefusal::EnDesuso(en_desuso.clone()).into()),
        }
    }

    /// Whether the uuid is taken: by this very report, or by another.
    async fn find_existing(
        &self,
        tx: &mut Tx<'_>,
    ) -> Result<Option<CreatedReporte>, Refused<ReporteRefusal>> {
        let target = ReporteRef::Uuid(self.enviado.uuid_cliente.clone());
        let Some(leido) = find(&mut tx.conn, &target, false).await? else {
            return Ok(None);
        };
        let actual = &leido.reporte;
        if actual.rut != self.nueva.reporte.rut {
            return Err(ReporteRefusal::UuidEnConflicto(None).into());
        }
        if actual.retirado_en.is_some() {
            return Err(ReporteRefusal::Retirado.into());
        }
        let aceptado: Option<i64> = with_conn!(tx.conn, c => sqlx::query_scalar(
            "SELECT min(version) FROM aceptados WHERE reporte_id = $1 AND sha256_contenido IN ($2, $3)")
            .bind(actual.id).bind(self.enviado.sha256_contenido.as_str())
            .bind(format!("{}{UBICACION_UNCHANGED}", self.enviado.sha256_contenido))
            .fetch_one(&mut **c).await)?;
        if aceptado.is_some() || actual.sha256_contenido == self.enviado.sha256_contenido {
            Ok(Some(CreatedReporte {
                leido,
                es_nuevo: false,
            }))
        } else {
            Err(ReporteRefusal::UuidEnConflicto(Some(Box::new(leido))).into())
        }
    }
}

/// What is written of a report that nobody has sent before.
pub(crate) fn first_version(
    env: &Env,
    quien: &Quien,
    mut reporte: Reporte,
    enviado: &NewReporte,
) -> Result<ReporteWrite, StoreError> {
    let done = ChangeDetails {
        accion: Accion::Crear,
        detalle: None,
        cambios: (FieldValues::new(), reporte.values()),
        area_antes: None,
        evento: Evento::ReporteCreado,
    };
    let ahora = reporte.hora_sincronizado;
    let registro = ChangeRecord::new(&mut reporte, quien, ahora, done)?;
    let mut nueva = ReporteWrite::new(None, reporte, registro, env.random_i64());
    nueva.aceptado = Some(AcceptedContent::from_sent(enviado));
    Ok(nueva)
}

/// A new report as it will be read, with the ids it was given.
pub(crate) fn as_loaded(
    reporte: &Reporte,
    id: i64,
    archivos: &ArchivoIds,
    autor: &str,
) -> Result<StoredReporte, StoreError> {
    let suyos = reporte.contenido.multimedia.iter().flatten();
    let suyos = suyos.map(|a| {
        let id = archivos.get(&(id, a.uuid_cliente.clone())).copied();
        Ok(StoredArchivo {
            id: id.ok_or(StoreError::Interno("un archivo quedó sin fila"))?,
            archivo: a.clone(),
            estado: EstadoArchivo::Pendiente,
        })
    });
    Ok(StoredReporte {
        archivos: suyos.collect::<Result<_, StoreError>>()?,
        autor: autor.to_owned(),
        reporte: Reporte {
            id,
            ..reporte.clone()
        },
    })
}

/// The report that a phone's first item makes.
pub(crate) fn new_reporte(quien: &Quien, n: &NewReporte, zona: &Zona, ahora: Instante) -> Reporte {
    let hora_creado = n.hora_creado.unwrap_or(ahora);
    Reporte {
        id: 0,
        uuid_cliente: n.uuid_cliente.clone(),
        rut: quien.rut,
        contenido: n.contenido.clone(),
        estado_id: catalogo::PENDIENTE,
        decision: None,
        device_id: n.device_id.clone(),
        fecha_reporte: n.fecha_reporte.unwrap_or_else(|| zona.fecha(hora_creado)),
        hora_creado,
        hora_sincronizado: ahora,
        hora_actualizado: ahora,
        last_sync_attempt: None,
        sync_status: status_without_conflicto(&n.contenido, &Estados::new()),
        archivos: Estados::new(),
        sha256_contenido: n.sha256_contenido.clone(),
        comentarios: 0,
        acciones: std::collections::BTreeMap::new(),
        version: 1,
        retirado_en: None,
        cabeza: Cabeza {
            entradas: 0,
            hash: GENESIS.to_owned(),
        },
    }
}

impl Write for CreateReporte {
    type Out = CreatedReporte;
    type Err = Refused<ReporteRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<CreatedReporte, Refused<ReporteRefusal>> {
        let suerte = create(tx, std::slice::from_ref(self)).await?.pop();
        suerte.unwrap_or(Err(
            StoreError::Interno("un reporte quedó sin suerte").into()
        ))
    }
}

impl Authorize for CreateReporte {
    /// Anybody signed in may report a danger.
    async fn authorize(&self, _: &mut Tx<'_>) -> Result<(), Refused<ReporteRefusal>> {
        Ok(())
    }
}

type CreateResult = Result<CreatedReporte, Refused<ReporteRefusal>>;

/// Creates each as if alone, one after the other. A refusal has written nothing; a failure of the
/// database is everybody's.
async fn create(tx: &mut Tx<'_>, lote: &[CreateReporte]) -> Result<Vec<CreateResult>, StoreError> {
    let mut vistos = HashSet::new();
    let primeras: Vec<bool> = lote
        .iter()
        .map(|c| c.enviado.en_desuso.is_empty() && vistos.insert(&c.enviado.uuid_cliente))
        .collect();
    let nuevas: Vec<&ReporteWrite> = lote
        .iter()
        .zip(&primeras)
        .filter_map(|(c, primera)| primera.then_some(&c.nueva))
        .collect();
    let (ids, archivos) = insert(tx, &nuevas).await?;
    let mut outcomes = Vec::with_capacity(lote.len());
    for (c, primera) in lote.iter().zip(primeras) {
        let id = ids.get(&c.enviado.uuid_cliente).filter(|_| primera);
        let suerte = match id {
            Some(id) => Ok(c.created(*id, &archivos)?),
            None => c.no_creado(tx).await,
        };
        if let Err(Refused::Store(failure)) = suerte {
            return Err(failure);
        }
        outcomes.push(suerte);
    }
    Ok(outcomes)
}

/// Creations that share a transaction: some of those that came in together.
struct CreateReportes {
    lote: Arc<Vec<CreateReporte>>,
    estos: Range<usize>,
}

impl Write for CreateReportes {
    type Out = Vec<CreateResult>;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<CreateResult>, StoreError> {
        create(tx, &self.lote[self.estos.clone()]).await
    }
}

/// Where new reports come in. Those that arrive at the same time share a transaction, which on
/// either database is most of what one costs.
pub struct CreateBatcher(Batcher<CreateReporte, CreateResult>);

impl CreateBatcher {
    pub fn new(store: Store) -> Self {
        Self(Batcher::new(move |lote| {
            create_batch(store.clone(), Arc::new(lote))
        }))
    }

    /// Answers once it is durable, as [`Store::write`] does.
    pub async fn create(
        &self,
        creacion: CreateReporte,
    ) -> Result<CreatedReporte, Refused<ReporteRefusal>> {
        let suerte = self.0.submit(creacion).await;
        suerte.unwrap_or_else(|| Err(StoreError::Interno("una escritura se interrumpió").into()))
    }
}

async fn create_batch(store: Store, lote: Arc<Vec<CreateReporte>>) -> Vec<CreateResult> {
    let estos = |estos| CreateReportes {
        lote: Arc::clone(&lote),
        estos,
    };
    match store.write(estos(0..lote.len())).await {
        Ok(outcomes) => outcomes,
        Err(failure) if lote.len() == 1 => vec![Err(failure.into())],
        // Each alone would wait as long again.
        Err(failure @ StoreError::NoDisponible(_)) => {
            tracing::warn!(%failure, reportes = lote.len(), "no se pudo guardar un lote");
            let a_todos = lote.iter().map(|_| Err(failure.for_waiter().into()));
            a_todos.collect()
        }
        // Nobody pays for a neighbour.
        Err(failure) => {
            tracing::warn!(%failure, reportes = lote.len(), "un lote se guarda de a uno");
            let mut outcomes = Vec::with_capacity(lote.len());
            for i in 0..lote.len() {
                match store.write(estos(i..i + 1)).await {
                    Ok(suya) => outcomes.extend(suya),
                    Err(failure) => outcomes.push(Err(failure.into())),
                }
            }
            outcomes
        }
    }
}
