//! Numbers as bytes, little-endian, in their own precision.

use crate::error::{Error, Result};
use crate::num::{Element, PerElement};

/// Appends the numbers to a message, little-endian, in their own precision.
///
/// # Examples
/// ```
/// use retrograd::world::{read_numbers, write_numbers};
/// let (mut message, mut numbers) = (Vec::new(), [0.0f32; 2]);
/// write_numbers(&[1.5f32, -2.0], &mut message);
/// read_numbers(&message, &mut numbers)?;
/// assert_eq!((message.len(), numbers), (8, [1.5, -2.0]));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn write_numbers<T: Element>(numbers: &[T], message: &mut Vec<u8>) {
    let start = message.len();
    message.resize(start + size_of_val(numbers), 0);
    write(numbers, &mut message[start..]);
}

/// The numbers of a message.
///
/// # Errors
/// It has more or fewer.
pub fn read_numbers<T: Element>(message: &[u8], numbers: &mut [T]) -> Result<()> {
    if message.len() != size_of_val(numbers) {
        return Err(Error::argument(format!(
            "world: a message of {} bytes for {} numbers of {}",
            message.len(),
            numbers.len(),
            T::NAME
        )));
    }
    read(message, numbers, Join::Instead);
    Ok(())
}

/// What becomes of numbers that have come.
#[derive(Clone, Copy)]
pub(super) enum Join {
    /// They are put in the place of those that are here.
    Instead,
    /// They are added from the left.
    Left,
    /// They are added from the right.
    Right,
}

/// Writes the numbers: as many bytes as they have.
pub(super) fn write<T: Element>(numbers: &[T], bytes: &mut [u8]) {
    assert_eq!(size_of_val(numbers), bytes.len(), "as many bytes as the numbers have");
    T::pick::<Written>()(numbers, bytes);
}

/// Joins the numbers with those that the bytes are.
pub(super) fn read<T: Element>(bytes: &[u8], numbers: &mut [T], join: Join) {
    assert_eq!(size_of_val(numbers), bytes.len(), "as many bytes as the numbers have");
    T::pick::<Joined>()(bytes, numbers, join);
}

/// For each precision a loop of its own, which vectorises.
struct Written;
struct Joined;

macro_rules! loops {
    ($written:ident, $joined:ident, $t:ty) => {
        fn $written(numbers: &[$t], bytes: &mut [u8]) {
            let places = bytes.chunks_exact_mut(size_of::<$t>()).zip(numbers);
            places.for_each(|(place, x)| place.copy_from_slice(&x.to_le_bytes()));
        }

        #[allow(clippy::assign_op_pattern, reason = "the left one first: of two NaN a sum is the first")]
        fn $joined(bytes: &[u8], numbers: &mut [$t], join: Join) {
            let number = |bytes: &[u8]| <$t>::from_le_bytes(bytes.try_into().expect("as many bytes as a number has"));
            let places = numbers.iter_mut().zip(bytes.chunks_exact(size_of::<$t>()));
            match join {
                Join::Instead => places.for_each(|(own, other)| *own = number(other)),
                Join::Left => places.for_each(|(own, left)| *own = number(left) + *own),
                Join::Right => places.for_each(|(own, right)| *own += number(right)),
            }
        }
    };
}
loops!(written_f32, joined_f32, f32);
loops!(written_f64, joined_f64, f64);

impl PerElement for Written {
    type Of<T: Element> = fn(&[T], &mut [u8]);
    fn single() -> Self::Of<f32> {
        written_f32
    }
    fn double() -> Self::Of<f64> {
        written_f64
    }
}

impl PerElement for Joined {
    type Of<T: Element> = fn(&[u8], &mut [T], Join);
    fn single() -> Self::Of<f32> {
        joined_f32
    }
    fn double() -> Self::Of<f64> {
        joined_f64
    }
}
