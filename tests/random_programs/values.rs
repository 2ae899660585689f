//! Random numbers, and the values at which functions are most often wrong.

/// SplitMix64: a seed is a program for ever, on every machine.
/// Source: Steele, Lea & Flood, Fast Splittable Pseudorandom Number Generators (2014).
pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// Below n.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }
    pub fn between(&mut self, lo: usize, hi: usize) -> usize {
        lo + self.below(hi - lo + 1)
    }
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
    /// In 0..1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
    pub fn of<X: Copy>(&mut self, list: &[X]) -> X {
        list[self.below(list.len())]
    }
}

/// How far from ordinary an input's numbers are.
#[derive(Clone, Copy)]
pub enum Style {
    Ordinary,
    /// A few special ones among ordinary ones.
    Mixed,
    Special,
}

const SPECIAL: [f64; 17] = [
    0.0,
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    f64::NAN,
    1e-30,
    1e30,
    -1e30,
    700.0,
    -700.0,
    20.0,
];

/// The ends of the range: subnormal, smallest normal, largest.
fn end(random: &mut Random, single: bool) -> f64 {
    let ends = if single {
        [1e-45, 1e-40, f32::MIN_POSITIVE as f64, f32::MAX as f64]
    } else {
        [5e-324, 1e-310, f64::MIN_POSITIVE, f64::MAX]
    };
    random.of(&ends) * random.of(&[1.0, -1.0])
}

/// Just beside a point where many functions have an edge.
fn beside(random: &mut Random, single: bool) -> f64 {
    let epsilon = if single { f32::EPSILON as f64 } else { f64::EPSILON };
    random.of(&[1.0, 1.0, -1.0, 3.0, 6.0]) * (1.0 + random.of(&[-64.0, -1.0, 1.0, 3.0, 50.0]) * epsilon)
}

/// A number, rounded to the precision.
pub fn number(random: &mut Random, style: Style, single: bool) -> f64 {
    let special = match style {
        Style::Ordinary => 0,
        Style::Mixed => 15,
        Style::Special => 70,
    };
    let x = if random.chance(special) {
        match random.below(10) {
            0 => end(random, single),
            1 | 2 => beside(random, single),
            3 => 10f64.powf(random.unit() * 60.0 - 30.0) * random.of(&[1.0, -1.0]),
            _ => random.of(&SPECIAL),
        }
    } else if random.chance(15) {
        random.between(0, 6) as f64 - 3.0
    } else {
        (random.unit() * 6.0 - 3.0 + 0.001).clamp(-3.0, 3.0)
    };
    if single { x as f32 as f64 } else { x }
}

/// Points at which functions change: zeros, edges, ends of domains and of the range of either precision.
pub fn special() -> Vec<f64> {
    let mut points = vec![f64::NAN];
    let of_one_sign = [
        0.0,
        5e-324,
        1e-310,
        f64::MIN_POSITIVE,
        1e-160,
        1e-45,
        f32::MIN_POSITIVE as f64,
        1e-20,
        1e-8,
        0.5,
        1.0 - f64::EPSILON,
        1.0,
        1.0 + f64::EPSILON,
        1.5,
        2.0,
        3.0,
        6.0,
        20.0,
        88.5,
        89.5,
        103.5,
        104.5,
        708.0,
        709.5,
        710.5,
        745.0,
        746.0,
        1e5,
        1e9,
        1e16,
        1.5e19,
        f32::MAX as f64,
        1.2e154,
        1.4e154,
        1e300,
        f64::MAX,
        f64::INFINITY,
    ];
    points.extend(of_one_sign.into_iter().flat_map(|x| [x, -x]));
    points
}
