//! Wrong passwords slow down, per account and per address.
//!
//! An attempt is counted before its password is looked at and forgiven when it was right, so that
//! many at once can't slip past the count. Accounts that do not exist are counted like those that do.

use sigra_domain::Instante;

use crate::{StoreError, Tx, Write, db::with_conn};

/// Free attempts before an account slows down.
const FREE_ATTEMPTS_PER_ACCOUNT: i64 = 5;
/// Free attempts for an address: a whole shift may sit behind one, and attempts still under way
/// count.
const FREE_ATTEMPTS_PER_ADDRESS: i64 = 300;
/// The longest wait, in milliseconds. Short enough that nobody can lock another out for a shift.
const MAX_WAIT: i64 = 5 * Instante::MINUTE;
/// Without attempts for this long an account or address begins anew.
const RESET_AFTER: i64 = Instante::HOUR;

/// Counts an attempt; `Err` in the result tells how many milliseconds to wait instead.
#[derive(Debug)]
pub struct CountAttempt {
    pub rut: i64,
    pub direccion: String,
}

/// Takes back what [`CountAttempt`] counted, after a right password.
#[derive(Debug)]
pub struct ForgiveAttempt {
    pub rut: i64,
    pub direccion: String,
}

fn keys(rut: i64, direccion: &str) -> [(String, i64); 2] {
    [
        (format!("rut:{rut}"), FREE_ATTEMPTS_PER_ACCOUNT),
        (format!("direccion:{direccion}"), FREE_ATTEMPTS_PER_ADDRESS),
    ]
}

/// How long after the `fallos`-th failure the next attempt may come: 1, 2, 4 … seconds once the
/// free ones are used up.
fn backoff(fallos: i64, libres: i64) -> i64 {
    if fallos < libres {
        return 0;
    }
    let doblez = u32::try_from(fallos - libres).unwrap_or(u32::MAX).min(20);
    (Instante::SECOND << doblez).min(MAX_WAIT)
}

impl Write for CountAttempt {
    type Out = Result<(), i64>;
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Out, StoreError> {
        let ahora = tx.ahora;
        let mut falta = 0;
        for (clave, libres) in keys(self.rut, &self.direccion) {
            // The row is there and locked from here on.
            let (fallos, ultimo): (i64, i64) = with_conn!(tx.conn, c => sqlx::query_as(
                "INSERT INTO intentos (clave, fallos, ultimo) VALUES ($1, 0, $2)
                 ON CONFLICT (clave) DO UPDATE SET fallos =
                    CASE WHEN intentos.ultimo < $3 THEN 0 ELSE intentos.fallos END
                 RETURNING fallos, ultimo")
                .bind(clave.as_str()).bind(ahora.0).bind(ahora.plus(-RESET_AFTER).0)
                .fetch_one(&mut **c).await)?;
            // `ultimo` may be a little ahead: of an attempt that began later and got the row first.
            let espera = backoff(fallos, libres);
            if espera > 0 {
                falta = falta.max(ultimo + espera - ahora.0);
            }
        }
        if falta > 0 {
            return Ok(Err(falta));
        }
        for (clave, _) in keys(self.rut, &self.direccion) {
            with_conn!(tx.conn, c => sqlx::query(
                "UPDATE intentos SET fallos = fallos + 1, ultimo = $2 WHERE clave = $1")
                .bind(clave.as_str()).bind(ahora.0).execute(&mut **c).await.map(drop))?;
        }
        Ok(Ok(()))
    }
}

impl Write for ForgiveAttempt {
    type Out = ();
    type Err = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let [(cuenta, _), (direccion, _)] = keys(self.rut, &self.direccion);
        with_conn!(tx.conn, c => sqlx::query("UPDATE intentos SET fallos = 0 WHERE clave = $1")
            .bind(cuenta.as_str()).execute(&mut **c).await.map(drop))?;
        with_conn!(tx.conn, c => sqlx::query(
            "UPDATE intentos SET fallos = fallos - 1 WHERE clave = $1 AND fallos > 0")
            .bind(direccion.as_str()).execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{FREE_ATTEMPTS_PER_ACCOUNT, MAX_WAIT, backoff};

    #[test]
    fn waits_double_up_to_a_limit() {
        let waits: Vec<i64> = (3..12)
            .map(|f| backoff(f, FREE_ATTEMPTS_PER_ACCOUNT))
            .collect();
        assert_eq!(
            waits,
            [0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000]
        );
        assert_eq!(backoff(i64::MAX, FREE_ATTEMPTS_PER_ACCOUNT), MAX_WAIT);
    }
}
