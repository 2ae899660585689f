//! Texts held against files under `tests/golden`, which are readable as documentation.
//!
//! With `RETROGRAD_GOLDEN=write` in the environment the files are written instead; read what changed before keeping it.

use std::path::PathBuf;

#[track_caller]
pub fn assert_golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var("RETROGRAD_GOLDEN").is_ok_and(|mode| mode == "write") {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    let differs = kept.lines().zip(text.lines()).position(|(a, b)| a != b);
    if kept != text {
        let line = differs.unwrap_or(kept.lines().count().min(text.lines().count()));
        panic!(
            "{name}: line {} is {:?}, the file has {:?}\nall of it:\n{text}",
            line + 1,
            text.lines().nth(line),
            kept.lines().nth(line)
        );
    }
}
