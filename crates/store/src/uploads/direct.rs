//! A small file that came whole with its report's address: into the manifest, if it is not there, and
//! into the report, in one.

use std::sync::Arc;

use sigra_domain::{
    Quien,
    catalogo::Catalogo,
    reporte::{Archivo, EstadoArchivo, MAX_ARCHIVOS},
};

use super::{
    UploadRefusal,
    blobs::{NewBlob, retain},
    change::mark_uploaded,
    resumable::mark_garbage,
};
use crate::{
    Refused, StoreError, Tx, Write,
    reportes::{ReporteRef, StoredArchivo, StoredReporte, change::insert_archivos, get::find},
};

/// Gives bytes that are in the store to a report.
#[derive(Debug)]
pub struct ReceiveDirectUpload {
    pub quien: Quien,
    pub catalogo: Arc<Catalogo>,
    pub reporte_id: i64,
    /// As the manifest names it; without it, the file of the manifest that has this hash.
    pub multimedia_uuid: Option<String>,
    /// For a file that the manifest does not have.
    pub uuid_nuevo: String,
    pub nombre: String,
    /// MIME type, by its bytes.
    pub tipo: String,
    pub bytes: i64,
    pub sha256: String,
    /// Noted with [`RecordBlobKey`](super::RecordBlobKey) before.
    pub clave: String,
}

/// What came of it.
#[derive(Debug)]
pub struct DirectUpload {
    pub leido: StoredReporte,
    /// The report did not have it before.
    pub es_nuevo: bool,
    /// The bytes were here before: the new object is not needed.
    pub sobra: bool,
}

impl Write for ReceiveDirectUpload {
    type Out = DirectUpload;
    type Err = Refused<UploadRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<DirectUpload, Refused<UploadRefusal>> {
        let leido = find(&mut tx.conn, &ReporteRef::Id(self.reporte_id), true).await?;
        let puede = |l: &StoredReporte| {
            let r = &l.reporte;
            self.quien.can_edit(r.rut, r.contenido.area_id)
        };
        let leido = leido.filter(puede).ok_or(UploadRefusal::NoEncontrada)?;
        if leido.reporte.retirado_en.is_some() {
            return Err(UploadRefusal::Retirado.into());
        }
        let Some(a) = self.manifest_entry(&leido) else {
            return self.attach(tx, leido).await;
        };
        if (a.archivo.bytes, &a.archivo.sha256) != (self.bytes, &self.sha256) {
            return Err(UploadRefusal::ArchivoDistinto.into());
        }
        match a.estado {
            EstadoArchivo::Eliminado => Err(UploadRefusal::Eliminado.into()),
            EstadoArchivo::Subido => {
                mark_garbage(tx, &self.clave).await?;
                Ok(DirectUpload {
                    leido,
                    es_nuevo: false,
                    sobra: true,
                })
            }
            EstadoArchivo::Pendiente | EstadoArchivo::Renunciado => {
                let id = a.id;
                self.complete_archivo(tx, leido, id).await
            }
        }
    }
}

impl ReceiveDirectUpload {
    /// Of several files with this hash, one that is still to come.
    fn manifest_entry<'a>(&self, leido: &'a StoredReporte) -> Option<&'a StoredArchivo> {
        let mut archivos = leido.archivos.iter();
        if let Some(uuid) = &self.multimedia_uuid {
            return archivos.find(|a| a.archivo.uuid_cliente == *uuid);
        }
        let mismos = archivos
            .filter(|a| (a.archivo.bytes, &a.archivo.sha256) == (self.bytes, &self.sha256))
            .filter(|a| a.estado != EstadoArchivo::Eliminado);
        mismos.min_by_key(|a| a.estado == EstadoArchivo::Subido)
    }

    async fn attach(
        &self,
        tx: &mut Tx<'_>,
        mut leido: StoredReporte,
    ) -> Result<DirectUpload, Refused<UploadRefusal>> {
        if self.catalogo.is_decided(leido.reporte.estado_id) {
            return Err(UploadRefusal::Decidido.into());
        }
        if leido.archivos.len() >= MAX_ARCHIVOS {
            return Err(UploadRefusal::DemasiadosArchivos.into());
        }
        let uuid = self.multimedia_uuid.as_ref().unwrap_or(&self.uuid_nuevo);
        let archivo = Archivo {
            uuid_cliente: uuid.clone(),
            nombre: self.nombre.clone(),
            tipo: self.tipo.clone(),
            bytes: self.bytes,
            sha256: self.sha256.clone(),
        };
        let ids = insert_archivos(tx, &[(self.reporte_id, &archivo)]).await?;
        let id = ids.values().next().copied();
        let id = id.ok_or(StoreError::Interno("un archivo quedó sin fila"))?;
        leido.archivos.push(StoredArchivo {
            id,
            archivo,
            estado: EstadoArchivo::Pendiente,
        });
        leido
            .archivos
            .sort_by(|a, b| a.archivo.uuid_cliente.cmp(&b.archivo.uuid_cliente));
        self.complete_archivo(tx, leido, id).await
    }

    /// The report gets it; `leido` names it already.
    async fn complete_archivo(
        &self,
        tx: &mut Tx<'_>,
        mut leido: StoredReporte,
        multimedia_id: i64,
    ) -> Result<DirectUpload, Refused<UploadRefusal>> {
        let viejo = leido.reporte.clone();
        let manifiesto = leido.archivos.iter().map(|a| a.archivo.clone());
        leido.reporte.contenido.multimedia = Some(manifiesto.collect());
        if leido.reporte.contenido != viejo.contenido {
            leido.reporte.sha256_contenido = leido.reporte.contenido.sha256();
        }
        let leido = mark_uploaded(tx, &self.quien, &viejo, leido, multimedia_id).await?;
        let nuevo = NewBlob {
            sha256: &self.sha256,
            bytes: self.bytes,
            tipo: &self.tipo,
            clave: &self.clave,
        };
        let sobra = retain(tx, &nuevo).await?;
        Ok(DirectUpload {
            leido,
            es_nuevo: true,
            sobra,
        })
    }
}
