//! Maps against a loop over points on a tape.

use retrograd::ops::Saves;
use retrograd::program::{Map, Options, Points};
use retrograd::{Element, Float, Number, Result, Tape, Unary, Upstream, Var};

/// Numbers that look random and are not.
fn sample<T: Element>(n: usize, seed: usize) -> Vec<T> {
    (0..n).map(|i| T::from_f64((((i + 1) * (2 * seed + 3) * 7919) % 1000) as f64 / 500.0 - 0.999)).collect()
}

const SIZES: [usize; 8] = [0, 1, 2, 7, 33, 64, 255, 1000];

type Body = for<'t> fn(&[Var<'t, f64>], &[Var<'t, f64>]) -> Vec<Var<'t, f64>>;

/// log(sum_i exp(s_i - 1/2 |x - mu_i|^2)) of three components in the plane, its largest term held.
fn mixture<'t>(x: &[Var<'t, f64>], s: &[Var<'t, f64>]) -> Vec<Var<'t, f64>> {
    let terms: Vec<Var<'t, f64>> =
        s.chunks_exact(3).map(|s| s[0] - ((x[0] - s[1]).square() + (x[1] - s[2]).square()) * 0.5).collect();
    let largest = terms[1..].iter().fold(terms[0].detach(), |a, b| a.maximum(b.detach()));
    vec![terms.iter().map(|&t| (t - largest).exp()).sum::<Var<'_, f64>>().ln() + largest]
}

/// Two numbers of a rotation and a division, a third of one input alone, with a choice where the angle is zero.
fn projection<'t>(x: &[Var<'t, f64>], s: &[Var<'t, f64>]) -> Vec<Var<'t, f64>> {
    let squared = x[0] * x[0] + x[1] * x[1];
    let angle = squared.select(squared, 1.0).sqrt();
    let turned = x[2] * angle.cos() + x[3] * angle.sin() / angle;
    let y = squared.select(turned, x[2] + x[3]) / (x[3] + 3.0);
    vec![y * s[0] + x[1], (y * y * s[1]).tanh() * x[4], x[4] * x[4] * 0.5]
}

/// Values and derivatives by all numbers of each point in turn.
fn by_tape(body: Body, points: &[f64], width: usize, shared: &[f64]) -> Vec<(Vec<f64>, Vec<Vec<f64>>)> {
    let of_point = |point: &[f64]| {
        let tape = Tape::new();
        let (x, s) = (tape.vars(point), tape.vars(shared));
        let y = body(&x, &s);
        let all: Vec<Var<'_, f64>> = x.iter().chain(&s).copied().collect();
        (y.iter().map(|y| y.item()).collect(), y.iter().map(|y| y.backward().items(&all)).collect())
    };
    points.chunks_exact(width).map(of_point).collect()
}

#[track_caller]
fn assert_close(found: &[f64], expected: impl IntoIterator<Item = f64>) {
    let expected: Vec<f64> = expected.into_iter().collect();
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1.0f64, |a, b| a.max(b.abs()));
    for (k, (a, b)) in found.iter().zip(&expected).enumerate() {
        assert!((a - b).abs() <= 1e-13 * scale, "number {k}: {a} for {b}");
    }
}

#[test]
fn values_and_gradients_of_a_mixture_agree_with_a_loop_over_a_tape() {
    let shared = sample(9, 1);
    let mut map = Map::compile(2, 9, mixture).unwrap();
    let mut gradient_map = Options::new().map_gradient(2, 9, &[1, 0], |x, s| mixture(x, s)[0]).unwrap();
    for n in SIZES {
        let x = sample(2 * n, 2);
        let points = Points::new(n).rows(&x, 2);
        let expected = by_tape(mixture, &x, 2, &shared);
        let values = map.run(&points, &shared).unwrap();
        assert_eq!(values.shape().dims(), [n, 1]);
        assert_close(values.as_slice(), expected.iter().map(|(y, _)| y[0]));
        let (mut gradient, mut by_inputs) = ([f64::NAN; 9], vec![f64::NAN; 2 * n]);
        let sum = gradient_map.gradient_with_inputs(&points, &shared, &mut gradient, &mut by_inputs).unwrap();
        assert_close(&[sum], [expected.iter().map(|(y, _)| y[0]).sum()]);
        assert_close(&gradient, (0..9).map(|k| expected.iter().map(|(_, d)| d[0][2 + k]).sum()));
        assert_close(&by_inputs, expected.iter().flat_map(|(_, d)| [d[0][1], d[0][0]]));
    }
}

#[test]
fn jacobians_by_points_and_shared_numbers_agree_with_a_loop_over_a_tape() {
    let shared = [0.7, -1.2];
    let n = 37;
    let mut x = sample(5 * n, 3);
    // The formula of an angle of zero, and its derivatives, at one point.
    x[15..17].fill(0.0);
    let expected = by_tape(projection, &x, 5, &shared);
    // Three values by seven numbers go backward, by one forward.
    for by in [vec![0, 1, 2, 3, 4, 5, 6], vec![6], vec![4, 0], vec![]] {
        let mut map = Map::compile_jacobian(5, 2, &by, projection).unwrap();
        let (values, blocks) = map.jacobian(&Points::new(n).rows(&x, 5), &shared).unwrap();
        assert_eq!(blocks.shape().dims(), [n, 3, by.len()]);
        assert_close(values.as_slice(), expected.iter().flat_map(|(y, _)| y.clone()));
        let rows = expected.iter().flat_map(|(_, d)| d).flat_map(|row| by.iter().map(|&k| row[k]));
        assert_close(blocks.as_slice(), rows);
    }
}

#[test]
fn gathered_inputs_are_those_of_copied_ones_to_the_bit() {
    let (table, other) = (sample(2 * 11, 4), sample(2 * 7, 5));
    let shared = [0.3, 0.9];
    for n in [0, 1, 500, 40_000] {
        let rows: Vec<u32> = (0..n as u32).map(|i| i * 5 % 11).collect();
        let others: Vec<u32> = (0..n as u32).map(|i| i * i % 7).collect();
        let weights = sample(n, 6);
        let copied: Vec<f64> = (0..n)
            .flat_map(|i| {
                let (a, b) = (rows[i] as usize * 2, others[i] as usize * 2);
                [table[a], table[a + 1], weights[i], other[b], other[b + 1]]
            })
            .collect();
        let gathered = Points::new(n).gathered(&table, 2, &rows).column(&weights).gathered(&other, 2, &others);
        let mut map = Map::compile_jacobian(5, 2, &[0, 3, 4], projection).unwrap();
        let one = map.jacobian(&gathered, &shared).unwrap();
        let two = map.jacobian(&Points::new(n).rows(&copied, 5), &shared).unwrap();
        assert_eq!(one, two);
        let mut map = Map::compile_gradient(5, 2, |x, s| projection(x, s)[1]).unwrap();
        let [mut one, mut two] = [[0.0; 2]; 2];
        let sums = [
            map.gradient(&gathered, &shared, &mut one),
            map.gradient(&Points::new(n).rows(&copied, 5), &shared, &mut two),
        ];
        let [a, b] = sums.map(Result::unwrap);
        assert_close(&[a, one[0], one[1]], [b, two[0], two[1]]);
    }
}

#[test]
fn columns_of_a_table_are_inputs_of_their_own() {
    let table = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let points = Points::new(2).columns(&table, 3, 2..3).columns(&table, 3, 0..2);
    let mut map = Map::compile(3, 0, |x, _| vec![x[0] * 100.0 + x[1] * 10.0 + x[2]]).unwrap();
    assert_eq!(map.run(&points, &[]).unwrap().to_vec(), [312.0, 645.0]);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let x = sample(2 * 30_001, 7);
    let shared = sample(9, 8);
    let points = Points::new(30_001).rows(&x, 2);
    let results = [1, 2, 5].map(|threads| {
        let settings = Options::new().threads(threads);
        let mut map = settings.map_gradient(2, 9, &[0, 1], |x, s| mixture(x, s)[0]).unwrap();
        let (mut gradient, mut by_inputs) = ([0.0; 9], vec![0.0; 60_002]);
        let sum = map.gradient_with_inputs(&points, &shared, &mut gradient, &mut by_inputs).unwrap();
        (sum.to_bits(), gradient.map(f64::to_bits), by_inputs)
    });
    assert!(results.iter().all(|result| *result == results[0]));
}

#[test]
fn single_precision_maps_too() {
    let mut map = Options::new().map_jacobian::<f32>(1, 1, &[0], |x, s| vec![(x[0] * s[0]).sin()]).unwrap();
    let x: Vec<f32> = sample(99, 1);
    let (values, slopes) = map.jacobian(&Points::new(99).column(&x), &[2.0]).unwrap();
    assert_eq!([values.len(), slopes.len()], [99; 2]);
    for ((x, y), d) in x.iter().zip(&values).zip(&slopes) {
        assert!((y - (2.0 * x).sin()).abs() < 1e-6 && (d - 2.0 * (2.0 * x).cos()).abs() < 1e-6);
    }
}

#[test]
fn values_that_depend_on_no_input_are_there_for_every_point() {
    let mut map = Map::compile(1, 1, |_, s| vec![s[0].exp(), Var::constant(3.0)]).unwrap();
    let x = [0.0; 3];
    assert_eq!(map.run(&Points::new(3).column(&x), &[0.0]).unwrap().to_vec(), [1.0, 3.0, 1.0, 3.0, 1.0, 3.0]);
    let mut map = Map::compile_gradient(1, 2, |_, s| s[0] * s[0]).unwrap();
    let mut gradient = [7.0; 2];
    assert_eq!(map.gradient(&Points::new(3).column(&x), &[2.0, 5.0], &mut gradient).unwrap(), 12.0);
    assert_eq!(gradient, [12.0, 0.0]);
}

/// What the error says.
#[track_caller]
fn says<R>(result: Result<R>, parts: &[&str]) {
    let message = result.err().expect("an error").to_string();
    for part in parts {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}

#[derive(Clone, Copy, Debug)]
struct Twice;
impl Unary for Twice {
    const NAME: &'static str = "twice";
    const SAVES: Saves = Saves::NOTHING;
    const POINTS: &'static [f64] = &[1.0];
    fn value<F: Float>(self, x: F) -> F {
        x + x
    }
    fn vjp<S: Number>(self, _: S, _: S, g: Upstream<S>) -> Upstream<S> {
        g * S::lit(2.0)
    }
}

#[test]
fn what_cannot_be_mapped_is_refused_when_compiled() {
    let compile = |body: Body| Map::compile(1, 1, body);
    says(compile(|x, _| if x[0] > 0.0 { vec![x[0]] } else { vec![-x[0]] }), &["map: the function compares", "select"]);
    says(compile(|x, _| vec![x[0] * x[0].item()]), &["a number was read at", "map.rs"]);
    let mut largest = retrograd::compile(|v| vec![v[0].at([v[0].argmax(0)[0]])]);
    let message = largest.call(&[&retrograd::Tensor::from([1.0, 2.0])]).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("a value was read at tests/programs/map.rs"), "{message}");
    says(compile(|x, _| vec![x[0].tape().data([1.0, 2.0]).sum(()) * x[0]]), &["shape [2]", "one by one"]);
    says(compile(|x, _| vec![Var::stack(&[x[0], x[0]], 0).sum(())]), &["makes a tensor of shape", "map.rs"]);
    says(compile(|x, _| vec![x[0].apply(Twice)]), &["twice at", "of your own"]);
    says(compile(|_, _| vec![]), &["returns no number"]);
    says(Map::compile_jacobian(1, 1, &[2], |x, _| x.to_vec()), &["no number 2", "there are 2"]);
    says(Options::new().map_gradient::<f64>(1, 1, &[1], |x, _| x[0]), &["no number 1", "there are 1"]);
}

#[test]
fn a_map_says_what_it_is_compiled_for_when_it_is_asked_for_something_else() {
    let mut values = Map::compile(0, 1, |_, s| s.to_vec()).unwrap();
    let point = Points::new(1);
    says(values.gradient(&point, &[1.0], &mut [0.0]), &["map: compiled for values, asked for the gradient of a sum"]);
    says(values.jacobian(&point, &[1.0]), &["asked for Jacobians"]);
    let mut gradient = Map::compile_gradient(0, 1, |_, s| s[0]).unwrap();
    says(gradient.run(&point, &[1.0]), &["map: compiled for the gradient of a sum, asked for values"]);
    let mut jacobian = Map::compile_jacobian(0, 1, &[0], |_, s| s.to_vec()).unwrap();
    says(jacobian.run_into(&point, &[1.0], &mut [0.0]), &["map: compiled for Jacobians"]);
    for settings in [Options::new().carry(0, 0), Options::new().gradient(&[0]), Options::new().write_out(&[0])] {
        says(settings.map::<f64>(0, 1, |_, s| s.to_vec()), &["map: carry, gradient and write_out are for programs"]);
    }
}

#[test]
fn points_that_do_not_fit_are_refused_when_run() {
    let mut map = Map::compile(2, 1, |x, s| vec![x[0] * x[1] * s[0]]).unwrap();
    let x = [1.0; 6];
    let points = Points::new(3).rows(&x, 2);
    says(map.run(&Points::new(3).column(&x[..3]), &[1.0]), &["takes 2 inputs, got 1"]);
    says(map.run(&points, &[]), &["takes 1 shared numbers, got 0"]);
    says(map.run(&Points::new(4).rows(&x, 2), &[1.0]), &["part 0", "4 rows of 2 are 8 numbers, got 6"]);
    says(map.run_into(&points, &[1.0], &mut [0.0; 4]), &["output 0 has 1 numbers for each of 3 points", "4"]);
    let gathered = |indices| Points::new(3).gathered(&x, 2, indices);
    says(map.run(&gathered(&[0, 1]), &[1.0]), &["2 indices for 3 points"]);
    says(map.run(&gathered(&[0, 3, 2]), &[1.0]), &["index 3 of point 1 is out of range for 3 rows"]);
    says(map.run(&Points::new(1).gathered(&x[..5], 2, &[0]), &[1.0]), &["5 numbers are no rows of 2"]);
    let mut gradient = Map::compile_gradient(2, 1, |x, s| x[0] * s[0]).unwrap();
    says(gradient.gradient(&points, &[1.0], &mut []), &["gradient has 0 elements for 1"]);
    says(gradient.gradient_with_inputs(&points, &[1.0], &mut [0.0], &mut [0.0]), &["output 0"]);
    assert_eq!(map.run(&points, &[2.0]).unwrap().to_vec(), [2.0; 3]);
}

/// The Jacobian of a function of shared numbers alone.
fn of_shared(n: usize, f: impl for<'t> FnOnce(&[Var<'t, f64>]) -> Vec<Var<'t, f64>>) -> Result<Map<f64>> {
    let by: Vec<usize> = (0..n).collect();
    Map::compile_jacobian(0, n, &by, |_, x| f(x))
}

#[test]
fn a_tall_jacobian_has_the_values_and_rows_of_a_tape() {
    for n in [1, 2, 5, 26, 31, 32, 70] {
        fn tall<'t>(x: &[Var<'t, f64>]) -> Vec<Var<'t, f64>> {
            let sum = x.iter().copied().sum::<Var<'t, f64>>();
            let mut y: Vec<Var<'t, f64>> = x.iter().flat_map(|&x| [x.sin() * sum, x, x * x / (sum + 100.0)]).collect();
            y.push(Var::constant(3.0));
            y.push(sum.select(x[0], x[x.len() - 1]));
            // A tail: sums, differences and multiples by literals, of a number that others read as well.
            let product = y[0] * 0.25 - 1.5;
            y.push(-(product / 3.0 + y[2] * -2.0) + product);
            y.push(2.0 - product.sin() - (y[2] + y[0]));
            // What differs by a sign and a literal alone.
            let last = y[y.len() - 1];
            y.extend([-last, -(-last), -last + 0.5, 0.25 - last, last - 0.125, 3.0 - (-last), -(last + 1.0)]);
            y
        }
        let point = sample(n, 9);
        let mut jacobian = of_shared(n, tall).unwrap();
        for point in [point.clone(), point.iter().map(|x| 0.5 * x).collect()] {
            let (values, rows) = jacobian.jacobian(&Points::new(1), &point).unwrap();
            let tape = Tape::new();
            let x = tape.vars(&point);
            let y = tall(&x);
            assert_close(values.as_slice(), y.iter().map(|y| y.item()));
            assert_close(rows.as_slice(), y.iter().flat_map(|y| y.backward().items(&x)));
        }
    }
    // More ops on numbers alone than are computed one by one.
    let mut long = of_shared(2, |x| vec![(0..90).fold(x[0], |y, i| (y * x[1] + 0.01 * i as f64).sin())]).unwrap();
    let (values, row) = long.jacobian(&Points::new(1), &[0.4, 0.9]).unwrap();
    let tape = Tape::new();
    let x = tape.vars(&[0.4, 0.9]);
    let y = (0..90).fold(x[0], |y, i| (y * x[1] + 0.01 * i as f64).sin());
    assert_close(values.as_slice(), [y.item()]);
    assert_close(row.as_slice(), y.backward().items(&x));
    says(of_shared(1, |x| if x[0] > 0.0 { vec![x[0]] } else { vec![] }), &["compares"]);
    let mut one = of_shared(2, |x| vec![x[0]]).unwrap();
    let point = Points::new(1);
    says(one.jacobian(&point, &[1.0]), &["2 shared numbers, got 1"]);
    says(one.jacobian_into(&point, &[1.0, 2.0], &mut [0.0], &mut [0.0]), &["output 1 has 2 numbers", "memory for 1"]);
    let mut none = of_shared(0, |_| vec![Var::constant(2.0)]).unwrap();
    assert_eq!(none.jacobian(&point, &[]).unwrap().0.to_vec(), [2.0]);
    // The same for every point, and for none.
    let (values, blocks) = one.jacobian(&Points::new(3), &[4.0, 5.0]).unwrap();
    assert_eq!((values.to_vec(), blocks.to_vec()), (vec![4.0; 3], [1.0, 0.0].repeat(3)));
    assert!(one.jacobian(&Points::new(0), &[4.0, 5.0]).unwrap().1.is_empty());
}

#[test]
fn what_is_infinite_in_one_lane_of_a_tail_stays_there() {
    let mut steep = of_shared(2, |x| {
        let y = x[0].ln();
        vec![y * 0.5 - x[1], y / 4.0 + 1.0, -y, x[1] * f64::INFINITY]
    })
    .unwrap();
    let (values, jacobian) = steep.jacobian(&Points::new(1), &[0.0, 2.0]).unwrap();
    assert_eq!(values.to_vec(), [f64::NEG_INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::INFINITY]);
    let infinity = f64::INFINITY;
    assert_eq!(jacobian.to_vec(), [infinity, -1.0, infinity, 0.0, -infinity, 0.0, 0.0, infinity]);
}

#[test]
fn points_whose_results_no_memory_holds_are_an_error() {
    let mut values = Map::compile(0, 1, |_, s| vec![s[0], s[0] * 2.0]).unwrap();
    let mut blocks = Map::compile_jacobian(0, 1, &[0], |_, s| vec![s[0] * 3.0, s[0]]).unwrap();
    // With two values each, the first are to arithmetic that wraps 2 numbers and none.
    for n in [(1 << 63) + 1, 1 << 63, usize::MAX, 1 << 58] {
        let points = Points::new(n);
        let errors = [values.run(&points, &[1.0]).unwrap_err(), blocks.jacobian(&points, &[1.0]).unwrap_err()];
        for error in errors {
            assert!(error.is_shape() && error.to_string().starts_with("map: "), "{n}: {error}");
        }
    }
    assert_eq!(values.run(&Points::new(2), &[1.5]).unwrap().to_vec(), [1.5, 3.0, 1.5, 3.0]);
}
