//! Why a sync failed. It is retried with back-off, whatever the reason.

/// Error of one sync, or of a controller as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API refused or could not be reached.
    #[error(transparent)]
    Kube(Box<kube::Error>),
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
