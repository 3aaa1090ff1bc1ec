//! The bad link of each phone.

use std::{net::SocketAddr, time::Duration};

use sigra_enlace::{Condiciones, Corte, Enlace};

use super::{dado::Dado, error::ErrorDemo};

/// Connections after which a phone's link no longer breaks: it has come out of the tunnel.
const TUNEL: u64 = 6;

/// A link to the server that is slow and breaks, as the dice say.
pub(super) async fn malo(servidor: SocketAddr, mut dado: Dado) -> Result<Enlace, ErrorDemo> {
    let condiciones = move |numero| Condiciones {
        latencia: Duration::from_millis(5 + dado.menor_que(20)),
        bytes_por_segundo: Some(40_000 + dado.menor_que(200_000)),
        corte: corte(&mut dado).filter(|_| numero < TUNEL),
    };
    Enlace::nuevo(servidor, condiciones)
        .await
        .map_err(|e| ErrorDemo::Interno(e.to_string()))
}

/// Two of three connections break, in the middle of a request or of an answer.
fn corte(dado: &mut Dado) -> Option<Corte> {
    match dado.menor_que(3) {
        // In a request, or in the middle of a photo.
        0 => Some(Corte::Subida(dado.menor_que(30_000))),
        1 => Some(Corte::Bajada(dado.menor_que(2_500))),
        _ => None,
    }
}

/// What went over the links.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trafico {
    pub(super) conexiones: u64,
    pub(super) cortadas: u64,
    /// Bytes, headers included.
    pub(super) subidos: u64,
    pub(super) bajados: u64,
}

impl Trafico {
    pub(super) fn suma(&mut self, enlace: &Enlace) {
        let c = enlace.cuentas();
        self.conexiones += c.conexiones;
        self.cortadas += c.cortadas;
        self.subidos += c.subidos;
        self.bajados += c.bajados;
    }
}
