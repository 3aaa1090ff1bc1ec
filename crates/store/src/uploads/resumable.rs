//! An upload begins, is taken up again, or is given up.

use sigra_domain::{Instante, Quien, Rut, reporte::EstadoArchivo};
use sigra_store_macros::FromRow;

use super::{
    UploadRefusal,
    upload_parts::{UploadPart, delete_parts, mark_parts_garbage, parts_of},
};
use crate::{
    Refused, StoreError, Tx, Write,
    db::{Conn, with_conn},
};

/// An upload as it stands.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Upload {
    /// Random; part of its address and of the keys of its pieces.
    pub id: String,
    pub rut: i64,
    /// Of the file, as the manifest will name it.
    pub multimedia_uuid: String,
    pub reporte_uuid: Option<String>,
    pub nombre: String,
    /// MIME type, as the phone believes it.
    pub tipo: String,
    /// In all.
    pub bytes: i64,
    /// Of all.
    pub sha256: String,
    /// Bytes that are durable: all below this place.
    pub recibidos: i64,
    /// Grows whenever somebody goes on with it; who holds an older one may not.
    pub turno: i64,
    pub expira: i64,
    /// When all was there and its hash was right.
    pub terminada: Option<i64>,
    /// When a report took it.
    pub adoptada: Option<i64>,
}

impl Upload {
    /// Nothing of it has come yet.
    pub fn is_untouched(&self) -> bool {
        self.recibidos == 0 && self.terminada.is_none()
    }
}

/// The columns of [`Upload`].
macro_rules! columns {
    () => {
        "id, rut, multimedia_uuid, reporte_uuid, nombre, tipo, bytes, sha256, recibidos, turno, expira, \
         terminada, adoptada"
    };
}

/// A file that somebody wants to send.
#[derive(Clone, Debug)]
pub struct UploadSpec {
    /// As the manifest names it.
    pub multimedia_uuid: String,
    pub reporte_uuid: Option<String>,
    /// Data, never a path.
    pub nombre: String,
    pub tipo: String,
    pub bytes: i64,
    pub sha256: String,
}

/// Begins an upload; the same again gives the one that is there.
#[derive(Debug)]
pub struct CreateUpload {
    pub quien: Quien,
    /// For a new one.
    pub id: String,
    pub anuncio: UploadSpec,
    /// Milliseconds that it waits for more.
    pub vigencia: i64,
    /// Uploads that this person may have open at once, and their bytes.
    pub max_abiertas: i64,
    pub max_bytes: i64,
}

/// What the manifests say of a file's uuid.
#[derive(FromRow)]
struct ManifestArchivo {
    bytes: i64,
    sha256: String,
    estado: String,
    rut: i64,
    area_id: i64,
    retirado: bool,
}

impl Write for CreateUpload {
    type Out = Upload;
    type Err = Refused<UploadRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Upload, Refused<UploadRefusal>> {
        self.wait_for_owner(tx).await?;
        let mismas = self.same_file_uploads(tx).await?;
        let igual = |s: &Upload| (s.bytes, &s.sha256) == (self.anuncio.bytes, &self.anuncio.sha256);
        if let Some(s) = mismas.iter().find(|s| igual(s)) {
            return self.renew(tx, s).await;
        }
        let anunciado = self.find_in_manifest(tx).await?;
        if let Some(a) = &anunciado {
            if (a.bytes, &a.sha256) != (self.anuncio.bytes, &self.anuncio.sha256) {
                return Err(UploadRefusal::ArchivoDistinto.into());
            }
            match EstadoArchivo::from_name(&a.estado) {
                Some(EstadoArchivo::Eliminado) => return Err(UploadRefusal::Eliminado.into()),
                _ if a.retirado => return Err(UploadRefusal::Retirado.into()),
                // The bytes are here already; whoever may touch the report need not send them twice.
                Some(EstadoArchivo::Subido) => {
                    return self.insert(tx, self.anuncio.bytes, true).await;
                }
                _ => {}
            }
        }
        if let Some(otra) = mismas.iter().find(|s| s.adoptada.is_none()) {
            // What the manifest says counts; without one, whoever came first.
            if anunciado.is_none() {
                return Err(UploadRefusal::ArchivoDistinto.into());
            }
            remove_upload(tx, &otra.id).await?;
        }
        self.check_quota(tx).await?;
        self.insert(tx, 0, false).await
    }
}

impl CreateUpload {
    /// Two beginnings by one person come one after the other: they share a quota and perhaps a uuid.
    async fn wait_for_owner(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        if let Conn::Postgres(c) = &mut tx.conn {
            sqlx::query("SELECT 1 FROM usuarios WHERE rut = $1 FOR NO KEY UPDATE")
                .bind(self.quien.rut.body())
                .execute(&mut **c)
                .await?;
        }
        Ok(())
    }

    /// This person's uploads of this file that have not expired, unadopted first.
    async fn same_file_uploads(&self, tx: &mut Tx<'_>) -> Result<Vec<Upload>, StoreError> {
        Ok(
            with_conn!(tx.conn, c => sqlx::query_as(concat!("SELECT ", columns!(), " FROM subidas
            WHERE rut = $1 AND multimedia_uuid = $2 AND expira > $3
            ORDER BY adoptada IS NOT NULL, id"))
            .bind(self.quien.rut.body()).bind(self.anuncio.multimedia_uuid.as_str()).bind(tx.ahora.0)
            .fetch_all(&mut **c).await)?,
        )
    }

    /// The file in a manifest that this person may touch.
    async fn find_in_manifest(
        &self,
        tx: &mut Tx<'_>,
    ) -> Result<Option<ManifestArchivo>, StoreError> {
        let anunciados: Vec<ManifestArchivo> = with_conn!(tx.conn, c => sqlx::query_as(
            "SELECT m.bytes, m.sha256, m.estado, r.rut, r.area_id, r.retirado_en IS NOT NULL AS retirado
             FROM multimedia m JOIN reportes r ON r.id = m.reporte_id
             WHERE m.uuid_cliente = $1 AND ($2 IS NULL OR r.uuid_cliente = $2) ORDER BY m.id")
            .bind(self.anuncio.multimedia_uuid.as_str()).bind(self.anuncio.reporte_uuid.as_deref())
            .fetch_all(&mut **c).await)?;
        Ok(anunciados
            .into_iter()
            .find(|a| Rut::new(a.rut).is_ok_and(|autor| self.quien.can_edit(autor, a.area_id))))
    }

    async fn renew(&self, tx: &mut Tx<'_>, s: &Upload) -> Result<Upload, Refused<UploadRefusal>> {
        let expira = tx.ahora.plus(self.vigencia).0.max(s.expira);
        with_conn!(tx.conn, c => sqlx::query("UPDATE subidas SET expira = $2 WHERE id = $1")
            .bind(s.id.as_str()).bind(expira).execute(&mut **c).await.map(drop))?;
        Ok(Upload {
            expira,
            ..s.clone()
        })
    }

    async fn check_quota(&self, tx: &mut Tx<'_>) -> Result<(), Refused<UploadRefusal>> {
        let (abiertas, bytes): (i64, i64) = with_conn!(tx.conn, c => sqlx::query_as(
            "SELECT count(*), CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM subidas
             WHERE rut = $1 AND adoptada IS NULL AND expira > $2")
            .bind(self.quien.rut.body()).bind(tx.ahora.0).fetch_one(&mut **c).await)?;
        if abiertas >= self.max_abiertas {
            return Err(UploadRefusal::MuchasAbiertas.into());
        }
        if bytes.saturating_add(self.anuncio.bytes) > self.max_bytes {
            return Err(UploadRefusal::MuchosBytes.into());
        }
        Ok(())
    }

    async fn insert(
        &self,
        tx: &mut Tx<'_>,
        recibidos: i64,
        hecha: bool,
    ) -> Result<Upload, Refused<UploadRefusal>> {
        let hecha = hecha.then_some(tx.ahora.0);
        // One that expired and was not swept yet is in the way.
        let vencidas: Vec<String> = with_conn!(tx.conn, c => sqlx::query_scalar(
            "SELECT id FROM subidas WHERE rut = $1 AND multimedia_uuid = $2 AND expira <= $3")
            .bind(self.quien.rut.body()).bind(self.anuncio.multimedia_uuid.as_str()).bind(tx.ahora.0)
            .fetch_all(&mut **c).await)?;
        for id in vencidas {
            remove_upload(tx, &id).await?;
        }
        let subida = with_conn!(tx.conn, c => sqlx::query_as(concat!(
            "INSERT INTO subidas (id, rut, multimedia_uuid, reporte_uuid, nombre, tipo, bytes, sha256,
                recibidos, creada, expira, terminada, adoptada)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) RETURNING ", columns!()))
            .bind(self.id.as_str()).bind(self.quien.rut.body())
            .bind(self.anuncio.multimedia_uuid.as_str()).bind(self.anuncio.reporte_uuid.as_deref())
            .bind(self.anuncio.nombre.as_str()).bind(self.anuncio.tipo.as_str()).bind(self.anuncio.bytes)
            .bind(self.anuncio.sha256.as_str()).bind(recibidos).bind(tx.ahora.0)
            .bind(tx.ahora.plus(self.vigencia).0).bind(hecha)
            .fetch_one(&mut **c).await)?;
        Ok(subida)
    }
}

/// Goes on with an upload: from here on, nobody else who held it may.
#[derive(Debug)]
pub struct AcquireLease {
    pub rut: Rut,
    pub id: String,
    /// Milliseconds that it waits for more, from now.
    pub vigencia: i64,
    /// Where the file goes if all of it comes in one part: noted as by [`RecordBlobKey`](super::RecordBlobKey)
    /// if the upload is untouched.
    pub clave: Option<String>,
}

impl Write for AcquireLease {
    type Out = (Upload, Vec<UploadPart>);
    type Err = Refused<UploadRefusal>;

    async fn run(
        &self,
        tx: &mut Tx<'_>,
    ) -> Result<(Upload, Vec<UploadPart>), Refused<UploadRefusal>> {
        let subida: Option<Upload> = with_conn!(tx.conn, c => sqlx::query_as(concat!(
            "UPDATE subidas SET turno = turno + 1,
                expira = CASE WHEN adoptada IS NULL AND expira < $4 THEN $4 ELSE expira END
             WHERE id = $1 AND rut = $2 AND expira > $3 RETURNING ", columns!()))
            .bind(self.id.as_str()).bind(self.rut.body()).bind(tx.ahora.0)
            .bind(tx.ahora.plus(self.vigencia).0).fetch_optional(&mut **c).await)?;
        let subida = subida.ok_or(UploadRefusal::NoEncontrada)?;
        if let Some(clave) = self.clave.as_ref().filter(|_| subida.is_untouched()) {
            mark_garbage(tx, clave).await?;
        }
        let piezas = parts_of(tx, &subida.id).await?;
        Ok((subida, piezas))
    }
}

/// Gives an upload up. What it became, if a report has it, stays.
#[derive(Debug)]
pub struct RemoveUpload {
    pub rut: Rut,
    pub id: String,
}

impl Write for RemoveUpload {
    /// What the store has for nothing now.
    type Out = Vec<String>;
    type Err = Refused<UploadRefusal>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<String>, Refused<UploadRefusal>> {
        let hay: Option<i64> = with_conn!(tx.conn, c => sqlx::query_scalar(
            "SELECT rut FROM subidas WHERE id = $1 AND rut = $2 AND expira > $3")
            .bind(self.id.as_str()).bind(self.rut.body()).bind(tx.ahora.0)
            .fetch_optional(&mut **c).await)?;
        if hay.is_none() {
            return Err(UploadRefusal::NoEncontrada.into());
        }
        Ok(remove_upload(tx, &self.id).await?)
    }
}

/// The keys of an upload's pieces begin with this. It ends with a slash, by which whoever cleans up
/// knows that it stands for all of them.
pub fn key_prefix(id: &str) -> String {
    format!("subidas/{id}/")
}

/// Takes the row away; answers with what it had in the store, which is noted for the sweeper.
pub(super) async fn remove_upload(tx: &mut Tx<'_>, id: &str) -> Result<Vec<String>, StoreError> {
    let claves = delete_parts(tx, id).await?;
    let sin_dueno: Option<Option<String>> = with_conn!(tx.conn, c => sqlx::query_scalar(
        "DELETE FROM subidas WHERE id = $1
         RETURNING CASE WHEN terminada IS NOT NULL AND adoptada IS NULL THEN sha256 END")
        .bind(id).fetch_optional(&mut **c).await)?;
    if let Some(sha256) = sin_dueno.flatten() {
        super::blobs::release(tx, &sha256).await?;
    }
    mark_parts_garbage(tx, id, claves).await
}

/// A key, or all keys below it, that nothing needs from now on.
pub(super) async fn mark_garbage(tx: &mut Tx<'_>, clave: &str) -> Result<(), StoreError> {
    let Instante(ahora) = tx.ahora;
    with_conn!(tx.conn, c => sqlx::query(
        "INSERT INTO basura (clave, desde) VALUES ($1, $2) ON CONFLICT (clave) DO NOTHING")
        .bind(clave).bind(ahora).execute(&mut **c).await.map(drop))?;
    Ok(())
}
