//! Least squares over a file that need not fit into memory.
//!
//! Teaches how a map goes through points in a file, on several threads and processes, with the same bits however many they are.
//! Prints the line that is found, and how fast points were read and computed, beside how fast the file is read and nothing computed,
//! and beside the same map over points in memory, each the fastest of three; and the most memory that the process had until then.
//!
//! Run: `cargo run --release --example map_files`, or for 10^9 points, a file of 8 GB, on 2 threads:
//! `cargo run --release --example map_files -- 1000000000 2 points.f32`. The file is made where it is not there, and stays.

use retrograd::data::PointFile;
use retrograd::program::{Options, PointSource, progress_bar};
use retrograd::{Map, Points, Result, world};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::time::Instant;

pub(crate) fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(wrong) = arguments.iter().take(2).find(|text| text.parse::<u64>().is_err()) {
        let usage = "map_files [POINTS [THREADS [FILE]]]";
        return Err(retrograd::Error::argument(format!("{usage}: a whole number is expected, got {wrong:?}")));
    }
    let number = |k: usize, otherwise: u64| arguments.get(k).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    match arguments.get(2) {
        Some(path) => run(Path::new(path), number(0, 1), number(1, 1) as usize),
        None => {
            let folder = tempfile::tempdir()?;
            run(&folder.path().join("points.f32"), number(0, 300_000), number(1, 2) as usize)
        }
    }
}

/// Finds y = a x + b by least squares, over a file of pairs (x, y) in f32.
pub(crate) fn run(path: &Path, n: u64, threads: usize) -> Result<()> {
    if !path.exists() {
        write(path, n)?;
    }
    let points = PointFile::raw_f32(path, 2)?;
    let n = points.n_points();

    // The sum of squares and its gradient; by f32, the file's own numbers.
    let mut loss = squares(threads)?;
    let mut gradient = [0.0; 2];
    let mut sum = 0.0;
    let by_file = fastest(|| {
        sum = loss.over(&points).progress(progress_bar()).gradient(&[2.0, 1.0], &mut gradient)?;
        Ok(())
    })?;
    println!("{n} points, {threads} threads: sum of squares {sum}, gradient {gradient:?}");
    println!("from the file:           {:8.1} million points/s", n as f64 / by_file / 1e6);
    if let Some(peak) = peak() {
        println!("most memory until here:  {peak:>8}");
    }
    println!("the file read alone:     {:8.1} million points/s", n as f64 / fastest(|| read_alone(path))? / 1e6);

    // The same map over points in memory: such as stay in a cache, and such as do not.
    for in_memory in [1 << 15, n.min(1 << 26) as usize] {
        let mut rows = vec![0.0; 2 * in_memory.min(n as usize)];
        points.read(0, &mut rows)?;
        let rows = Points::new(rows.len() / 2).rows(&rows, 2);
        let times = (n as usize).min(1 << 28).div_ceil(rows.len().max(1));
        let all_times = || (0..times).try_for_each(|_| loss.gradient(&rows, &[2.0, 1.0], &mut gradient).map(|_| ()));
        let rate = (times * rows.len()) as f64 / fastest(all_times)? / 1e6;
        println!("in memory, {:9}:    {rate:8.1} million points/s", rows.len());
    }

    // Newton's step is exact for a sum of squares; gradients at three places give its second derivatives.
    if (1000..=10_000_000).contains(&n) {
        let at = |line: [f32; 2]| {
            // Three processes give the bits of one.
            let shared = world::threads(3).run(|world| {
                let mut gradient = [0.0; 2];
                let sum = squares(1)?.over(&points).world(&world).gradient(&line, &mut gradient)?;
                Ok::<_, retrograd::Error>((sum, gradient))
            });
            let mut gradient = [0.0; 2];
            let sum = squares(threads)?.over(&points).gradient(&line, &mut gradient)?;
            assert!(shared.into_iter().all(|shared| shared.unwrap() == (sum, gradient)));
            Ok::<_, retrograd::Error>(gradient.map(f64::from))
        };
        let (g, ga, gb) = (at([0.0, 0.0])?, at([1.0, 0.0])?, at([0.0, 1.0])?);
        let (aa, ab, bb) = (ga[0] - g[0], ga[1] - g[1], gb[1] - g[1]);
        let determinant = aa * bb - ab * ab;
        let line = [(ab * g[1] - bb * g[0]) / determinant, (ab * g[0] - aa * g[1]) / determinant];
        println!("y = {:.3} x + {:.3}", line[0], line[1]);
        assert!((line[0] - 2.0).abs() < 0.01 && (line[1] - 1.0).abs() < 0.01);
    }
    Ok(())
}

fn squares(threads: usize) -> Result<Map<f32>> {
    Options::new().threads(threads).map_gradient(2, 2, &[], |p, line| (p[0] * line[0] + line[1] - p[1]).square())
}

/// Points beside the line y = 2 x + 1.
fn write(path: &Path, n: u64) -> Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    for k in 0..n {
        let (x, noise) = ((k * 7919 % 10_007) as f32 / 10_007.0, (k * 104_729 % 997) as f32 / 997.0 - 0.5);
        file.write_all(&x.to_le_bytes())?;
        file.write_all(&(2.0 * x + 1.0 + 0.1 * noise).to_le_bytes())?;
    }
    Ok(file.into_inner().map_err(|error| error.into_error())?.sync_all()?)
}

/// The file from its beginning to its end.
fn read_alone(path: &Path) -> Result<()> {
    let (mut file, mut buffer) = (File::open(path)?, vec![0; 1 << 17]);
    while file.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Seconds of the fastest of three: others may use the machine.
fn fastest(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut seconds = f64::INFINITY;
    for _ in 0..3 {
        let start = Instant::now();
        work()?;
        seconds = seconds.min(start.elapsed().as_secs_f64());
    }
    Ok(seconds)
}

/// The most memory that the process has had, where the system says so.
fn peak() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    Some(status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().to_owned())
}
