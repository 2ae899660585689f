//! What is answered to a request: a function of its bytes and of the server's port.

use super::training;
use super::{Request, Response};
use crate::text::page;
use crate::text::{CheckOptions, Options};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// How long a text may run at most, in seconds.
const RUN: f64 = 3.0;
/// Its steps, and the elements that it makes: 32 MiB of them.
const STEPS: usize = 2_000_000;
const ELEMENTS: usize = 1 << 22;

/// The answer of the server of this port.
///
/// # Examples
/// ```
/// use retrograd::serve::{Request, answer};
/// let asked = |host: &str| {
///     let text = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
///     answer(&Request::read(&mut text.as_bytes()).unwrap(), 8000).status
/// };
/// assert_eq!((asked("127.0.0.1:8000"), asked("localhost:8000")), (200, 200));
/// // A name that somebody has lead to 127.0.0.1, and another server's.
/// assert_eq!((asked("evil.example:8000"), asked("127.0.0.1:8001")), (421, 421));
/// ```
pub fn answer(request: &Request, port: u16) -> Response {
    answer_while(request, port, Arc::new(|| true))
}

/// Says whether somebody still waits for the answer.
pub(super) type Waiting = Arc<dyn Fn() -> bool + Send + Sync>;

/// The same, given up where nobody waits for it any more.
pub(super) fn answer_while(request: &Request, port: u16, waiting: Waiting) -> Response {
    if let Some(refusal) = foreign(request, port) {
        return refusal;
    }
    match (&request.method[..], &request.path[..]) {
        ("GET" | "HEAD", "/") => Response::fine(HTML, page::live().into_bytes()),
        ("GET" | "HEAD", "/page.css") => Response::fine(CSS, page::STYLE.as_bytes()),
        ("GET" | "HEAD", "/page.js") => Response::fine(SCRIPT, page::SCRIPT.as_bytes()),
        ("GET" | "HEAD", "/training.js") => Response::fine(SCRIPT, page::TRAINING.as_bytes()),
        ("GET" | "HEAD", "/icon.svg") => Response::fine("image/svg+xml", page::ICON.as_bytes()),
        ("GET" | "HEAD", "/api/classics") => Response::json(&page::classics()),
        ("POST", "/api/check") => asked(request, |body| check(body, waiting)),
        ("POST", "/api/train") => asked(request, training::train),
        (_, "/" | "/page.css" | "/page.js" | "/training.js" | "/icon.svg" | "/api/classics") => {
            Response::refused(405, format!("{} is there for GET", request.path))
        }
        (_, "/api/check" | "/api/train") => Response::refused(405, format!("{} is there for POST", request.path)),
        (_, path) => Response::refused(404, format!("there is no {path:?} here; the page is at /")),
    }
}

/// The refusal of what another page or another name asks for.
fn foreign(request: &Request, port: u16) -> Option<Response> {
    let ours = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let host = request.header("host");
    if !host.is_some_and(|host| ours.iter().any(|our| our.eq_ignore_ascii_case(host))) {
        return Some(Response::refused(421, format!("this is the server of {}", ours.join(" and "))));
    }
    let is_ours = |origin: &str| origin.strip_prefix("http://").is_some_and(|origin| host == Some(origin));
    if request.header("origin").is_some_and(|origin| !is_ours(origin)) {
        return Some(Response::refused(403, "another page asks; only this server's own may"));
    }
    // A link on another page may lead to this one, and no more.
    let site = request.header("sec-fetch-site").unwrap_or("none");
    if !matches!(site, "same-origin" | "none") && request.path != "/" {
        return Some(Response::refused(403, "another page asks; only this server's own may"));
    }
    None
}

/// What a request in JSON is answered. Its type is asked for, because forms of other pages cannot send it.
fn asked(request: &Request, work: impl FnOnce(&Value) -> Result<Value, String>) -> Response {
    let kind = request.header("content-type").unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return Response::refused(415, "a request has the type application/json");
    }
    let body: Value = match serde_json::from_slice(&request.body) {
        Ok(body) => body,
        Err(error) => return Response::refused(400, format!("the body is no JSON: {error}")),
    };
    match work(&body) {
        Ok(answer) => Response::json(&answer),
        Err(message) => Response::refused(400, message),
    }
}

/// What a text of the page may do. No file is opened.
fn bounds() -> Options {
    Options { steps: STEPS, elements: ELEMENTS, ..Options::default() }
}

/// What there is to say of a text: `{"text": ..., "loss": name or null, "seconds": number or null}`. Where the time was not enough for all
/// of it, the answer's `is_late` is true.
fn check(body: &Value, waiting: Waiting) -> Result<Value, String> {
    let text = body["text"].as_str().ok_or(r#"check: a request is {"text": "..."}"#)?;
    let loss = match &body["loss"] {
        Value::Null => None,
        Value::String(name) => Some(name.clone()),
        other => return Err(format!("check: loss is a name, got {other}")),
    };
    let seconds = match &body["seconds"] {
        Value::Null => RUN,
        given => given
            .as_f64()
            .filter(|seconds| *seconds > 0.0 && *seconds <= RUN)
            .ok_or_else(|| format!("check: seconds is a number above 0 and up to {RUN}, got {given}"))?,
    };
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let is_late = Arc::new(AtomicBool::new(false));
    let noted = is_late.clone();
    let stop = move || {
        let stops = Instant::now() > until || !waiting();
        noted.fetch_or(stops, Ordering::Relaxed);
        stops
    };
    let run = Options { stop: Some(Arc::new(stop)), ..bounds() };
    let mut said = page::analysis(text, &CheckOptions { run, loss });
    said["is_late"] = is_late.load(Ordering::Relaxed).into();
    Ok(said)
}
