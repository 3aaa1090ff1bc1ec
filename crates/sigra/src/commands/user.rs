//! `sigra user create`, `reset-password` and `list`: people, from the server's console.

use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use sigra_domain::{Language, Rol, Rut, password, persona};
use sigra_store::{
    Refused, Store,
    identity::{
        CreateUsuario, ResetPassword, Usuario, UsuarioFilter, UsuarioRefusal, list_usuarios,
        usuario,
    },
};

use crate::{
    cli::{NewUsuario, UserCommand},
    config::Config,
    db,
    error::CommandError,
    first_admin::hash,
    output,
};

/// People read at a time.
const PAGE_SIZE: i64 = 500;

pub(crate) async fn run(config: Config, orden: UserCommand) -> Result<(), CommandError> {
    let store = match orden {
        // May be the first thing done at a new site.
        UserCommand::Create(_) => db::open(&config).await?,
        _ => db::open_existing(&config).await?,
    };
    let result = match orden {
        UserCommand::Create(nuevo) => create(&store, nuevo).await,
        UserCommand::ResetPassword { rut } => reset_password(&store, rut).await,
        UserCommand::List => list(&store).await,
    };
    store.close().await;
    Ok(output::write(&result?)?)
}

async fn create(store: &Store, nuevo: NewUsuario) -> Result<String, CommandError> {
    let temporal = password::temporary(store.env().random());
    let mut areas = nuevo.areas;
    areas.sort_unstable();
    areas.dedup();
    let usuario = Usuario {
        rut: nuevo.rut,
        nombre: nuevo.nombre,
        apellido_1: nuevo.apellido_1,
        apellido_2: nuevo.apellido_2,
        rol: nuevo.rol,
        areas,
        email: nuevo.email,
        activo: true,
        debe_cambiar_password: true,
        creado: store.env().now(),
        hash_password: hash(temporal.clone()).await?,
    };
    let creado = store
        .write(CreateUsuario {
            usuario,
            actor: None,
        })
        .await;
    let creado = creado.map_err(|e| to_command_error(e, nuevo.rut))?;
    Ok(format!(
        "Se creó {}.\n{}",
        describe_usuario(&creado),
        temporary_password_text(&temporal)
    ))
}

async fn reset_password(store: &Store, rut: Rut) -> Result<String, CommandError> {
    let persona = usuario(&mut store.read().await?, rut).await?;
    let persona =
        persona.ok_or_else(|| to_command_error(UsuarioRefusal::NoEncontrado.into(), rut))?;
    let temporal = password::temporary(store.env().random());
    let hash = hash(temporal.clone()).await?;
    store
        .write(ResetPassword {
            rut,
            hash,
            actor: None,
        })
        .await
        .map_err(|e| to_command_error(e, rut))?;
    let inactivo = if persona.activo {
        ""
    } else {
        "Ojo: está inactivo y no podrá entrar.\n"
    };
    Ok(format!(
        "Se cambió la contraseña de {}.\n{inactivo}{}",
        describe_usuario(&persona),
        temporary_password_text(&temporal)
    ))
}

async fn list(store: &Store) -> Result<String, CommandError> {
    let mut tabla = Table::new();
    tabla.load_style(UTF8_HORIZONTAL_ONLY);
    tabla.set_header(["RUT", "Nombre", "Rol", "Áreas", "Estado", "Contraseña"]);
    let mut filtro = UsuarioFilter::default();
    let mut cuantos = 0;
    loop {
        let pagina = list_usuarios(&mut store.read().await?, &filtro, PAGE_SIZE).await?;
        let Some(ultimo) = pagina.last() else { break };
        filtro.despues = Some(ultimo.rut.body());
        cuantos += pagina.len();
        for u in &pagina {
            let areas: Vec<String> = u.areas.iter().map(ToString::to_string).collect();
            tabla.add_row([
                u.rut.formatted().as_str(),
                &full_name(u),
                u.rol.name(),
                &areas.join(", "),
                if u.activo { "activo" } else { "inactivo" },
                if u.debe_cambiar_password {
                    "temporal"
                } else {
                    "propia"
                },
            ]);
        }
    }
    Ok(match cuantos {
        0 => "No hay usuarios; sigra serve crea el primer administrador al iniciar.\n".to_owned(),
        _ => format!("{tabla}\n"),
    })
}

fn full_name(u: &Usuario) -> String {
    let partes = [
        Some(u.nombre.as_str()),
        Some(&u.apellido_1),
        u.apellido_2.as_deref(),
    ];
    partes.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn describe_usuario(u: &Usuario) -> String {
    format!("{} ({}), {}", full_name(u), u.rut.formatted(), u.rol.name())
}

fn temporary_password_text(temporal: &str) -> String {
    format!(
        "Contraseña temporal: {temporal}\n\
         Entréguela en persona: no se vuelve a mostrar, y al entrar se pedirá cambiarla.\n"
    )
}

fn to_command_error(refused: Refused<UsuarioRefusal>, rut: Rut) -> CommandError {
    let rut = rut.formatted();
    let reason = match refused {
        Refused::Reason(reason) => reason,
        Refused::Store(e) => return CommandError::failure(e.to_string()),
    };
    CommandError::failure(match reason {
        UsuarioRefusal::Existe => {
            format!("ya existe un usuario con el RUT {rut}; véalo con: sigra user list")
        }
        UsuarioRefusal::NoEncontrado => {
            format!("no existe un usuario con el RUT {rut}; vea los que hay con: sigra user list")
        }
        UsuarioRefusal::Area => {
            "una de las áreas no existe; use los números de área que muestra el panel".to_owned()
        }
        UsuarioRefusal::UltimoAdministrador => {
            "es el último administrador activo; nombre antes a otro".to_owned()
        }
    })
}

pub(crate) fn name(text: &str) -> Result<String, String> {
    persona::name(text).map_err(|f| f.message(Language::Es))
}

pub(crate) fn parse_rol(text: &str) -> Result<Rol, String> {
    let nombres = || Rol::ALL.map(Rol::name).join(", ");
    Rol::from_name(text).ok_or_else(|| format!("«{text}» no es un rol; elija uno: {}", nombres()))
}

pub(crate) fn area(text: &str) -> Result<i64, String> {
    let numero = text.trim().parse().ok().filter(|n| *n > 0);
    numero.ok_or_else(|| format!("«{text}» no es el número de un área; escriba, por ejemplo, 3"))
}

pub(crate) fn email(text: &str) -> Result<String, String> {
    persona::email(text).map_err(|f| f.message(Language::Es))
}
