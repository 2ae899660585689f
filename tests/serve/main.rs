//! The page and its server: what the server refuses and bounds, over plain sockets, and the page in a browser.

mod asked;
mod bounds;
mod browser;
mod page;
mod program;

use retrograd::serve::Server;
use std::net::SocketAddr;

/// A server of this test's own, which goes with the process.
fn server() -> SocketAddr {
    let server = Server::bind(0).unwrap();
    let address = server.address();
    std::thread::spawn(move || server.run());
    address
}

#[test]
fn every_file_of_the_fuzz_corpus_is_answered() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/serve");
    if !folder.exists() {
        println!("no corpus: it is no part of the package");
        return;
    }
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 10);
    files.iter().for_each(|file| asked::asked(&std::fs::read(file).unwrap()));
}
