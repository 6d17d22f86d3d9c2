//! Container logs: the runtime's line format, reading with options, rotation.

mod line;
mod options;
mod read;
mod rotate;
mod watch;

pub(crate) use line::Line;
pub(crate) use options::Options;
pub(crate) use read::follow;
pub(crate) use rotate::keep as keep_rotated;
pub(crate) use watch::FolderWatch;

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// The last lines of a log as plain text, for termination messages: at most `lines` and `bytes`.
pub(crate) fn last_lines(path: &Path, lines: usize, bytes: usize) -> String {
    // Line headers cost some 40 bytes each, hence the larger window.
    let window = (bytes + lines * 64) as u64;
    let Ok(mut file) = fs_err::File::open(path) else {
        return String::new();
    };
    let size = file.metadata().map(|meta| meta.len()).unwrap_or_default();
    let mut raw = Vec::new();
    if file.seek(SeekFrom::Start(size.saturating_sub(window))).is_err()
        || file.take(window).read_to_end(&mut raw).is_err()
    {
        return String::new();
    }
    let parsed: Vec<Line<'_>> = raw
        .split_inclusive(|byte| *byte == b'\n')
        .filter_map(Line::parse)
        .collect();
    let tail = &parsed[parsed.len().saturating_sub(lines)..];
    let text: Vec<u8> = tail.iter().flat_map(|line| line.content_with_end()).collect();
    let text = &text[text.len().saturating_sub(bytes)..];
    String::from_utf8_lossy(text).into_owned()
}
