//! The commands: `serve` prints where it listens, `page` writes a file.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_retrograd");
const CLASSIC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/classics/columns_printed_dw1.py");

#[test]
fn serve_prints_its_address_and_answers_there() {
    let mut process = Command::new(PROGRAM).arg("serve").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{line}");
    let answered = (|| {
        let mut stream = TcpStream::connect(&address)?;
        write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    })();
    let taken = Command::new(PROGRAM).args(["serve", "--port", address.split(':').nth(1).unwrap()]).output();
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(answered.unwrap().starts_with("HTTP/1.1 200 OK"));
    let taken = taken.unwrap();
    assert_eq!(taken.status.code(), Some(1));
    assert!(String::from_utf8(taken.stderr).unwrap().contains("serve: port "));
}

#[test]
fn page_writes_what_the_served_one_shows() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("columns.html");
    let run = |file: &str| Command::new(PROGRAM).arg("page").arg(&out).arg(file).output().unwrap();
    assert!(run(CLASSIC).status.success());
    let page = std::fs::read_to_string(&out).unwrap();
    let said = page.split("id=\"analysis\">").nth(1).and_then(|rest| rest.split("</script>").next()).unwrap();
    let said: serde_json::Value = serde_json::from_str(said).unwrap();
    assert_eq!(said["text"], std::fs::read_to_string(CLASSIC).unwrap());
    assert_eq!((&said["analysis"]["verdict"], &said["analysis"]["first_wrong_line"]), (&"wrong".into(), &24.into()));
    assert!(!page.contains("http-equiv=\"refresh\"") && !page.contains("src=") && !page.contains("href="));
    let broken = folder.path().join("broken.py");
    std::fs::write(&broken, "x = = 3\n").unwrap();
    let refused = run(broken.to_str().unwrap());
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("broken.py: line 1, column 5"));
}
