//! Stage 1: the people, each with a password of their own.

use std::collections::BTreeMap;

use serde_json::json;
use sigra_domain::{Rol, password};
use sigra_store::{
    Env, Refused, Store,
    identity::{CreateUsuario, Usuario},
};
use tokio::task::JoinSet;

use crate::{
    client::ApiClient,
    error::DemoError,
    personas::{self, Persona, SUPERVISORES},
    screen::StageProgress,
};

/// Somebody who is logged in.
pub(super) struct TeamMember {
    pub(super) persona: Persona,
    pub(super) password: String,
    pub(super) cliente: ApiClient,
}

/// Everybody, by role, and the names of the areas.
pub(super) struct Team {
    pub(super) administrador: TeamMember,
    pub(super) supervisores: Vec<TeamMember>,
    pub(super) trabajadores: Vec<TeamMember>,
    pub(super) areas: BTreeMap<i64, String>,
}

/// People who come in at once. Hashing passwords fills the cores long before; and a server takes
/// many logins under way from one address for an attack.
const CONCURRENCY: usize = 8;

/// The only person who can't be made over HTTP: there is nobody yet who may.
pub(super) async fn first_administrador(store: &Store) -> Result<(Persona, String), DemoError> {
    let persona = personas::administrador().ok_or_else(no_ruts_left)?;
    let password = password::temporary(store.env().random());
    let en_claro = password.clone();
    // Slow by design, so not on a thread that serves requests.
    let hash = tokio::task::spawn_blocking(move || {
        sigra_api::hash_password(&en_claro).map_err(|e| DemoError::Administrador(e.to_string()))
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
        creado: store.env().now(),
        hash_password: hash,
    };
    match store
        .write(CreateUsuario {
            usuario,
            actor: None,
        })
        .await
    {
        Ok(_) => Ok((persona, password)),
        Err(Refused::Store(e)) => Err(e.into()),
        Err(otro) => Err(DemoError::Administrador(format!("{otro:?}"))),
    }
}

/// Makes everybody else over HTTP, as an administrador at the panel would, and lets them in.
pub(super) async fn build_team(
    anonimo: &ApiClient,
    (persona, password): (Persona, String),
    trabajadores: usize,
    env: &Env,
) -> Result<Team, DemoError> {
    let cliente = anonimo.log_in(persona.rut, &password).await?;
    let areas = areas(anonimo).await?;
    let ids: Vec<i64> = areas.keys().copied().collect();
    let etapa = StageProgress::new("Creando usuarios", SUPERVISORES + trabajadores);
    let (mut tareas, mut equipo) = (JoinSet::new(), Vec::new());
    for persona in personas::team(&ids, trabajadores).ok_or_else(no_ruts_left)? {
        if tareas.len() >= CONCURRENCY
            && let Some(miembro) = tareas.join_next().await
        {
            equipo.push(miembro??);
        }
        let (admin, anonimo, etapa) = (cliente.clone(), anonimo.clone(), etapa.clone());
        let nueva = password::temporary(env.random());
        tareas.spawn(async move {
            let miembro = add_member(&admin, &anonimo, persona, nueva).await;
            etapa.advance();
            miembro
        });
    }
    while let Some(miembro) = tareas.join_next().await {
        equipo.push(miembro??);
    }
    etapa.finish();
    // The tasks end in any order; the plan gives each worker its records by number.
    equipo.sort_by_key(|m| m.persona.rut);
    let (supervisores, trabajadores) = equipo
        .into_iter()
        .partition(|m| m.persona.rol == Rol::Supervisor);
    let administrador = TeamMember {
        persona,
        password,
        cliente,
    };
    Ok(Team {
        administrador,
        supervisores,
        trabajadores,
        areas,
    })
}

/// Created with a one-time password, which the person changes at the first login.
async fn add_member(
    admin: &ApiClient,
    anonimo: &ApiClient,
    persona: Persona,
    password: String,
) -> Result<TeamMember, DemoError> {
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
        .require(&[201])?
        .text("password_temporal")?;
    let primera = anonimo.log_in(persona.rut, &temporal).await?;
    let cliente = primera.change_password(&temporal, &password).await?;
    Ok(TeamMember {
        persona,
        password,
        cliente,
    })
}

/// Names by id, from the catalogue that needs no login.
async fn areas(anonimo: &ApiClient) -> Result<BTreeMap<i64, String>, DemoError> {
    let catalogo = anonimo.get("catalogos", &[]).await?.require(&[200])?;
    let areas = catalogo.array("areas")?.iter();
    Ok(areas
        .filter_map(|a| {
            Some((
                a.get("id")?.as_i64()?,
                a.get("nombre")?.as_str()?.to_owned(),
            ))
        })
        .collect())
}

fn no_ruts_left() -> DemoError {
    DemoError::Interno("no quedan RUT para tantos usuarios".into())
}
