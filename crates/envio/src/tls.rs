//! TLS against servers with a certificate of an authority that nobody knows, and again in a process
//! that knows it.
//!
//! The certificate in `pruebas/` vouches for itself, for a hundred years; its key is no secret: 32 sevens.

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
    Destino, Fallo, Permitidos, Plazos,
    correo::{Correo, Mensaje, OpcionesSmtp, Seguridad, servidor::Servidor},
    push::ClaveVapid,
    receptor::VACIA,
    webhook::{Carta, Webhooks, secreto_nuevo},
};

const AUTORIDAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pruebas/certificado.pem");

/// For `localhost`, and for no address.
fn certificado() -> TlsAcceptor {
    let certificado = include_bytes!("../pruebas/certificado.pem");
    let clave = ClaveVapid::nueva([7; 32]).unwrap().texto();
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
async fn webhook(nombre: &str) -> Result<(), Fallo> {
    let oyente = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let puerto = oyente.local_addr().unwrap().port();
    let tarea = tokio::spawn(async move {
        let (cliente, _) = oyente.accept().await.unwrap();
        if let Ok(mut cliente) = certificado().accept(cliente).await {
            let mut bytes = Vec::new();
            while !bytes.ends_with(b"\r\n\r\n{}") {
                cliente.read_buf(&mut bytes).await.unwrap();
            }
            cliente.write_all(VACIA.as_bytes()).await.unwrap();
            cliente.shutdown().await.unwrap();
        }
    });
    let locales = Permitidos::lee(["127.0.0.1"]).unwrap();
    let webhooks = Webhooks::nuevo(Destino::nuevo(locales, Plazos::default()).unwrap());
    let carta = Carta {
        id: "a",
        segundos: 0,
        url: &format!("https://{nombre}:{puerto}/"),
        secretos: &[secreto_nuevo([1; 32])],
        cuerpo: Bytes::from_static(b"{}"),
    };
    let enviado = webhooks.envia(&carta).await;
    tarea.await.unwrap();
    enviado
}

async fn envia(nombre: &str, servidor: &Servidor, seguridad: Seguridad) -> Result<(), Fallo> {
    let correo = Correo::smtp(&OpcionesSmtp {
        servidor: format!("{nombre}:{}", servidor.direccion.port()),
        seguridad,
        usuario: Some("sigra".into()),
        clave: Some("secreta".into()),
        remitente: "sigra@ejemplo.cl".into(),
        plazo: Duration::from_secs(10),
    });
    let mensaje = Mensaje {
        id: "a",
        para: "juan@ejemplo.cl",
        asunto: "a",
        texto: "a",
        html: "a",
        milisegundos: 0,
    };
    correo.unwrap().envia(&mensaje).await
}

/// To a mail server that is called so; also what it heard.
async fn correo(nombre: &str, seguridad: Seguridad) -> (Result<(), Fallo>, Vec<String>) {
    let tls = Some(certificado());
    let mut servidor = Servidor::con_tls(tls, seguridad == Seguridad::Tls, |_| None).await;
    let enviado = envia(nombre, &servidor, seguridad).await;
    (enviado, servidor.sesion().await.lineas)
}

fn es_del_certificado(enviado: Result<(), Fallo>) {
    let fallo = enviado.unwrap_err();
    assert!(
        !fallo.permanente && fallo.texto.contains("certificado"),
        "{fallo}"
    );
}

#[tokio::test]
async fn un_certificado_desconocido_no_vale() {
    es_del_certificado(webhook("localhost").await);
    for (seguridad, oido) in [
        (Seguridad::Tls, &[][..]),
        (Seguridad::Starttls, &["EHLO ejemplo.cl", "STARTTLS"]),
    ] {
        let (enviado, lineas) = correo("localhost", seguridad).await;
        es_del_certificado(enviado);
        assert_eq!(lineas, oido);
    }
}

/// Whoever takes STARTTLS out of the greeting hears nothing more.
#[tokio::test]
async fn sin_starttls_no_se_dice_nada() {
    let mut servidor =
        Servidor::nuevo(|linea| linea.starts_with("EHLO").then_some("250 AUTH PLAIN")).await;
    let enviado = envia("localhost", &servidor, Seguridad::Starttls).await;
    let fallo = enviado.unwrap_err();
    assert!(
        !fallo.permanente && fallo.texto.contains("STARTTLS"),
        "{fallo}"
    );
    assert_eq!(servidor.sesion().await.lineas, ["EHLO ejemplo.cl"]);
}

/// The system's authorities are read once per process, so that another one is needed.
#[test]
fn con_la_autoridad_instalada_llega() {
    let mut prueba = Command::new(std::env::current_exe().unwrap());
    prueba.args(["--ignored", "--exact", "tls::quien_conoce_la_autoridad"]);
    let salida = prueba.env("SSL_CERT_FILE", AUTORIDAD).output().unwrap();
    let dicho = String::from_utf8_lossy(&salida.stdout);
    assert!(
        salida.status.success() && dicho.contains("1 passed"),
        "{dicho}"
    );
}

#[tokio::test]
#[ignore = "con_la_autoridad_instalada_llega runs it, with the authority"]
async fn quien_conoce_la_autoridad() {
    webhook("localhost").await.unwrap();
    es_del_certificado(webhook("127.0.0.1").await);
    for seguridad in [Seguridad::Tls, Seguridad::Starttls] {
        let (enviado, lineas) = correo("localhost", seguridad).await;
        enviado.unwrap();
        let dicho: Vec<_> = lineas
            .iter()
            .map(|l| l.split(' ').next().unwrap())
            .collect();
        let antes = ["EHLO", "STARTTLS"];
        let despues = ["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"];
        match seguridad {
            Seguridad::Starttls => assert_eq!(dicho, [&antes[..], &despues].concat()),
            _ => assert_eq!(dicho, despues),
        }
        let (enviado, _) = correo("127.0.0.1", seguridad).await;
        es_del_certificado(enviado);
    }
}
