/// Tensors one after the other, block by block.
fn concat(parts: &[&[f64]], blocks: usize) -> Vec<f64> {
    let part = |part: &[f64], block: usize| {
        let n = part.len() / blocks;
        part[block * n..(block + 1) * n].to_vec()
    };
    (0..blocks).flat_map(|block| parts.iter().flat_map(move |x| part(x, block))).collect()
}
