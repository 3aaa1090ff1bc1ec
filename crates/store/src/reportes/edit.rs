//! A report is edited, decided or withdrawn.

use std::sync::Arc;

use sigra_domain::{
    Evento, Quien,
    bitacora::{Accion, diff},
    catalogo::Catalogo,
    reporte::{EditDenied, ReporteChange},
};

use super::{
    ReporteRef, ReporteRefusal, StoredReporte,
    change::{ReporteWrite, update},
    entry::{ChangeDetails, ChangeRecord},
    get::find,
};
use crate::{
    Refused, StoreError, Tx, Write, bitacora::read_entradas, db::with_conn, idempotency::Authorize,
};

/// Edits content or state, when nobody else did since the version the caller saw.
#[derive(Debug)]
pub struct EditReporte {
    pub quien: Quien,
    pub id: i64,
    pub cambio: ReporteChange,
    /// The version the caller saw.
    pub version: i64,
    pub catalogo: Arc<Catalogo>,
}

/// Approves or rejects; the version is optional.
#[derive(Debug)]
pub struct DecideReporte {
    pub quien: Quien,
    pub id: i64,
    pub estado_id: i64,
    pub detalle: Option<String>,
    pub version: Option<i64>,
    pub catalogo: Arc<Catalogo>,
}

/// Withdraws: the row stays as a tombstone, with its bitácora.
#[derive(Debug)]
pub struct Retirar {
    pub quien: Quien,
    pub id: i64,
    pub detalle: String,
    pub version: i64,
}

/// The report, locked, if the caller may know of it.
pub(super) async fn find_visible(
    tx: &mut Tx<'_>,
    quien: &Quien,
    id: i64,
) -> Result<StoredReporte, Refused<ReporteRefusal>> {
    find(&mut tx.conn, &ReporteRef::Id(id), true)
        .await?
        .filter(|l| quien.can_see(l.reporte.rut, l.reporte.contenido.area_id))
        .ok_or(ReporteRefusal::NoEncontrado.into())
}

pub(super) fn no_retirado(leido: StoredReporte) -> Result<StoredReporte, Refused<ReporteRefusal>> {
    if leido.reporte.retirado_en.is_some() {
        Err(ReporteRefusal::Retirado.into())
    } else {
        Ok(leido)
    }
}

impl Write for EditReporte {
    type Out = StoredReporte;
    type Err = Refused<ReporteRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<StoredReporte, Refused<ReporteRefusal>> {
        let leido = no_retirado(find_visible(tx, &self.quien, self.id).await?)?;
        if leido.reporte.version != self.version {
            let entradas = read_entradas(&mut tx.conn, self.id).await?;
            return if self
                .cambio
                .is_already_done(&entradas, self.version, &self.quien)
            {
                Ok(leido)
            } else {
                Err(ReporteRefusal::VersionDesfasada(Box::new(leido)).into())
            };
        }
        self.cambio
            .check_allowed(&self.quien, &leido.reporte, &self.catalogo)
            .map_err(refusal_from)?;
        apply_change(tx, &self.quien, leido, &self.cambio, &self.catalogo).await
    }
}

impl Authorize for EditReporte {
    async fn authorize(&self, tx: &mut Tx<'_>) -> Result<(), Refused<ReporteRefusal>> {
        find_visible(tx, &self.quien, self.id).await.map(drop)
    }
}

impl Write for DecideReporte {
    type Out = StoredReporte;
    type Err = Refused<ReporteRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<StoredReporte, Refused<ReporteRefusal>> {
        let leido = no_retirado(self.load_decidable(tx).await?)?;
        if leido.reporte.estado_id == self.estado_id && self.decided_by_caller(tx).await? {
            return Ok(leido);
        }
        if self.version.is_some_and(|v| v != leido.reporte.version) {
            return Err(ReporteRefusal::VersionDesfasada(Box::new(leido)).into());
        }
        if leido.reporte.estado_id == self.estado_id {
            return Err(ReporteRefusal::TransicionNoPermitida.into());
        }
        let cambio = ReporteChange::from_estado(self.estado_id, self.detalle.clone(), self.version);
        cambio
            .check_allowed(&self.quien, &leido.reporte, &self.catalogo)
            .map_err(refusal_from)?;
        apply_change(tx, &self.quien, leido, &cambio, &self.catalogo).await
    }
}

impl DecideReporte {
    async fn load_decidable(
        &self,
        tx: &mut Tx<'_>,
    ) -> Result<StoredReporte, Refused<ReporteRefusal>> {
        let leido = find_visible(tx, &self.quien, self.id).await?;
        if self.quien.can_decide(leido.reporte.contenido.area_id) {
            Ok(leido)
        } else {
            Err(ReporteRefusal::SinPermiso.into())
        }
    }

    /// Whether the last change of state is the caller's own.
    async fn decided_by_caller(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let quien: Option<i64> = with_conn!(tx.conn, c => sqlx::query_scalar(
            "SELECT rut FROM bitacora WHERE reporte_id = $1 AND accion = $2 ORDER BY n DESC LIMIT 1")
            .bind(self.id).bind(Accion::CambiarEstado.name())
            .fetch_optional(&mut **c).await)?;
        Ok(quien == Some(self.quien.rut.body()))
    }
}

impl Authorize for DecideReporte {
    async fn authorize(&self, tx: &mut Tx<'_>) -> Result<(), Refused<ReporteRefusal>> {
        self.load_decidable(tx).await.map(drop)
    }
}

impl Write for Retirar {
    type Out = ();
    type Err = Refused<ReporteRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Refused<ReporteRefusal>> {
        self.authorize(tx).await?;
        let leido = find_visible(tx, &self.quien, self.id).await?;
        if leido.reporte.retirado_en.is_some() {
            // The same withdrawal again, after a lost answer.
            let entradas = read_entradas(&mut tx.conn, self.id).await?;
            let repetido = entradas.last().is_some_and(|e| {
                e.rut == self.quien.rut
                    && e.version == self.version.saturating_add(1)
                    && e.detalle.as_ref() == Some(&self.detalle)
            });
            return if repetido {
                Ok(())
            } else {
                Err(ReporteRefusal::Retirado.into())
            };
        }
        if leido.reporte.version != self.version {
            return Err(ReporteRefusal::VersionDesfasada(Box::new(leido)).into());
        }
        let viejo = leido.reporte;
        let mut reporte = viejo.clone();
        reporte.version += 1;
        reporte.retirado_en = Some(tx.ahora);
        reporte.hora_actualizado = tx.ahora;
        let cambios = diff(&viejo.values(), &reporte.values());
        let done = ChangeDetails {
            accion: Accion::Retirar,
            detalle: Some(self.detalle.clone()),
            cambios,
            area_antes: Some(reporte.contenido.area_id),
            evento: Evento::ReporteCambiado,
        };
        let registro = ChangeRecord::new(&mut reporte, &self.quien, tx.ahora, done)?;
        let escritura = ReporteWrite::new(Some(&viejo), reporte, registro, tx.env.random_i64());
        update(tx, &[&escritura]).await?;
        Ok(())
    }
}

impl Authorize for Retirar {
    async fn authorize(&self, tx: &mut Tx<'_>) -> Result<(), Refused<ReporteRefusal>> {
        find_visible(tx, &self.quien, self.id).await?;
        if self.quien.can_retirar() {
            Ok(())
        } else {
            Err(ReporteRefusal::SinPermiso.into())
        }
    }
}

fn refusal_from(e: EditDenied) -> ReporteRefusal {
    match e {
        EditDenied::SinPermiso => ReporteRefusal::SinPermiso,
        EditDenied::Decidido => ReporteRefusal::Decidido,
        EditDenied::Transicion => ReporteRefusal::TransicionNoPermitida,
        EditDenied::EnDesuso(errores) => ReporteRefusal::EnDesuso(errores),
    }
}

/// Applies a permitted change. One that changes nothing writes nothing.
async fn apply_change(
    tx: &mut Tx<'_>,
    quien: &Quien,
    leido: StoredReporte,
    cambio: &ReporteChange,
    catalogo: &Catalogo,
) -> Result<StoredReporte, Refused<ReporteRefusal>> {
    let viejo = &leido.reporte;
    let mut reporte = viejo.clone();
    reporte.contenido = cambio.new_contenido(&viejo.contenido);
    if let Some(estado_id) = cambio.estado_id.filter(|e| *e != viejo.estado_id) {
        reporte.set_estado(estado_id, catalogo, tx.ahora);
    }
    if reporte.contenido != viejo.contenido {
        reporte.sha256_contenido = reporte.contenido.sha256();
    }
    let (antes, despues) = diff(&viejo.values(), &reporte.values());
    if despues.is_empty() {
        return Ok(leido);
    }
    reporte.version += 1;
    reporte.hora_actualizado = tx.ahora;
    let cambia_estado = despues.contains_key("estado_id");
    let decidido = cambia_estado && catalogo.is_decided(reporte.estado_id);
    let done = ChangeDetails {
        accion: if cambia_estado {
            Accion::CambiarEstado
        } else {
            Accion::Editar
        },
        detalle: cambio.detalle.clone(),
        cambios: (antes, despues),
        area_antes: Some(viejo.contenido.area_id),
        evento: if decidido {
            Evento::ReporteDecidido
        } else {
            Evento::ReporteCambiado
        },
    };
    let registro = ChangeRecord::new(&mut reporte, quien, tx.ahora, done)?;
    let escritura = ReporteWrite::new(Some(viejo), reporte, registro, tx.env.random_i64());
    update(tx, &[&escritura]).await?;
    Ok(StoredReporte {
        reporte: escritura.reporte,
        ..leido
    })
}
