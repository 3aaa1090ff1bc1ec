//! Password hashing, off the async threads and bounded.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use sigra_domain::hex;
use sigra_store::Env;
use tokio::sync::Semaphore;

use crate::{code::Codigo, problem::Problema};

/// Sign-ins that may wait for a core; more are told to come back (about ten seconds of hashing).
const QUEUE_CAPACITY: usize = 256;

/// One a process: making it costs as much as a sign-in.
static DECOY: OnceLock<Arc<str>> = OnceLock::new();

/// argon2id with the crate's parameters (19 MiB, two passes: OWASP's first choice), one at a time
/// per core.
pub struct PasswordHasher {
    turnos: Arc<Semaphore>,
    cola: Arc<Semaphore>,
    /// Verified in place of the hash of somebody who does not exist.
    senuelo: Arc<str>,
    /// The same, but salt and digest only: its cost is that of the hashes that are left.
    senuelo_bcrypt: String,
    verificaciones: AtomicU64,
}

/// What a verification found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCheck {
    pub correcta: bool,
    /// The stored hash is of the earlier system and should be replaced.
    pub antigua: bool,
}

impl PasswordHasher {
    pub fn new(env: &Env) -> Self {
        let nucleos = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            turnos: Arc::new(Semaphore::new(nucleos)),
            cola: Arc::new(Semaphore::new(QUEUE_CAPACITY)),
            senuelo: Arc::clone(DECOY.get_or_init(|| decoy(env))),
            senuelo_bcrypt: dummy_bcrypt_hash(env),
            verificaciones: AtomicU64::new(0),
        }
    }

    /// Whether `clave` is the one of `hash`. `None` and hashes of either kind cost the same: one
    /// argon2 verification, and one bcrypt verification of `costo_bcrypt` too while there is one.
    pub async fn verify(
        &self,
        clave: String,
        hash: Option<String>,
        costo_bcrypt: Option<u32>,
    ) -> Result<PasswordCheck, Problema> {
        self.verificaciones.fetch_add(1, Ordering::Relaxed);
        let antiguo = hash.as_deref().is_some_and(|h| h.starts_with("$2"));
        let (de_argon, de_bcrypt) = if antiguo { (None, hash) } else { (hash, None) };
        let existe = (de_argon.is_some(), de_bcrypt.is_some());
        let argon = de_argon.map_or_else(|| Arc::clone(&self.senuelo), Arc::from);
        let bcrypt = de_bcrypt
            .or_else(|| costo_bcrypt.map(|c| format!("$2b${c:02}${}", self.senuelo_bcrypt)));
        self.with_permit(move || {
            let por_argon = PasswordHash::new(&argon).is_ok_and(|h| {
                Argon2::default()
                    .verify_password(clave.as_bytes(), &h)
                    .is_ok()
            });
            // bcrypt reads 72 bytes; longer passwords can't have been set in the earlier system.
            let leida = clave.as_bytes().get(..72).unwrap_or(clave.as_bytes());
            let por_bcrypt = bcrypt.is_some_and(|h| bcrypt::verify(leida, &h).unwrap_or(false))
                && clave.len() <= 72;
            PasswordCheck {
                correcta: (existe.0 && por_argon) || (existe.1 && por_bcrypt),
                antigua: existe.1,
            }
        })
        .await
    }

    /// The hash to store.
    pub async fn hash(&self, clave: String) -> Result<String, Problema> {
        self.with_permit(move || hash_password(&clave))
            .await?
            .map_err(|e| Problema::internal(&e))
    }

    /// How many passwords were verified since the start.
    pub fn verification_count(&self) -> u64 {
        self.verificaciones.load(Ordering::Relaxed)
    }

    async fn with_permit<T: Send + 'static>(
        &self,
        trabajo: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problema> {
        let en_cola = Arc::clone(&self.cola)
            .try_acquire_owned()
            .map_err(|_| Problema::from(Codigo::ServidorOcupado))?;
        let turno = Arc::clone(&self.turnos)
            .acquire_owned()
            .await
            .map_err(|_| Problema::from(Codigo::ServidorOcupado))?;
        tokio::task::spawn_blocking(move || {
            // Held here: a client that leaves does not free the core that hashes for it.
            let _permisos = (en_cola, turno);
            trabajo()
        })
        .await
        .map_err(|e| Problema::internal(&e))
    }
}

/// argon2id in PHC form. Takes tens of milliseconds: not for an async thread.
pub fn hash_password(clave: &str) -> Result<String, argon2::password_hash::Error> {
    Argon2::default()
        .hash_password(clave.as_bytes())
        .map(|h| h.to_string())
}

/// The hash of a password that nobody knows.
fn decoy(env: &Env) -> Arc<str> {
    let azar = hex(&env.random::<16>());
    hash_password(&azar).unwrap_or_default().into()
}

/// Salt and digest of a bcrypt hash of nothing anybody knows: the form is right, the rest random.
fn dummy_bcrypt_hash(env: &Env) -> String {
    const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let azar: [u8; 53] = env.random();
    let letras: String = azar
        .iter()
        .map(|b| char::from(ALPHABET[usize::from(b % 64)]))
        .collect();
    // The last letter of salt and digest carries spare bits that must be zero.
    format!("{}.{}.", &letras[..21], &letras[22..52])
}
