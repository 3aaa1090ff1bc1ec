//! How TLS is spoken: with the authorities that the system trusts, read once a process.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, crypto::aws_lc_rs::default_provider};
use rustls_platform_verifier::BuilderVerifierExt as _;

static CONFIG: OnceLock<ClientConfig> = OnceLock::new();

/// Fails when the system's certificates can't be read.
pub(super) fn client_config() -> Result<ClientConfig, rustls::Error> {
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(CONFIG.get_or_init(|| config).clone())
}
