//! What a careful HTTP client never sends.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::db_rows;
use crate::support::app::Setup;
use crate::support::{App, make};

/// Writes these bytes, then reads until the server closes, is silent for a while or has answered; the bytes that it sent.
fn talk(address: std::net::SocketAddr, bytes: &[u8], half_close: bool, patience: Duration) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(patience)).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    // A server that has refused may close before it has read everything; its answer is what counts.
    let _ = stream.write_all(bytes);
    if half_close {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let (mut said, mut chunk) = (Vec::new(), [0_u8; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut chunk) {
        said.extend_from_slice(&chunk[..read]);
    }
    String::from_utf8_lossy(&said).into_owned()
}

async fn raw(app: &App, bytes: Vec<u8>, half_close: bool, patience: u64) -> String {
    let address = app.address;
    tokio::task::spawn_blocking(move || talk(address, &bytes, half_close, Duration::from_millis(patience))).await.unwrap()
}

fn status(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok()).unwrap_or(0)
}

fn head(app: &App, more: &str) -> String {
    format!(
        "POST /v1/referrals HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nIdempotency-Key: raw-key-{}\r\nContent-Type: application/json\r\n{more}\r\n",
        app.site.partner.key,
        uuid::Uuid::from_u128(u128::from(more.len() as u32)),
    )
}

#[actix_web::test]
async fn a_body_far_too_large_is_refused_before_it_is_read_and_the_next_request_is_served() {
    let app = App::start().await;
    let before = db_rows(&app);
    let ten = 10 * 1024 * 1024;
    let mut bytes = head(&app, &format!("Content-Length: {ten}\r\n")).into_bytes();
    bytes.resize(bytes.len() + ten, b' ');
    let begun = Instant::now();
    let answer = raw(&app, bytes, false, 3_000).await;
    assert_eq!(status(&answer), 413, "{answer}");
    assert!(answer.contains("body_too_large"));
    assert!(begun.elapsed() < Duration::from_secs(8));
    // Chunked, nothing announced: refused as soon as it is too much.
    let mut chunked = head(&app, "Transfer-Encoding: chunked\r\n").into_bytes();
    for _ in 0..40 {
        chunked.extend_from_slice(b"400\r\n");
        chunked.resize(chunked.len() + 1024, b' ');
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(status(&raw(&app, chunked, false, 1_000).await), 413);
    assert_eq!(db_rows(&app), before);

    // Announced and never sent: the answer does not wait for it.
    let begun = Instant::now();
    let answer = raw(&app, head(&app, "Content-Length: 99999999999\r\n").into_bytes(), false, 500).await;
    assert_eq!(status(&answer), 413, "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(3));
    // A client that keeps its connection is served on it or on a new one, as it likes.
    let partner = app.partner();
    for _ in 0..3 {
        partner.post_bytes("/v1/referrals", vec![b' '; 40 * 1024]).await.expect_problem(413, "body_too_large");
        make::sent(&partner).await;
    }
}

#[actix_web::test]
async fn a_length_that_lies_and_framing_that_is_broken_never_reach_an_operation() {
    let app = App::start().await;
    let before = db_rows(&app);
    let body = make::referral().to_string();
    let length = body.len();
    let mut requests = 0;
    for (what, framing, sent) in [
        ("longer than the body", format!("Content-Length: {}\r\n", length + 10), body.clone()),
        ("shorter than the body", format!("Content-Length: {}\r\n", length - 10), body.clone()),
        ("negative", "Content-Length: -1\r\n".into(), body.clone()),
        ("no number", "Content-Length: zqx7\r\n".into(), body.clone()),
        ("hexadecimal", format!("Content-Length: 0x{length:x}\r\n"), body.clone()),
        ("with a plus", format!("Content-Length: +{length}\r\n"), body.clone()),
        ("two that differ", format!("Content-Length: {length}\r\nContent-Length: 3\r\n"), body.clone()),
        (
            "a length and chunks",
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
            format!("5\r\n{}\r\n0\r\n\r\n", &body[..5]),
        ),
        ("a chunk that is none", "Transfer-Encoding: chunked\r\n".into(), format!("zz\r\n{body}\r\n0\r\n\r\n")),
        ("a chunk without end", "Transfer-Encoding: chunked\r\n".into(), format!("{length:x}\r\n{body}\r\n")),
        ("a huge chunk", "Transfer-Encoding: chunked\r\n".into(), format!("ffffffffffffffff\r\n{body}\r\n0\r\n\r\n")),
        ("another coding", "Transfer-Encoding: zqx7\r\n".into(), body.clone()),
        ("no framing at all", String::new(), body.clone()),
    ] {
        let answer = raw(&app, (head(&app, &framing) + &sent).into_bytes(), true, 1_500).await;
        requests += 1;
        let status = status(&answer);
        assert!(status == 0 || (400..500).contains(&status), "{what}: {answer}");
        assert!(!answer.contains("zqx7"), "{what}: {answer}");
    }
    for garbage in [
        "\r\n\r\n".to_owned(),
        "zqx7\r\n\r\n".into(),
        "GET\r\n\r\n".into(),
        "GET /v1/referrals\r\n\r\n".into(),
        "GET /v1/referrals HTTP/9.9\r\n\r\n".into(),
        "GET /v1/referrals HTTP/1.1\r\nHost: x\r\nBad Header: zqx7\r\n\r\n".into(),
        "GET /v1/referrals HTTP/1.1\r\nHost: x\r\nX: a\0zqx7\r\n\r\n".into(),
        "GET /v1/ref\0errals HTTP/1.1\r\nHost: x\r\n\r\n".into(),
        format!("GET /v1/referrals?{} HTTP/1.1\r\nHost: x\r\n\r\n", "zqx7".repeat(20_000)),
        format!("GET /v1/referrals HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "zqx7".repeat(50_000)),
        format!("GET /v1/referrals HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: zqx7\r\n".repeat(2_000)),
        "PRI * HTTP/2.0\r\n\r\nzqx7".into(),
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0".into(),
    ] {
        let answer = raw(&app, garbage.clone().into_bytes(), true, 1_500).await;
        requests += 1;
        let status = status(&answer);
        assert!(status == 0 || (400..500).contains(&status), "{}: {answer}", &garbage[..garbage.len().min(60)]);
        assert!(!answer.contains("zqx7"), "{answer}");
    }
    assert_eq!(db_rows(&app), before);
    // The control: the same head with the right length is a referral.
    let answer = raw(&app, (head(&app, &format!("Content-Length: {length}\r\n")) + &body).into_bytes(), true, 3_000).await;
    assert_eq!(status(&answer), 201, "{answer}");
    println!("bad input: {requests} requests (framing), 0 5xx");
}

#[actix_web::test]
async fn a_body_that_trickles_in_holds_no_connection_to_the_database_and_is_answered_by_its_deadline() {
    let app =
        App::start_with(Setup { connections: 1, waiting: 4, deadline: Duration::from_millis(1_500), ..Setup::default() }).await;
    let before = db_rows(&app);
    let slow: Vec<_> = (0..4)
        .map(|_| {
            let (address, bytes) = (app.address, (head(&app, "Content-Length: 100\r\n") + "{").into_bytes());
            tokio::task::spawn_blocking(move || {
                let begun = Instant::now();
                (talk(address, &bytes, false, Duration::from_secs(4)), begun.elapsed())
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    app.partner().get("/v1/referrals").await.expect(200);
    for talk in slow {
        let (answer, _) = talk.await.unwrap();
        assert!(answer.contains("\"deadline_exceeded\""), "{answer}");
    }
    assert_eq!(db_rows(&app), before);
}
