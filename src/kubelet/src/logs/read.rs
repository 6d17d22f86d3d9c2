//! Reads a log with its options, following it if asked, across rotation, until the container has ended.

use std::io::SeekFrom;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use fs_err::tokio::File;
use jiff::Timestamp;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncSeekExt as _, BufReader};
use tokio::sync::mpsc;

use super::watch::FolderWatch;
use super::{Line, Options};
use crate::runtime::{Container, Runtime, State};

/// The runtime is asked whether a silent container still runs this often.
const QUIET: Duration = Duration::from_secs(1);
/// Longest line kept together; the runtime cuts lines far shorter.
const LINE_LIMIT: u64 = 256 * 1024;
const BUFFER: usize = 64 * 1024;

type Out = mpsc::Sender<std::io::Result<Bytes>>;

/// Sends the log's text to `out` until its end, or that of its reader.
pub(crate) async fn follow(
    runtime: &Runtime,
    container: &Container,
    options: &Options,
    out: &Out,
) -> std::io::Result<()> {
    let path = Path::new(&container.log_path);
    let mut watch = if options.follow {
        path.parent().map(FolderWatch::new).transpose()?
    } else {
        None
    };
    let mut file = File::open(path).await?;
    if let Some(lines) = options.tail {
        let start = tail_start(&mut file, lines).await?;
        file.seek(SeekFrom::Start(start)).await?;
    }
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let mut filter = Filter {
        options,
        left: options.limit.unwrap_or(usize::MAX),
        since_passed: options.since.is_none(),
    };
    let mut line = Vec::new();
    let mut ended = container.state != State::Running;
    loop {
        let count = (&mut reader).take(LINE_LIMIT).read_until(b'\n', &mut line).await?;
        let whole = line.ends_with(b"\n") || line.len() as u64 >= LINE_LIMIT;
        if count > 0 && (whole || ended) {
            let text = Line::parse(&line).and_then(|line| filter.apply(&line));
            line.clear();
            if let Some(text) = text.filter(|text| !text.is_empty())
                && out.send(Ok(text)).await.is_err()
            {
                return Ok(());
            }
            if filter.left == 0 {
                return Ok(());
            }
            continue;
        }
        if count > 0 {
            continue;
        }
        let Some(watch) = watch.as_mut().filter(|_| !ended) else {
            return Ok(());
        };
        // At the end of a file that has been rotated away, the next one is under the same name.
        if rotated(reader.get_ref(), path).await {
            reader = BufReader::with_capacity(BUFFER, File::open(path).await?);
            line.clear();
            continue;
        }
        tokio::select! {
            changed = watch.changed() => changed?,
            () = out.closed() => return Ok(()),
            () = tokio::time::sleep(QUIET) => {
                let state = runtime.container(&container.id).await.map(|container| container.state);
                // One more round to the end: the last lines may have been written since.
                ended = !matches!(state, Ok(State::Running));
            }
        }
    }
}

async fn rotated(open: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (open.metadata().await, fs_err::tokio::metadata(path).await) {
        (Ok(ours), Ok(theirs)) => ours.ino() != theirs.ino(),
        _ => false,
    }
}

/// Where the last `lines` lines begin.
async fn tail_start(file: &mut File, lines: usize) -> std::io::Result<u64> {
    let size = file.seek(SeekFrom::End(0)).await?;
    if lines == 0 {
        return Ok(size);
    }
    let mut end = size;
    let mut seen = 0;
    let mut block = vec![0; BUFFER];
    while end > 0 {
        let begin = end.saturating_sub(BUFFER as u64);
        let length = (end - begin) as usize;
        file.seek(SeekFrom::Start(begin)).await?;
        file.read_exact(&mut block[..length]).await?;
        for at in (0..length).rev() {
            // The newline at the very end closes the last line, it does not begin another.
            if block[at] == b'\n' && begin + (at as u64) + 1 < size {
                seen += 1;
                if seen == lines {
                    return Ok(begin + at as u64 + 1);
                }
            }
        }
        end = begin;
    }
    Ok(0)
}

struct Filter<'a> {
    options: &'a Options,
    /// Bytes that may still be sent.
    left: usize,
    since_passed: bool,
}

impl Filter<'_> {
    /// The text of a line as the reader wants it; `None` if it does not.
    fn apply(&mut self, line: &Line<'_>) -> Option<Bytes> {
        if self.options.stream.is_some_and(|stream| stream != line.stream) {
            return None;
        }
        if !self.since_passed {
            let since = self.options.since?;
            if line.time.parse::<Timestamp>().is_ok_and(|time| time < since) {
                return None;
            }
            self.since_passed = true;
        }
        let mut text = Vec::with_capacity(line.content.len() + 40);
        if self.options.timestamps {
            text.extend(line.time.as_bytes());
            text.push(b' ');
        }
        text.extend(line.content_with_end());
        text.truncate(self.left);
        self.left -= text.len();
        Some(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_tail_begins_at_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.log");
        fs_err::write(&path, "a\nbb\nccc\n").unwrap();
        for (lines, start) in [(0, 9), (1, 5), (2, 2), (3, 0), (9, 0)] {
            let mut file = File::open(&path).await.unwrap();
            assert_eq!(tail_start(&mut file, lines).await.unwrap(), start, "{lines} lines");
        }
    }

    #[test]
    fn bytes_are_limited_and_times_prefixed() {
        let options = Options {
            timestamps: true,
            limit: Some(35),
            ..Options::default()
        };
        let mut filter = Filter {
            options: &options,
            left: 35,
            since_passed: true,
        };
        let line = Line::parse(b"2024-01-01T00:00:00.000000001Z stdout F hello world\n").unwrap();
        assert_eq!(filter.apply(&line).unwrap(), "2024-01-01T00:00:00.000000001Z hell");
        assert_eq!(filter.left, 0);
    }
}
