//! What the fuzz target of the server does with its bytes; the suite reads the target's corpus in the same way.

use retrograd::serve::{Request, Response, answer};
use serde_json::{Value, json};

/// The largest answer there may be: of the page itself, its classics, a graph of the most nodes that are drawn, a run of training.
const LARGEST: usize = 4 << 20;

/// Bytes that begin like a request are one; those that begin with `{` are the body of one, others a text to judge.
pub fn asked(bytes: &[u8]) {
    match bytes {
        [b'{', ..] => {
            for path in ["/api/check", "/api/train"] {
                sound(&answered(&posted(path, bytes)));
            }
        }
        [b'A'..=b'Z', b'A'..=b'Z', b'A'..=b'Z', ..] => match Request::read(&mut &bytes[..]) {
            Ok(request) => sound(&answer(&request, 8000)),
            Err(Some(refusal)) => sound(&refusal),
            Err(None) => assert!(bytes.is_empty(), "only silence has no answer"),
        },
        text => {
            let text = String::from_utf8_lossy(text);
            let response = answered(&posted("/api/check", json!({ "text": text }).to_string().as_bytes()));
            assert_eq!(response.status, 200);
            sound(&response);
        }
    }
}

/// A request of the page's own.
fn posted(path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nOrigin: http://127.0.0.1:8000\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn answered(bytes: &[u8]) -> Response {
    match Request::read(&mut &bytes[..]) {
        Ok(request) => answer(&request, 8000),
        Err(refusal) => refusal.expect("something was asked"),
    }
}

/// An answer is of a known kind, JSON where it says so, and no larger than a page may take.
fn sound(response: &Response) {
    assert!(
        matches!(response.status, 200 | 400 | 403 | 404 | 405 | 413 | 415 | 421 | 431 | 501 | 505),
        "{}",
        response.status
    );
    assert!(response.body.len() <= LARGEST, "an answer of {} bytes", response.body.len());
    if response.content_type == "application/json" {
        let said: Value = serde_json::from_slice(&response.body).expect("JSON");
        assert!(response.status == 200 || said["error"].is_string(), "{said}");
    }
}
