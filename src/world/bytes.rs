//! Numbers as bytes, little-endian, in their own precision.

use crate::error::{Error, Result};
use crate::num::Element;

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
    read(message, numbers, |_, other| other);
    Ok(())
}

/// Writes the numbers: as many bytes as they have.
pub(super) fn write<T: Element>(numbers: &[T], bytes: &mut [u8]) {
    debug_assert_eq!(size_of_val(numbers), bytes.len());
    // A number's way through f64 is none: the compiler sees that it comes back as it was.
    if size_of::<T>() == 4 {
        let places = bytes.chunks_exact_mut(4).zip(numbers);
        places.for_each(|(place, x)| place.copy_from_slice(&(x.to_f64() as f32).to_le_bytes()));
    } else {
        let places = bytes.chunks_exact_mut(8).zip(numbers);
        places.for_each(|(place, x)| place.copy_from_slice(&x.to_f64().to_le_bytes()));
    }
}

/// Puts in each place what `join` makes of the number that is there and the one that has come.
pub(super) fn read<T: Element>(bytes: &[u8], numbers: &mut [T], join: impl Fn(T, T) -> T) {
    debug_assert_eq!(size_of_val(numbers), bytes.len());
    if size_of::<T>() == 4 {
        for (place, x) in numbers.iter_mut().zip(bytes.chunks_exact(4)) {
            let x = f32::from_le_bytes(x.try_into().expect("four bytes"));
            *place = join(*place, T::from_f64(x.into()));
        }
    } else {
        for (place, x) in numbers.iter_mut().zip(bytes.chunks_exact(8)) {
            *place = join(*place, T::from_f64(f64::from_le_bytes(x.try_into().expect("eight bytes"))));
        }
    }
}
