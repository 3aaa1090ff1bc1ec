//! A mail server for tests: it says what it is told to, and keeps what it hears.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// What is answered to a line instead of the usual; `END_OF_DATA` is the line after a message, `""` the
/// greeting's. An empty answer is none at all, and [`HANG_UP`] hangs up.
type Script = Arc<dyn Fn(&str) -> Option<&'static str> + Send + Sync>;

pub const END_OF_DATA: &str = ".";
pub const HANG_UP: &str = "cuelga";

/// What one connection said.
#[derive(Debug, Default)]
pub struct SmtpSession {
    pub lineas: Vec<String>,
    /// Messages as they came, dots and all.
    pub mensajes: Vec<Vec<u8>>,
}

pub struct SmtpServer {
    pub direccion: SocketAddr,
    sesiones: mpsc::UnboundedReceiver<SmtpSession>,
    tarea: JoinHandle<()>,
}

impl SmtpServer {
    pub async fn new(
        script: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        Self::with_tls(None, false, script).await
    }

    /// With TLS from the start, or when it is asked for.
    pub async fn with_tls(
        tls: Option<TlsAcceptor>,
        desde_el_inicio: bool,
        script: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let direccion = listener.local_addr().unwrap();
        let (dice, sesiones) = mpsc::unbounded_channel();
        let script: Script = Arc::new(script);
        let tarea = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (script, dice, tls) = (Arc::clone(&script), dice.clone(), tls.clone());
                tokio::spawn(async move {
                    let mut sesion = SmtpSession::default();
                    // The client may go away whenever it likes.
                    let _ = match tls {
                        Some(tls) if desde_el_inicio => {
                            serve_tls(&tls, client, &script, &mut sesion, true).await
                        }
                        Some(tls) => {
                            match handle_connection(client, &script, &mut sesion, true).await {
                                Some(client) => {
                                    serve_tls(&tls, client, &script, &mut sesion, false).await
                                }
                                None => None,
                            }
                        }
                        None => handle_connection(client, &script, &mut sesion, true)
                            .await
                            .map(drop),
                    };
                    let _ = dice.send(sesion);
                });
            }
        });
        Self {
            direccion,
            sesiones,
            tarea,
        }
    }

    /// The next connection that ended.
    pub async fn session(&mut self) -> SmtpSession {
        self.sesiones.recv().await.unwrap()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.tarea.abort();
    }
}

async fn serve_tls(
    tls: &TlsAcceptor,
    client: TcpStream,
    script: &Script,
    sesion: &mut SmtpSession,
    saluda: bool,
) -> Option<()> {
    let client = tls.accept(client).await.ok()?;
    handle_connection(client, script, sesion, saluda)
        .await
        .map(drop)
}

/// The connection is given back when TLS is asked for.
async fn handle_connection<C: AsyncRead + AsyncWrite + Unpin>(
    mut client: C,
    script: &Script,
    sesion: &mut SmtpSession,
    saluda: bool,
) -> Option<C> {
    if saluda {
        let greeting = script("").unwrap_or("220 servidor.example");
        reply(&mut client, greeting).await?;
    }
    loop {
        let linea = read_until(&mut client, b"\r\n").await?;
        let linea = String::from_utf8(linea).unwrap();
        let verbo = linea.split([' ', ':']).next().unwrap().to_owned();
        sesion.lineas.push(linea.clone());
        let usual = match verbo.as_str() {
            "EHLO" => "250-servidor.example\r\n250-STARTTLS\r\n250 AUTH PLAIN",
            "AUTH" => "235 2.7.0 ok",
            "DATA" => "354 adelante",
            "QUIT" => "221 adios",
            "STARTTLS" => "220 adelante",
            _ => "250 2.0.0 ok",
        };
        let response = script(&linea).unwrap_or(usual);
        reply(&mut client, response).await?;
        match verbo.as_str() {
            "STARTTLS" => return Some(client),
            "DATA" if response.starts_with('3') => {
                let message = read_until(&mut client, b"\r\n.\r\n").await?;
                sesion.mensajes.push(message);
                reply(&mut client, script(END_OF_DATA).unwrap_or("250 2.0.0 ok")).await?;
            }
            _ => {}
        }
    }
}

async fn reply<C: AsyncWrite + Unpin>(client: &mut C, response: &str) -> Option<()> {
    if response == HANG_UP {
        return None;
    }
    if !response.is_empty() {
        let linea = format!("{response}\r\n");
        client.write_all(linea.as_bytes()).await.ok()?;
        client.flush().await.ok()?;
    }
    Some(())
}

/// What comes before that.
async fn read_until<C: AsyncRead + Unpin>(client: &mut C, fin: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(fin) {
        bytes.push(client.read_u8().await.ok()?);
    }
    bytes.truncate(bytes.len() - fin.len());
    Some(bytes)
}
