//! News of objects of all kinds, as the garbage collector's watches see them.

use std::sync::{PoisonError, RwLock};

use kube::api::ApiResource;

use super::Key;

type Handler = Box<dyn Fn(&ApiResource, &Key) + Send + Sync>;

/// Whoever wants to hear of changes whatever their kind.
#[derive(Default)]
pub(crate) struct Changes(RwLock<Vec<Handler>>);

impl Changes {
    /// Calls `handler` for every object that is seen, changed or gone. It must not block.
    pub(crate) fn on(&self, handler: impl Fn(&ApiResource, &Key) + Send + Sync + 'static) {
        let mut handlers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        handlers.push(Box::new(handler));
    }

    pub(crate) fn tell(&self, resource: &ApiResource, key: &Key) {
        let handlers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        handlers.iter().for_each(|handler| handler(resource, key));
    }
}
