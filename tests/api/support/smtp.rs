//! An SMTP server: the real protocol over TCP, with or without TLS, which a test can make slow, forgetful or unwilling. It keeps what
//! it was given, and counts it even when its answer is lost.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

pub const USER: &str = "handoff";
pub const PASSWORD: &str = "right-password-zq";

/// How a connection to it is secured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Secured {
    None,
    Implicit,
    StartTls,
}

/// What it does at a step instead of going on.
#[derive(Clone, Copy)]
pub enum Reaction {
    /// This reply, and on.
    Reply(&'static str),
    /// Closes the connection.
    Drop,
    /// Says nothing any more.
    Hang,
}

/// A message that was handed over.
#[derive(Clone, Debug)]
pub struct Mail {
    pub from: String,
    pub to: String,
    pub text: String,
}

impl Mail {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        let prefix = format!("{}:", name.to_ascii_lowercase());
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&prefix))?;
        Some(line[prefix.len()..].trim().to_owned())
    }

    /// The alert's id, from the Message-ID.
    pub fn alert(&self) -> String {
        let id = self.header("Message-ID").expect("a Message-ID");
        id.trim_start_matches('<').split('@').next().unwrap().to_owned()
    }
}

#[derive(Default)]
struct Shared {
    mails: Mutex<Vec<Mail>>,
    reactions: Mutex<HashMap<&'static str, Reaction>>,
}

pub struct SmtpServer {
    pub address: SocketAddr,
    /// The certificate of its authority, in PEM form.
    pub authority: Vec<u8>,
    tls: Secured,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
    accepting: Option<actix_web::rt::task::JoinHandle<()>>,
}

/// An authority, and the acceptor of a certificate that it issued for this machine.
fn certified() -> (Vec<u8>, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let own = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&own, &issuer).unwrap();
    handoff::cli::install_crypto();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(own.serialize_der()).unwrap())
        .unwrap();
    (authority.pem().into_bytes(), TlsAcceptor::from(Arc::new(config)))
}

impl SmtpServer {
    pub async fn start(tls: Secured) -> Self {
        let (authority, acceptor) = certified();
        let mut server =
            Self { address: "127.0.0.1:0".parse().unwrap(), authority, tls, acceptor, shared: Arc::default(), accepting: None };
        server.come_back().await;
        server
    }

    /// Listens, at the address that it had.
    pub async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let (shared, acceptor, tls) = (Arc::clone(&self.shared), self.acceptor.clone(), self.tls);
        self.accepting = Some(actix_web::rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, acceptor) = (Arc::clone(&shared), acceptor.clone());
                actix_web::rt::spawn(async move {
                    match tls {
                        Secured::Implicit => {
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            let _ = converse(stream, &shared, false, true).await;
                        }
                        Secured::None => drop(converse(stream, &shared, false, true).await),
                        Secured::StartTls => {
                            let Ok(Some(stream)) = converse(stream, &shared, true, true).await else { return };
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            let _ = converse(stream, &shared, false, false).await;
                        }
                    }
                });
            }
        }));
    }

    /// Nobody listens there any more.
    pub async fn go_down(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            let _ = accepting.await;
        }
    }

    /// What it does at a step: CONNECT, AUTH, MAIL, RCPT, DATA, or END of the message.
    pub fn at(&self, step: &'static str, reaction: Reaction) {
        self.shared.reactions.lock().unwrap().insert(step, reaction);
    }

    /// It is itself again.
    pub fn recover(&self) {
        self.shared.reactions.lock().unwrap().clear();
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.shared.mails.lock().unwrap().clone()
    }

    /// The setting that leads here.
    pub fn url(&self, password: &str) -> String {
        let (scheme, query) = match self.tls {
            Secured::Implicit => ("smtps", ""),
            Secured::StartTls => ("smtp", "?tls=required"),
            Secured::None => ("smtp", ""),
        };
        format!("{scheme}://{USER}:{password}@{}{query}", self.address)
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
        }
    }
}

/// One conversation; the stream again when the client wants TLS on it.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    shared: &Shared,
    offers_tls: bool,
    greets: bool,
) -> std::io::Result<Option<S>> {
    let mut stream = BufReader::new(stream);
    let reaction = |step: &str| shared.reactions.lock().unwrap().get(step).copied();
    let (mut from, mut to) = (String::new(), String::new());
    let mut signed_in = false;
    macro_rules! react {
        ($step:literal) => {
            match reaction($step) {
                Some(Reaction::Drop) => return Ok(None),
                Some(Reaction::Hang) => {
                    actix_web::rt::time::sleep(Duration::from_secs(600)).await;
                    return Ok(None);
                }
                Some(Reaction::Reply(reply)) => Some(reply),
                None => None,
            }
        };
    }
    if greets {
        let greeting = react!("CONNECT").unwrap_or("220 mail.test ESMTP");
        stream.write_all(format!("{greeting}\r\n").as_bytes()).await?;
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let reply = match verb.as_str() {
            "EHLO" if offers_tls => "250-mail.test\r\n250-8BITMIME\r\n250 STARTTLS".to_owned(),
            "EHLO" => "250-mail.test\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN".to_owned(),
            "STARTTLS" if offers_tls => {
                stream.write_all(b"220 go on\r\n").await?;
                return Ok(Some(stream.into_inner()));
            }
            "AUTH" => {
                let given = line.rsplit(' ').next().unwrap_or_default();
                let right = STANDARD.encode(format!("\0{USER}\0{PASSWORD}"));
                signed_in = given == right;
                let usual = if signed_in { "235 welcome" } else { "535 5.7.8 no" };
                react!("AUTH").unwrap_or(usual).to_owned()
            }
            "MAIL" if !signed_in => "530 5.7.0 sign in first".to_owned(),
            "MAIL" => {
                from = line.to_owned();
                react!("MAIL").unwrap_or("250 ok").to_owned()
            }
            "RCPT" => {
                to = line.trim_start_matches("RCPT TO:<").trim_end_matches('>').to_owned();
                react!("RCPT").unwrap_or("250 ok").to_owned()
            }
            "DATA" => match react!("DATA") {
                Some(reply) => reply.to_owned(),
                None => {
                    stream.write_all(b"354 go on\r\n").await?;
                    let mut text = String::new();
                    while !text.ends_with("\r\n.\r\n") {
                        if stream.read_line(&mut text).await? == 0 {
                            return Ok(None);
                        }
                    }
                    let refused = matches!(reaction("END"), Some(Reaction::Reply(_)));
                    if !refused {
                        let text = text.trim_end_matches(".\r\n").to_owned();
                        shared.mails.lock().unwrap().push(Mail { from: from.clone(), to: to.clone(), text });
                    }
                    react!("END").unwrap_or("250 taken").to_owned()
                }
            },
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(None);
            }
            _ => "250 ok".to_owned(),
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
}
