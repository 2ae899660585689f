//! As much of HTTP/1.1 as a page on this machine needs: one request and one answer for each connection.
//!
//! Reads from anything that reads, so that tests and the fuzz target hand it bytes. Every length is checked before memory is taken: a
//! head or a body beyond its limit is refused as soon as that is known. Bodies have a `Content-Length`; chunks, continuations and
//! what proxies disagree about (a length or a host given twice, a line folded over two) are refused and not guessed at.
//! In place of a crate: those that are light have no limit on the time of a request.
//!
//! Source: RFC 9112, HTTP/1.1, 2022.

use std::borrow::Cow;
use std::io::{ErrorKind, Read, Write};

/// The longest head: the request's line and its headers.
pub const LONGEST_HEAD: usize = 8 << 10;
/// The longest body.
pub const LONGEST_BODY: usize = 256 << 10;

/// What a browser asks for.
///
/// # Examples
/// ```
/// use retrograd::serve::Request;
/// let bytes = b"POST /api/check?quick HTTP/1.1\r\nHost: localhost:80\r\nContent-Length: 2\r\n\r\n{}";
/// let request = Request::read(&mut &bytes[..]).unwrap();
/// assert_eq!((&request.method[..], &request.path[..], &request.body[..]), ("POST", "/api/check", &b"{}"[..]));
/// assert_eq!(request.header("host"), Some("localhost:80"));
/// // What is no request has the answer to it in place.
/// assert_eq!(Request::read(&mut &b"hello\r\n\r\n"[..]).unwrap_err().map(|answer| answer.status), Some(400));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` or another one.
    pub method: String,
    /// What is asked for, without what stands behind a `?`.
    pub path: String,
    headers: Vec<(String, String)>,
    /// What came with it.
    pub body: Vec<u8>,
}

/// What is answered.
///
/// # Examples
/// ```
/// use retrograd::serve::Response;
/// let mut sent = Vec::new();
/// Response::refused(404, "there is no /secret here").write(&mut sent, true).unwrap();
/// let sent = String::from_utf8(sent).unwrap();
/// assert!(sent.starts_with("HTTP/1.1 404 Not Found\r\n") && sent.contains("default-src 'none'"));
/// assert!(sent.ends_with(r#"{"error":"there is no /secret here"}"#));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 200 where all is well.
    pub status: u16,
    /// What the body is.
    pub content_type: &'static str,
    /// What is sent.
    pub body: Cow<'static, [u8]>,
}

/// Of every answer. Scripts, styles and requests are the page's own; nothing is loaded from elsewhere, no other page may frame or read it.
const HEADERS: &str = "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
    X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\nCross-Origin-Opener-Policy: same-origin\r\nCache-Control: no-store\r\nConnection: close\r\n";

impl Request {
    /// Reads one request.
    ///
    /// # Errors
    /// The answer to what is no request or too long, or to one that took too long; none where nothing came or the connection broke.
    pub fn read(from: &mut impl Read) -> Result<Self, Option<Response>> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 2048];
        let head = loop {
            let searched = bytes.len().saturating_sub(3);
            let n = read_some(from, &mut chunk, bytes.is_empty())?;
            if n == 0 && bytes.is_empty() {
                return Err(None);
            }
            bytes.extend_from_slice(&chunk[..n]);
            if let Some(at) = bytes[searched..].windows(4).position(|end| end == b"\r\n\r\n") {
                break searched + at;
            }
            if bytes.len() > LONGEST_HEAD {
                return refuse(431, format!("the head of a request has at most {LONGEST_HEAD} bytes"));
            }
            if n == 0 {
                return refuse(400, "the request ends before its head does");
            }
        };
        if head > LONGEST_HEAD {
            return refuse(431, format!("the head of a request has at most {LONGEST_HEAD} bytes"));
        }
        let mut body = bytes.split_off(head + 4);
        let mut request = Self::of_head(&bytes[..head])?;
        let length = request.length()?;
        if body.len() > length {
            return refuse(400, "there is more than the length that is stated; one connection is for one request");
        }
        while body.len() < length {
            let n = read_some(from, &mut chunk, false)?;
            if n == 0 || body.len() + n > length {
                return refuse(
                    400,
                    format!("the body has {} bytes, and its stated length is {length}", body.len() + n),
                );
            }
            body.extend_from_slice(&chunk[..n]);
        }
        request.body = body;
        Ok(request)
    }

    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &value[..])
    }

    fn of_head(head: &[u8]) -> Result<Self, Option<Response>> {
        let is_text = |&byte: &u8| matches!(byte, b'\r' | b'\n' | b'\t' | b' '..=b'~');
        let Some(text) = head.iter().all(is_text).then(|| std::str::from_utf8(head).ok()).flatten() else {
            return refuse(400, "the head of a request is printable ASCII");
        };
        let mut lines = text.split("\r\n");
        let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
        let [method, target, version] = words[..] else {
            return refuse(400, "a request begins with a method, a path and a version");
        };
        if !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
            return refuse(505, "this is a server of HTTP/1.1");
        }
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) || !target.starts_with('/') {
            return refuse(400, "a request is for a path that begins with /");
        }
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            let Some((name, value)) = line.split_once(':') else {
                return refuse(400, "a header is a name, a colon and a value");
            };
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
                return refuse(400, "a header's name has letters, digits, - and _");
            }
            if value.contains(['\r', '\n']) {
                return refuse(400, "lines end with a carriage return and a line feed");
            }
            let name = name.to_ascii_lowercase();
            if headers.iter().any(|(known, _)| *known == name)
                && matches!(&name[..], "host" | "content-length" | "origin" | "content-type")
            {
                return refuse(400, format!("{name} is given twice"));
            }
            headers.push((name, value.trim().to_owned()));
        }
        let path = target.split(['?', '#']).next().unwrap_or_default().to_owned();
        Ok(Self { method: method.to_owned(), path, headers, body: Vec::new() })
    }

    /// How long the body is.
    fn length(&self) -> Result<usize, Option<Response>> {
        if self.header("transfer-encoding").is_some() {
            return refuse(501, "a body comes in one piece, with its length");
        }
        let Some(stated) = self.header("content-length") else { return Ok(0) };
        if stated.is_empty() || !stated.bytes().all(|byte| byte.is_ascii_digit()) {
            return refuse(400, format!("a length is a whole number, got {stated:?}"));
        }
        match stated.parse() {
            Ok(length) if length <= LONGEST_BODY => Ok(length),
            _ => refuse(413, format!("a text has at most {LONGEST_BODY} bytes, got {stated}")),
        }
    }
}

impl Response {
    /// An answer that all is well.
    pub fn fine(content_type: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { status: 200, content_type, body: body.into() }
    }

    /// An answer in JSON.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::fine("application/json", value.to_string().into_bytes())
    }

    /// An answer that says what is wrong with the request, as JSON with an `error`.
    pub fn refused(status: u16, message: impl Into<String>) -> Self {
        Self { status, ..Self::json(&serde_json::json!({ "error": message.into() })) }
    }

    /// Sends it, with or without its body.
    ///
    /// # Errors
    /// What writing says.
    pub fn write(&self, to: &mut impl Write, with_body: bool) -> std::io::Result<()> {
        let head = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{HEADERS}\r\n",
            self.status,
            reason(self.status),
            self.content_type,
            self.body.len()
        );
        to.write_all(head.as_bytes())?;
        if with_body {
            to.write_all(&self.body)?;
        }
        to.flush()
    }
}

fn refuse<T>(status: u16, message: impl Into<String>) -> Result<T, Option<Response>> {
    Err(Some(Response::refused(status, message)))
}

/// Some bytes; 0 at the end.
fn read_some(from: &mut impl Read, into: &mut [u8], is_first: bool) -> Result<usize, Option<Response>> {
    loop {
        match from.read(into) {
            Ok(n) => return Ok(n),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Browsers open connections that they may need later; nobody waits for an answer there.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) && !is_first => {
                return refuse(408, "the request took too long to arrive");
            }
            Err(_) => return Err(None),
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        421 => "Misdirected Request",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(bytes: &[u8]) -> Option<u16> {
        Request::read(&mut &bytes[..]).err().flatten().map(|answer| answer.status)
    }

    #[test]
    fn what_is_no_request_is_refused_by_what_is_wrong_with_it() {
        let with = |header: &str| status(format!("GET / HTTP/1.1\r\n{header}\r\n\r\n").as_bytes());
        assert_eq!(with("Host: a"), None);
        assert_eq!(with("Host: a\r\nHost: a"), Some(400));
        assert_eq!(with("Host : a"), Some(400));
        assert_eq!(with("Host: a\r\n folded: b"), Some(400));
        assert_eq!(with("Host: a\nb: c"), Some(400));
        assert_eq!(with("Content-Length: +2"), Some(400));
        assert_eq!(with("Content-Length: 2"), Some(400));
        assert_eq!(with(&format!("Content-Length: {}", LONGEST_BODY + 1)), Some(413));
        assert_eq!(with("Content-Length: 99999999999999999999999999"), Some(413));
        assert_eq!(with("Transfer-Encoding: chunked"), Some(501));
        assert_eq!(with(&"a: b\r\n".repeat(2000)), Some(431));
        assert_eq!(with("Host: \u{e9}"), Some(400));
        for bytes in [
            &b"GET / HTTP/2\r\n\r\n"[..],
            b"GET http://elsewhere/ HTTP/1.1\r\n\r\n",
            b"GET /\r\n\r\n",
            b"\r\n\r\n",
            b"\0\0\0\0\r\n\r\n",
        ] {
            assert!(matches!(status(bytes), Some(400 | 505)), "{bytes:?}");
        }
        assert_eq!(status(b"GET / HTTP/1.1\r\n\r\nmore"), Some(400));
        assert_eq!(status(&[b'a'; LONGEST_HEAD + 1]), Some(431));
        assert_eq!(Request::read(&mut &b""[..]), Err(None));
    }

    #[test]
    fn a_request_arrives_in_pieces_of_any_size() {
        /// One byte at a time.
        struct Slowly<'a>(&'a [u8]);
        impl Read for Slowly<'_> {
            fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
                self.0.read(&mut into[..1])
            }
        }
        let bytes = b"POST /a?b HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
        let slowly = Request::read(&mut Slowly(bytes)).unwrap();
        assert_eq!(slowly, Request::read(&mut &bytes[..]).unwrap());
        assert_eq!((&slowly.path[..], &slowly.body[..]), ("/a", &b"hello"[..]));
    }
}
