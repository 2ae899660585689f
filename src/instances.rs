//! The engine, compiled once for `f32` and once for `f64`, here.
//!
//! A generic function is compiled wherever it is called with new types: so every user's crate would compile the engine again.
//! rustc leaves out what it finds compiled in a library if the function is `#[inline(never)]`. So the functions at the border
//! (what public generics call once the user's closure has run, and what is a whole piece of work by itself) have that
//! attribute, and are named here, for both elements; all that they call is behind them. What is short, or is pushed for every
//! number of a scalar program, stays generic and inlined on purpose.
//!
//! The functions below are never called; that they are there to be compiled is enough, and executables do not keep them.
//! `.ci/users` holds how much of the library typical programs still compile: a function that is missing here shows there.

use crate::check::{Gradcheck, GradcheckReport};
use crate::functional;
use crate::num::Element;
use crate::ops::algebra::Algebra;
use crate::ops::eager::{self, Eager};
use crate::program::{Compiled, Map, Options, Program, RecordedStep, Traversal};
use crate::sweep::Gradients;
use crate::tape::recording::Recording;
use crate::tape::{Tape, Var, methods, record};
use crate::tensor::Tensor;

/// Where a function of any type is, so that it is compiled.
pub type Address = *const ();

/// Both elements' functions.
pub static COMPILED_HERE: [fn() -> Vec<Address>; 2] = [all::<f32>, all::<f64>];

fn all<T: Element>() -> Vec<Address> {
    let engine = [tapes::<T>(), tensors::<T>(), sweeps::<T>(), programs::<T>()];
    #[cfg(feature = "training")]
    let engine = engine.into_iter().chain([networks::<T>(), training::<T>(), data::<T>()]);
    engine.into_iter().flatten().collect()
}

/// Functions as addresses: `functions![Tape::<T>::clear, ...]`.
macro_rules! functions {
    ($($function:expr),* $(,)?) => { vec![$($function as Address),*] };
}

fn tapes<T: Element>() -> Vec<Address> {
    functions![
        Tape::<T>::of,
        Tape::<T>::keep_source_lines,
        Tape::<T>::reserve,
        Tape::<T>::vars,
        Tape::<T>::clear,
        Tape::<T>::len,
        Tape::<T>::bytes,
        Tape::<T>::recycle,
        Tape::<T>::recycle_tensor,
        Tape::<T>::leaf_of_tensor_lane,
        Tape::<T>::record_custom,
        methods::on_new_tape::<T>,
        methods::as_data::<T>,
        record::unary_tensor::<T>,
        record::binary_tensor::<T>,
        record::binary_tensor_or_panic::<T>,
        Var::<T>::record_select,
        Var::<T>::record_tensor_op,
        Var::<T>::record_shared_unary,
        Var::<T>::record_shared_binary,
        Var::<T>::value,
        Var::<T>::shape,
        Var::<T>::rank,
        Var::<T>::numel,
        Var::<T>::detach,
        Var::<T>::retain_gradient,
        Var::<T>::note_read_on,
        Var::<T>::reduce_sum,
        Var::<T>::reduce_rows,
        Var::<T>::map_rows,
        Var::<T>::count,
        Var::<T>::to_shape,
        Var::<T>::product_of_rows,
        Var::<T>::scanned,
        Var::<T>::deviation,
        Var::<T>::try_argmax,
        Var::<T>::try_argmin,
        Var::<T>::try_permute,
        Var::<T>::try_swap_axes,
        Var::<T>::try_gather,
        Var::<T>::try_pick,
        Var::<T>::try_scatter_add,
        Var::<T>::try_pad,
        Var::<T>::try_roll,
        Var::<T>::try_diag,
        Var::<T>::try_trace,
        Var::<T>::try_unsqueeze,
        Var::<T>::try_tile,
        Var::<T>::product,
        Var::<T>::try_einsum,
        Var::<T>::try_sort,
        Var::<T>::try_argsort,
        Var::<T>::try_topk,
        Var::<T>::try_pick_along,
        Var::<T>::try_cummax,
        Var::<T>::try_cummin,
        Var::<T>::try_expm,
        Var::<T>::try_max_pool1d,
        Var::<T>::try_max_pool2d,
        Var::<T>::try_avg_pool1d,
        Var::<T>::try_avg_pool2d,
        Var::<T>::try_det,
        Var::<T>::try_inv,
        Var::<T>::try_cholesky,
        Var::<T>::try_slogdet,
        Var::<T>::try_qr,
        Var::<T>::try_eigh,
        Var::<T>::try_svd,
        Var::<T>::try_concat,
        Var::<T>::try_stack,
        Var::<T>::try_cross_entropy,
    ]
}

fn tensors<T: Element>() -> Vec<Address> {
    functions![
        Tensor::<T>::full_of_shape,
        Tensor::<T>::of_shape,
        Tensor::<T>::select_rows,
        Tensor::<T>::select_rows_into,
        Tensor::<T>::argmax_rows,
        Tensor::<T>::try_cholesky,
        Tensor::<T>::try_slogdet,
        Tensor::<T>::try_qr,
        Tensor::<T>::try_eigh,
        Tensor::<T>::try_svd,
        Tensor::<T>::add_matmul,
        Tensor::<T>::try_argmax,
        Tensor::<T>::try_argmin,
        Tensor::<T>::add_scaled,
        eager::unary::<T>,
        eager::binary::<T>,
        eager::select::<T>,
        eager::apply::<T>,
        <Eager<'_, T> as Algebra<T>>::unary,
        <Eager<'_, T> as Algebra<T>>::binary,
        <Eager<'_, T> as Algebra<T>>::select,
        <Eager<'_, T> as Algebra<T>>::apply,
        <Recording<'_, T> as Algebra<T>>::unary,
        <Recording<'_, T> as Algebra<T>>::binary,
        <Recording<'_, T> as Algebra<T>>::select,
        <Recording<'_, T> as Algebra<T>>::apply,
        <Recording<'_, T> as Algebra<T>>::constant,
    ]
}

fn sweeps<T: Element>() -> Vec<Address> {
    fn of_checks<T: Element>() -> [GradcheckReport; 3] {
        let check = Gradcheck::<T>::of();
        [
            check.gradcheck(&[], |x| x[0]),
            check.gradcheck_against(&[], |x| x[0], |x| x[0]),
            check.gradgradcheck(&[], |x| x[0]),
        ]
    }
    functions![
        Var::<T>::try_backward,
        Var::<T>::backward_of_seed,
        Gradients::<T>::sweep,
        Gradients::<T>::wrt,
        Gradients::<T>::try_wrt,
        Gradients::<T>::items,
        Gradients::<T>::take,
        Tape::<T>::try_grad,
        Tape::<T>::try_vjp,
        Tape::<T>::jvp_all,
        Tape::<T>::jvp_many,
        Tape::<T>::vjp_many,
        Tape::<T>::try_record_jvp,
        functional::jacobian_rows::<T>,
        functional::jacobian_columns::<T>,
        functional::slice_jacobian_rows::<T>,
        of_checks::<T>,
    ]
}

fn programs<T: Element>() -> Vec<Address> {
    /// One of each kind: what is private behind a closure's caller is compiled with it.
    fn of_closures<T: Element>() -> crate::Result<()> {
        Compiled::<T>::new().step(0, |tape| Ok((tape.var(T::from_f64(0.0)), ())))?;
        let _ = Compiled::<T>::new()
            .sum_with(0, &[(), ()], |tape, ()| Ok((tape.var(T::from_f64(0.0)), [].into_iter().collect(), ())));
        RecordedStep::<T>::record(&(), |tape, ()| Ok((tape.var(T::from_f64(0.0)), [].into_iter().collect(), ())))?;
        Options::new().map::<T>(1, 1, |x, _| x.to_vec()).map(|_| ())
    }
    functions![
        of_closures::<T>,
        Options::freeze::<T>,
        Program::<T>::run_into,
        RecordedStep::<T>::compile,
        RecordedStep::<T>::leaf,
        Program::<T>::run_numbers,
        Program::<T>::set_carried,
        Program::<T>::items_into,
        Program::<T>::tensor,
        <Program<T> as std::fmt::Display>::fmt,
        Map::<T>::run,
        Map::<T>::run_into,
        Map::<T>::gradient_with_inputs,
        Map::<T>::jacobian,
        Map::<T>::jacobian_into,
        Traversal::<T>::gradient,
    ]
}

#[cfg(feature = "training")]
fn networks<T: Element>() -> Vec<Address> {
    use crate::nn::*;
    /// Addresses of a layer's methods.
    fn layer<T: Element, L: Layer<T>>() -> Vec<Address> {
        functions![
            L::build,
            L::forward,
            L::predict,
            L::config,
            L::check_input,
            L::try_predict,
            L::ending,
            L::least_rows
        ]
    }
    let mut all = functions![
        Mlp::build::<T>,
        Mlp::sequential::<T>,
        Model::<T>::boxed,
        Model::<T>::forward,
        Model::<T>::predict,
        Model::<T>::predict_one,
        Model::<T>::answers,
        Model::<T>::config,
        Model::<T>::from_config_with,
        Model::<T>::warnings,
        Model::<T>::summary,
        Params::<T>::set,
        Params::<T>::no_such,
        ParamGrads::<T>::recycle,
        ParamGrads::<T>::check_finite,
        ParamGrads::<T>::scale,
        ParamGrads::<T>::add,
        ParamGrads::<T>::clip_norm,
        ParamGrads::<T>::clip_value,
        ParamGrads::<T>::unreached,
        Pass::<T>::over,
        Pass::<T>::param,
        Pass::<T>::statistic,
        Pass::<T>::observe,
        Pass::<T>::check,
        Pass::<T>::finish,
        Passed::<T>::gradients,
        Passed::<T>::store,
        Head::classes::<T>,
        Head::probabilities::<T>,
        <loss::LabelLoss as Loss<T>>::value,
        <loss::LabelLoss as Loss<T>>::config,
        <loss::ValueLoss as Loss<T>>::value,
        <loss::ValueLoss as Loss<T>>::config,
    ];
    all.extend(
        [layer::<T, Dense>(), layer::<T, Activation>(), layer::<T, Softmax>(), layer::<T, LogSoftmax>()].concat(),
    );
    all.extend(
        [layer::<T, Dropout>(), layer::<T, BatchNorm>(), layer::<T, LayerNorm>(), layer::<T, Flatten>()].concat(),
    );
    all.extend([layer::<T, Embedding>(), layer::<T, Shared<T>>(), layer::<T, Residual<T>>()].concat());
    all.extend(layer::<T, Sequential<T>>());
    all
}

#[cfg(feature = "training")]
fn training<T: Element>() -> Vec<Address> {
    use crate::optim::*;
    use crate::train::{Sweep, Swept, Trainer};
    /// Addresses of a rule's methods, and of the optimiser that it makes.
    fn rule<T: Element, R: Rule<T> + Into<Optimizer<T>>>() -> Vec<Address> {
        functions![R::update, R::config, R::validate, <R as Into<Optimizer<T>>>::into]
    }
    let mut all = functions![
        Optimizer::<T>::step,
        Optimizer::<T>::step_rows,
        Optimizer::<T>::validate,
        Optimizer::<T>::config,
        Optimizer::<T>::from_config,
        Optimizer::<T>::set_state,
        Trainer::<T>::fit,
        Trainer::<T>::evaluate,
        Trainer::<T>::settings,
        Sweep::<T>::run,
        Sweep::<T>::gather,
        Swept::<T>::model,
        Swept::<T>::to_csv,
    ];
    all.extend([rule::<T, Adadelta>(), rule::<T, Adagrad>(), rule::<T, Adam>(), rule::<T, AdamW>()].concat());
    all.extend([rule::<T, Adamax>(), rule::<T, Lion>(), rule::<T, NAdam>(), rule::<T, RmsProp>()].concat());
    all.extend(rule::<T, Sgd>());
    all
}

#[cfg(feature = "training")]
fn data<T: Element>() -> Vec<Address> {
    use crate::data::*;
    fn of_readers<T: Element>() -> crate::Result<Dataset<T>> {
        Csv::new().read(std::io::empty())
    }
    functions![
        of_readers::<T>,
        Dataset::<T>::select,
        Dataset::<T>::scaled_by,
        Dataset::<T>::targets_scaled_by,
        Dataset::<T>::batches,
        Dataset::<T>::with_n_classes,
        Dataset::<T>::as_batch,
        Dataset::<T>::split,
        Dataset::<T>::split_at,
        Dataset::<T>::split3,
        Dataset::<T>::stratified_split,
        Dataset::<T>::stratified_split3,
        Dataset::<T>::k_folds,
        Dataset::<T>::stratified_k_folds,
        Batches::<T>::next_batch,
        Batches::<T>::restart,
        Batches::<T>::seek,
        Scaler::standardise::<T>,
        Scaler::min_max::<T>,
        Scaler::standardise_targets::<T>,
        Scaler::min_max_targets::<T>,
        Scaler::apply::<T>,
        Scaler::apply_tensor::<T>,
        Scaler::invert_tensor::<T>,
        synthetic::two_moons::<T>,
        synthetic::circles::<T>,
        synthetic::blobs::<T>,
        synthetic::xor::<T>,
    ]
}
