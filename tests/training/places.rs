//! Places that are no ordinary files, disks that are full, writers that meet or are killed: no half-written file, the old one
//! kept, nothing left behind, and nothing that hangs.

use retrograd::Tensor;
use retrograd::data::{Csv, read_idx, synthetic};
use retrograd::nn::{Mlp, Model};
use retrograd::optim::Sgd;
use retrograd::plot::Report;
use retrograd::store::{self, write_atomically};
use retrograd::train::{Checkpoint, Trainer};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const FOLDER: &str = "RETROGRAD_TEST_PLACES";

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The result, unless it takes so long that it hangs.
fn in_time<R: Send + 'static>(what: &str, run: impl FnOnce() -> R + Send + 'static) -> R {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(run()));
    receiver.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// Everything that reads a file, with what it says of this one.
fn read_by_all(path: &Path) -> Vec<String> {
    let path = path.to_owned();
    in_time("reading", move || {
        let checkpoint = Checkpoint::at(&path).resume();
        let data = synthetic::xor::<f32>();
        let mut model = Mlp::new(2).dense(2).build::<f32>(0).unwrap();
        let weights = model.load_weights(&path).err();
        let errors = [
            store::read(&path).err(),
            Model::<f32>::load(&path).err(),
            weights,
            read_idx(&path).err(),
            Csv::new().target(0).read_path::<f32>(&path).err(),
            Trainer::new(Sgd::new(0.1)).batch(4).checkpoint(checkpoint).fit(&mut model, &data).err(),
        ];
        errors.map(|error| error.expect("read").to_string()).to_vec()
    })
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_by_every_reader_and_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    make_pipe(&pipe);
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let places = [
        (folder.path(), "directory"),
        (&pipe, "a pipe"),
        (&socket, "a socket"),
        (Path::new("/dev/zero"), "a device"),
        (Path::new("/dev/random"), "a device"),
        (Path::new("/dev/null"), "a device"),
    ];
    for (place, what) in places {
        for error in read_by_all(place) {
            assert!(error.contains(what) && error.contains(&place.display().to_string()), "{what}: {error}");
        }
    }
    assert_eq!(names(folder.path()), ["pipe", "socket"]);
}

/// A terabyte that takes no room on the disk: what the header claims is compared before memory is taken.
#[cfg(target_os = "linux")]
#[test]
fn a_file_of_a_terabyte_of_nothing_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    for stated in [0u64, 3, 1 << 39, u64::MAX] {
        std::fs::write(&path, stated.to_le_bytes()).unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
        let started = Instant::now();
        assert!(store::read(&path).err().unwrap().is_io());
        // More than memory holds, whoever reads it.
        assert!(read_idx(&path).unwrap_err().is_io());
        assert!(Csv::new().target(0).read_path::<f32>(&path).unwrap_err().is_io());
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_that_is_open_already_is_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.safetensors");
    let tensor = Tensor::from([1.0, 2.0, 3.0]);
    store::write(&path, [("a", &tensor)]).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let child = |input: Stdio, output: Stdio, which: &str| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "places::piped_entry", "--nocapture"])
            .env(FOLDER, which)
            .stdin(input)
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut reader = child(Stdio::piped(), Stdio::null(), "read");
    std::io::Write::write_all(&mut reader.stdin.take().unwrap(), &whole).unwrap();
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = child(Stdio::null(), Stdio::piped(), "write").wait_with_output().unwrap();
    assert!(output.stdout.windows(whole.len()).any(|window| window == whole), "{} bytes", output.stdout.len());
}

/// What the child runs whose standard input or output is a pipe.
#[cfg(unix)]
#[test]
fn piped_entry() {
    let tensor = Tensor::from([1.0, 2.0, 3.0]);
    match std::env::var(FOLDER).as_deref() {
        Ok("read") => assert_eq!(store::read("/dev/stdin").unwrap().tensor::<f64>("a").unwrap(), tensor),
        Ok("write") => store::write("/dev/stdout", [("a", &tensor)]).unwrap(),
        _ => {}
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_to_is_named_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    make_pipe(&pipe);
    let cases = [
        (pipe.as_path(), "it is a pipe, which waits for another program"),
        (folder.path(), "it is a directory"),
        (Path::new("/dev/full"), "the disk is full"),
    ];
    for (place, why) in cases {
        let save = place.to_owned();
        let error = in_time("writing", move || Mlp::new(2).dense(2).build::<f32>(0).unwrap().save(save).unwrap_err());
        assert!(error.to_string().contains(why) && error.is_io(), "{error}");
    }
    assert_eq!(names(folder.path()), ["pipe"]);
}

#[test]
fn writers_at_once_leave_one_whole_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.bin");
    let content = |writer: u8| vec![writer; 200_000 + usize::from(writer)];
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let path = &path;
            scope.spawn(move || (0..20).for_each(|_| write_atomically(path, &content(writer)).unwrap()));
        }
        for _ in 0..200 {
            let Ok(bytes) = std::fs::read(&path) else { continue };
            assert_eq!(bytes, content(bytes[0]));
        }
    });
    assert_eq!(names(folder.path()), ["m.bin"]);
}

/// A report of a megabyte.
fn page(letter: &str) -> Report {
    Report::new("killed").table("", [("", letter.repeat(1 << 20))])
}

/// What the child runs that is killed while it writes.
#[test]
fn writing_entry() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    if !Path::new(&folder).is_dir() {
        return;
    }
    let path = |name: &str| Path::new(&folder).join(name);
    let big = |seed| Mlp::new(300).dense(400).relu().dense(300).build::<f32>(seed).unwrap();
    let models = [big(0), big(1)];
    let pages = ["a", "b"].map(page);
    std::fs::write(path("begun"), "").unwrap();
    for round in 0.. {
        models[round % 2].save(path("m.safetensors")).unwrap();
        pages[round % 2].save(path("report.html")).unwrap();
    }
}

#[test]
fn a_writer_that_is_killed_leaves_whole_files_and_the_next_one_removes_what_it_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut left = 0;
    // On a machine with other work, kills may miss for a while.
    for round in 0..300 {
        if round >= 15 && left > 0 {
            break;
        }
        let _ = std::fs::remove_file(folder.path().join("begun"));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "places::writing_entry"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !folder.path().join("begun").exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(round % 15 * 7));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = names(folder.path());
        left += found.iter().filter(|name| name.ends_with(".tmp")).count();
        if found.iter().any(|name| name == "m.safetensors") {
            Model::<f32>::load(folder.path().join("m.safetensors")).unwrap();
        }
        if let Ok(found) = std::fs::read_to_string(folder.path().join("report.html")) {
            assert!(["a", "b"].iter().any(|letter| found == page(letter).html()), "half a report");
        }
    }
    assert!(left > 0, "no kill hit a writer");
    write_atomically(folder.path().join("report.html"), b"done").unwrap();
    assert_eq!(names(folder.path()), ["begun", "m.safetensors", "report.html"]);
}
