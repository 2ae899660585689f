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
    format!("Tensor::new({:?}, vec![{}]).unwrap()", numbers.shape, values.join(", ")).replace("new([],", "new((),")
}

/// The expression's statements, over `v`.
fn statements(program: &Program) -> String {
    let mut text = String::new();
    for (k, node) in program.nodes.iter().enumerate() {
        let args: Vec<String> = node.args.iter().map(|arg| format!("n{arg}")).collect();
        let value = match &node.op {
            Op::Input(i) => format!("v[{i}]"),
            Op::Literal(x) => format!("Var::constant({})", number(*x)),
            Op::Unary(op) => format!("{}.{}", args[0], op.with(Call)),
            Op::Binary(op) => match (op.name(), op.with(Type)) {
                ("scale" | "over" | "gate", op) => {
                    format!("Number::binary({}, retrograd::ops::{op}, {})", args[0], args[1])
                }
                (name, _) => format!("{}.{name}({})", args[0], args[1]),
            },
            Op::Select => format!("{}.select({}, {})", args[0], args[1], args[2]),
            Op::Method(method) => method.source(&args),
        };
        text += &format!("        let n{k} = {value};\n");
    }
    text + &format!("        n{}\n", program.nodes.len() - 1)
}

/// A test that fails as the finding says: the tape's numbers, and the other engine's.
pub fn rust(program: &Program, finding: &Finding) -> String {
    let inputs: Vec<String> = program.inputs.iter().map(tensor).collect();
    let n = inputs.len();
    format!(
        "/// {engine}, derivatives of order {order}: {what}\n\
         #[test]\n\
         fn found() {{\n    \
         use retrograd::{{Number, Program, Span, Tape, Tensor, Var}};\n    \
         use std::ops::{{Add, Div, Mul, Neg, Sub}};\n    \
         type T = {t};\n    \
         fn f<'t>(v: &[Var<'t, T>]) -> Var<'t, T> {{\n{statements}    }}\n    \
         let inputs: Vec<Tensor<T>> = vec![{inputs}];\n    \
         let seed: Tensor<T> = {seed};\n    \
         let tape = Tape::<T>::of();\n    \
         let v: Vec<_> = inputs.iter().map(|x| tape.var(x)).collect();\n    \
         let swept = f(&v).backward_with(&seed);\n    \
         let expected: Vec<Tensor<T>> = v.iter().map(|&v| swept.wrt(v)).collect();\n    \
         let all: Vec<_> = inputs.iter().chain([&seed]).cloned().collect();\n    \
         let mut program = Program::compile(&all, |tape, v| tape.try_vjp(f(&v[..{n}]), v[{n}], &v[..{n}]).unwrap()).unwrap();\n    \
         program.run(&all.iter().collect::<Vec<_>>()).unwrap();\n    \
         for (k, expected) in expected.iter().enumerate() {{\n        \
         assert_eq!(format!(\"{{:?}}\", program.output(k)), format!(\"{{:?}}\", expected.as_slice()));\n    }}\n}}\n",
        engine = finding.engine,
        order = finding.order,
        what = finding.what,
        t = if program.single { "f32" } else { "f64" },
        statements = statements(program),
        inputs = inputs.join(", "),
        seed = tensor(&program.seed),
    )
}
