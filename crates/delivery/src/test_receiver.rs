//! A receiver for tests: it counts who connects, keeps what it is sent and answers as it is told.

use std::{io, net::SocketAddr};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};

const PROBE: [u8; 1] = *b"?";
pub const NO_CONTENT_RESPONSE: &str = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";

#[derive(Clone)]
pub enum ResponseMode {
    /// These bytes, then the end.
    Responde(String),
    /// These bytes before anything is asked.
    Saluda(&'static str),
    /// Not a word.
    Calla,
    /// The head of an answer, slowly and without end.
    Gotea,
    /// A good head, and a body without end.
    SinFin,
}

#[derive(Debug)]
pub struct ReceivedRequest {
    pub linea: String,
    pub cabeceras: HeaderMap,
    pub cuerpo: Vec<u8>,
}

pub struct HttpReceiver {
    pub direccion: SocketAddr,
    requests: mpsc::UnboundedReceiver<ReceivedRequest>,
    /// Bytes of bodies without end that were taken before the connection broke.
    pub tomados: mpsc::UnboundedReceiver<usize>,
    tarea: JoinHandle<()>,
}

impl HttpReceiver {
    pub async fn new(modo: ResponseMode) -> Self {
        Self::bind("127.0.0.1:0", modo).await.unwrap()
    }

    pub async fn bind(direccion: &str, modo: ResponseMode) -> io::Result<Self> {
        let listener = TcpListener::bind(direccion).await?;
        let direccion = listener.local_addr()?;
        let (de_peticion, requests) = mpsc::unbounded_channel();
        let (de_tomados, tomados) = mpsc::unbounded_channel();
        let tarea = tokio::spawn(async move {
            for antes in 0.. {
                let (client, _) = listener.accept().await.unwrap();
                let (de_peticion, de_tomados) = (de_peticion.clone(), de_tomados.clone());
                let modo = modo.clone();
                tokio::spawn(async move {
                    // A client that goes away early is a client's right.
                    let _ = handle_connection(client, antes, modo, &de_peticion, &de_tomados).await;
                });
            }
        });
        Ok(Self {
            direccion,
            requests,
            tomados,
            tarea,
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}/avisos?a=1", self.direccion)
    }

    pub async fn next_request(&mut self) -> ReceivedRequest {
        self.requests.recv().await.unwrap()
    }

    /// How many connected. They are taken in order: when a connection made now is answered, all
    /// before it are counted.
    pub async fn count_connections(&self) -> usize {
        let mut ultima = TcpStream::connect(self.direccion).await.unwrap();
        ultima.write_all(&PROBE).await.unwrap();
        let numero = ultima.read_u32().await.unwrap();
        usize::try_from(numero).unwrap()
    }
}

impl HttpReceiver {
    /// Nobody listens there any more when this is over.
    pub async fn close(mut self) {
        self.tarea.abort();
        let _ = (&mut self.tarea).await;
    }
}

impl Drop for HttpReceiver {
    fn drop(&mut self) {
        self.tarea.abort();
    }
}

async fn handle_connection(
    mut client: TcpStream,
    antes: u32,
    modo: ResponseMode,
    requests: &mpsc::UnboundedSender<ReceivedRequest>,
    tomados: &mpsc::UnboundedSender<usize>,
) -> io::Result<()> {
    if let ResponseMode::Saluda(bytes) = modo {
        client.write_all(bytes.as_bytes()).await?;
        // What is unread when a connection is closed may take the greeting with it.
        while client.read(&mut [0; 1024]).await? > 0 {}
        return Ok(());
    }
    if is_probe(&client).await? {
        return client.write_u32(antes).await;
    }
    let request = read(&mut client).await?;
    let _ = requests.send(request);
    match modo {
        ResponseMode::Saluda(_) => Ok(()),
        ResponseMode::Responde(bytes) => client.write_all(bytes.as_bytes()).await,
        ResponseMode::Calla => {
            // Until the client has had enough.
            let _ = client.read(&mut [0; 1]).await;
            Ok(())
        }
        ResponseMode::Gotea => {
            client.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                client.write_all(b"x-gota: 1\r\n").await?;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
        ResponseMode::SinFin => {
            let cabeza = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n";
            client.write_all(cabeza).await?;
            let mut n = 0;
            while client.write_all(&[b'x'; 8192]).await.is_ok() {
                n += 8192;
            }
            let _ = tomados.send(n);
            Ok(())
        }
    }
}

/// Whether it is the test that asks.
async fn is_probe(client: &TcpStream) -> io::Result<bool> {
    let mut primero = [0; 1];
    client.peek(&mut primero).await?;
    Ok(primero == PROBE)
}

async fn read(client: &mut TcpStream) -> io::Result<ReceivedRequest> {
    let mut bytes = Vec::new();
    let fin = loop {
        if let Some(fin) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break fin;
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let cabeza = String::from_utf8(bytes[..fin].to_vec()).unwrap();
    let mut lineas = cabeza.split("\r\n");
    let linea = lineas.next().unwrap().to_owned();
    let cabeceras: HeaderMap = lineas
        .map(|linea| {
            let (nombre, value) = linea.split_once(": ").unwrap();
            let nombre = HeaderName::from_bytes(nombre.as_bytes()).unwrap();
            (nombre, HeaderValue::from_str(value).unwrap())
        })
        .collect();
    let largo = cabeceras["content-length"].to_str().unwrap().parse();
    let mut cuerpo = bytes.split_off(fin + 4);
    while cuerpo.len() < *largo.as_ref().unwrap() {
        if client.read_buf(&mut cuerpo).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(ReceivedRequest {
        linea,
        cabeceras,
        cuerpo,
    })
}
