//! People of a site, with their tokens.

use std::sync::atomic::Ordering;

use sigra_api::AUD_API;
use sigra_domain::{Quien, Rol, Rut};
use sigra_store::identity::{CreateUsuario, OpenSession, Usuario};

use super::TestSite;

/// Somebody with a role and a valid token.
#[derive(Clone, Debug)]
pub struct Persona {
    pub rut: Rut,
    pub quien: Quien,
    pub token: String,
    pub sesion_id: i64,
}

impl TestSite {
    /// A new person. Their password is "clave de prueba", hashed only where a test signs in.
    pub async fn persona(&self, rol: Rol, areas: &[i64]) -> Persona {
        self.persona_with(rol, areas, "$argon2id$sin-clave", false)
            .await
    }

    pub async fn persona_with(&self, rol: Rol, areas: &[i64], hash: &str, debe: bool) -> Persona {
        let rut = Rut::new(self.proximo_rut.fetch_add(1, Ordering::Relaxed)).expect("rut");
        let usuario = Usuario {
            rut,
            nombre: "Rosa".into(),
            apellido_1: format!("Díaz {rut}"),
            apellido_2: None,
            rol,
            areas: areas.to_vec(),
            email: None,
            activo: true,
            debe_cambiar_password: debe,
            creado: sigra_domain::Instante::default(),
            hash_password: hash.into(),
        };
        self.store
            .write(CreateUsuario {
                usuario,
                actor: None,
            })
            .await
            .expect("usuario");
        self.session(Quien {
            rut,
            rol,
            areas: areas.to_vec(),
        })
        .await
    }

    /// Another session of a person.
    pub async fn session(&self, quien: Quien) -> Persona {
        let abrir = OpenSession {
            rut: quien.rut,
            device_id: None,
            agente: None,
            direccion: "127.0.0.1".into(),
            rehash: None,
        };
        let (sesion_id, _) = self.store.write(abrir).await.expect("sesión");
        let token = self
            .tokens
            .issue(self.store.env(), &quien, sesion_id, AUD_API)
            .expect("token");
        Persona {
            rut: quien.rut,
            quien,
            token,
            sesion_id,
        }
    }

    pub async fn trabajador(&self) -> Persona {
        self.persona(Rol::Trabajador, &[]).await
    }

    pub async fn supervisor(&self, areas: &[i64]) -> Persona {
        self.persona(Rol::Supervisor, areas).await
    }

    pub async fn administrador(&self) -> Persona {
        self.persona(Rol::Administrador, &[]).await
    }
}
