//! A client that costs next to nothing: the two cores are the server's to use.
//!
//! It sends bytes that were made beforehand and reads no more of an answer than its status and its
//! length, which is all of HTTP/1.1 that a keep-alive connection to this one server needs.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::error::Error;

const TROZO: usize = 64 * 1024;
const SIN_CUERPO: u16 = 204;

pub struct Conexion {
    flujo: TcpStream,
    leido: Vec<u8>,
    usados: usize,
    /// Where the body of the last answer begins.
    cuerpo_en: usize,
}

/// Where an answer stands in what was read.
struct Cabeza {
    status: u16,
    cuerpo_en: usize,
    largo: usize,
}

impl Conexion {
    pub async fn abre(direccion: SocketAddr) -> Result<Self, Error> {
        let flujo = TcpStream::connect(direccion).await?;
        flujo.set_nodelay(true)?;
        Ok(Self {
            flujo,
            leido: vec![0; TROZO],
            usados: 0,
            cuerpo_en: 0,
        })
    }

    /// Sends a request and gives the body of its answer, which must have that status.
    pub async fn pide(&mut self, peticion: &[u8], esperado: u16) -> Result<&[u8], Error> {
        self.pide_en_partes([peticion], esperado).await
    }

    /// The same for a request whose bytes stand in several places.
    pub async fn pide_en_partes<const N: usize>(
        &mut self,
        partes: [&[u8]; N],
        esperado: u16,
    ) -> Result<&[u8], Error> {
        for parte in partes {
            self.flujo.write_all(parte).await?;
        }
        self.usados = 0;
        let cabeza = loop {
            self.recibe().await?;
            if let Some(cabeza) = lee_cabeza(&self.leido[..self.usados])? {
                break cabeza;
            }
        };
        while self.usados < cabeza.cuerpo_en + cabeza.largo {
            self.recibe().await?;
        }
        self.cuerpo_en = cabeza.cuerpo_en;
        let cuerpo = &self.leido[cabeza.cuerpo_en..cabeza.cuerpo_en + cabeza.largo];
        if cabeza.status == esperado {
            return Ok(cuerpo);
        }
        let cuerpo = String::from_utf8_lossy(cuerpo).into_owned();
        Err(Error::Respuesta {
            status: cabeza.status,
            esperado,
            cuerpo,
        })
    }

    /// A header of the last answer.
    pub fn cabecera(&self, nombre: &str) -> Option<&str> {
        let cabeza = std::str::from_utf8(self.leido.get(..self.cuerpo_en)?).ok()?;
        campos(cabeza.split("\r\n"), nombre).next()
    }

    /// Bytes of the last answer, its head included.
    pub fn recibidos(&self) -> usize {
        self.usados
    }

    async fn recibe(&mut self) -> Result<(), Error> {
        if self.usados == self.leido.len() {
            self.leido.resize(2 * self.usados, 0);
        }
        match self.flujo.read(&mut self.leido[self.usados..]).await? {
            0 => Err(Error::Http("cerró la conexión a mitad de una respuesta")),
            n => {
                self.usados += n;
                Ok(())
            }
        }
    }
}

/// `None` while the end of the headers has not come.
fn lee_cabeza(bytes: &[u8]) -> Result<Option<Cabeza>, Error> {
    let Some(fin) = bytes.windows(4).position(|v| v == b"\r\n\r\n") else {
        return Ok(None);
    };
    let texto = std::str::from_utf8(&bytes[..fin]).map_err(|_| Error::Http("cabeceras"))?;
    let mut lineas = texto.split("\r\n");
    let status = lineas
        .next()
        .and_then(|l| l.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok())
        .ok_or(Error::Http("línea de estado"))?;
    let largo = campos(lineas, "content-length").next();
    let largo = match largo.map(str::parse) {
        Some(Ok(largo)) => largo,
        // It has no body and says no length.
        None if status == SIN_CUERPO => 0,
        _ => return Err(Error::Http("sin Content-Length")),
    };
    Ok(Some(Cabeza {
        status,
        cuerpo_en: fin + 4,
        largo,
    }))
}

fn campos<'a>(
    lineas: impl Iterator<Item = &'a str>,
    nombre: &str,
) -> impl Iterator<Item = &'a str> {
    lineas
        .filter_map(|l| l.split_once(':'))
        .filter(move |(n, _)| n.eq_ignore_ascii_case(nombre))
        .map(|(_, valor)| valor.trim())
}

#[cfg(test)]
mod tests {
    use super::lee_cabeza;

    #[test]
    fn heads() {
        let bytes = b"HTTP/1.1 201 Created\r\nserver: x\r\nContent-Length: 12\r\n\r\nhola";
        for n in 0..bytes.len() - 4 {
            assert!(lee_cabeza(&bytes[..n]).unwrap().is_none(), "{n}");
        }
        let c = lee_cabeza(bytes).unwrap().unwrap();
        assert_eq!(
            (c.status, c.largo, &bytes[c.cuerpo_en..]),
            (201, 12, &b"hola"[..])
        );
        let sin_cuerpo = b"HTTP/1.1 204 No Content\r\nupload-offset: 9\r\n\r\n";
        let c = lee_cabeza(sin_cuerpo).unwrap().unwrap();
        assert_eq!((c.status, c.largo), (204, 0));
        assert!(lee_cabeza(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(lee_cabeza(b"SSH-2.0\r\n\r\n").is_err());
    }
}
