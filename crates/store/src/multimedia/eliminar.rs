//! Ways out for a file that will not come, and for one that must not stay.

use sigra_domain::{
    Quien, Rol,
    bitacora::Accion,
    reporte::EstadoArchivo::{Eliminado, Pendiente, Renunciado, Subido},
};

use super::{
    RechazoSubida,
    cambio::{Cambio, cambia},
    objetos::suelta,
};
use crate::{
    Tx, Write,
    db::con,
    reportes::{Cual, leer::busca},
};

/// A file that was never sent is waived by the report's author or an administrador; one that is here is
/// taken away by an administrador. Its hash and the bitácora stay.
#[derive(Debug)]
pub struct EliminarArchivo {
    pub quien: Quien,
    pub id: i64,
    /// Why.
    pub detalle: String,
}

impl Write for EliminarArchivo {
    type Out = ();
    type Err = RechazoSubida;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), RechazoSubida> {
        let reporte_id: Option<i64> = con!(tx.conn, c => sqlx::query_scalar(
            "SELECT reporte_id FROM multimedia WHERE id = $1")
            .bind(self.id).fetch_optional(&mut **c).await)?;
        let cual = Cual::Id(reporte_id.ok_or(RechazoSubida::NoEncontrada)?);
        let leido = busca(&mut tx.conn, &cual, true).await?;
        let leido = leido.ok_or(RechazoSubida::NoEncontrada)?;
        let viejo = &leido.reporte;
        let archivo = leido.archivos.iter().find(|a| a.id == self.id);
        let archivo = archivo.ok_or(RechazoSubida::NoEncontrada)?;
        if !self.quien.puede_ver(viejo.rut, viejo.contenido.area_id) {
            return Err(RechazoSubida::NoEncontrada);
        }
        let (nuevo, accion, puede) = match archivo.estado {
            Pendiente => (
                Renunciado,
                Accion::RenunciarArchivo,
                self.es_administrador() || viejo.rut == self.quien.rut,
            ),
            Subido => (Eliminado, Accion::EliminarArchivo, self.es_administrador()),
            // The same again, after a lost answer.
            Renunciado | Eliminado => return Ok(()),
        };
        if !puede {
            return Err(RechazoSubida::SinPermiso);
        }
        if viejo.retirado_en.is_some() && nuevo == Renunciado {
            return Err(RechazoSubida::Retirado);
        }
        let sha256 = archivo.archivo.sha256.clone();
        let viejo = viejo.clone();
        let cambio = Cambio {
            estado: nuevo,
            accion,
            detalle: self.detalle.clone(),
        };
        cambia(tx, &self.quien, &viejo, leido, self.id, cambio).await?;
        if nuevo == Eliminado {
            suelta(tx, &sha256).await?;
        }
        Ok(())
    }
}

impl EliminarArchivo {
    fn es_administrador(&self) -> bool {
        self.quien.rol == Rol::Administrador
    }
}
