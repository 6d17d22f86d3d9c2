//! What all controllers share: informers, work queues, expectations, ownership, pods.

pub(crate) mod changes;
pub(crate) mod context;
pub(crate) mod error;
pub(crate) mod expectations;
pub(crate) mod hash;
pub(crate) mod history;
pub(crate) mod informer;
pub(crate) mod mapping;
pub(crate) mod nodes;
pub(crate) mod optional;
pub(crate) mod owner;
pub(crate) mod pods;
pub(crate) mod queue;
pub(crate) mod record;

pub(crate) use context::Ctx;
pub(crate) use error::{Error, Result};
pub(crate) use informer::{Informer, Key};
pub(crate) use queue::{Queue, work};
