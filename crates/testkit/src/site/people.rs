//! People of a site.

use std::sync::atomic::Ordering;

use sigra_domain::{Quien, Rol, Rut};

use super::{Persona, TestSite};
use crate::persona::NO_PASSWORD;

impl TestSite {
    /// A new person. Their password is "clave de prueba", hashed only where a test signs in.
    pub async fn persona(&self, rol: Rol, areas: &[i64]) -> Persona {
        self.persona_with(rol, areas, NO_PASSWORD, false).await
    }

    pub async fn persona_with(&self, rol: Rol, areas: &[i64], hash: &str, debe: bool) -> Persona {
        let rut = Rut::new(self.proximo_rut.fetch_add(1, Ordering::Relaxed)).expect("rut");
        let areas = areas.to_vec();
        let quien = Quien { rut, rol, areas };
        Persona::create_with(&self.store, &self.tokens, quien, hash, debe).await
    }

    /// Another session of a person.
    pub async fn session(&self, quien: Quien) -> Persona {
        Persona::sign_in(&self.store, &self.tokens, quien).await
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
