//! The runtime's event stream, turned into "look at this pod again".

use std::time::Duration;

use tokio::time::timeout;

use super::{Runtime, RuntimeError};

/// Until the first event of a stream arrives, and then rarely, everything is looked at again: containerd 1.7 hands each
/// event to one stream only, and the stream of a process that died takes one more with it (containerd#7318).
const FIRST_RELIST: Duration = Duration::from_secs(1);
const LONGEST_RELIST: Duration = Duration::from_secs(30);

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hint {
    /// The pod with this UID.
    Pod(String),
    /// All pods.
    All,
}

/// Calls `notify` until the stream breaks.
pub(crate) async fn follow(runtime: &Runtime, mut notify: impl FnMut(Hint)) -> Result<(), RuntimeError> {
    let mut stream = runtime.container_events().await?;
    notify(Hint::All);
    let mut wait = FIRST_RELIST;
    loop {
        match timeout(wait, stream.message()).await {
            Ok(Ok(Some(event))) => {
                wait = LONGEST_RELIST;
                let uid = event
                    .pod_sandbox_status
                    .and_then(|status| status.metadata)
                    .map(|meta| meta.uid);
                notify(uid.filter(|uid| !uid.is_empty()).map_or(Hint::All, Hint::Pod));
            }
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(status)) => {
                let message = status.message().to_owned();
                return Err(RuntimeError::Refused {
                    call: "GetContainerEvents",
                    code: status.code(),
                    message,
                });
            }
            Err(_) => {
                wait = (wait * 2).min(LONGEST_RELIST);
                notify(Hint::All);
            }
        }
    }
}
