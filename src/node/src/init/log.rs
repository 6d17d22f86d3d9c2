//! Log files of init and its children: every line goes to init's own stderr (the engine's log) and to a rotated file.
//!
//! Writing never fails upwards: a full disk must not take PID 1 down.

use std::io::Write as _;
use std::path::PathBuf;

use fs_err::os::unix::fs::OpenOptionsExt as _;
use fs_err::{File, OpenOptions};

const ROTATE_AT: u64 = 10 * 1024 * 1024;
const KEEP: u32 = 3;
/// Requests name objects; pods that mount the host's folder need not read them.
const MODE: u32 = 0o600;

/// One rotated log file.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: Option<File>,
    size: u64,
}

impl LogFile {
    /// Appends to `<folder>/<name>.log`.
    pub(crate) fn open(folder: &str, name: &str) -> Self {
        let path = PathBuf::from(folder).join(format!("{name}.log"));
        let mut log = Self {
            path,
            file: None,
            size: 0,
        };
        log.reopen();
        log
    }

    /// Writes to the engine's log and to the file.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _ = std::io::stderr().write_all(bytes);
        if self.size + bytes.len() as u64 > ROTATE_AT {
            self.rotate();
        }
        if let Some(file) = &mut self.file
            && file.write_all(bytes).is_ok()
        {
            self.size += bytes.len() as u64;
        }
    }

    /// Writes one line of init's own.
    pub(crate) fn line(&mut self, text: &str) {
        self.write(format!("init: {text}\n").as_bytes());
    }

    fn reopen(&mut self) {
        self.file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(MODE)
            .open(&self.path)
            .ok();
        self.size = self
            .file
            .as_ref()
            .and_then(|file| file.metadata().ok())
            .map_or(0, |meta| meta.len());
    }

    fn rotate(&mut self) {
        self.file = None;
        for number in (1..KEEP).rev() {
            let _ = fs_err::rename(self.numbered(number), self.numbered(number + 1));
        }
        let _ = fs_err::rename(&self.path, self.numbered(1));
        self.reopen();
    }

    fn numbered(&self, number: u32) -> PathBuf {
        self.path.with_extension(format!("log.{number}"))
    }
}
