//! Somebody decides about a conflict.

use std::sync::Arc;

use sigra_domain::{
    ErrorCampo, Quien,
    bitacora::{Accion, Entrada},
    catalogo::Catalogo,
    reporte::{SyncStatus, sin_conflicto},
    sync::{Decision, DecisionNegada, resuelve},
};

use super::{
    conflictos::{FilaConflicto, busca},
    expediente::Expediente,
    mesa::archivos_nuevos,
};
use crate::{
    DeFallo, Fallo, Tx, Write,
    db::con,
    reportes::{
        Cual, ReporteLeido, leer,
        lote::{actualiza, inserta_archivos},
    },
};

/// Carries out a decision, when nobody changed the report since the version the caller saw.
#[derive(Debug)]
pub struct ResolverConflicto {
    pub quien: Quien,
    pub id: i64,
    pub decision: Decision,
    /// The version the caller saw.
    pub version: i64,
    pub catalogo: Arc<Catalogo>,
}

/// Why not. Nothing was written.
#[derive(Debug)]
pub enum RechazoConflicto {
    NoEncontrado,
    Retirado,
    /// Somebody decided otherwise before.
    Resuelto,
    /// The report is decided: only `servidor` is left.
    Decidido,
    VersionDesfasada(Box<ReporteLeido>),
    Datos(Vec<ErrorCampo>),
    Fallo(Fallo),
}

impl From<Fallo> for RechazoConflicto {
    fn from(f: Fallo) -> Self {
        Self::Fallo(f)
    }
}

impl From<sqlx::Error> for RechazoConflicto {
    fn from(e: sqlx::Error) -> Self {
        Self::Fallo(e.into())
    }
}

impl DeFallo for RechazoConflicto {
    fn fallo(&self) -> Option<&Fallo> {
        match self {
            Self::Fallo(f) => Some(f),
            _ => None,
        }
    }
}

impl Write for ResolverConflicto {
    type Out = ReporteLeido;
    type Err = RechazoConflicto;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<ReporteLeido, RechazoConflicto> {
        let (conflicto, leido) = self.visible(tx).await?;
        let actual = &leido.reporte;
        if actual.retirado_en.is_some() {
            return Err(RechazoConflicto::Retirado);
        }
        if conflicto.conflicto_resuelto.is_some() {
            return if self.repite(tx, &conflicto).await? {
                Ok(leido)
            } else {
                Err(RechazoConflicto::Resuelto)
            };
        }
        if actual.version != self.version {
            return Err(RechazoConflicto::VersionDesfasada(Box::new(leido)));
        }
        self.aplica(tx, conflicto, leido).await
    }
}

impl ResolverConflicto {
    /// The conflict and its report, locked, if the caller may know of them. Whoever may see a report
    /// is its author or may decide it.
    async fn visible(
        &self,
        tx: &mut Tx<'_>,
    ) -> Result<(FilaConflicto, ReporteLeido), RechazoConflicto> {
        let no = RechazoConflicto::NoEncontrado;
        let Some(conflicto) = busca(&mut tx.conn, self.id).await? else {
            return Err(no);
        };
        let cual = Cual::Id(conflicto.conflicto_reporte);
        let leido = leer::busca(&mut tx.conn, &cual, true).await?;
        let Some(leido) = leido.filter(|l| {
            self.quien
                .puede_ver(l.reporte.rut, l.reporte.contenido.area_id)
        }) else {
            return Err(no);
        };
        // Once more: it may have been resolved while the report's lock was waited for.
        let conflicto = busca(&mut tx.conn, self.id).await?;
        conflicto.map(|c| (c, leido)).ok_or(no)
    }

    /// Whether this is the decision that was made, sent again by who made it.
    async fn repite(&self, tx: &mut Tx<'_>, conflicto: &FilaConflicto) -> Result<bool, Fallo> {
        let igual = conflicto.conflicto_rut == Some(self.quien.rut.cuerpo())
            && conflicto.conflicto_decision.as_deref() == Some(self.decision.nombre());
        if !igual || !matches!(self.decision, Decision::Mezcla(_)) {
            return Ok(igual);
        }
        // The side that each field got is in the bitácora alone.
        let entradas: Vec<String> = con!(tx.conn, c => sqlx::query_scalar(
            "SELECT canonica FROM bitacora WHERE reporte_id = $1 AND accion = $2")
            .bind(conflicto.conflicto_reporte).bind(Accion::ResolverConflicto.nombre())
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

    async fn aplica(
        &self,
        tx: &mut Tx<'_>,
        conflicto: FilaConflicto,
        leido: ReporteLeido,
    ) -> Result<ReporteLeido, RechazoConflicto> {
        let (enviado, base) = conflicto.lados(&leido.reporte.uuid_cliente)?;
        let contenido = resuelve(
            &self.decision,
            &enviado,
            &leido.reporte,
            base.as_ref(),
            &self.catalogo,
        )
        .map_err(|e| match e {
            DecisionNegada::Decidido => RechazoConflicto::Decidido,
            DecisionNegada::Datos(errores) => RechazoConflicto::Datos(errores),
        })?;
        con!(tx.conn, c => sqlx::query(
            "UPDATE conflictos SET resuelto = $2, decision = $3, rut_resolvio = $4 WHERE id = $1")
            .bind(self.id).bind(tx.ahora.0).bind(self.decision.nombre())
            .bind(self.quien.rut.cuerpo()).execute(&mut **c).await.map(drop))?;
        let quedan: bool = con!(tx.conn, c => sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM conflictos WHERE reporte_id = $1 AND resuelto IS NULL)")
            .bind(leido.reporte.id).fetch_one(&mut **c).await)?;
        let nuevos = archivos_nuevos(&leido, contenido.multimedia.as_deref());
        let id = leido.reporte.id;
        let mut e = Expediente::sin_pasado(leido);
        e.agrega_archivos(&contenido);
        let mut reporte = e.leido.reporte.clone();
        reporte.sync_status = if quedan {
            SyncStatus::Conflicto
        } else {
            sin_conflicto(&contenido, &reporte.archivos)
        };
        if contenido != reporte.contenido {
            reporte.sha256_contenido = if contenido == enviado.contenido {
                enviado.sha256_contenido.clone()
            } else {
                contenido.sha256()
            };
            reporte.contenido = contenido;
        }
        let hecho = (
            Accion::ResolverConflicto,
            Some(self.detalle()),
            "reporte.cambiado",
        );
        let mut escritura = e.escritura(tx, &self.quien, reporte, hecho)?;
        // Sent again, it is known.
        escritura.aceptado = Some(conflicto.clave());
        actualiza(tx, &[&escritura]).await?;
        let nuevos: Vec<_> = nuevos.iter().map(|a| (id, a)).collect();
        let ids = inserta_archivos(tx, &nuevos).await?;
        for a in e.leido.archivos.iter_mut().filter(|a| a.id == 0) {
            let suyo = ids.get(&(id, a.archivo.uuid_cliente.clone()));
            a.id = *suyo.ok_or(Fallo::Interno("un archivo quedó sin fila"))?;
        }
        Ok(e.leido)
    }
}
