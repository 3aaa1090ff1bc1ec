//! Somebody decides about a conflict.

use std::sync::Arc;

use sigra_domain::{
    Evento, FieldError, Quien,
    bitacora::{Accion, Entrada},
    catalogo::Catalogo,
    reporte::{SyncStatus, status_without_conflicto},
    sync::{Decision, DecisionDenied, resolve},
};

use super::{
    batch::judge::new_archivos,
    batch::reporte_state::ReporteState,
    conflicts::{ConflictoRow, find},
};
use crate::{
    Reason, Refused, StoreError, Tx, Write,
    db::with_conn,
    reportes::{
        ReporteRef, StoredReporte,
        change::{insert_archivos, update},
        get,
    },
};

/// Carries out a decision, when nobody changed the report since the version the caller saw.
#[derive(Debug)]
pub struct ResolveConflicto {
    pub quien: Quien,
    pub id: i64,
    pub decision: Decision,
    /// The version the caller saw.
    pub version: i64,
    pub catalogo: Arc<Catalogo>,
}

/// Why not. Nothing was written.
#[derive(Debug)]
pub enum ConflictoRefusal {
    NoEncontrado,
    Retirado,
    /// Somebody decided otherwise before.
    Resuelto,
    /// The report is decided: only `servidor` is left.
    Decidido,
    VersionDesfasada(Box<StoredReporte>),
    Datos(Vec<FieldError>),
}

impl Reason for ConflictoRefusal {}

impl Write for ResolveConflicto {
    type Out = StoredReporte;
    type Err = Refused<ConflictoRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<StoredReporte, Refused<ConflictoRefusal>> {
        let (conflicto, leido) = self.find_visible(tx).await?;
        let actual = &leido.reporte;
        if actual.retirado_en.is_some() {
            return Err(ConflictoRefusal::Retirado.into());
        }
        if conflicto.conflicto_resuelto.is_some() {
            return if self.is_repeat(tx, &conflicto).await? {
                Ok(leido)
            } else {
                Err(ConflictoRefusal::Resuelto.into())
            };
        }
        if actual.version != self.version {
            return Err(ConflictoRefusal::VersionDesfasada(Box::new(leido)).into());
        }
        self.apply(tx, conflicto, leido).await
    }
}

impl ResolveConflicto {
    /// The conflict and its report, locked, if the caller may know of them. Whoever may see a report
    /// is its author or may decide it.
    async fn find_visible(
        &self,
        tx: &mut Tx<'_>,
    ) -> Result<(ConflictoRow, StoredReporte), Refused<ConflictoRefusal>> {
        let no = Refused::Reason(ConflictoRefusal::NoEncontrado);
        let Some(conflicto) = find(&mut tx.conn, self.id).await? else {
            return Err(no);
        };
        let target = ReporteRef::Id(conflicto.conflicto_reporte);
        let leido = get::find(&mut tx.conn, &target, true).await?;
        let Some(leido) = leido.filter(|l| {
            self.quien
                .can_see(l.reporte.rut, l.reporte.contenido.area_id)
        }) else {
            return Err(no);
        };
        // Once more: it may have been resolved while the report's lock was waited for.
        let conflicto = find(&mut tx.conn, self.id).await?;
        conflicto.map(|c| (c, leido)).ok_or(no)
    }

    /// Whether this is the decision that was made, sent again by who made it.
    async fn is_repeat(
        &self,
        tx: &mut Tx<'_>,
        conflicto: &ConflictoRow,
    ) -> Result<bool, StoreError> {
        let igual = conflicto.conflicto_rut == Some(self.quien.rut.body())
            && conflicto.conflicto_decision.as_deref() == Some(self.decision.name());
        if !igual || !matches!(self.decision, Decision::Mezcla(_)) {
            return Ok(igual);
        }
        // The side that each field got is in the bitácora alone.
        let entradas: Vec<String> = with_conn!(tx.conn, c => sqlx::query_scalar(
            "SELECT canonica FROM bitacora WHERE reporte_id = $1 AND accion = $2")
            .bind(conflicto.conflicto_reporte).bind(Accion::ResolverConflicto.name())
            .fetch_all(&mut **c).await)?;
        let detalle = Some(self.detalle());
        Ok(entradas
            .iter()
            .filter_map(|canonica| serde_json::from_str::<Entrada>(canonica).ok())
            .any(|e| e.detalle == detalle))
    }

    fn detalle(&self) -> String {
        format!("conflicto {}: {}", self.id, self.decision.detalle())
    }

    async fn apply(
        &self,
        tx: &mut Tx<'_>,
        conflicto: ConflictoRow,
        leido: StoredReporte,
    ) -> Result<StoredReporte, Refused<ConflictoRefusal>> {
        let (enviado, base) = conflicto.sides(&leido.reporte.uuid_cliente)?;
        let contenido = resolve(
            &self.decision,
            &enviado,
            &leido.reporte,
            base.as_ref(),
            &self.catalogo,
        )
        .map_err(|e| match e {
            DecisionDenied::Decidido => ConflictoRefusal::Decidido,
            DecisionDenied::Datos(errores) => ConflictoRefusal::Datos(errores),
        })?;
        with_conn!(tx.conn, c => sqlx::query(
            "UPDATE conflictos SET resuelto = $2, decision = $3, rut_resolvio = $4 WHERE id = $1")
            .bind(self.id).bind(tx.ahora.0).bind(self.decision.name())
            .bind(self.quien.rut.body()).execute(&mut **c).await.map(drop))?;
        let quedan: bool = with_conn!(tx.conn, c => sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM conflictos WHERE reporte_id = $1 AND resuelto IS NULL)")
            .bind(leido.reporte.id).fetch_one(&mut **c).await)?;
        let nuevos = new_archivos(&leido, contenido.multimedia.as_deref());
        let id = leido.reporte.id;
        let mut e = ReporteState::without_history(leido);
        e.add_archivos(&contenido);
        let mut reporte = e.leido.reporte.clone();
        reporte.sync_status = if quedan {
            SyncStatus::Conflicto
        } else {
            status_without_conflicto(&contenido, &reporte.archivos)
        };
        if contenido != reporte.contenido {
            reporte.sha256_contenido = if contenido == enviado.contenido {
                enviado.sha256_contenido.clone()
            } else {
                contenido.sha256()
            };
            reporte.contenido = contenido;
        }
        let done = (
            Accion::ResolverConflicto,
            Some(self.detalle()),
            Evento::ReporteCambiado,
        );
        let mut escritura = e.build_write(tx, &self.quien, reporte, done)?;
        // Sent again, it is known.
        escritura.aceptado = Some(conflicto.key());
        update(tx, &[&escritura]).await?;
        let nuevos: Vec<_> = nuevos.iter().map(|a| (id, a)).collect();
        let ids = insert_archivos(tx, &nuevos).await?;
        for a in e.leido.archivos.iter_mut().filter(|a| a.id == 0) {
            let suyo = ids.get(&(id, a.archivo.uuid_cliente.clone()));
            a.id = *suyo.ok_or(StoreError::Interno("un archivo quedó sin fila"))?;
        }
        Ok(e.leido)
    }
}
