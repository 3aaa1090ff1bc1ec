//! TLS against servers with a certificate of an authority that nobody knows, and again in a process
//! that knows it.
//!
//! The certificate in `tests/` vouches for itself, for a hundred years; its key is no secret: 32 sevens.

use std::{process::Command, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs::default_provider,
        pki_types::{CertificateDer, PrivatePkcs8KeyDer, pem::PemObject as _},
    },
};

use crate::{
    AllowList, DeliveryError, EgressClient, Timeouts,
    email::{EmailMessage, Mailer, SmtpOptions, SmtpSecurity, test_server::SmtpServer},
    push::VapidKey,
    test_receiver::NO_CONTENT_RESPONSE,
    webhook::{WebhookMessage, WebhookSender, new_secret},
};

const CA_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/certificado.pem");

/// For `localhost`, and for no address.
fn localhost_acceptor() -> TlsAcceptor {
    let certificado = include_bytes!("../samples/certificado.pem");
    let clave = VapidKey::new([7; 32]).unwrap().text();
    let clave = PrivatePkcs8KeyDer::from(URL_SAFE_NO_PAD.decode(clave).unwrap());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificado).unwrap()],
            clave.into(),
        );
    TlsAcceptor::from(Arc::new(config.unwrap()))
}

/// To an HTTPS receiver that is called so.
async fn webhook(nombre: &str) -> Result<(), DeliveryError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        if let Ok(mut client) = localhost_acceptor().accept(client).await {
            let mut bytes = Vec::new();
            while !bytes.ends_with(b"\r\n\r\n{}") {
                client.read_buf(&mut bytes).await.unwrap();
            }
            client
                .write_all(NO_CONTENT_RESPONSE.as_bytes())
                .await
                .unwrap();
            client.shutdown().await.unwrap();
        }
    });
    let locales = AllowList::parse(["127.0.0.1"]).unwrap();
    let webhooks = WebhookSender::new(EgressClient::new(locales, Timeouts::default()).unwrap());
    let mail = WebhookMessage {
        id: "a",
        segundos: 0,
        url: &format!("https://{nombre}:{port}/"),
        secretos: &[new_secret([1; 32])],
        cuerpo: Bytes::from_static(b"{}"),
    };
    let enviado = webhooks.send(&mail).await;
    task.await.unwrap();
    enviado
}

async fn send(
    nombre: &str,
    servidor: &SmtpServer,
    seguridad: SmtpSecurity,
) -> Result<(), DeliveryError> {
    let correo = Mailer::smtp(&SmtpOptions {
        servidor: format!("{nombre}:{}", servidor.direccion.port()),
        seguridad,
        usuario: Some("sigra".into()),
        clave: Some("secreta".into()),
        remitente: "sigra@ejemplo.cl".into(),
        plazo: Duration::from_secs(10),
    });
    let message = EmailMessage {
        id: "a",
        para: "juan@ejemplo.cl",
        asunto: "a",
        texto: "a",
        html: "a",
        milisegundos: 0,
    };
    correo.unwrap().send(&message).await
}

/// To a mail server that is called so; also what it heard.
async fn send_email(
    nombre: &str,
    seguridad: SmtpSecurity,
) -> (Result<(), DeliveryError>, Vec<String>) {
    let tls = Some(localhost_acceptor());
    let mut servidor = SmtpServer::with_tls(tls, seguridad == SmtpSecurity::Tls, |_| None).await;
    let enviado = send(nombre, &servidor, seguridad).await;
    (enviado, servidor.session().await.lineas)
}

fn assert_certificate_error(enviado: Result<(), DeliveryError>) {
    let failure = enviado.unwrap_err();
    assert!(
        !failure.permanente && failure.texto.contains("certificado"),
        "{failure}"
    );
}

#[tokio::test]
async fn an_unknown_certificate_is_refused() {
    assert_certificate_error(webhook("localhost").await);
    for (seguridad, oido) in [
        (SmtpSecurity::Tls, &[][..]),
        (SmtpSecurity::Starttls, &["EHLO ejemplo.cl", "STARTTLS"]),
    ] {
        let (enviado, lineas) = send_email("localhost", seguridad).await;
        assert_certificate_error(enviado);
        assert_eq!(lineas, oido);
    }
}

/// Whoever takes STARTTLS out of the greeting hears nothing more.
#[tokio::test]
async fn without_starttls_nothing_is_said() {
    let mut servidor =
        SmtpServer::new(|linea| linea.starts_with("EHLO").then_some("250 AUTH PLAIN")).await;
    let enviado = send("localhost", &servidor, SmtpSecurity::Starttls).await;
    let failure = enviado.unwrap_err();
    assert!(
        !failure.permanente && failure.texto.contains("STARTTLS"),
        "{failure}"
    );
    assert_eq!(servidor.session().await.lineas, ["EHLO ejemplo.cl"]);
}

/// The system's authorities are read once per process, so that another one is needed.
#[test]
fn an_installed_authority_is_trusted() {
    let mut prueba = Command::new(std::env::current_exe().unwrap());
    prueba.args([
        "--ignored",
        "--exact",
        "tls::a_client_that_trusts_the_authority_connects",
    ]);
    let output = prueba.env("SSL_CERT_FILE", CA_FILE).output().unwrap();
    let notice = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && notice.contains("1 passed"),
        "{notice}"
    );
}

#[tokio::test]
#[ignore = "an_installed_authority_is_trusted runs it, with the authority"]
async fn a_client_that_trusts_the_authority_connects() {
    webhook("localhost").await.unwrap();
    assert_certificate_error(webhook("127.0.0.1").await);
    for seguridad in [SmtpSecurity::Tls, SmtpSecurity::Starttls] {
        let (enviado, lineas) = send_email("localhost", seguridad).await;
        enviado.unwrap();
        let notice: Vec<_> = lineas
            .iter()
            .map(|l| l.split(' ').next().unwrap())
            .collect();
        let antes = ["EHLO", "STARTTLS"];
        let despues = ["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"];
        match seguridad {
            SmtpSecurity::Starttls => assert_eq!(notice, [&antes[..], &despues].concat()),
            _ => assert_eq!(notice, despues),
        }
        let (enviado, _) = send_email("127.0.0.1", seguridad).await;
        assert_certificate_error(enviado);
    }
}
