//! A mail server (smtp-server, of Nodemailer) and the mails that it got.

use std::{process::Stdio, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mail_parser::{MessageParser, MimeHeaders as _};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use sigra_testkit::javascript;

const CARPETA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp");

const TIMEOUT: Duration = Duration::from_secs(30);

pub struct Mailbox {
    pub puerto: u16,
    lineas: Lines<BufReader<ChildStdout>>,
    _entrada: ChildStdin,
    _hijo: Child,
    _dir: TempDir,
}

/// A mail as its reader gets it.
#[derive(Debug)]
pub struct ReceivedMail {
    pub para: String,
    pub de: String,
    pub asunto: String,
    pub id: String,
    pub texto: String,
    pub html: String,
}

impl Mailbox {
    /// `None` where there is no Node.js.
    pub async fn open() -> Option<Self> {
        let dir = javascript::install_packages(CARPETA, "buzon.js").await?;
        let mut hijo = Command::new("node")
            .arg("buzon.js")
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node");
        let mut lineas = BufReader::new(hijo.stdout.take().expect("salida")).lines();
        let primera = lineas.next_line().await.expect("línea").expect("puerto");
        let primera: Value = serde_json::from_str(&primera).expect("JSON");
        Some(Self {
            puerto: u16::try_from(primera["puerto"].as_u64().expect("puerto")).expect("puerto"),
            lineas,
            _entrada: hijo.stdin.take().expect("entrada"),
            _hijo: hijo,
            _dir: dir,
        })
    }

    /// The next mail; the test fails when none comes.
    pub async fn take(&mut self) -> ReceivedMail {
        let linea = timeout(TIMEOUT, self.lineas.next_line())
            .await
            .expect("no llegó ningún correo");
        let linea: Value =
            serde_json::from_str(&linea.expect("línea").expect("fin")).expect("JSON");
        let bytes = STANDARD
            .decode(linea["bytes"].as_str().expect("bytes"))
            .expect("base64");
        let m = MessageParser::default().parse(&bytes).expect("mensaje");
        assert_eq!(m.parts.len(), 3, "texto y HTML, y nada más");
        let tipos: Vec<_> = m
            .parts
            .iter()
            .map(|p| p.content_type().and_then(|t| t.subtype()))
            .collect();
        assert_eq!(tipos, [Some("alternative"), Some("plain"), Some("html")]);
        let automatico = m.header("Auto-Submitted").and_then(|h| h.as_text());
        assert_eq!(automatico, Some("auto-generated"));
        assert!(m.date().is_some());
        ReceivedMail {
            para: linea["para"][0].as_str().expect("para").to_owned(),
            de: m
                .from()
                .and_then(|f| f.first())
                .and_then(|a| a.address())
                .expect("de")
                .to_owned(),
            asunto: m.subject().expect("asunto").to_owned(),
            id: m.message_id().expect("id").to_owned(),
            texto: m.body_text(0).expect("texto").into_owned(),
            html: m.body_html(0).expect("html").into_owned(),
        }
    }
}
