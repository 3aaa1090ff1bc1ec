//! Programs in JavaScript that tests talk to.

use std::io::Write as _;

use tempfile::TempDir;
use tokio::process::Command;

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

/// A directory with the program of `tests/<carpeta>` and its packages; `None` where there is no Node.js.
pub async fn install_packages(carpeta: &str, programa: &str) -> Option<TempDir> {
    for orden in ["node", "npm"] {
        let hay = Command::new(orden).arg("--version").output().await;
        if hay.is_err() {
            let falta = format!("Node.js no encontrado: no se prueba {carpeta}");
            let en_ci = std::env::var("CI").as_deref() == Ok("true");
            assert!(!en_ci, "{falta}; con CI=true es un fallo");
            // Not by a macro, whose output is kept from whoever runs a test that passes.
            writeln!(std::io::stderr(), "{falta}").ok();
            return None;
        }
    }
    let dir = tempfile::tempdir().expect("directorio");
    for archivo in ["package.json", "package-lock.json", programa] {
        let de = format!("{TESTS}/{carpeta}/{archivo}");
        std::fs::copy(de, dir.path().join(archivo)).expect("copia");
    }
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(dir.path())
        .output()
        .await
        .expect("npm");
    assert!(npm.status.success(), "npm ci: {npm:?}");
    Some(dir)
}
