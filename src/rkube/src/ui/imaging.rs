//! Progress of composing an image: one bar on a terminal, a line per phase elsewhere.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use imaging::{Event, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Events, Ui};

/// How often events say how far a download is.
const EVERY: Duration = Duration::from_secs(5);
const ARTIFACT: &str = "Debian packages";

/// Shows what the composer does.
#[derive(Clone)]
pub(crate) struct ImagingProgress {
    ui: Ui,
    bar: ProgressBar,
    /// When the last event of a download was printed.
    told: Arc<Mutex<Instant>>,
}

impl ImagingProgress {
    pub(super) fn new(ui: Ui, terminal: bool) -> Self {
        let target = if terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}") {
            bar.set_style(style);
        }
        Self {
            ui,
            bar,
            told: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// What the composer reports to.
    pub(crate) fn receiver(&self) -> Progress {
        let this = self.clone();
        Arc::new(move |event| this.show(event))
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn show(&self, event: Event) {
        let text = self.ui.text();
        match event {
            Event::Waiting => self.line(text.compose_waiting.to_owned()),
            Event::Source { suite, url } => self.line(format!("{} {suite}: {url}", text.compose_source)),
            Event::SourceFailed { url, reason } => self.line(format!("  {url}: {reason}")),
            Event::Resolved { packages, bytes } => {
                self.line(format!(
                    "{}: {packages} ({} MB)",
                    text.compose_packages,
                    bytes / 1_000_000
                ));
                self.bar.set_length(bytes);
                self.bar.set_position(0);
                if self.ui.events.is_some() {
                    Events::download(ARTIFACT);
                }
            }
            Event::Downloaded { bytes } => {
                self.bar.inc(bytes);
                self.tell_download();
            }
            Event::Unpacking => self.line(text.compose_unpacking.to_owned()),
            Event::Composed { bytes, compressed } => self.line(format!(
                "{}: {} MB, {} MB zstd",
                text.compose_done,
                bytes / 1_000_000,
                compressed / 1_000_000
            )),
            _ => {}
        }
    }

    fn tell_download(&self) {
        let Some(length) = self.bar.length().filter(|_| self.ui.events.is_some()) else {
            return;
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let over = self.bar.position() >= length;
        if over || told.elapsed() >= EVERY {
            *told = Instant::now();
            Events::download_progress(ARTIFACT, self.bar.position() as f64 / length.max(1) as f64);
        }
    }

    fn line(&self, line: String) {
        self.bar.suspend(|| self.ui.note(&line));
    }
}
