//! The first administrador, without whom nobody could enter a new site.

use std::net::SocketAddr;

use sigra_domain::{Rol, Rut, clave};
use sigra_store::{
    Store,
    identidad::{CrearUsuario, RechazoUsuario, Usuario, hay_administrador},
};

use crate::{config::Config, error::ErrorComando, salida};

/// The RUT of the first administrador when the operator chose none.
const RUT: i64 = 11_111_111;

/// Creates the first administrador when the site has none: the one of the configuration, or one with a
/// random password that is printed this once. `direccion` is where the server listens.
pub(crate) async fn crea(
    store: &Store,
    config: &Config,
    direccion: SocketAddr,
) -> Result<(), ErrorComando> {
    if hay_administrador(&mut store.leer().await?).await? {
        return Ok(());
    }
    let elegido = config.admin_rut.zip(config.admin_password.as_ref());
    let (rut, password) = match elegido {
        Some((rut, password)) => (rut, password.0.clone()),
        None => (
            Rut::new(RUT).map_err(|_| ErrorComando::falla("el RUT inicial no es válido"))?,
            clave::temporal(store.entorno().azar()),
        ),
    };
    let usuario = Usuario {
        rut,
        nombre: "Administrador".into(),
        apellido_1: "SIGRA".into(),
        apellido_2: None,
        rol: Rol::Administrador,
        areas: vec![],
        email: None,
        activo: true,
        // Who chose the password in the configuration knows it already.
        debe_cambiar_password: elegido.is_none(),
        creado: store.entorno().ahora(),
        hash_password: hash(password.clone()).await?,
    };
    match store
        .escribir(CrearUsuario {
            usuario,
            actor: None,
        })
        .await
    {
        Ok(_) => {}
        Err(RechazoUsuario::Fallo(f)) => return Err(f.into()),
        Err(_) => return sin_crear(store, rut).await,
    }
    tracing::info!(rut = rut.formateado(), "primer administrador creado");
    if elegido.is_none()
        && let Err(error) = salida::escribe(&aviso(rut, &password, direccion))
    {
        tracing::warn!(%error, "no se pudo mostrar la contraseña; cree otra con: sigra user reset-password {rut}");
    }
    Ok(())
}

/// The RUT was taken: by another server that starts at the same moment, which is well, or by somebody
/// who is no administrador.
async fn sin_crear(store: &Store, rut: Rut) -> Result<(), ErrorComando> {
    if hay_administrador(&mut store.leer().await?).await? {
        return Ok(());
    }
    Err(ErrorComando::falla(format!(
        "no hay ningún administrador activo, y el RUT {} ya es de otro usuario; cree uno con: \
         sigra user create --rol administrador --rut … --nombre … --apellido-1 …",
        rut.formateado()
    )))
}

/// The hash of a password, off the async threads: it takes tens of milliseconds.
pub(crate) async fn hash(password: String) -> Result<String, ErrorComando> {
    let hash = tokio::task::spawn_blocking(move || {
        sigra_api::hash_password(&password).map_err(|e| e.to_string())
    });
    let hash = hash.await.unwrap_or_else(|e| Err(e.to_string()));
    hash.map_err(|e| ErrorComando::al("no se pudo proteger la contraseña", e))
}

/// The box with the password.
fn aviso(rut: Rut, password: &str, direccion: SocketAddr) -> String {
    // An unspecified address is no place to go to.
    let equipo = match direccion {
        SocketAddr::V4(d) if d.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V6(d) if d.ip().is_unspecified() => "[::1]".to_owned(),
        SocketAddr::V4(d) => d.ip().to_string(),
        SocketAddr::V6(d) => format!("[{}]", d.ip()),
    };
    let lineas = [
        "Se creó el primer administrador de SIGRA.".to_owned(),
        String::new(),
        format!("   Panel:       http://{equipo}:{}/", direccion.port()),
        format!("   RUT:         {}", rut.formateado()),
        format!("   Contraseña:  {password}"),
        String::new(),
        "Anótela ahora: no se vuelve a mostrar. Al entrar, SIGRA pedirá cambiarla.".to_owned(),
        format!("Si la pierde, cree otra con: sigra user reset-password {rut}"),
    ];
    let ancho = lineas
        .iter()
        .map(|l| l.chars().count())
        .max()
        .unwrap_or_default();
    let borde = "─".repeat(ancho + 2);
    let dentro = lineas.map(|linea| format!("│ {linea:ancho$} │")).join("\n");
    format!("┌{borde}┐\n{dentro}\n└{borde}┘\n")
}

#[cfg(test)]
mod tests {
    use sigra_domain::Rut;

    use super::aviso;

    #[test]
    fn the_box_says_where_to_enter_and_with_what() {
        for (direccion, url) in [
            ("0.0.0.0:8000", "http://127.0.0.1:8000/"),
            ("[::]:80", "http://[::1]:80/"),
            ("10.0.0.5:8000", "http://10.0.0.5:8000/"),
            ("[fe80::1]:8000", "http://[fe80::1]:8000/"),
        ] {
            let texto = aviso(
                Rut::new(11_111_111).unwrap(),
                "abcd-efgh",
                direccion.parse().unwrap(),
            );
            assert!(
                texto.contains(url) && texto.contains("11.111.111-1"),
                "{texto}"
            );
            assert!(texto.contains("Contraseña:  abcd-efgh"), "{texto}");
            let anchos: Vec<usize> = texto.lines().map(|l| l.chars().count()).collect();
            assert!(anchos.iter().all(|a| *a == anchos[0]), "{texto}");
        }
    }
}
