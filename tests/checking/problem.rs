//! Functions and hand-coded gradients as data: what is read, and what is refused, by node and key.

use retrograd::check::{Gradcheck, Problem};
use retrograd::{Conv, Error, Pooling, Span, Tape, Tensor, keep, store};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A problem of the parameters x, y and z, where it has them: the sum of a node, of its squares and of x, so that what has no slope has one.
fn of_node(node: &str, args: &[&Tensor<f64>]) -> Result<Problem, Error> {
    let names = &["x", "y", "z"][..args.len()];
    let array = |x: &Tensor<f64>| format!(r#"{{"shape": {:?}, "data": {:?}}}"#, x.shape().dims(), x.to_vec());
    let params: Vec<String> = names.iter().zip(args).map(|(name, x)| format!("{name:?}: {}", array(x))).collect();
    Problem::parse(&format!(
        r#"{{"params": {{{}}}, "output": "total", "nodes": [
            {{"name": "node", "args": {names:?}, {node}}},
            {{"name": "squares", "op": "square", "args": ["node"]}},
            {{"name": "both", "op": "add", "args": ["squares", "node"]}},
            {{"name": "of_node", "op": "sum", "args": ["both"], "axes": null, "keep": false}},
            {{"name": "of_x", "op": "sum", "args": ["x"]}},
            {{"name": "total", "op": "add", "args": ["of_node", "of_x"]}}
        ]}}"#,
        params.join(", ")
    ))
}

/// The node's value must be this, and the function have the gradient that differences say.
fn computes(node: &str, args: &[&Tensor<f64>], expected: &Tensor<f64>) {
    let problem = of_node(node, args).unwrap_or_else(|error| panic!("{node}: {error}"));
    let tape = Tape::new();
    let vars: Vec<_> = args.iter().map(|x| tape.var(*x)).collect();
    let total = problem.record(&tape, &vars).unwrap();
    let graph = retrograd::graph::Graph::of(total);
    if let Some(found) = graph.nodes().iter().find(|other| other.name() == Some("node")) {
        let found = found.value().clone().into_tensor();
        assert_eq!((found.shape(), found.to_vec()), (expected.shape(), expected.to_vec()), "{node}");
    }
    assert_eq!(total.item(), (expected.square() + expected).sum(()).item() + args[0].sum(()).item(), "{node}");
    if total.item().is_finite() {
        let point: Vec<(&str, Tensor<f64>)> =
            ["x", "y", "z"].into_iter().zip(args.iter().map(|x| (*x).clone())).collect();
        let report = Gradcheck::new().gradcheck(&point, |p| problem.record(p[0].tape(), p).unwrap());
        assert!(report.parameters.iter().all(|parameter| parameter.differing == 0), "{node}: {report}");
    }
}

/// A parameter for an op of the registry.
trait Sample {
    const VALUE: Self;
}
impl Sample for f64 {
    const VALUE: f64 = 0.75;
}
impl Sample for i32 {
    const VALUE: i32 = -3;
}
impl Sample for u32 {
    const VALUE: u32 = 2;
}

#[test]
fn every_elementwise_op_of_one_argument_goes_by_its_methods_name() {
    let x = Tensor::from([0.3, 0.55, 0.9]);
    let mut n = 0;
    macro_rules! each {
        ($($(#[$doc:meta])* $method:ident $(($($arg:ident : $ty:ty),+))? => $Op:ident;)*) => {$(
            let parameters: &[String] = &[$($(format!(", {:?}: {}", stringify!($arg), <$ty as Sample>::VALUE)),+)?];
            let node = format!(r#""op": {:?}{}"#, stringify!($method), parameters.concat());
            // acosh begins at 1.
            let at = if stringify!($method) == "acosh" { &x + 1.0 } else { x.clone() };
            computes(&node, &[&at], &at.$method($($(<$ty as Sample>::VALUE),+)?));
            n += 1;
        )*};
    }
    retrograd::for_each_unary!(each);
    assert!(n > 50, "{n} ops");
}

#[test]
fn every_elementwise_op_of_two_arguments_goes_by_its_methods_name() {
    let (x, y) = (Tensor::from([[0.3], [0.9]]), Tensor::from([0.25, 0.5, 1.25]));
    macro_rules! each {
        ($($name:ident $try_name:ident)*) => {$(
            computes(&format!(r#""op": {:?}"#, stringify!($name)), &[&x, &y], &x.$try_name(&y).unwrap());
        )*};
    }
    each! {
        add try_add sub try_sub mul try_mul div try_div pow try_pow atan2 try_atan2 hypot try_hypot maximum try_maximum minimum try_minimum
        logaddexp try_logaddexp xlogy try_xlogy bce_with_logits try_bce_with_logits greater try_greater greater_equal try_greater_equal
        less try_less less_equal try_less_equal equal try_equal not_equal try_not_equal
    }
}

#[test]
fn every_op_on_whole_tensors_is_the_method_of_its_name() {
    let m = Tensor::from([[0.7, -1.2, 0.4], [1.5, 0.3, -0.8]]);
    let q = Tensor::from([[2.0, 0.3, -0.1], [0.4, 1.5, 0.2], [-0.3, 0.1, 3.0]]);
    let s = &q.matmul(q.t()) + Tensor::eye(3);
    let v = Tensor::from([0.9, -0.4, 1.1]);
    let p = Tensor::from([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]]);
    let three = Tensor::linspace(-1.0, 1.3, 12).reshape([2, 3, 2]);
    let ones = Tensor::from([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
    let (wide, kernels) =
        (Tensor::linspace(-1.0, 1.3, 12).reshape([1, 2, 6]), Tensor::linspace(0.2, -0.9, 12).reshape([2, 2, 3]));
    let (image, patch) =
        (Tensor::linspace(-1.0, 1.3, 18).reshape([1, 2, 3, 3]), Tensor::linspace(0.2, -0.9, 8).reshape([2, 1, 2, 2]));
    let cases: Vec<(&str, Vec<&Tensor<f64>>, Tensor<f64>)> = vec![
        (r#""op": "matmul""#, vec![&m, &q], m.matmul(&q)),
        (r#""op": "matmul""#, vec![&m, &v], m.matmul(&v)),
        (r#""op": "dot""#, vec![&v, &v], v.dot(&v)),
        (r#""op": "outer""#, vec![&v, &v], v.outer(&v)),
        (r#""op": "solve""#, vec![&q, &v], q.solve(&v)),
        (r#""op": "transpose""#, vec![&m], m.t()),
        (r#""op": "det""#, vec![&q], q.det()),
        (r#""op": "inv""#, vec![&q], q.inv()),
        (r#""op": "cholesky""#, vec![&s], s.cholesky()),
        (r#""op": "kron""#, vec![&m, &q], m.kron(&q)),
        (r#""op": "lstsq""#, vec![&q, &v], q.lstsq(&v)),
        (r#""op": "expm""#, vec![&q], q.expm()),
        (r#""op": "sort", "axis": 1"#, vec![&m], m.sort(1)),
        (r#""op": "argsort", "axis": 0"#, vec![&m], m.argsort(0)),
        (r#""op": "pick_along", "axis": 0, "labels": [1, 0, 1]"#, vec![&m], m.pick_along(0, &[1, 0, 1])),
        (r#""op": "cummax", "axis": 1"#, vec![&m], m.cummax(1)),
        (r#""op": "cummin", "axis": -1"#, vec![&m], m.cummin(-1)),
        (r#""op": "cumlogsumexp", "axes": [1]"#, vec![&m], m.cumlogsumexp(1)),
        (r#""op": "conv1d", "stride": 2"#, vec![&wide, &kernels], wide.conv1d(&kernels, Conv::new().stride(2))),
        (
            r#""op": "conv2d", "groups": 2, "dilation": [1, 2]"#,
            vec![&image, &patch],
            image.conv2d(&patch, Conv::new().groups(2).dilation([1, 2])),
        ),
        (r#""op": "max_pool1d", "size": 2"#, vec![&wide], wide.max_pool1d(Pooling::of(2))),
        (
            r#""op": "max_pool2d", "size": [2, 1], "stride": 1"#,
            vec![&image],
            image.max_pool2d(Pooling::of([2, 1]).stride(1)),
        ),
        (r#""op": "trace""#, vec![&q], q.trace()),
        (r#""op": "diag""#, vec![&q], q.diag()),
        (r#""op": "diag""#, vec![&v], v.diag()),
        (r#""op": "tril", "k": -1"#, vec![&q], q.tril(-1)),
        (r#""op": "triu", "k": 0"#, vec![&q], q.triu(0)),
        (r#""op": "sum", "axes": [1], "keep": true"#, vec![&m], m.sum(keep(1))),
        (r#""op": "sum", "axes": [0, -1]"#, vec![&three], three.sum([0, -1])),
        (r#""op": "sum", "axes": []"#, vec![&m], m.sum(&[0isize; 0][..])),
        (r#""op": "mean""#, vec![&m], m.mean(())),
        (r#""op": "mean", "axes": 0, "keep": false"#, vec![&m], m.mean(0)),
        (r#""op": "prod", "axes": [1]"#, vec![&m], m.prod(1)),
        (r#""op": "max", "axes": [0]"#, vec![&m], m.max(0)),
        (r#""op": "min", "axes": null"#, vec![&m], m.min(())),
        (r#""op": "var", "axes": [1], "ddof": 1"#, vec![&m], m.var(1, 1)),
        (r#""op": "std", "axes": [1], "ddof": 0"#, vec![&m], m.std(1, 0)),
        (r#""op": "norm1", "axes": [1]"#, vec![&m], m.norm1(1)),
        (r#""op": "norm2", "axes": [1]"#, vec![&m], m.norm2(1)),
        (r#""op": "norm_inf", "axes": [1]"#, vec![&m], m.norm_inf(1)),
        (r#""op": "logsumexp", "axes": [1], "keep": true"#, vec![&m], m.logsumexp(keep(1))),
        (r#""op": "softmax", "axes": [0]"#, vec![&m], m.softmax(0)),
        (r#""op": "log_softmax", "axes": [-1]"#, vec![&m], m.log_softmax(-1)),
        (r#""op": "cumsum", "axes": [1]"#, vec![&m], m.cumsum(1)),
        (r#""op": "cumprod", "axes": [1]"#, vec![&m], m.cumprod(1)),
        (r#""op": "flip", "axes": [1]"#, vec![&m], m.flip(1)),
        (r#""op": "squeeze", "axes": null"#, vec![&m], m.squeeze(())),
        (r#""op": "unsqueeze", "axis": 1"#, vec![&m], m.unsqueeze(1)),
        (r#""op": "reshape", "shape": [3, 2]"#, vec![&m], m.reshape([3, 2])),
        (r#""op": "permute", "axes": [2, 0, 1]"#, vec![&three], three.permute(&[2, 0, 1])),
        (r#""op": "roll", "shift": -1, "axis": 1"#, vec![&m], m.roll(-1, 1)),
        (r#""op": "concat", "axis": 0"#, vec![&m, &q], Tensor::concat(&[m.clone(), q.clone()], 0)),
        (r#""op": "concat", "axis": -1"#, vec![&m], m.clone()),
        (r#""op": "stack", "axis": 0"#, vec![&m, &p, &m], Tensor::stack(&[m.clone(), p.clone(), m.clone()], 0)),
        (r#""op": "gather", "axis": 1, "indices": [2, 0, 2]"#, vec![&m], m.gather(1, &[2, 0, 2])),
        (r#""op": "pick", "columns": [2, 0]"#, vec![&m], m.pick(&[2, 0])),
        (r#""op": "slice", "spans": [1]"#, vec![&m], m.slice(1)),
        (r#""op": "slice", "spans": [[0, 2], [-2, null]]"#, vec![&m], m.slice((0..2, -2..))),
        (
            r#""op": "slice", "spans": [null, [null, null, -2], -1]"#,
            vec![&three],
            three.slice((Span::from(..), Span::from(..).step(-2), Span::from(-1))),
        ),
        (r#""op": "select""#, vec![&ones, &m, &p], ones.select(&m, &p)),
        (r#""op": "squared_error""#, vec![&m, &p], m.squared_error(&p)),
        (r#""op": "mean_squared_error""#, vec![&m, &p], m.mean_squared_error(&p)),
        (r#""op": "mean_absolute_error""#, vec![&m, &p], m.mean_absolute_error(&p)),
        (r#""op": "huber_error", "delta": 0.5"#, vec![&m, &p], m.huber_error(&p, 0.5)),
        (r#""op": "binary_cross_entropy""#, vec![&p, &p], p.binary_cross_entropy(&p)),
        (r#""op": "binary_cross_entropy_with_logits""#, vec![&m, &p], m.binary_cross_entropy_with_logits(&p)),
        (r#""op": "cross_entropy_soft""#, vec![&m, &p], m.cross_entropy_soft(&p)),
        (r#""op": "cross_entropy", "labels": [2, 0]"#, vec![&m], m.cross_entropy(&[2, 0])),
        (r#""op": "nll", "labels": [2, 0]"#, vec![&m], m.nll(&[2, 0])),
        (r#""op": "kl_divergence""#, vec![&p, &p], p.kl_divergence(&p)),
        (r#""op": "hinge""#, vec![&m, &p], m.hinge(&p)),
    ];
    for (node, args, expected) in &cases {
        computes(node, args, expected);
    }
    // Every name that an error lists is in one of the tests here.
    let error = of_node(r#""op": "no such op""#, &[&m]).err().unwrap().to_string();
    let (_, list) = error.split_once("is not one of ").unwrap();
    macro_rules! names {
        ($($(#[$doc:meta])* $method:ident $(($($arg:ident : $ty:ty),+))? => $Op:ident;)*) => { [$(stringify!($method)),*] };
    }
    let unary = retrograd::for_each_unary!(names);
    let pairs = 18;
    let whole: Vec<&str> = list.split(", ").filter(|name| !unary.contains(name)).collect();
    let shown = |name: &&&str| cases.iter().any(|(node, ..)| node.starts_with(&format!("\"op\": {name:?}")));
    assert_eq!(whole.iter().filter(shown).count() + pairs, whole.len(), "{whole:?}");
}

/// A text with these parts in place of those that a right one has.
fn text(changes: &[(&str, &str)]) -> String {
    let mut text = r#"{"params": {"x": [1.0, 2.0]}, "data": {"t": [3.0, 4.0]}, "constants": {"m": 2.0}, "nodes": [
        {"name": "d", "op": "sub", "args": ["x", "t"]}, {"name": "q", "op": "square", "args": ["d"]},
        {"name": "C", "op": "sum", "args": ["q"], "axes": null, "keep": false}], "output": "C", "hand": {"x": [-4.0, -4.0]}}"#
        .to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

#[test]
fn a_right_text_is_read_and_agrees() {
    assert!(Problem::parse(&text(&[])).unwrap().compare().run().unwrap().agrees());
}

#[test]
fn what_is_wrong_is_said_by_node_and_key() {
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let deeper = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let cases: &[(&str, &str, &str)] = &[
        // The text.
        (r#"{"params""#, r#"["params""#, "problem: not readable as JSON"),
        (r#""x": [1.0, 2.0]"#, r#""x": [1.0, NaN]"#, "JSON has no NaN"),
        (r#""x": [1.0, 2.0]"#, r#""x": [1.0, 1e999]"#, "number out of range"),
        (r#"[1.0, 2.0]"#, &deeper, "recursion limit"),
        (r#"{"x": [1.0, 2.0]}"#, r#"{"x": [1.0, 2.0], "x": 1}"#, r#"the name "x" is given twice"#),
        // Arrays.
        (r#""x": [1.0, 2.0]"#, "", "params: there are none"),
        (r#"{"x": [1.0, 2.0]}"#, "[1]", "params: wants an object, not a list of 1"),
        (r#"[1.0, 2.0]"#, "null", r#"params: "x": wants an array, not null"#),
        (r#"[1.0, 2.0]"#, "[[1.0], [2.0, 3.0]]", r#"params: "x": lists of 1 and of 2 stand side by side"#),
        (r#"[1.0, 2.0]"#, "[[1.0], 2.0]", r#"params: "x": wants a list, not the number 2"#),
        (r#"[1.0, 2.0]"#, r#"[1.0, "two"]"#, r#"params: "x": wants a number, not the text "two""#),
        (r#"[1.0, 2.0]"#, &deep, r#"params: "x": shape: 40 axes"#),
        (
            r#"[1.0, 2.0]"#,
            r#"{"shape": [3], "data": [1, 2]}"#,
            r#"params: "x": shape [3] has 3 numbers, and 2 are given"#,
        ),
        (r#"[1.0, 2.0]"#, r#"{"shape": [-1], "data": []}"#, r#""x": shape: wants an integer that is not below 0"#),
        (r#"[1.0, 2.0]"#, r#"{"shape": [1.5], "data": []}"#, r#""x": shape: wants an integer"#),
        (r#"[1.0, 2.0]"#, r#"{"shape": [4294967296, 4294967296], "data": []}"#, r#"params: "x": shape"#),
        (r#"[1.0, 2.0]"#, r#"{"shape": [4294967296, 0, 4294967296], "data": []}"#, r#"params: "x": shape"#),
        (r#"[1.0, 2.0]"#, r#"{"shape": [2]}"#, r#"params: "x": "data" is missing"#),
        (r#"[1.0, 2.0]"#, r#""w""#, r#"params: "x": no array "w": "arrays" names no file"#),
        (r#""output""#, r#""arrays": "a.npz", "output""#, r#"arrays: the file "a.npz" is looked for beside"#),
        (r#""output""#, r#""arrays": 3, "output""#, "arrays: wants a text, not the number 3"),
        (r#""t": "#, r#""x": "#, r#"params and data: the name "x" is given twice"#),
        (r#""m": 2.0"#, r#""m": [2.0]"#, r#"constants: "m": wants a number, not a list of 1"#),
        // Nodes.
        (r#""nodes""#, r#""steps""#, "nodes: is missing"),
        (r#"{"name": "d", "op""#, r#"{"op""#, r#"nodes: number 0: "name" is missing"#),
        (r#""name": "q""#, r#""name": "d""#, r#"nodes: "d": name: the name "d" is given twice"#),
        (r#""name": "q""#, r#""name": "m""#, r#"nodes: "m": name: the name "m" is given twice"#),
        (r#""square""#, r#""sqare""#, r#"nodes: "q": op: "sqare" is not one of abs, acos"#),
        (r#""square""#, r#""scale""#, r#"nodes: "q": op: "scale" is not one of"#),
        (r#""square""#, "4", r#"nodes: "q": op: wants a text, not the number 4"#),
        (r#"["d"]"#, r#"["dd"]"#, r#"nodes: "q": args: "dd" is neither parameter, data, constant nor node"#),
        (r#"["d"]"#, r#"["q"]"#, r#"nodes: "q": args: "q" is itself, or stands further down"#),
        (r#"["x", "t"]"#, r#"["x", "C"]"#, r#"nodes: "d": args: "C" is itself, or stands further down"#),
        (r#"["d"]"#, r#"["d", "d"]"#, r#"nodes: "q": args: square reads 1 argument, not 2"#),
        (r#"["d"]"#, "[[1]]", r#"nodes: "q": args: wants a number, not a list of 1"#),
        (r#"["d"]"#, r#""d""#, r#"nodes: "q": args: wants a list, not the text "d""#),
        (
            r#""square", "args": ["d"]"#,
            r#""concat", "axis": 0, "args": []"#,
            r#"nodes: "q": args: concat reads at least one"#,
        ),
        (r#""axes": null"#, r#""axis": null"#, r#"nodes: "C": sum has no attribute "axis""#),
        (r#""axes": null"#, r#""axes": [1]"#, r#"nodes: "C": sum: axis 1 is out of range"#),
        (r#""axes": null"#, r#""axes": [-2]"#, r#"nodes: "C": sum: axis -2 is out of range"#),
        (r#""axes": null"#, r#""axes": [0, 0]"#, r#"nodes: "C": sum: "#),
        (r#""axes": null"#, r#""axes": [1e300]"#, r#"nodes: "C": axes: wants an integer"#),
        (r#""keep": false"#, r#""keep": 0"#, r#"nodes: "C": keep: wants true or false, not the number 0"#),
        (r#""square""#, r#""leaky_relu""#, r#"nodes: "q": slope: is missing"#),
        (r#""square""#, r#""powi", "n": 4294967296"#, r#"nodes: "q": n: 4294967296 is not between"#),
        (r#""square""#, r#""polygamma", "n": -1"#, r#"nodes: "q": n: -1 is not between"#),
        (r#""square""#, r#""reshape", "shape": [4294967296, 4294967296]"#, r#"nodes: "q": reshape"#),
        (r#""square""#, r#""reshape", "shape": [3]"#, r#"nodes: "q": reshape"#),
        (r#""square""#, r#""gather", "axis": 0, "indices": [2]"#, r#"nodes: "q": gather"#),
        (r#""square""#, r#""gather", "axis": -3, "indices": [0]"#, r#"nodes: "q": gather: axis -3"#),
        (
            r#""square""#,
            r#""slice", "spans": [[0]]"#,
            r#"nodes: "q": spans: a span is a number, or [from, to], not a list of 1"#,
        ),
        (r#""square""#, r#""slice", "spans": [[0, 2, 0]]"#, r#"nodes: "q": slice: step 0"#),
        (r#""square""#, r#""slice", "spans": [-3]"#, r#"nodes: "q": slice: -3 is out of range"#),
        (r#""square""#, r#""transpose""#, r#"nodes: "q": t"#),
        (r#""square""#, r#""det""#, r#"nodes: "q": det"#),
        (r#""sub", "args": ["x", "t"]"#, r#""matmul", "args": ["x", 3]"#, r#"nodes: "d": matmul"#),
        (r#""t": [3.0, 4.0]"#, r#""t": [3.0, 4.0, 5.0]"#, r#"nodes: "d": sub: shapes [2] and [3] do not broadcast"#),
        (
            r#""args": ["d"]"#,
            r#""args": ["d"], "line": -1"#,
            r#"nodes: "q": line: wants an integer that is not below 0"#,
        ),
        // The output and what is by hand.
        (r#""output": "C""#, r#""output": "D""#, r#"output: no node "D""#),
        (r#""output": "C""#, r#""output": "q""#, r#"output: "q" has shape [2]; reduce it to a number"#),
        (r#", "output": "C""#, "", "output: is missing"),
        (r#""hand": {"x""#, r#""hand": {"d""#, r#"hand: "d" is not a parameter"#),
        (r#""hand""#, r#""intermediates": {"r": 1}, "hand""#, r#"intermediates: "r": is not a node"#),
        (r#""hand""#, r#""intermediates": {"t": 1}, "hand""#, r#"intermediates: "t": is not a node"#),
    ];
    for (from, to, expected) in cases {
        let error = Problem::parse(&text(&[(from, to)])).err().unwrap_or_else(|| panic!("{to} is read"));
        let said = error.to_string();
        assert!(said.starts_with("problem: ") && said.contains(expected), "{to}\n  {said}\n  {expected}");
        assert!(said.len() < 1500, "{said}");
    }
    // A node that leads nowhere has no gradient that could be compared.
    let unused = text(&[(r#"["q"]"#, r#"["d"]"#), (r#""hand""#, r#""intermediates": {"q": 1}, "hand""#)]);
    let said = Problem::parse(&unused).err().unwrap().to_string();
    assert!(said.contains(r#"intermediates: "q": does not lead from a parameter to the output"#), "{said}");
    let value = text(&[(r#""hand""#, r#""value": [1], "hand""#)]);
    assert_eq!(Problem::parse(&value).err().unwrap().to_string(), "problem: value: wants a number, not a list of 1");
}

#[test]
fn no_short_text_asks_for_much_memory() {
    // Each node doubles, squares or spreads what the last one has.
    let grows: [&dyn Fn(usize, &str) -> String; 4] = [
        &|_, last| format!(r#""op": "concat", "axis": 0, "args": [{last:?}, {last:?}]"#),
        &|_, last| format!(r#""op": "stack", "axis": 0, "args": [{last:?}, {last:?}, {last:?}]"#),
        &|at, last| match at % 2 {
            0 => format!(r#""op": "diag", "args": [{last:?}]"#),
            _ => format!(r#""op": "reshape", "shape": [{}], "args": [{last:?}]"#, 4usize.pow(1 << (at / 2 + 1).min(4))),
        },
        &|at, last| format!(r#""op": "add", "args": [{last:?}, "y{at}"]"#),
    ];
    for grow in grows {
        let mut last = "x".to_owned();
        let mut nodes = Vec::new();
        for at in 0..70 {
            let name = format!("n{at}");
            let below = vec!["1"; at % 30 + 1].join(", ");
            nodes.push(format!(r#"{{"name": "y{at}", "op": "reshape", "shape": [4, {below}], "args": ["x"]}}"#));
            nodes.push(format!(r#"{{"name": {name:?}, {}}}"#, grow(at, &last)));
            last = name;
        }
        let nodes = nodes.join(", ");
        let text = format!(r#"{{"params": {{"x": [1, 2, 3, 4]}}, "nodes": [{nodes}], "output": "n69"}}"#);
        let said = Problem::parse(&text).err().unwrap().to_string();
        assert!(said.contains("have more than 33554432 elements"), "{said}");
    }
}

#[test]
fn no_short_text_asks_for_much_time() {
    // 1700^3 multiplications, of a text of a few kilobytes.
    let problem = |node: &str| {
        let text = format!(
            r#"{{"params": {{"x": {:?}}}, "output": "C", "nodes": [{{"name": "o", "op": "outer", "args": ["x", "x"]}},
                {{"name": "p", {node}}}, {{"name": "C", "op": "sum", "args": ["p"]}}]}}"#,
            vec![1; 1700]
        );
        Problem::parse(&text).err().unwrap().to_string()
    };
    for node in [
        r#""op": "matmul", "args": ["o", "o"]"#,
        r#""op": "det", "args": ["o"]"#,
        r#""op": "solve", "args": ["o", "x"]"#,
    ] {
        let expected =
            r#"problem: nodes: "p": products and systems up to here take more than 4294967296 multiplications"#;
        assert_eq!(problem(node), expected, "{node}");
    }
}

#[test]
fn no_op_panics_on_arguments_and_attributes_that_it_was_not_made_for() {
    let error = of_node(r#""op": "no such op""#, &[&Tensor::scalar(1.0)]).err().unwrap().to_string();
    let (_, names) = error.split_once("is not one of ").unwrap();
    let arrays = [
        "1.5",
        "[]",
        "[0.5, 2.0]",
        "[[1.0, 2.0, 3.0], [0.5, 0.25, 4.0]]",
        "[[1.0, 0.0], [0.0, 1.0]]",
        "[[[]]]",
        "[[[1.0]]]",
    ];
    let values =
        ["0", "-1", "5", "9e15", "-9e15", "0.5", "[]", "[0]", "[-1]", "[7, 7]", "[0, 1]", "[[0, 9e15, -9e15]]", "true"];
    let mut read = 0;
    for name in names.split(", ") {
        for (at, x) in arrays.iter().enumerate() {
            for args in ["", r#""x""#, r#""x", "y""#, r#""y", 2"#, "2", "2, 3", r#""x", "y", 0"#, "1, 2, 3"] {
                for value in values {
                    // What an error says is missing gets the value.
                    let mut attributes = String::new();
                    for _ in 0..4 {
                        let y = arrays[(at + read) % arrays.len()];
                        let problem = Problem::parse(&format!(
                            r#"{{"params": {{"x": {x}}}, "data": {{"y": {y}}}, "output": "s", "nodes": [
                                {{"name": "node", "op": {name:?}, "args": [{args}]{attributes}}},
                                {{"name": "s", "op": "sum", "args": ["node"]}}]}}"#
                        ));
                        match problem {
                            Ok(_) => read += 1,
                            Err(error) if error.to_string().ends_with(": is missing") => {
                                let said = error.to_string();
                                let key = said.trim_end_matches(": is missing").rsplit(": ").next().unwrap();
                                attributes += &format!(", {key:?}: {value}");
                                continue;
                            }
                            Err(error) => assert!(error.to_string().starts_with("problem: "), "{error}"),
                        }
                        break;
                    }
                }
            }
        }
    }
    assert!(read > 10_000, "{read} were read");
}

#[test]
fn no_damage_to_a_text_panics() {
    let whole = text(&[(r#""hand""#, r#""intermediates": {"d": [-4, -4]}, "value": 8, "hand""#)]);
    assert!(Problem::parse(&whole).is_ok());
    for at in 0..whole.len() {
        let _ = Problem::parse(&whole[..at]);
        for other in ["", "0", "-", "\"", "[", "}", "é", "\\", "x", "9e99"] {
            let _ = Problem::parse(&format!("{}{other}{}", &whole[..at], &whole[at + 1..]));
        }
    }
}

#[test]
fn nodes_are_recorded_under_their_names_and_lines_and_constants_are_known_by_name() {
    let text = text(&[
        (r#""args": ["d"]"#, r#""args": ["d"], "line": 7"#),
        (r#""op": "sum", "args": ["q"], "axes": null, "keep": false"#, r#""op": "sum", "args": ["e"]"#),
        (r#"{"name": "C""#, r#"{"name": "e", "op": "div", "args": ["q", "m"]}, {"name": "C""#),
    ]);
    let problem = Problem::parse(&text).unwrap();
    let tape = Tape::new();
    let output = problem.record(&tape, &[tape.var([1.0, 2.0])]).unwrap();
    let graph = retrograd::graph::Graph::of(output);
    let named = |name: &str| graph.nodes().iter().find(|node| node.name() == Some(name)).unwrap();
    assert_eq!((named("q").op(), named("q").scope()), ("square", Some("line 7")));
    assert_eq!((named("C").op(), named("e").scope()), ("sum", None));
    assert!(problem.record(&tape, &[]).unwrap_err().to_string().contains("1 parameters, 0 variables given"));
    // Without the half: the constant's name is in the explanation.
    let report = problem.compare().run().unwrap();
    assert!(report.diagnosis.best().unwrap().text.contains('m'), "{report}");
}

#[test]
fn intermediates_may_go_by_any_of_the_names_of_a_variable() {
    let same =
        r#"{"name": "r", "op": "reshape", "shape": [2], "args": ["d"]}, {"name": "q", "op": "square", "args": ["r"]}"#;
    let changes = [(r#"{"name": "q", "op": "square", "args": ["d"]}"#, same)];
    let given = |by_hand: &str| {
        let with = format!(r#""intermediates": {{{by_hand}}}, "hand""#);
        Problem::parse(&text(&[changes[0], (r#""hand""#, &with)]))
    };
    for by_hand in [r#""d": [-4, -4]"#, r#""r": [-4, -4]"#] {
        assert!(given(by_hand).unwrap().compare().run().unwrap().agrees(), "{by_hand}");
    }
    let said = given(r#""d": [-4, -4], "r": [-4, -4]"#).err().unwrap().to_string();
    assert_eq!(said, r#"problem: intermediates: "r": is the same variable as "d"; give one gradient for the two"#);
}

#[test]
fn hand_coded_gradients_may_be_wrong_in_shape_and_not_finite() {
    let report = |by_hand: &str| Problem::parse(&text(&[("[-4.0, -4.0]", by_hand)])).unwrap().compare().run().unwrap();
    assert!(!report("[[-4.0, -4.0]]").agrees());
    let block = &report(r#"["NaN", "-Infinity"]"#).blocks[0];
    assert!(block.hand.as_slice()[0].is_nan() && block.hand.as_slice()[1] == f64::NEG_INFINITY);
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/problem")
}

#[test]
fn arrays_are_read_as_numpy_and_safetensors_write_them() {
    for name in ["stored", "deflated", "safetensors"] {
        let problem = Problem::read(folder().join(name).with_extension("json")).unwrap();
        let report = problem.compare().run().unwrap();
        assert!(report.agrees(), "{name}: {report}");
        assert_eq!(report.blocks.iter().map(|block| block.name.as_str()).collect::<Vec<_>>(), ["w", "b", "e"]);
        assert!((problem.value().unwrap() - report.value).abs() < 1e-12 * report.value, "{name}");
    }
}

/// A problem that has x in a file of these bytes.
fn with_arrays(file: &str, bytes: &[u8], x: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(file), bytes).unwrap();
    let path = folder.path().join("problem.json");
    let with = format!(r#""arrays": {file:?}, "output""#);
    std::fs::write(&path, text(&[("[1.0, 2.0]", &format!("{x:?}")), (r#""output""#, &with)])).unwrap();
    let said = Problem::read(&path).err().unwrap_or_else(|| panic!("{file} is read")).to_string();
    said.replace(&format!("{}", folder.path().display()), "")
}

#[test]
fn arrays_that_cannot_be_had_are_named_with_why() {
    let odd = std::fs::read(folder().join("odd.npz")).unwrap();
    let at = |name: &str| with_arrays("odd.npz", &odd, name);
    let kind = |name: &str| format!(r#"/problem.json: problem: params: "x": array "{name}": holds"#);
    for name in ["text", "record", "wide"] {
        assert!(at(name).starts_with(&kind(name)), "{}", at(name));
    }
    let missing =
        r#"/problem.json: problem: params: "x": no array "w": the files of "arrays" have empty, record, text, wide"#;
    assert_eq!(at("w"), missing);
    assert!(at("empty").contains("do not broadcast"), "{}", at("empty"));
    assert!(
        with_arrays("a.pt", &odd, "w")
            .contains(r#"arrays: "a.pt" is not a file of arrays that is read: .npz or .safetensors"#)
    );
    assert!(with_arrays("a.safetensors", &odd, "w").contains("cannot read"));
    // Beside the problem, and nowhere else.
    let path = tempfile::tempdir().unwrap();
    for elsewhere in ["../a.npz", "/etc/a.npz", "none.npz"] {
        let with = format!(r#""arrays": {elsewhere:?}, "output""#);
        let file = path.path().join("problem.json");
        std::fs::write(&file, text(&[(r#""output""#, &with)])).unwrap();
        let said = Problem::read(&file).err().unwrap().to_string();
        let expected =
            if elsewhere == "none.npz" { "does not exist" } else { "is not in the problem's folder or below" };
        assert!(said.contains(expected), "{said}");
    }
    assert!(Problem::read(path.path().join("none.json")).err().unwrap().is_io());
}

/// A zip of one stored file, with the numbers of its directory as they are stated.
fn zip(name: &str, content: &[u8], stated: usize) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    zip_of(name, content, [stated, stated], 0, crc.sum())
}

/// The same of content that is packed by a method, with both lengths and the checksum as stated.
fn zip_of(name: &str, content: &[u8], lengths: [usize; 2], method: u8, crc: u32) -> Vec<u8> {
    let mut numbers = Vec::new();
    numbers.extend(crc.to_le_bytes());
    lengths.iter().for_each(|n| numbers.extend((*n as u32).to_le_bytes()));
    numbers.extend((name.len() as u16).to_le_bytes());
    numbers.extend([0, 0]);
    let mut bytes =
        [b"PK\x03\x04\x14\0\0\0", &[method, 0, 0, 0, 0, 0][..], &numbers[..], name.as_bytes(), content].concat();
    let start = bytes.len();
    bytes.extend(
        [b"PK\x01\x02\x14\0\x14\0\0\0", &[method, 0, 0, 0, 0, 0][..], &numbers[..], &[0; 14], name.as_bytes()].concat(),
    );
    let length = bytes.len() - start;
    bytes.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    bytes.extend((length as u32).to_le_bytes());
    bytes.extend((start as u32).to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn hostile_zips_are_refused() {
    let two = [1.0f64, 2.0].map(f64::to_le_bytes).concat();
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }";
    let right = npy(header, &two);
    let file = zip("w.npy", &right, right.len());
    // The right one is read, whole and with a comment at its end.
    let read = |bytes: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.npz"), bytes).unwrap();
        let path = folder.path().join("problem.json");
        std::fs::write(&path, text(&[("[1.0, 2.0]", r#""w""#), (r#""output""#, r#""arrays": ["a.npz"], "output""#)]))
            .unwrap();
        Problem::read(path)
    };
    assert!(read(&file).unwrap().compare().run().unwrap().agrees());
    // Every beginning, and every byte changed: an error or an array, and no panic.
    (0..file.len()).for_each(|length| assert!(read(&file[..length]).is_err(), "{length} bytes"));
    for at in 0..file.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut other = file.clone();
            other[at] ^= flip;
            // Behind the local header and the name of five letters.
            let is_content = (35..35 + right.len()).contains(&at);
            assert!(read(&other).is_err() || !is_content, "byte {at}");
        }
    }
    let refused = |header: &str, data: &[u8], expected: &str| {
        let content = npy(header, data);
        let said = with_arrays("a.npz", &zip("w.npy", &content, content.len()), "w");
        assert!(said.contains("\"w\"") && said.contains(expected), "{header}: {said}");
    };
    let of = |shape: &str| header.replace("(2,)", shape);
    refused(&of("(3,)"), &two, "shape [3] has 3 numbers, and there are 2");
    refused(&of("(4294967296, 4294967296)"), &two, "damaged");
    refused(&of("(4294967296, 0, 4294967296)"), &[], "damaged");
    refused(&of("(-2,)"), &two, "its header");
    refused(&of("(2,"), &two, "its header");
    refused(&of(&format!("({})", "1,".repeat(33))), &two[..8], "damaged");
    refused(header, &two[..15], "are no whole number of \"<f8\"");
    refused(&header.replace("<f8", "<f16"), &two, "holds numbers of the kind");
    refused(&header.replace("<f8", "é8"), &two, "holds numbers of the kind");
    refused(&header.replace("<f8", "<f0"), &two, "holds numbers of the kind");
    refused(&header.replace("'<f8'", "[('x', '<f8')]"), &two, "holds records");
    refused("", &two, "its header");
    refused("{'descr': '<f8'}", &two, "its header");
    // Lengths that lie.
    for stated in [right.len() + 1, right.len() - 1, u32::MAX as usize - 1] {
        let said = with_arrays("a.npz", &zip("w.npy", &right, stated), "w");
        assert!(said.contains("array \"w\": "), "{said}");
    }
    // Bombs: what is said to unpack to 600 MiB, and 66 million numbers of one byte, which would become numbers of eight.
    let too_much = |bytes: &[u8]| {
        let said = with_arrays("a.npz", bytes, "w");
        assert!(bytes.len() < 4 << 20 && said.contains("the arrays asked for unpack to more than 512 MiB"), "{said}");
    };
    too_much(&zip_of("w.npy", &[3, 0], [2, 600 << 20], 8, 0));
    let mut content = npy(&header.replace("<f8", "|u1").replace("2,", &format!("{},", 66 << 20)), &[]);
    content.resize(content.len() + (66 << 20), 0);
    let mut crc = flate2::Crc::new();
    crc.update(&content);
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&content).unwrap();
    let packed = packer.finish().unwrap();
    too_much(&zip_of("w.npy", &packed, [packed.len(), content.len()], 8, crc.sum()));
    assert!(with_arrays("a.npz", b"PK\x05\x06 no more", "w").contains("damaged, or not of the npz format"));
}

#[test]
fn safetensors_of_this_crate_are_read() {
    let folder = tempfile::tempdir().unwrap();
    store::write(
        folder.path().join("a.safetensors"),
        [("w", &Tensor::from([1.0, 2.0])), ("dw", &Tensor::from([-4.0, -4.0]))],
    )
    .unwrap();
    let path = folder.path().join("problem.json");
    let changes = [
        ("[1.0, 2.0]", r#""w""#),
        ("[-4.0, -4.0]", r#""dw""#),
        (r#""output""#, r#""arrays": "a.safetensors", "output""#),
    ];
    std::fs::write(&path, text(&changes)).unwrap();
    assert!(Problem::read(path).unwrap().compare().run().unwrap().agrees());
}
