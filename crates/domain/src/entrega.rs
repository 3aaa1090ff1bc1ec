//! Rules of what goes to somebody outside: when it is tried again, when it is given up, when a destination is
//! left alone, and what each person wants to be told by which way.

use crate::{Idioma, Instante, aviso::Aviso};

/// A way out of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Canal {
    Correo,
    Push,
    Webhook,
}

impl Canal {
    pub const TODOS: [Self; 3] = [Self::Correo, Self::Push, Self::Webhook];

    pub fn nombre(self) -> &'static str {
        match self {
            Self::Correo => "correo",
            Self::Push => "push",
            Self::Webhook => "webhook",
        }
    }

    pub fn de_nombre(nombre: &str) -> Option<Self> {
        Self::TODOS.into_iter().find(|c| c.nombre() == nombre)
    }
}

/// One person's mails within that time become one, in milliseconds.
pub const REUNION: i64 = 5 * Instante::MINUTO;
/// Tries, the first one included.
pub const MAX_INTENTOS: i64 = 10;
/// What has waited that long is given up, tried or not, in milliseconds.
pub const MAX_EDAD: i64 = 3 * Instante::DIA;

const PRIMERA_ESPERA: i64 = 10_000;
const MAX_ESPERA: i64 = 12 * Instante::HORA;

/// How long to wait after so many tries that failed, in milliseconds: four times as long each time, at most
/// half a day, and up to a quarter more or less as the dice say, so that what failed together does not come
/// back together. `None`: it is given up.
pub fn espera(intentos: i64, azar: u64) -> Option<i64> {
    if intentos >= MAX_INTENTOS {
        return None;
    }
    let veces = u32::try_from(intentos.clamp(1, 16) - 1).unwrap_or(0);
    let plena = PRIMERA_ESPERA
        .saturating_mul(4_i64.pow(veces))
        .min(MAX_ESPERA);
    let milesimas = 750 + i64::try_from(azar % 501).unwrap_or(0);
    Some(plena * milesimas / 1_000)
}

/// Failures in a row after which a destination is left alone.
pub const FALLOS_DE_CIRCUITO: i64 = 5;

/// How long a destination is left alone after so many failures in a row, in milliseconds; then one thing is
/// tried. 0 while there were few.
pub fn pausa(fallos: i64) -> i64 {
    let veces = fallos - FALLOS_DE_CIRCUITO;
    match u32::try_from(veces) {
        Err(_) => 0,
        Ok(veces) => (30_000_i64 << veces.min(5)).min(15 * Instante::MINUTO),
    }
}

/// How a person wants to be told. What is in the tray of the panel and the app is there always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preferencias {
    pub idioma: Idioma,
    pub correo: bool,
    pub push: bool,
    /// What goes to the tray alone.
    pub silenciados: Vec<Aviso>,
}

impl Default for Preferencias {
    fn default() -> Self {
        Self {
            idioma: Idioma::Es,
            correo: true,
            push: true,
            silenciados: vec![],
        }
    }
}

impl Preferencias {
    /// Whether it goes out this way. `obligatorio`: it is urgent, and they must decide it.
    pub fn lleva(&self, canal: Canal, aviso: Aviso, obligatorio: bool) -> bool {
        let quiere = match canal {
            Canal::Correo => self.correo,
            Canal::Push => self.push,
            Canal::Webhook => false,
        };
        obligatorio || quiere && !self.silenciados.contains(&aviso)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let (mut antes, mut total) = (0, 0);
        for n in 1..MAX_INTENTOS {
            let (corta, larga) = (espera(n, 0).unwrap(), espera(n, 500).unwrap());
            assert!(corta < larga && larga <= MAX_ESPERA * 5 / 4);
            assert!(corta >= antes, "{n}");
            antes = corta.min(MAX_ESPERA / 2);
            total += larga;
        }
        assert_eq!(espera(1, 250), Some(10_000));
        assert_eq!(espera(3, 250), Some(160_000));
        assert_eq!(espera(MAX_INTENTOS, 0), None);
        // The last try comes before age alone gives it up.
        assert!(total < MAX_EDAD, "{total}");
    }

    #[test]
    fn a_destination_is_left_alone_longer_and_longer() {
        let pausas: Vec<i64> = (0..14).map(|n| pausa(n) / 1_000).collect();
        assert_eq!(
            pausas,
            [0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900, 900]
        );
    }

    #[test]
    fn what_is_urgent_can_not_be_silenced_by_those_who_decide() {
        let mut p = Preferencias::default();
        assert!(p.lleva(Canal::Correo, Aviso::Creado, false));
        p.silenciados = vec![Aviso::Creado];
        assert!(!p.lleva(Canal::Push, Aviso::Creado, false));
        assert!(p.lleva(Canal::Push, Aviso::Decidido, false));
        p.correo = false;
        p.push = false;
        for canal in [Canal::Correo, Canal::Push] {
            assert!(!p.lleva(canal, Aviso::Decidido, false));
            assert!(p.lleva(canal, Aviso::Creado, true));
        }
        assert!(!p.lleva(Canal::Webhook, Aviso::Creado, false));
    }
}
