//! Wrong passwords slow down, per account and per address.
//!
//! An attempt is counted before its password is looked at and forgiven when it was right, so that
//! many at once can't slip past the count. Accounts that do not exist are counted like those that do.

use sigra_domain::Instante;

use crate::{Fallo, Tx, Write, db::con};

/// Free attempts before an account slows down.
const LIBRES_CUENTA: i64 = 5;
/// Free attempts for an address: a whole shift may sit behind one, and attempts still under way
/// count.
const LIBRES_DIRECCION: i64 = 300;
/// The longest wait, in milliseconds. Short enough that nobody can lock another out for a shift.
const ESPERA_MAX: i64 = 5 * Instante::MINUTO;
/// Without attempts for this long an account or address begins anew.
const OLVIDO: i64 = Instante::HORA;

/// Counts an attempt; `Err` in the result tells how many milliseconds to wait instead.
#[derive(Debug)]
pub struct Intento {
    pub rut: i64,
    pub direccion: String,
}

/// Takes back what [`Intento`] counted, after a right password.
#[derive(Debug)]
pub struct PerdonaIntento {
    pub rut: i64,
    pub direccion: String,
}

fn claves(rut: i64, direccion: &str) -> [(String, i64); 2] {
    [
        (format!("rut:{rut}"), LIBRES_CUENTA),
        (format!("direccion:{direccion}"), LIBRES_DIRECCION),
    ]
}

/// How long after the `fallos`-th failure the next attempt may come: 1, 2, 4 … seconds once the
/// free ones are used up.
fn espera(fallos: i64, libres: i64) -> i64 {
    if fallos < libres {
        return 0;
    }
    let doblez = u32::try_from(fallos - libres).unwrap_or(u32::MAX).min(20);
    (Instante::SEGUNDO << doblez).min(ESPERA_MAX)
}

impl Write for Intento {
    type Out = Result<(), i64>;
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Out, Fallo> {
        let ahora = tx.ahora;
        let mut falta = 0;
        for (clave, libres) in claves(self.rut, &self.direccion) {
            // The row is there and locked from here on.
            let (fallos, ultimo): (i64, i64) = con!(tx.conn, c => sqlx::query_as(
                "INSERT INTO intentos (clave, fallos, ultimo) VALUES ($1, 0, $2)
                 ON CONFLICT (clave) DO UPDATE SET fallos =
                    CASE WHEN intentos.ultimo < $3 THEN 0 ELSE intentos.fallos END
                 RETURNING fallos, ultimo")
                .bind(clave.as_str()).bind(ahora.0).bind(ahora.mas(-OLVIDO).0)
                .fetch_one(&mut **c).await)?;
            // `ultimo` may be a little ahead: of an attempt that began later and got the row first.
            let espera = espera(fallos, libres);
            if espera > 0 {
                falta = falta.max(ultimo + espera - ahora.0);
            }
        }
        if falta > 0 {
            return Ok(Err(falta));
        }
        for (clave, _) in claves(self.rut, &self.direccion) {
            con!(tx.conn, c => sqlx::query(
                "UPDATE intentos SET fallos = fallos + 1, ultimo = $2 WHERE clave = $1")
                .bind(clave.as_str()).bind(ahora.0).execute(&mut **c).await.map(drop))?;
        }
        Ok(Ok(()))
    }
}

impl Write for PerdonaIntento {
    type Out = ();
    type Err = Fallo;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fallo> {
        let [(cuenta, _), (direccion, _)] = claves(self.rut, &self.direccion);
        con!(tx.conn, c => sqlx::query("UPDATE intentos SET fallos = 0 WHERE clave = $1")
            .bind(cuenta.as_str()).execute(&mut **c).await.map(drop))?;
        con!(tx.conn, c => sqlx::query(
            "UPDATE intentos SET fallos = fallos - 1 WHERE clave = $1 AND fallos > 0")
            .bind(direccion.as_str()).execute(&mut **c).await.map(drop))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{ESPERA_MAX, LIBRES_CUENTA, espera};

    #[test]
    fn waits_double_up_to_a_limit() {
        let waits: Vec<i64> = (3..12).map(|f| espera(f, LIBRES_CUENTA)).collect();
        assert_eq!(
            waits,
            [0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000]
        );
        assert_eq!(espera(i64::MAX, LIBRES_CUENTA), ESPERA_MAX);
    }
}
