//! Stage 1: the people, each with a password of their own.

use std::collections::BTreeMap;

use serde_json::json;
use sigra_domain::{Rol, clave};
use sigra_store::{
    Entorno, Store,
    identidad::{CrearUsuario, RechazoUsuario, Usuario},
};
use tokio::task::JoinSet;

use super::{
    cliente::Cliente,
    error::ErrorDemo,
    pantalla::Etapa,
    personas::{self, Persona, SUPERVISORES},
};

/// Somebody who is logged in.
pub(super) struct Miembro {
    pub(super) persona: Persona,
    pub(super) password: String,
    pub(super) cliente: Cliente,
}

/// Everybody, by role, and the names of the areas.
pub(super) struct Equipo {
    pub(super) administrador: Miembro,
    pub(super) supervisores: Vec<Miembro>,
    pub(super) trabajadores: Vec<Miembro>,
    pub(super) areas: BTreeMap<i64, String>,
}

/// People who come in at once. Hashing passwords fills the cores long before; and a server takes
/// many logins under way from one address for an attack.
const A_LA_VEZ: usize = 8;

/// The only person who can't be made over HTTP: there is nobody yet who may.
pub(super) async fn primer_administrador(store: &Store) -> Result<(Persona, String), ErrorDemo> {
    let persona = personas::administrador().ok_or_else(sin_rut)?;
    let password = clave::temporal(store.entorno().azar());
    let en_claro = password.clone();
    // Slow by design, so not on a thread that serves requests.
    let hash = tokio::task::spawn_blocking(move || {
        sigra_api::hash_password(&en_claro).map_err(|e| ErrorDemo::Administrador(e.to_string()))
    })
    .await??;
    let usuario = Usuario {
        rut: persona.rut,
        nombre: persona.nombre.into(),
        apellido_1: persona.apellido_1.into(),
        apellido_2: Some(persona.apellido_2.into()),
        rol: persona.rol,
        areas: Vec::new(),
        email: None,
        activo: true,
        // It is as random as a one-time password and is shown only here.
        debe_cambiar_password: false,
        creado: store.entorno().ahora(),
        hash_password: hash,
    };
    match store
        .escribir(CrearUsuario {
            usuario,
            actor: None,
        })
        .await
    {
        Ok(_) => Ok((persona, password)),
        Err(RechazoUsuario::Fallo(e)) => Err(e.into()),
        Err(otro) => Err(ErrorDemo::Administrador(format!("{otro:?}"))),
    }
}

/// Makes everybody else over HTTP, as an administrador at the panel would, and lets them in.
pub(super) async fn formar(
    anonimo: &Cliente,
    (persona, password): (Persona, String),
    trabajadores: usize,
    entorno: &Entorno,
) -> Result<Equipo, ErrorDemo> {
    let cliente = anonimo.entrar(persona.rut, &password).await?;
    let areas = areas(anonimo).await?;
    let ids: Vec<i64> = areas.keys().copied().collect();
    let etapa = Etapa::nueva("Creando usuarios", SUPERVISORES + trabajadores);
    let (mut tareas, mut equipo) = (JoinSet::new(), Vec::new());
    for persona in personas::equipo(&ids, trabajadores).ok_or_else(sin_rut)? {
        if tareas.len() >= A_LA_VEZ
            && let Some(miembro) = tareas.join_next().await
        {
            equipo.push(miembro??);
        }
        let (admin, anonimo, etapa) = (cliente.clone(), anonimo.clone(), etapa.clone());
        let nueva = clave::temporal(entorno.azar());
        tareas.spawn(async move {
            let miembro = incorporar(&admin, &anonimo, persona, nueva).await;
            etapa.avanza();
            miembro
        });
    }
    while let Some(miembro) = tareas.join_next().await {
        equipo.push(miembro??);
    }
    etapa.termina();
    // The tasks end in any order; the plan gives each worker its records by number.
    equipo.sort_by_key(|m| m.persona.rut);
    let (supervisores, trabajadores) = equipo
        .into_iter()
        .partition(|m| m.persona.rol == Rol::Supervisor);
    let administrador = Miembro {
        persona,
        password,
        cliente,
    };
    Ok(Equipo {
        administrador,
        supervisores,
        trabajadores,
        areas,
    })
}

/// Created with a one-time password, which the person changes at the first login.
async fn incorporar(
    admin: &Cliente,
    anonimo: &Cliente,
    persona: Persona,
    password: String,
) -> Result<Miembro, ErrorDemo> {
    let alta = json!({
        "rut": persona.rut,
        "nombre": persona.nombre,
        "apellido_1": persona.apellido_1,
        "apellido_2": persona.apellido_2,
        "rol": persona.rol,
        "areas": persona.areas,
        // Those who decide are told by mail.
        "email": (persona.rol == Rol::Supervisor).then(|| format!("{}@faena.example", persona.rut)),
    });
    let temporal = admin
        .post("usuarios", &alta)
        .await?
        .exige(&[201])?
        .texto("password_temporal")?;
    let primera = anonimo.entrar(persona.rut, &temporal).await?;
    let cliente = primera.cambiar_password(&temporal, &password).await?;
    Ok(Miembro {
        persona,
        password,
        cliente,
    })
}

/// Names by id, from the catalogue that needs no login.
async fn areas(anonimo: &Cliente) -> Result<BTreeMap<i64, String>, ErrorDemo> {
    let catalogo = anonimo.get("catalogos", &[]).await?.exige(&[200])?;
    let areas = catalogo.lista("areas")?.iter();
    Ok(areas
        .filter_map(|a| {
            Some((
                a.get("id")?.as_i64()?,
                a.get("nombre")?.as_str()?.to_owned(),
            ))
        })
        .collect())
}

fn sin_rut() -> ErrorDemo {
    ErrorDemo::Interno("no quedan RUT para tantos usuarios".into())
}
