//! `sigra user create`, `reset-password` and `list`: people, from the server's console.

use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use sigra_domain::{Idioma, Rol, Rut, clave, persona};
use sigra_store::{
    Store,
    identidad::{
        CrearUsuario, FiltroUsuarios, RechazoUsuario, RestablecerPassword, Usuario, lista_usuarios,
        usuario,
    },
};

use crate::{
    base,
    cli::{NuevoUsuario, OrdenUser},
    config::Config,
    error::ErrorComando,
    primer_administrador::hash,
    salida,
};

/// People read at a time.
const PAGINA: i64 = 500;

pub(crate) async fn ejecutar(config: Config, orden: OrdenUser) -> Result<(), ErrorComando> {
    let store = match orden {
        // May be the first thing done at a new site.
        OrdenUser::Create(_) => base::abre(&config).await?,
        _ => base::abre_existente(&config).await?,
    };
    let resultado = match orden {
        OrdenUser::Create(nuevo) => create(&store, nuevo).await,
        OrdenUser::ResetPassword { rut } => reset_password(&store, rut).await,
        OrdenUser::List => list(&store).await,
    };
    store.cerrar().await;
    Ok(salida::escribe(&resultado?)?)
}

async fn create(store: &Store, nuevo: NuevoUsuario) -> Result<String, ErrorComando> {
    let temporal = clave::temporal(store.entorno().azar());
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
        creado: store.entorno().ahora(),
        hash_password: hash(temporal.clone()).await?,
    };
    let creado = store
        .escribir(CrearUsuario {
            usuario,
            actor: None,
        })
        .await;
    let creado = creado.map_err(|e| rechazo(e, nuevo.rut))?;
    Ok(format!(
        "Se creó {}.\n{}",
        quien(&creado),
        entrega(&temporal)
    ))
}

async fn reset_password(store: &Store, rut: Rut) -> Result<String, ErrorComando> {
    let persona = usuario(&mut store.leer().await?, rut).await?;
    let persona = persona.ok_or_else(|| rechazo(RechazoUsuario::NoEncontrado, rut))?;
    let temporal = clave::temporal(store.entorno().azar());
    let hash = hash(temporal.clone()).await?;
    store
        .escribir(RestablecerPassword {
            rut,
            hash,
            actor: None,
        })
        .await
        .map_err(|e| rechazo(e, rut))?;
    let inactivo = if persona.activo {
        ""
    } else {
        "Ojo: está inactivo y no podrá entrar.\n"
    };
    Ok(format!(
        "Se cambió la contraseña de {}.\n{inactivo}{}",
        quien(&persona),
        entrega(&temporal)
    ))
}

async fn list(store: &Store) -> Result<String, ErrorComando> {
    let mut tabla = Table::new();
    tabla.load_style(UTF8_HORIZONTAL_ONLY);
    tabla.set_header(["RUT", "Nombre", "Rol", "Áreas", "Estado", "Contraseña"]);
    let mut filtro = FiltroUsuarios::default();
    let mut cuantos = 0;
    loop {
        let pagina = lista_usuarios(&mut store.leer().await?, &filtro, PAGINA).await?;
        let Some(ultimo) = pagina.last() else { break };
        filtro.despues = Some(ultimo.rut.cuerpo());
        cuantos += pagina.len();
        for u in &pagina {
            let areas: Vec<String> = u.areas.iter().map(ToString::to_string).collect();
            tabla.add_row([
                u.rut.formateado().as_str(),
                &nombre_completo(u),
                u.rol.nombre(),
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

fn nombre_completo(u: &Usuario) -> String {
    let partes = [
        Some(u.nombre.as_str()),
        Some(&u.apellido_1),
        u.apellido_2.as_deref(),
    ];
    partes.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn quien(u: &Usuario) -> String {
    format!(
        "{} ({}), {}",
        nombre_completo(u),
        u.rut.formateado(),
        u.rol.nombre()
    )
}

fn entrega(temporal: &str) -> String {
    format!(
        "Contraseña temporal: {temporal}\n\
         Entréguela en persona: no se vuelve a mostrar, y al entrar se pedirá cambiarla.\n"
    )
}

fn rechazo(rechazo: RechazoUsuario, rut: Rut) -> ErrorComando {
    let rut = rut.formateado();
    ErrorComando::falla(match rechazo {
        RechazoUsuario::Existe => {
            format!("ya existe un usuario con el RUT {rut}; véalo con: sigra user list")
        }
        RechazoUsuario::NoEncontrado => {
            format!("no existe un usuario con el RUT {rut}; vea los que hay con: sigra user list")
        }
        RechazoUsuario::Area => {
            "una de las áreas no existe; use los números de área que muestra el panel".to_owned()
        }
        RechazoUsuario::UltimoAdministrador => {
            "es el último administrador activo; nombre antes a otro".to_owned()
        }
        RechazoUsuario::Fallo(f) => f.to_string(),
    })
}

pub(crate) fn nombre(texto: &str) -> Result<String, String> {
    persona::nombre(texto).map_err(|f| f.mensaje(Idioma::Es))
}

pub(crate) fn rol(texto: &str) -> Result<Rol, String> {
    let nombres = || Rol::TODOS.map(Rol::nombre).join(", ");
    Rol::de_nombre(texto).ok_or_else(|| format!("«{texto}» no es un rol; elija uno: {}", nombres()))
}

pub(crate) fn area(texto: &str) -> Result<i64, String> {
    let numero = texto.trim().parse().ok().filter(|n| *n > 0);
    numero.ok_or_else(|| format!("«{texto}» no es el número de un área; escriba, por ejemplo, 3"))
}

pub(crate) fn email(texto: &str) -> Result<String, String> {
    persona::email(texto).map_err(|f| f.mensaje(Idioma::Es))
}
