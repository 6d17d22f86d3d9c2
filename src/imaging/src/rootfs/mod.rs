//! A root filesystem in the making: packages unpacked, files added, written as one layer.

mod accounts;
mod ar;
mod deb;
mod filter;
mod finish;
mod tree;
mod writer;

pub(crate) use deb::unpack;
pub(crate) use filter::Filter;
pub(crate) use finish::finish;
pub(crate) use tree::{Entry, Tree};
pub(crate) use writer::{CAREFUL, QUICK, write_layer};
