//! One message over one connection to the administrator's mail server.
//!
//! The dialogue is held step by step rather than by lettre's transport: what a refusal means depends
//! on what was asked, and a message that was taken must not count as lost because the goodbye was.

use std::{error::Error as _, fmt, time::Duration};

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

use crate::{Fallo, fallo::de_tls};

/// How long a delivery may take, all in all.
pub const PLAZO: Duration = Duration::from_secs(30);

/// How long the server's goodbye is waited for. It changes nothing.
const DESPEDIDA: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seguridad {
    /// TLS from the first byte; usually port 465.
    Tls,
    /// TLS after a greeting in the clear, or nothing; usually port 587.
    Starttls,
    /// In the clear, for a server on this machine or its network; usually port 25.
    Ninguna,
}

/// How the server is reached.
#[derive(Clone)]
pub struct OpcionesSmtp {
    /// `host:port`.
    pub servidor: String,
    pub seguridad: Seguridad,
    pub usuario: Option<String>,
    pub clave: Option<String>,
    /// `SIGRA <sigra@ejemplo.cl>`.
    pub remitente: String,
    /// [`PLAZO`], but in tests.
    pub plazo: Duration,
}

impl fmt::Debug for OpcionesSmtp {
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
    puerto: u16,
    cifrado: Cifrado,
    credenciales: Option<Credentials>,
    saludo: ClientId,
    plazo: Duration,
}

enum Cifrado {
    Siempre(TlsParameters),
    TrasSaludo(TlsParameters),
    Nunca,
}

/// What was being done when it failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Paso {
    Conexion,
    Acceso,
    Remitente,
    Destinatario,
    Mensaje,
}

impl Smtp {
    pub(super) fn nuevo(o: &OpcionesSmtp, dominio: &str) -> Result<Self, Fallo> {
        let (host, puerto) = servidor(&o.servidor)?;
        let tls = || TlsParameters::new(host.clone()).map_err(|_| sin_tls());
        let cifrado = match o.seguridad {
            Seguridad::Tls => Cifrado::Siempre(tls()?),
            Seguridad::Starttls => Cifrado::TrasSaludo(tls()?),
            Seguridad::Ninguna => Cifrado::Nunca,
        };
        let credenciales = match (&o.usuario, &o.clave) {
            (Some(usuario), Some(clave)) => Some(Credentials::new(usuario.clone(), clave.clone())),
            (None, None) => None,
            _ => {
                return Err(Fallo::permanente(
                    "El correo necesita usuario y contraseña, o ninguno de los dos: revise la \
                     configuración.",
                ));
            }
        };
        if credenciales.is_some() && matches!(cifrado, Cifrado::Nunca) && !es_local(&host) {
            return Err(Fallo::permanente(
                "La contraseña del correo viajaría sin cifrar: elija la seguridad tls o starttls.",
            ));
        }
        Ok(Self {
            host,
            puerto,
            cifrado,
            credenciales,
            saludo: ClientId::Domain(dominio.to_owned()),
            plazo: o.plazo,
        })
    }

    pub(super) async fn entrega(
        &self,
        de: &Address,
        para: &Address,
        bytes: &[u8],
    ) -> Result<(), Fallo> {
        let dialogo = async {
            let mut conexion = self.conecta().await?;
            let dicho = self.habla(&mut conexion, de, para, bytes).await;
            Ok((conexion, dicho))
        };
        let (mut conexion, dicho) = timeout(self.plazo, dialogo)
            .await
            .unwrap_or_else(|_| Err(a_destiempo()))?;
        let _ = timeout(DESPEDIDA, conexion.quit()).await;
        dicho
    }

    /// Greeted and encrypted. Where encryption fails the connection is dropped without a word: lettre
    /// has no stream left to say it on.
    async fn conecta(&self) -> Result<AsyncSmtpConnection, Fallo> {
        let en_conexion = |e: Error| fallo(Paso::Conexion, &e);
        let desde_el_inicio = match &self.cifrado {
            Cifrado::Siempre(tls) => Some(tls.clone()),
            Cifrado::TrasSaludo(_) | Cifrado::Nunca => None,
        };
        let servidor = (self.host.as_str(), self.puerto);
        let plazo = Some(self.plazo);
        let mut conexion = AsyncSmtpConnection::connect_tokio1(
            servidor,
            plazo,
            &self.saludo,
            desde_el_inicio,
            None,
        )
        .await
        .map_err(en_conexion)?;
        if let Cifrado::TrasSaludo(tls) = &self.cifrado {
            if !conexion.can_starttls() {
                return Err(Fallo::pasajero(
                    "El servidor de correo no ofrece STARTTLS: elija la seguridad tls, o revise el \
                     puerto.",
                ));
            }
            let cifrada = conexion.starttls(tls.clone(), &self.saludo);
            cifrada.await.map_err(en_conexion)?;
        }
        Ok(conexion)
    }

    async fn habla(
        &self,
        conexion: &mut AsyncSmtpConnection,
        de: &Address,
        para: &Address,
        bytes: &[u8],
    ) -> Result<(), Fallo> {
        let en = |paso| move |e: Error| fallo(paso, &e);
        if let Some(credenciales) = &self.credenciales {
            let modos = [Mechanism::Plain, Mechanism::Login];
            let acceso = conexion.auth(&modos, credenciales);
            acceso.await.map_err(en(Paso::Acceso))?;
        }
        // All of it is ASCII: nothing has to be asked of the server's extensions.
        let mail = Mail::new(Some(de.clone()), vec![]);
        conexion.command(mail).await.map_err(en(Paso::Remitente))?;
        let rcpt = Rcpt::new(para.clone(), vec![]);
        conexion
            .command(rcpt)
            .await
            .map_err(en(Paso::Destinatario))?;
        conexion.command(Data).await.map_err(en(Paso::Mensaje))?;
        conexion.message(bytes).await.map_err(en(Paso::Mensaje))?;
        Ok(())
    }
}

fn servidor(texto: &str) -> Result<(String, u16), Fallo> {
    let partes = texto.rsplit_once(':').and_then(|(host, puerto)| {
        let puerto = puerto.parse().ok().filter(|p| *p != 0)?;
        let sin_corchetes = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = sin_corchetes.unwrap_or(host);
        let bueno = |c: char| c.is_ascii_graphic() && !"/@[]".contains(c);
        let entero = sin_corchetes.is_some() || !host.contains(':');
        (!host.is_empty() && entero && host.chars().all(bueno)).then(|| (host.to_owned(), puerto))
    });
    partes.ok_or_else(|| {
        Fallo::permanente(
            "El servidor de correo no es válido: escriba nombre y puerto, como smtp.ejemplo.cl:587.",
        )
    })
}

fn es_local(host: &str) -> bool {
    let ip = host.parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// The server's words stay with the server: they may repeat an address or a text of ours.
fn fallo(paso: Paso, e: &Error) -> Fallo {
    if let Some(codigo) = e.status() {
        let respuesta = e.source().map(ToString::to_string).unwrap_or_default();
        return rechazo(paso, codigo.into(), extendido(&respuesta));
    }
    match de_tls(e) {
        Some(true) => Fallo::pasajero(
            "El certificado del servidor de correo no es válido: revise que no haya vencido, que sea \
             de ese nombre y que lo firme una autoridad que este servidor conozca.",
        ),
        Some(false) => Fallo::pasajero(
            "No se pudo establecer una conexión cifrada con el servidor de correo: revise que el \
             puerto corresponda a la seguridad elegida.",
        ),
        None if e.is_timeout() => a_destiempo(),
        None if paso == Paso::Acceso && e.is_client() => Fallo::pasajero(
            "El servidor de correo no acepta usuario y contraseña por esta vía: revise el puerto y la \
             seguridad.",
        ),
        None if paso == Paso::Conexion => Fallo::pasajero(
            "No se pudo conectar con el servidor de correo: revise el nombre, el puerto, la seguridad \
             y que esté funcionando.",
        ),
        None => {
            Fallo::pasajero("La conexión con el servidor de correo se cortó antes de terminar.")
        }
    }
}

fn rechazo(paso: Paso, codigo: u16, extendido: Option<&str>) -> Fallo {
    let numeros = match extendido {
        Some(extendido) => format!("{codigo} {extendido}"),
        None => codigo.to_string(),
    };
    match paso {
        Paso::Destinatario if no_existe(codigo, extendido) => Fallo::permanente(format!(
            "El servidor de correo dice que esa dirección no existe o no recibe ({numeros}): corríjala."
        )),
        Paso::Destinatario => Fallo::pasajero(format!(
            "El servidor de correo no aceptó al destinatario ({numeros}): si se repite, revise que \
             este servidor tenga permiso para enviar."
        )),
        Paso::Acceso => Fallo::pasajero(format!(
            "El servidor de correo no aceptó el usuario o la contraseña ({numeros}): revíselos."
        )),
        Paso::Remitente => Fallo::pasajero(format!(
            "El servidor de correo no aceptó al remitente ({numeros}): revise el remitente y si pide \
             usuario y contraseña."
        )),
        Paso::Conexion => Fallo::pasajero(format!(
            "El servidor de correo no quiso hablar ({numeros}): revise el puerto y si admite a este \
             servidor."
        )),
        Paso::Mensaje => Fallo::pasajero(format!(
            "El servidor de correo no aceptó el mensaje ({numeros}): revise sus registros."
        )),
    }
}

/// Whether a refusal of a recipient is about the address, and not about who sends, what is full or
/// what is down. Extended codes (RFC 3463) say it better than plain ones.
fn no_existe(codigo: u16, extendido: Option<&str>) -> bool {
    match extendido {
        Some(extendido) => codigo >= 500 && (extendido.starts_with("5.1.") || extendido == "5.2.1"),
        None => matches!(codigo, 501 | 550 | 551 | 553),
    }
}

/// The extended code with which an answer begins, if it does.
fn extendido(respuesta: &str) -> Option<&str> {
    let primera = respuesta.split_whitespace().next()?;
    let numero = |p: &str| (1..=3).contains(&p.len()) && p.bytes().all(|c| c.is_ascii_digit());
    let tres = primera.split('.').count() == 3 && primera.split('.').all(numero);
    tres.then_some(primera)
}

fn a_destiempo() -> Fallo {
    Fallo::pasajero("El servidor de correo no respondió a tiempo: revise que esté funcionando.")
}

fn sin_tls() -> Fallo {
    Fallo::pasajero(
        "No se pudo preparar el cifrado del correo: revise que el sistema tenga instalados los \
         certificados raíz (paquete ca-certificates) y el nombre del servidor.",
    )
}
