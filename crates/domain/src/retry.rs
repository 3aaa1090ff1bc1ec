//! Rules of what goes to somebody outside: when it is tried again, when it is given up, when a destination is
//! left alone, and what each person wants to be told by which way.

use crate::{Instante, Language, aviso::Aviso};

/// A way out of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    Correo,
    Push,
    Webhook,
}

impl Channel {
    pub const ALL: [Self; 3] = [Self::Correo, Self::Push, Self::Webhook];

    pub fn name(self) -> &'static str {
        match self {
            Self::Correo => "correo",
            Self::Push => "push",
            Self::Webhook => "webhook",
        }
    }

    pub fn from_name(nombre: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == nombre)
    }
}

/// One person's mails within that time become one, in milliseconds.
pub const DIGEST_WINDOW: i64 = 5 * Instante::MINUTE;
/// Tries, the first one included.
pub const MAX_ATTEMPTS: i64 = 10;
/// What has waited that long is given up, tried or not, in milliseconds.
pub const MAX_AGE: i64 = 3 * Instante::DAY;

const FIRST_BACKOFF: i64 = 10_000;
const MAX_BACKOFF: i64 = 12 * Instante::HOUR;

/// How long to wait after so many tries that failed, in milliseconds: four times as long each time, at most
/// half a day, and up to a quarter more or less as the dice say, so that what failed together does not come
/// back together. `None`: it is given up.
pub fn backoff(intentos: i64, random: u64) -> Option<i64> {
    if intentos >= MAX_ATTEMPTS {
        return None;
    }
    let veces = u32::try_from(intentos.clamp(1, 16) - 1).unwrap_or(0);
    let plena = FIRST_BACKOFF
        .saturating_mul(4_i64.pow(veces))
        .min(MAX_BACKOFF);
    let milesimas = 750 + i64::try_from(random % 501).unwrap_or(0);
    Some(plena * milesimas / 1_000)
}

/// Failures in a row after which a destination is left alone.
pub const CIRCUIT_FAILURE_THRESHOLD: i64 = 5;

/// How long a destination is left alone after so many failures in a row, in milliseconds; then one thing is
/// tried. 0 while there were few.
pub fn cooldown(fallos: i64) -> i64 {
    let veces = fallos - CIRCUIT_FAILURE_THRESHOLD;
    match u32::try_from(veces) {
        Err(_) => 0,
        Ok(veces) => (30_000_i64 << veces.min(5)).min(15 * Instante::MINUTE),
    }
}

/// How a person wants to be told. What is in the tray of the panel and the app is there always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preferencias {
    pub idioma: Language,
    pub correo: bool,
    pub push: bool,
    /// What goes to the tray alone.
    pub silenciados: Vec<Aviso>,
}

impl Default for Preferencias {
    fn default() -> Self {
        Self {
            idioma: Language::Es,
            correo: true,
            push: true,
            silenciados: vec![],
        }
    }
}

impl Preferencias {
    /// Whether it goes out this way. `obligatorio`: it is urgent, and they must decide it.
    pub fn allows(&self, canal: Channel, aviso: Aviso, obligatorio: bool) -> bool {
        let quiere = match canal {
            Channel::Correo => self.correo,
            Channel::Push => self.push,
            Channel::Webhook => false,
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
        for n in 1..MAX_ATTEMPTS {
            let (corta, larga) = (backoff(n, 0).unwrap(), backoff(n, 500).unwrap());
            assert!(corta < larga && larga <= MAX_BACKOFF * 5 / 4);
            assert!(corta >= antes, "{n}");
            antes = corta.min(MAX_BACKOFF / 2);
            total += larga;
        }
        assert_eq!(backoff(1, 250), Some(10_000));
        assert_eq!(backoff(3, 250), Some(160_000));
        assert_eq!(backoff(MAX_ATTEMPTS, 0), None);
        // The last try comes before age alone gives it up.
        assert!(total < MAX_AGE, "{total}");
    }

    #[test]
    fn a_destination_is_left_alone_longer_and_longer() {
        let pausas: Vec<i64> = (0..14).map(|n| cooldown(n) / 1_000).collect();
        assert_eq!(
            pausas,
            [0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900, 900]
        );
    }

    #[test]
    fn what_is_urgent_can_not_be_silenced_by_those_who_decide() {
        let mut p = Preferencias::default();
        assert!(p.allows(Channel::Correo, Aviso::Creado, false));
        p.silenciados = vec![Aviso::Creado];
        assert!(!p.allows(Channel::Push, Aviso::Creado, false));
        assert!(p.allows(Channel::Push, Aviso::Decidido, false));
        p.correo = false;
        p.push = false;
        for canal in [Channel::Correo, Channel::Push] {
            assert!(!p.allows(canal, Aviso::Decidido, false));
            assert!(p.allows(canal, Aviso::Creado, true));
        }
        assert!(!p.allows(Channel::Webhook, Aviso::Creado, false));
    }
}
