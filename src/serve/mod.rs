//! The page: a server on this machine alone, which differentiates, draws and judges what is typed.
//!
//! Owns sockets, threads and time; what is answered is a function of the request ([`answer`]), and what is said of a text is
//! [`text::page`](crate::text::page)'s. It listens on 127.0.0.1 and reads and writes no files: a text that loads one has an error there.
//!
//! **Invariants.** A request is answered where its `Host` is this server, so that no foreign name that resolves to 127.0.0.1 reads anything,
//! and where its `Origin`, if it has one, is this page. What a request may take is bounded: bytes, seconds to arrive and to be sent, seconds,
//! steps and elements of a run, connections, and runs at once.
//!
//! # Examples
//! ```no_run
//! let server = retrograd::serve::Server::bind(0)?;
//! println!("{}", server.url());
//! server.run()?;
//! # Ok::<(), retrograd::Error>(())
//! ```

mod answer;
mod http;
mod training;

pub use answer::answer;
pub use http::{LONGEST_BODY, LONGEST_HEAD, Request, Response};

use crate::error::{Error, Result};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Seconds for a request to arrive, and as many for its answer to leave.
const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds to wait for a place among the runs.
const QUEUE: Duration = Duration::from_secs(10);
/// Connections at once.
const CONNECTIONS: usize = 64;
/// Of a thread that runs a text, whose blocks and calls nest.
const STACK: usize = 16 << 20;

/// The server of the page.
///
/// # Examples
/// ```
/// use std::io::{Read, Write};
/// let server = retrograd::serve::Server::bind(0)?;
/// let (address, url) = (server.address(), server.url());
/// assert!(address.ip().is_loopback() && url == format!("http://127.0.0.1:{}/", address.port()));
/// std::thread::spawn(move || server.run());
/// let mut page = std::net::TcpStream::connect(address)?;
/// write!(page, "GET / HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
/// let mut answer = String::new();
/// page.read_to_string(&mut answer)?;
/// assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("<!DOCTYPE html>"));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// A server on this port of 127.0.0.1; 0 takes a free one.
    ///
    /// # Errors
    /// The port is taken, or not this user's to take.
    pub fn bind(port: u16) -> Result<Self> {
        let refused = |error: io::Error| Error::io(format!("serve: port {port} of 127.0.0.1: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to open in a browser.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Answers until the process ends.
    ///
    /// # Errors
    /// The system takes the socket away.
    pub fn run(self) -> Result<()> {
        let shared = Arc::new(Shared::new(self.address.port()));
        for stream in self.listener.incoming() {
            let stream = match stream {
                Ok(stream) => stream,
                // Of this one connection, or for want of descriptors, which others give back.
                Err(error) if error.raw_os_error() == Some(EBADF) => return Err(Error::io(format!("serve: {error}"))),
                Err(_) => {
                    std::thread::sleep(Duration::from_millis(20));
                    continue;
                }
            };
            let Some(place) = Place::take(&shared) else {
                refuse(stream);
                continue;
            };
            // Where no thread is to be had the connection is closed, and the next one tried.
            let _ = std::thread::Builder::new().stack_size(STACK).spawn(move || converse(stream, &place.0));
        }
        Ok(())
    }
}

/// The one error of `accept` that does not pass.
const EBADF: i32 = 9;

/// What all connections share.
struct Shared {
    port: u16,
    connections: AtomicUsize,
    /// How many more runs may begin now.
    free: Mutex<usize>,
    freed: Condvar,
}

impl Shared {
    fn new(port: u16) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { port, connections: AtomicUsize::new(0), free: Mutex::new(cores.clamp(2, 8)), freed: Condvar::new() }
    }

    /// Waits for a place among the runs; none where that takes too long.
    fn slot(&self) -> Option<Slot<'_>> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.freed.wait_timeout_while(free, QUEUE, |free| *free == 0);
        let (mut free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(1)?;
        Some(Slot(self))
    }
}

/// A place among the runs, given back at its end, be it a panic.
struct Slot<'a>(&'a Shared);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

/// A place among the connections.
struct Place(Arc<Shared>);

impl Place {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        let place = Self(shared.clone());
        (shared.connections.fetch_add(1, Ordering::Relaxed) < CONNECTIONS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads a request and answers it.
fn converse(stream: TcpStream, shared: &Shared) {
    let mut stream = Timed { stream, until: Instant::now() + PATIENCE };
    let (response, with_body, is_whole) = match Request::read(&mut stream) {
        Ok(request) => (answered(&request, &stream.stream, shared), request.method != "HEAD", true),
        Err(Some(refusal)) => (refusal, true, false),
        Err(None) => return,
    };
    stream.until = Instant::now() + PATIENCE;
    // Whoever left before the answer came has no use for the error.
    if response.write(&mut stream, with_body).is_ok() {
        stream.end(is_whole);
    }
}

/// The answer; what is asked of the engine waits for its turn, and ends where nobody waits for it any more.
fn answered(request: &Request, stream: &TcpStream, shared: &Shared) -> Response {
    if request.method != "POST" {
        return answer(request, shared.port);
    }
    let Some(_slot) = shared.slot() else { return Response::refused(503, "too much runs at once; try again") };
    match stream.try_clone().and_then(|watched| watched.set_nonblocking(true).map(|()| watched)) {
        Ok(watched) => {
            let response = answer::answer_while(request, shared.port, Arc::new(move || is_open(&watched)));
            match stream.set_nonblocking(false) {
                Ok(()) => response,
                Err(error) => Response::refused(500, error.to_string()),
            }
        }
        Err(_) => answer(request, shared.port),
    }
}

/// Whether a connection is not yet closed from the other side: a page that asks anew closes the one before.
fn is_open(stream: &TcpStream) -> bool {
    match stream.peek(&mut [0]) {
        Ok(n) => n > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

/// More connections than there are places.
fn refuse(stream: TcpStream) {
    let mut stream = Timed { stream, until: Instant::now() + Duration::from_millis(50) };
    if Response::refused(503, "too many connections at once; try again").write(&mut stream, true).is_ok() {
        stream.end(true);
    }
}

/// A connection with an end in time. Timeouts of the system's begin anew with every byte.
struct Timed {
    stream: TcpStream,
    until: Instant,
}

impl Timed {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    /// Closes it. Where more is on its way that nobody reads, closing at once would take the answer back on its way.
    fn end(mut self, is_whole: bool) {
        let _ = self.stream.shutdown(Shutdown::Write);
        if is_whole {
            return;
        }
        self.until = Instant::now() + Duration::from_millis(500);
        let mut chunk = [0; 4096];
        for _ in 0..256 {
            if !matches!(self.read(&mut chunk), Ok(1..)) {
                return;
            }
        }
    }
}

impl Read for Timed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(into)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_connection_is_open_until_the_other_side_closes_it() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let page = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        assert!(is_open(&stream));
        drop(page);
        let closes = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(5));
            !is_open(&stream)
        });
        assert!(closes);
    }

    #[test]
    fn what_nobody_waits_for_is_given_up() {
        let text = include_str!("../../examples/classics/lstm_cell_wrong_cell.py");
        let body = json!({ "text": text }).to_string();
        let request = format!(
            "POST /api/check HTTP/1.1\r\nHost: localhost:80\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let request = Request::read(&mut request.as_bytes()).unwrap();
        let said = |waits: bool| -> Value {
            let response = answer::answer_while(&request, 80, Arc::new(move || waits));
            serde_json::from_slice(&response.body).unwrap()
        };
        assert_eq!(said(true)["verdict"], "wrong");
        let given_up = said(false);
        assert_eq!(given_up["verdict"], Value::Null);
        let why = given_up["error"]["message"].as_str().or(given_up["reason"].as_str());
        assert!(why.unwrap().ends_with("takes longer than it may"), "{given_up}");
    }
}
