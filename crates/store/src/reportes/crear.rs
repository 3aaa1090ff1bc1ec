//! Reports come in.

use std::{collections::HashSet, ops::Range, sync::Arc};

use sigra_domain::{
    Instante, Quien, Zona,
    bitacora::{Accion, Cabeza, GENESIS, Valores},
    catalogo,
    reporte::{EstadoArchivo, Estados, Reporte, ReporteNuevo, sin_conflicto},
};

use super::{
    ArchivoLeido, Cual, Rechazo, ReporteLeido,
    leer::busca,
    lote::{Aceptado, Escritura, IdsDeArchivos, SIN_UBICACION, inserta},
    registro::{Hecho, Registro},
};
use crate::{Entorno, Fallo, Store, Tx, Write, db::con, idempotencia::Autoriza, reunion::Reunion};

/// Creates a report, once: the same uuid and content again answers with the first one. All that can
/// be made of it beforehand is made before its transaction.
#[derive(Debug)]
pub struct CrearReporte {
    /// The author's name, for the answer.
    autor: String,
    enviado: ReporteNuevo,
    nueva: Escritura,
}

/// What became of it.
#[derive(Debug)]
pub struct Creado {
    pub leido: ReporteLeido,
    /// False when it was there already.
    pub es_nuevo: bool,
}

impl CrearReporte {
    /// As of now. `autor` is the author's name.
    pub fn nueva(
        store: &Store,
        quien: &Quien,
        autor: String,
        enviado: ReporteNuevo,
        zona: &Zona,
    ) -> Result<Self, Fallo> {
        let nueva = primera(
            store.entorno(),
            quien,
            reporte(quien, &enviado, zona, store.entorno().ahora()),
            &enviado,
        )?;
        Ok(Self {
            autor,
            enviado,
            nueva,
        })
    }

    fn creado(&self, id: i64, archivos: &IdsDeArchivos) -> Result<Creado, Fallo> {
        Ok(Creado {
            leido: leido(&self.nueva.reporte, id, archivos, &self.autor)?,
            es_nuevo: true,
        })
    }

    /// The uuid is taken, or the site no longer uses what the report names: it may be the very
    /// report that is there already.
    async fn no_creado(&self, tx: &mut Tx<'_>) -> Result<Creado, Rechazo> {
        let en_desuso = &self.enviado.en_desuso;
        match self.repetido(tx).await? {
            Some(creado) => Ok(creado),
            None if en_desuso.is_empty() => {
                Err(Fallo::Interno("un uuid repetido desapareció").into())
            }
            None => Err(Rechazo::EnDesuso(en_desuso.clone())),
        }
    }

    /// Whether the uuid is taken: by this very report, or by another.
    async fn repetido(&self, tx: &mut Tx<'_>) -> Result<Option<Creado>, Rechazo> {
        let cual = Cual::Uuid(self.enviado.uuid_cliente.clone());
        let Some(leido) = busca(&mut tx.conn, &cual, false).await? else {
            return Ok(None);
        };
        let actual = &leido.reporte;
        if actual.rut != self.nueva.reporte.rut {
            return Err(Rechazo::UuidEnConflicto(None));
        }
        if actual.retirado_en.is_some() {
            return Err(Rechazo::Retirado);
        }
        let aceptado: Option<i64> = con!(tx.conn, c => sqlx::query_scalar(
            "SELECT min(version) FROM aceptados WHERE reporte_id = $1 AND sha256_contenido IN ($2, $3)")
            .bind(actual.id).bind(self.enviado.sha256_contenido.as_str())
            .bind(format!("{}{SIN_UBICACION}", self.enviado.sha256_contenido))
            .fetch_one(&mut **c).await)?;
        if aceptado.is_some() || actual.sha256_contenido == self.enviado.sha256_contenido {
            Ok(Some(Creado {
                leido,
                es_nuevo: false,
            }))
        } else {
            Err(Rechazo::UuidEnConflicto(Some(Box::new(leido))))
        }
    }
}

/// What is written of a report that nobody has sent before.
pub(crate) fn primera(
    entorno: &Entorno,
    quien: &Quien,
    mut reporte: Reporte,
    enviado: &ReporteNuevo,
) -> Result<Escritura, Fallo> {
    let hecho = Hecho {
        accion: Accion::Crear,
        detalle: None,
        cambios: (Valores::new(), reporte.valores()),
        area_antes: None,
        evento: "reporte.creado",
    };
    let ahora = reporte.hora_sincronizado;
    let registro = Registro::nuevo(&mut reporte, quien, ahora, hecho)?;
    let mut nueva = Escritura::nueva(None, reporte, registro, entorno.azar_i64());
    nueva.aceptado = Some(Aceptado::de(enviado));
    Ok(nueva)
}

/// A new report as it will be read, with the ids it was given.
pub(crate) fn leido(
    reporte: &Reporte,
    id: i64,
    archivos: &IdsDeArchivos,
    autor: &str,
) -> Result<ReporteLeido, Fallo> {
    let suyos = reporte.contenido.multimedia.iter().flatten();
    let suyos = suyos.map(|a| {
        let id = archivos.get(&(id, a.uuid_cliente.clone())).copied();
        Ok(ArchivoLeido {
            id: id.ok_or(Fallo::Interno("un archivo quedó sin fila"))?,
            archivo: a.clone(),
            estado: EstadoArchivo::Pendiente,
        })
    });
    Ok(ReporteLeido {
        archivos: suyos.collect::<Result<_, Fallo>>()?,
        autor: autor.to_owned(),
        reporte: Reporte {
            id,
            ..reporte.clone()
        },
    })
}

/// The report that a phone's first item makes.
pub(crate) fn reporte(quien: &Quien, n: &ReporteNuevo, zona: &Zona, ahora: Instante) -> Reporte {
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
        sync_status: sin_conflicto(&n.contenido, &Estados::new()),
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

impl Write for CrearReporte {
    type Out = Creado;
    type Err = Rechazo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Creado, Rechazo> {
        let suerte = crea(tx, std::slice::from_ref(self)).await?.pop();
        suerte.unwrap_or(Err(Fallo::Interno("un reporte quedó sin suerte").into()))
    }
}

impl Autoriza for CrearReporte {
    /// Anybody signed in may report a danger.
    async fn autoriza(&self, _: &mut Tx<'_>) -> Result<(), Rechazo> {
        Ok(())
    }
}

type Suerte = Result<Creado, Rechazo>;

/// Creates each as if alone, one after the other. A refusal has written nothing; a failure of the
/// database is everybody's.
async fn crea(tx: &mut Tx<'_>, lote: &[CrearReporte]) -> Result<Vec<Suerte>, Fallo> {
    let mut vistos = HashSet::new();
    let primeras: Vec<bool> = lote
        .iter()
        .map(|c| c.enviado.en_desuso.is_empty() && vistos.insert(&c.enviado.uuid_cliente))
        .collect();
    let nuevas: Vec<&Escritura> = lote
        .iter()
        .zip(&primeras)
        .filter_map(|(c, primera)| primera.then_some(&c.nueva))
        .collect();
    let (ids, archivos) = inserta(tx, &nuevas).await?;
    let mut suertes = Vec::with_capacity(lote.len());
    for (c, primera) in lote.iter().zip(primeras) {
        let id = ids.get(&c.enviado.uuid_cliente).filter(|_| primera);
        let suerte = match id {
            Some(id) => Ok(c.creado(*id, &archivos)?),
            None => c.no_creado(tx).await,
        };
        if let Err(Rechazo::Fallo(fallo)) = suerte {
            return Err(fallo);
        }
        suertes.push(suerte);
    }
    Ok(suertes)
}

/// Creations that share a transaction: some of those that came in together.
struct CrearJuntos {
    lote: Arc<Vec<CrearReporte>>,
    estos: Range<usize>,
}

impl Write for CrearJuntos {
    type Out = Vec<Suerte>;
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Suerte>, Fallo> {
        crea(tx, &self.lote[self.estos.clone()]).await
    }
}

/// Where new reports come in. Those that arrive at the same time share a transaction, which on
/// either database is most of what one costs.
pub struct Entrada(Reunion<CrearReporte, Suerte>);

impl Entrada {
    pub fn nueva(store: Store) -> Self {
        Self(Reunion::nueva(move |lote| {
            recibe(store.clone(), Arc::new(lote))
        }))
    }

    /// Answers once it is durable, as [`Store::escribir`] does.
    pub async fn crea(&self, creacion: CrearReporte) -> Result<Creado, Rechazo> {
        let suerte = self.0.pide(creacion).await;
        suerte.unwrap_or_else(|| Err(Fallo::Interno("una escritura se interrumpió").into()))
    }
}

async fn recibe(store: Store, lote: Arc<Vec<CrearReporte>>) -> Vec<Suerte> {
    let estos = |estos| CrearJuntos {
        lote: Arc::clone(&lote),
        estos,
    };
    match store.escribir(estos(0..lote.len())).await {
        Ok(suertes) => suertes,
        Err(fallo) if lote.len() == 1 => vec![Err(fallo.into())],
        // Each alone would wait as long again.
        Err(fallo @ Fallo::NoDisponible(_)) => {
            tracing::warn!(%fallo, reportes = lote.len(), "no se pudo guardar un lote");
            let a_todos = lote.iter().map(|_| Err(fallo.para_otro().into()));
            a_todos.collect()
        }
        // Nobody pays for a neighbour.
        Err(fallo) => {
            tracing::warn!(%fallo, reportes = lote.len(), "un lote se guarda de a uno");
            let mut suertes = Vec::with_capacity(lote.len());
            for i in 0..lote.len() {
                match store.escribir(estos(i..i + 1)).await {
                    Ok(suya) => suertes.extend(suya),
                    Err(fallo) => suertes.push(Err(fallo.into())),
                }
            }
            suertes
        }
    }
}
