//! Who asks, and the reports that are there before anything is measured.

use std::{cell::Cell, net::SocketAddr};

use futures_util::future::try_join_all;
use sigra_api::Tokens;
use sigra_domain::{Instante, Quien, Rol, Rut};
use sigra_store::{Env, Store};
use sigra_testkit::{persona::Persona, process};

use crate::{Error, client::Connection, samples::Samples};

/// One per connection, at most.
const WORKERS: i64 = 64;
const FIRST_RUT: i64 = 12_000_000;
const BATCH: u32 = 500;
const SENDERS: u32 = 4;
/// The reports were made over this time.
const PERIOD: i64 = 730 * Instante::DAY;

pub struct People {
    workers: Vec<Persona>,
    administrador: Persona,
    tokens: Tokens,
}

impl People {
    pub async fn create(store: &Store) -> Result<Self, Error> {
        let tokens = process::tokens();
        let create = async |n: i64, rol: Rol| {
            let rut = Rut::new(FIRST_RUT + n).map_err(|_| "RUT")?;
            let areas = vec![];
            let quien = Quien { rut, rol, areas };
            Ok::<_, Error>(Persona::create(store, &tokens, quien).await)
        };
        let administrador = create(0, Rol::Administrador).await?;
        let mut workers = Vec::new();
        for n in 1..=WORKERS {
            workers.push(create(n, Rol::Trabajador).await?);
        }
        Ok(Self {
            workers,
            administrador,
            tokens,
        })
    }

    /// A token for each of so many workers, good for 15 minutes. Signed here because logging in
    /// measures argon2, which is slow on purpose; the server checks it like any other.
    pub fn workers(&self, count: u32) -> Vec<String> {
        let workers = (0..count).zip(&self.workers);
        workers.map(|(_, worker)| self.token(worker)).collect()
    }

    pub fn administrador(&self) -> String {
        self.token(&self.administrador)
    }

    fn token(&self, persona: &Persona) -> String {
        persona.issue_token(&self.tokens, &Env::default())
    }

    /// So many reports, as phones send them in batches.
    pub async fn fill(
        &self,
        server: SocketAddr,
        (samples, filas): (&Samples, u32),
        sent: impl Fn(u32),
    ) -> Result<(), Error> {
        let (next, now) = (Cell::new(0), Env::default().now());
        let reporte = |i: u32| {
            let hora = now.plus(-PERIOD / i64::from(filas) * i64::from(filas - i));
            samples.json_at(usize::try_from(i).unwrap_or(0), hora, "")
        };
        let send = async |token: String| {
            let mut connection = Connection::open(server).await?;
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
        try_join_all(self.workers(SENDERS).into_iter().map(send)).await?;
        Ok(())
    }
}
