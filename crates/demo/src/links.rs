//! The bad link of each phone.

use std::{net::SocketAddr, time::Duration};

use sigra_testkit::link::{LinkConditions, LinkCut, LinkProxy};

use crate::{error::DemoError, rng::Rng};

/// Connections after which a phone's link no longer breaks: it has come out of the tunnel.
const TUNNEL_CONNECTIONS: u64 = 6;

/// A link to the server that is slow and breaks, as the dice say.
pub(super) async fn unreliable_link(
    servidor: SocketAddr,
    mut rng: Rng,
) -> Result<LinkProxy, DemoError> {
    let condiciones = move |numero| LinkConditions {
        latencia: Duration::from_millis(5 + rng.below(20)),
        bytes_por_segundo: Some(40_000 + rng.below(200_000)),
        corte: random_cut(&mut rng).filter(|_| numero < TUNNEL_CONNECTIONS),
    };
    LinkProxy::new(servidor, condiciones)
        .await
        .map_err(|e| DemoError::Interno(e.to_string()))
}

/// Two of three connections break, in the middle of a request or of an answer.
fn random_cut(rng: &mut Rng) -> Option<LinkCut> {
    match rng.below(3) {
        // In a request, or in the middle of a photo.
        0 => Some(LinkCut::Subida(rng.below(30_000))),
        1 => Some(LinkCut::Bajada(rng.below(2_500))),
        _ => None,
    }
}

/// What went over the links.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    pub(super) conexiones: u64,
    pub(super) cortadas: u64,
    /// Bytes, headers included.
    pub(super) subidos: u64,
    pub(super) bajados: u64,
}

impl Traffic {
    pub(super) fn add(&mut self, link: &LinkProxy) {
        let c = link.stats();
        self.conexiones += c.conexiones;
        self.cortadas += c.cortadas;
        self.subidos += c.subidos;
        self.bajados += c.bajados;
    }
}
