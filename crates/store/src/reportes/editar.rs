//! A report is edited, decided or withdrawn.

use std::sync::Arc;

use sigra_domain::{
    Quien,
    bitacora::{Accion, diferencia},
    catalogo::Catalogo,
    reporte::{Cambio, EdicionNegada},
};

use super::{
    Cual, Rechazo, ReporteLeido,
    leer::busca,
    lote::{Escritura, actualiza},
    registro::{Hecho, Registro},
};
use crate::{Fallo, Tx, Write, bitacora::entradas_de, db::con, idempotencia::Autoriza};

/// Edits content or state, when nobody else did since the version the caller saw.
#[derive(Debug)]
pub struct EditarReporte {
    pub quien: Quien,
    pub id: i64,
    pub cambio: Cambio,
    /// The version the caller saw.
    pub version: i64,
    pub catalogo: Arc<Catalogo>,
}

/// Approves or rejects; the version is optional.
#[derive(Debug)]
pub struct Decidir {
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
pub(super) async fn visible(
    tx: &mut Tx<'_>,
    quien: &Quien,
    id: i64,
) -> Result<ReporteLeido, Rechazo> {
    busca(&mut tx.conn, &Cual::Id(id), true)
        .await?
        .filter(|l| quien.puede_ver(l.reporte.rut, l.reporte.contenido.area_id))
        .ok_or(Rechazo::NoEncontrado)
}

pub(super) fn no_retirado(leido: ReporteLeido) -> Result<ReporteLeido, Rechazo> {
    if leido.reporte.retirado_en.is_some() {
        Err(Rechazo::Retirado)
    } else {
        Ok(leido)
    }
}

impl Write for EditarReporte {
    type Out = ReporteLeido;
    type Err = Rechazo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<ReporteLeido, Rechazo> {
        let leido = no_retirado(visible(tx, &self.quien, self.id).await?)?;
        if leido.reporte.version != self.version {
            let entradas = entradas_de(&mut tx.conn, self.id).await?;
            return if self.cambio.ya_hecho(&entradas, self.version, &self.quien) {
                Ok(leido)
            } else {
                Err(Rechazo::VersionDesfasada(Box::new(leido)))
            };
        }
        self.cambio
            .permitido(&self.quien, &leido.reporte, &self.catalogo)
            .map_err(negada)?;
        cambia(tx, &self.quien, leido, &self.cambio, &self.catalogo).await
    }
}

impl Autoriza for EditarReporte {
    async fn autoriza(&self, tx: &mut Tx<'_>) -> Result<(), Rechazo> {
        visible(tx, &self.quien, self.id).await.map(drop)
    }
}

impl Write for Decidir {
    type Out = ReporteLeido;
    type Err = Rechazo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<ReporteLeido, Rechazo> {
        let leido = no_retirado(self.decidible(tx).await?)?;
        if leido.reporte.estado_id == self.estado_id && self.lo_decidio_antes(tx).await? {
            return Ok(leido);
        }
        if self.version.is_some_and(|v| v != leido.reporte.version) {
            return Err(Rechazo::VersionDesfasada(Box::new(leido)));
        }
        if leido.reporte.estado_id == self.estado_id {
            return Err(Rechazo::TransicionNoPermitida);
        }
        let cambio = Cambio::de_estado(self.estado_id, self.detalle.clone(), self.version);
        cambio
            .permitido(&self.quien, &leido.reporte, &self.catalogo)
            .map_err(negada)?;
        cambia(tx, &self.quien, leido, &cambio, &self.catalogo).await
    }
}

impl Decidir {
    async fn decidible(&self, tx: &mut Tx<'_>) -> Result<ReporteLeido, Rechazo> {
        let leido = visible(tx, &self.quien, self.id).await?;
        if self.quien.puede_decidir(leido.reporte.contenido.area_id) {
            Ok(leido)
        } else {
            Err(Rechazo::SinPermiso)
        }
    }

    /// Whether the last change of state is the caller's own.
    async fn lo_decidio_antes(&self, tx: &mut Tx<'_>) -> Result<bool, Fallo> {
        let quien: Option<i64> = con!(tx.conn, c => sqlx::query_scalar(
            "SELECT rut FROM bitacora WHERE reporte_id = $1 AND accion = $2 ORDER BY n DESC LIMIT 1")
            .bind(self.id).bind(Accion::CambiarEstado.nombre())
            .fetch_optional(&mut **c).await)?;
        Ok(quien == Some(self.quien.rut.cuerpo()))
    }
}

impl Autoriza for Decidir {
    async fn autoriza(&self, tx: &mut Tx<'_>) -> Result<(), Rechazo> {
        self.decidible(tx).await.map(drop)
    }
}

impl Write for Retirar {
    type Out = ();
    type Err = Rechazo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Rechazo> {
        self.autoriza(tx).await?;
        let leido = visible(tx, &self.quien, self.id).await?;
        if leido.reporte.retirado_en.is_some() {
            // The same withdrawal again, after a lost answer.
            let entradas = entradas_de(&mut tx.conn, self.id).await?;
            let repetido = entradas.last().is_some_and(|e| {
                e.rut == self.quien.rut
                    && e.version == self.version.saturating_add(1)
                    && e.detalle.as_ref() == Some(&self.detalle)
            });
            return if repetido {
                Ok(())
            } else {
                Err(Rechazo::Retirado)
            };
        }
        if leido.reporte.version != self.version {
            return Err(Rechazo::VersionDesfasada(Box::new(leido)));
        }
        let viejo = leido.reporte;
        let mut reporte = viejo.clone();
        reporte.version += 1;
        reporte.retirado_en = Some(tx.ahora);
        reporte.hora_actualizado = tx.ahora;
        let cambios = diferencia(&viejo.valores(), &reporte.valores());
        let hecho = Hecho {
            accion: Accion::Retirar,
            detalle: Some(self.detalle.clone()),
            cambios,
            area_antes: Some(reporte.contenido.area_id),
            evento: "reporte.cambiado",
        };
        let registro = Registro::nuevo(&mut reporte, &self.quien, tx.ahora, hecho)?;
        let escritura = Escritura::nueva(Some(&viejo), reporte, registro, tx.entorno.azar_i64());
        actualiza(tx, &[&escritura]).await?;
        Ok(())
    }
}

impl Autoriza for Retirar {
    async fn autoriza(&self, tx: &mut Tx<'_>) -> Result<(), Rechazo> {
        visible(tx, &self.quien, self.id).await?;
        if self.quien.puede_retirar() {
            Ok(())
        } else {
            Err(Rechazo::SinPermiso)
        }
    }
}

fn negada(e: EdicionNegada) -> Rechazo {
    match e {
        EdicionNegada::SinPermiso => Rechazo::SinPermiso,
        EdicionNegada::Decidido => Rechazo::Decidido,
        EdicionNegada::Transicion => Rechazo::TransicionNoPermitida,
        EdicionNegada::EnDesuso(errores) => Rechazo::EnDesuso(errores),
    }
}

/// Applies a permitted change. One that changes nothing writes nothing.
async fn cambia(
    tx: &mut Tx<'_>,
    quien: &Quien,
    leido: ReporteLeido,
    cambio: &Cambio,
    catalogo: &Catalogo,
) -> Result<ReporteLeido, Rechazo> {
    let viejo = &leido.reporte;
    let mut reporte = viejo.clone();
    reporte.contenido = cambio.nuevo_contenido(&viejo.contenido);
    if let Some(estado_id) = cambio.estado_id.filter(|e| *e != viejo.estado_id) {
        reporte.pasa_a(estado_id, catalogo, tx.ahora);
    }
    if reporte.contenido != viejo.contenido {
        reporte.sha256_contenido = reporte.contenido.sha256();
    }
    let (antes, despues) = diferencia(&viejo.valores(), &reporte.valores());
    if despues.is_empty() {
        return Ok(leido);
    }
    reporte.version += 1;
    reporte.hora_actualizado = tx.ahora;
    let cambia_estado = despues.contains_key("estado_id");
    let decidido = cambia_estado && catalogo.decidido(reporte.estado_id);
    let hecho = Hecho {
        accion: if cambia_estado {
            Accion::CambiarEstado
        } else {
            Accion::Editar
        },
        detalle: cambio.detalle.clone(),
        cambios: (antes, despues),
        area_antes: Some(viejo.contenido.area_id),
        evento: if decidido {
            "reporte.decidido"
        } else {
            "reporte.cambiado"
        },
    };
    let registro = Registro::nuevo(&mut reporte, quien, tx.ahora, hecho)?;
    let escritura = Escritura::nueva(Some(viejo), reporte, registro, tx.entorno.azar_i64());
    actualiza(tx, &[&escritura]).await?;
    Ok(ReporteLeido {
        reporte: escritura.reporte,
        ..leido
    })
}
