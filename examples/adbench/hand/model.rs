//! The hand's model: bones, the vertices that they move, and triangles of vertices.

use super::super::tokens::{name, read_text};
use std::path::{Path, PathBuf};

/// The first three rows of an affine transform [4][4].
pub(crate) type Affine = [f64; 12];

/// The files of a folder `model`.
pub(crate) struct Model {
    pub(crate) bones: Vec<Bone>,
    pub(crate) vertices: Vec<Vertex>,
    pub(crate) triangles: Vec<[usize; 3]>,
}

/// A bone: parents come first.
pub(crate) struct Bone {
    pub(crate) parent: Option<usize>,
    /// From this bone's frame to its parent's, at rest.
    pub(crate) relative: Affine,
    /// From the model's frame to this bone's, at rest.
    pub(crate) inverse: Affine,
}

/// A vertex at rest, and how much each bone moves it.
pub(crate) struct Vertex {
    pub(crate) position: [f64; 3],
    pub(crate) weights: Vec<(usize, f64)>,
}

/// Bones that the angles of five fingers move.
const LEAST_BONES: usize = 21;

impl Model {
    /// Reads the model that belongs to a data file: the folder `model` beside it, or above.
    pub(crate) fn beside(file: &Path) -> Result<Self, String> {
        let absolute = std::path::absolute(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let folders: Vec<PathBuf> = absolute.ancestors().skip(1).map(|folder| folder.join("model")).collect();
        let found = folders.iter().find(|folder| folder.join("bones.txt").is_file());
        let folder = found.ok_or_else(|| {
            format!(
                "{}: no folder \"model\" with bones.txt, vertices.txt and triangles.txt beside it or above",
                name(file)
            )
        })?;
        let text = |file: &str| read_text(&folder.join(file));
        Self::parse(&text("bones.txt")?, &text("vertices.txt")?, &text("triangles.txt")?)
    }

    /// Reads the text of the three files.
    pub(crate) fn parse(bones: &str, vertices: &str, triangles: &str) -> Result<Self, String> {
        let bones = parse_bones(bones)?;
        let vertices = records("vertices.txt", vertices).map(|record| vertex(record, bones.len()));
        let vertices = vertices.collect::<Result<Vec<_>, _>>()?;
        let corner = |record: &mut Record<'_>, i: usize| record.index(&format!("vertex {i}"), vertices.len());
        let triangle = |mut record: Record<'_>| {
            let corners = [corner(&mut record, 0)?, corner(&mut record, 1)?, corner(&mut record, 2)?];
            record.end().map(|()| corners)
        };
        let triangles = records("triangles.txt", triangles).map(triangle).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { bones, vertices, triangles })
    }
}

fn parse_bones(text: &str) -> Result<Vec<Bone>, String> {
    let mut bones = Vec::new();
    for mut record in records("bones.txt", text) {
        record.field("name")?;
        let parent = match record.field("parent")? {
            "-1" => None,
            _ => {
                record.back();
                Some(record.index("parent, which comes first", bones.len())?)
            }
        };
        let relative = record.affine("relative transform")?;
        let inverse = record.affine("inverse base transform")?;
        record.end()?;
        bones.push(Bone { parent, relative, inverse });
    }
    if bones.len() < LEAST_BONES {
        return Err(format!("bones.txt: {} bones; five fingers need {LEAST_BONES} or more", bones.len()));
    }
    Ok(bones)
}

fn vertex(mut record: Record<'_>, n_bones: usize) -> Result<Vertex, String> {
    let position = [record.number("x")?, record.number("y")?, record.number("z")?];
    for _ in 0..5 {
        record.field("ignored number")?;
    }
    let count = record.index("number of bones", usize::MAX)?;
    let mut weights = Vec::new();
    for _ in 0..count {
        weights.push((record.index("bone", n_bones)?, record.number("weight")?));
    }
    record.end()?;
    Ok(Vertex { position, weights })
}

/// A line of fields with colons between.
struct Record<'a> {
    file: &'static str,
    line: usize,
    fields: Vec<&'a str>,
    at: usize,
}

fn records<'a>(file: &'static str, text: &'a str) -> impl Iterator<Item = Record<'a>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(move |(i, line)| Record { file, line: i + 1, fields: line.split(':').map(str::trim).collect(), at: 0 })
}

impl<'a> Record<'a> {
    fn wrong(&self, what: impl std::fmt::Display) -> String {
        format!("{}: line {}: {what}", self.file, self.line)
    }

    fn field(&mut self, what: &str) -> Result<&'a str, String> {
        let field = self.fields.get(self.at).copied();
        self.at += 1;
        field.ok_or_else(|| self.wrong(format_args!("ends where {what} should follow: {} fields", self.fields.len())))
    }

    /// The last field once more.
    fn back(&mut self) {
        self.at -= 1;
    }

    fn number(&mut self, what: &str) -> Result<f64, String> {
        let field = self.field(what)?;
        let number = field.parse().ok().filter(|x: &f64| x.is_finite());
        number.ok_or_else(|| self.wrong(format_args!("{what}: {field:?} is not a finite number")))
    }

    fn index(&mut self, what: &str, n: usize) -> Result<usize, String> {
        let field = self.field(what)?;
        let index = field.parse().ok().filter(|&i: &usize| i < n);
        index.ok_or_else(|| self.wrong(format_args!("{what}: {field:?} is not a whole number below {n}")))
    }

    fn affine(&mut self, what: &str) -> Result<Affine, String> {
        let mut rows = [0.0; 16];
        for slot in &mut rows {
            *slot = self.number(what)?;
        }
        let (affine, last) = rows.split_at(12);
        if last != [0.0, 0.0, 0.0, 1.0] {
            return Err(self.wrong(format_args!("{what}: the last row is {last:?}, not 0 0 0 1")));
        }
        Ok(affine.try_into().expect("12 numbers"))
    }

    fn end(&self) -> Result<(), String> {
        match self.fields.get(self.at) {
            None => Ok(()),
            Some(field) => Err(self.wrong(format_args!("{field:?} follows where the line should end"))),
        }
    }
}
