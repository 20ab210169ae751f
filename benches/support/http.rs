//! HTTP/1.1 over one kept-alive connection, by hand: a client library would use more of the CPU that is being measured.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than the server's own deadline, so that it is the server that gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that is asked one thing at a time.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer; its body is valid until the next question.
#[derive(Debug)]
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(self.body).unwrap_or_default()
    }
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: vec![0; 16 * 1024] })
    }

    /// Sends a whole request and reads its whole answer.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is not one with a `Content-Length`.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request)?;
        let mut filled = 0;
        let head = loop {
            filled += self.fill(filled)?;
            if let Some(end) = self.buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let (status, length) = read_head(&self.buffer[..head]).ok_or(io::ErrorKind::InvalidData)?;
        if self.buffer.len() < head + length {
            self.buffer.resize(head + length, 0);
        }
        while filled < head + length {
            filled += self.fill(filled)?;
        }
        Ok(Answer { status, body: &self.buffer[head..head + length] })
    }

    fn fill(&mut self, from: usize) -> io::Result<usize> {
        if from == self.buffer.len() {
            self.buffer.resize(from * 2, 0);
        }
        match self.stream.read(&mut self.buffer[from..])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

fn read_head(head: &[u8]) -> Option<(u16, usize)> {
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })?;
    Some((status, length))
}

/// Writes a request into a buffer, over what was in it.
pub fn write_request(into: &mut Vec<u8>, method: &str, path: &str, credentials: &str, headers: &[(&str, &str)], body: &str) {
    into.clear();
    let _ = write!(into, "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {credentials}\r\n");
    for (name, value) in headers {
        let _ = write!(into, "{name}: {value}\r\n");
    }
    if !body.is_empty() {
        let _ = write!(into, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    let _ = write!(into, "\r\n{body}");
}
