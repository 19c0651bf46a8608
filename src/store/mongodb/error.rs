//! MongoDB's errors in the port's terms: whose fault, what happened, what to do. And which errors are none.

use mongodb::error::{Error, ErrorKind, WriteFailure};

use crate::job::ErrorClass;
use crate::ports::PortError;
use crate::ports::store::{LeaseError, LockError, SubmitError};

/// A document of that name is there already.
const DUPLICATE: i32 = 11000;
/// Codes of the server: what it says of a user without the right, of a wrong password, of a full disk.
const UNAUTHORIZED: [i32; 3] = [13, 18, 8000];
const DISK_FULL: i32 = 14031;

/// Characters of the driver's own words that are shown: a topology's description has no bound.
const WORDS: usize = 400;

fn code_of(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::InsertMany(many) => many.write_errors.iter().flatten().map(|error| error.code).next(),
        _ => None,
    }
}

/// Whether all it says is that the documents are there already, which is what a repetition finds.
fn is_duplicate(error: &Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::InsertMany(many) => {
            many.write_concern_error.is_none()
                && many.write_errors.iter().flatten().all(|error| error.code == DUPLICATE)
        }
        _ => code_of(error) == Some(DUPLICATE),
    }
}

/// What was done, or nothing when it had been done before.
pub(super) fn unless_there<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(error) if is_duplicate(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn meaning(error: &Error) -> (ErrorClass, &'static str, &'static str) {
    match (error.kind.as_ref(), code_of(error)) {
        (_, Some(code)) if UNAUTHORIZED.contains(&code) => unauthorized(),
        (ErrorKind::Authentication { .. }, _) => unauthorized(),
        (_, Some(DISK_FULL)) => (
            ErrorClass::Transient,
            "the MongoDB server has no space left",
            "free some space there and run the command again: what was written before is whole",
        ),
        (ErrorKind::IncompatibleServer { .. } | ErrorKind::InvalidTlsConfig { .. }, _) => (
            ErrorClass::Rejected,
            "the MongoDB server cannot be used",
            "use MongoDB 4.4 or newer, and check the TLS options in the store's URL",
        ),
        (
            ErrorKind::BsonDeserialization(_)
            | ErrorKind::BsonSerialization(_)
            | ErrorKind::Bson(_)
            | ErrorKind::InvalidArgument { .. }
            | ErrorKind::InvalidResponse { .. }
            | ErrorKind::Command(_)
            | ErrorKind::Write(WriteFailure::WriteError(_))
            | ErrorKind::InsertMany(_),
            _,
        ) if !is_passing(error) => (
            ErrorClass::Bug,
            "MongoDB refused a request or holds something unexpected",
            "see whether another program changed the database; otherwise please report this",
        ),
        _ => (
            ErrorClass::Transient,
            "the MongoDB server cannot be reached or did not confirm",
            "check host, port, network and TLS, and that a primary is up; then run the command again: what was written before is whole",
        ),
    }
}

fn unauthorized() -> (ErrorClass, &'static str, &'static str) {
    (
        ErrorClass::Unauthorized,
        "MongoDB refused the user",
        "check user, password and authSource in the store's URL, and that the user has the role readWrite on the database",
    )
}

/// What a topology's description says of the errors of its servers, each once; any other text as it is.
fn plain(words: &str) -> String {
    let parts = words.split("Error: Kind: ").skip(1).map(|part| part.split(", labels").next().unwrap_or(part));
    let mut causes: Vec<&str> = parts.collect();
    causes.dedup();
    if causes.is_empty() { words.to_owned() } else { causes.join("; ") }
}

fn is_passing(error: &Error) -> bool {
    ["RetryableWriteError", "RetryableError", "TransientTransactionError"]
        .iter()
        .any(|label| error.contains_label(label))
}

impl From<Error> for PortError {
    fn from(error: Error) -> Self {
        let (class, what, remedy) = meaning(&error);
        let words: String = plain(&error.kind.to_string()).chars().take(WORDS).collect();
        Self::new(class, format!("{what} ({words})")).remedy(remedy)
    }
}

macro_rules! through_port_error {
    ($($error:ty),*) => {$(
        impl From<Error> for $error {
            fn from(error: Error) -> Self {
                PortError::from(error).into()
            }
        }
    )*};
}
through_port_error!(LeaseError, LockError, SubmitError);

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_topology_is_told_by_the_errors_of_its_servers() {
        let server =
            "Error: Kind: I/O error: Connection refused (os error 111), labels: {\"RetryableError\"}, source: None";
        let words = format!(
            "Server selection timeout: No available servers. Topology: {{ Servers: [ {{ {server} }}, {{ {server} }} ] }}"
        );
        assert_eq!(plain(&words), "I/O error: Connection refused (os error 111)");
        assert_eq!(plain("Command failed: not primary"), "Command failed: not primary");
    }
}
