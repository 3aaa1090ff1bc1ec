//! Corrective actions: each one asked for, and each step of it, is an entry of the report's bitácora.

use sigra_domain::{
    Evento, Fecha, FieldErrorKind, Quien, Rut,
    bitacora::{Accion, diff},
    campo::FieldErrors,
    catalogo::APROBADO,
    reporte::{AccionCorrectiva, EstadoDeAccion, MAX_ACCIONES, Reporte, StepDenied},
};

use super::{
    ReporteRefusal,
    change::{ReporteWrite, update},
    edit::{find_visible, no_retirado},
    entry::{ChangeDetails, ChangeRecord},
};
use crate::{Refused, Tx, Write, db::with_conn, idempotency::Authorize};

/// Whoever may decide an approved report asks somebody who may see it to do something until a day.
#[derive(Debug)]
pub struct RequestAccion {
    pub quien: Quien,
    pub id: i64,
    pub descripcion: String,
    pub responsable: Rut,
    pub plazo: Fecha,
}

/// One of them takes a step.
#[derive(Debug)]
pub struct AdvanceAccion {
    pub quien: Quien,
    pub id: i64,
    pub n: i64,
    pub hacia: EstadoDeAccion,
    pub detalle: Option<String>,
}

/// As it is now.
#[derive(Debug)]
pub struct AccionUpdate {
    pub n: i64,
    pub medida: AccionCorrectiva,
    pub version: i64,
    /// False when it was so already.
    pub cambio: bool,
}

impl Write for RequestAccion {
    type Out = AccionUpdate;
    type Err = Refused<ReporteRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<AccionUpdate, Refused<ReporteRefusal>> {
        let viejo = no_retirado(find_visible(tx, &self.quien, self.id).await?)?.reporte;
        if !self.quien.can_decide(viejo.contenido.area_id) {
            return Err(ReporteRefusal::SinPermiso.into());
        }
        if viejo.estado_id != APROBADO {
            return Err(ReporteRefusal::SinAprobar.into());
        }
        let medida = AccionCorrectiva {
            descripcion: self.descripcion.clone(),
            responsable: self.responsable,
            plazo: self.plazo,
            estado: EstadoDeAccion::Abierta,
            creada_por: self.quien.rut,
            hecha_por: None,
            verificada_por: None,
        };
        // The last one is this very one: its answer was lost.
        if let Some((n, ultima)) = viejo.acciones.last_key_value()
            && *ultima == medida
        {
            return Ok(AccionUpdate {
                n: *n,
                medida,
                version: viejo.version,
                cambio: false,
            });
        }
        if viejo.acciones.len() >= MAX_ACCIONES {
            return Err(ReporteRefusal::DemasiadasAcciones.into());
        }
        let responsable = tx.active_quien(self.responsable).await?;
        if !responsable.is_some_and(|q| q.can_see(viejo.rut, viejo.contenido.area_id)) {
            let mut e = FieldErrors::default();
            e.add("responsable_rut", FieldErrorKind::NoExiste);
            let errores = e.finish::<()>(None).err().unwrap_or_default();
            return Err(ReporteRefusal::EnDesuso(errores).into());
        }
        let n = viejo.acciones.keys().next_back().copied().unwrap_or(0) + 1;
        write(
            tx,
            &self.quien,
            &viejo,
            n,
            medida,
            (Accion::PedirAccion, None),
        )
        .await
    }
}

impl Write for AdvanceAccion {
    type Out = AccionUpdate;
    type Err = Refused<ReporteRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<AccionUpdate, Refused<ReporteRefusal>> {
        let viejo = no_retirado(find_visible(tx, &self.quien, self.id).await?)?.reporte;
        let medida = viejo
            .acciones
            .get(&self.n)
            .ok_or(ReporteRefusal::NoEncontrado)?;
        let area_id = viejo.contenido.area_id;
        let nueva =
            medida
                .step_to(self.hacia, &self.quien, area_id)
                .map_err(|negado| match negado {
                    StepDenied::NoExiste => ReporteRefusal::PasoNoPermitido,
                    StepDenied::LoHizo => ReporteRefusal::QuienLaHizo,
                    StepDenied::NoEsSuyo => ReporteRefusal::SinPermiso,
                })?;
        let Some(nueva) = nueva else {
            return Ok(AccionUpdate {
                n: self.n,
                medida: medida.clone(),
                version: viejo.version,
                cambio: false,
            });
        };
        let done = (Accion::MoverAccion, self.detalle.clone());
        write(tx, &self.quien, &viejo, self.n, nueva, done).await
    }
}

async fn write(
    tx: &mut Tx<'_>,
    quien: &Quien,
    viejo: &Reporte,
    n: i64,
    medida: AccionCorrectiva,
    (accion, detalle): (Accion, Option<String>),
) -> Result<AccionUpdate, Refused<ReporteRefusal>> {
    let mut reporte = viejo.clone();
    reporte.acciones.insert(n, medida.clone());
    reporte.version += 1;
    reporte.hora_actualizado = tx.ahora;
    let done = ChangeDetails {
        accion,
        detalle,
        cambios: diff(&viejo.values(), &reporte.values()),
        area_antes: Some(viejo.contenido.area_id),
        evento: Evento::ReporteCambiado,
    };
    let registro = ChangeRecord::new(&mut reporte, quien, tx.ahora, done)?;
    let escritura = ReporteWrite::new(Some(viejo), reporte, registro, tx.env.random_i64());
    update(tx, &[&escritura]).await?;
    with_conn!(tx.conn, c => sqlx::query(
        "DELETE FROM acciones_abiertas WHERE reporte_id = $1 AND n = $2")
        .bind(viejo.id).bind(n).execute(&mut **c).await.map(drop))?;
    if medida.estado == EstadoDeAccion::Abierta {
        with_conn!(tx.conn, c => sqlx::query(
            "INSERT INTO acciones_abiertas (reporte_id, n, responsable, plazo) VALUES ($1, $2, $3, $4)")
            .bind(viejo.id).bind(n).bind(medida.responsable.body()).bind(medida.plazo.to_string())
            .execute(&mut **c).await.map(drop))?;
    }
    Ok(AccionUpdate {
        n,
        medida,
        version: escritura.reporte.version,
        cambio: true,
    })
}

impl Authorize for RequestAccion {
    async fn authorize(&self, tx: &mut Tx<'_>) -> Result<(), Refused<ReporteRefusal>> {
        find_visible(tx, &self.quien, self.id).await.map(drop)
    }
}

impl Authorize for AdvanceAccion {
    async fn authorize(&self, tx: &mut Tx<'_>) -> Result<(), Refused<ReporteRefusal>> {
        find_visible(tx, &self.quien, self.id).await.map(drop)
    }
}
