//! The real binary as a process of its own, to be killed.

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Stdio, time::Duration};

use serde_json::Value;
use sigra_domain::hex;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    sync::mpsc,
};

use super::SECRET;

/// Puts the harness's signing key where servers with this data directory find it, so that the tokens
/// that tests sign are theirs too.
pub fn install_test_signing_key(dir: &Path) {
    let claves = dir.join("claves.json");
    let secreto = hex(&SECRET);
    let texto = format!(
        r#"{{"claves":[{{"kid":"prueba","secreto":"{secreto}","creada":"2026-01-01T00:00:00Z"}}]}}"#
    );
    std::fs::write(&claves, texto).expect("claves");
    std::fs::set_permissions(&claves, std::fs::Permissions::from_mode(0o600)).expect("modo");
}

/// Where the program lies. Cargo says it to the tests of the package that has it.
pub fn sigra() -> String {
    std::env::var("CARGO_BIN_EXE_sigra").expect("cargo test -p sigra")
}

/// A running `sigra serve`.
pub struct ServerProcess {
    pub url: String,
    /// The lines of its log since then, as JSON.
    pub registro: mpsc::UnboundedReceiver<Value>,
    hijo: Child,
}

impl ServerProcess {
    /// Starts and waits until it says `escuchando`; the error is what it wrote to stderr.
    pub async fn start(base: &str, dir: &Path, variables: &[(&str, &str)]) -> Result<Self, String> {
        Self::start_behind(&[], base, dir, variables).await
    }

    /// The same behind the words of a command that becomes the one it is given, like `nsenter`.
    pub async fn start_behind(
        prefijo: &[String],
        base: &str,
        dir: &Path,
        variables: &[(&str, &str)],
    ) -> Result<Self, String> {
        let mut orden = prefijo.iter().cloned().chain([sigra(), "serve".to_owned()]);
        let mut hijo = Command::new(orden.next().expect("orden"))
            .args(orden)
            .current_dir(dir)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SIGRA_LISTEN", "127.0.0.1:0")
            .env("SIGRA_DATA_DIR", dir)
            .env("SIGRA_DATABASE_URL", base)
            .env("SIGRA_LOG", "info")
            .env("SIGRA_LOG_FORMAT", "json")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("arranca sigra");
        let mut lineas = BufReader::new(hijo.stderr.take().expect("stderr")).lines();
        let mut dicho = String::new();
        let espera = async {
            while let Ok(Some(linea)) = lineas.next_line().await {
                dicho.push_str(&linea);
                dicho.push('\n');
                let json: Value = serde_json::from_str(&linea).unwrap_or_default();
                let campos = json.get("fields").unwrap_or(&json);
                if campos["message"] == "escuchando"
                    && let Some(direccion) = campos["direccion"].as_str()
                {
                    return Some(format!("http://{direccion}"));
                }
            }
            None
        };
        let url = tokio::time::timeout(Duration::from_secs(30), espera).await;
        match url {
            Ok(Some(url)) => {
                // Its log must be read, or it would block on a full pipe.
                let (tx, registro) = mpsc::unbounded_channel();
                tokio::spawn(async move {
                    while let Ok(Some(linea)) = lineas.next_line().await {
                        tx.send(serde_json::from_str(&linea).unwrap_or_default())
                            .ok();
                    }
                });
                Ok(Self {
                    url,
                    registro,
                    hijo,
                })
            }
            _ => Err(dicho),
        }
    }

    /// `kill -9`.
    pub async fn kill(mut self) {
        self.hijo.kill().await.expect("kill");
    }

    pub fn pid(&self) -> u32 {
        self.hijo.id().expect("pid")
    }

    /// SIGTERM
    pub async fn send_sigterm(&self) {
        let pid = self.pid().to_string();
        let kill = Command::new("kill").args(["-TERM", &pid]).status().await;
        assert!(kill.expect("kill").success());
    }

    /// SIGTERM, and how it ended.
    pub async fn terminate(mut self) -> std::process::ExitStatus {
        self.send_sigterm().await;
        tokio::time::timeout(Duration::from_secs(12), self.hijo.wait())
            .await
            .expect("se detiene en 12 s")
            .expect("espera")
    }
}
