//! The batches of an epoch: every row once, found from their number, in memory that is written again.

use super::message;
use retrograd::Tensor;
use retrograd::data::{Batch, Dataset, Order, shuffled};

fn data(n: usize) -> Dataset<f32> {
    let inputs = Tensor::from_fn([n, 2, 3], |index| (index[0] * 10 + index[1] * 3 + index[2]) as f32);
    let weights = Tensor::from_fn([n], |index| 1.0 + index[0] as f32);
    Dataset::labelled(inputs, (0..n).collect()).unwrap().with_weights(weights).unwrap()
}

#[test]
fn an_order_is_a_permutation_that_never_changes() {
    // From a second implementation, in Python: ChaCha8 (RFC 8439's block with 8 rounds, a counter of 64 bits) under the key of
    // seed, "shuffle\0", epoch and 0; row i changes places with row (r (i + 1)) >> 64, from the last one to 1, r being the next
    // 64 bits. An order may not change, since training that was interrupted goes on in it.
    assert_eq!(shuffled(10, 1, 0), [2, 0, 8, 6, 5, 4, 7, 3, 9, 1]);
    assert_eq!(shuffled(10, 1, 1), [6, 4, 3, 2, 5, 8, 1, 9, 0, 7]);
    assert_eq!(shuffled(10, (1 << 63) + 5, 7), [4, 3, 1, 0, 7, 9, 2, 5, 6, 8]);
    let mut sorted = shuffled(1000, 5, 3);
    sorted.sort();
    assert_eq!(sorted, (0..1000).collect::<Vec<usize>>());
    assert_eq!((shuffled(0, 1, 1), shuffled(1, 1, 1)), (vec![], vec![0]));
}

#[test]
fn every_place_is_as_likely_for_every_row() {
    let mut counts = [[0u32; 5]; 5];
    for epoch in 0..5000 {
        for (place, row) in shuffled(5, 9, epoch).into_iter().enumerate() {
            counts[place][row] += 1;
        }
    }
    // 1000 expected, with a standard deviation of 28.
    assert!(counts.iter().flatten().all(|&count| count.abs_diff(1000) < 140), "{counts:?}");
}

#[test]
fn an_epoch_holds_every_row_once_and_ends_with_a_short_batch() {
    let data = data(10);
    let order = shuffled(10, 4, 2);
    let mut seen = Vec::new();
    let mut batches = data.batches(4, Order::shuffled(4, 2)).unwrap();
    assert_eq!((batches.count_all(), batches.len()), (3, 3));
    let mut sizes = Vec::new();
    while let Some(batch) = batches.next_batch() {
        sizes.push(batch.len());
        assert_eq!(batch.inputs.shape().dims(), [batch.len(), 2, 3]);
        for (i, &label) in batch.targets.labels().unwrap().iter().enumerate() {
            assert_eq!(batch.inputs[[i, 1, 2]], (label * 10 + 5) as f32);
            assert_eq!(batch.weights.as_ref().unwrap()[[i]], 1.0 + label as f32);
            seen.push(label);
        }
    }
    assert_eq!((sizes, seen), (vec![4, 4, 2], order));
}

#[test]
fn a_batch_is_found_from_its_number() {
    let data = data(11);
    for order in [Order::Sequential, Order::shuffled(3, 8)] {
        let all: Vec<Batch<f32>> = data.batches(3, order).unwrap().collect();
        for (k, expected) in all.iter().enumerate() {
            let mut batches = data.batches(3, order).unwrap();
            batches.seek(k);
            assert_eq!(batches.position(), k);
            assert_eq!(batches.next_batch(), Some(expected));
        }
        let mut batches = data.batches(3, order).unwrap();
        batches.seek(99);
        assert!(batches.next_batch().is_none());
        // The same memory serves the next epoch.
        batches.restart(Order::Sequential);
        assert_eq!(batches.next_batch().unwrap().targets.labels(), Some(&[0, 1, 2][..]));
        batches.restart(order);
        assert_eq!(batches.collect::<Vec<_>>(), all);
    }
}

#[test]
fn rows_in_order_stay_in_order() {
    let labels: Vec<usize> = data(7)
        .batches(3, Order::Sequential)
        .unwrap()
        .flat_map(|batch| batch.targets.labels().unwrap().to_vec())
        .collect();
    assert_eq!(labels, [0, 1, 2, 3, 4, 5, 6]);
    let values = Dataset::<f64>::regression([[1.0], [2.0], [3.0]], [[4.0, 5.0], [6.0, 7.0], [8.0, 9.0]]).unwrap();
    let last = values.batches(2, Order::Sequential).unwrap().last().unwrap();
    assert_eq!(last.targets.values().unwrap(), &Tensor::from([[8.0, 9.0]]));
}

#[test]
fn a_batch_of_everything_in_order_shares_the_data() {
    let data = data(7);
    let mut batches = data.batches(7, Order::Sequential).unwrap();
    assert!(batches.next_batch().unwrap().inputs.shares_buffer_with(data.inputs()));
    batches.restart(Order::Sequential);
    assert!(batches.next_batch().unwrap().inputs.shares_buffer_with(data.inputs()));
    // A shuffled one does not, and leaves the data alone.
    batches.restart(Order::shuffled(0, 0));
    assert!(!batches.next_batch().unwrap().inputs.shares_buffer_with(data.inputs()));
    assert_eq!(data.inputs()[[6, 0, 0]], 60.0);
}

#[test]
fn a_batch_that_is_kept_is_not_written_again() {
    let data = data(9);
    let kept: Vec<Batch<f32>> = data.batches(2, Order::shuffled(1, 1)).unwrap().collect();
    let labels: Vec<usize> = kept.iter().map(|batch| (batch.inputs[[0, 0, 0]] / 10.0) as usize).collect();
    let order = shuffled(9, 1, 1);
    assert_eq!(labels, order.iter().copied().step_by(2).collect::<Vec<_>>());
}

#[test]
fn a_size_of_0_is_refused_and_a_larger_one_is_the_data() {
    let data = data(5);
    assert_eq!(message(data.batches(0, Order::Sequential)), "batches: a batch size of 0; use 1 or more");
    // More than there are is all of them.
    assert_eq!(data.batches(6, Order::Sequential).unwrap().map(|batch| batch.len()).collect::<Vec<_>>(), [5]);
}
