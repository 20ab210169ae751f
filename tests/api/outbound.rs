//! Nothing private is reached through a configured address (QUALITY.md S6): spellings, names, rebinding, redirects. A listener on
//! this machine counts who comes; every control sees that it would be reached.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use handoff::outbound::http::{Http, LookUp, PostError, Status, Timeouts};
use handoff::outbound::policy::{Allow, UrlFault};

use crate::support::webhook::{Behaviour, Receiver};

/// A private place that counts connections and closes them.
struct Private {
    port: u16,
    hits: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Private {
    /// At each of these addresses, on one port.
    fn listen(addresses: &[&str]) -> Self {
        let first = TcpListener::bind((addresses[0], 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        let others = addresses[1..].iter().map(|address| TcpListener::bind((*address, port)).unwrap());
        let (hits, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        for listener in std::iter::once(first).chain(others) {
            listener.set_nonblocking(true).unwrap();
            let (hits, over) = (Arc::clone(&hits), Arc::clone(&over));
            std::thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    match listener.accept() {
                        Ok(_) => drop(hits.fetch_add(1, Ordering::SeqCst)),
                        Err(_) => std::thread::sleep(Duration::from_millis(2)),
                    }
                }
            });
        }
        Self { port, hits, over }
    }

    fn hits(&self) -> usize {
        // Whoever connected is in the queue; the listener looks every two milliseconds.
        std::thread::sleep(Duration::from_millis(30));
        self.hits.load(Ordering::SeqCst)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

const QUICK: Timeouts = Timeouts { connect: Duration::from_secs(2), total: Duration::from_secs(3) };

/// What names stand for, without asking anybody.
fn names(name: &str) -> Vec<IpAddr> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let public: IpAddr = "8.8.8.8".parse().unwrap();
    match name.trim_end_matches('.') {
        "both.example" => vec![public, loopback],
        "loopback6.example" => vec!["::1".parse().unwrap()],
        "mapped.example" => vec!["::ffff:127.0.0.1".parse().unwrap()],
        "metadata.example" => vec!["169.254.169.254".parse().unwrap()],
        "ten.example" => vec!["10.0.0.1".parse().unwrap()],
        "ula.example" => vec!["fd00::1".parse().unwrap()],
        "nat64.example" => vec!["64:ff9b::7f00:1".parse().unwrap()],
        "sixtofour.example" => vec!["2002:7f00:1::".parse().unwrap()],
        "nobody.example" => vec![],
        // `localhost`, `*.localtest.example`, and whatever else a resolver may send home.
        _ => vec![loopback],
    }
}

fn asking(look_up: impl Fn(&str) -> Vec<IpAddr> + Send + Sync + 'static) -> LookUp {
    Arc::new(move |name| {
        let answer = look_up(&name);
        Box::pin(async move { Ok(answer) })
    })
}

/// Places that must not be reached; `PORT` is that of the listener.
const REFUSED: &[&str] = &[
    // Loopback, as it is and as it may be written.
    "https://127.0.0.1:PORT/",
    "https://127.0.0.2:PORT/",
    "https://127.255.255.254:PORT/",
    "https://127.1:PORT/",
    "https://127.0.1:PORT/",
    "https://2130706433:PORT/",
    "https://0x7f000001:PORT/",
    "https://0x7F.1:PORT/",
    "https://0x7f.0x0.0x0.0x1:PORT/",
    "https://017700000001:PORT/",
    "https://0177.0.0.1:PORT/",
    "https://0177.0x0.0.01:PORT/",
    "https://127.0.0.1.:PORT/",
    "https://0:PORT/",
    "https://0.0.0.0:PORT/",
    "https://0x0:PORT/",
    "https://%31%32%37.0.0.1:PORT/",
    "https://127%2E0%2E0%2E1:PORT/",
    "https://１２７.０.０.１:PORT/",
    "https://①②⑦.0.0.1:PORT/",
    "https://127。0。0。1:PORT/",
    "https:127.0.0.1:PORT/",
    "https:///127.0.0.1:PORT/",
    "https:\\\\127.0.0.1:PORT/",
    "HTTPS://127.0.0.1:PORT/",
    "\thttps://127.0.0.1:PORT/\n",
    "https://127.0.0.\n1:PORT/",
    "https://[::1]:PORT/",
    "https://[0:0:0:0:0:0:0:1]:PORT/",
    "https://[::]:PORT/",
    "https://[::ffff:127.0.0.1]:PORT/",
    "https://[::ffff:7f00:1]:PORT/",
    "https://[::127.0.0.1]:PORT/",
    "https://[64:ff9b::127.0.0.1]:PORT/",
    "https://[64:ff9b:1::7f00:1]:PORT/",
    "https://[2002:7f00:1::]:PORT/",
    "https://[2001:0:7f00:1::]:PORT/",
    "https://[fe80::1]:PORT/",
    "https://[fe80::1%25lo]:PORT/",
    "https://[fec0::1]:PORT/",
    "https://[fd12:3456::1]:PORT/",
    "https://[ff02::1]:PORT/",
    "https://[2001:db8::1]:PORT/",
    "https://[100::1]:PORT/",
    // Private neighbours, and the metadata services of clouds.
    "https://10.0.0.1:PORT/",
    "https://167772161:PORT/",
    "https://172.16.0.1:PORT/",
    "https://172.31.255.254:PORT/",
    "https://192.168.1.1:PORT/",
    "https://0300.0250.1.1:PORT/",
    "https://169.254.169.254:PORT/latest/meta-data/",
    "https://2852039166:PORT/",
    "https://100.64.0.1:PORT/",
    "https://192.0.0.8:PORT/",
    "https://192.0.2.1:PORT/",
    "https://198.18.0.1:PORT/",
    "https://198.51.100.1:PORT/",
    "https://203.0.113.1:PORT/",
    "https://224.0.0.1:PORT/",
    "https://240.0.0.1:PORT/",
    "https://255.255.255.255:PORT/",
    // Somebody else's name in front.
    "https://public.example@127.0.0.1:PORT/",
    "https://public.example:443@127.0.0.1:PORT/",
    "https://127.0.0.1:PORT@public.example/",
    "https://public.example#@127.0.0.1:PORT/",
    "https://127.0.0.1:PORT\\@public.example/",
    // Names.
    "https://localhost:PORT/",
    "https://localhost.:PORT/",
    "https://LOCALHOST:PORT/",
    "https://ｌｏｃａｌｈｏｓｔ:PORT/",
    "https://loc%61lhost:PORT/",
    "https://app.localtest.example:PORT/",
    "https://127.0.0.1.nip.example:PORT/",
    "https://both.example:PORT/",
    "https://loopback6.example:PORT/",
    "https://mapped.example:PORT/",
    "https://metadata.example:PORT/",
    "https://ten.example:PORT/",
    "https://ula.example:PORT/",
    "https://nat64.example:PORT/",
    "https://sixtofour.example:PORT/",
    "https://nobody.example:PORT/",
    // Not even TLS, or not even the web.
    "http://127.0.0.1:PORT/",
    "http://localhost:PORT/",
    "http://app.localtest.example:PORT/",
    "http://public.example:PORT/",
    "ftp://127.0.0.1:PORT/",
    "gopher://127.0.0.1:PORT/_POST",
    "file:///etc/hostname",
    "unix:/run/private.sock",
    "//127.0.0.1:PORT/",
    "127.0.0.1:PORT",
    "",
];

/// Whether the URL leads to this machine once it is let through, so that a control may try it.
fn leads_home(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    let at_home = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => names(name).iter().all(IpAddr::is_loopback) && !names(name).is_empty(),
        None => false,
    };
    at_home && url.fragment().is_none() && url.username().is_empty() && url.password().is_none() && url.scheme() == "https"
}

#[actix_web::test]
async fn no_spelling_of_a_private_address_is_reached() {
    handoff::cli::install_crypto();
    let private = Private::listen(&["127.0.0.1", "127.0.0.2", "127.255.255.254", "::1"]);
    let urls: Vec<String> = REFUSED.iter().map(|url| url.replace("PORT", &private.port.to_string())).collect();
    assert!(urls.len() >= 60);
    let http = Http::resolving(Allow::default(), QUICK, asking(names));
    for url in &urls {
        let outcome = http.post(url, &[], "{}".into()).await;
        let refused = matches!(outcome, Err(PostError::Url(_) | PostError::AddressRefused | PostError::NameUnknown));
        assert!(refused, "{url}: {outcome:?}");
        // What can be known when it is configured is refused then.
        let literal = url::Url::parse(url).is_ok_and(|url| !matches!(url.host(), Some(url::Host::Domain(_)) | None));
        assert!(!literal || http.check_url(url).is_err(), "{url}");
    }
    assert_eq!(private.hits(), 0, "somebody came");

    // The control: the same places, let through, are reached.
    let open = Http::resolving(Allow::parse("0.0.0.0/0 ::/0").unwrap(), QUICK, asking(names));
    let home: Vec<&String> = urls.iter().filter(|url| leads_home(url)).collect();
    for url in &home {
        let before = private.hits();
        let _ = open.post(url, &[], "{}".into()).await;
        assert!(private.hits() > before, "{url} leads nowhere, so that its refusal says nothing");
    }
    assert!(home.len() >= 20, "{} only", home.len());
    println!(
        "S6: {} addresses and spellings refused, 0 connections; control: {} of them reached once allowed",
        urls.len(),
        home.len()
    );
}

#[actix_web::test]
async fn a_name_that_answers_otherwise_the_second_time_reaches_nobody() {
    handoff::cli::install_crypto();
    let private = Private::listen(&["127.0.0.1"]);
    // In the place of a public address stands one of this machine that is allowed: no test talks to the internet.
    let public = Receiver::start_on(SocketAddr::from(([127, 0, 0, 2], private.port)));
    let (asked, allow) = (Arc::new(AtomicUsize::new(0)), Allow::parse("127.0.0.2").unwrap());
    let rebinding = {
        let asked = Arc::clone(&asked);
        move |_: &str| {
            let is_first = asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
            vec![if is_first { IpAddr::from([127, 0, 0, 2]) } else { IpAddr::from([127, 0, 0, 1]) }]
        }
    };
    let url = format!("http://rebinding.example:{}/", private.port);
    let http = Http::resolving(allow.clone(), QUICK, asking(rebinding.clone()));
    for _ in 0..10 {
        assert_eq!(http.post(&url, &[], "{}".into()).await, Ok(Status(204)), "it was asked once, and that answer was used");
        assert_eq!(http.post(&url, &[], "{}".into()).await, Err(PostError::AddressRefused));
    }
    assert_eq!((asked.load(Ordering::SeqCst), public.messages().len(), private.hits()), (20, 10, 0));

    // Both answers at once, in either order.
    for order in [[1, 2], [2, 1]] {
        let both = asking(move |_| order.iter().map(|last| IpAddr::from([127, 0, 0, *last])).collect());
        assert_eq!(
            Http::resolving(allow.clone(), QUICK, both).post(&url, &[], "{}".into()).await,
            Err(PostError::AddressRefused)
        );
    }
    assert_eq!((public.messages().len(), private.hits()), (10, 0));

    // The control: whoever looks, checks, and lets the client look again, is led home.
    let checked = rebinding("rebinding.example");
    assert!(allow.admits(checked[0], handoff::outbound::policy::Reach::Plain));
    let again = rebinding("rebinding.example");
    let naive =
        reqwest::Client::builder().resolve_to_addrs("rebinding.example", &[SocketAddr::new(again[0], 0)]).build().unwrap();
    let _ = naive.post(&url).send().await;
    assert!(private.hits() > 0, "the trap is none");
}

#[actix_web::test]
async fn a_redirect_is_an_answer_and_leads_nowhere() {
    handoff::cli::install_crypto();
    let private = Private::listen(&["127.0.0.1"]);
    let receiver = Receiver::start();
    let http = Http::new(Allow::parse(&receiver.address.to_string()).unwrap());
    for target in
        [format!("http://127.0.0.1:{}/", private.port), format!("https://localhost:{}/", private.port), "/elsewhere".into()]
    {
        receiver.now(Behaviour::Redirect(target));
        assert_eq!(http.post(&receiver.url(), &[], "{}".into()).await, Ok(Status(302)));
    }
    assert_eq!((receiver.messages().len(), private.hits()), (3, 0));
    // The control: a client that follows comes.
    receiver.now(Behaviour::Redirect(format!("http://127.0.0.1:{}/", private.port)));
    let _ = reqwest::Client::new().post(receiver.url()).send().await;
    assert!(private.hits() > 0);
}

#[actix_web::test]
async fn what_the_operator_allows_is_reached_there_and_nowhere_beside() {
    handoff::cli::install_crypto();
    let receiver = Receiver::start();
    let port = receiver.address.port();
    for (allow, url, expected) in [
        (format!("127.0.0.1:{port}"), receiver.url(), Ok(Status(204))),
        ("127.0.0.0/8".into(), receiver.url(), Ok(Status(204))),
        (format!("receiver.lan:{port}"), format!("http://receiver.lan:{port}/"), Ok(Status(204))),
        ("127.0.0.0/8".into(), format!("http://receiver.lan:{port}/"), Ok(Status(204))),
        (format!("127.0.0.1:{}", port ^ 1), receiver.url(), Err(PostError::Url(UrlFault::NotPublic))),
        ("10.0.0.0/8".into(), receiver.url(), Err(PostError::Url(UrlFault::NotPublic))),
        ("10.0.0.0/8".into(), format!("http://receiver.lan:{port}/"), Err(PostError::AddressRefused)),
        (format!("receiver.lan:{port}"), format!("http://other.lan:{port}/"), Err(PostError::Url(UrlFault::NotHttps))),
    ] {
        let http = Http::resolving(Allow::parse(&allow).unwrap(), QUICK, asking(names));
        assert_eq!(http.post(&url, &[], "{}".into()).await, expected, "{url} with {allow}");
    }
    assert_eq!(receiver.messages().len(), 4);
}

#[actix_web::test]
async fn each_failure_has_its_kind_and_a_receiver_that_hangs_is_left() {
    handoff::cli::install_crypto();
    let receiver = Receiver::start();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let quick = Timeouts { connect: Duration::from_millis(500), total: Duration::from_millis(500) };
    let asked = Arc::new(Mutex::new(Vec::new()));
    let look_up: LookUp = {
        let asked = Arc::clone(&asked);
        Arc::new(move |name: String| {
            asked.lock().unwrap().push(name.clone());
            Box::pin(async move {
                match name.as_str() {
                    "slow.lan" => std::future::pending().await,
                    "broken.lan" => Err(std::io::Error::other("no answer")),
                    _ => Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]),
                }
            })
        })
    };
    let http = Http::resolving(Allow::parse("127.0.0.0/8").unwrap(), quick, look_up);
    receiver.now(Behaviour::Slow(Duration::from_secs(30)));
    let port = receiver.address.port();
    for (url, expected) in [
        (receiver.url(), PostError::TimedOut),
        (format!("http://slow.lan:{port}/"), PostError::TimedOut),
        (format!("http://broken.lan:{port}/"), PostError::NameUnknown),
        (format!("http://{gone}/"), PostError::ConnectionFailed),
        (format!("https://plain.lan:{port}/"), PostError::TlsFailed),
    ] {
        let started = std::time::Instant::now();
        assert_eq!(http.post(&url, &[], "{}".into()).await, Err(expected), "{url}");
        assert!(started.elapsed() < Duration::from_secs(2), "{url}");
    }
    assert_eq!(asked.lock().unwrap().len(), 3);
}
