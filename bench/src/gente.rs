//! Who asks: workers who report, and those who read what they reported.

use sigra_api::{AUD_API, Tokens};
use sigra_domain::{Instante, Quien, Rol, Rut};
use sigra_store::{
    Env, Refused, Store,
    identity::{CreateUsuario, OpenSession, Usuario},
};

use crate::{error::Error, servidor::clave};

/// One per connection, at most.
pub const TRABAJADORES: u16 = 64;
const PRIMER_RUT: i64 = 12_000_000;

#[derive(Clone, Debug)]
pub struct Persona {
    pub quien: Quien,
    pub nombre: String,
    sesion_id: i64,
}

pub struct Gente {
    pub trabajadores: Vec<Persona>,
    pub administrador: Persona,
    pub supervisor: Persona,
    tokens: Tokens,
}

impl Gente {
    /// The supervisor has these areas.
    pub async fn crea(store: &Store, areas: &[i64], secreto: [u8; 32]) -> Result<Self, Error> {
        let mut trabajadores = Vec::new();
        for i in 0..i64::from(TRABAJADORES) {
            trabajadores.push(persona(store, PRIMER_RUT + i, Rol::Trabajador, &[]).await?);
        }
        let rut = PRIMER_RUT + i64::from(TRABAJADORES);
        Ok(Self {
            trabajadores,
            administrador: persona(store, rut, Rol::Administrador, &[]).await?,
            supervisor: persona(store, rut + 1, Rol::Supervisor, areas).await?,
            tokens: Tokens::new(&[clave(secreto)]),
        })
    }

    /// `Authorization` of somebody, good for 15 minutes. Signed here because logging in measures
    /// argon2, which is slow on purpose; the server checks it like any other.
    pub fn portador(&self, persona: &Persona) -> Result<String, Error> {
        self.tokens
            .issue(&Env::default(), &persona.quien, persona.sesion_id, AUD_API)
            .map(|token| format!("Bearer {token}"))
            .map_err(|_| Error::Interno("no se pudo firmar un token"))
    }
}

async fn persona(store: &Store, rut: i64, rol: Rol, areas: &[i64]) -> Result<Persona, Error> {
    let rut = Rut::new(rut).map_err(|_| Error::Interno("rut"))?;
    let usuario = Usuario {
        rut,
        nombre: "Rosa".into(),
        apellido_1: format!("Díaz {rut}"),
        apellido_2: None,
        rol,
        areas: areas.to_vec(),
        email: None,
        activo: true,
        debe_cambiar_password: false,
        creado: Instante::default(),
        // No password has this hash: nobody logs in during a measurement.
        hash_password: "$argon2id$sin-clave".into(),
    };
    let nombre = format!("{} {}", usuario.nombre, usuario.apellido_1);
    store
        .write(CreateUsuario {
            usuario,
            actor: None,
        })
        .await
        .map_err(|e| match e {
            Refused::Store(f) => Error::Base(f),
            Refused::Reason(_) => Error::Interno("un usuario no se pudo crear"),
        })?;
    let abrir = OpenSession {
        rut,
        device_id: None,
        agente: None,
        direccion: "127.0.0.1".into(),
        rehash: None,
    };
    let (sesion_id, _) = store.write(abrir).await?;
    Ok(Persona {
        quien: Quien {
            rut,
            rol,
            areas: areas.to_vec(),
        },
        nombre,
        sesion_id,
    })
}
