use super::portable::Array;
use super::*;
use crate::error::refusal;
use crate::num::simd;

const LEVELS: [Level; 4] = [Level::Plain, Level::Neon, Level::Avx2, Level::Avx512];

/// Small integers, whose products and sums are exact in any order.
struct Integers(u64);

impl Integers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }
    fn vec(&mut self, len: usize) -> Vec<i16> {
        (0..len).map(|_| self.below(17) as i16 - 8).collect()
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    m: usize,
    n: usize,
    k: usize,
    ta: bool,
    tb: bool,
    accumulate: bool,
}

impl Case {
    fn reference(self, a: &[i16], b: &[i16], c: &[i16]) -> Vec<i64> {
        let Case { m, n, k, ta, tb, accumulate } = self;
        let mut sums = vec![0; m * n];
        for i in 0..m {
            for j in 0..n {
                let terms = (0..k).map(|p| {
                    a[if ta { p * m + i } else { i * k + p }] as i64 * b[if tb { j * k + p } else { p * n + j }] as i64
                });
                sums[i * n + j] = terms.sum::<i64>() + if accumulate { c[i * n + j] as i64 } else { 0 };
            }
        }
        sums
    }

    /// Every level and both types against the definition; C holds NaN where it is to be overwritten.
    fn check(self, seed: u64) {
        let mut r = Integers(seed);
        let (a, b, c) = (r.vec(self.m * self.k), r.vec(self.k * self.n), r.vec(self.m * self.n));
        let sums = self.reference(&a, &b, &c);
        for level in LEVELS {
            let singles: Vec<f32> = self.run(level, &a, &b, &c, f32::NAN);
            let doubles: Vec<f64> = self.run(level, &a, &b, &c, f64::NAN);
            assert!(singles.iter().zip(&sums).all(|(&x, &sum)| x == sum as f32), "{level:?} f32 {self:?}");
            assert!(doubles.iter().zip(&sums).all(|(&x, &sum)| x == sum as f64), "{level:?} f64 {self:?}");
        }
    }

    fn run<T: Gemm + From<i16> + PartialEq>(self, level: Level, a: &[i16], b: &[i16], c: &[i16], nan: T) -> Vec<T> {
        let of = |v: &[i16]| v.iter().map(|&x| T::from(x)).collect::<Vec<T>>();
        let mut out = if self.accumulate { of(c) } else { vec![nan; c.len()] };
        let (a, b, mut again) = (of(a), of(b), out.clone());
        gemm(level, self.m, self.n, self.k, &a, self.ta, &b, self.tb, &mut out, self.accumulate, None);
        if is_bound([self.m, self.n, self.k]) {
            let sizes = [self.m, self.n, self.k];
            let mut ready = Prepared::new(level, sizes, [self.ta, self.tb], [false; 2], self.accumulate);
            ready.bind(a.as_ptr(), b.as_ptr(), again.as_mut_ptr());
            // SAFETY: the buffers have the product's sizes.
            unsafe { ready.run() };
            assert!(again.iter().zip(&out).all(|(&x, &y)| x == y), "{level:?} {self:?}: made ready, it differs");
        }
        out
    }
}

impl Case {
    /// What meets zeros of a gate is NaN or infinite here: the gate is A with B poisoned along one step, or the other way round.
    fn check_gated(self, by_a: bool, threads: usize) {
        let Case { m, n, k, ta, tb, accumulate } = self;
        let mut r = Integers((m * 7 + n * 5 + k) as u64);
        let (mut a, mut b, c) = (r.vec(m * k), r.vec(k * n), r.vec(m * n));
        let step = k / 2;
        let (rows, columns) = (if by_a { m } else { n }, if by_a { n } else { m });
        let in_a = |i: usize| if ta { step * m + i } else { i * k + step };
        let in_b = |j: usize| if tb { j * k + step } else { step * n + j };
        // Every other line of the gate has a zero at that step; in the other factor nothing is there, and then poison.
        for line in 0..rows {
            *(if by_a { &mut a[in_a(line)] } else { &mut b[in_b(line)] }) = (line % 2) as i16;
        }
        for line in 0..columns {
            *(if by_a { &mut b[in_b(line)] } else { &mut a[in_a(line)] }) = 0;
        }
        let sums = self.reference(&a, &b, &c);
        let of = |v: &[i16]| v.iter().map(|&x| x as f64).collect::<Vec<f64>>();
        let (mut a, mut b) = (of(&a), of(&b));
        for line in 0..columns {
            let poison = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][line % 3];
            *(if by_a { &mut b[in_b(line)] } else { &mut a[in_a(line)] }) = poison;
        }
        for level in LEVELS {
            let mut out = if accumulate { of(&c) } else { vec![f64::NAN; m * n] };
            let mut workers = Workers::new(threads);
            gemm_gated(level, [m, n, k], [&a, &b], [ta, tb], [by_a, !by_a], &mut out, accumulate, Some(&mut workers));
            for (at, (&x, &sum)) in out.iter().zip(&sums).enumerate() {
                let line = if by_a { at / n } else { at % n };
                let holds = if line % 2 == 0 { x == sum as f64 } else { !x.is_finite() };
                assert!(holds, "{level:?} {self:?}, gate A {by_a}: element {at} is {x}, without poison {sum}");
            }
        }
    }
}

#[test]
fn zeros_of_a_gate_stay_zeros_whatever_they_meet() {
    for [m, n, k] in [[1, 1, 1], [1, 7, 3], [9, 1, 4], [3, 17, 5], [17, 3, 33], [64, 10, 64], [70, 65, 40]] {
        for bits in 0..16 {
            let (ta, tb, accumulate) = (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0);
            Case { m, n, k, ta, tb, accumulate }.check_gated(bits & 8 > 0, 1);
        }
    }
    // On several threads, and as rows of a whole.
    Case { m: 400, n: 120, k: 90, ta: false, tb: true, accumulate: false }.check_gated(true, 2);
    Case { m: 120, n: 400, k: 90, ta: true, tb: false, accumulate: true }.check_gated(false, 2);
}

/// All orientations, overwriting and accumulating.
fn check(m: usize, n: usize, k: usize) {
    for bits in 0..8 {
        Case { m, n, k, ta: bits & 1 > 0, tb: bits & 2 > 0, accumulate: bits & 4 > 0 }
            .check((m * 31 + n * 17 + k) as u64);
    }
}

#[test]
fn every_small_shape_agrees_with_the_definition() {
    for m in 0..6 {
        for n in 0..6 {
            for k in 0..6 {
                check(m, n, k);
            }
        }
    }
}

#[test]
fn shapes_around_the_edges_of_tiles_agree_with_the_definition() {
    let edges = [1, 7, 8, 9, 12, 13, 16, 17, 25, 32, 33, 48, 49, 64, 65];
    for m in edges {
        for n in edges {
            check(m, n, 3 + (m + n) % 19);
        }
    }
}

#[test]
fn random_shapes_agree_with_the_definition() {
    let mut r = Integers(1);
    for round in 0..1500 {
        let mut side = || [1 + r.below(5), 1 + r.below(20), 1 + r.below(70), 25 + r.below(12)][round % 4];
        let (m, n, k) = (side(), side(), side());
        let bits = r.below(8);
        Case { m, n, k, ta: bits & 1 > 0, tb: bits & 2 > 0, accumulate: bits & 4 > 0 }.check(round as u64);
    }
}

#[test]
fn thin_and_deep_shapes_agree_with_the_definition() {
    for (m, n, k) in [
        (1, 300, 700),
        (300, 1, 700),
        (2, 9, 1100),
        (10, 30, 784),
        (11, 5, 1025),
        (50, 20, 1030),
        (784, 30, 10),
        (3, 500, 1),
        (500, 3, 1),
    ] {
        check(m, n, k);
    }
}

#[test]
fn blocks_and_packing_agree_with_the_definition() {
    let case = Case { m: 49, n: 2050, k: 66, ta: false, tb: false, accumulate: false };
    case.check(1); // B packed in blocks of n
    Case { n: 260, k: 520, ..case }.check(2); // B packed in blocks of k
    Case { n: 210, tb: true, ..case }.check(3); // B transposed in blocks of n
    Case { m: 130, n: 203, k: 140, ta: true, accumulate: true, ..case }.check(4); // A packed in blocks of m
    Case { m: 130, n: 203, k: 140, ta: true, tb: true, ..case }.check(5);
    Case { m: 30, n: 20, k: 1024, ..case }.check(6); // rows of A 4 KB apart
}

#[test]
fn the_portable_vector_agrees_with_the_definition() {
    let mut r = Integers(2);
    for round in 0..300 {
        let (m, n, k) = (1 + r.below(30), 1 + r.below(30), 1 + r.below(30));
        let (a, b) = (r.vec(m * k), r.vec(k * n));
        let (ta, tb) = (round % 2 > 0, round % 4 > 1);
        let sums = Case { m, n, k, ta, tb, accumulate: false }.reference(&a, &b, &[]);
        let (a, b) = (a.iter().map(|&x| x as f32).collect::<Vec<_>>(), b.iter().map(|&x| x as f32).collect::<Vec<_>>());
        let mut c = vec![f32::NAN; m * n];
        let (lda, ldb) = (if ta { m } else { k }, if tb { k } else { n });
        let p = Product {
            m,
            n,
            k,
            a: a.as_ptr(),
            ta,
            lda,
            b: b.as_ptr(),
            tb,
            ldb,
            c: c.as_mut_ptr(),
            ldc: n,
            gates: [false; 2],
            accumulate: false,
        };
        // SAFETY: the vectors have the lengths of the shape.
        unsafe { chosen::<Array<f32, 4>>(&p)(&p) };
        assert!(c.iter().zip(&sums).all(|(&x, &sum)| x == sum as f32), "{m} {n} {k} {ta} {tb}");
    }
}

#[test]
fn a_part_of_a_product_is_what_the_whole_has_there() {
    let (m, n, k) = (40, 50, 60);
    let mut r = Integers(3);
    let of = |v: Vec<i16>| v.iter().map(|&x| x as f64).collect::<Vec<f64>>();
    let (a, b) = (of(r.vec(m * k)), of(r.vec(k * n)));
    for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
        let (mut whole, mut parts) = (vec![0.0; m * n], vec![0.0; m * n]);
        gemm(Level::Avx512, m, n, k, &a, ta, &b, tb, &mut whole, false, None);
        let (lda, ldb) = (if ta { m } else { k }, if tb { k } else { n });
        for (i, rows) in [(0, 1), (1, 12), (13, 27)] {
            for (j, columns) in [(0, 1), (1, 49)] {
                let (a, b) = (&a[if ta { i } else { i * k }..], &b[if tb { j * k } else { j }..]);
                let c = parts[i * n + j..].as_mut_ptr();
                let p = Product {
                    m: rows,
                    n: columns,
                    k,
                    a: a.as_ptr(),
                    ta,
                    lda,
                    b: b.as_ptr(),
                    tb,
                    ldb,
                    c,
                    ldc: n,
                    gates: [false; 2],
                    accumulate: false,
                };
                // SAFETY: the part lies in the product.
                unsafe { f64::run(Level::Avx512, &p) };
            }
        }
        assert_eq!(parts, whole, "{ta} {tb}");
    }
}

#[test]
fn nan_and_infinity_spread_to_their_row_only() {
    for level in LEVELS {
        let mut a = vec![1.0_f32; 20 * 30];
        (a[5 * 30 + 7], a[6 * 30 + 29]) = (f32::NAN, f32::INFINITY);
        let mut c = vec![0.0; 20 * 33];
        gemm(level, 20, 33, 30, &a, false, &[1.0; 30 * 33], false, &mut c, false, None);
        for (i, row) in c.chunks(33).enumerate() {
            assert!(row.iter().all(|x| match i {
                5 => x.is_nan(),
                6 => *x == f32::INFINITY,
                _ => *x == 30.0,
            }));
        }
    }
}

#[test]
fn the_same_call_gives_the_same_bits() {
    let a: Vec<f32> = (0..70 * 90).map(|i| (i as f32 * 0.37).sin()).collect();
    let b: Vec<f32> = (0..90 * 110).map(|i| (i as f32 * 0.11).cos()).collect();
    for level in LEVELS {
        for tb in [false, true] {
            let run = || {
                let mut c = vec![0.0; 70 * 110];
                gemm(level, 70, 110, 90, &a, false, &b, tb, &mut c, false, None);
                c.iter().map(|x: &f32| x.to_bits()).collect::<Vec<_>>()
            };
            let first = run();
            // Scratch is dirty from the second call on.
            assert_eq!(first, run());
        }
    }
}

#[test]
fn rounding_errors_stay_within_the_bound() {
    // |error| <= k eps sum |a b|, usually far less.
    let (m, n, k) = (13, 37, 1500);
    let a: Vec<f32> = (0..m * k).map(|i| (i as f32 * 0.37).sin()).collect();
    let b: Vec<f32> = (0..k * n).map(|i| (i as f32 * 0.11).cos()).collect();
    for level in LEVELS {
        let mut c = vec![0.0; m * n];
        gemm(level, m, n, k, &a, false, &b, false, &mut c, false, None);
        for i in 0..m {
            for j in 0..n {
                let terms = || (0..k).map(|p| a[i * k + p] as f64 * b[p * n + j] as f64);
                let (sum, size) = (terms().sum::<f64>(), terms().map(f64::abs).sum::<f64>());
                assert!((c[i * n + j] as f64 - sum).abs() <= 0.1 * k as f64 * f32::EPSILON as f64 * size);
            }
        }
    }
}

#[test]
fn slices_of_the_wrong_length_panic() {
    let product = || gemm(Level::Plain, 2, 2, 2, &[0.0_f32; 5], false, &[0.0; 4], false, &mut [0.0; 4], false, None);
    let panic = std::panic::catch_unwind(product).expect_err("a slice is too long");
    let message = panic.downcast_ref::<String>().expect("a message with the lengths in it");
    assert!(message.contains("gemm: slices of 5, 4 and 4 for m = 2, n = 2, k = 2"), "{message}");
}

/// In release mode, too, where 2^63 + 1 rows of 2 are 2 numbers to a product that wraps.
#[test]
fn sides_whose_product_wraps_panic() {
    let rows = (1usize << 63) + 1;
    let (pair, square) = ([1.0_f64; 2], [1.0; 4]);
    let whole = || gemm(Level::Plain, rows, 2, 2, &pair, false, &square, false, &mut [0.0; 2], false, None);
    let part =
        || gemm_rows(Level::Plain, [rows, 2, 2], [&pair, &square], [false; 2], [false; 2], &mut [0.0; 2], [0, 1]);
    for product in [&whole as &dyn Fn(), &part] {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(product)).expect_err("the sides wrap");
        let message = panic.downcast_ref::<String>().expect("a message with the lengths in it");
        assert!(message.contains(": slices of 2, 4 and 2 for"), "{message}");
    }
}

#[test]
fn a_row_has_the_same_bits_however_many_rows_there_are() {
    let number = |k: usize| (k * 2_654_435_761 % 1009) as f64 / 997.0 - 0.5;
    fn held<T: Gemm>(level: Level, n: usize, k: usize, number: impl Fn(usize) -> f64) {
        let of = |len: usize, from: usize| (0..len).map(|i| T::from_f64(number(i + from))).collect::<Vec<T>>();
        let (most, b) = (61, of(k * n, 77));
        let a = of(most * k, 0);
        let mut whole = vec![T::from_f64(0.0); most * n];
        gemm(level, most, n, k, &a, false, &b, false, &mut whole, false, None);
        for m in (1..=26).chain([37, 48, 60]) {
            let mut rows = vec![T::from_f64(0.0); m * n];
            // Those at the end, where the whole has its last tiles.
            let from = most - m;
            gemm(level, m, n, k, &a[from * k..], false, &b, false, &mut rows, false, None);
            assert!(rows == whole[from * n..], "{level:?}: {m} rows of {k}, {n} columns");
        }
    }
    for level in LEVELS {
        for n in [1, 2, 10, 16, 17, 33, 48, 100] {
            for k in [1, 2, 3, 30, 64, 700] {
                held::<f32>(level, n, k, number);
                held::<f64>(level, n, k, number);
            }
        }
        held::<f32>(level, 300, 1030, number);
        held::<f64>(level, 20, 5000, number);
    }
}

#[test]
fn threads_give_the_bits_of_one() {
    let shapes = [(64, 784, 128), (784, 64, 128), (100, 300, 150), (49, 600, 700), (500, 520, 48), (200, 1100, 97)];
    for (m, k, n) in shapes {
        for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
            for accumulate in [false, true] {
                let mut r = Integers(7);
                let mut random =
                    |len: usize| -> Vec<f32> { (0..len).map(|_| r.below(1000) as f32 * 0.00137 - 0.6).collect() };
                let (a, b, c) = (random(m * k), random(k * n), random(m * n));
                let run = |threads: usize| {
                    let mut out = c.clone();
                    let mut workers = Workers::new(threads);
                    let level = crate::num::simd::level();
                    gemm(level, m, n, k, &a, ta, &b, tb, &mut out, accumulate, Some(&mut workers));
                    out.iter().map(|x| x.to_bits()).collect::<Vec<u32>>()
                };
                let one = run(1);
                for threads in [2, 3, 5] {
                    assert!(run(threads) == one, "{m}x{k}x{n} {ta} {tb} {accumulate}, {threads} threads");
                }
            }
        }
    }
}

#[test]
fn parts_and_sides_that_a_product_does_not_have_are_refused() {
    let level = Level::Plain;
    let (a, b) = (vec![1.0f64; 40 * 40], vec![1.0f64; 40 * 40]);
    let rows = |[m, n, k]: [usize; 3], [from, to]: [usize; 2]| {
        let mut c = vec![0.0; to.saturating_sub(from) * n];
        refusal(|| gemm_rows(level, [m, n, k], [&a[..m * k], &b[..k * n]], [false; 2], [false; 2], &mut c, [from, to]))
    };
    for part in [[8, 41], [8, 8], [9, 8], [40, 48]] {
        let message = rows([40, 40, 40], part);
        assert!(message.starts_with("gemm_rows: slices of 1600"), "{message}");
    }
    for sides in [[40, 1, 40], [40, 40, 0]] {
        assert!(!has_rows_to_cut(sides));
        let message = rows(sides, [0, 8]);
        assert!(message.ends_with("has no rows to cut"), "{message}");
    }
    for sides in [[0, 4, 4], [4, 0, 4], [4, 4, 0]] {
        let message = refusal(|| _ = Prepared::<f64>::new(level, sides, [false; 2], [false; 2], false));
        assert!(message.contains("has a side of 0"), "{message}");
    }
}

/// Numbers whose sums are rounded.
fn rounded<T: Element>(r: &mut Integers, len: usize) -> Vec<T> {
    (0..len).map(|_| T::from_f64(r.below(1 << 20) as f64 / 777_777.0 - 0.6)).collect()
}

/// Several products at once against each by itself, bit for bit; whether they could be added up as they were computed.
fn together<T: Gemm>(level: Level, sizes: [usize; 3], transposed: [bool; 2], count: usize, threads: usize) -> bool {
    let [m, n, k] = sizes;
    let bits = |x: &[T]| x.iter().map(|x| x.to_f64().to_bits()).collect::<Vec<u64>>();
    let mut r = Integers((m * 7 + n * 5 + k + count) as u64);
    let mut many = |len| (0..count).map(|_| rounded::<T>(&mut r, len)).collect::<Vec<_>>();
    let (a, b) = (many(m * k), many(k * n));
    let alone = |a: &[T], b: &[T]| {
        let mut c = vec![T::from_f64(f64::NAN); m * n];
        gemm(level, m, n, k, a, transposed[0], b, transposed[1], &mut c, false, None);
        c
    };
    let name = format!("{level:?}, {sizes:?}, {transposed:?}, {count} products, {threads} threads");
    let mut workers = Workers::new(threads);
    let Some(mut all) = Together::new(level, sizes, transposed, [false; 2], count) else { return false };
    let mut c = vec![vec![T::from_f64(f64::NAN); m * n]; count];
    (0..count).for_each(|i| all.bind(i, [a[i].as_ptr(), b[0].as_ptr()], c[i].as_mut_ptr()));
    assert!(all.has_one_right());
    // SAFETY: the buffers have the sizes.
    unsafe { all.run(&mut workers) };
    (0..count).for_each(|i| assert!(bits(&c[i]) == bits(&alone(&a[i], &b[0])), "{name}: {i}, with one right factor"));
    if !all.can_be_added(threads) {
        return false;
    }
    let mut sums: Vec<Vec<T>> = (0..count).map(|i| alone(&a[i], &b[i])).collect();
    while sums.len() > 1 {
        let pairs = sums.chunks(2).map(|two| two[0].iter().zip(&two[1]).map(|(&x, &y)| x + y).collect());
        sums = pairs.collect();
    }
    let mut c = vec![T::from_f64(f64::NAN); m * n];
    (0..count).for_each(|i| all.bind(i, [a[i].as_ptr(), b[i].as_ptr()], c.as_mut_ptr()));
    // SAFETY: as above.
    unsafe { all.run_added(&mut workers) };
    assert!(bits(&c) == bits(&sums[0]), "{name}: added up");
    true
}

#[test]
fn products_at_once_have_the_bits_of_each_by_itself() {
    let sides = [1, 2, 3, 5, 7, 9, 13, 16, 17, 23, 31, 33, 40, 49, 64, 70];
    let mut added = 0;
    for level in LEVELS {
        for m in sides {
            for n in sides {
                let (k, bits) = (1 + (m * 11 + n * 3) % 37, m + 2 * n);
                for (count, bits) in [(2, bits), (4, bits + 1), (8, bits + 2)] {
                    let transposed = [bits & 1 > 0, bits & 2 > 0];
                    added += usize::from(together::<f32>(level, [m, n, k], transposed, count, 1));
                    added += usize::from(together::<f64>(level, [m, n, k], transposed, count, 1));
                }
            }
        }
    }
    assert!(added > 1000, "{added}");
}

#[test]
fn gradients_of_wide_layers_are_added_up_as_they_are_computed() {
    for level in LEVELS {
        // Of pieces of 16 and more rows, packed and not, in several blocks, deeper together than one block, and cut for threads.
        for [m, n, k] in
            [[784, 128, 16], [128, 64, 16], [64, 10, 16], [300, 2100, 40], [130, 210, 150], [200, 480, 300]]
        {
            for count in [2, 4] {
                // Where tiles at an edge have several chains, it is refused.
                together::<f32>(level, [m, n, k], [true, false], count, 1);
                together::<f32>(level, [m, n, k], [true, false], count, 3);
                together::<f64>(level, [m, n, k], [true, false], count, 1);
                together::<f32>(level, [k, n, m], [false, true], count, 2);
                together::<f32>(level, [k, n, m], [false, false], count, 2);
            }
        }
        assert!(!together::<f32>(level, [64, 64, 600], [true, false], 4, 1), "cut in k");
    }
}

#[test]
fn zeros_of_a_gate_stay_zeros_in_a_sum_of_products() {
    // Where tiles at an edge have several chains, as of 33 columns on some levels, products are not added as they are computed.
    assert!([32, 33].map(zeros_stay_zeros_in_a_sum)[0], "whole tiles are added as they are computed");
}

/// Whether such products are added as they are computed; if so, zeros of a gate are zeros in the sum.
fn zeros_stay_zeros_in_a_sum(n: usize) -> bool {
    let (m, k, count) = (48, 8, 4);
    let mut r = Integers(3);
    let mut many = |len| (0..count).map(|_| rounded::<f64>(&mut r, len)).collect::<Vec<_>>();
    let (mut a, mut b) = (many(m * k), many(k * n));
    if !Together::<f64>::new(simd::level(), [m, n, k], [true, false], [false, true], count).unwrap().can_be_added(1) {
        return false;
    }
    let at = |a: &[Vec<f64>], b: &[Vec<f64>], gates| {
        let mut all = Together::new(simd::level(), [m, n, k], [true, false], gates, count).unwrap();
        let mut c = vec![f64::NAN; m * n];
        (0..count).for_each(|i| all.bind(i, [a[i].as_ptr(), b[i].as_ptr()], c.as_mut_ptr()));
        // SAFETY: the buffers have the sizes.
        unsafe { all.run_added(&mut Workers::new(1)) };
        c
    };
    (0..n).for_each(|j| b[2][3 * n + j] = 0.0);
    a[2][3 * m + 5] = 0.0;
    let clean = at(&a, &b, [false, true]);
    a[2][3 * m + 5] = f64::INFINITY;
    let found = at(&a, &b, [false, true]);
    assert!(found.iter().zip(&clean).all(|(x, y)| (x - y).abs() < 1e-12));
    assert!(at(&a, &b, [false; 2])[5 * n..6 * n].iter().all(|x| x.is_nan()));
    true
}
