//! The real binary as a process of its own, to be killed.

use std::{
    net::SocketAddr, os::unix::fs::PermissionsExt as _, path::Path, process::Stdio, time::Duration,
};

use serde_json::Value;
use sigra_api::{SigningKey, Tokens};
use sigra_domain::hex;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    sync::mpsc,
};

pub const KEY_ID: &str = "prueba";
pub const SECRET: [u8; 32] = [7; 32];

/// What signs the tokens of people under test.
pub fn signing_key() -> SigningKey {
    SigningKey {
        kid: KEY_ID.into(),
        secreto: SECRET,
    }
}

/// Signs with it.
pub fn tokens() -> Tokens {
    Tokens::new(&[signing_key()])
}

/// Puts the harness's signing key where servers with this data directory find it, so that the tokens
/// that tests sign are theirs too.
pub fn install_test_signing_key(dir: &Path) {
    let claves = dir.join("claves.json");
    let secreto = hex(&SECRET);
    let texto = format!(
        r#"{{"claves":[{{"kid":"{KEY_ID}","secreto":"{secreto}","creada":"2026-01-01T00:00:00Z"}}]}}"#
    );
    std::fs::write(&claves, texto).expect("claves");
    std::fs::set_permissions(&claves, std::fs::Permissions::from_mode(0o600)).expect("modo");
}

/// Where the program lies. Cargo says it to the tests of the package that has it; for all others it
/// is beside the program that runs.
pub fn sigra() -> String {
    std::env::var("CARGO_BIN_EXE_sigra").unwrap_or_else(|_| {
        let own = std::env::current_exe().expect("programa");
        let sigra = own.with_file_name("sigra");
        assert!(sigra.exists(), "falta {}", sigra.display());
        sigra.display().to_string()
    })
}

/// The program on this data directory and database, with nothing else of this process's environment.
pub fn command(base: &str, dir: &Path) -> Command {
    command_behind(&[], base, dir)
}

/// The same behind the words of a command that becomes the one it is given, like `nsenter`.
fn command_behind(prefijo: &[String], base: &str, dir: &Path) -> Command {
    let mut words = prefijo.iter().cloned().chain([sigra()]);
    let mut command = Command::new(words.next().expect("orden"));
    command
        .args(words)
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("SIGRA_LISTEN", "127.0.0.1:0")
        .env("SIGRA_DATA_DIR", dir)
        .env("SIGRA_DATABASE_URL", base)
        .env("SIGRA_LOG", "info")
        .env("SIGRA_LOG_FORMAT", "json")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A running `sigra serve`.
pub struct ServerProcess {
    pub url: String,
    pub address: SocketAddr,
    /// The lines of its log since then, as JSON.
    pub registro: mpsc::UnboundedReceiver<Value>,
    child: Child,
}

impl ServerProcess {
    /// Starts and waits until it says `escuchando`; the error is what it wrote to stderr.
    pub async fn start(base: &str, dir: &Path, variables: &[(&str, &str)]) -> Result<Self, String> {
        Self::start_behind(&[], base, dir, variables).await
    }

    /// The same behind a command, like `nsenter`.
    pub async fn start_behind(
        prefijo: &[String],
        base: &str,
        dir: &Path,
        variables: &[(&str, &str)],
    ) -> Result<Self, String> {
        let mut child = command_behind(prefijo, base, dir)
            .arg("serve")
            .stdout(Stdio::null())
            .envs(variables.iter().copied())
            .spawn()
            .expect("arranca sigra");
        let mut lineas = BufReader::new(child.stderr.take().expect("stderr")).lines();
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
                    return direccion.parse().ok();
                }
            }
            None
        };
        match tokio::time::timeout(Duration::from_secs(30), espera).await {
            Ok(Some(address)) => {
                // Its log must be read, or it would block on a full pipe.
                let (tx, registro) = mpsc::unbounded_channel();
                tokio::spawn(async move {
                    while let Ok(Some(linea)) = lineas.next_line().await {
                        tx.send(serde_json::from_str(&linea).unwrap_or_default())
                            .ok();
                    }
                });
                Ok(Self {
                    url: format!("http://{address}"),
                    address,
                    registro,
                    child,
                })
            }
            _ => Err(dicho),
        }
    }

    /// `kill -9`.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("kill");
    }

    pub fn pid(&self) -> u32 {
        self.child.id().expect("pid")
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
        tokio::time::timeout(Duration::from_secs(12), self.child.wait())
            .await
            .expect("se detiene en 12 s")
            .expect("espera")
    }
}
