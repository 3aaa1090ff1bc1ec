//! The server process as its parent sees it: address, memory, processor time.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, Command},
};

use crate::{error::Error, medida::real, servidor::Encargo};

/// How long it may take to open the database, and to close it.
const PLAZO: Duration = Duration::from_mins(1);

pub struct Servidor {
    pub direccion: SocketAddr,
    hijo: Child,
    /// Closing it stops the server.
    entrada: ChildStdin,
}

impl Servidor {
    pub async fn arranca(encargo: &Encargo) -> Result<Self, Error> {
        let mut hijo = Command::new(std::env::current_exe()?)
            .arg("servidor")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(mut entrada), Some(salida)) = (hijo.stdin.take(), hijo.stdout.take()) else {
            return Err(Error::Interno("el servidor no tiene entrada ni salida"));
        };
        let mut linea = serde_json::to_vec(encargo)?;
        linea.push(b'\n');
        entrada.write_all(&linea).await?;
        entrada.flush().await?;
        let mut linea = String::new();
        let mut salida = BufReader::new(salida);
        let direccion = tokio::time::timeout(PLAZO, salida.read_line(&mut linea)).await;
        match direccion {
            Ok(Ok(_)) => {}
            Ok(Err(e)) => return Err(e.into()),
            Err(_) => return Err(Error::Servidor("no dijo su dirección a tiempo".into())),
        }
        let direccion = linea.trim().parse();
        let direccion =
            direccion.map_err(|_| Error::Servidor("terminó antes de escuchar".into()))?;
        Ok(Self {
            direccion,
            hijo,
            entrada,
        })
    }

    /// Peak resident memory in KiB; `None` where there is no `/proc`.
    pub fn memoria_kib(&self) -> Option<u64> {
        let estado = self.proc("status")?;
        let linea = estado.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
        linea.trim().strip_suffix("kB")?.trim().parse().ok()
    }

    /// Processor time used so far by all threads, in seconds; `None` where there is no `/proc`.
    pub fn cpu_s(&self) -> Option<f64> {
        // Linux counts in hundredths of a second (USER_HZ) on every architecture Rust builds for.
        const POR_SEGUNDO: f64 = 100.0;
        let stat = self.proc("stat")?;
        // The program's name, in parentheses, may hold spaces; utime and stime are fields 14 and 15.
        let mut campos = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let (utime, stime): (u64, u64) =
            (campos.next()?.parse().ok()?, campos.next()?.parse().ok()?);
        Some(real(utime + stime) / POR_SEGUNDO)
    }

    fn proc(&self, archivo: &str) -> Option<String> {
        std::fs::read_to_string(format!("/proc/{}/{archivo}", self.hijo.id()?)).ok()
    }

    /// Stops it and waits: afterwards nobody has the database open.
    pub async fn para(self) -> Result<(), Error> {
        let Self {
            mut hijo, entrada, ..
        } = self;
        drop(entrada);
        match tokio::time::timeout(PLAZO, hijo.wait()).await {
            Ok(Ok(estado)) if estado.success() => Ok(()),
            Ok(Ok(estado)) => Err(Error::Servidor(format!("terminó con {estado}"))),
            Ok(Err(e)) => Err(e.into()),
            Err(_) => Err(Error::Servidor("no se detuvo".into())),
        }
    }
}
