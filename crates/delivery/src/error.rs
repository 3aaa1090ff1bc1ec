//! Why something was not delivered.

use std::{error::Error, io, time::Duration};

/// Why it was not delivered, in words for the administrator. The words are ours: nothing that the
/// other side said is in them but numbers, since it may be a secret or a trap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{texto}")]
pub struct DeliveryError {
    pub texto: String,
    /// As it is, it will never arrive.
    pub permanente: bool,
    /// The other side asked to be left alone for so long; an hour at most.
    pub reintentar_en: Option<Duration>,
    /// It is about this recipient: whoever else is reached the same way is not concerned.
    pub solo_suyo: bool,
}

impl DeliveryError {
    pub(crate) fn transient(texto: impl Into<String>) -> Self {
        Self {
            texto: texto.into(),
            permanente: false,
            reintentar_en: None,
            solo_suyo: false,
        }
    }

    pub(crate) fn for_recipient_only(self) -> Self {
        Self {
            solo_suyo: true,
            ..self
        }
    }

    pub(crate) fn permanent(texto: impl Into<String>) -> Self {
        Self {
            permanente: true,
            ..Self::transient(texto)
        }
    }
}

/// The first error of the chain for which this has an answer.
pub(crate) fn find_in_chain<T>(
    e: &(dyn Error + 'static),
    mira: impl Fn(&(dyn Error + 'static)) -> Option<T>,
) -> Option<T> {
    let mut causa = Some(e);
    while let Some(e) = causa {
        // An io::Error hides the error it was made from: its source is that one's source.
        let dentro = e.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(hallado) = mira(e).or_else(|| dentro.and_then(|e| mira(e))) {
            return Some(hallado);
        }
        causa = dentro.map_or_else(|| e.source(), |e| Some(e));
    }
    None
}

/// Whether TLS is what failed, and if so, whether it was the certificate.
pub(crate) fn tls_failure(e: &(dyn Error + 'static)) -> Option<bool> {
    find_in_chain(e, |e| {
        let e = e.downcast_ref::<rustls::Error>()?;
        Some(matches!(e, rustls::Error::InvalidCertificate(_)))
    })
}
