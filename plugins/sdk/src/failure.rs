//! How a tool says no: [`Failure`], and the way from an I/O error to one.
//!
//! It must not decide anything for the host: a failure is data.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::Path;

use crate::bindings::toolyard::plugin::types;

/// What a tool returns.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a call did not go well: whose fault, a word for programs, a sentence for people.
///
/// ```
/// use toolyard_sdk::prelude::*;
///
/// let failure = Failure::new("no_match", "src/a.rs has no such text").hint("Read the file again.");
/// assert_eq!(failure.to_string(), "src/a.rs has no such text");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    kind: Kind,
    code: Cow<'static, str>,
    message: String,
    hint: Option<String>,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The tool did its work and the answer is no.
    Failed,
    /// The arguments fit the schema and make no sense together.
    InvalidArguments,
    /// The sandbox refused an operation.
    Denied,
    /// There is no tool of that name.
    NotFound,
}

impl Failure {
    /// The tool did its work and the answer is no. `code` is a short, stable word in `snake_case`.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Failure {
        Failure {
            kind: Kind::Failed,
            code: code.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// The arguments fit the schema and make no sense together.
    pub fn invalid(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Failure {
        Failure::new(code, message).kind(Kind::InvalidArguments)
    }

    /// The sandbox refused an operation.
    pub fn denied(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Failure {
        Failure::new(code, message).kind(Kind::Denied)
    }

    /// The same failure with another sentence.
    #[must_use]
    pub fn say(mut self, message: impl FnOnce(&str) -> String) -> Failure {
        self.message = message(&self.message);
        self
    }

    pub(crate) fn no_tool(name: &str) -> Failure {
        Failure::new("no_such_tool", format!("this component has no tool `{name}`")).kind(Kind::NotFound)
    }

    fn kind(mut self, kind: Kind) -> Failure {
        self.kind = kind;
        self
    }

    /// Adds what would help.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// Whose fault it is.
    pub fn whose(&self) -> Kind {
        self.kind
    }

    /// The word for programs.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What would help, if the tool knows.
    pub fn as_hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// As it crosses the edge.
    pub(crate) fn into_wit(self) -> types::Failure {
        types::Failure {
            kind: match self.kind {
                Kind::Failed => types::FailureKind::Failed,
                Kind::InvalidArguments => types::FailureKind::InvalidArguments,
                Kind::Denied => types::FailureKind::Denied,
                Kind::NotFound => types::FailureKind::NotFound,
            },
            code: self.code.into_owned(),
            message: self.message,
            hint: self.hint,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// `ENOTCAPABLE` of WASI's C library: no granted folder holds the path.
const NOT_CAPABLE: i32 = 76;

/// A failure within an I/O error, as a stream of the network gives it, comes out again as it was.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        if let Some(failure) = error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>()) {
            return failure.clone();
        }
        from_io(&error, None)
    }
}

fn from_io(error: &io::Error, path: Option<&Path>) -> Failure {
    use io::ErrorKind;
    let (code, words) = match error.kind() {
        _ if error.raw_os_error() == Some(NOT_CAPABLE) => ("permission_denied", Some("not granted to this call")),
        ErrorKind::NotFound => ("not_found", Some("no such file or folder")),
        ErrorKind::PermissionDenied => ("permission_denied", Some("permission denied")),
        ErrorKind::ReadOnlyFilesystem => ("permission_denied", Some("granted for reading only")),
        ErrorKind::NotADirectory => ("not_a_directory", Some("not a folder")),
        ErrorKind::IsADirectory => ("is_a_directory", Some("a folder, not a file")),
        ErrorKind::AlreadyExists => ("already_exists", Some("already exists")),
        ErrorKind::DirectoryNotEmpty => ("not_empty", Some("the folder is not empty")),
        ErrorKind::InvalidData => ("invalid_data", None),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => ("no_space", None),
        _ if error.to_string().contains("pre-opened") => ("permission_denied", Some("not granted to this call")),
        _ => ("io", None),
    };
    let words = words.map_or_else(|| error.to_string(), str::to_owned);
    let message = match path {
        Some(path) => format!("{}: {words}", path.display()),
        None => words,
    };
    if code == "permission_denied" {
        Failure::denied(code, message)
    } else {
        Failure::new(code, message)
    }
}

macro_rules! from_error {
    ($($error:ty => $code:literal),+ $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Failure {
                Failure::new($code, error.to_string())
            }
        }
    )+};
}

from_error! {
    serde_json::Error => "json",
    std::str::Utf8Error => "not_text",
    std::string::FromUtf8Error => "not_text",
    std::num::ParseIntError => "not_a_number",
    std::num::ParseFloatError => "not_a_number",
    fmt::Error => "format",
}

/// Says which path an I/O error is about.
pub trait At<T> {
    /// The value, or a failure whose message begins with the path: `src/x.rs: no such file or folder`.
    ///
    /// ```
    /// use toolyard_sdk::prelude::*;
    ///
    /// let failure = std::fs::read("src/x.rs").at("src/x.rs").unwrap_err();
    /// assert_eq!((failure.code(), failure.message()), ("not_found", "src/x.rs: no such file or folder"));
    /// ```
    fn at(self, path: impl AsRef<Path>) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|error| from_io(&error, Some(path.as_ref())))
    }
}
