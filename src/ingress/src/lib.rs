//! Ingress: HTTP and HTTPS from outside to services, by host and path (networking.k8s.io/v1 in full).
//!
//! Sees only the Kubernetes API. `follow` keeps the objects, `build` makes a [`routes::Routes`] of them whenever something has
//! changed, and every request takes the newest one: a reload is the exchange of a pointer, and no connection notices.

mod build;
mod class;
mod endpoints;
mod events;
mod follow_api;
mod health;
mod lent;
mod listen;
mod proxy;
mod redirect;
mod routes;
mod serve;
mod state;
mod status;
mod tls;
mod upgrade;

pub use redirect::PublicPorts;
pub use serve::{Config, RunError, run};
