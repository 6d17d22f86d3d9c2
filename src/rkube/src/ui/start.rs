//! Progress of a start: a line for each step that had something to do, with the time it took.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use cluster::{Event, Progress, Step};

use super::{ImagingProgress, Ui};

/// Shows what a start does.
#[derive(Clone)]
pub(crate) struct StartProgress {
    ui: Ui,
    imaging: ImagingProgress,
    began: Arc<Mutex<BTreeMap<Step, Instant>>>,
}

impl StartProgress {
    pub(super) fn new(ui: Ui, name: &str) -> Self {
        if ui.events.is_none() {
            ui.note(&ui.text().start_title.replace("{}", name));
        }
        Self {
            imaging: ui.imaging(),
            ui,
            began: Arc::default(),
        }
    }

    /// What the start reports to.
    pub(crate) fn receiver(&self) -> Progress {
        let this = self.clone();
        let imaging = self.imaging.receiver();
        Arc::new(move |event| match event {
            Event::Begin(step) => {
                if let Some(events) = this.ui.events {
                    events.start_step(step, this.ui.text().step(step));
                }
                this.began
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(step, Instant::now());
            }
            Event::Done(step, true) => this.done(step),
            Event::RollingBack => this.ui.note(this.ui.text().start_rolling_back),
            Event::Left(why) => this.ui.note(&this.ui.text().start_left.replace("{}", &why)),
            Event::ProxyLeftOut(url) => this.ui.note(&this.ui.text().proxy_left_out.replace("{}", &url)),
            Event::Imaging(event) => imaging(event),
            _ => {}
        })
    }

    /// Takes bars away.
    pub(crate) fn finish(&self) {
        self.imaging.finish();
    }

    fn done(&self, step: Step) {
        if self.ui.events.is_some() {
            return;
        }
        let began = self
            .began
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&step)
            .copied();
        let took = began.map(|began| began.elapsed().as_secs_f64()).unwrap_or_default();
        self.ui
            .note(&format!("  {:<14} {took:.2} s", self.ui.text().step(step)));
    }
}
