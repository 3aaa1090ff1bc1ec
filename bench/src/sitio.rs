//! One database with its people and reports, ready to be measured.

use std::sync::Arc;

use sigra_store::{Env, Store};
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::{
    base::{Bases, Motor},
    cli::Plan,
    datos::{Caso, areas_grandes, casos},
    error::Error,
    gente::Gente,
    lector::enteros,
    pantalla::Etapa,
    semilla::siembra,
    servidor::{CONEXIONES, Encargo},
};

/// Areas of the supervisor, and those that lists are filtered by.
const AREAS: usize = 3;

#[derive(Clone)]
pub struct Sitio {
    pub motor: Motor,
    pub url: String,
    pub encargo: Encargo,
    pub gente: Arc<Gente>,
    pub casos: Arc<Vec<Caso>>,
    /// The largest ones.
    pub areas: Vec<i64>,
    pub ids: Arc<Vec<i64>>,
}

impl Sitio {
    pub async fn prepara(bases: &Bases, motor: Motor, plan: &Plan) -> Result<Self, Error> {
        let entorno = Env::default();
        let url = bases.crea(motor).await?;
        let casos = Arc::new(casos(entorno.now())?);
        let areas: Vec<i64> = areas_grandes(&casos).into_iter().take(AREAS).collect();
        let secreto = entorno.random();
        let texto = format!("{}: guarda {} reportes", motor.nombre(), plan.filas);
        let etapa = Etapa::nueva(texto, plan.filas.into());
        let store = Store::open(&para_sembrar(motor, &url), CONEXIONES, entorno).await?;
        let gente = Gente::crea(&store, &areas, secreto).await?;
        siembra(&store, &gente, &casos, plan.filas, &etapa).await?;
        // As a server that runs has done long before.
        store.sequence_changes().await?;
        store.close().await;
        etapa.termina();
        asienta(motor, &url).await?;
        let ids = Arc::new(enteros(motor, &url, "SELECT id FROM reportes ORDER BY id").await?);
        let encargo = Encargo {
            url: url.clone(),
            secreto,
            archivos: bases.carpeta()?,
            vistas: true,
        };
        Ok(Self {
            motor,
            url,
            encargo,
            gente: Arc::new(gente),
            casos,
            areas,
            ids,
        })
    }

    /// The same people and reports in another database.
    pub fn con_url(&self, url: String) -> Self {
        let encargo = Encargo {
            url: url.clone(),
            ..self.encargo.clone()
        };
        Self {
            url,
            encargo,
            ..self.clone()
        }
    }
}

/// What is written before the measurement need not be durable; PostgreSQL can be told so for these
/// connections alone.
fn para_sembrar(motor: Motor, url: &str) -> String {
    match motor {
        Motor::Sqlite => url.to_owned(),
        Motor::Postgres => {
            let une = if url.contains('?') { '&' } else { '?' };
            format!("{url}{une}options[synchronous_commit]=off")
        }
    }
}

/// Leaves PostgreSQL as it would be after a quiet night: statistics made, nothing left to write.
pub async fn asienta(motor: Motor, url: &str) -> Result<(), Error> {
    if motor == Motor::Postgres {
        let mut c = PgConnection::connect(url).await?;
        c.execute("VACUUM ANALYZE").await?;
        // Only for superusers; without it the server does so in its own time.
        c.execute("CHECKPOINT").await.ok();
        c.close().await?;
    }
    Ok(())
}
