//! The way from the configuration to what leaves for others.

use sigra_envio::{
    Cartero, Fallo, Opciones,
    correo::{Correo, OpcionesSmtp, PLAZO},
};
use sigra_store::Store;

use crate::{config::Config, error::ErrorComando};

pub(crate) async fn abre(config: &Config, store: Store) -> Result<Cartero, ErrorComando> {
    let correo = correo(config)
        .map_err(|e| ErrorComando::al("no se puede usar el correo configurado", e))?;
    let url_publica = config.url_publica.as_ref().map(|u| u.0.clone());
    let opciones = Opciones {
        correo,
        redes: config.webhooks_redes.0.clone(),
        contacto: url_publica.clone().filter(|u| u.starts_with("https://")),
        url_publica,
        ..Opciones::default()
    };
    Cartero::abre(store, opciones)
        .await
        .map_err(|e| ErrorComando::al("no se pueden preparar los envíos", e))
}

pub(crate) fn correo(config: &Config) -> Result<Option<Correo>, Fallo> {
    let Some(remitente) = config.correo_remitente.as_ref().map(|r| r.0.clone()) else {
        return Ok(None);
    };
    if let Some(carpeta) = &config.correo_carpeta {
        return Correo::carpeta(carpeta, &remitente).map(Some);
    }
    let Some(servidor) = &config.smtp_servidor else {
        return Ok(None);
    };
    Correo::smtp(&OpcionesSmtp {
        servidor: servidor.0.clone(),
        seguridad: config.smtp_seguridad.0,
        usuario: config.smtp_usuario.as_ref().map(|u| u.0.clone()),
        clave: config.smtp_clave.as_ref().map(|c| c.0.clone()),
        remitente,
        plazo: PLAZO,
    })
    .map(Some)
}
