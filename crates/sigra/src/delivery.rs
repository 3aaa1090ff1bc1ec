//! The way from the configuration to what leaves for others.

use sigra_delivery::{
    DeliveryError, DeliveryOptions, DeliveryWorker,
    email::{Mailer, SmtpOptions, TIMEOUT},
};
use sigra_store::Store;

use crate::{config::Config, error::CommandError};

pub(crate) async fn open(config: &Config, store: Store) -> Result<DeliveryWorker, CommandError> {
    let correo = email(config)
        .map_err(|e| CommandError::failed("no se puede usar el correo configurado", e))?;
    let url_publica = config.url_publica.as_ref().map(|u| u.0.clone());
    let opciones = DeliveryOptions {
        correo,
        redes: config.webhooks_redes.0.clone(),
        contacto: url_publica.clone().filter(|u| u.starts_with("https://")),
        url_publica,
        ..DeliveryOptions::default()
    };
    DeliveryWorker::open(store, opciones)
        .await
        .map_err(|e| CommandError::failed("no se pueden preparar los envíos", e))
}

pub(crate) fn email(config: &Config) -> Result<Option<Mailer>, DeliveryError> {
    let Some(remitente) = config.correo_remitente.as_ref().map(|r| r.0.clone()) else {
        return Ok(None);
    };
    if let Some(carpeta) = &config.correo_carpeta {
        return Mailer::folder(carpeta, &remitente).map(Some);
    }
    let Some(servidor) = &config.smtp_servidor else {
        return Ok(None);
    };
    Mailer::smtp(&SmtpOptions {
        servidor: servidor.0.clone(),
        seguridad: config.smtp_seguridad.0,
        usuario: config.smtp_usuario.as_ref().map(|u| u.0.clone()),
        clave: config.smtp_clave.as_ref().map(|c| c.0.clone()),
        remitente,
        plazo: TIMEOUT,
    })
    .map(Some)
}
