//! What became of one request: records that components leave while somebody looks, and the story they make together.
//!
//! Nothing here touches the cluster. Records hold names, verbs and times, never contents of objects (docs/adr/0010).

mod id;
mod record;
mod recorder;
mod ring;
mod story;
pub mod words;

pub use id::{Id, TRACEPARENT, TRACESTATE, VENDOR};
pub use record::{
    Actor, Change, Decision, Delivery, Object, Outcome, Phase, Refused, Request, Step, Touched, Verdict, now,
};
pub use recorder::{Recorder, Summary};
pub use ring::Ring;
pub use story::{Asked, Entry, PodState, Records, Story, What, Written, followed, requests};
