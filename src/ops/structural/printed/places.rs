/// Where the elements of a view lie.
fn places(start: usize, shape: &[usize], strides: &[isize]) -> Vec<usize> {
    let mut places = vec![start];
    for (&n, &stride) in shape.iter().zip(strides) {
        let along = |&place: &usize| (0..n as isize).map(move |i| (place as isize + i * stride) as usize);
        places = places.iter().flat_map(along).collect();
    }
    places
}
