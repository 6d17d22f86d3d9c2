//! Progress of composing an image: one bar on a terminal, a line per phase elsewhere.

use std::sync::Arc;

use imaging::{Event, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Ui;

/// Shows what the composer does.
#[derive(Clone)]
pub(crate) struct ImagingProgress {
    ui: Ui,
    bar: ProgressBar,
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
        Self { ui, bar }
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
            }
            Event::Downloaded { bytes } => self.bar.inc(bytes),
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

    fn line(&self, line: String) {
        self.bar.suspend(|| self.ui.note(&line));
    }
}
