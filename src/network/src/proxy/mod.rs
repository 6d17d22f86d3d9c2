//! The service proxy: from Services and EndpointSlices to rules.

mod endpoints;
mod hostport;
mod rules;
mod service;

pub(crate) use endpoints::{Endpoint, Slice};
pub(crate) use hostport::{HostPort, host_ports};
pub(crate) use rules::{Masquerade, TABLE, base, ruleset};
pub(crate) use service::{Service, ServicePort, protocol};
