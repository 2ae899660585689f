//! Nested arrays of numbers, read into one vector.

use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Rows of equally many numbers, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Matrix {
    pub(crate) values: Vec<f64>,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Matrix {
    /// Of values that are there.
    pub(crate) fn new(rows: usize, columns: usize, values: Vec<f64>) -> Self {
        assert_eq!(values.len(), rows * columns, "a matrix of {rows} rows of {columns}");
        Self { values, rows, columns }
    }

    /// The matrix, if it has this shape; one without rows has any number of columns.
    pub(crate) fn shaped(self, name: &str, rows: usize, columns: usize) -> Result<Self, String> {
        match self.rows == rows && (self.columns == columns || rows == 0) {
            true => Ok(Self { columns, ..self }),
            false => Err(format!("input.{name}: {} rows of {}, expected {rows} of {columns}", self.rows, self.columns)),
        }
    }
}

/// The vector, if it is this long.
pub(crate) fn long<T>(values: Vec<T>, name: &str, length: usize) -> Result<Vec<T>, String> {
    match values.len() {
        found if found == length => Ok(values),
        found => Err(format!("input.{name}: {found} entries, expected {length}")),
    }
}

/// So many numbers as an array.
pub(crate) fn exactly<T, const N: usize>(values: Vec<T>, name: &str) -> Result<[T; N], String> {
    values.try_into().map_err(|values: Vec<T>| format!("input.{name}: {} entries, expected {N}", values.len()))
}

/// Refuses what so many things of so many bytes each do not fit into: all that will be allocated for them is asked for at once,
/// and given back. A member of the input says how many they are.
pub(crate) fn fits(name: &str, count: usize, bytes: usize) -> Result<(), String> {
    let all = count.checked_mul(bytes);
    match all.is_some_and(|all| Vec::<u8>::new().try_reserve_exact(all).is_ok()) {
        true => Ok(()),
        false => {
            let wanted = count as f64 * bytes as f64 / 1e9;
            Err(format!("input.{name}: {count} would take {wanted:.1} GB, more than there is memory for"))
        }
    }
}

/// Memory for so many results. It is written once, so that the system has given it before it is needed; what is left in it is no
/// answer.
pub(crate) fn room(n: usize) -> Vec<f64> {
    vec![f64::NAN; n]
}

impl<'de> Deserialize<'de> for Matrix {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Rows;
        impl<'de> Visitor<'de> for Rows {
            type Value = Matrix;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of arrays of numbers")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Matrix, A::Error> {
                let mut matrix = Matrix::default();
                while let Some(length) = rows.next_element_seed(Row(&mut matrix.values))? {
                    if matrix.rows == 0 {
                        matrix.columns = length;
                    } else if matrix.columns != length {
                        let (row, columns) = (matrix.rows, matrix.columns);
                        return Err(A::Error::custom(format_args!(
                            "row {row} has length {length}, those before it {columns}"
                        )));
                    }
                    matrix.rows += 1;
                }
                Ok(matrix)
            }
        }
        from.deserialize_seq(Rows)
    }
}

/// A row, which is added to the others.
struct Row<'a>(&'a mut Vec<f64>);

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = usize;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<usize, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = usize;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of numbers")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<usize, A::Error> {
        let before = self.0.len();
        while let Some(x) = numbers.next_element()? {
            self.0.push(x);
        }
        Ok(self.0.len() - before)
    }
}

impl Serialize for Matrix {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut rows = to.serialize_seq(Some(self.rows))?;
        for i in 0..self.rows {
            rows.serialize_element(&self.values[i * self.columns..][..self.columns])?;
        }
        rows.end()
    }
}
