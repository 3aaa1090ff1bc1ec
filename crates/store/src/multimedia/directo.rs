//! A small file that came whole with its report's address: into the manifest, if it is not there, and
//! into the report, in one.

use std::sync::Arc;

use sigra_domain::{
    Quien,
    catalogo::Catalogo,
    reporte::{Archivo, EstadoArchivo, MAX_ARCHIVOS},
};

use super::{
    RechazoSubida,
    cambio::llega,
    objetos::{NuevoObjeto, toma},
    subidas::tira,
};
use crate::{
    Fallo, Tx, Write,
    reportes::{ArchivoLeido, Cual, ReporteLeido, leer::busca, lote::inserta_archivos},
};

/// Gives bytes that are in the store to a report.
#[derive(Debug)]
pub struct RecibirDirecto {
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
    /// Noted with [`AnotarClave`](super::AnotarClave) before.
    pub clave: String,
}

/// What came of it.
#[derive(Debug)]
pub struct Directo {
    pub leido: ReporteLeido,
    /// The report did not have it before.
    pub es_nuevo: bool,
    /// The bytes were here before: the new object is not needed.
    pub sobra: bool,
}

impl Write for RecibirDirecto {
    type Out = Directo;
    type Err = RechazoSubida;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Directo, RechazoSubida> {
        let leido = busca(&mut tx.conn, &Cual::Id(self.reporte_id), true).await?;
        let puede = |l: &ReporteLeido| {
            let r = &l.reporte;
            self.quien.puede_editar(r.rut, r.contenido.area_id)
        };
        let leido = leido.filter(puede).ok_or(RechazoSubida::NoEncontrada)?;
        if leido.reporte.retirado_en.is_some() {
            return Err(RechazoSubida::Retirado);
        }
        let Some(a) = self.en_manifiesto(&leido) else {
            return self.agrega(tx, leido).await;
        };
        if (a.archivo.bytes, &a.archivo.sha256) != (self.bytes, &self.sha256) {
            return Err(RechazoSubida::ArchivoDistinto);
        }
        match a.estado {
            EstadoArchivo::Eliminado => Err(RechazoSubida::Eliminado),
            EstadoArchivo::Subido => {
                tira(tx, &self.clave).await?;
                Ok(Directo {
                    leido,
                    es_nuevo: false,
                    sobra: true,
                })
            }
            EstadoArchivo::Pendiente | EstadoArchivo::Renunciado => {
                let id = a.id;
                self.recibe(tx, leido, id).await
            }
        }
    }
}

impl RecibirDirecto {
    /// Of several files with this hash, one that is still to come.
    fn en_manifiesto<'a>(&self, leido: &'a ReporteLeido) -> Option<&'a ArchivoLeido> {
        let mut archivos = leido.archivos.iter();
        if let Some(uuid) = &self.multimedia_uuid {
            return archivos.find(|a| a.archivo.uuid_cliente == *uuid);
        }
        let mismos = archivos
            .filter(|a| (a.archivo.bytes, &a.archivo.sha256) == (self.bytes, &self.sha256))
            .filter(|a| a.estado != EstadoArchivo::Eliminado);
        mismos.min_by_key(|a| a.estado == EstadoArchivo::Subido)
    }

    async fn agrega(
        &self,
        tx: &mut Tx<'_>,
        mut leido: ReporteLeido,
    ) -> Result<Directo, RechazoSubida> {
        if self.catalogo.decidido(leido.reporte.estado_id) {
            return Err(RechazoSubida::Decidido);
        }
        if leido.archivos.len() >= MAX_ARCHIVOS {
            return Err(RechazoSubida::DemasiadosArchivos);
        }
        let uuid = self.multimedia_uuid.as_ref().unwrap_or(&self.uuid_nuevo);
        let archivo = Archivo {
            uuid_cliente: uuid.clone(),
            nombre: self.nombre.clone(),
            tipo: self.tipo.clone(),
            bytes: self.bytes,
            sha256: self.sha256.clone(),
        };
        let ids = inserta_archivos(tx, &[(self.reporte_id, &archivo)]).await?;
        let id = ids.values().next().copied();
        let id = id.ok_or(Fallo::Interno("un archivo quedó sin fila"))?;
        leido.archivos.push(ArchivoLeido {
            id,
            archivo,
            estado: EstadoArchivo::Pendiente,
        });
        leido
            .archivos
            .sort_by(|a, b| a.archivo.uuid_cliente.cmp(&b.archivo.uuid_cliente));
        self.recibe(tx, leido, id).await
    }

    /// The report gets it; `leido` names it already.
    async fn recibe(
        &self,
        tx: &mut Tx<'_>,
        mut leido: ReporteLeido,
        multimedia_id: i64,
    ) -> Result<Directo, RechazoSubida> {
        let viejo = leido.reporte.clone();
        let manifiesto = leido.archivos.iter().map(|a| a.archivo.clone());
        leido.reporte.contenido.multimedia = Some(manifiesto.collect());
        if leido.reporte.contenido != viejo.contenido {
            leido.reporte.sha256_contenido = leido.reporte.contenido.sha256();
        }
        let leido = llega(tx, &self.quien, &viejo, leido, multimedia_id).await?;
        let nuevo = NuevoObjeto {
            sha256: &self.sha256,
            bytes: self.bytes,
            tipo: &self.tipo,
            clave: &self.clave,
        };
        let sobra = toma(tx, &nuevo).await?;
        Ok(Directo {
            leido,
            es_nuevo: true,
            sobra,
        })
    }
}
