//! Secrets behind references: the environment, files, and variables handed in. Read just before use and wiped afterwards;
//! errors name the reference and never the content.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{ErrorKind, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::eval::value::SecretRef;
use crate::job::ErrorClass;
use crate::ports::secrets::Secrets;
use crate::ports::{PortError, PortResult};

/// Bytes of one secret: more than any key or token, so that a wrong path does not fill memory.
const SECRET_BYTES: u64 = 1 << 20;

/// Finds a variable of the environment.
pub type Environment = Box<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// Secrets of this machine. Has no Debug on purpose.
pub struct LocalSecrets {
    environment: Environment,
    directory: PathBuf,
    variables: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

impl LocalSecrets {
    /// Secrets of this process: paths are relative to `directory`, the configuration's. `variables` are the values of
    /// sensitive variables, as they were given for this apply.
    pub fn new(directory: impl Into<PathBuf>, variables: BTreeMap<String, Zeroizing<Vec<u8>>>) -> Self {
        Self::with_environment(Box::new(|name| std::env::var_os(name)), directory, variables)
    }

    /// The same with another environment.
    pub fn with_environment(
        environment: Environment,
        directory: impl Into<PathBuf>,
        variables: BTreeMap<String, Zeroizing<Vec<u8>>>,
    ) -> Self {
        Self { environment, directory: directory.into(), variables }
    }

    fn variable_of_environment(&self, name: &str) -> PortResult<Zeroizing<Vec<u8>>> {
        let value = (self.environment)(name).map(|value| Zeroizing::new(value.into_vec()));
        let value = value.filter(|value| !value.is_empty()).ok_or_else(|| {
            absent(format!("secret_env(\"{name}\"): the variable {name} is not set, or empty"))
                .remedy(format!("export {name} in the environment cap runs in"))
        })?;
        Ok(value)
    }

    fn path(&self, written: &str) -> PortResult<PathBuf> {
        let Some(below_home) = written.strip_prefix("~/") else { return Ok(self.directory.join(written)) };
        let home = (self.environment)("HOME").filter(|home| !home.is_empty());
        let home = home.ok_or_else(|| absent(format!("secret_file(\"{written}\"): HOME is not set")))?;
        Ok(Path::new(&home).join(below_home))
    }
}

#[async_trait]
impl Secrets for LocalSecrets {
    async fn resolve(&self, reference: &SecretRef) -> PortResult<Zeroizing<Vec<u8>>> {
        match reference {
            SecretRef::Env(name) => self.variable_of_environment(name),
            SecretRef::File(written) => {
                let (path, written) = (self.path(written)?, written.clone());
                // A file may lie on a network's file system: not on an async thread.
                let read = tokio::task::spawn_blocking(move || read_file(&path, &written)).await;
                read.map_err(|error| PortError::new(ErrorClass::Bug, format!("reading a secret broke off: {error}")))?
            }
            SecretRef::Vault { path, field } => Err(PortError::new(
                ErrorClass::Rejected,
                format!("secret_vault(\"{path}\", \"{field}\"): this source is not supported in this release"),
            )
            .remedy("use secret_env or secret_file, for example filled by a Vault agent")),
            SecretRef::Variable(name) => self.variables.get(name).cloned().ok_or_else(|| {
                absent(format!("the sensitive variable \"{name}\" has no value here: it is never stored"))
                    .remedy(format!("give it again: -var '{name}=…', CAP_VAR_{name}, or a -var-file"))
            }),
        }
    }
}

fn absent(message: String) -> PortError {
    PortError::new(ErrorClass::Absent, message)
}

/// The content of a file without one trailing newline.
fn read_file(path: &Path, written: &str) -> PortResult<Zeroizing<Vec<u8>>> {
    let fault = |error: std::io::Error| {
        let class = match error.kind() {
            ErrorKind::NotFound => ErrorClass::Absent,
            ErrorKind::PermissionDenied => ErrorClass::Unauthorized,
            _ => ErrorClass::Rejected,
        };
        PortError::new(class, format!("secret_file(\"{written}\"): {} cannot be read: {error}", path.display()))
    };
    let too_long = || {
        let message = format!("secret_file(\"{written}\"): {} is longer than {SECRET_BYTES} bytes", path.display());
        PortError::new(ErrorClass::Rejected, message).remedy("name the file that holds the secret alone")
    };
    let file = std::fs::File::open(path).map_err(fault)?;
    let metadata = file.metadata().map_err(fault)?;
    if metadata.len() > SECRET_BYTES {
        return Err(too_long());
    }
    // Room for all of it, so that no copy is left behind by a reallocation; a pipe has no length and is cut off too.
    let mut content = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 64));
    file.take(SECRET_BYTES + 1).read_to_end(&mut content).map_err(fault)?;
    if content.len() as u64 > SECRET_BYTES {
        return Err(too_long());
    }
    drop_newline(&mut content);
    Ok(content)
}

fn drop_newline(content: &mut Vec<u8>) {
    if content.last() == Some(&b'\n') {
        content.pop();
        if content.last() == Some(&b'\r') {
            content.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of the temporary folder, removed afterwards.
    struct File(PathBuf);

    impl File {
        fn new(name: &str, content: &[u8]) -> Self {
            let path = std::env::temp_dir().join(format!("cap-secret-{}-{name}", std::process::id()));
            std::fs::write(&path, content).expect("a file");
            Self(path)
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn secrets() -> LocalSecrets {
        let environment: Environment = Box::new(|name| match name {
            "TOKEN" => Some("from the environment".into()),
            "HOME" => Some(std::env::temp_dir().into_os_string()),
            "EMPTY" => Some(OsString::new()),
            _ => None,
        });
        let variables = [("given".to_owned(), Zeroizing::new(b"by hand".to_vec()))];
        LocalSecrets::with_environment(environment, std::env::temp_dir(), variables.into())
    }

    async fn check(reference: SecretRef, expected: Result<&[u8], ErrorClass>) {
        let found = secrets().resolve(&reference).await;
        let found = found.as_ref().map(|secret| secret.as_slice()).map_err(|fault| fault.class);
        assert_eq!(found, expected, "{reference:?}");
    }

    #[tokio::test]
    async fn variables_are_found_or_named() {
        check(SecretRef::Env("TOKEN".to_owned()), Ok(b"from the environment")).await;
        check(SecretRef::Env("EMPTY".to_owned()), Err(ErrorClass::Absent)).await;
        check(SecretRef::Env("ABSENT".to_owned()), Err(ErrorClass::Absent)).await;
        check(SecretRef::Variable("given".to_owned()), Ok(b"by hand")).await;
        check(SecretRef::Variable("absent".to_owned()), Err(ErrorClass::Absent)).await;
        let vault = SecretRef::Vault { path: "kv/a".to_owned(), field: "b".to_owned() };
        check(vault, Err(ErrorClass::Rejected)).await;
    }

    #[tokio::test]
    async fn files_lose_one_newline_and_are_found_from_the_configuration_and_from_home() {
        for (content, expected) in
            [(&b"a\n"[..], &b"a"[..]), (b"a\r\n", b"a"), (b"a\n\n", b"a\n"), (b"a", b"a"), (b"\xff\n", b"\xff")]
        {
            let file = File::new("newline", content);
            let name = file.0.file_name().expect("a name").to_string_lossy().into_owned();
            for written in [name.clone(), format!("~/{name}"), file.0.display().to_string()] {
                check(SecretRef::File(written), Ok(expected)).await;
            }
        }
        check(SecretRef::File("absent".to_owned()), Err(ErrorClass::Absent)).await;
    }

    #[tokio::test]
    async fn a_file_that_is_no_secret_is_refused() {
        let long = File::new("long", &vec![b'x'; SECRET_BYTES as usize + 1]);
        check(SecretRef::File(long.0.display().to_string()), Err(ErrorClass::Rejected)).await;
        check(SecretRef::File(std::env::temp_dir().display().to_string()), Err(ErrorClass::Rejected)).await;
        let endless = SecretRef::File("/dev/zero".to_owned());
        check(endless, Err(ErrorClass::Rejected)).await;
    }
}
