//! `sigra serve` as a process of its own, and the key that signs its sessions.

use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};

use serde_json::Value;
use sigra_domain::hex;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::Error;

pub const SECRET: [u8; 32] = [7; 32];
pub const KEY_ID: &str = "bench";
/// How long it may take to open the database, and to close it.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Puts the key where servers with this data directory find it; SIGRA refuses one that others can read.
pub fn install_signing_key(dir: &Path) -> Result<(), Error> {
    let keys = format!(
        r#"{{"claves":[{{"kid":"{KEY_ID}","secreto":"{}","creada":"2026-01-01T00:00:00Z"}}]}}"#,
        hex(&SECRET)
    );
    let mut options = std::fs::File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .write(true)
        .create_new(true)
        .open(dir.join("claves.json"))?;
    Ok(std::io::Write::write_all(&mut file, keys.as_bytes())?)
}

/// The program beside this one, with nothing of this process's environment.
pub fn sigra(dir: &Path, database: &str) -> Result<Command, Error> {
    let program = std::env::current_exe()?.with_file_name("sigra");
    if !program.exists() {
        return Err(format!("falta {}: compile sigra también", program.display()).into());
    }
    let mut command = Command::new(program);
    command
        .current_dir(dir)
        .env_clear()
        .env("SIGRA_LISTEN", "127.0.0.1:0")
        .env("SIGRA_DATA_DIR", dir)
        .env("SIGRA_DATABASE_URL", database)
        .env("SIGRA_SYNC_POR_MINUTO", "0")
        .env("SIGRA_LOG_FORMAT", "json")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

pub struct ServerProcess {
    pub address: SocketAddr,
    pub pid: u32,
    child: Child,
}

impl ServerProcess {
    /// Starts and waits until it says `escuchando`.
    pub async fn start(dir: &Path, database: &str) -> Result<Self, Error> {
        let mut child = sigra(dir, database)?.arg("serve").spawn()?;
        let (Some(pid), Some(log)) = (child.id(), child.stderr.take()) else {
            return Err("el servidor no arrancó".into());
        };
        let (mut lines, mut said) = (BufReader::new(log).lines(), String::new());
        let listening = async {
            while let Some(line) = lines.next_line().await? {
                let json: Value = serde_json::from_str(&line).unwrap_or_default();
                if let Some(address) = json["direccion"].as_str() {
                    return Ok(address.parse()?);
                }
                said = said + &line + "\n";
            }
            Err::<SocketAddr, Error>(format!("el servidor no arrancó:\n{said}").into())
        };
        let address = tokio::time::timeout(TIMEOUT, listening).await??;
        // Its log must be read, or it would block on a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            address,
            pid,
            child,
        })
    }

    /// SIGTERM; afterwards nobody has the database open.
    pub async fn terminate(mut self) -> Result<(), Error> {
        let pid = self.pid.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await?;
        match tokio::time::timeout(TIMEOUT, self.child.wait()).await?? {
            status if status.success() => Ok(()),
            status => Err(format!("el servidor terminó con {status}").into()),
        }
    }
}
