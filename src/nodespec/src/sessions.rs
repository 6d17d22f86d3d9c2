//! What marks accounts that are there for a session.

/// The label of whatever lives as long as a session; its value is whose session it is.
pub const LABEL: &str = "rkube.io/session";

/// The annotation that says until when the account is good, in RFC 3339.
pub const EXPIRES: &str = "rkube.io/expires";
