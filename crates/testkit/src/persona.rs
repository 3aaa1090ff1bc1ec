//! People with their tokens.

use sigra_api::{AUD_API, Tokens};
use sigra_domain::{Instante, Quien, Rut};
use sigra_store::{
    Env, Store,
    identity::{CreateUsuario, OpenSession, Usuario},
};

/// Somebody with a role and a valid token.
#[derive(Clone, Debug)]
pub struct Persona {
    pub rut: Rut,
    pub quien: Quien,
    pub token: String,
    pub sesion_id: i64,
}

/// Nobody signs in with this one: hashing takes long on purpose.
pub const NO_PASSWORD: &str = "$argon2id$sin-clave";

impl Persona {
    /// A new person, signed in.
    pub async fn create(store: &Store, tokens: &Tokens, quien: Quien) -> Self {
        Self::create_with(store, tokens, quien, NO_PASSWORD, false).await
    }

    /// The same with the hash of a password, which they may have to change.
    pub async fn create_with(
        store: &Store,
        tokens: &Tokens,
        quien: Quien,
        hash: &str,
        debe_cambiar_password: bool,
    ) -> Self {
        let usuario = Usuario {
            rut: quien.rut,
            nombre: "Rosa".into(),
            apellido_1: format!("Díaz {}", quien.rut),
            apellido_2: None,
            rol: quien.rol,
            areas: quien.areas.clone(),
            email: None,
            activo: true,
            debe_cambiar_password,
            creado: Instante::default(),
            hash_password: hash.into(),
        };
        let created = CreateUsuario {
            usuario,
            actor: None,
        };
        store.write(created).await.expect("usuario");
        Self::sign_in(store, tokens, quien).await
    }

    /// Another session of a person.
    pub async fn sign_in(store: &Store, tokens: &Tokens, quien: Quien) -> Self {
        Self::open_session(store, tokens, quien).await.0
    }

    /// The same, with its refresh token.
    pub async fn open_session(store: &Store, tokens: &Tokens, quien: Quien) -> (Self, String) {
        let open = OpenSession {
            rut: quien.rut,
            device_id: None,
            agente: None,
            direccion: "127.0.0.1".into(),
            rehash: None,
        };
        let (sesion_id, refresh_token) = store.write(open).await.expect("sesión");
        let mut persona = Self {
            rut: quien.rut,
            quien,
            token: String::new(),
            sesion_id,
        };
        persona.token = persona.issue_token(tokens, store.env());
        (persona, refresh_token)
    }

    /// A new token of the same session: long runs outlive one.
    pub fn issue_token(&self, tokens: &Tokens, env: &Env) -> String {
        let token = tokens.issue(env, &self.quien, self.sesion_id, AUD_API);
        token.expect("token")
    }
}
