//! Whoever alters the history is found out: what is broken behind the server's back is named, with
//! its report and its entry, and what is whole is not.

mod ajustes;
mod guardas;
mod historia;
mod informe;
mod lectura;
mod sabotaje;

use sha2::{Digest as _, Sha256};
use sigra_domain::{bitacora::Motivo, hex};
use sigra_store::{Hallazgo, Store};

use crate::arnes::{Motor, Sitio};

/// Which chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Donde {
    Reporte(i64),
    SinReporte(i64),
    Ajustes,
}

/// A chain, the number of the entry that must be named, and why.
type Esperado = (Donde, i64, &'static str);

fn esperado(donde: Donde, n: i64, motivo: Motivo) -> Esperado {
    (donde, n, motivo.texto())
}

async fn hallazgos(store: &Store) -> Vec<Esperado> {
    let resumen = store
        .verifica_bitacora(|_| ())
        .await
        .expect("la verificación termina");
    let mut todos: Vec<_> = resumen
        .hallazgos
        .into_iter()
        .map(|h| match h {
            Hallazgo::Reporte { id, rotura, .. } => {
                esperado(Donde::Reporte(id), rotura.n, rotura.motivo)
            }
            Hallazgo::SinReporte { reporte_id, n } => (Donde::SinReporte(reporte_id), n, ""),
            Hallazgo::Ajustes(rotura) => esperado(Donde::Ajustes, rotura.n, rotura.motivo),
        })
        .collect();
    todos.sort_unstable();
    todos
}

/// The hash that the contract promises, by a library that the server does not use for it.
fn hash(anterior: &str, canonica: &str) -> String {
    let mut sha256 = Sha256::new();
    sha256.update(anterior);
    sha256.update(canonica);
    hex(&sha256.finalize())
}

/// Someone with the database's own password: no guards, no foreign keys.
struct Intruso<'a>(&'a Sitio);

const TABLAS: [&str; 5] = [
    "bitacora",
    "multimedia",
    "reportes",
    "bitacora_ajustes",
    "bitacora_ajustes_cabeza",
];

impl<'a> Intruso<'a> {
    /// Switches the guards off and keeps a copy of the history as it is.
    async fn entra(sitio: &'a Sitio) -> Self {
        sitio
            .bitacora_rota
            .store(true, std::sync::atomic::Ordering::Relaxed);
        if sitio.bd.motor == Motor::Sqlite {
            let guardas = "SELECT name FROM sqlite_master WHERE type = 'trigger'";
            for guarda in sitio.bd.textos(guardas).await {
                sitio
                    .bd
                    .sql(&format!("DROP TRIGGER {guarda}"))
                    .await
                    .expect("DROP TRIGGER");
            }
        }
        let yo = Self(sitio);
        for t in TABLAS {
            yo.sql(&format!("CREATE TABLE copia_{t} AS SELECT * FROM {t}"))
                .await;
        }
        yo
    }

    async fn sql(&self, sql: &str) {
        let antes = match self.0.bd.motor {
            Motor::Sqlite => "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE",
            Motor::Postgres => "SET session_replication_role = replica; BEGIN",
        };
        let todo = format!("{antes}; {sql}; COMMIT");
        self.0
            .bd
            .sql(&todo)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// Puts the history back as it was.
    async fn repara(&self) {
        let pasos: Vec<String> = TABLAS
            .iter()
            .map(|t| format!("DELETE FROM {t}; INSERT INTO {t} SELECT * FROM copia_{t}"))
            .collect();
        self.sql(&pasos.join("; ")).await;
    }
}

/// As SQL writes a text.
fn texto(t: &str) -> String {
    format!("'{}'", t.replace('\'', "''"))
}
