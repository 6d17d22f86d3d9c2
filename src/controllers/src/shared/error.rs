//! Why a sync failed. It is retried with back-off, whatever the reason.

/// Error of one sync, or of a controller as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API refused or could not be reached.
    #[error("{}", said(.0))]
    Kube(#[source] Box<kube::Error>),
    /// An object could not be turned into JSON or back.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A selector that validation should not have let through.
    #[error(transparent)]
    Selector(#[from] machinery::selector::SelectorError),
    /// A watch ended for good.
    #[error("the watch of {0} ended")]
    WatchEnded(String),
    /// A condition that the next sync may find met.
    #[error("{0}")]
    Again(String),
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Kube(Box::new(error))
    }
}

/// What the API said, in its own words: it goes into events and conditions that users read.
fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        error => error.to_string(),
    }
}

/// HTTP status of an API error; 0 if it is none.
pub(crate) fn code(error: &kube::Error) -> u16 {
    if let kube::Error::Api(status) = error {
        status.code
    } else {
        0
    }
}

/// What is gone or exists already is as wanted.
pub(crate) trait Tolerate<T> {
    /// `None` instead of 404.
    fn unless_gone(self) -> Result<Option<T>>;
    /// `None` instead of 409.
    fn unless_exists(self) -> Result<Option<T>>;
}

impl<T> Tolerate<T> for std::result::Result<T, kube::Error> {
    fn unless_gone(self) -> Result<Option<T>> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if code(&error) == 404 => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn unless_exists(self) -> Result<Option<T>> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if code(&error) == 409 => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_quoted_as_the_api_worded_them() {
        let status = kube::core::Status::failure("pods \"p\" is forbidden: exceeded quota: q", "Forbidden");
        let error = Error::from(kube::Error::Api(Box::new(status.with_code(403))));
        assert_eq!(error.to_string(), "pods \"p\" is forbidden: exceeded quota: q");
    }
}
