//! Maps over points that come in blocks: from files of every format, generators and memory, on threads and ranks; and what they
//! refuse.

use retrograd::data::{PointFile, PointFormat};
use retrograd::program::{Map, Options, PointSource, Points};
use retrograd::world::{self, World};
use retrograd::{Element, Error, Result, Var};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Points of a block of three inputs: 2^14 of them have at most 2^16 numbers.
const BLOCK: usize = 1 << 14;

/// Numbers that look random and are not, of many sizes, so that no two orders of addition agree.
fn sample<T: Element>(n: usize) -> Vec<T> {
    let size = |i: usize| 10f64.powi((i % 7) as i32 - 3);
    (0..n).map(|i| T::from_f64((((i + 1) * 7919) % 10_007) as f64 / 5003.0 * size(i) - 0.3)).collect()
}

/// A function of three numbers of a point and two shared ones, with terms of both signs.
fn body<'t, T: Element>(x: &[Var<'t, T>], s: &[Var<'t, T>]) -> Var<'t, T> {
    (x[0] * s[0] + x[1]).tanh() * x[2] + (x[1] * s[1]).sin()
}

fn map<T: Element>(threads: usize) -> Map<T> {
    Options::new().threads(threads).map_gradient(3, 2, &[], body).unwrap()
}

const SHARED: [f64; 2] = [0.7, -1.3];

fn shared<T: Element>() -> [T; 2] {
    SHARED.map(T::from_f64)
}

/// The sum and its gradient as bits: a rank's of so many, each with so many threads.
fn bits<T: Element>(source: &dyn PointSource<T>, ranks: usize, threads: usize) -> [u64; 3] {
    let found = world::threads(ranks).run(|world| {
        let (mut map, mut gradient) = (map::<T>(threads), [T::default(); 2]);
        let sum = map.over(source).world(&world).gradient(&shared(), &mut gradient).unwrap();
        [sum, gradient[0], gradient[1]].map(|x| x.to_f64().to_bits())
    });
    assert!(found.iter().all(|bits| *bits == found[0]), "all ranks have the same");
    found[0]
}

/// Row-major numbers that are made when they are asked for.
struct Generated<F> {
    n: usize,
    width: usize,
    of: F,
}

impl<F: Fn(usize) -> f64 + Sync> PointSource<f64> for Generated<F> {
    fn n_points(&self) -> u64 {
        self.n as u64
    }
    fn n_inputs(&self) -> usize {
        self.width
    }
    fn read(&self, first: u64, rows: &mut [f64]) -> Result<()> {
        let start = first as usize * self.width;
        rows.iter_mut().zip(start..).for_each(|(place, k)| *place = (self.of)(k));
        Ok(())
    }
}

/// Files of one test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn raw(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// An `.npy` file as NumPy 1 and 2 write it.
fn npy(kind: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}");
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\0".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.bytes());
    file.extend(data);
    file
}

/// An IDX file of unsigned bytes.
fn idx(dims: &[u32], data: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dims.len() as u8];
    file.extend(dims.iter().flat_map(|n| n.to_be_bytes()));
    file.extend(data);
    file
}

fn columns(numbers: &[f64], which: &[usize]) -> Vec<f64> {
    numbers.chunks_exact(3).flat_map(|row| which.iter().map(|&k| row[k])).collect()
}

#[test]
fn a_sum_over_a_file_has_the_same_bits_for_every_split_and_every_kind_of_source() {
    let folder = Folder::new();
    for n in [0, 1, 3, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 17] {
        let numbers: Vec<f64> = sample(3 * n);
        let expected = bits(&Points::new(n).rows(&numbers, 3), 1, 1);
        let path = folder.file("points.f64", raw(&numbers));
        let file = PointFile::<f64>::raw_f64(&path, 3).unwrap();
        for ranks in 1..=4 {
            for threads in 1..=3 {
                assert_eq!(bits(&file, ranks, threads), expected, "{n} points, {ranks} ranks, {threads} threads");
            }
        }
        let [one, two] = [columns(&numbers, &[0]), columns(&numbers, &[1, 2])];
        let shape = format!("({n}, 2)");
        let sources: [(&str, Box<dyn PointSource<f64>>); 6] = [
            ("bytes", Box::new(PointFile::of_bytes(raw(&numbers), PointFormat::F64 { columns: 3 }).unwrap())),
            ("npy", {
                let path = folder.file("points.npy", npy("<f8", "False", &format!("({n}, 3)"), &raw(&numbers)));
                Box::new(PointFile::npy(path).unwrap())
            }),
            ("beside", {
                let left = PointFile::raw_f64(folder.file("left.f64", raw(&one)), 1).unwrap();
                let right = PointFile::npy(folder.file("right.npy", npy("<f8", "False", &shape, &raw(&two)))).unwrap();
                Box::new(left.beside(right).unwrap())
            }),
            ("columns", Box::new(Points::new(n).column(&one).rows(&two, 2))),
            ("generator", Box::new(Generated { n, width: 3, of: |k: usize| numbers[k] })),
            ("columns of a table", Box::new(Points::new(n).columns(&numbers, 3, 0..1).columns(&numbers, 3, 1..3))),
        ];
        for (name, source) in &sources {
            assert_eq!(bits(&**source, 1, 2), expected, "{n} points, {name}");
            assert_eq!(bits(&**source, 3, 1), expected, "{n} points, {name}");
        }
    }
}

#[test]
fn f32_has_the_same_bits_for_every_split() {
    let numbers: Vec<f32> = sample(3 * (4 * BLOCK + 5));
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    let file = PointFile::of_bytes(bytes, PointFormat::F32 { columns: 3 }).unwrap();
    let expected = bits::<f32>(&file, 1, 1);
    for (ranks, threads) in [(1, 2), (1, 3), (2, 1), (3, 2), (4, 3)] {
        assert_eq!(bits::<f32>(&file, ranks, threads), expected, "{ranks} ranks, {threads} threads");
    }
}

#[test]
fn a_sum_over_a_file_is_that_over_points_in_memory_to_rounding() {
    for n in [0, 1, 3, BLOCK + 1, 3 * BLOCK] {
        let numbers: Vec<f64> = sample(3 * n);
        let points = Points::new(n).rows(&numbers, 3);
        let (mut map, mut one, mut two) = (map::<f64>(1), [0.0; 2], [f64::NAN; 2]);
        let in_memory = map.gradient(&points, &SHARED, &mut one).unwrap();
        let in_blocks = map.over(&points).gradient(&SHARED, &mut two).unwrap();
        for (a, b) in [(in_memory, in_blocks), (one[0], two[0]), (one[1], two[1])] {
            assert!((a - b).abs() <= 1e-13 * a.abs().max(1.0), "{n} points: {a} and {b}");
        }
        assert!(n > 0 || (in_blocks == 0.0 && in_blocks.is_sign_positive()));
    }
}

#[test]
fn every_format_gives_its_numbers() {
    let folder = Folder::new();
    let read = |file: &PointFile<f64>| {
        let mut rows = vec![0.0f64; file.n_points() as usize * file.n_inputs()];
        file.read(0, &mut rows).unwrap();
        (file.n_inputs(), rows)
    };
    let numbers = [1.5, -2.0, 0.25, 1e30, 0.0, 3.0];
    let halves: Vec<u8> = numbers.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect();
    let as_f32 = numbers.map(|x| f64::from(x as f32));
    let file = |bytes: Vec<u8>| folder.file("points", bytes);
    let open = |bytes: Vec<u8>, format| PointFile::open(file(bytes), format).unwrap();
    assert_eq!(read(&PointFile::raw_f32(file(halves.clone()), 2).unwrap()), (2, as_f32.to_vec()));
    assert_eq!(read(&open(raw(&numbers), PointFormat::F64 { columns: 6 })), (6, numbers.to_vec()));
    assert_eq!(read(&open(npy("<f4", "False", "(3, 2)", &halves), PointFormat::Npy)), (2, as_f32.to_vec()));
    assert_eq!(read(&open(npy("<f8", "False", "(6,)", &raw(&numbers)), PointFormat::Npy)), (1, numbers.to_vec()));
    assert_eq!(read(&open(npy("|u1", "False", "(1, 3)", &[0, 7, 255]), PointFormat::Npy)), (3, vec![0.0, 7.0, 255.0]));
    // A single column lies as a single row does, whatever the header says.
    assert_eq!(read(&open(npy("<f8", "True", "(6, 1)", &raw(&numbers)), PointFormat::Npy)), (1, numbers.to_vec()));
    let images = idx(&[2, 1, 2], &[0, 1, 254, 255]);
    assert_eq!(read(&PointFile::idx(file(images)).unwrap()), (2, vec![0.0, 1.0, 254.0, 255.0]));
    // From the middle, and over the end.
    let points = open(raw(&numbers), PointFormat::F64 { columns: 2 });
    let mut row = [0.0f64; 2];
    points.read(2, &mut row).unwrap();
    assert_eq!(row, [0.0, 3.0]);
    let error = points.read(3, &mut row).unwrap_err().to_string();
    assert!(error.ends_with("1 from point 3 on, of 3"), "{error}");
}

#[test]
fn what_is_no_file_of_points_is_refused_by_name() {
    let folder = Folder::new();
    let f64s = |columns| PointFormat::F64 { columns };
    let eight = raw(&[1.0]);
    let cases: [(Vec<u8>, PointFormat, &str); 16] = [
        (
            raw(&[1.0, 2.0, 3.0]),
            f64s(2),
            "its 24 bytes are no whole number of points of 2 numbers of f64: 8 bytes are left over",
        ),
        (vec![0; 7], PointFormat::F32 { columns: 1 }, "3 bytes are left over"),
        (Vec::new(), f64s(0), "points of 0 columns"),
        (
            npy("<f8", "False", "(2, 1)", &eight),
            PointFormat::Npy,
            "[2, 1] are 16 bytes of f64, there are 8: the file is truncated",
        ),
        (npy("<f8", "False", "(0, 1)", &eight), PointFormat::Npy, "the file goes on after its end"),
        (npy(">f8", "False", "(1,)", &eight), PointFormat::Npy, "\">f8\", big-endian; f4, f8 and u1 are read"),
        (npy("<i8", "False", "(1,)", &eight), PointFormat::Npy, "kind \"<i8\"; f4, f8 and u1"),
        (npy("<f8", "True", "(2, 2)", &raw(&[0.0; 4])), PointFormat::Npy, "numpy.ascontiguousarray"),
        (npy("<f8", "False", "(1, 1, 1)", &eight), PointFormat::Npy, "an array of 3 axes"),
        (npy("<f8", "False", "()", &eight), PointFormat::Npy, "an array of 0 axes"),
        (npy("<f8", "False", "(4611686018427387904, 4)", &eight), PointFormat::Npy, "those of no file"),
        (npy("<f8", "False", "(1,)", &eight)[..40].to_vec(), PointFormat::Npy, "its header is cut short"),
        (b"PK\x03\x04".to_vec(), PointFormat::Npy, "it does not begin as an npy file does"),
        (vec![0x1f, 0x8b, 8, 0], PointFormat::Idx, "gzip, which cannot be read from the middle; unpack it with gunzip"),
        (idx(&[2, 2], &[1, 2, 3]), PointFormat::Idx, "[2, 2] are 4 bytes of u8, there are 3: the file is truncated"),
        (vec![0, 0, 0x0d, 1, 0, 0, 0, 0], PointFormat::Idx, "type 0x0d"),
    ];
    for (bytes, format, why) in cases {
        let path = folder.file("bad", &bytes);
        let error = PointFile::<f64>::open(&path, format).unwrap_err();
        assert!(error.is_io() && error.to_string().contains(why), "{format:?}: {error}");
        assert!(error.to_string().starts_with(&format!("points: {}: ", path.display())), "{error}");
        assert!(PointFile::<f64>::of_bytes(bytes, format).unwrap_err().to_string().contains(why));
    }
    let missing = PointFile::<f64>::raw_f32(folder.0.path().join("none"), 1).unwrap_err().to_string();
    assert!(missing.ends_with("none: it does not exist"), "{missing}");
    assert!(PointFile::<f64>::raw_f32(folder.0.path(), 1).unwrap_err().to_string().contains("it is a directory"));
    let [one, two] = [1, 2].map(|n| PointFile::<f64>::of_bytes(vec![0; 8 * n], f64s(1)).unwrap());
    let error = one.beside(two).unwrap_err().to_string();
    assert_eq!(error, "points: 1 points beside 2; each needs the numbers of both");
}

fn error_over(source: &dyn PointSource<f64>) -> Error {
    map::<f64>(2).over(source).gradient(&SHARED, &mut [0.0; 2]).unwrap_err()
}

#[test]
fn a_file_that_is_written_to_meanwhile_is_refused() {
    let folder = Folder::new();
    let numbers: Vec<f64> = sample(3 * 100);
    let path = folder.file("points.f64", raw(&numbers));
    let set_length = |n| fs::File::options().write(true).open(&path).unwrap().set_len(n).unwrap();
    for length in [2400 - 24, 2400 + 24] {
        let file = PointFile::raw_f64(&path, 3).unwrap();
        set_length(length);
        let error = error_over(&file).to_string();
        let why = format!("had 2400 bytes when it was opened, and has {length}: it was written to since");
        assert!(error.contains(&why), "{error}");
        set_length(2400);
        fs::write(&path, raw(&numbers)).unwrap();
    }
    // While it is read: whoever reads cuts it, once it was found to be whole.
    struct Cut<'a> {
        file: PointFile<f64>,
        path: &'a Path,
        length: u64,
    }
    impl PointSource<f64> for Cut<'_> {
        fn n_points(&self) -> u64 {
            self.file.n_points()
        }
        fn n_inputs(&self) -> usize {
            3
        }
        fn read(&self, first: u64, rows: &mut [f64]) -> Result<()> {
            fs::File::options().write(true).open(self.path).unwrap().set_len(self.length).unwrap();
            self.file.read(first, rows)
        }
        fn check(&self) -> Result<()> {
            self.file.check()
        }
    }
    for length in [1000, 4000] {
        let cut = Cut { file: PointFile::raw_f64(&path, 3).unwrap(), path: &path, length };
        let error = error_over(&cut).to_string();
        assert!(error.contains(&format!("had 2400 bytes when it was opened, and has {length}")), "{error}");
        set_length(2400);
    }
}

#[test]
fn the_first_point_that_is_not_finite_is_named_whoever_reads_it() {
    let n = 6 * BLOCK;
    let mut numbers: Vec<f64> = sample(3 * n);
    numbers[3 * (2 * BLOCK + 70) + 1] = f64::NAN;
    numbers[3 * (4 * BLOCK + 1)] = f64::INFINITY;
    numbers[3 * (4 * BLOCK + 1) + 2] = f64::INFINITY;
    let points = Points::new(n).rows(&numbers, 3);
    let at = 2 * BLOCK + 70;
    for threads in 1..=3 {
        let error = map::<f64>(threads).over(&points).gradient(&SHARED, &mut [0.0; 2]).unwrap_err();
        assert!(error.is_not_finite());
        let said = error.to_string();
        assert!(said.starts_with(&format!("map: point {at}: its value is NaN; its numbers are [")), "{said}");
    }
    for ranks in 2..=4 {
        let said = world::threads(ranks).run(|world| {
            let error = map::<f64>(1).over(&points).world(&world).gradient(&SHARED, &mut [0.0; 2]).unwrap_err();
            error.to_string()
        });
        assert!(said.iter().all(|said| said.contains(&format!("map: point {at}: its value is NaN"))), "{said:?}");
    }
    // A derivative alone: that of sqrt at 0.
    let mut roots = Map::compile_gradient(1, 1, |x, s| (x[0] * s[0]).sqrt()).unwrap();
    let error = roots.over(&Points::new(3).column(&[1.0, 0.0, 2.0])).gradient(&[0.0], &mut [0.0]).unwrap_err();
    assert!(error.to_string().starts_with("map: point 0: its derivative by shared number 0 is "), "{error}");
    // Only their sum.
    let mut sum = Map::compile_gradient(1, 0, |x, _| x[0]).unwrap();
    let error = sum.over(&Points::new(2).column(&[f64::MAX; 2])).gradient(&[], &mut []).unwrap_err();
    assert_eq!(error.to_string(), "map: each of points 0..2 is finite, but their sum is beyond the range of f64");
    let mut sum = Options::new().map_gradient::<f32>(1, 0, &[], |x, _| x[0]).unwrap();
    let large: Vec<f32> = (0..1 << 17).map(|k| if k % (1 << 16) == 0 { f32::MAX } else { 0.0 }).collect();
    let error = sum.over(&Points::new(1 << 17).column(&large)).gradient(&[], &mut []).unwrap_err();
    assert_eq!(error.to_string(), "map: each point is finite, but their sum is beyond the range of f32");
}

#[test]
fn what_does_not_fit_is_refused_before_a_point_is_read() {
    let read = AtomicUsize::new(0);
    let source = |n, width| Generated { n, width, of: |_| read.fetch_add(1, Ordering::Relaxed) as f64 };
    let mut gradient = [0.0; 2];
    let mut refused = |map: &mut Map<f64>, width, shared: &[f64], n_gradient: usize| {
        let error = map.over(&source(10, width)).gradient(shared, &mut gradient[..n_gradient]).unwrap_err();
        error.to_string()
    };
    assert_eq!(refused(&mut map(1), 2, &SHARED, 2), "map: the function takes 3 inputs, got 2");
    assert_eq!(refused(&mut map(1), 3, &[1.0], 2), "map: the function takes 2 shared numbers, got 1");
    assert_eq!(refused(&mut map(1), 3, &SHARED, 1), "map: the gradient has 1 elements for 2 shared numbers");
    let mut values = Map::compile(3, 2, |x, s| vec![body(x, s)]).unwrap();
    assert!(refused(&mut values, 3, &SHARED, 2).starts_with("map: compiled for values"));
    let mut by_inputs = Options::new().map_gradient(3, 2, &[0], body).unwrap();
    assert!(refused(&mut by_inputs, 3, &SHARED, 2).starts_with("map: compiled for gradients by inputs"));
    // Ranks that do not do the same.
    let said = world::threads(2).run(|world| {
        let source = source(10 + world.rank(), 3);
        map::<f64>(1).over(&source).world(&world).gradient(&SHARED, &mut [0.0; 2]).unwrap_err().to_string()
    });
    assert_eq!(said, ["map: rank 0 has 10 points of 3 numbers, rank 1 11 of 3"; 2]);
    let said = world::threads(2).run(|world| {
        let shared = [SHARED[0], world.rank() as f64];
        map::<f64>(1).over(&source(10, 3)).world(&world).gradient(&shared, &mut [0.0; 2]).unwrap_err().to_string()
    });
    assert_eq!(said, ["map: rank 1 has other shared numbers than rank 0"; 2]);
    assert_eq!(read.load(Ordering::Relaxed), 0);
    // A part that is too short for its points.
    let short = Points::new(3).rows(&[0.0; 8], 3);
    assert!(error_over(&short).to_string().contains("3 rows of 3 are 9 numbers, got 8"));
}

#[test]
fn an_error_of_the_source_reaches_everybody() {
    struct Fails;
    impl PointSource<f64> for Fails {
        fn n_points(&self) -> u64 {
            (8 * BLOCK) as u64
        }
        fn n_inputs(&self) -> usize {
            3
        }
        fn read(&self, first: u64, rows: &mut [f64]) -> Result<()> {
            rows.fill(0.5);
            if first >= (6 * BLOCK) as u64 { Err(Error::io(format!("no point {first}"))) } else { Ok(()) }
        }
    }
    assert_eq!(error_over(&Fails).to_string(), format!("no point {}", 6 * BLOCK));
    let said = world::threads(4).run(|world| {
        map::<f64>(2).over(&Fails).world(&world).gradient(&SHARED, &mut [0.0; 2]).unwrap_err().to_string()
    });
    assert!(said.iter().all(|said| said.ends_with(&format!("no point {}", 6 * BLOCK))), "{said:?}");
}

/// Points of which some come late: their reader waits until others have begun to read `after` more blocks, and a little longer.
struct Late<'a, S> {
    points: S,
    late: u64,
    after: usize,
    begun: AtomicUsize,
    fail: &'a (dyn Fn(u64) -> bool + Sync),
}

impl<S: PointSource<f64>> PointSource<f64> for Late<'_, S> {
    fn n_points(&self) -> u64 {
        self.points.n_points()
    }
    fn n_inputs(&self) -> usize {
        self.points.n_inputs()
    }
    fn read(&self, first: u64, rows: &mut [f64]) -> Result<()> {
        let before = self.begun.fetch_add(1, Ordering::SeqCst);
        if first == self.late {
            while self.begun.load(Ordering::SeqCst) <= before + self.after {
                std::thread::yield_now();
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        if (self.fail)(first) { Err(Error::io(format!("no point {first}"))) } else { self.points.read(first, rows) }
    }
}

#[test]
fn sums_are_added_in_the_order_of_points_whoever_has_them_first() {
    let n = 7 * BLOCK + 3;
    let numbers: Vec<f64> = sample(3 * n);
    let points = Points::new(n).rows(&numbers, 3);
    let expected = bits(&points, 1, 1);
    for block in [0, 2] {
        // Two blocks begun meanwhile: one of them is finished.
        let late = (block * BLOCK) as u64;
        let source = Late { points: &points, late, after: 2, begun: AtomicUsize::new(0), fail: &|_| false };
        assert_eq!(bits(&source, 1, 2), expected);
    }
}

#[test]
fn of_two_errors_that_of_the_first_point_is_told_whichever_comes_first() {
    for (late, after) in [(0, 1), (BLOCK as u64, 0)] {
        let points = Generated { n: 4 * BLOCK, width: 3, of: |k| k as f64 };
        let source = Late { points, late, after, begun: AtomicUsize::new(0), fail: &|first| first <= BLOCK as u64 };
        assert_eq!(error_over(&source).to_string(), "no point 0");
    }
}

#[test]
fn progress_counts_every_point_of_a_rank_once() {
    let n = 5 * BLOCK + 3;
    for ranks in 1..=3 {
        let done = world::threads(ranks).run(|world| {
            let (mut reports, mut map) = (Vec::new(), map::<f64>(2));
            let source = Generated { n, width: 3, of: |k| (k % 5) as f64 };
            let way = map.over(&source).world(&world).progress(|done, of| reports.push((done, of)));
            way.gradient(&SHARED, &mut [0.0; 2]).unwrap();
            assert!(reports.is_sorted());
            reports.last().copied().inspect(|(done, of)| assert_eq!(done, of)).map_or(0, |(done, _)| done)
        });
        assert_eq!(done.iter().sum::<u64>(), n as u64, "{ranks} ranks");
    }
}

#[test]
fn points_without_numbers_and_points_wider_than_a_block_are_summed() {
    let mut count = Map::compile_gradient(0, 1, |_, s| s[0].square()).unwrap();
    let mut gradient = [0.0];
    let sum = count.over(&Generated { n: 300_000, width: 0, of: |_| 0.0 }).gradient(&[2.0], &mut gradient).unwrap();
    assert_eq!((sum, gradient), (1_200_000.0, [1_200_000.0]));
    let width = (1 << 16) + 1;
    let mut ends = Map::compile_gradient(width, 0, |x, _| x[0] + x[x.len() - 1]).unwrap();
    let sum =
        ends.over(&Generated { n: 3, width, of: |k| (k % ((1 << 16) + 1)) as f64 }).gradient(&[], &mut []).unwrap();
    assert_eq!(sum, 3.0 * (1 << 16) as f64);
}

#[test]
fn values_over_a_file_come_in_order_with_the_bits_of_those_in_memory() {
    let mut map = Options::new().threads(2).map(3, 2, |x, s| vec![body(x, s), x[2] / x[1]]).unwrap();
    for n in [0, 1, BLOCK, 3 * BLOCK + 1] {
        let numbers: Vec<f64> = sample(3 * n);
        let expected = map.run(&Points::new(n).rows(&numbers, 3), &SHARED).unwrap().to_vec();
        let file = PointFile::of_bytes(raw(&numbers), PointFormat::F64 { columns: 3 }).unwrap();
        for ranks in 1..=3 {
            let parts = world::threads(ranks).run(|world| {
                let mut map = Map::compile(3, 2, |x, s| vec![body(x, s), x[2] / x[1]]).unwrap();
                let mut found = Vec::new();
                let way = map.over(&file).world(&world);
                way.values(&SHARED, |first, values| {
                    assert!(found.is_empty() || found.last().is_some_and(|&(next, _)| next == first));
                    found.push((first + values.len() as u64 / 2, values.to_vec()));
                    Ok(())
                })
                .unwrap();
                found.into_iter().flat_map(|(_, values)| values).collect::<Vec<f64>>()
            });
            assert_eq!(parts.concat(), expected, "{n} points, {ranks} ranks");
        }
    }
    let points = Points::new(1).rows(&[1.0; 3], 3);
    let error = map.over(&points).values(&SHARED, |_, _| Err(Error::io("the disk is full"))).unwrap_err();
    assert_eq!(error.to_string(), "the disk is full");
}
