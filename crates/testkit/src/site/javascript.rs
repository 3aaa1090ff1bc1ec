//! Programs in JavaScript that tests talk to.

use tempfile::TempDir;
use tokio::process::Command;

use super::step_aside;

/// A directory with the program of `carpeta` and its packages; `None` where there is no Node.js.
pub async fn install_packages(carpeta: &str, programa: &str) -> Option<TempDir> {
    for orden in ["node", "npm"] {
        let hay = Command::new(orden).arg("--version").output().await;
        if hay.is_err() {
            step_aside(&format!("Node.js no encontrado: no se prueba {programa}"));
            return None;
        }
    }
    let dir = tempfile::tempdir().expect("directorio");
    for archivo in ["package.json", "package-lock.json", programa] {
        let de = format!("{carpeta}/{archivo}");
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
