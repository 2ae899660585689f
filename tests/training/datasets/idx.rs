//! IDX files: what is read, and what is refused.

use super::{gzip, message};
use retrograd::data::{Dataset, Order, mnist, read_idx};
use std::fs;
use std::path::{Path, PathBuf};

fn idx(dims: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    dims.iter().for_each(|n| bytes.extend(n.to_be_bytes()));
    bytes.extend(data);
    bytes
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn images_and_labels_are_read_plain_and_gzip() {
    let folder = tempfile::tempdir().unwrap();
    let images = idx(&[3, 1, 2], &[0, 255, 51, 102, 1, 2]);
    let labels = idx(&[3], &[4, 0, 1]);
    let plain = [write(folder.path(), "i", &images), write(folder.path(), "l", &labels)];
    let packed = [write(folder.path(), "ip", &gzip(&images)), write(folder.path(), "lp", &gzip(&labels))];
    assert_eq!(read_idx(&packed[0]).unwrap(), read_idx(&plain[0]).unwrap());
    assert_eq!(read_idx(&plain[0]).unwrap().dims, [3, 1, 2]);
    for [images, labels] in [plain, packed] {
        let data = Dataset::<f64>::idx(images, labels).unwrap();
        assert_eq!(data.inputs().shape().dims(), [3, 2]);
        assert_eq!(data.inputs().to_vec(), [0.0, 1.0, 0.2, 0.4, 1.0 / 255.0, 2.0 / 255.0]);
        assert_eq!((data.labels().unwrap(), data.n_classes()), (&[4, 0, 1][..], 5));
        // A saved model takes raw pixels.
        let raw = data.preprocessing().encode_rows::<f64, _, _>(&[["0", "255"], ["51", "102"]]).unwrap();
        assert_eq!(raw.to_vec(), [0.0, 1.0, 0.2, 0.4]);
    }
}

#[test]
fn files_that_are_not_idx_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let read = |bytes: &[u8]| message(read_idx(write(folder.path(), "file", bytes)));
    let name = folder.path().join("file").display().to_string();
    assert_eq!(
        read(b"\x89PNG\r\n"),
        format!("idx: {name}: begins with the bytes [89 50 4e 47], not as IDX does: 00 00 08 and the number of axes")
    );
    assert_eq!(
        read(b""),
        format!("idx: {name}: begins with the bytes [], not as IDX does: 00 00 08 and the number of axes")
    );
    assert!(read(&[0, 0, 8, 0]).contains("not as IDX does"));
    assert_eq!(
        read(&[0, 0, 13, 1, 0, 0, 0, 0]),
        format!("idx: {name}: elements of type 0x0d; only unsigned bytes (0x08) are read")
    );
    assert_eq!(
        read(&idx(&[3, 2], &[])[..7]),
        format!("idx: {name}: ends inside the lengths of its 2 axes: the file is truncated")
    );
    assert_eq!(
        read(&idx(&[3, 2], &[1, 2, 3])),
        format!("idx: {name}: lengths [3, 2] do not go with 3 elements: the file is truncated")
    );
    assert_eq!(
        read(&idx(&[2], &[1, 2, 3])),
        format!("idx: {name}: lengths [2] do not go with 3 elements: the file goes on after its end")
    );
    // A product beyond any file, and beyond 64 bits.
    assert!(read(&idx(&[u32::MAX; 3], &[1])).contains("is too large"));
    let packed = gzip(&idx(&[3], &[1, 2, 3]));
    assert!(read(&packed[..packed.len() - 9]).contains("the gzip data ends too early"));
    assert_eq!(
        message(read_idx(folder.path())),
        format!("idx: {} is a directory; name a file in it", folder.path().display())
    );
}

#[test]
fn images_and_labels_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let images = write(folder.path(), "images", &idx(&[2, 1, 2], &[0; 4]));
    let labels = write(folder.path(), "labels", &idx(&[3], &[0; 3]));
    assert_eq!(
        message(Dataset::<f32>::idx(&images, &labels)),
        format!("idx: {} holds 2 images, {} holds 3 labels", images.display(), labels.display())
    );
    assert_eq!(
        message(Dataset::<f32>::idx(&labels, &images)),
        format!("idx: {}: lengths [3] are not those of images; are the two files exchanged?", labels.display())
    );
    assert_eq!(
        message(Dataset::<f32>::idx(&images, &images)),
        format!("idx: {}: lengths [2, 1, 2] are not those of labels; are the two files exchanged?", images.display())
    );
    let none = [write(folder.path(), "no", &idx(&[0, 1, 2], &[])), write(folder.path(), "nol", &idx(&[0], &[]))];
    assert_eq!(
        message(Dataset::<f32>::idx(&none[0], &none[1])),
        "dataset: inputs of shape [0, 2] hold nothing; at least one row and one feature are needed"
    );
}

#[test]
fn images_that_are_read_on_demand_are_those_that_are_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..=255).collect();
    let images = write(folder.path(), "images", &idx(&[64, 2, 2], &pixels));
    let labels = write(folder.path(), "labels", &idx(&[64], &pixels[..64].iter().map(|n| n % 10).collect::<Vec<_>>()));
    let at_once = Dataset::<f32>::idx(&images, &labels).unwrap();
    let on_demand = Dataset::<f32>::idx_on_demand(&images, &labels).unwrap();
    assert!(on_demand.is_on_demand());
    let rows = |data: &Dataset<f32>| {
        let batches = data.batches(10, Order::shuffled(1, 2)).unwrap();
        batches.flat_map(|batch| batch.inputs.to_vec()).map(f32::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(rows(&on_demand), rows(&at_once));
    assert!(on_demand.preprocessing().difference(at_once.preprocessing(), "one", "other").is_none());
    assert_eq!((on_demand.labels(), on_demand.n_classes()), (at_once.labels(), 10));
    // A file that becomes shorter while it is open.
    fs::File::options().write(true).open(&images).unwrap().set_len(100).unwrap();
    let error = message(on_demand.select(&[63]).unwrap().try_inputs().map(drop));
    assert!(error.starts_with(&format!("idx: {}: image 63 cannot be read", images.display())), "{error}");
}

#[test]
fn what_cannot_be_read_on_demand_is_refused_as_when_it_is_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let labels = write(folder.path(), "labels", &idx(&[2], &[0, 1]));
    let sound = idx(&[2, 1, 2], &[0; 4]);
    let cases: [(&str, &[u8]); 6] = [
        ("short", &sound[..sound.len() - 1]),
        ("long", &[&sound[..], &[0]].concat()),
        ("cut", &sound[..9]),
        ("png", &[0x89, 0x50, 0x4e, 0x47, 0, 0]),
        ("floats", &[0, 0, 13, 1, 0, 0, 0, 1]),
        ("huge", &idx(&[u32::MAX; 3], &[1])),
    ];
    for (name, bytes) in cases {
        let images = write(folder.path(), name, bytes);
        let [now, later] = [Dataset::<f32>::idx(&images, &labels), Dataset::<f32>::idx_on_demand(&images, &labels)];
        assert_eq!(message(later), message(now), "{name}");
    }
    let packed = write(folder.path(), "packed", &gzip(&sound));
    assert!(
        message(Dataset::<f32>::idx_on_demand(&packed, &labels))
            .contains("packed by gzip, of which no part can be read")
    );
    for (images, name) in [(write(folder.path(), "empty", &[]), "empty"), (folder.path().join("absent"), "absent")] {
        let error = message(Dataset::<f32>::idx_on_demand(&images, &labels));
        assert!(error.starts_with("idx: ") && error.contains(name), "{error}");
    }
    let images = write(folder.path(), "images", &sound);
    assert!(message(Dataset::<f32>::idx_on_demand(&labels, &images)).contains("are the two files exchanged?"));
}

#[test]
fn a_folder_of_four_files_is_found_under_its_usual_names() {
    let images = |n: u8| idx(&[n as u32, 2, 2], &vec![n; 4 * n as usize]);
    let names = [
        ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
        ["train-images.idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"],
    ];
    for (names, packed) in names.iter().flat_map(|names| [(names, false), (names, true)]) {
        let folder = tempfile::tempdir().unwrap();
        let files = [images(3), idx(&[3], &[0, 2, 1]), images(2), idx(&[2], &[1, 0])];
        for (name, bytes) in names.iter().zip(&files) {
            match packed {
                true => write(folder.path(), &format!("{name}.gz"), &gzip(bytes)),
                false => write(folder.path(), name, bytes),
            };
        }
        let (train, test) = mnist::<f32>(folder.path()).unwrap();
        assert_eq!((train.len(), test.len(), train.n_features()), (3, 2, 4));
        // The test part has fewer classes, but the same names.
        assert_eq!((test.n_classes(), test.class_names()), (3, train.class_names()));
    }
}

#[test]
fn a_folder_that_lacks_a_file_says_which_names_were_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    assert_eq!(message(mnist::<f32>(&absent)), format!("mnist: {} does not exist", absent.display()));
    let file = write(folder.path(), "train-images-idx3-ubyte", &idx(&[1, 1, 1], &[0]));
    assert_eq!(
        message(mnist::<f32>(&file)),
        format!("mnist: {} is not a folder; name the one that holds the four files", file.display())
    );
    assert_eq!(
        message(mnist::<f32>(folder.path())),
        format!(
            "mnist: {} holds none of train-labels-idx1-ubyte, train-labels-idx1-ubyte.gz, train-labels.idx1-ubyte, train-labels.idx1-ubyte.gz",
            folder.path().display()
        )
    );
    write(folder.path(), "train-labels-idx1-ubyte", &idx(&[1], &[0]));
    write(folder.path(), "t10k-images-idx3-ubyte", &idx(&[1, 2, 1], &[0, 0]));
    write(folder.path(), "t10k-labels-idx1-ubyte", &idx(&[1], &[0]));
    assert_eq!(message(mnist::<f32>(folder.path())), "mnist: images of 1 pixels for training, of 2 for testing");
    write(folder.path(), "t10k-images-idx3-ubyte", &idx(&[1, 1, 1], &[0]));
    write(folder.path(), "t10k-labels-idx1-ubyte", &idx(&[1], &[7]));
    assert_eq!(
        message(mnist::<f32>(folder.path())),
        "dataset: label 7 at row 0 is out of range for 1 classes (valid 0..=0)"
    );
}
