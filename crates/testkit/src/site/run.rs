//! How a test runs: on a site of its own, for as long as is wanted, or not at all.

use std::{future::Future, io::Write as _, panic::AssertUnwindSafe};

use futures_util::FutureExt as _;

use super::{DbKind, SiteOptions, TestDb, TestSite};

/// Runs one test on a site as most are.
pub async fn run(motor: DbKind, prueba: impl AsyncFnOnce(&TestSite)) {
    run_with(motor, SiteOptions::default(), prueba).await;
}

/// Runs one test on a site of its own and asks, when it ends, whether all is in order.
pub async fn run_with(motor: DbKind, ajuste: SiteOptions, prueba: impl AsyncFnOnce(&TestSite)) {
    let Some(bd) = TestDb::new(motor).await else {
        return;
    };
    let sitio = TestSite::with(bd, ajuste).await;
    let resultado = AssertUnwindSafe(prueba(&sitio)).catch_unwind().await;
    let orden = match &resultado {
        Ok(()) => {
            AssertUnwindSafe(sitio.assert_consistent())
                .catch_unwind()
                .await
        }
        Err(_) => Ok(()),
    };
    sitio.finish().await;
    for r in [resultado, orden] {
        if let Err(panico) = r {
            std::panic::resume_unwind(panico);
        }
    }
}

/// `n` in `make soak`, a tenth of it in `make test`.
pub fn iterations(n: usize) -> usize {
    if std::env::var_os("SIGRA_SOAK").is_some() {
        n
    } else {
        n.div_ceil(10)
    }
}

/// Runs all at once and gives the answers in order.
pub async fn run_concurrently<F: Future + Send + 'static>(
    tareas: impl IntoIterator<Item = F>,
) -> Vec<F::Output>
where
    F::Output: Send + 'static,
{
    let tareas: Vec<_> = tareas.into_iter().map(tokio::spawn).collect();
    let mut salidas = Vec::new();
    for t in tareas {
        salidas.push(t.await.expect("tarea"));
    }
    salidas
}

/// A test that lacks something here says so, and fails in CI.
pub fn step_aside(falta: &str) {
    let en_ci = std::env::var("CI").as_deref() == Ok("true");
    assert!(!en_ci, "{falta}; con CI=true es un fallo");
    // Not by a macro, whose output is kept from whoever runs a test that passes.
    writeln!(std::io::stderr(), "{falta}").ok();
}
