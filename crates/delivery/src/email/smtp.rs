//! One message over one connection to the administrator's mail server.
//!
//! The dialogue is held step by step rather than by lettre's transport: what a refusal means depends
//! on what was asked, and a message that was taken must not count as lost because the goodbye was.

use std::{fmt, time::Duration};

use lettre::{
    Address,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::ClientId,
    },
};
use tokio::time::timeout;

use super::refusal::{SmtpStep, a_destiempo, smtp_error};
use crate::DeliveryError;

/// How long a delivery may take, all in all.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// How long the server's goodbye is waited for. It changes nothing.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte; usually port 465.
    Tls,
    /// TLS after a greeting in the clear, or nothing; usually port 587.
    Starttls,
    /// In the clear, for a server on this machine or its network; usually port 25.
    Ninguna,
}

/// How the server is reached.
#[derive(Clone)]
pub struct SmtpOptions {
    /// `host:port`.
    pub servidor: String,
    pub seguridad: SmtpSecurity,
    pub usuario: Option<String>,
    pub clave: Option<String>,
    /// `SIGRA <sigra@ejemplo.cl>`.
    pub remitente: String,
    /// [`TIMEOUT`], but in tests.
    pub plazo: Duration,
}

impl fmt::Debug for SmtpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpcionesSmtp")
            .field("servidor", &self.servidor)
            .field("seguridad", &self.seguridad)
            .field("remitente", &self.remitente)
            .finish_non_exhaustive()
    }
}

pub(super) struct Smtp {
    host: String,
    port: u16,
    encrypted_: TlsMode,
    credenciales: Option<Credentials>,
    greeting: ClientId,
    plazo: Duration,
}

enum TlsMode {
    Siempre(TlsParameters),
    TrasSaludo(TlsParameters),
    Nunca,
}

impl Smtp {
    pub(super) fn new(o: &SmtpOptions, dominio: &str) -> Result<Self, DeliveryError> {
        let (host, port) = parse_server(&o.servidor)?;
        let tls = || TlsParameters::new(host.clone()).map_err(|_| tls_unavailable());
        let encrypted_ = match o.seguridad {
            SmtpSecurity::Tls => TlsMode::Siempre(tls()?),
            SmtpSecurity::Starttls => TlsMode::TrasSaludo(tls()?),
            SmtpSecurity::Ninguna => TlsMode::Nunca,
        };
        let credenciales = match (&o.usuario, &o.clave) {
            (Some(usuario), Some(clave)) => Some(Credentials::new(usuario.clone(), clave.clone())),
            (None, None) => None,
            _ => {
                return Err(DeliveryError::permanent(
                    "El correo necesita usuario y contraseña, o ninguno de los dos: revise la \
                     configuración.",
                ));
            }
        };
        if credenciales.is_some() && matches!(encrypted_, TlsMode::Nunca) && !is_local(&host) {
            return Err(DeliveryError::permanent(
                "La contraseña del correo viajaría sin cifrar: elija la seguridad tls o starttls.",
            ));
        }
        Ok(Self {
            host,
            port,
            encrypted_,
            credenciales,
            greeting: ClientId::Domain(dominio.to_owned()),
            plazo: o.plazo,
        })
    }

    pub(super) async fn deliver(
        &self,
        de: &Address,
        para: &Address,
        bytes: &[u8],
    ) -> Result<(), DeliveryError> {
        let dialogo = async {
            let mut conexion = self.connect().await?;
            let notice = self.run_session(&mut conexion, de, para, bytes).await;
            Ok((conexion, notice))
        };
        let (mut conexion, notice) = timeout(self.plazo, dialogo)
            .await
            .unwrap_or_else(|_| Err(a_destiempo()))?;
        let _ = timeout(QUIT_TIMEOUT, conexion.quit()).await;
        notice
    }

    /// Greeted and encrypted. Where encryption fails the connection is dropped without a word: lettre
    /// has no stream left to say it on.
    async fn connect(&self) -> Result<AsyncSmtpConnection, DeliveryError> {
        let en_conexion = |e: Error| smtp_error(SmtpStep::Conexion, &e);
        let desde_el_inicio = match &self.encrypted_ {
            TlsMode::Siempre(tls) => Some(tls.clone()),
            TlsMode::TrasSaludo(_) | TlsMode::Nunca => None,
        };
        let servidor = (self.host.as_str(), self.port);
        let plazo = Some(self.plazo);
        let mut conexion = AsyncSmtpConnection::connect_tokio1(
            servidor,
            plazo,
            &self.greeting,
            desde_el_inicio,
            None,
        )
        .await
        .map_err(en_conexion)?;
        if let TlsMode::TrasSaludo(tls) = &self.encrypted_ {
            if !conexion.can_starttls() {
                return Err(DeliveryError::transient(
                    "El servidor de correo no ofrece STARTTLS: elija la seguridad tls, o revise el \
                     puerto.",
                ));
            }
            let encrypted = conexion.starttls(tls.clone(), &self.greeting);
            encrypted.await.map_err(en_conexion)?;
        }
        Ok(conexion)
    }

    async fn run_session(
        &self,
        conexion: &mut AsyncSmtpConnection,
        de: &Address,
        para: &Address,
        bytes: &[u8],
    ) -> Result<(), DeliveryError> {
        let en = |step| move |e: Error| smtp_error(step, &e);
        if let Some(credenciales) = &self.credenciales {
            let modos = [Mechanism::Plain, Mechanism::Login];
            let acceso = conexion.auth(&modos, credenciales);
            acceso.await.map_err(en(SmtpStep::Acceso))?;
        }
        // All of it is ASCII: nothing has to be asked of the server's extensions.
        let mail = Mail::new(Some(de.clone()), vec![]);
        conexion
            .command(mail)
            .await
            .map_err(en(SmtpStep::Remitente))?;
        let rcpt = Rcpt::new(para.clone(), vec![]);
        conexion
            .command(rcpt)
            .await
            .map_err(en(SmtpStep::Destinatario))?;
        conexion
            .command(Data)
            .await
            .map_err(en(SmtpStep::Mensaje))?;
        conexion
            .message(bytes)
            .await
            .map_err(en(SmtpStep::Mensaje))?;
        Ok(())
    }
}

fn parse_server(texto: &str) -> Result<(String, u16), DeliveryError> {
    let partes = texto.rsplit_once(':').and_then(|(host, port)| {
        let port = port.parse().ok().filter(|p| *p != 0)?;
        let sin_corchetes = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = sin_corchetes.unwrap_or(host);
        let good = |c: char| c.is_ascii_graphic() && !"/@[]".contains(c);
        let entero = sin_corchetes.is_some() || !host.contains(':');
        (!host.is_empty() && entero && host.chars().all(good)).then(|| (host.to_owned(), port))
    });
    partes.ok_or_else(|| {
        DeliveryError::permanent(
            "El servidor de correo no es válido: escriba nombre y puerto, como smtp.ejemplo.cl:587.",
        )
    })
}

fn is_local(host: &str) -> bool {
    let ip = host.parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

fn tls_unavailable() -> DeliveryError {
    DeliveryError::transient(
        "No se pudo preparar el cifrado del correo: revise que el sistema tenga instalados los \
         certificados raíz (paquete ca-certificates) y el nombre del servidor.",
    )
}
