//! The workloads, each over the threads asked for.

use crate::barrier::Barrier;
use crate::math;
use crate::network::Network;
use common::BATCHES;
use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::*};

pub fn main() {
    let (workload, _) = common::arguments();
    match workload.as_str() {
        "xor" => xor(),
        "chain" => chain(common::threads()),
        "hessian" => {
            let (x, h) = (common::hessian_x(), RefCell::new(vec![0.0; 100 * 100]));
            let check = |()| vec![common::norm(h.borrow().iter().copied())];
            common::serve(|_| rosenbrock_hessian(black_box(&x), &mut h.borrow_mut()), check);
        }
        "hvp" => common::unsupported("not written by hand"),
        _ => match common::network(&workload) {
            Some(network) => train(network, common::threads()),
            None => common::unsupported("no such workload"),
        },
    }
}

/// Calls `part(i, id)` on all threads at once, as often as asked: `body` gets the function of i that does it.
fn together(threads: usize, part: impl Fn(usize, usize) + Sync, body: impl FnOnce(&dyn Fn(usize))) {
    const STOP: usize = usize::MAX;
    let (go, done, step) = (Barrier::new(threads), Barrier::new(threads), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for id in 1..threads {
            let (go, done, step, part) = (&go, &done, &step, &part);
            scope.spawn(move || {
                loop {
                    go.wait();
                    match step.load(Acquire) {
                        STOP => break,
                        i => part(i, id),
                    }
                    done.wait();
                }
            });
        }
        body(&|i| {
            step.store(i, Release);
            go.wait();
            part(i, 0);
            done.wait();
        });
        step.store(STOP, Release);
        go.wait();
    });
}

fn train(spec: common::Network, threads: usize) {
    let (network, barrier) = (Network::new(spec, threads), Barrier::new(threads));
    // SAFETY: all threads call this together, each with its own id.
    let part = |i, id| unsafe { network.step(i, id, &barrier) };
    together(threads, part, |step| {
        // SAFETY: the other threads wait for the next step.
        common::serve(step, |()| vec![unsafe { network.loss() }]);
    });
}

/// The 2-4-1 network, its numbers in registers and on the stack, on one thread.
fn xor() {
    let n = common::network("xor").expect("a network");
    let four = |x: &[f32]| -> [f32; 4] { x.try_into().expect("four") };
    let first = common::f32s(&n.weight(0));
    let mut w1 = [four(&first[..4]), four(&first[4..])];
    let mut w2 = four(&common::f32s(&n.weight(1)));
    let (mut b1, mut b2) = ([0.0; 4], 0.0);
    let x: Vec<[f32; 8]> = n.x().iter().map(|x| common::f32s(x).try_into().expect("eight")).collect();
    let y: Vec<[f32; 4]> = n.targets().iter().map(|y| four(&common::f32s(y))).collect();
    let rate = n.rate as f32;
    common::serve(
        |i| xor_step(&mut w1, &mut b1, &mut w2, &mut b2, black_box(&x[i % BATCHES]), &y[i % BATCHES], rate),
        |loss| vec![loss as f64],
    );
}

#[inline(never)]
fn xor_step(
    w1: &mut [[f32; 4]; 2],
    b1: &mut [f32; 4],
    w2: &mut [f32; 4],
    b2: &mut f32,
    x: &[f32; 8],
    y: &[f32; 4],
    rate: f32,
) -> f32 {
    let mut h = [0f32; 16];
    for n in 0..4 {
        for j in 0..4 {
            h[4 * n + j] = x[2 * n] * w1[0][j] + x[2 * n + 1] * w1[1][j] + b1[j];
        }
    }
    h.iter_mut().for_each(|h| *h = math::sigmoid(*h));
    let mut o = [*b2; 4];
    for n in 0..4 {
        for j in 0..4 {
            o[n] += h[4 * n + j] * w2[j];
        }
    }
    o.iter_mut().for_each(|o| *o = math::sigmoid(*o));
    let (mut d, mut dh, mut loss) = ([0f32; 4], [0f32; 16], 0.0);
    for n in 0..4 {
        let e = o[n] - y[n];
        loss += 0.25 * e * e;
        d[n] = 0.5 * e * o[n] * (1.0 - o[n]);
    }
    for n in 0..4 {
        for j in 0..4 {
            let a = h[4 * n + j];
            dh[4 * n + j] = d[n] * w2[j] * a * (1.0 - a);
        }
    }
    for n in 0..4 {
        *b2 -= rate * d[n];
        for j in 0..4 {
            w2[j] -= rate * d[n] * h[4 * n + j];
            b1[j] -= rate * dh[4 * n + j];
            w1[0][j] -= rate * dh[4 * n + j] * x[2 * n];
            w1[1][j] -= rate * dh[4 * n + j] * x[2 * n + 1];
        }
    }
    loss
}

/// Value and gradient of the chain in one pass over the numbers, which threads share.
fn chain(threads: usize) {
    let x = common::chain_x();
    let at = |id: usize| if id == threads { x.len() } else { x.len() * id / threads / 32 * 32 };
    // Each thread's own part, which nobody else locks while a step runs.
    let part_of = |id: usize| Mutex::new((0.0, vec![0f32; at(id + 1) - at(id)]));
    let parts: Vec<_> = (0..threads).map(part_of).collect();
    let part = |_, id: usize| {
        let mut result = parts[id].lock().expect("no panics");
        let (sum, gradient) = &mut *result;
        *sum = chain_part(black_box(&x[at(id)..at(id + 1)]), gradient);
    };
    together(threads, part, |step| {
        let check = |()| {
            let parts: Vec<_> = parts.iter().map(|part| part.lock().expect("no panics")).collect();
            let gradient = parts.iter().flat_map(|part| part.1.iter().map(|&g| g as f64));
            vec![parts.iter().map(|part| part.0).sum(), common::norm(gradient)]
        };
        common::serve(step, check);
    });
}

#[inline(never)]
fn chain_part(x: &[f32], gradient: &mut [f32]) -> f64 {
    const BLOCK: usize = 512;
    let mut sums = [0f32; BLOCK];
    for (x, gradient) in x.chunks(BLOCK).zip(gradient.chunks_mut(BLOCK)) {
        for ((&x, g), sum) in x.iter().zip(gradient).zip(&mut sums) {
            let (s, c) = math::sincos(x);
            let x2 = x * x;
            let e = math::exp(-x2);
            let u = s * e;
            let t = math::tanh(u);
            let q = math::sigmoid(0.5 * x);
            let r = 1.0 + x2;
            let log = math::ln(r);
            *sum += t + q * log;
            *g = (1.0 - t * t) * (c * e - 2.0 * x * u) + 0.5 * q * (1.0 - q) * log + q * 2.0 * x / r;
        }
    }
    sums.iter().map(|&sum| sum as f64).sum()
}

/// f = sum 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2; the Hessian has three diagonals.
#[inline(never)]
fn rosenbrock_hessian(x: &[f64], h: &mut [f64]) {
    let n = x.len();
    h.fill(0.0);
    for i in 0..n - 1 {
        h[i * n + i] += 1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0;
        h[(i + 1) * n + i + 1] += 200.0;
        h[i * n + i + 1] = -400.0 * x[i];
        h[(i + 1) * n + i] = -400.0 * x[i];
    }
}
