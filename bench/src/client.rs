//! A client that counts its bytes and costs next to nothing: the cores are the server's to use.

use std::{fmt::Write as _, net::SocketAddr};

use httparse::{EMPTY_HEADER, Response, Status};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::Error;

/// An HTTP/1.1 connection that is kept alive.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    /// Both ways, headers included.
    pub bytes: u64,
}

/// An answer's head, as far as it matters here.
pub struct Head {
    status: u16,
    length: usize,
    body: usize,
    pub location: Option<String>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::new(),
            bytes: 0,
        })
    }

    /// The body of the answer, which must have that status. `head` is the request's line and further
    /// headers; the body may lie in several places.
    pub async fn request(
        &mut self,
        (head, token): (&str, &str),
        body: &[&[u8]],
        expected: u16,
    ) -> Result<(Head, &[u8]), Error> {
        let sent: usize = body.iter().map(|part| part.len()).sum();
        let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
        let mut text =
            format!("{line} HTTP/1.1\r\nHost: sigra\r\nAuthorization: Bearer {token}\r\n");
        for header in headers.lines() {
            text = text + header + "\r\n";
        }
        write!(text, "Content-Length: {sent}\r\n\r\n")?;
        self.stream.write_all(text.as_bytes()).await?;
        for part in body {
            self.stream.write_all(part).await?;
        }
        self.received.clear();
        let answer = loop {
            match parse(&self.received)? {
                Some(head) if self.received.len() >= head.length + head.body => break head,
                _ => self.receive().await?,
            }
        };
        self.bytes += u64::try_from(text.len() + sent + self.received.len())?;
        let body = &self.received[answer.length..];
        if answer.status == expected {
            return Ok((answer, body));
        }
        let (status, body) = (answer.status, String::from_utf8_lossy(body));
        Err(format!("{line}: el servidor contestó {status} y no {expected}: {body}").into())
    }

    pub async fn get(&mut self, path: &str, token: &str) -> Result<&[u8], Error> {
        let head = format!("GET {path}");
        Ok(self.request((&head, token), &[], 200).await?.1)
    }

    /// JSON, and the status that the answer must have.
    pub async fn post(
        &mut self,
        path: &str,
        token: &str,
        (json, expected): (&str, u16),
    ) -> Result<&[u8], Error> {
        let head = format!("POST {path}\nContent-Type: application/json");
        let body = [json.as_bytes()];
        Ok(self.request((&head, token), &body, expected).await?.1)
    }

    async fn receive(&mut self) -> Result<(), Error> {
        self.received.reserve(256 * 1_024);
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err("el servidor cerró la conexión a mitad de una respuesta".into()),
            _ => Ok(()),
        }
    }
}

/// `None` while the end of the headers has not come.
fn parse(bytes: &[u8]) -> Result<Option<Head>, Error> {
    let mut headers = [EMPTY_HEADER; 32];
    let mut response = Response::new(&mut headers);
    let Status::Complete(length) = response.parse(bytes)? else {
        return Ok(None);
    };
    let status = response.code.unwrap_or_default();
    let header = |name: &str| {
        let header = response
            .headers
            .iter()
            .find(|h| h.name.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(header.value).into_owned())
    };
    let body = match header("content-length") {
        Some(length) => length.parse()?,
        None if status == 204 => 0,
        None => return Err("el servidor contestó sin Content-Length".into()),
    };
    let location = header("location");
    Ok(Some(Head {
        status,
        length,
        body,
        location,
    }))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn heads() {
        let bytes = b"HTTP/1.1 201 Created\r\nserver: x\r\nContent-Length: 4\r\n\r\nhola";
        assert!(parse(&bytes[..30]).unwrap().is_none());
        let head = parse(bytes).unwrap().unwrap();
        assert_eq!(
            (head.status, head.body, &bytes[head.length..]),
            (201, 4, &b"hola"[..])
        );
        let head = parse(b"HTTP/1.1 204 No Content\r\nlocation: /x\r\n\r\n")
            .unwrap()
            .unwrap();
        assert_eq!((head.body, head.location.as_deref()), (0, Some("/x")));
        assert!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
