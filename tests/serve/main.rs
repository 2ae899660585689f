//! The page and its server: what the server refuses and bounds, over plain sockets, and the page in a browser.

mod bounds;
mod browser;
mod page;

use retrograd::serve::Server;
use std::net::SocketAddr;

/// A server of this test's own, which goes with the process.
fn server() -> SocketAddr {
    let server = Server::bind(0).unwrap();
    let address = server.address();
    std::thread::spawn(move || server.run());
    address
}
