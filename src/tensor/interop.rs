//! Tensors from and to arrays of the `ndarray` crate; needs the feature `ndarray`.
//!
//! Both are row-major, so the elements move without a copy where nothing else holds them: out of an owned array in standard
//! layout, and out of a tensor that no other tensor or tape shares. [`ArrayViewD`] borrows a tensor's elements in any case.
//! An array in another layout (transposed, reversed, strided) is copied in the order of its indices.
//!
//! A tensor's number of axes is known at run time only: [`ArrayD`] takes any, an array with a fixed number may refuse.

use super::Tensor;
use crate::error::{Error, Result};
use crate::num::Element;
use ndarray::{Array, ArrayBase, ArrayD, ArrayViewD, Data, Dimension, Ix0, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn};
use std::sync::Arc;

impl<T: Element, D: Dimension> From<Array<T, D>> for Tensor<T> {
    /// Takes the elements of an array in standard layout; copies those of another.
    fn from(array: Array<T, D>) -> Self {
        if !array.is_standard_layout() {
            return Self::from(&array);
        }
        let (shape, n) = (array.shape().into(), array.len());
        let (mut data, start) = array.into_raw_vec_and_offset();
        // A slice of an owned array still owns what lies before and behind it.
        let start = start.unwrap_or(0);
        data.truncate(start + n);
        data.drain(..start);
        Self { shape, data: Arc::new(data.into()) }
    }
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> From<&ArrayBase<S, D>> for Tensor<T> {
    /// Copies the elements, in the order of their indices; from an array or a view.
    fn from(array: &ArrayBase<S, D>) -> Self {
        Self { shape: array.shape().into(), data: Arc::new(array.iter().copied().collect()) }
    }
}

impl<T: Element> From<Tensor<T>> for ArrayD<T> {
    /// Moves the elements; copies them only where another tensor or a tape shares them.
    fn from(tensor: Tensor<T>) -> Self {
        let dims = IxDyn(tensor.shape().dims());
        ArrayD::from_shape_vec(dims, tensor.into_vec()).expect("a tensor has as many elements as its shape says")
    }
}

impl<T: Element> From<&Tensor<T>> for ArrayD<T> {
    /// Copies the elements.
    fn from(tensor: &Tensor<T>) -> Self {
        ArrayViewD::from(tensor).to_owned()
    }
}

impl<'a, T: Element> From<&'a Tensor<T>> for ArrayViewD<'a, T> {
    /// A view of the elements where they are.
    fn from(tensor: &'a Tensor<T>) -> Self {
        ArrayViewD::from_shape(IxDyn(tensor.shape().dims()), tensor.as_slice())
            .expect("a tensor has as many elements as its shape says")
    }
}

macro_rules! fixed_rank {
    ($($D:ident),*) => {$(
        impl<T: Element> TryFrom<Tensor<T>> for Array<T, $D> {
            type Error = Error;
            /// Moves the elements; an error where the tensor has another number of axes.
            fn try_from(tensor: Tensor<T>) -> Result<Self> {
                with_rank(ArrayD::from(tensor))
            }
        }
        impl<T: Element> TryFrom<&Tensor<T>> for Array<T, $D> {
            type Error = Error;
            /// Copies the elements; an error where the tensor has another number of axes.
            fn try_from(tensor: &Tensor<T>) -> Result<Self> {
                with_rank(ArrayD::from(tensor))
            }
        }
    )*};
}
fixed_rank!(Ix0, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6);

fn with_rank<T, D: Dimension>(array: ArrayD<T>) -> Result<Array<T, D>> {
    let (shape, rank) = (array.shape().to_vec(), array.ndim());
    array.into_dimensionality().map_err(|_| {
        let wanted = D::NDIM.unwrap_or(rank);
        Error::shape(format!("ndarray: shape {shape:?} has {rank} axes, an array with {wanted} was asked for"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tape;
    use ndarray::{Array1, Array2, Array3, ArrayView2, arr0, array, s};

    #[test]
    fn an_owned_array_in_standard_layout_moves_in_and_out_without_a_copy() {
        let array = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let place = array.as_ptr();
        let tensor = Tensor::from(array.clone());
        assert_eq!(tensor, Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
        let tensor_of_moved = Tensor::from(array);
        assert_eq!(tensor_of_moved.as_slice().as_ptr(), place);
        let back = Array2::try_from(tensor_of_moved).unwrap();
        assert_eq!(back.as_ptr(), place);
        assert_eq!(back[[1, 0]], 4.0);
    }

    #[test]
    fn a_shared_tensor_is_copied_and_stays_as_it_was() {
        let tensor = Tensor::from([1.0_f32, 2.0]);
        let mut array = Array1::try_from(tensor.clone()).unwrap();
        array[0] = 9.0;
        assert_eq!(tensor.to_vec(), [1.0, 2.0]);
        assert_eq!(Array1::try_from(&tensor).unwrap(), array![1.0, 2.0]);
    }

    #[test]
    fn other_layouts_keep_the_order_of_their_indices() {
        let array = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        assert_eq!(Tensor::from(array.clone().reversed_axes()), Tensor::from([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]));
        let mut reversed = array.clone();
        reversed.invert_axis(ndarray::Axis(1));
        assert_eq!(Tensor::from(reversed), Tensor::from([[3.0, 2.0, 1.0], [6.0, 5.0, 4.0]]));
        assert_eq!(Tensor::from(&array.slice(s![.., ..;2])), Tensor::from([[1.0, 3.0], [4.0, 6.0]]));
    }

    #[test]
    fn a_slice_of_an_owned_array_leaves_the_rest_behind() {
        let rows = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]].slice_move(s![1..2, ..]);
        assert!(rows.is_standard_layout());
        assert_eq!(Tensor::from(rows), Tensor::from([[3.0, 4.0]]));
    }

    #[test]
    fn a_view_borrows_the_elements() {
        let tensor = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
        let view = ArrayViewD::from(&tensor);
        assert_eq!(view.as_ptr(), tensor.as_slice().as_ptr());
        let view: ArrayView2<f64> = view.into_dimensionality().unwrap();
        assert_eq!(view.column(1).to_vec(), [2.0, 4.0]);
    }

    #[test]
    fn scalars_and_empty_tensors_survive_the_round_trip() {
        assert_eq!(Tensor::from(arr0(2.5)), Tensor::scalar(2.5));
        assert_eq!(Array::<f64, Ix0>::try_from(Tensor::scalar(2.5)).unwrap().into_scalar(), 2.5);
        let empty = Array3::<f32>::zeros([2, 0, 3]);
        let tensor = Tensor::from(empty.clone());
        assert_eq!(tensor.shape().dims(), [2, 0, 3]);
        assert_eq!(ArrayD::from(tensor), empty.into_dyn());
    }

    #[test]
    fn another_number_of_axes_is_an_error_with_both_numbers() {
        let error = Array1::try_from(Tensor::<f64>::zeros([2, 3])).unwrap_err();
        assert!(error.is_shape());
        assert_eq!(error.to_string(), "ndarray: shape [2, 3] has 2 axes, an array with 1 was asked for");
    }

    #[test]
    fn arrays_become_variables_and_gradients_arrays() {
        let tape = Tape::new();
        let x = tape.var(Tensor::from(array![[1.0, -2.0]]));
        let gradient = x.square().sum(()).backward().wrt(x);
        assert_eq!(Array2::try_from(gradient).unwrap(), array![[2.0, -4.0]]);
    }
}
