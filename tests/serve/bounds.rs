//! What the server refuses, and that nothing keeps it from answering others.

use super::server;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// What comes back for these bytes: the status, the head and the body.
fn sent(address: SocketAddr, bytes: &[u8]) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // A server that has heard enough answers before everything is sent.
    let _ = stream.write_all(bytes);
    received(&mut stream)
}

fn received(stream: &mut TcpStream) -> (u16, String, Vec<u8>) {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer:?}"));
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, answer[end + 4..].to_vec())
}

fn get(address: SocketAddr, path: &str, headers: &str) -> (u16, String, Vec<u8>) {
    sent(address, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n").as_bytes())
}

fn post(address: SocketAddr, path: &str, headers: &str, body: &[u8]) -> (u16, Value) {
    let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    let (status, _, body) = sent(address, &[head.as_bytes(), body].concat());
    (status, serde_json::from_slice(&body).unwrap())
}

const JSON: &str = "Content-Type: application/json\r\n";

fn check(address: SocketAddr, text: &str) -> Value {
    let (status, answer) = post(address, "/api/check", JSON, json!({ "text": text }).to_string().as_bytes());
    assert_eq!(status, 200, "{answer}");
    answer
}

#[test]
fn it_listens_to_this_machine_alone() {
    assert!(server().ip().is_loopback());
}

#[test]
fn a_host_that_is_not_this_server_is_refused() {
    let address = server();
    let asked = |host: &str| sent(address, format!("GET /api/classics HTTP/1.1\r\n{host}\r\n").as_bytes()).0;
    assert_eq!(asked(&format!("Host: {address}\r\n")), 200);
    assert_eq!(asked(&format!("Host: localhost:{}\r\n", address.port())), 200);
    for host in [
        "",
        "Host: evil.example\r\n",
        "Host: localhost\r\n",
        "Host: 127.0.0.1\r\n",
        "Host: 127.0.0.1:1\r\n",
        "Host: \r\n",
        &format!("Host: evil.example:{}\r\n", address.port()),
        &format!("Host: 127.0.0.1.evil.example:{}\r\n", address.port()),
    ] {
        assert_eq!(asked(host), 421, "{host}");
    }
    assert_eq!(asked(&format!("Host: {address}\r\nHost: {address}\r\n")), 400);
}

#[test]
fn what_another_page_asks_is_refused() {
    let address = server();
    let body = br#"{"text": "y = 1 + 2"}"#;
    let asked = |headers: &str| post(address, "/api/check", &format!("{JSON}{headers}"), body).0;
    assert_eq!(asked(""), 200);
    assert_eq!(asked(&format!("Origin: http://{address}\r\nSec-Fetch-Site: same-origin\r\n")), 200);
    for origin in [
        "http://evil.example",
        "null",
        "https://127.0.0.1",
        &format!("https://{address}"),
        &format!("http://localhost:{}", address.port()),
        "",
    ] {
        assert_eq!(asked(&format!("Origin: {origin}\r\n")), 403, "{origin}");
    }
    assert_eq!(asked("Sec-Fetch-Site: cross-site\r\n"), 403);
    assert_eq!(asked("Sec-Fetch-Site: same-site\r\n"), 403);
    assert_eq!(get(address, "/api/classics", "Sec-Fetch-Site: cross-site\r\n").0, 403);
    // A link leads to the page, and no further.
    assert_eq!(get(address, "/", "Sec-Fetch-Site: cross-site\r\n").0, 200);
    // Forms can send these types without asking first.
    for kind in ["", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"] {
        assert_eq!(post(address, "/api/check", kind, body).0, 415, "{kind}");
    }
}

#[test]
fn every_answer_says_what_a_browser_may_do_with_it() {
    let address = server();
    for path in ["/", "/page.js", "/page.css", "/training.js", "/icon.svg", "/api/classics", "/nothing"] {
        let (_, head, _) = get(address, path, "");
        for header in [
            "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';",
            "frame-ancestors 'none'",
            "X-Content-Type-Options: nosniff",
            "Cross-Origin-Resource-Policy: same-origin",
            "Referrer-Policy: no-referrer",
        ] {
            assert!(head.contains(header), "{path}: {header} is not in {head}");
        }
        assert!(!head.to_ascii_lowercase().contains("access-control-allow"), "{head}");
    }
}

#[test]
fn paths_and_methods_that_are_not_there_are_named() {
    let address = server();
    for path in ["/nothing", "/../Cargo.toml", "/page.css/..", "/%2e%2e/Cargo.toml", "//page.css"] {
        assert_eq!(get(address, path, "").0, 404, "{path}");
    }
    assert_eq!(sent(address, format!("DELETE / HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).0, 405);
    assert_eq!(get(address, "/api/check", "").0, 405);
    let (status, head, body) = sent(address, format!("HEAD / HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes());
    assert!(status == 200 && body.is_empty() && !head.contains("Content-Length: 0"), "{head}");
}

#[test]
fn bodies_that_are_no_question_are_answered_with_what_one_is() {
    let address = server();
    let error = |path: &str, body: &[u8]| {
        let (status, answer) = post(address, path, JSON, body);
        assert_eq!(status, 400, "{answer}");
        answer["error"].as_str().unwrap().to_owned()
    };
    assert!(error("/api/check", b"text").starts_with("the body is no JSON: expected"));
    assert!(error("/api/check", b"\xff\xfe").starts_with("the body is no JSON"));
    assert!(error("/api/check", &[b'['; 100_000]).starts_with("the body is no JSON: recursion"));
    assert_eq!(error("/api/check", b"{}"), r#"check: a request is {"text": "..."}"#);
    assert_eq!(error("/api/check", br#"{"text": "y = 1", "loss": 3}"#), "check: loss is a name, got 3");
    for seconds in ["0", "-1", "1e9", "\"long\""] {
        let body = format!(r#"{{"text": "y = 1", "seconds": {seconds}}}"#);
        assert!(
            error("/api/check", body.as_bytes()).starts_with("check: seconds is a number above 0 and up to 3, got")
        );
    }
    assert!(error("/api/train", br#"{"steps": 1e300}"#).starts_with("train: steps is a number from 1 to 1000"));
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_comes() {
    let address = server();
    for (length, sends) in [(300_000u64, 300_000), (1 << 62, 0), (u64::MAX, 1_000_000)] {
        let head = format!("POST /api/check HTTP/1.1\r\nHost: {address}\r\n{JSON}Content-Length: {length}\r\n\r\n");
        let started = Instant::now();
        assert_eq!(sent(address, &[head.as_bytes(), &vec![b' '; sends]].concat()).0, 413);
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    }
    assert_eq!(get(address, "/", &format!("X: {}\r\n", "a".repeat(20_000))).0, 431);
    assert_eq!(sent(address, &vec![b'a'; 1_000_000]).0, 431);
}

#[test]
fn a_request_that_takes_its_time_is_ended_and_others_are_answered_meanwhile() {
    let address = server();
    let started = Instant::now();
    let slow = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "POST /api/check HTTP/1.1\r\nHost: {address}\r\n{JSON}Content-Length: 1000\r\n\r\n").unwrap();
        // A byte now and then keeps timeouts of single reads from ever passing.
        for _ in 0..80 {
            if stream.write_all(b" ").is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        received(&mut stream).0
    });
    assert_eq!(get(address, "/", "").0, 200);
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(slow.join().unwrap(), 408);
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
}

#[test]
fn bytes_that_are_no_request_are_refused() {
    let address = server();
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..100 {
        let garbage: Vec<u8> = (0..300)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        let (status, ..) = sent(address, &[&garbage[..], b"\r\n\r\n"].concat());
        assert!((400..=431).contains(&status), "{status} for {garbage:?}");
    }
    assert_eq!(get(address, "/", "").0, 200);
}

#[test]
fn more_connections_than_there_are_places_are_refused_and_the_page_comes_back() {
    let address = server();
    let idle: Vec<TcpStream> = (0..64).map(|_| TcpStream::connect(address).unwrap()).collect();
    // Accepted one after the other: once the last of them has its place, the next is refused.
    let refused = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        get(address, "/", "").0 == 503
    });
    assert!(refused);
    drop(idle);
    let back = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        get(address, "/", "").0 == 200
    });
    assert!(back);
}

#[test]
fn many_at_once_are_all_answered() {
    let address = server();
    let answers = std::thread::scope(|scope| {
        let ask = || check(address, "x = 2.0\ny = x**2\n# backward\ndx = 2 * x\n")["verdict"].clone();
        let asking: Vec<_> = (0..40).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(answers.iter().all(|verdict| verdict == "right"), "{answers:?}");
}
