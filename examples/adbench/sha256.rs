//! SHA-256 (FIPS 180-4), to name the data that a result belongs to.

/// The digest in hexadecimal digits.
pub(crate) fn hex(data: &[u8]) -> String {
    let primes: Vec<u64> = (2..).filter(|n| (2..*n).all(|d| n % d != 0)).take(64).collect();
    // The first 32 bits of the fractional parts of roots.
    let mut state: [u32; 8] = std::array::from_fn(|i| root_bits(primes[i], 2));
    let constants: [u32; 64] = std::array::from_fn(|i| root_bits(primes[i], 3));
    let mut padded = data.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(64), 0);
    if padded.len() - data.len() < 9 {
        padded.resize(padded.len() + 64, 0);
    }
    let end = padded.len() - 8;
    padded[end..].copy_from_slice(&(8 * data.len() as u64).to_be_bytes());
    for block in padded.chunks_exact(64) {
        compress(&mut state, &constants, block);
    }
    state.iter().map(|word| format!("{word:08x}")).collect()
}

/// The first 32 bits behind the point of the square or cube root of n.
fn root_bits(n: u64, degree: u32) -> u32 {
    // The largest r with r^degree <= n 2^(32 degree), bit by bit: n < 312 keeps r below 2^37 and its cube below 2^111.
    let target = (n as u128) << (32 * degree);
    let mut root = 0u128;
    for bit in (0..37).rev() {
        let next = root | 1 << bit;
        if next.pow(degree) <= target {
            root = next;
        }
    }
    root as u32
}

fn compress(state: &mut [u32; 8], constants: &[u32; 64], block: &[u8]) {
    let mut w = [0u32; 64];
    for (word, bytes) in w.iter_mut().zip(block.chunks_exact(4)) {
        *word = u32::from_be_bytes(bytes.try_into().expect("four bytes"));
    }
    for i in 16..64 {
        let small = |x: u32, a: u32, b: u32, c: u32| x.rotate_right(a) ^ x.rotate_right(b) ^ (x >> c);
        let (s0, s1) = (small(w[i - 15], 7, 18, 3), small(w[i - 2], 17, 19, 10));
        w[i] = w[i - 16].wrapping_add(s0).wrapping_add(w[i - 7]).wrapping_add(s1);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for i in 0..64 {
        let large = |x: u32, a: u32, b: u32, c: u32| x.rotate_right(a) ^ x.rotate_right(b) ^ x.rotate_right(c);
        let choice = (e & f) ^ (!e & g);
        let first =
            h.wrapping_add(large(e, 6, 11, 25)).wrapping_add(choice).wrapping_add(constants[i]).wrapping_add(w[i]);
        let second = large(a, 2, 13, 22).wrapping_add((a & b) ^ (a & c) ^ (b & c));
        (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(first), c, b, a, first.wrapping_add(second));
    }
    for (slot, word) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *slot = slot.wrapping_add(word);
    }
}
