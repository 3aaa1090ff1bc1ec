//! An upload begins, is taken up again, or is given up.

use sigra_domain::{Instante, Quien, Rut, reporte::EstadoArchivo};
use sqlx::FromRow;

use super::{
    RechazoSubida,
    piezas::{Pieza, piezas_de},
};
use crate::{
    Fallo, Tx, Write,
    db::{Conn, con},
};

/// An upload as it stands.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Subida {
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

/// The columns of [`Subida`].
macro_rules! columnas {
    () => {
        "id, rut, multimedia_uuid, reporte_uuid, nombre, tipo, bytes, sha256, recibidos, turno, expira, \
         terminada, adoptada"
    };
}

/// A file that somebody wants to send.
#[derive(Clone, Debug)]
pub struct Anuncio {
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
pub struct CrearSubida {
    pub quien: Quien,
    /// For a new one.
    pub id: String,
    pub anuncio: Anuncio,
    /// Milliseconds that it waits for more.
    pub vigencia: i64,
    /// Uploads that this person may have open at once, and their bytes.
    pub max_abiertas: i64,
    pub max_bytes: i64,
}

/// What the manifests say of a file's uuid.
#[derive(FromRow)]
struct Anunciado {
    bytes: i64,
    sha256: String,
    estado: String,
    rut: i64,
    area_id: i64,
    retirado: bool,
}

impl Write for CrearSubida {
    type Out = Subida;
    type Err = RechazoSubida;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Subida, RechazoSubida> {
        self.espera_al_dueno(tx).await?;
        let mismas = self.mismas(tx).await?;
        let igual = |s: &Subida| (s.bytes, &s.sha256) == (self.anuncio.bytes, &self.anuncio.sha256);
        if let Some(s) = mismas.iter().find(|s| igual(s)) {
            return self.otra_vez(tx, s).await;
        }
        let anunciado = self.anunciado(tx).await?;
        if let Some(a) = &anunciado {
            if (a.bytes, &a.sha256) != (self.anuncio.bytes, &self.anuncio.sha256) {
                return Err(RechazoSubida::ArchivoDistinto);
            }
            match EstadoArchivo::de_nombre(&a.estado) {
                Some(EstadoArchivo::Eliminado) => return Err(RechazoSubida::Eliminado),
                _ if a.retirado => return Err(RechazoSubida::Retirado),
                // The bytes are here already; whoever may touch the report need not send them twice.
                Some(EstadoArchivo::Subido) => {
                    return self.inserta(tx, self.anuncio.bytes, true).await;
                }
                _ => {}
            }
        }
        if let Some(otra) = mismas.iter().find(|s| s.adoptada.is_none()) {
            // What the manifest says counts; without one, whoever came first.
            if anunciado.is_none() {
                return Err(RechazoSubida::ArchivoDistinto);
            }
            quita(tx, &otra.id).await?;
        }
        self.cabe(tx).await?;
        self.inserta(tx, 0, false).await
    }
}

impl CrearSubida {
    /// Two beginnings by one person come one after the other: they share a quota and perhaps a uuid.
    async fn espera_al_dueno(&self, tx: &mut Tx<'_>) -> Result<(), Fallo> {
        if let Conn::Postgres(c) = &mut tx.conn {
            sqlx::query("SELECT 1 FROM usuarios WHERE rut = $1 FOR NO KEY UPDATE")
                .bind(self.quien.rut.cuerpo())
                .execute(&mut **c)
                .await?;
        }
        Ok(())
    }

    /// This person's uploads of this file that have not expired, unadopted first.
    async fn mismas(&self, tx: &mut Tx<'_>) -> Result<Vec<Subida>, Fallo> {
        Ok(
            con!(tx.conn, c => sqlx::query_as(concat!("SELECT ", columnas!(), " FROM subidas
            WHERE rut = $1 AND multimedia_uuid = $2 AND expira > $3
            ORDER BY adoptada IS NOT NULL, id"))
            .bind(self.quien.rut.cuerpo()).bind(self.anuncio.multimedia_uuid.as_str()).bind(tx.ahora.0)
            .fetch_all(&mut **c).await)?,
        )
    }

    /// The file in a manifest that this person may touch.
    async fn anunciado(&self, tx: &mut Tx<'_>) -> Result<Option<Anunciado>, Fallo> {
        let anunciados: Vec<Anunciado> = con!(tx.conn, c => sqlx::query_as(
            "SELECT m.bytes, m.sha256, m.estado, r.rut, r.area_id, r.retirado_en IS NOT NULL AS retirado
             FROM multimedia m JOIN reportes r ON r.id = m.reporte_id
             WHERE m.uuid_cliente = $1 AND ($2 IS NULL OR r.uuid_cliente = $2) ORDER BY m.id")
            .bind(self.anuncio.multimedia_uuid.as_str()).bind(self.anuncio.reporte_uuid.as_deref())
            .fetch_all(&mut **c).await)?;
        Ok(anunciados
            .into_iter()
            .find(|a| Rut::new(a.rut).is_ok_and(|autor| self.quien.puede_editar(autor, a.area_id))))
    }

    async fn otra_vez(&self, tx: &mut Tx<'_>, s: &Subida) -> Result<Subida, RechazoSubida> {
        let expira = tx.ahora.mas(self.vigencia).0.max(s.expira);
        con!(tx.conn, c => sqlx::query("UPDATE subidas SET expira = $2 WHERE id = $1")
            .bind(s.id.as_str()).bind(expira).execute(&mut **c).await.map(drop))?;
        Ok(Subida {
            expira,
            ..s.clone()
        })
    }

    async fn cabe(&self, tx: &mut Tx<'_>) -> Result<(), RechazoSubida> {
        let (abiertas, bytes): (i64, i64) = con!(tx.conn, c => sqlx::query_as(
            "SELECT count(*), CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM subidas
             WHERE rut = $1 AND adoptada IS NULL AND expira > $2")
            .bind(self.quien.rut.cuerpo()).bind(tx.ahora.0).fetch_one(&mut **c).await)?;
        if abiertas >= self.max_abiertas {
            return Err(RechazoSubida::MuchasAbiertas);
        }
        if bytes.saturating_add(self.anuncio.bytes) > self.max_bytes {
            return Err(RechazoSubida::MuchosBytes);
        }
        Ok(())
    }

    async fn inserta(
        &self,
        tx: &mut Tx<'_>,
        recibidos: i64,
        hecha: bool,
    ) -> Result<Subida, RechazoSubida> {
        let hecha = hecha.then_some(tx.ahora.0);
        // One that expired and was not swept yet is in the way.
        let vencidas: Vec<String> = con!(tx.conn, c => sqlx::query_scalar(
            "SELECT id FROM subidas WHERE rut = $1 AND multimedia_uuid = $2 AND expira <= $3")
            .bind(self.quien.rut.cuerpo()).bind(self.anuncio.multimedia_uuid.as_str()).bind(tx.ahora.0)
            .fetch_all(&mut **c).await)?;
        for id in vencidas {
            quita(tx, &id).await?;
        }
        let subida = con!(tx.conn, c => sqlx::query_as(concat!(
            "INSERT INTO subidas (id, rut, multimedia_uuid, reporte_uuid, nombre, tipo, bytes, sha256,
                recibidos, creada, expira, terminada, adoptada)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) RETURNING ", columnas!()))
            .bind(self.id.as_str()).bind(self.quien.rut.cuerpo())
            .bind(self.anuncio.multimedia_uuid.as_str()).bind(self.anuncio.reporte_uuid.as_deref())
            .bind(self.anuncio.nombre.as_str()).bind(self.anuncio.tipo.as_str()).bind(self.anuncio.bytes)
            .bind(self.anuncio.sha256.as_str()).bind(recibidos).bind(tx.ahora.0)
            .bind(tx.ahora.mas(self.vigencia).0).bind(hecha)
            .fetch_one(&mut **c).await)?;
        Ok(subida)
    }
}

/// Goes on with an upload: from here on, nobody else who held it may.
#[derive(Debug)]
pub struct TomarTurno {
    pub rut: Rut,
    pub id: String,
    /// Milliseconds that it waits for more, from now.
    pub vigencia: i64,
}

impl Write for TomarTurno {
    type Out = (Subida, Vec<Pieza>);
    type Err = RechazoSubida;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(Subida, Vec<Pieza>), RechazoSubida> {
        let subida: Option<Subida> = con!(tx.conn, c => sqlx::query_as(concat!(
            "UPDATE subidas SET turno = turno + 1,
                expira = CASE WHEN adoptada IS NULL AND expira < $4 THEN $4 ELSE expira END
             WHERE id = $1 AND rut = $2 AND expira > $3 RETURNING ", columnas!()))
            .bind(self.id.as_str()).bind(self.rut.cuerpo()).bind(tx.ahora.0)
            .bind(tx.ahora.mas(self.vigencia).0).fetch_optional(&mut **c).await)?;
        let subida = subida.ok_or(RechazoSubida::NoEncontrada)?;
        let piezas = piezas_de(tx, &subida.id).await?;
        Ok((subida, piezas))
    }
}

/// Gives an upload up. What it became, if a report has it, stays.
#[derive(Debug)]
pub struct QuitarSubida {
    pub rut: Rut,
    pub id: String,
}

impl Write for QuitarSubida {
    type Out = ();
    type Err = RechazoSubida;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), RechazoSubida> {
        let hay: Option<i64> = con!(tx.conn, c => sqlx::query_scalar(
            "SELECT rut FROM subidas WHERE id = $1 AND rut = $2 AND expira > $3")
            .bind(self.id.as_str()).bind(self.rut.cuerpo()).bind(tx.ahora.0)
            .fetch_optional(&mut **c).await)?;
        if hay.is_none() {
            return Err(RechazoSubida::NoEncontrada);
        }
        Ok(quita(tx, &self.id).await?)
    }
}

/// The keys of an upload's pieces begin with this. It ends with a slash, by which whoever cleans up
/// knows that it stands for all of them.
pub fn carpeta(id: &str) -> String {
    format!("subidas/{id}/")
}

/// Takes the row away; what it had in the store is left to the sweeper.
pub(super) async fn quita(tx: &mut Tx<'_>, id: &str) -> Result<(), Fallo> {
    con!(tx.conn, c => sqlx::query("DELETE FROM piezas WHERE subida_id = $1").bind(id)
        .execute(&mut **c).await.map(drop))?;
    let sin_dueno: Option<Option<String>> = con!(tx.conn, c => sqlx::query_scalar(
        "DELETE FROM subidas WHERE id = $1
         RETURNING CASE WHEN terminada IS NOT NULL AND adoptada IS NULL THEN sha256 END")
        .bind(id).fetch_optional(&mut **c).await)?;
    if let Some(sha256) = sin_dueno.flatten() {
        super::objetos::suelta(tx, &sha256).await?;
    }
    tira(tx, &carpeta(id)).await
}

/// A key, or all keys below it, that nothing needs from now on.
pub(super) async fn tira(tx: &mut Tx<'_>, clave: &str) -> Result<(), Fallo> {
    let Instante(ahora) = tx.ahora;
    con!(tx.conn, c => sqlx::query(
        "INSERT INTO basura (clave, desde) VALUES ($1, $2) ON CONFLICT (clave) DO NOTHING")
        .bind(clave).bind(ahora).execute(&mut **c).await.map(drop))?;
    Ok(())
}
