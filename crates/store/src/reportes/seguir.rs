//! Corrective actions: each one asked for, and each step of it, is an entry of the report's bitácora.

use sigra_domain::{
    Falla, Fecha, Quien, Rol, Rut,
    bitacora::{Accion, diferencia},
    campo::Errores,
    catalogo::APROBADO,
    reporte::{EstadoDeAccion, MAX_ACCIONES, Medida, PasoNegado, Reporte},
};

use super::{
    Rechazo,
    editar::{no_retirado, visible},
    lote::{Escritura, actualiza},
    registro::{Hecho, Registro},
};
use crate::{Tx, Write, db::con, idempotencia::Autoriza};

/// Whoever may decide an approved report asks somebody who may see it to do something until a day.
#[derive(Debug)]
pub struct PedirAccion {
    pub quien: Quien,
    pub id: i64,
    pub descripcion: String,
    pub responsable: Rut,
    pub plazo: Fecha,
}

/// One of them takes a step.
#[derive(Debug)]
pub struct MoverAccion {
    pub quien: Quien,
    pub id: i64,
    pub n: i64,
    pub hacia: EstadoDeAccion,
    pub detalle: Option<String>,
}

/// As it is now.
#[derive(Debug)]
pub struct Seguida {
    pub n: i64,
    pub medida: Medida,
    pub version: i64,
    /// False when it was so already.
    pub cambio: bool,
}

impl Write for PedirAccion {
    type Out = Seguida;
    type Err = Rechazo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Seguida, Rechazo> {
        let viejo = no_retirado(visible(tx, &self.quien, self.id).await?)?.reporte;
        if !self.quien.puede_decidir(viejo.contenido.area_id) {
            return Err(Rechazo::SinPermiso);
        }
        if viejo.estado_id != APROBADO {
            return Err(Rechazo::SinAprobar);
        }
        let medida = Medida {
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
            return Ok(Seguida {
                n: *n,
                medida,
                version: viejo.version,
                cambio: false,
            });
        }
        if viejo.acciones.len() >= MAX_ACCIONES {
            return Err(Rechazo::DemasiadasAcciones);
        }
        if !puede_verlo(tx, self.responsable, &viejo).await? {
            let mut e = Errores::default();
            e.agrega("responsable_rut", Falla::NoExiste);
            return Err(Rechazo::EnDesuso(
                e.fin::<()>(None).err().unwrap_or_default(),
            ));
        }
        let n = viejo.acciones.keys().next_back().copied().unwrap_or(0) + 1;
        escribe(
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

impl Write for MoverAccion {
    type Out = Seguida;
    type Err = Rechazo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Seguida, Rechazo> {
        let viejo = no_retirado(visible(tx, &self.quien, self.id).await?)?.reporte;
        let medida = viejo.acciones.get(&self.n).ok_or(Rechazo::NoEncontrado)?;
        let area_id = viejo.contenido.area_id;
        let nueva =
            medida
                .paso(self.hacia, &self.quien, area_id)
                .map_err(|negado| match negado {
                    PasoNegado::NoExiste => Rechazo::PasoNoPermitido,
                    PasoNegado::LoHizo => Rechazo::QuienLaHizo,
                    PasoNegado::NoEsSuyo => Rechazo::SinPermiso,
                })?;
        let Some(nueva) = nueva else {
            return Ok(Seguida {
                n: self.n,
                medida: medida.clone(),
                version: viejo.version,
                cambio: false,
            });
        };
        let hecho = (Accion::MoverAccion, self.detalle.clone());
        escribe(tx, &self.quien, &viejo, self.n, nueva, hecho).await
    }
}

/// Whether this person is active and may see the report.
async fn puede_verlo(tx: &mut Tx<'_>, rut: Rut, reporte: &Reporte) -> Result<bool, Rechazo> {
    let rol: Option<String> = con!(tx.conn, c => sqlx::query_scalar(
        "SELECT rol FROM usuarios WHERE rut = $1 AND activo")
        .bind(rut.cuerpo()).fetch_optional(&mut **c).await)?;
    let Some(rol) = rol.as_deref().and_then(Rol::de_nombre) else {
        return Ok(false);
    };
    let areas: Vec<i64> = con!(tx.conn, c => sqlx::query_scalar(
        "SELECT area_id FROM usuario_areas WHERE rut = $1")
        .bind(rut.cuerpo()).fetch_all(&mut **c).await)?;
    let quien = Quien { rut, rol, areas };
    Ok(quien.puede_ver(reporte.rut, reporte.contenido.area_id))
}

async fn escribe(
    tx: &mut Tx<'_>,
    quien: &Quien,
    viejo: &Reporte,
    n: i64,
    medida: Medida,
    (accion, detalle): (Accion, Option<String>),
) -> Result<Seguida, Rechazo> {
    let mut reporte = viejo.clone();
    reporte.acciones.insert(n, medida.clone());
    reporte.version += 1;
    reporte.hora_actualizado = tx.ahora;
    let hecho = Hecho {
        accion,
        detalle,
        cambios: diferencia(&viejo.valores(), &reporte.valores()),
        area_antes: Some(viejo.contenido.area_id),
        evento: "reporte.cambiado",
    };
    let registro = Registro::nuevo(&mut reporte, quien, tx.ahora, hecho)?;
    let escritura = Escritura::nueva(Some(viejo), reporte, registro, tx.entorno.azar_i64());
    actualiza(tx, &[&escritura]).await?;
    con!(tx.conn, c => sqlx::query(
        "DELETE FROM acciones_abiertas WHERE reporte_id = $1 AND n = $2")
        .bind(viejo.id).bind(n).execute(&mut **c).await.map(drop))?;
    if medida.estado == EstadoDeAccion::Abierta {
        con!(tx.conn, c => sqlx::query(
            "INSERT INTO acciones_abiertas (reporte_id, n, responsable, plazo) VALUES ($1, $2, $3, $4)")
            .bind(viejo.id).bind(n).bind(medida.responsable.cuerpo()).bind(medida.plazo.to_string())
            .execute(&mut **c).await.map(drop))?;
    }
    Ok(Seguida {
        n,
        medida,
        version: escritura.reporte.version,
        cambio: true,
    })
}

impl Autoriza for PedirAccion {
    async fn autoriza(&self, tx: &mut Tx<'_>) -> Result<(), Rechazo> {
        visible(tx, &self.quien, self.id).await.map(drop)
    }
}

impl Autoriza for MoverAccion {
    async fn autoriza(&self, tx: &mut Tx<'_>) -> Result<(), Rechazo> {
        visible(tx, &self.quien, self.id).await.map(drop)
    }
}
