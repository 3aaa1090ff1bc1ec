//! The server of the demo: the same one that `sigra serve` runs, in this process.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    path::Path,
    time::Duration,
};

use reqwest::Url;
use sigra_api::{AppOptions, SigningKey};
use sigra_domain::Zona;
use sigra_files::Limits;
use sigra_server::{
    BlobSettings, DatabaseSettings, DeliverySettings, EmailSettings, EscalationSettings,
    FileSettings, Server, Services, Settings,
};
use sigra_store::Env;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{error::DemoError, mails::MAIL_DIR, screen::print_notice};

/// How long requests under way may take when the demo is stopped.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct DemoServer {
    /// Where it answers, with a slash at the end.
    pub(super) base: Url,
    pub(super) address: SocketAddr,
    pub(super) services: Services,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

/// The port asked for, or a free one when somebody else has it.
pub(super) fn listen(wanted: SocketAddr) -> Result<TcpListener, DemoError> {
    let failed = |e| DemoError::Escuchar(wanted, e);
    let listener = match TcpListener::bind(wanted) {
        Err(e) if e.kind() == ErrorKind::AddrInUse => {
            let free = TcpListener::bind(SocketAddr::new(wanted.ip(), 0)).map_err(failed)?;
            let port = free.local_addr().map_err(failed)?.port();
            print_notice(&format!(
                "El puerto {} está ocupado: se usa el {port}.",
                wanted.port()
            ));
            free
        }
        other => other.map_err(failed)?,
    };
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// A new database in the directory; mails are written to a folder, to be looked at.
fn settings(dir: &Path, base: &Url) -> Result<Settings, DemoError> {
    let zona = Zona::new("America/Santiago");
    let zona = zona.ok_or_else(|| DemoError::Interno("falta la zona horaria".into()))?;
    Ok(Settings {
        database: DatabaseSettings {
            url: format!("sqlite:{}", dir.join("sigra.db").display()),
            connections: 10,
        },
        files: FileSettings {
            blobs: BlobSettings::Dir(dir.join("archivos")),
            limits: Limits::default(),
        },
        delivery: DeliverySettings {
            email: Some(EmailSettings::Folder {
                dir: dir.join(MAIL_DIR),
                sender: "SIGRA <sigra@faena.example>".into(),
            }),
            public_url: Some(base.to_string()),
            ..DeliverySettings::default()
        },
        escalation: EscalationSettings::default(),
        app: AppOptions {
            zona,
            // Tokens of another run are worth nothing in this one.
            claves: vec![SigningKey {
                kid: "demo".into(),
                secreto: Env::default().random(),
            }],
            proxies: Vec::new(),
            // Plain HTTP: a browser would not send a Secure cookie back.
            cookie_segura: false,
            sync_por_minuto: 0,
            silencio_horas: 72,
        },
    })
}

impl DemoServer {
    pub(super) async fn start(dir: &Path, listener: TcpListener) -> Result<Self, DemoError> {
        let address = listener
            .local_addr()
            .map_err(|e| DemoError::Interno(e.to_string()))?;
        let address = reachable(address);
        let base = Url::parse(&format!("http://{address}/"))
            .map_err(|e| DemoError::Interno(e.to_string()))?;
        let services = Services::open(settings(dir, &base)?).await?;
        let (stop, stopped) = oneshot::channel::<()>();
        // A sender that is gone means the same as one that spoke.
        let server =
            Server::new(services.clone()).run(listener, async move { drop(stopped.await) });
        Ok(Self {
            base,
            address,
            services,
            stop,
            task: tokio::spawn(server),
        })
    }

    /// Returns only when the server ended without being asked to.
    pub(super) async fn wait_until_down(&mut self) -> DemoError {
        DemoError::Servidor(match (&mut self.task).await {
            Ok(Ok(())) => "sin decir por qué".into(),
            Ok(Err(e)) => e.to_string(),
            Err(e) => e.to_string(),
        })
    }

    /// Lets requests under way finish and closes the database.
    pub(super) async fn stop(self) {
        // No receiver: it has ended already.
        let _ = self.stop.send(());
        if !self.task.is_finished()
            && tokio::time::timeout(SHUTDOWN_TIMEOUT, self.task)
                .await
                .is_err()
        {
            print_notice("El servidor no terminó a tiempo sus peticiones pendientes.");
        }
        self.services.store().close().await;
    }
}

/// Where a client on this machine finds a server that listens on all addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::{listen, reachable};

    #[test]
    fn a_taken_port_is_replaced() {
        let primero = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let pedida = primero.local_addr().unwrap();
        let segundo = listen(pedida).unwrap().local_addr().unwrap();
        assert_eq!(segundo.ip(), pedida.ip());
        assert_ne!(segundo.port(), pedida.port());
    }

    #[test]
    fn all_addresses_are_reached_on_this_machine() {
        for (escucha, alcanza) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("10.0.0.7:80", "10.0.0.7:80"),
        ] {
            assert_eq!(reachable(escucha.parse().unwrap()).to_string(), alcanza);
        }
    }
}
