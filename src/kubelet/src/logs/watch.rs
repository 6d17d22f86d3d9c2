//! Waits for changes in a folder by inotify.

use std::io;
use std::mem::MaybeUninit;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::unix::AsyncFd;

/// Tells when something in a folder was written, made or renamed.
pub(crate) struct FolderWatch(AsyncFd<OwnedFd>);

impl FolderWatch {
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let descriptor = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let events = WatchFlags::MODIFY
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_TO
            | WatchFlags::CLOSE_WRITE;
        inotify::add_watch(&descriptor, folder, events)?;
        #[expect(
            deprecated,
            reason = "an OwnedFd stays open for as long as it is registered, and `register` is unsafe"
        )]
        Ok(Self(AsyncFd::new(descriptor)?))
    }

    /// Waits for the next change and takes note of all there are.
    pub(crate) async fn changed(&mut self) -> io::Result<()> {
        let mut guard = self.0.readable().await?;
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(guard.get_inner(), &mut buffer);
        loop {
            match reader.next() {
                Ok(_) => {}
                Err(rustix::io::Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        guard.clear_ready();
        Ok(())
    }
}
