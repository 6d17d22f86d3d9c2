//! What claims and volumes say of each other: which volume fits a claim, who uses it, what it is called once attached.
//!
//! Pure; shared by the volume controllers, the scheduler, the provisioner and the kubelet, which must not differ here.

mod attached;
mod matching;
mod names;
#[cfg(test)]
mod tests;
mod users;

pub use attached::{attachment_name, is_attachment_name, unique_name};
pub use matching::{allows, best, capacity, requested, same_mode, shown_capacity, why_not};
pub use names::{
    BIND_COMPLETED, BOUND_BY_CONTROLLER, PROVISIONED_BY, PROVISIONERS, SELECTED_NODE, belongs, claim_ref,
    class_of_claim, class_of_volume, is_bound,
};
pub use users::{ClaimUse, claim_of, claims_of};
