//! Whoever alters the history is found out: what is broken behind the server's back is named, with
//! its report and its entry, and what is whole is not.

mod guards;
mod history;
#[cfg(feature = "pdf")]
mod informe;
mod reading;
mod sabotage;
mod settings;

use sha2::{Digest as _, Sha256};
use sigra_domain::{bitacora::BreakReason, hex};
use sigra_store::{ChainFinding, Store};

use sigra_testkit::{DbKind, TestSite};

/// Which chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ChainRef {
    Reporte(i64),
    SinReporte(i64),
    Ajustes,
}

/// A chain, the number of the entry that must be named, and why.
type ExpectedBreak = (ChainRef, i64, &'static str);

fn expected(donde: ChainRef, n: i64, motivo: BreakReason) -> ExpectedBreak {
    (donde, n, motivo.text())
}

async fn findings(store: &Store) -> Vec<ExpectedBreak> {
    let resumen = store
        .verify_bitacora(|_| ())
        .await
        .expect("la verificación termina");
    let mut todos: Vec<_> = resumen
        .hallazgos
        .into_iter()
        .map(|h| match h {
            ChainFinding::Reporte { id, rotura, .. } => {
                expected(ChainRef::Reporte(id), rotura.n, rotura.motivo)
            }
            ChainFinding::SinReporte { reporte_id, n } => (ChainRef::SinReporte(reporte_id), n, ""),
            ChainFinding::Ajustes(rotura) => expected(ChainRef::Ajustes, rotura.n, rotura.motivo),
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
struct Intruder<'a>(&'a TestSite);

const TABLES: [&str; 5] = [
    "bitacora",
    "multimedia",
    "reportes",
    "bitacora_ajustes",
    "bitacora_ajustes_cabeza",
];

impl<'a> Intruder<'a> {
    /// Switches the guards off and keeps a copy of the history as it is.
    async fn break_in(sitio: &'a TestSite) -> Self {
        sitio
            .bitacora_rota
            .store(true, std::sync::atomic::Ordering::Relaxed);
        if sitio.bd.motor == DbKind::Sqlite {
            let guardas = "SELECT name FROM sqlite_master WHERE type = 'trigger'";
            for guarda in sitio.bd.texts(guardas).await {
                sitio
                    .bd
                    .sql(&format!("DROP TRIGGER {guarda}"))
                    .await
                    .expect("DROP TRIGGER");
            }
        }
        let yo = Self(sitio);
        for t in TABLES {
            yo.sql(&format!("CREATE TABLE copia_{t} AS SELECT * FROM {t}"))
                .await;
        }
        yo
    }

    async fn sql(&self, sql: &str) {
        let antes = match self.0.bd.motor {
            DbKind::Sqlite => "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE",
            DbKind::Postgres => "SET session_replication_role = replica; BEGIN",
        };
        let todo = format!("{antes}; {sql}; COMMIT");
        self.0
            .bd
            .sql(&todo)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// Puts the history back as it was.
    async fn restore(&self) {
        let pasos: Vec<String> = TABLES
            .iter()
            .map(|t| format!("DELETE FROM {t}; INSERT INTO {t} SELECT * FROM copia_{t}"))
            .collect();
        self.sql(&pasos.join("; ")).await;
    }
}

/// As SQL writes a text.
fn text(t: &str) -> String {
    format!("'{}'", t.replace('\'', "''"))
}
