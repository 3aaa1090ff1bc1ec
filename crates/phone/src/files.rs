//! Photos and other files of own reports: kept on the phone, named in the report's manifest, and sent
//! after it.

use std::path::{Path, PathBuf};

use sha2::Digest as _;
use sigra_domain::{hex, reporte::Archivo};
use sigra_store_macros::FromRow;
use sqlx::SqliteConnection;
use tokio::{fs::File, io::AsyncReadExt as _};

use crate::{Draft, Error, Phone, Problema};

/// A file on the phone that belongs to a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    pub ruta: PathBuf,
    /// As people will see it.
    pub nombre: String,
    /// MIME type.
    pub tipo: String,
}

/// Where a file of the queue stands.
#[derive(Clone, Debug, PartialEq)]
pub enum ArchivoState {
    Pendiente,
    /// The server has all of it, and its hash is right.
    Enviado,
    /// It will not be taken; its owner must know.
    Rechazado(Problema),
}

/// A file of the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuedArchivo {
    pub reporte_uuid: String,
    pub archivo: Archivo,
    pub ruta: PathBuf,
    pub estado: ArchivoState,
}

#[derive(FromRow)]
struct Row {
    reporte_uuid: String,
    ruta: String,
    json: String,
    enviado: bool,
    problema: Option<String>,
}

impl TryFrom<Row> for QueuedArchivo {
    type Error = Error;

    fn try_from(f: Row) -> Result<Self, Error> {
        Ok(Self {
            reporte_uuid: f.reporte_uuid,
            archivo: serde_json::from_str(&f.json)?,
            ruta: f.ruta.into(),
            estado: match f.problema {
                Some(p) => ArchivoState::Rechazado(serde_json::from_str(&p)?),
                None if f.enviado => ArchivoState::Enviado,
                None => ArchivoState::Pendiente,
            },
        })
    }
}

impl Phone {
    /// Writes a report with files. The report and the list of its files are on disk when this returns;
    /// the files stay where they are until they are sent, and must not change.
    ///
    /// [`Error::Archivo`] when one can't be read.
    pub async fn create_with_archivos(
        &mut self,
        borrador: impl Into<Draft> + Send,
        adjuntos: &[Attachment],
    ) -> Result<String, Error> {
        let mut borrador = borrador.into();
        let mut archivos = Vec::with_capacity(adjuntos.len());
        for a in adjuntos {
            let (bytes, sha256) = measure(&a.ruta).await?;
            archivos.push(Archivo {
                uuid_cliente: self.uuid(),
                nombre: a.nombre.clone(),
                tipo: a.tipo.clone(),
                bytes,
                sha256,
            });
        }
        borrador.contenido.multimedia = Some(archivos.clone());
        let mut tx = self.db.begin().await?;
        let uuid = self.create_in(&mut tx, borrador).await?;
        for (archivo, adjunto) in archivos.iter().zip(adjuntos) {
            save(&mut tx, &uuid, archivo, &adjunto.ruta).await?;
        }
        tx.commit().await?;
        Ok(uuid)
    }

    /// Files of own reports, in the order they were made.
    pub async fn archivos(&self) -> Result<Vec<QueuedArchivo>, Error> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT reporte_uuid, ruta, json, enviado, problema FROM archivos ORDER BY n",
        )
        .fetch_all(&self.db)
        .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The next file to be sent: those of reports that the server has, and those that were put off last.
    pub async fn next_archivo(&self) -> Result<Option<QueuedArchivo>, Error> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT a.reporte_uuid, a.ruta, a.json, a.enviado, a.problema
             FROM archivos a JOIN cola c ON c.uuid_cliente = a.reporte_uuid
             WHERE NOT a.enviado AND a.problema IS NULL AND c.base IS NOT NULL
             ORDER BY a.aplazos, a.n LIMIT 1",
        )
        .fetch_optional(&self.db)
        .await?;
        row.map(TryInto::try_into).transpose()
    }

    pub(crate) async fn mark_archivo_sent(&self, uuid: &str) -> Result<(), Error> {
        sqlx::query("UPDATE archivos SET enviado = 1 WHERE uuid_cliente = $1")
            .bind(uuid)
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// The others go first; how often it was put off.
    pub(crate) async fn defer_archivo(&self, uuid: &str) -> Result<i64, Error> {
        let veces = sqlx::query_scalar(
            "UPDATE archivos SET aplazos = aplazos + 1 WHERE uuid_cliente = $1 RETURNING aplazos",
        )
        .bind(uuid)
        .fetch_one(&self.db)
        .await?;
        Ok(veces)
    }

    pub(crate) async fn mark_archivo_rejected(
        &self,
        uuid: &str,
        p: &Problema,
    ) -> Result<(), Error> {
        sqlx::query("UPDATE archivos SET problema = $2 WHERE uuid_cliente = $1")
            .bind(uuid)
            .bind(serde_json::to_string(p)?)
            .execute(&self.db)
            .await?;
        Ok(())
    }
}

/// A server that came back from a backup lacks files that it once had: they go again.
pub(crate) async fn resend(c: &mut SqliteConnection, reporte_uuid: &str) -> Result<(), Error> {
    sqlx::query("UPDATE archivos SET enviado = 0 WHERE reporte_uuid = $1")
        .bind(reporte_uuid)
        .execute(c)
        .await?;
    Ok(())
}

async fn save(
    c: &mut SqliteConnection,
    reporte_uuid: &str,
    archivo: &Archivo,
    ruta: &Path,
) -> Result<(), Error> {
    let ruta = ruta
        .to_str()
        .ok_or_else(|| unreadable(ruta, &"su nombre"))?;
    sqlx::query(
        "INSERT INTO archivos (uuid_cliente, reporte_uuid, ruta, json) VALUES ($1, $2, $3, $4)",
    )
    .bind(&archivo.uuid_cliente)
    .bind(reporte_uuid)
    .bind(ruta)
    .bind(serde_json::to_string(archivo)?)
    .execute(c)
    .await?;
    Ok(())
}

/// How long it is, and its hash.
async fn measure(ruta: &Path) -> Result<(i64, String), Error> {
    let lee = async {
        let mut archivo = File::open(ruta).await?;
        let (mut hash, mut largo) = (sha2::Sha256::new(), 0);
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let n = archivo.read(&mut chunk).await?;
            if n == 0 {
                break;
            }
            hash.update(&chunk[..n]);
            largo += i64::try_from(n).unwrap_or(0);
        }
        Ok::<_, std::io::Error>((largo, hex(&hash.finalize())))
    };
    lee.await.map_err(|e| unreadable(ruta, &e))
}

pub(crate) fn unreadable(ruta: &Path, causa: &dyn std::fmt::Display) -> Error {
    Error::Archivo(format!("{}: {causa}", ruta.display()))
}
