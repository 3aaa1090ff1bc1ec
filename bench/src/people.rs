//! Who asks, and the reports that are there before anything is measured.

use std::cell::Cell;

use futures_util::future::try_join_all;
use sigra_api::{AUD_API, SigningKey, Tokens};
use sigra_domain::{Instante, Quien, Rol, Rut};
use sigra_store::{
    Env, Store,
    identity::{CreateUsuario, OpenSession, Usuario},
};

use crate::{
    Error,
    client::Connection,
    samples::Samples,
    site::{KEY_ID, SECRET, ServerProcess},
};

/// One per connection, at most.
const WORKERS: i64 = 64;
const FIRST_RUT: i64 = 12_000_000;
const BATCH: u32 = 500;
const SENDERS: u32 = 4;
/// The reports were made over this time.
const PERIOD: i64 = 730 * Instante::DAY;

pub struct People {
    /// With their sessions; the last one is an administrador.
    everybody: Vec<(Quien, i64)>,
    tokens: Tokens,
}

impl People {
    pub async fn create(store: &Store) -> Result<Self, Error> {
        let mut everybody = Vec::new();
        for rut in FIRST_RUT..FIRST_RUT + WORKERS {
            everybody.push(person(store, rut, Rol::Trabajador).await?);
        }
        everybody.push(person(store, FIRST_RUT + WORKERS, Rol::Administrador).await?);
        let (kid, secreto) = (KEY_ID.into(), SECRET);
        let tokens = Tokens::new(&[SigningKey { kid, secreto }]);
        Ok(Self { everybody, tokens })
    }

    /// A token for each of so many workers, good for 15 minutes. Signed here because logging in
    /// measures argon2, which is slow on purpose; the server checks it like any other.
    pub fn workers(&self, count: u32) -> Result<Vec<String>, Error> {
        let workers = (0..count).zip(&self.everybody);
        workers.map(|(_, worker)| self.token(worker)).collect()
    }

    pub fn administrador(&self) -> Result<String, Error> {
        self.token(self.everybody.last().ok_or("no hay nadie")?)
    }

    fn token(&self, (quien, session): &(Quien, i64)) -> Result<String, Error> {
        Ok(self
            .tokens
            .issue(&Env::default(), quien, *session, AUD_API)?)
    }

    /// So many reports, as phones send them in batches.
    pub async fn fill(
        &self,
        server: &ServerProcess,
        (samples, filas): (&Samples, u32),
        sent: impl Fn(u32),
    ) -> Result<(), Error> {
        let (next, now) = (Cell::new(0), Env::default().now());
        let reporte = |i: u32| {
            let hora = now.plus(-PERIOD / i64::from(filas) * i64::from(filas - i));
            samples.json_at(usize::try_from(i).unwrap_or(0), hora, "")
        };
        let send = async |token: String| {
            let mut connection = Connection::open(server.address).await?;
            while next.get() < filas {
                let from = next.replace(filas.min(next.get() + BATCH));
                let batch = samples.batch((from..next.get()).map(reporte));
                let sending = next.get() - from;
                connection
                    .post("/sync/batch", &token, (&batch, 200))
                    .await?;
                sent(sending);
            }
            Ok::<_, Error>(())
        };
        try_join_all(self.workers(SENDERS)?.into_iter().map(send)).await?;
        Ok(())
    }
}

async fn person(store: &Store, rut: i64, rol: Rol) -> Result<(Quien, i64), Error> {
    let rut = Rut::new(rut).map_err(|_| "RUT")?;
    let usuario = Usuario {
        rut,
        nombre: "Rosa".into(),
        apellido_1: format!("Díaz {rut}"),
        apellido_2: None,
        rol,
        areas: vec![],
        email: None,
        activo: true,
        debe_cambiar_password: false,
        creado: Instante::default(),
        // No password has this hash: nobody logs in during a measurement.
        hash_password: "$argon2id$sin-clave".into(),
    };
    let created = store
        .write(CreateUsuario {
            usuario,
            actor: None,
        })
        .await;
    created.map_err(|e| format!("no se pudo crear un usuario: {e:?}"))?;
    let open = OpenSession {
        rut,
        device_id: None,
        agente: None,
        direccion: "127.0.0.1".into(),
        rehash: None,
    };
    let (session, _) = store.write(open).await?;
    Ok((
        Quien {
            rut,
            rol,
            areas: vec![],
        },
        session,
    ))
}
