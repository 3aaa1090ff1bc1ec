//! Ways out for a file that will not come, and for one that must not stay.

use sigra_domain::{
    Quien, Rol,
    bitacora::Accion,
    reporte::EstadoArchivo::{Eliminado, Pendiente, Renunciado, Subido},
};

use super::{
    UploadRefusal,
    blobs::release,
    change::{ArchivoChange, update_archivo},
};
use crate::{
    Refused, Tx, Write,
    db::with_conn,
    reportes::{ReporteRef, get::find},
};

/// A file that was never sent is waived by the report's author or an administrador; one that is here is
/// taken away by an administrador. Its hash and the bitácora stay.
#[derive(Debug)]
pub struct DeleteArchivo {
    pub quien: Quien,
    pub id: i64,
    /// Why.
    pub detalle: String,
}

impl Write for DeleteArchivo {
    type Out = ();
    type Err = Refused<UploadRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Refused<UploadRefusal>> {
        let reporte_id: Option<i64> = with_conn!(tx.conn, c => sqlx::query_scalar(
            "SELECT reporte_id FROM multimedia WHERE id = $1")
            .bind(self.id).fetch_optional(&mut **c).await)?;
        let cual = ReporteRef::Id(reporte_id.ok_or(UploadRefusal::NoEncontrada)?);
        let leido = find(&mut tx.conn, &cual, true).await?;
        let leido = leido.ok_or(UploadRefusal::NoEncontrada)?;
        let viejo = &leido.reporte;
        let archivo = leido.archivos.iter().find(|a| a.id == self.id);
        let archivo = archivo.ok_or(UploadRefusal::NoEncontrada)?;
        if !self.quien.can_see(viejo.rut, viejo.contenido.area_id) {
            return Err(UploadRefusal::NoEncontrada.into());
        }
        let (nuevo, accion, puede) = match archivo.estado {
            Pendiente => (
                Renunciado,
                Accion::RenunciarArchivo,
                self.is_administrador() || viejo.rut == self.quien.rut,
            ),
            Subido => (Eliminado, Accion::EliminarArchivo, self.is_administrador()),
            // The same again, after a lost answer.
            Renunciado | Eliminado => return Ok(()),
        };
        if !puede {
            return Err(UploadRefusal::SinPermiso.into());
        }
        if viejo.retirado_en.is_some() && nuevo == Renunciado {
            return Err(UploadRefusal::Retirado.into());
        }
        let sha256 = archivo.archivo.sha256.clone();
        let viejo = viejo.clone();
        let cambio = ArchivoChange {
            estado: nuevo,
            accion,
            detalle: self.detalle.clone(),
        };
        update_archivo(tx, &self.quien, &viejo, leido, self.id, cambio).await?;
        if nuevo == Eliminado {
            release(tx, &sha256).await?;
        }
        Ok(())
    }
}

impl DeleteArchivo {
    fn is_administrador(&self) -> bool {
        self.quien.rol == Rol::Administrador
    }
}
