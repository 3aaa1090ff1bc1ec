//! A client that counts its bytes and costs next to nothing: the cores are the server's to use.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::Error;

const NO_CONTENT: u16 = 204;

/// An HTTP/1.1 connection that is kept alive.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    /// Both ways, headers included.
    pub bytes: u64,
}

/// A head, as far as it matters here.
struct Head {
    length: usize,
    status: u16,
    body: usize,
    location: Option<String>,
}

/// An answer with the expected status.
pub struct Answer<'a> {
    pub body: &'a [u8],
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

    /// `head` is the request's line with its further headers, whose lines end in CRLF.
    pub async fn request(
        &mut self,
        (head, token): (&str, &str),
        body: &[&[u8]],
        expected: u16,
    ) -> Result<Answer<'_>, Error> {
        let length: usize = body.iter().map(|part| part.len()).sum();
        let (line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        let head = format!(
            "{line} HTTP/1.1\r\nHost: sigra\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {length}\r\n{headers}\r\n"
        );
        self.stream.write_all(head.as_bytes()).await?;
        for part in body {
            self.stream.write_all(part).await?;
        }
        self.received.clear();
        let answer = loop {
            self.receive().await?;
            if let Some(head) = parse(&self.received)? {
                break head;
            }
        };
        let end = answer.length + answer.body;
        while self.received.len() < end {
            self.receive().await?;
        }
        self.bytes += u64::try_from(head.len() + length + end)?;
        let body = &self.received[answer.length..end];
        if answer.status == expected {
            return Ok(Answer {
                body,
                location: answer.location,
            });
        }
        Err(format!(
            "{line}: el servidor contestó {} donde debía contestar {expected}: {}",
            answer.status,
            String::from_utf8_lossy(body)
        )
        .into())
    }

    pub async fn get(&mut self, path: &str, token: &str) -> Result<&[u8], Error> {
        let head = format!("GET {path}");
        Ok(self.request((&head, token), &[], 200).await?.body)
    }

    pub async fn post_json(
        &mut self,
        path: &str,
        token: &str,
        (json, expected): (&str, u16),
    ) -> Result<&[u8], Error> {
        let head = format!("POST {path}\r\nContent-Type: application/json\r\n");
        let body = [json.as_bytes()];
        Ok(self.request((&head, token), &body, expected).await?.body)
    }

    async fn receive(&mut self) -> Result<(), Error> {
        self.received.reserve(64 * 1_024);
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err("el servidor cerró la conexión a mitad de una respuesta".into()),
            _ => Ok(()),
        }
    }
}

/// `None` while the end of the headers has not come.
fn parse(bytes: &[u8]) -> Result<Option<Head>, Error> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(bytes)? else {
        return Ok(None);
    };
    let status = response.code.unwrap_or_default();
    let header = |name: &str| {
        let found = response
            .headers
            .iter()
            .find(|h| h.name.eq_ignore_ascii_case(name));
        found.and_then(|h| std::str::from_utf8(h.value).ok())
    };
    let body = match header("content-length") {
        Some(length) => length.parse()?,
        None if status == NO_CONTENT => 0,
        None => return Err("el servidor contestó sin Content-Length".into()),
    };
    Ok(Some(Head {
        length,
        status,
        body,
        location: header("location").map(ToOwned::to_owned),
    }))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn heads() {
        let bytes = b"HTTP/1.1 201 Created\r\nserver: x\r\nContent-Length: 4\r\n\r\nhola";
        for n in 0..bytes.len() - 4 {
            assert!(parse(&bytes[..n]).unwrap().is_none(), "{n}");
        }
        let head = parse(bytes).unwrap().unwrap();
        assert_eq!(
            (head.status, head.body, &bytes[head.length..]),
            (201, 4, &b"hola"[..])
        );
        let head = parse(b"HTTP/1.1 204 No Content\r\nlocation: /x\r\n\r\n")
            .unwrap()
            .unwrap();
        assert_eq!(
            (head.status, head.body, head.location.as_deref()),
            (204, 0, Some("/x"))
        );
        assert!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
