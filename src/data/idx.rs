//! Files in the IDX format of MNIST and its relatives, plain or gzip.
//!
//! Two zero bytes, a byte for the type (8: unsigned bytes, the only one read here), a byte for the number of axes, their
//! lengths as big-endian u32, then the elements, row-major. Source: LeCun, Cortes & Burges, The MNIST database.

use super::preprocessing::Preprocessing;
use super::source::{Inputs, RowSource};
use super::{Dataset, Scaler, Targets, file};
use crate::{Element, Error, Result, Shape, Tensor};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// An array of unsigned bytes, as an IDX file holds it.
///
/// # Examples
/// ```
/// use retrograd::data::{Dataset, IdxArray};
/// let images = IdxArray { dims: vec![2, 1, 2], data: vec![0, 255, 255, 0] };
/// let labels = IdxArray { dims: vec![2], data: vec![3, 7] };
/// let data = Dataset::<f32>::from_idx(&images, &labels)?;
/// assert_eq!(data.inputs().to_vec(), [0.0, 1.0, 1.0, 0.0]);
/// assert_eq!(data.labels(), Some(&[3, 7][..]));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdxArray {
    /// The lengths of the axes, outermost first.
    pub dims: Vec<usize>,
    /// The elements, row-major.
    pub data: Vec<u8>,
}

impl IdxArray {
    /// The array that the bytes of an IDX file hold; gzip is told by its first bytes.
    ///
    /// # Errors
    /// As for [`read_idx`].
    ///
    /// # Examples
    /// ```
    /// let array = retrograd::data::IdxArray::from_bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])?;
    /// assert_eq!((array.dims, array.data), (vec![2], vec![7, 9]));
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self> {
        parse("the bytes", file::unpack("idx: the bytes", bytes.into())?)
    }
}

/// Reads an IDX file of unsigned bytes; gzip is told by its first bytes.
///
/// # Errors
/// A path that cannot be read, gzip that is truncated or damaged, bytes that do not begin as IDX does, a type other than unsigned
/// bytes, more or fewer elements than the lengths say, lengths that no array can have.
pub fn read_idx(path: impl AsRef<Path>) -> Result<IdxArray> {
    let path = path.as_ref();
    parse(&path.display().to_string(), file::read("idx", path)?)
}

fn parse(name: &str, bytes: Vec<u8>) -> Result<IdxArray> {
    let (dims, start) = header(name, &bytes)?;
    check_length(name, &dims, bytes.len() - start)?;
    let mut data = bytes;
    data.drain(..start);
    Ok(IdxArray { dims, data })
}

/// The lengths of the axes, and where the elements begin.
pub(super) fn header(name: &str, bytes: &[u8]) -> Result<(Vec<usize>, usize)> {
    let wrong = |message: String| Error::io(format!("idx: {name}: {message}"));
    let axes = match bytes[..] {
        [0, 0, 8, axes, ..] if axes > 0 => axes as usize,
        [0, 0, kind @ (9 | 11..=14), _, ..] => {
            return Err(wrong(format!("elements of type {kind:#04x}; only unsigned bytes (0x08) are read")));
        }
        _ => {
            let start: Vec<String> = bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            return Err(wrong(format!(
                "begins with the bytes [{}], not as IDX does: 00 00 08 and the number of axes",
                start.join(" ")
            )));
        }
    };
    let start = 4 + 4 * axes;
    let Some(lengths) = bytes.get(4..start) else {
        return Err(wrong(format!("ends inside the lengths of its {axes} axes: the file is truncated")));
    };
    let dims = lengths.chunks_exact(4).map(|n| u32::from_be_bytes([n[0], n[1], n[2], n[3]]) as usize).collect();
    Ok((dims, start))
}

/// An error unless there are as many elements as the lengths say.
fn check_length(name: &str, dims: &[usize], found: usize) -> Result<()> {
    let wrong = |message: String| Error::io(format!("idx: {name}: {message}"));
    let expected = Shape::new(dims).map_err(|error| wrong(error.to_string()))?.numel();
    if expected != found {
        let fault = if expected > found { "the file is truncated" } else { "the file goes on after its end" };
        return Err(wrong(format!("lengths {dims:?} do not go with {found} elements: {fault}")));
    }
    Ok(())
}

impl<T: Element> Dataset<T> {
    /// Images and their labels from two IDX files, plain or gzip: features [n, rows columns], 0 to 1.
    ///
    /// The division by 255 is recorded in the preprocessing, so that a saved model takes raw pixels.
    ///
    /// # Errors
    /// As for [`read_idx`]; images without axes for pixels, labels with more than one axis, or another number of both.
    pub fn idx(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Self> {
        let names = [images.as_ref(), labels.as_ref()].map(|path| path.display().to_string());
        Self::of_arrays(&read_idx(images)?, &read_idx(labels)?, names)
    }

    /// The same, with images that are read when they are needed: the file is kept open, and of a batch a process reads the images alone
    /// that it trains on. Labels are read at once. The numbers are those of [`Dataset::idx`].
    ///
    /// # Errors
    /// As for [`Dataset::idx`]; images in a gzip file, of which no part can be read by itself.
    ///
    /// # Examples
    /// ```
    /// use retrograd::data::Dataset;
    /// let folder = tempfile::tempdir()?;
    /// let paths = ["images", "labels"].map(|name| folder.path().join(name));
    /// std::fs::write(&paths[0], [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 51, 255, 0])?;
    /// std::fs::write(&paths[1], [0, 0, 8, 1, 0, 0, 0, 2, 7, 3])?;
    /// let data = Dataset::<f64>::idx_on_demand(&paths[0], &paths[1])?;
    /// assert_eq!(data.inputs(), Dataset::idx(&paths[0], &paths[1])?.inputs());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn idx_on_demand(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Self> {
        let names = [images.as_ref(), labels.as_ref()].map(|path| path.display().to_string());
        let images = Images::open(images.as_ref())?;
        let labels = read_idx(labels)?;
        check_lengths(&images.dims, &labels.dims, &names)?;
        let pixels = images.dims[1..].iter().product::<usize>();
        let scaler = Scaler::uniform(0.0, 255.0)?;
        let mut preprocessing = Preprocessing::numeric(&[pixels]);
        preprocessing.push_scaler(scaler.clone());
        // Each pixel as the scaler makes it.
        let values = Tensor::new([256, 1], (0..256).map(|pixel| T::from_f64(f64::from(pixel))).collect())?;
        let values = scaler.apply_tensor(&values)?.into_vec();
        let labels = labels.data.iter().map(|&label| usize::from(label)).collect();
        Self::of(Inputs::of(Pixels { images, values })?, Targets::Labels(labels), preprocessing)
    }

    /// The same from arrays.
    ///
    /// # Errors
    /// Images without axes for pixels, labels with more than one axis, or another number of both.
    pub fn from_idx(images: &IdxArray, labels: &IdxArray) -> Result<Self> {
        Self::of_arrays(images, labels, ["images", "labels"].map(String::from))
    }

    fn of_arrays(images: &IdxArray, labels: &IdxArray, [images_path, labels_path]: [String; 2]) -> Result<Self> {
        for (array, name) in [(images, &images_path), (labels, &labels_path)] {
            let wrong = |why: String| Error::shape(format!("idx: {name}: {why}"));
            let expected = Shape::new(&array.dims).map_err(|error| wrong(error.to_string()))?.numel();
            if expected != array.data.len() {
                let found = array.data.len();
                return Err(wrong(format!("lengths {:?} do not go with {found} elements", array.dims)));
            }
        }
        check_lengths(&images.dims, &labels.dims, &[images_path, labels_path])?;
        let (n, pixels) = (images.dims[0], images.dims[1..].iter().product::<usize>());
        let raw = Tensor::new([n, pixels], images.data.iter().map(|&pixel| T::from_f64(f64::from(pixel))).collect())?;
        let labels = labels.data.iter().map(|&label| usize::from(label)).collect();
        Dataset::labelled(raw, labels)?.scaled_by(&Scaler::uniform(0.0, 255.0)?)
    }
}

/// An error unless these are the lengths of images and of their labels.
fn check_lengths(images: &[usize], labels: &[usize], [images_path, labels_path]: &[String; 2]) -> Result<()> {
    if images.len() < 2 {
        return Err(Error::shape(format!(
            "idx: {images_path}: lengths {:?} are not those of images; are the two files exchanged?",
            images
        )));
    }
    if labels.len() != 1 {
        return Err(Error::shape(format!(
            "idx: {labels_path}: lengths {:?} are not those of labels; are the two files exchanged?",
            labels
        )));
    }
    if images[0] != labels[0] {
        return Err(Error::shape(format!(
            "idx: {images_path} holds {} images, {labels_path} holds {} labels",
            images[0], labels[0]
        )));
    }
    Ok(())
}

/// A file of images, open.
struct Images {
    file: Mutex<File>,
    path: PathBuf,
    /// Where the first image begins.
    start: u64,
    dims: Vec<usize>,
    /// When it was changed last.
    changed: Option<SystemTime>,
}

impl Images {
    fn open(path: &Path) -> Result<Self> {
        let name = path.display();
        let wrong = |message: String| Error::io(format!("idx: {name}: {message}"));
        let mut file = File::open(path).map_err(|error| Error::io(format!("idx: cannot read {name}: {error}")))?;
        let mut start = [0; 4];
        file.read_exact(&mut start).map_err(|error| wrong(format!("no beginning of an IDX file: {error}")))?;
        if start[..2] == [0x1f, 0x8b] {
            return Err(wrong(
                "is packed by gzip, of which no part can be read by itself; unpack it, or read it with idx()".into(),
            ));
        }
        let mut bytes = start.to_vec();
        let axes = usize::from(start[3]);
        let lengths = file.by_ref().take(4 * axes as u64).read_to_end(&mut bytes);
        lengths.map_err(|error| wrong(error.to_string()))?;
        let (dims, start) = header(&name.to_string(), &bytes)?;
        let found = file.metadata().map_err(|error| wrong(error.to_string()))?;
        check_length(&name.to_string(), &dims, found.len().saturating_sub(start as u64) as usize)?;
        let changed = found.modified().ok();
        Ok(Self { file: Mutex::new(file), path: path.to_owned(), start: start as u64, dims, changed })
    }
}

/// Images as numbers.
struct Pixels<T> {
    images: Images,
    /// What each of the 256 pixels is.
    values: Vec<T>,
}

impl<T: Element> RowSource<T> for Pixels<T> {
    fn len(&self) -> usize {
        self.images.dims[0]
    }
    fn feature_shape(&self) -> Vec<usize> {
        vec![self.images.dims[1..].iter().product()]
    }
    fn read(&self, row: usize, features: &mut [T]) -> Result<()> {
        let mut pixels = vec![0; features.len()];
        let at = self.images.start + row as u64 * features.len() as u64;
        let mut file = self.images.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.metadata().ok().and_then(|now| now.modified().ok()) != self.images.changed {
            let path = self.images.path.display();
            return Err(Error::io(format!(
                "idx: {path}: image {row} cannot be read: the file was written to since it was opened"
            )));
        }
        let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut pixels));
        read.map_err(|error| {
            Error::io(format!("idx: {}: image {row} cannot be read: {error}", self.images.path.display()))
        })?;
        for (feature, pixel) in features.iter_mut().zip(pixels) {
            *feature = self.values[usize::from(pixel)];
        }
        Ok(())
    }
}

/// The training and test data of MNIST, or of a set of its shape, from the four files in a folder.
///
/// Looks for `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, with
/// `.idx` instead of `-idx` too, and with `.gz` behind.
///
/// # Errors
/// No such folder, a file that is not there, or as for [`Dataset::idx`]; other features or more classes in the test data than in
/// the training data.
///
/// # Examples
/// ```no_run
/// let (train, test) = retrograd::data::mnist::<f32>("mnist")?;
/// assert_eq!((train.len(), test.len(), train.n_features()), (60_000, 10_000, 784));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn mnist<T: Element>(folder: impl AsRef<Path>) -> Result<(Dataset<T>, Dataset<T>)> {
    let folder = folder.as_ref();
    if !folder.is_dir() {
        let fault =
            if folder.exists() { "is not a folder; name the one that holds the four files" } else { "does not exist" };
        return Err(Error::io(format!("mnist: {} {fault}", folder.display())));
    }
    // All four are found before one is read.
    let paths = [
        find(folder, "train-images", 3)?,
        find(folder, "train-labels", 1)?,
        find(folder, "t10k-images", 3)?,
        find(folder, "t10k-labels", 1)?,
    ];
    let train = Dataset::idx(&paths[0], &paths[1])?;
    let test = Dataset::idx(&paths[2], &paths[3])?;
    if train.n_features() != test.n_features() {
        return Err(Error::shape(format!(
            "mnist: images of {} pixels for training, of {} for testing",
            train.n_features(),
            test.n_features()
        )));
    }
    let names: Vec<String> = (0..train.n_classes()).map(|label| label.to_string()).collect();
    Ok((train.with_class_names(names.clone())?, test.with_class_names(names)?))
}

/// The file of this kind under one of its usual names.
fn find(folder: &Path, kind: &str, axes: usize) -> Result<PathBuf> {
    let names = ["-", "."].map(|dash| format!("{kind}{dash}idx{axes}-ubyte"));
    let names = names.iter().flat_map(|name| [name.clone(), format!("{name}.gz")]).collect::<Vec<_>>();
    let found = names.iter().map(|name| folder.join(name)).find(|path| path.exists());
    found.ok_or_else(|| Error::io(format!("mnist: {} holds none of {}", folder.display(), names.join(", "))))
}
