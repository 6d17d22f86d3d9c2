//! Our context in the user's kubeconfig.

use super::{Keys, Start};
use crate::ClusterError;
use crate::kubeconfig::{Access, merge, server};
use crate::profile::Profile;
use crate::progress::Step;

impl Start<'_> {
    /// Writes our entries where they are missing or lead elsewhere. True if there was anything to do.
    pub(super) fn kubeconfig(&self, profile: &mut Profile, keys: &Keys) -> Result<bool, ClusterError> {
        self.begin(Step::Kubeconfig);
        let missing = server(&profile.kubeconfig, &profile.name).as_deref() != Some(profile.server().as_str());
        let access = Access {
            name: &profile.name,
            server: profile.server(),
            ca: &keys.authority.pem().cert,
            cert: &keys.admin.cert,
            key: &keys.admin.key,
        };
        let before = merge(&profile.kubeconfig, &access, self.options.keep_context)?;
        if before.is_some() && before != profile.previous_context {
            profile.previous_context = before;
            self.store.write(profile)?;
        }
        self.done(Step::Kubeconfig, missing);
        Ok(missing)
    }
}
