//! Where `machinery`'s pure functions meet requests: bodies in, fields checked and owned, other forms out.

mod decode;
mod fields;
mod forms;
mod patch;
mod validate;

pub(crate) use decode::{check_applied, check_fields, decode, decode_options, parse_yaml};
pub(crate) use fields::{apply_fields, check_manager, track_fields};
pub(crate) use forms::{table, to_protobuf, to_yaml, watch_event_protobuf};
pub(crate) use patch::Patch;
pub(crate) use validate::{common_name, validate};
