//! A receiver for tests: it counts who connects, keeps what it is sent and answers as it is told.

use std::{io, net::SocketAddr};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};

const PREGUNTA: [u8; 1] = *b"?";
pub const VACIA: &str = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";

#[derive(Clone)]
pub enum Modo {
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
pub struct Peticion {
    pub linea: String,
    pub cabeceras: HeaderMap,
    pub cuerpo: Vec<u8>,
}

pub struct Receptor {
    pub direccion: SocketAddr,
    peticiones: mpsc::UnboundedReceiver<Peticion>,
    /// Bytes of bodies without end that were taken before the connection broke.
    pub tomados: mpsc::UnboundedReceiver<usize>,
    tarea: JoinHandle<()>,
}

impl Receptor {
    pub async fn nuevo(modo: Modo) -> Self {
        Self::en("127.0.0.1:0", modo).await.unwrap()
    }

    pub async fn en(direccion: &str, modo: Modo) -> io::Result<Self> {
        let oyente = TcpListener::bind(direccion).await?;
        let direccion = oyente.local_addr()?;
        let (de_peticion, peticiones) = mpsc::unbounded_channel();
        let (de_tomados, tomados) = mpsc::unbounded_channel();
        let tarea = tokio::spawn(async move {
            for antes in 0.. {
                let (cliente, _) = oyente.accept().await.unwrap();
                let (de_peticion, de_tomados) = (de_peticion.clone(), de_tomados.clone());
                let modo = modo.clone();
                tokio::spawn(async move {
                    // A client that goes away early is a client's right.
                    let _ = atiende(cliente, antes, modo, &de_peticion, &de_tomados).await;
                });
            }
        });
        Ok(Self {
            direccion,
            peticiones,
            tomados,
            tarea,
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}/avisos?a=1", self.direccion)
    }

    pub async fn peticion(&mut self) -> Peticion {
        self.peticiones.recv().await.unwrap()
    }

    /// How many connected. They are taken in order: when a connection made now is answered, all
    /// before it are counted.
    pub async fn conexiones(&self) -> usize {
        let mut ultima = TcpStream::connect(self.direccion).await.unwrap();
        ultima.write_all(&PREGUNTA).await.unwrap();
        let numero = ultima.read_u32().await.unwrap();
        usize::try_from(numero).unwrap()
    }
}

impl Receptor {
    /// Nobody listens there any more when this is over.
    pub async fn cierra(mut self) {
        self.tarea.abort();
        let _ = (&mut self.tarea).await;
    }
}

impl Drop for Receptor {
    fn drop(&mut self) {
        self.tarea.abort();
    }
}

async fn atiende(
    mut cliente: TcpStream,
    antes: u32,
    modo: Modo,
    peticiones: &mpsc::UnboundedSender<Peticion>,
    tomados: &mpsc::UnboundedSender<usize>,
) -> io::Result<()> {
    if let Modo::Saluda(bytes) = modo {
        cliente.write_all(bytes.as_bytes()).await?;
        // What is unread when a connection is closed may take the greeting with it.
        while cliente.read(&mut [0; 1024]).await? > 0 {}
        return Ok(());
    }
    if pregunta(&cliente).await? {
        return cliente.write_u32(antes).await;
    }
    let peticion = lee(&mut cliente).await?;
    let _ = peticiones.send(peticion);
    match modo {
        Modo::Saluda(_) => Ok(()),
        Modo::Responde(bytes) => cliente.write_all(bytes.as_bytes()).await,
        Modo::Calla => {
            // Until the client has had enough.
            let _ = cliente.read(&mut [0; 1]).await;
            Ok(())
        }
        Modo::Gotea => {
            cliente.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                cliente.write_all(b"x-gota: 1\r\n").await?;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
        Modo::SinFin => {
            let cabeza = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n";
            cliente.write_all(cabeza).await?;
            let mut n = 0;
            while cliente.write_all(&[b'x'; 8192]).await.is_ok() {
                n += 8192;
            }
            let _ = tomados.send(n);
            Ok(())
        }
    }
}

/// Whether it is the test that asks.
async fn pregunta(cliente: &TcpStream) -> io::Result<bool> {
    let mut primero = [0; 1];
    cliente.peek(&mut primero).await?;
    Ok(primero == PREGUNTA)
}

async fn lee(cliente: &mut TcpStream) -> io::Result<Peticion> {
    let mut bytes = Vec::new();
    let fin = loop {
        if let Some(fin) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break fin;
        }
        if cliente.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let cabeza = String::from_utf8(bytes[..fin].to_vec()).unwrap();
    let mut lineas = cabeza.split("\r\n");
    let linea = lineas.next().unwrap().to_owned();
    let cabeceras: HeaderMap = lineas
        .map(|linea| {
            let (nombre, valor) = linea.split_once(": ").unwrap();
            let nombre = HeaderName::from_bytes(nombre.as_bytes()).unwrap();
            (nombre, HeaderValue::from_str(valor).unwrap())
        })
        .collect();
    let largo = cabeceras["content-length"].to_str().unwrap().parse();
    let mut cuerpo = bytes.split_off(fin + 4);
    while cuerpo.len() < *largo.as_ref().unwrap() {
        if cliente.read_buf(&mut cuerpo).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Peticion {
        linea,
        cabeceras,
        cuerpo,
    })
}
