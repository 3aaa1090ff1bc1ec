//! Sessions: one per login, each the family of its refresh tokens.
//!
//! A refresh token is known by its hash alone. Its successor is derived from the token itself and a
//! salt kept with it, so that the same successor can be given again to a client whose answer was
//! lost or whose two tabs refreshed at once, without the server keeping a token.

use sigra_domain::{Instante, Rut, hex, sha256_hex};
use sigra_store_macros::FromRow;

use crate::{ReadConn, StoreError, Tx, Write, db::with_conn};

/// How long a session lives without being refreshed.
const LIFETIME: i64 = 30 * Instante::DAY;
/// Within this time a replaced token yields the same successor: two tabs, or a quick retry.
const GRACE_PERIOD: i64 = 60 * Instante::SECOND;
/// Open sessions of one person; a new login closes the oldest beyond it.
const MAX_OPEN: i64 = 20;

/// Opens a session after a right password.
#[derive(Clone, Debug)]
pub struct OpenSession {
    pub rut: Rut,
    pub device_id: Option<String>,
    pub agente: Option<String>,
    pub direccion: String,
    /// A better hash of the same password, when the stored one is of the earlier system.
    pub rehash: Option<String>,
}

/// A session's id and its first refresh token.
pub type OpenedSession = (i64, String);

impl Write for OpenSession {
    type Out = OpenedSession;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<OpenedSession, StoreError> {
        if let Some(hash) = &self.rehash {
            with_conn!(tx.conn, c => sqlx::query("UPDATE usuarios SET hash_password = $2 WHERE rut = $1")
                .bind(self.rut.body()).bind(hash.as_str()).execute(&mut **c).await.map(drop))?;
        }
        open(tx, self).await
    }
}

/// Opens a session unless the password was replaced, or its owner deactivated, while it was looked
/// at: what ends all sessions must not miss the one that was on its way.
#[derive(Debug)]
pub struct OpenSessionChecked {
    pub abrir: OpenSession,
    /// The stored hash that the password was held against.
    pub hash_visto: String,
}

impl Write for OpenSessionChecked {
    /// `None` when it has to be looked at again.
    type Out = Option<OpenedSession>;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<OpenedSession>, StoreError> {
        if !is_password_current(tx, self.abrir.rut, &self.hash_visto).await? {
            return Ok(None);
        }
        self.abrir.run(tx).await.map(Some)
    }
}

/// Whether the person is active and has the password of this hash; they stay so until `tx` ends.
async fn is_password_current(tx: &mut Tx<'_>, rut: Rut, hash: &str) -> Result<bool, StoreError> {
    let sql = tx.conn.pick(
        "SELECT rut FROM usuarios WHERE rut = $1 AND hash_password = $2 AND activo",
        "SELECT rut FROM usuarios WHERE rut = $1 AND hash_password = $2 AND activo FOR NO KEY UPDATE",
    );
    let row: Option<i64> = with_conn!(tx.conn, c => sqlx::query_scalar(sql)
        .bind(rut.body()).bind(hash).fetch_optional(&mut **c).await)?;
    Ok(row.is_some())
}

async fn open(tx: &mut Tx<'_>, a: &OpenSession) -> Result<OpenedSession, StoreError> {
    let id: i64 = with_conn!(tx.conn, c => sqlx::query_scalar(
        "INSERT INTO sesiones (rut, creada, ultimo_uso, expira, device_id, agente, direccion)
         VALUES ($1, $2, $2, $3, $4, $5, $6) RETURNING id")
        .bind(a.rut.body()).bind(tx.ahora.0).bind(tx.ahora.plus(LIFETIME).0)
        .bind(a.device_id.as_deref()).bind(a.agente.as_deref()).bind(a.direccion.as_str())
        .fetch_one(&mut **c).await)?;
    with_conn!(tx.conn, c => sqlx::query(
        "UPDATE sesiones SET cerrada_en = $2, motivo_cierre = 'demasiadas'
         WHERE rut = $1 AND cerrada_en IS NULL AND id <= (SELECT id FROM sesiones
            WHERE rut = $1 AND cerrada_en IS NULL ORDER BY id DESC LIMIT 1 OFFSET $3)")
        .bind(a.rut.body()).bind(tx.ahora.0).bind(MAX_OPEN)
        .execute(&mut **c).await.map(drop))?;
    let token = hex(&tx.env.random::<32>());
    insert_token(tx, id, &token).await?;
    Ok((id, token))
}

async fn insert_token(tx: &mut Tx<'_>, sesion_id: i64, token: &str) -> Result<(), StoreError> {
    with_conn!(tx.conn, c => sqlx::query(
        "INSERT INTO refresh_tokens (hash, sesion_id, estado, creado) VALUES ($1, $2, 'vigente', $3)")
        .bind(sha256_hex(token.as_bytes())).bind(sesion_id).bind(tx.ahora.0)
        .execute(&mut **c).await.map(drop))?;
    Ok(())
}

/// Exchanges a refresh token for the next one.
#[derive(Debug)]
pub struct RefreshSession {
    pub token: String,
}

/// What an exchange yields; every other use of a token answers like an unknown one.
#[derive(Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    Nueva {
        sesion_id: i64,
        rut: Rut,
        token: String,
    },
    /// Unknown, over, of a closed session, or a reuse that has just closed it.
    Invalida,
}

#[derive(FromRow)]
struct TokenRow {
    estado: String,
    reemplazado_en: Option<i64>,
    sal: Option<String>,
    sucesor: Option<String>,
}

fn derive_successor(token: &str, sal: &str) -> String {
    sha256_hex(format!("sigra-refresh:{sal}:{token}").as_bytes())
}

impl Write for RefreshSession {
    type Out = RefreshOutcome;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<RefreshOutcome, StoreError> {
        let hash = sha256_hex(self.token.as_bytes());
        // The session's row is the lock of its family.
        let sql = tx.conn.pick(
            "SELECT s.id, s.rut, s.cerrada_en, s.expira FROM sesiones s
             WHERE s.id = (SELECT sesion_id FROM refresh_tokens WHERE hash = $1)",
            "SELECT s.id, s.rut, s.cerrada_en, s.expira FROM sesiones s
             WHERE s.id = (SELECT sesion_id FROM refresh_tokens WHERE hash = $1) FOR UPDATE",
        );
        let sesion: Option<(i64, i64, Option<i64>, i64)> = with_conn!(tx.conn, c => sqlx::query_as(sql)
            .bind(hash.as_str()).fetch_optional(&mut **c).await)?;
        let Some((sesion_id, rut, cerrada, expira)) = sesion else {
            return Ok(RefreshOutcome::Invalida);
        };
        if cerrada.is_some() || expira <= tx.ahora.0 {
            return Ok(RefreshOutcome::Invalida);
        }
        let t = read_token(tx, &hash).await?;
        let token = match (t.estado.as_str(), t.reemplazado_en, t.sal, t.sucesor) {
            ("vigente", ..) => self.rotate(tx, sesion_id, &hash).await?,
            ("reemplazado", Some(cuando), Some(sal), Some(siguiente)) => {
                if tx.ahora.0 - cuando <= GRACE_PERIOD {
                    derive_successor(&self.token, &sal)
                } else if read_token(tx, &siguiente).await?.estado == "vigente" {
                    // Its answer was lost: a sibling takes the unused successor's place.
                    revoke_token(tx, &siguiente).await?;
                    self.rotate(tx, sesion_id, &hash).await?
                } else {
                    return self.revoke_reused(tx, sesion_id).await;
                }
            }
            _ => return self.revoke_reused(tx, sesion_id).await,
        };
        with_conn!(tx.conn, c => sqlx::query("UPDATE sesiones SET ultimo_uso = $2, expira = $3 WHERE id = $1")
            .bind(sesion_id).bind(tx.ahora.0).bind(tx.ahora.plus(LIFETIME).0)
            .execute(&mut **c).await.map(drop))?;
        let rut = Rut::new(rut).map_err(|_| StoreError::Dato("sesión sin rut".into()))?;
        Ok(RefreshOutcome::Nueva {
            sesion_id,
            rut,
            token,
        })
    }
}

impl RefreshSession {
    async fn rotate(
        &self,
        tx: &mut Tx<'_>,
        sesion_id: i64,
        hash: &str,
    ) -> Result<String, StoreError> {
        let sal = hex(&tx.env.random::<16>());
        let nuevo = derive_successor(&self.token, &sal);
        insert_token(tx, sesion_id, &nuevo).await?;
        with_conn!(tx.conn, c => sqlx::query(
            "UPDATE refresh_tokens SET estado = 'reemplazado', reemplazado_en = $2, sal = $3, sucesor = $4
             WHERE hash = $1")
            .bind(hash).bind(tx.ahora.0).bind(sal.as_str()).bind(sha256_hex(nuevo.as_bytes()))
            .execute(&mut **c).await.map(drop))?;
        Ok(nuevo)
    }

    /// A void token, or one whose successor was used: two parties hold this family.
    async fn revoke_reused(
        &self,
        tx: &mut Tx<'_>,
        sesion_id: i64,
    ) -> Result<RefreshOutcome, StoreError> {
        close(tx, sesion_id, "token_reutilizado").await?;
        Ok(RefreshOutcome::Invalida)
    }
}

async fn read_token(tx: &mut Tx<'_>, hash: &str) -> Result<TokenRow, StoreError> {
    Ok(with_conn!(tx.conn, c => sqlx::query_as(
        "SELECT estado, reemplazado_en, sal, sucesor FROM refresh_tokens WHERE hash = $1")
        .bind(hash).fetch_one(&mut **c).await)?)
}

async fn revoke_token(tx: &mut Tx<'_>, hash: &str) -> Result<(), StoreError> {
    with_conn!(tx.conn, c => sqlx::query("UPDATE refresh_tokens SET estado = 'anulado' WHERE hash = $1")
        .bind(hash).execute(&mut **c).await.map(drop))?;
    Ok(())
}

async fn close(tx: &mut Tx<'_>, sesion_id: i64, motivo: &str) -> Result<(), StoreError> {
    with_conn!(tx.conn, c => sqlx::query(
        "UPDATE sesiones SET cerrada_en = $2, motivo_cierre = $3 WHERE id = $1 AND cerrada_en IS NULL")
        .bind(sesion_id).bind(tx.ahora.0).bind(motivo)
        .execute(&mut **c).await.map(drop))?;
    Ok(())
}

/// Closes all open sessions of a person.
pub(super) async fn close_all(tx: &mut Tx<'_>, rut: Rut, motivo: &str) -> Result<(), StoreError> {
    with_conn!(tx.conn, c => sqlx::query(
        "UPDATE sesiones SET cerrada_en = $2, motivo_cierre = $3 WHERE rut = $1 AND cerrada_en IS NULL")
        .bind(rut.body()).bind(tx.ahora.0).bind(motivo)
        .execute(&mut **c).await.map(drop))?;
    Ok(())
}

/// Sets a new password: all sessions end and a new one opens.
#[derive(Debug)]
pub struct ChangePassword {
    pub abrir: OpenSession,
    /// The stored hash that the old password was held against.
    pub hash_visto: String,
    pub hash_nuevo: String,
}

impl Write for ChangePassword {
    /// `None` when the old password was replaced, or the person deactivated, meanwhile.
    type Out = Option<OpenedSession>;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<OpenedSession>, StoreError> {
        tx.lock_settings().await?;
        let rut = self.abrir.rut;
        if !is_password_current(tx, rut, &self.hash_visto).await? {
            return Ok(None);
        }
        with_conn!(tx.conn, c => sqlx::query(
            "UPDATE usuarios SET hash_password = $2, debe_cambiar_password = $3, actualizado = $4
             WHERE rut = $1")
            .bind(rut.body()).bind(self.hash_nuevo.as_str()).bind(false).bind(tx.ahora.0)
            .execute(&mut **c).await.map(drop))?;
        close_all(tx, rut, "cambio_password").await?;
        tx.record_setting_change(
            format!("usuario:{rut}"),
            "cambiar_password",
            Some(rut),
            (
                sigra_domain::bitacora::FieldValues::new(),
                sigra_domain::bitacora::FieldValues::new(),
            ),
        )
        .await?;
        open(tx, &self.abrir).await.map(Some)
    }
}

/// Closes one session of `rut`; false when it is not theirs or not open.
#[derive(Debug)]
pub struct CloseSession {
    pub rut: Rut,
    pub sesion_id: i64,
}

impl Write for CloseSession {
    type Out = bool;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        Ok(with_conn!(tx.conn, c => sqlx::query(
            "UPDATE sesiones SET cerrada_en = $3, motivo_cierre = 'salida'
             WHERE id = $1 AND rut = $2 AND cerrada_en IS NULL")
            .bind(self.sesion_id).bind(self.rut.body()).bind(tx.ahora.0)
            .execute(&mut **c).await.map(|r| r.rows_affected()))?
            > 0)
    }
}

/// An open session, for its owner to look at.
#[derive(Clone, Debug, FromRow)]
pub struct Session {
    pub id: i64,
    pub creada: i64,
    pub ultimo_uso: i64,
    pub expira: i64,
    pub device_id: Option<String>,
    pub agente: Option<String>,
    pub direccion: Option<String>,
}

/// The open sessions of a person, newest first.
pub async fn list_sessions(
    l: &mut ReadConn,
    rut: Rut,
    ahora: Instante,
) -> Result<Vec<Session>, StoreError> {
    Ok(with_conn!(l.conn(), c => sqlx::query_as(
        "SELECT id, creada, ultimo_uso, expira, device_id, agente, direccion FROM sesiones
         WHERE rut = $1 AND cerrada_en IS NULL AND expira > $2 ORDER BY id DESC")
        .bind(rut.body()).bind(ahora.0).fetch_all(&mut **c).await)?)
}
