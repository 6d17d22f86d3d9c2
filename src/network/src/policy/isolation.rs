//! A new pod is isolated before its containers start: whoever starts them waits until the rules know the pod.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::sync::watch;

/// Which pods of this node the kernel's rules know of.
#[derive(Debug)]
pub(super) enum Isolated {
    /// Nothing was read yet.
    Unknown,
    /// There is no policy, so nobody needs to be known.
    Nobody,
    /// Pods by namespace and name.
    Known(HashMap<String, Ipv4Addr>),
}

/// The end that says what the rules know; it outlives the task that uses it.
#[derive(Debug, Clone)]
pub struct Teller(Arc<watch::Sender<Isolated>>);

impl Teller {
    pub(super) fn tell(&self, isolated: Isolated) {
        self.0.send_replace(isolated);
    }
}

/// The end that waits.
#[derive(Debug, Clone)]
pub struct Isolation(watch::Receiver<Isolated>);

impl Isolation {
    /// Returns once whatever policies say of this pod is enforced.
    pub async fn wait(&self, namespace: &str, name: &str, address: Ipv4Addr) {
        let key = format!("{namespace}/{name}");
        let known = |isolated: &Isolated| match isolated {
            Isolated::Unknown => false,
            Isolated::Nobody => true,
            Isolated::Known(pods) => pods.get(&key) == Some(&address),
        };
        // an error means that nobody enforces anything any more
        let _ = self.0.clone().wait_for(known).await;
    }
}

/// Both ends.
pub fn isolation() -> (Teller, Isolation) {
    let (teller, isolation) = watch::channel(Isolated::Unknown);
    (Teller(Arc::new(teller)), Isolation(isolation))
}
