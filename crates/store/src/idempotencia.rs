//! `Idempotency-Key`: the first good answer, kept in the transaction that earned it.

use std::future::Future;

use serde::{Deserialize, Serialize};
use sigra_domain::{Instante, Rut, entrega::MAX_EDAD};

use crate::{DeFallo, Fallo, Store, Tx, Write, db::con};

/// A client's key with what it is bound to.
#[derive(Clone, Debug)]
pub struct Clave {
    pub rut: Rut,
    /// Method and path.
    pub ruta: String,
    /// 1–255 ASCII characters.
    pub clave: String,
    pub sha256_cuerpo: String,
}

/// An answer that can be given again, byte for byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Respuesta {
    pub status: u16,
    pub location: Option<String>,
    pub etag: Option<String>,
    /// JSON, empty for an answer without a body.
    pub cuerpo: String,
    /// Whether it is an earlier answer given again.
    #[serde(skip)]
    pub repetida: bool,
}

/// A write whose permission can be asked before a kept answer is given again.
pub trait Autoriza: Write {
    fn autoriza(&self, tx: &mut Tx<'_>) -> impl Future<Output = Result<(), Self::Err>> + Send;
}

/// A write under a key: the same key and body again gives the first answer; a concurrent use waits
/// for the first to end.
pub struct ConClave<W, F> {
    pub clave: Option<Clave>,
    pub op: W,
    /// The answer to a result.
    pub responde: F,
}

/// Why a write under a key is refused.
#[derive(Debug)]
pub enum RechazoClave<E> {
    /// The key was used with another body.
    Distinta,
    Op(E),
}

impl<E: DeFallo> From<Fallo> for RechazoClave<E> {
    fn from(f: Fallo) -> Self {
        Self::Op(E::from(f))
    }
}

impl<E: DeFallo> DeFallo for RechazoClave<E> {
    fn fallo(&self) -> Option<&Fallo> {
        match self {
            Self::Distinta => None,
            Self::Op(e) => e.fallo(),
        }
    }
}

impl<W, F> Write for ConClave<W, F>
where
    W: Autoriza,
    F: Fn(W::Out) -> Result<Respuesta, Fallo> + Send + Sync + 'static,
{
    type Out = Respuesta;
    type Err = RechazoClave<W::Err>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Respuesta, Self::Err> {
        let Some(clave) = &self.clave else {
            let out = self.op.run(tx).await.map_err(RechazoClave::Op)?;
            return Ok((self.responde)(out)?);
        };
        self.op.autoriza(tx).await.map_err(RechazoClave::Op)?;
        if let Some((sha256, respuesta)) = reserva(tx, clave).await? {
            if sha256 != clave.sha256_cuerpo {
                return Err(RechazoClave::Distinta);
            }
            let respuesta: Respuesta =
                serde_json::from_str(&respuesta).map_err(|_| Fallo::Dato("idempotencia".into()))?;
            return Ok(Respuesta {
                repetida: true,
                ..respuesta
            });
        }
        // Whatever is refused rolls the reservation back with it.
        let out = self.op.run(tx).await.map_err(RechazoClave::Op)?;
        let respuesta = (self.responde)(out)?;
        let json = serde_json::to_string(&respuesta).map_err(|e| Fallo::Dato(e.to_string()))?;
        con!(tx.conn, c => sqlx::query(
            "UPDATE idempotencia SET respuesta = $4 WHERE rut = $1 AND ruta = $2 AND clave = $3")
            .bind(clave.rut.cuerpo()).bind(clave.ruta.as_str()).bind(clave.clave.as_str())
            .bind(json.as_str())
            .execute(&mut **c).await.map(drop).map_err(Fallo::from))?;
        Ok(respuesta)
    }
}

/// Kept this long after the first use.
const VIGENCIA: i64 = 7 * Instante::DIA;

/// Takes the key, or answers what it was first used for. PostgreSQL makes this wait for a
/// concurrent transaction that took it; SQLite's writer has none.
async fn reserva(tx: &mut Tx<'_>, k: &Clave) -> Result<Option<(String, String)>, Fallo> {
    let limite = tx.ahora.mas(-VIGENCIA).0;
    let tomada = con!(tx.conn, c => sqlx::query(
        "INSERT INTO idempotencia (rut, ruta, clave, sha256_cuerpo, respuesta, creada)
         VALUES ($1, $2, $3, $4, '', $5)
         ON CONFLICT (rut, ruta, clave) DO UPDATE
            SET sha256_cuerpo = excluded.sha256_cuerpo, respuesta = '', creada = excluded.creada
            WHERE idempotencia.creada < $6")
        .bind(k.rut.cuerpo()).bind(k.ruta.as_str()).bind(k.clave.as_str())
        .bind(k.sha256_cuerpo.as_str()).bind(tx.ahora.0).bind(limite)
        .execute(&mut **c).await.map(|r| r.rows_affected()))?;
    if tomada > 0 {
        return Ok(None);
    }
    Ok(con!(tx.conn, c => sqlx::query_as(
        "SELECT sha256_cuerpo, respuesta FROM idempotencia
         WHERE rut = $1 AND ruta = $2 AND clave = $3")
        .bind(k.rut.cuerpo()).bind(k.ruta.as_str()).bind(k.clave.as_str())
        .fetch_optional(&mut **c).await)?)
}

/// Phones of one person that are remembered.
const MAX_DISPOSITIVOS: i64 = 50;

/// Removes what no client may still need: keys, sessions and counts of attempts that are over.
struct Limpieza;

impl Write for Limpieza {
    type Out = u64;
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, Fallo> {
        let mut borradas = 0;
        for (sql, limite) in [
            (
                "DELETE FROM idempotencia WHERE creada < $1",
                tx.ahora.mas(-VIGENCIA),
            ),
            (
                "DELETE FROM intentos WHERE ultimo < $1",
                tx.ahora.mas(-Instante::DIA),
            ),
            // Sessions stay a while after their end, for whoever looks into a theft.
            (
                "DELETE FROM sesiones WHERE expira < $1",
                tx.ahora.mas(-30 * Instante::DIA),
            ),
            (
                "DELETE FROM notificaciones WHERE creada < $1",
                tx.ahora.mas(-90 * Instante::DIA),
            ),
            (
                "DELETE FROM entregas WHERE creada < $1",
                tx.ahora.mas(-90 * Instante::DIA),
            ),
            // Behind a destination that never answers not even the first try may come.
            (
                "UPDATE entregas SET estado = 'muerta', terminada = creada,
                    error = coalesce(error, 'El destino no responde hace días.')
                 WHERE estado = 'pendiente' AND tomada IS NULL AND creada < $1",
                tx.ahora.mas(-MAX_EDAD),
            ),
            // What still holds after that is told again.
            (
                "DELETE FROM alarmas WHERE creada < $1",
                tx.ahora.mas(-400 * Instante::DIA),
            ),
            (
                "DELETE FROM circuitos WHERE abierto_hasta < $1",
                tx.ahora.mas(-7 * Instante::DIA),
            ),
        ] {
            borradas += con!(tx.conn, c => sqlx::query(sql).bind(limite.0)
                .execute(&mut **c).await.map(|r| r.rows_affected()))?;
        }
        // Whoever invents names for phones fills the list with their own only.
        borradas += con!(tx.conn, c => sqlx::query(
            "DELETE FROM dispositivos WHERE (device_id, rut) IN (SELECT device_id, rut FROM (
                SELECT device_id, rut, row_number() OVER (PARTITION BY rut ORDER BY last_sync DESC)
                    AS n FROM dispositivos) d WHERE n > $1)")
            .bind(MAX_DISPOSITIVOS).execute(&mut **c).await.map(|r| r.rows_affected()))?;
        Ok(borradas)
    }
}

impl Store {
    /// To be called now and then.
    pub async fn limpiar(&self) -> Result<u64, Fallo> {
        self.escribir(Limpieza).await
    }
}
