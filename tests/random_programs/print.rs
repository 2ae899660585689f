//! A program as the body of a Rust test.

use crate::compare::Finding;
use crate::program::{Numbers, Op, Program};
use retrograd::ops::{BinaryVisitor, BuiltinBinary, BuiltinUnary, UnaryVisitor};

/// The op's name and its parameters as arguments.
struct Call;
impl UnaryVisitor for Call {
    type Output = String;
    fn visit<O: BuiltinUnary>(self, op: O) -> String {
        let text = format!("{op:?}");
        let fields = text.split_once('{').map_or("", |(_, fields)| fields.trim_end_matches('}'));
        let values: Vec<_> =
            fields.split(',').filter_map(|field| field.split_once(':')).map(|(_, v)| v.trim()).collect();
        format!("{}({})", O::NAME, values.join(", "))
    }
}
struct Type;
impl BinaryVisitor for Type {
    type Output = String;
    fn visit<O: BuiltinBinary>(self, op: O) -> String {
        format!("{op:?}")
    }
}

fn number(x: f64) -> String {
    match x {
        x if x.is_nan() => "T::NAN".into(),
        f64::INFINITY => "T::INFINITY".into(),
        f64::NEG_INFINITY => "T::NEG_INFINITY".into(),
        x => format!("{x:?}"),
    }
}

fn tensor(numbers: &Numbers) -> String {
    let mut values: Vec<String> = numbers.values.iter().map(|&x| number(x)).collect();
    let same = values.windows(2).all(|pair| pair[0] == pair[1]);
    if values.len() > 4 && same {
        return format!("Tensor::full({:?}, {})", numbers.shape, values.remove(0));
    }
    if values.len() > 200 {
        let n = values.len();
        return format!("Tensor::from_fn({:?}, |i| (i[0] % 7) as T * 0.1) /* any {n} numbers */", numbers.shape);
    }
    if numbers.shape.is_empty() {
        return format!("Tensor::scalar({})", values.remove(0));
    }
    format!("Tensor::new({:?}, vec![{}]).unwrap()", numbers.shape, values.join(", "))
}

/// A literal of a number of any kind is written as f64.
fn literal(x: f64, constant: &str) -> String {
    if constant.starts_with("S") { number(x).replace("T::", "f64::") } else { number(x) }
}

/// The expression's statements, over `v`.
fn statements(program: &Program, constant: &str) -> String {
    let mut text = String::new();
    for (k, node) in program.nodes.iter().enumerate() {
        let args: Vec<String> = node.args.iter().map(|arg| format!("n{arg}")).collect();
        let value = match &node.op {
            Op::Input(i) => format!("v[{i}]"),
            Op::Literal(x) => format!("{constant}{})", literal(*x, constant)),
            // As operators: by name, they are methods of two traits.
            Op::Unary(op) if op.name() == "neg" => format!("-{}", args[0]),
            Op::Unary(op) => format!("{}.{}", args[0], op.with(Call)),
            Op::Binary(op) => match (op.name(), op.with(Type)) {
                ("scale" | "over" | "gate", op) => {
                    format!("Number::binary({}, retrograd::ops::{op}, {})", args[0], args[1])
                }
                ("add", _) => format!("{} + {}", args[0], args[1]),
                ("sub", _) => format!("{} - {}", args[0], args[1]),
                ("mul", _) => format!("{} * {}", args[0], args[1]),
                ("div", _) => format!("{} / {}", args[0], args[1]),
                (name, _) => format!("{}.{name}({})", args[0], args[1]),
            },
            Op::Select => format!("{}.select({}, {})", args[0], args[1], args[2]),
            Op::Method(method) => method.source(&args),
        };
        text += &format!("        let n{k} = {value};\n");
    }
    text + &format!("        n{}\n", program.nodes.len() - 1)
}

/// How the tape's numbers come about, by order: what the finding's engine is held to.
const EXPECTED: [&str; 3] = [
    "vec![f(&v).value().to_vec()]",
    "{ let swept = f(&v).backward_with(&seed); v.iter().map(|&v| swept.wrt(v).to_vec()).collect() }",
    "{ let swept = along(&tape, &v, tape.data(seed.clone())).backward(); v.iter().map(|&v| swept.wrt(v).to_vec()).collect() }",
];

/// The same as variables, which a program can compute.
const OUTPUTS: [&str; 3] = ["vec![f(v)]", "tape.try_vjp(f(v), seed, v).unwrap()", "tape.grad(along(tape, v, seed), v)"];

/// Column by column, with `column` along one unit tangent.
fn columns(column: &str) -> String {
    format!(
        "{{ let y = f(&v);\n        \
         v.iter().zip(&inputs).map(|(&x, at)| (0..at.len()).map(|j| {{\n            \
         let mut unit = Tensor::zeros(at.shape());\n            \
         unit.as_mut_slice()[j] = 1.0;\n            \
         let column: Tensor<T> = {column};\n            \
         column.as_slice().iter().zip(seed.as_slice()).filter(|(_, s)| **s != 0.0).map(|(d, s)| d * s).sum()\n        \
         }}).collect()).collect() }}"
    )
}

/// A program by these options, made at the inputs or elsewhere.
fn compiled(options: &str, made_at: &str) -> String {
    format!(
        "{{ let mut program = {options}.compile(&{made_at}, |x| outputs(x[0].tape(), &x[..n], x[n])).unwrap();\n        \
         program.run(&all.iter().collect::<Vec<_>>()).unwrap();\n        \
         (0..program.output_shapes().count()).map(|k| program.tensor(k).to_vec()).collect() }}"
    )
}

/// Element by element: `row` gives the outputs at `x`, with the seed `s` and the direction `d`.
fn elements(row: &str) -> String {
    let parts = [
        ("x", "let x: Vec<T> = inputs.iter().map(|x| x.as_slice()[e]).collect();\n            "),
        ("s", "let s = seed.as_slice()[e];\n            "),
        ("d", "let d: Vec<T> = directions().iter().map(|d| d.as_slice()[e]).collect();\n            "),
    ];
    let parts: String = parts.iter().filter(|(name, _)| mentions(row, name)).map(|&(_, text)| text).collect();
    format!(
        "{{ let rows: Vec<Vec<T>> = (0..seed.len()).map(|e| {{\n            \
         {parts}{row}\n        \
         }}).collect();\n        \
         (0..rows.first().map_or(0, Vec::len)).map(|k| rows.iter().map(|row| row[k]).collect()).collect() }}"
    )
}

/// Whether a name stands in the text as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    let part_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + name.len()..].chars().next());
        !before.is_some_and(part_of_a_word) && !after.is_some_and(part_of_a_word)
    })
}

/// The parts that the text mentions, or that those mention, before it.
fn with_parts(parts: &[(&str, String)], text: String) -> String {
    parts.iter().rev().fold(text, |text, (name, part)| if mentions(&text, name) { part.clone() + &text } else { text })
}

/// How the engine's own numbers come about.
fn found(finding: &Finding) -> String {
    let recorded =
        "outputs(&tape, &v, tape.data(seed.clone())).iter().map(|y| y.value().to_vec()).collect()".to_owned();
    let tangents = "directions().into_iter()";
    match (finding.engine, finding.order) {
        ("program", _) => compiled("Options::new()", "all"),
        ("program, two threads", _) => compiled("Options::new().threads(2)", "all"),
        ("program, elsewhere" | "function" | "program, other set", _) => compiled("Options::new()", "elsewhere"),
        ("relaxed", _) => compiled("Options::new().relaxed(true)", "elsewhere"),
        ("program, its gradient", order) => format!(
            "{{ let by: Vec<usize> = (0..n).collect();\n        \
             let mut program = Options::new().gradient(&by).compile(&all, |v| {{ let y = f(&v[..n]); vec![(y * v[n]).sum(()), y] }}).unwrap();\n        \
             program.run(&all.iter().collect::<Vec<_>>()).unwrap();\n        \
             ({}).map(|k| program.tensor(k).to_vec()).collect() }}",
            if order == 0 { "1..2" } else { "2..n + 2" }
        ),
        ("compiled step", order) => format!(
            "{{ let mut compiled = Compiled::<T>::new();\n        \
             let mut found = Vec::new();\n        \
             for at in [&elsewhere, &all] {{\n            \
             let step = compiled.step_with(0, &(), |tape, ()| {{\n                \
             let v: Vec<_> = at[..n].iter().map(|x| tape.var(x)).collect();\n                \
             let y = f(&v);\n                \
             Ok(((y * tape.data(at[n].clone())).sum(()), [y].into_iter().collect(), v.iter().map(|v| v.id()).collect::<Vec<_>>()))\n            \
             }}).unwrap();\n            \
             found = {};\n        \
             }}\n        found }}",
            if order == 0 {
                "vec![step.values[0].to_vec()]"
            } else {
                "step.rest.iter().map(|&id| step.gradients.get(id).map_or_else(|| vec![step.gradients.get_item(id).unwrap_or(0.0)], Tensor::to_vec)).collect()"
            }
        ),
        ("forward" | "jacobian of many", 1) => columns("tape.jvp(y, &[(x, unit.into())]).unwrap().into_tensor()"),
        ("recorded tangents", 1) => columns("tape.try_record_jvp(y, &[(x, tape.data(unit))]).unwrap().value()"),
        ("forward", 2) => format!(
            "{{ let gradients = tape.try_vjp(f(&v), tape.data(seed.clone()), &v).unwrap();\n        \
             let tangents: Vec<_> = v.iter().copied().zip({tangents}.map(Value::from)).collect();\n        \
             tape.jvp_all(&gradients, &tangents).unwrap().into_iter().map(|d| d.into_tensor().to_vec()).collect() }}"
        ),
        ("recorded tangents", 2) => format!(
            "{{ let tangents: Vec<_> = v.iter().copied().zip({tangents}.map(|d| tape.data(d))).collect();\n        \
             let swept = tape.try_record_jvp(f(&v), &tangents).unwrap().backward_with(&seed);\n        \
             v.iter().map(|&v| swept.wrt(v).to_vec()).collect() }}"
        ),
        ("dual" | "map, jacobian", 1) => elements(
            "(0..n).map(|j| { let at: Vec<_> = (0..n).map(|i| Dual::new(x[i], (i == j) as u8 as T)).collect(); \
             if s == 0.0 { 0.0 } else { s * f(&at).tangent } }).collect()",
        ),
        ("dual", 2) => elements(
            "(0..n).map(|j| { let at: Vec<_> = (0..n).map(|i| Dual::new(Dual::new(x[i], d[i]), Dual::constant((i == j) as u8 as T))).collect(); \
             if s == 0.0 { 0.0 } else { s * f(&at).tangent.tangent } }).collect()",
        ),
        ("dual", _) => elements("vec![f(&x)]"),
        ("map, gradient" | "map, jacobian", 0) => elements(
            "let mut map = Options::new().map::<T>(n, 0, |x, _| vec![f(x)]).unwrap(); \
             map.run(&Points::new(1).rows(&x, n), &[]).unwrap().to_vec()",
        ),
        ("map, gradient", _) => elements(
            "let by: Vec<usize> = (0..n).collect(); let at: Vec<T> = x.iter().copied().chain([s]).collect(); \
             let mut row = vec![0.0; n]; \
             let mut map = Options::new().map_gradient::<T>(n + 1, 0, &by, |x, _| f(&x[..n]) * x[n]).unwrap(); \
             map.gradient_with_inputs(&Points::new(1).rows(&at, n + 1), &[], &mut [], &mut row).unwrap(); row",
        ),
        ("numbers" | "numbers, several", order) => elements(match order {
            0 => "let tape = Tape::<T>::of(); vec![f(&tape.vars(&x)).item()]",
            1 => {
                "let tape = Tape::<T>::of(); let v = tape.vars(&x); \
                 let swept = f(&v).backward_with(Tensor::scalar(s)); v.iter().map(|&v| swept.item(v)).collect()"
            }
            _ => {
                "let tape = Tape::<T>::of(); let v = tape.vars(&x); \
                 let gradients = tape.try_vjp(f(&v), tape.data(Tensor::scalar(s)), &v).unwrap(); \
                 let swept = gradients.iter().zip(&d).map(|(&g, &d)| g * d).sum::<Var<'_, T>>().backward(); \
                 v.iter().map(|&v| swept.item(v)).collect()"
            }
        }),
        ("numbers, program", order) => elements(&format!(
            "let half = vec![Tensor::scalar(0.5); n + 1]; \
             let mut program = Program::<T>::compile(&half, |{}).unwrap(); \
             let at: Vec<T> = x.iter().copied().chain([s]).collect(); program.run_numbers(&at).unwrap(); \
             (0..program.output_shapes().count()).map(|k| program.item(k)).collect()",
            [
                "v| vec![f(&v[..n])]",
                "v| v[0].tape().try_vjp(f(&v[..n]), v[n], &v[..n]).unwrap()",
                "v| { let tape = v[0].tape(); let gradients = tape.try_vjp(f(&v[..n]), v[n], &v[..n]).unwrap(); \
                 tape.grad(gradients.iter().zip(&d).map(|(&g, &d)| g * d).sum::<Var<'_, T>>(), &v[..n]) }"
            ][order]
        )),
        _ => recorded,
    }
}

/// The source of the sum's gradient, to be compiled and called: what it gives no test can say.
const SOURCE: &str = "let named: Vec<_> = inputs.iter().enumerate().map(|(k, x)| tape.var(x).named(format!(\"x{k}\"))).collect();\n    \
     let total = (f(&named) * tape.data(seed.clone())).sum(());\n    \
     panic!(\"{}\", retrograd::explain::rust_source(&retrograd::graph::Graph::of(total), \"value_and_gradient\").unwrap());\n}\n";

/// A test that fails as the finding says: the tape's numbers, and the other engine's, at the order that differs.
pub fn rust(program: &Program, finding: &Finding) -> String {
    let inputs: Vec<String> = program.inputs.iter().map(tensor).collect();
    let over_numbers = program.nodes.iter().all(|node| !matches!(node.op, Op::Method(_)));
    let (generics, kind, constant) = match over_numbers {
        true => ("<S: Number>", "S", "S::lit("),
        false => ("<'t>", "Var<'t, T>", "Var::constant("),
    };
    // Bits are those of a program made at the inputs.
    let expected = match finding.engine {
        "program, two threads" | "program, elsewhere" | "function" => compiled("Options::new()", "all"),
        _ => EXPECTED[finding.order].to_owned(),
    };
    let (f, outputs) = (statements(program, constant), OUTPUTS[finding.order]);
    let unread = |name: &str| if mentions(outputs, name) { "" } else { "_" };
    let (tape, seed) = (unread("tape"), unread("seed"));
    let arguments = if mentions(&f, "v") { "v" } else { "_" };
    // In this order, each before what may mention it.
    let parts = [
        ("f", format!("fn f{generics}({arguments}: &[{kind}]) -> {kind} {{\n{f}    }}\n    ")),
        ("inputs", format!("fn inputs() -> Vec<Tensor<T>> {{\n        vec![{}]\n    }}\n    ", inputs.join(", "))),
        (
            "directions",
            "fn directions() -> Vec<Tensor<T>> {\n        \
             let number = |k: usize, j: usize| [0.75, -0.5, 1.25, -1.0, 0.5][(k * 2 + j) % 5];\n        \
             let of = |(k, x): (usize, Tensor<T>)| Tensor::new(x.shape(), (0..x.len()).map(|j| number(k, j)).collect()).unwrap();\n        \
             inputs().into_iter().enumerate().map(of).collect()\n    }\n    "
                .to_owned(),
        ),
        (
            "along",
            "fn along<'t>(tape: &'t Tape<T>, v: &[Var<'t, T>], seed: Var<'t, T>) -> Var<'t, T> {\n        \
             let gradients = tape.try_vjp(f(v), seed, v).unwrap();\n        \
             let terms = gradients.iter().zip(directions()).map(|(&g, d)| (g * tape.data(d)).sum(()));\n        \
             terms.fold(Var::constant(0.0), |sum, term| sum + term)\n    }\n    "
                .to_owned(),
        ),
        (
            "outputs",
            format!(
                "fn outputs<'t>({tape}tape: &'t Tape<T>, v: &[Var<'t, T>], {seed}seed: Var<'t, T>) -> Vec<Var<'t, T>> {{\n        \
                 {outputs}\n    }}\n    "
            ),
        ),
        ("inputs", "let inputs = inputs();\n    ".to_owned()),
        ("seed", format!("let seed: Tensor<T> = {};\n    ", tensor(&program.seed))),
        ("n", "let n = inputs.len();\n    ".to_owned()),
        ("all", "let all: Vec<Tensor<T>> = inputs.iter().chain([&seed]).cloned().collect();\n    ".to_owned()),
        (
            "elsewhere",
            "let ordinary = |k: usize, j: usize| (0.15 + 0.77 * (1e4 * ((1000 * k + j) as f64 + 1.0).sin()).rem_euclid(1.0)) as T;\n    \
             let elsewhere: Vec<Tensor<T>> =\n        \
             all.iter().enumerate().map(|(k, x)| Tensor::new(x.shape(), (0..x.len()).map(|j| ordinary(k, j)).collect()).unwrap()).collect();\n    "
                .to_owned(),
        ),
        ("tape", "let tape = Tape::<T>::of();\n    ".to_owned()),
        ("v", "let v: Vec<_> = inputs.iter().map(|x| tape.var(x)).collect();\n    ".to_owned()),
    ];
    let compared = format!(
        "let expected: Vec<Vec<T>> = {expected};\n    \
         let found: Vec<Vec<T>> = {};\n    \
         assert_eq!(format!(\"{{found:?}}\"), format!(\"{{expected:?}}\"));\n}}\n",
        found(finding)
    );
    let body = with_parts(&parts, if finding.engine == "source" { SOURCE.to_owned() } else { compared });
    let used =
        |names: &[&'static str]| -> Vec<&str> { names.iter().copied().filter(|name| mentions(&body, name)).collect() };
    let options = if mentions(&body, "Options") { "use retrograd::program::Options;\n    " } else { "" };
    let names = used(&[
        "Compiled", "Dual", "Number", "Points", "Program", "Span", "Tape", "Tensor", "Triangle", "Value", "Var", "keep",
    ]);
    format!(
        "/// {}, derivatives of order {}: {}\n#[test]\nfn found() {{\n    \
         {options}use retrograd::{{{}}};\n    \
         type T = {};\n    {body}",
        finding.engine,
        finding.order,
        finding.what,
        names.join(", "),
        if program.single { "f32" } else { "f64" },
    )
}
