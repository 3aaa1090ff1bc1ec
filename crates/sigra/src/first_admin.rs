//! The first administrador, without whom nobody could enter a new site.

use std::net::SocketAddr;

use sigra_domain::{Rol, Rut, password};
use sigra_store::{
    Refused, Store,
    identity::{CreateUsuario, Usuario, has_administrador},
};

use crate::{config::Config, error::CommandError, output};

/// The RUT of the first administrador when the operator chose none.
const RUT: i64 = 11_111_111;

/// Creates the first administrador when the site has none: the one of the configuration, or one with a
/// random password that is printed this once. `direccion` is where the server listens.
pub(crate) async fn create(
    store: &Store,
    config: &Config,
    direccion: SocketAddr,
) -> Result<(), CommandError> {
    if has_administrador(&mut store.read().await?).await? {
        return Ok(());
    }
    let elegido = config.admin_rut.zip(config.admin_password.as_ref());
    let (rut, password) = match elegido {
        Some((rut, password)) => (rut, password.0.clone()),
        None => (
            Rut::new(RUT).map_err(|_| CommandError::failure("el RUT inicial no es válido"))?,
            password::temporary(store.env().random()),
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
        creado: store.env().now(),
        hash_password: hash(password.clone()).await?,
    };
    match store
        .write(CreateUsuario {
            usuario,
            actor: None,
        })
        .await
    {
        Ok(_) => {}
        Err(Refused::Store(f)) => return Err(f.into()),
        Err(_) => return handle_rut_taken(store, rut).await,
    }
    tracing::info!(rut = rut.formatted(), "primer administrador creado");
    if elegido.is_none()
        && let Err(error) = output::write(&password_notice(rut, &password, direccion))
    {
        tracing::warn!(%error, "no se pudo mostrar la contraseña; cree otra con: sigra user reset-password {rut}");
    }
    Ok(())
}

/// The RUT was taken: by another server that starts at the same moment, which is well, or by somebody
/// who is no administrador.
async fn handle_rut_taken(store: &Store, rut: Rut) -> Result<(), CommandError> {
    if has_administrador(&mut store.read().await?).await? {
        return Ok(());
    }
    Err(CommandError::failure(format!(
        "no hay ningún administrador activo, y el RUT {} ya es de otro usuario; cree uno con: \
         sigra user create --rol administrador --rut … --nombre … --apellido-1 …",
        rut.formatted()
    )))
}

/// The hash of a password, off the async threads: it takes tens of milliseconds.
pub(crate) async fn hash(password: String) -> Result<String, CommandError> {
    let hash = tokio::task::spawn_blocking(move || {
        sigra_api::hash_password(&password).map_err(|e| e.to_string())
    });
    let hash = hash.await.unwrap_or_else(|e| Err(e.to_string()));
    hash.map_err(|e| CommandError::failed("no se pudo proteger la contraseña", e))
}

/// The box with the password.
fn password_notice(rut: Rut, password: &str, direccion: SocketAddr) -> String {
    // An unspecified address is no place to go to.
    let host = match direccion {
        SocketAddr::V4(d) if d.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V6(d) if d.ip().is_unspecified() => "[::1]".to_owned(),
        SocketAddr::V4(d) => d.ip().to_string(),
        SocketAddr::V6(d) => format!("[{}]", d.ip()),
    };
    let lines = [
        "Se creó el primer administrador de SIGRA.".to_owned(),
        String::new(),
        format!("   API:         http://{host}:{}/docs", direccion.port()),
        format!("   RUT:         {}", rut.formatted()),
        format!("   Contraseña:  {password}"),
        String::new(),
        "Anótela ahora: no se vuelve a mostrar. Al entrar, SIGRA pedirá cambiarla.".to_owned(),
        format!("Si la pierde, cree otra con: sigra user reset-password {rut}"),
    ];
    let ancho = lines
        .iter()
        .map(|l| l.chars().count())
        .max()
        .unwrap_or_default();
    let borde = "─".repeat(ancho + 2);
    let dentro = lines.map(|line| format!("│ {line:ancho$} │")).join("\n");
    format!("┌{borde}┐\n{dentro}\n└{borde}┘\n")
}

#[cfg(test)]
mod tests {
    use sigra_domain::{Rol, Rut};
    use sigra_store::{
        Store,
        identity::{EditUsuario, UsuarioChange, UsuarioFilter, list_usuarios, usuario},
    };
    use tempfile::TempDir;

    use super::{RUT, create, password_notice};
    use crate::{config::tests::config_in, db};

    const CHOSEN: [(&str, &str); 2] = [
        ("SIGRA_ADMIN_RUT", "12345678-5"),
        ("SIGRA_ADMIN_PASSWORD", "una frase larga"),
    ];

    async fn ruts(store: &Store) -> Vec<(i64, bool)> {
        let mut l = store.read().await.unwrap();
        let todos = list_usuarios(&mut l, &UsuarioFilter::default(), 10)
            .await
            .unwrap();
        todos
            .iter()
            .map(|u| (u.rut.body(), u.debe_cambiar_password))
            .collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn servers_that_start_at_once_make_one() {
        let dir = TempDir::new().unwrap();
        let config = config_in(&dir, &[]);
        let store = db::open(&config).await.unwrap();
        let direccion = config.listen;
        let (a, b) = tokio::join!(
            create(&store, &config, direccion),
            create(&store, &config, direccion)
        );
        a.unwrap();
        b.unwrap();
        assert_eq!(ruts(&store).await, [(RUT, true)]);
    }

    #[tokio::test]
    async fn the_chosen_one_keeps_the_password_and_is_made_once() {
        let dir = TempDir::new().unwrap();
        let config = config_in(&dir, &CHOSEN);
        let store = db::open(&config).await.unwrap();
        for _ in 0..2 {
            create(&store, &config, config.listen).await.unwrap();
            assert_eq!(ruts(&store).await, [(12_345_678, false)]);
        }
    }

    #[tokio::test]
    async fn a_rut_of_somebody_else_is_not_taken_over() {
        let dir = TempDir::new().unwrap();
        let config = config_in(&dir, &CHOSEN);
        let store = db::open(&config).await.unwrap();
        let rut = Rut::new(12_345_678).unwrap();
        let args = [
            "sigra", "user", "create", "--rut", "12345678", "--nombre", "Ana",
        ];
        let cli = <crate::cli::Cli as clap::Parser>::parse_from(args.into_iter().chain([
            "--apellido-1",
            "Soto",
            "--rol",
            "trabajador",
        ]));
        let crate::cli::Command::User(orden) = cli.orden else {
            panic!("no es user")
        };
        crate::commands::user::run(config.clone(), orden)
            .await
            .unwrap();
        let error = create(&store, &config, config.listen)
            .await
            .unwrap_err()
            .text();
        assert!(
            error.contains("12.345.678-5") && error.contains("user create"),
            "{error}"
        );
        let persona = usuario(&mut store.read().await.unwrap(), rut)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(persona.rol, Rol::Trabajador);
        let cambio = UsuarioChange {
            rol: Some(Rol::Administrador),
            ..UsuarioChange::default()
        };
        store
            .write(EditUsuario {
                rut,
                cambio,
                actor: rut,
            })
            .await
            .unwrap();
        create(&store, &config, config.listen).await.unwrap();
    }

    #[test]
    fn the_box_says_where_to_enter_and_with_what() {
        for (direccion, url) in [
            ("0.0.0.0:8000", "http://127.0.0.1:8000/"),
            ("[::]:80", "http://[::1]:80/"),
            ("10.0.0.5:8000", "http://10.0.0.5:8000/"),
            ("[fe80::1]:8000", "http://[fe80::1]:8000/"),
        ] {
            let text = password_notice(
                Rut::new(11_111_111).unwrap(),
                "abcd-efgh",
                direccion.parse().unwrap(),
            );
            assert!(
                text.contains(url) && text.contains("11.111.111-1"),
                "{text}"
            );
            assert!(text.contains("Contraseña:  abcd-efgh"), "{text}");
            let anchos: Vec<usize> = text.lines().map(|l| l.chars().count()).collect();
            assert!(anchos.iter().all(|a| *a == anchos[0]), "{text}");
        }
    }
}
