//! The ways in: TLS on the network, and calls from components of the same process.

mod in_process;
mod listen;
pub(crate) mod tls;

pub(crate) use in_process::client as in_process;
