//! The ops on whole tensors that users have as methods: one table, from which they are called and printed.
//!
//! A line is a method with its parameters; `x_keep` is `x` over axes that it keeps. That no method is missing is a test, which reads the source of `Var`.

use retrograd::{Axes, Conv, Element, Error, Pooling, Result, Span, Tape, Tensor, Triangle, Var, keep};

/// A method and its parameters; which of them count, the table says.
#[derive(Clone, Debug, Default)]
pub struct Method {
    pub name: &'static str,
    /// All axes, or these.
    pub axes: Option<Vec<isize>>,
    pub axis: isize,
    pub other: isize,
    pub dims: Vec<usize>,
    pub indices: Vec<usize>,
    pub length: usize,
    pub number: f64,
    /// From, to, step.
    pub spans: Vec<[isize; 3]>,
    pub widths: Vec<(usize, usize)>,
}

/// Parameters as they are passed.
impl Method {
    fn axes(&self) -> Axes {
        self.axes.as_ref().map_or(().into(), |axes| axes[..].into())
    }
    fn kept(&self) -> Axes {
        keep(self.axes())
    }
    fn axis(&self) -> isize {
        self.axis
    }
    fn other(&self) -> isize {
        self.other
    }
    fn dims(&self) -> &[usize] {
        &self.dims
    }
    fn indices(&self) -> &[usize] {
        &self.indices
    }
    fn length(&self) -> usize {
        self.length
    }
    fn number(&self) -> f64 {
        self.number
    }
    fn spans(&self) -> Vec<Span> {
        self.spans.iter().map(|&[from, to, step]| Span::from(from..to).step(step)).collect()
    }
    fn widths(&self) -> &[(usize, usize)] {
        &self.widths
    }
    /// Stride and padding.
    fn conv(&self) -> Conv {
        Conv::new().stride(self.length.max(1)).padding(self.other.max(0) as usize)
    }
    /// Size, stride and padding.
    fn pooling(&self) -> Pooling {
        Pooling::of(self.dims[0]).stride(self.dims[1]).padding(self.dims[2])
    }
    /// A parameter as Rust source.
    fn print(&self, parameter: &str) -> String {
        match parameter {
            "axes" => self
                .axes
                .as_ref()
                .map_or("()".into(), |axes| format!("&{axes:?}[..]"))
                .replace("&[][..]", "&[0isize; 0][..]"),
            "kept" => format!("keep({})", self.print("axes")),
            "axis" => self.axis.to_string(),
            "other" => self.other.to_string(),
            "dims" => format!("&{:?}[..]", self.dims).replace("&[][..]", "&[0usize; 0][..]"),
            "indices" => format!("&{:?}", self.indices),
            "length" => self.length.to_string(),
            "number" => format!("{:?}", self.number),
            "spans" => {
                let span = |&[from, to, step]: &[isize; 3]| format!("Span::from({from}..{to}).step({step})");
                let spans: Vec<String> = self.spans.iter().map(span).collect();
                format!("&[{}][..]", spans.join(", ")).replace("&[][..]", "&[0isize; 0][..]")
            }
            "widths" => format!("&{:?}", self.widths),
            "conv" => format!("Conv::new().stride({}).padding({})", self.length.max(1), self.other.max(0)),
            "pooling" => {
                format!("Pooling::of({}).stride({}).padding({})", self.dims[0], self.dims[1], self.dims[2])
            }
            _ => unreachable!("no parameter {parameter}"),
        }
    }
}

macro_rules! methods {
    (
        one { $($one:ident / $try_one:ident ($($p:ident),*);)* }
        two { $($two:ident / $try_two:ident ($($q:ident),*);)* }
        list { $($list:ident / $try_list:ident ($($r:ident),*);)* }
    ) => {
        /// The names, by how many variables they take: one, two, any number.
        pub const ONE: &[&str] = &[$(stringify!($one)),*];
        pub const TWO: &[&str] = &[$(stringify!($two)),*];
        pub const LIST: &[&str] = &[$(stringify!($list)),*];

        impl Method {
            pub fn apply<'t, T: Element>(&self, args: &[Var<'t, T>]) -> Result<Var<'t, T>> {
                match self.name {
                    $(stringify!($one) => args[0].$try_one($(self.$p()),*),)*
                    $(stringify!($two) => args[0].$try_two(args[1] $(, self.$q())*),)*
                    $(stringify!($list) => Var::$try_list(args $(, self.$r())*),)*
                    name => decomposed(name, args).unwrap_or_else(|| Err(Error::custom(format!("no method {name}")))),
                }
            }
            /// The call as Rust source.
            pub fn source(&self, args: &[String]) -> String {
                let (head, parameters): (String, &[&str]) = match self.name {
                    $(stringify!($one) => (format!("{}.{}(", args[0], self.name.trim_end_matches("_keep")), &[$(stringify!($p)),*]),)*
                    $(stringify!($two) => (format!("{}.{}({}, ", args[0], self.name, args[1]), &[$(stringify!($q)),*]),)*
                    name if printed(name).is_some() => {
                        let call = printed(name).expect("just looked").replace("{x}", &args[0]);
                        return args.get(1).map_or(call.clone(), |y| call.replace("{y}", y));
                    }
                    _ => (format!("Var::{}(&[{}], ", self.name, args.join(", ")), &["axis"]),
                };
                let parameters: Vec<_> = parameters.iter().map(|parameter| self.print(parameter)).collect();
                format!("{head}{})", parameters.join(", ")).replace(", )", ")")
            }
        }
    };
}

methods! {
    one {
        sum/try_sum(axes);
        sum_keep/try_sum(kept);
        mean/try_mean(axes);
        mean_keep/try_mean(kept);
        prod/try_prod(axes);
        prod_keep/try_prod(kept);
        max/try_max(axes);
        max_keep/try_max(kept);
        min/try_min(axes);
        min_keep/try_min(kept);
        var/try_var(axes, length);
        var_keep/try_var(kept, length);
        std/try_std(axes, length);
        std_keep/try_std(kept, length);
        norm1/try_norm1(axes);
        norm1_keep/try_norm1(kept);
        norm2/try_norm2(axes);
        norm2_keep/try_norm2(kept);
        norm_inf/try_norm_inf(axes);
        norm_inf_keep/try_norm_inf(kept);
        logsumexp/try_logsumexp(axes);
        logsumexp_keep/try_logsumexp(kept);
        softmax/try_softmax(axes);
        log_softmax/try_log_softmax(axes);
        cumsum/try_cumsum(axes);
        cumprod/try_cumprod(axes);
        cumlogsumexp/try_cumlogsumexp(axes);
        sort/try_sort(axis);
        argsort/try_argsort(axis);
        cummax/try_cummax(axis);
        cummin/try_cummin(axis);
        pick_along/try_pick_along(axis, indices);
        max_pool1d/try_max_pool1d(pooling);
        max_pool2d/try_max_pool2d(pooling);
        avg_pool1d/try_avg_pool1d(pooling);
        avg_pool2d/try_avg_pool2d(pooling);
        expm/try_expm();
        reshape/try_reshape(dims);
        broadcast_to/try_broadcast_to(dims);
        permute/try_permute(dims);
        swap_axes/try_swap_axes(axis, other);
        t/try_t();
        slice/try_slice_list(spans);
        gather/try_gather(axis, indices);
        pick/try_pick(indices);
        scatter_add/try_scatter_add(axis, indices, length);
        pad/try_pad(widths);
        flip/try_flip(axes);
        roll/try_roll(other, axis);
        diag/try_diag();
        trace/try_trace();
        tril/try_tril(other);
        triu/try_triu(other);
        squeeze/try_squeeze(axes);
        unsqueeze/try_unsqueeze(axis);
        tile/try_tile(dims);
        det/try_det();
        inv/try_inv();
        cross_entropy/try_cross_entropy(indices);
        nll/try_nll(indices);
        detach/try_detach();
    }
    two {
        matmul/try_matmul();
        matmul_tn/try_matmul_tn();
        matmul_nt/try_matmul_nt();
        dot/try_dot();
        outer/try_outer();
        kron/try_kron();
        conv1d/try_conv1d(conv);
        conv2d/try_conv2d(conv);
        solve/try_solve();
        squared_error/try_squared_error();
        mean_squared_error/try_mean_squared_error();
        mean_absolute_error/try_mean_absolute_error();
        huber_error/try_huber_error(number);
        binary_cross_entropy/try_binary_cross_entropy();
        binary_cross_entropy_with_logits/try_binary_cross_entropy_with_logits();
        cross_entropy_soft/try_cross_entropy_soft();
        kl_divergence/try_kl_divergence();
        hinge/try_hinge();
    }
    list {
        concat/try_concat(axis);
        stack/try_stack(axis);
    }
}

macro_rules! decompositions {
    ($($name:ident: |$args:ident| $value:expr, $source:literal;)*) => {
        /// Decompositions, a line for each part, and what is of several parts: matrices that suit them are not drawn, but given.
        pub const DECOMPOSITIONS: &[&str] = &[$(stringify!($name)),*];

        fn decomposed<'t, T: Element>(name: &str, args: &[Var<'t, T>]) -> Option<Result<Var<'t, T>>> {
            let found = |f: &dyn Fn(&[Var<'t, T>]) -> Result<Var<'t, T>>| Some(f(args));
            match name {
                $(stringify!($name) => found(&|$args| $value),)*
                _ => None,
            }
        }

        fn printed(name: &str) -> Option<&'static str> {
            match name {
                $(stringify!($name) => Some($source),)*
                _ => None,
            }
        }
    };
}

decompositions! {
    topk: |x| Ok(x[0].try_topk(2, -1)?.0), "{x}.topk(2, -1).0";
    take_along: |x| x[0].try_take_along(x[1].try_argsort(-2)?, -2), "{x}.take_along({y}.argsort(-2), -2)";
    put_along: |x| x[0].try_put_along(x[1].try_argsort(-1)?, -1, 5), "{x}.put_along({y}.argsort(-1), -1, 5)";
    lstsq: |x| x[0].try_lstsq(x[1]), "{x}.lstsq({y})";
    einsum: |x| Var::try_einsum("...ij,...kj->...ki", &[x[0], x[1]]), "Var::einsum(\"...ij,...kj->...ki\", &[{x}, {y}])";
    cholesky: |x| x[0].try_cholesky(), "{x}.cholesky()";
    solve_triangular: |x| x[0].try_solve_triangular(x[1], Triangle::Lower), "{x}.solve_triangular({y}, Triangle::Lower)";
    slogdet: |x| Ok(x[0].try_slogdet()?.1), "{x}.slogdet().1";
    qr_q: |x| Ok(x[0].try_qr()?.0), "{x}.qr().0";
    qr_r: |x| Ok(x[0].try_qr()?.1), "{x}.qr().1";
    eigh_values: |x| Ok(x[0].try_eigh()?.0), "{x}.eigh().0";
    eigh_vectors: |x| Ok(x[0].try_eigh()?.1), "{x}.eigh().1";
    svd_u: |x| Ok(x[0].try_svd()?.0), "{x}.svd().0";
    svd_values: |x| Ok(x[0].try_svd()?.1), "{x}.svd().1";
    svd_vt: |x| Ok(x[0].try_svd()?.2), "{x}.svd().2";
}

/// Whether a line of the table reads two variables.
pub fn reads_two(name: &str) -> bool {
    printed(name).is_some_and(|source| source.contains("{y}"))
}

/// The shape of a part of a decomposition of this matrix.
pub fn shape_of_part(name: &str, (shape, values): (&[usize], &[f64])) -> Vec<usize> {
    let tape = Tape::new();
    let x = tape.data(Tensor::new(shape, values.to_vec()).expect("as many values"));
    decomposed(name, &[x, x]).expect("a part").expect("it has one").shape().to_vec()
}

/// What the table calls and `Var` has by another signature.
trait More: Sized {
    fn try_slice_list(self, spans: Vec<Span>) -> Result<Self>;
    fn try_detach(self) -> Result<Self>;
}
impl<T: Element> More for Var<'_, T> {
    fn try_slice_list(self, spans: Vec<Span>) -> Result<Self> {
        self.try_slice(&spans[..])
    }
    fn try_detach(self) -> Result<Self> {
        Ok(self.detach())
    }
}

impl Method {
    /// Whether every engine gives the same bits.
    pub fn is_exact(&self) -> bool {
        const EXACT: &[&str] = &[
            "max",
            "max_keep",
            "min",
            "min_keep",
            "norm_inf",
            "norm_inf_keep",
            "reshape",
            "broadcast_to",
            "permute",
            "swap_axes",
            "t",
            "slice",
            "gather",
            "pick",
            "pad",
            "flip",
            "roll",
            "diag",
            "tril",
            "triu",
            "squeeze",
            "unsqueeze",
            "tile",
            "detach",
            "concat",
            "stack",
            "sort",
            "argsort",
            "topk",
            "cummax",
            "cummin",
            "pick_along",
            "take_along",
            "max_pool1d",
            "max_pool2d",
        ];
        EXACT.contains(&self.name)
    }
}

/// Methods of `Var` on tensors that the table does not list, and why.
const LEFT_OUT: [(&str, &str); 6] = [
    ("at", "a constant generic argument; it is a slice and a reshape"),
    ("argmax", "gives positions, not a variable"),
    ("argmin", "gives positions, not a variable"),
    ("pow", "an elementwise op"),
    ("select", "an op of its own here"),
    ("transpose", "another name of t"),
];

#[test]
fn no_method_on_tensors_is_left_out() {
    let sources = [
        include_str!("../../src/tape/reductions.rs"),
        include_str!("../../src/tape/shaping.rs"),
        include_str!("../../src/tape/losses.rs"),
        include_str!("../../src/tape/linear_algebra.rs"),
        include_str!("../../src/tape/order.rs"),
        include_str!("../../src/tape/windows.rs"),
    ];
    let mut found = 0;
    for line in sources.iter().flat_map(|source| source.lines()) {
        // A line of a macro: `cholesky try_cholesky(`.
        let head = line.trim().split(['(', '<']).next();
        let Some((name, twin)) = head.and_then(|head| head.split_once(" try_")) else { continue };
        if name != twin {
            continue;
        }
        found += 1;
        let part = |method: &str| method == name || method.starts_with(&format!("{name}_"));
        let listed = ONE.iter().chain(TWO).chain(LIST).any(|&method| method == name)
            || DECOMPOSITIONS.iter().any(|&method| part(method));
        assert!(
            listed || LEFT_OUT.iter().any(|&(left, _)| left == name),
            "{name} is in no line of the table of methods"
        );
    }
    assert!(found > 60, "found {found} methods: has their layout changed?");
}
