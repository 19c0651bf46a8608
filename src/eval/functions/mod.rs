//! The language's functions: Terraform's pure ones with Terraform's results and faults, and those for certificates.
//! Pure: files are reached only through [`Files`], and there is no clock and no randomness.
//!
//! Each family is a file with a table of [`Function`]s. [`find`] looks a name up. A call's arguments are counted,
//! and converted as the parameters declare, before the function sees them.

mod certificates;
mod charsets;
mod csv;
mod dates;
mod encoding;
#[cfg(test)]
mod examples;
mod files;
mod format;
mod hashing;
mod json;
mod lists;
mod maps;
mod network;
mod numbers;
mod patterns;
mod sets;
mod strings;
mod support;
mod types;
mod yaml;

use std::sync::{Arc, LazyLock};

use super::convert::convert;
use super::types::Type;
use super::value::Value;
use crate::time::Timestamp;

/// A function of the language.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Its parameters, in order.
    pub params: &'static [Param],
    /// The parameter that takes all further arguments, if it may take any.
    pub variadic: Option<Param>,
    /// What it does: one or two sentences, with an example.
    pub doc: &'static str,
    /// The function itself. Its arguments are already counted and converted.
    pub call: fn(&CallContext<'_>, &[Value]) -> Result<Value, Fault>,
}

/// A parameter.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// Its name, as reports show it.
    pub name: &'static str,
    /// What arguments are converted to.
    pub ty: ParamType,
    /// Whether `null` may be given.
    pub nullable: bool,
    /// Whether secrets may be in it: only where the function moves values without looking into them.
    pub secrets: bool,
}

/// What an argument is converted to before the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamType {
    /// Whatever is given.
    Any,
    /// A bool.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// A list whose elements are converted.
    List(&'static Self),
    /// A set whose elements are converted.
    Set(&'static Self),
    /// A map whose elements are converted.
    Map(&'static Self),
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The argument at fault, from zero; none when it is the call as a whole.
    pub argument: Option<usize>,
    /// What is wrong, without the function's and the parameter's name.
    pub message: String,
}

/// What a call may know besides its arguments.
pub struct CallContext<'a> {
    /// The files that belong to the configuration.
    pub files: &'a dyn Files,
    /// The instant the plan is made for: what `plantimestamp` returns.
    pub plan_time: Timestamp,
}

/// Files as functions see them. Paths have `/` between their parts and are relative to the module, absolute, or begin
/// with `~/`. An implementation reads, and never writes.
pub trait Files {
    /// The content of a file.
    ///
    /// # Errors
    /// See [`FileFault`].
    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileFault>;

    /// What stands at a path; [`FileFault::NotFound`] when nothing does.
    ///
    /// # Errors
    /// See [`FileFault`].
    fn kind(&self, path: &str) -> Result<FileKind, FileFault>;

    /// The names directly in a directory, in any order.
    ///
    /// # Errors
    /// See [`FileFault`].
    fn list(&self, directory: &str) -> Result<Vec<(String, FileKind)>, FileFault>;

    /// The path from the root of the file system, `.` and `..` in it not resolved; none where files have no place.
    fn absolute(&self, _path: &str) -> Option<String> {
        None
    }

    /// The home directory of whoever runs this; none where that is not known.
    fn home(&self) -> Option<String> {
        None
    }
}

/// What stands at a path, symbolic links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Anything else: a device, a socket.
    Other,
}

/// Why a file cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFault {
    /// Nothing stands there.
    NotFound,
    /// A directory stands there.
    Directory,
    /// Anything else, in words.
    Other(String),
}

/// The function of that name.
pub fn find(name: &str) -> Option<&'static Function> {
    let at = TABLE.binary_search_by(|function| function.name.cmp(name)).ok()?;
    Some(TABLE[at])
}

/// All functions in the order of their names.
pub fn all() -> impl Iterator<Item = &'static Function> {
    TABLE.iter().copied()
}

static TABLE: LazyLock<Vec<&'static Function>> = LazyLock::new(|| {
    let mut all: Vec<&Function> = FAMILIES.iter().flat_map(|family| family.iter()).collect();
    all.sort_unstable_by_key(|function| function.name);
    all
});

const FAMILIES: &[&[Function]] = &[
    certificates::FUNCTIONS,
    charsets::FUNCTIONS,
    dates::FUNCTIONS,
    encoding::FUNCTIONS,
    files::FUNCTIONS,
    format::FUNCTIONS,
    hashing::FUNCTIONS,
    lists::FUNCTIONS,
    maps::FUNCTIONS,
    network::FUNCTIONS,
    numbers::FUNCTIONS,
    patterns::FUNCTIONS,
    sets::FUNCTIONS,
    strings::FUNCTIONS,
    types::FUNCTIONS,
];

impl Function {
    /// The parameter that takes the argument at `at`, from zero.
    pub fn param(&self, at: usize) -> Option<&Param> {
        self.params.get(at).or(self.variadic.as_ref())
    }

    /// Whether it takes that many arguments.
    ///
    /// # Errors
    /// It takes more, or fewer.
    pub fn check_count(&self, given: usize) -> Result<(), Fault> {
        let wanted = self.params.len();
        let plural = if self.variadic.is_some() { "at least " } else { "only " };
        if given < wanted {
            let (at_least, missing) = (if self.variadic.is_some() { plural } else { "" }, self.params[given].name);
            let message = format!("it expects {at_least}{wanted} argument(s), and \"{missing}\" is missing");
            return Err(Fault::call(message));
        }
        if given > wanted && self.variadic.is_none() {
            return Err(Fault::at(wanted, format!("it expects {plural}{wanted} argument(s)")));
        }
        Ok(())
    }
}

impl Function {
    /// Calls it: counts the arguments, refuses nulls and secrets where the parameters do, converts, and calls.
    ///
    /// # Errors
    /// The fault of the count, of an argument, or of the function itself.
    pub fn invoke(&self, ctx: &CallContext<'_>, arguments: &[Value]) -> Result<Value, Fault> {
        self.check_count(arguments.len())?;
        let converted: Result<Vec<Value>, Fault> = arguments
            .iter()
            .enumerate()
            .map(|(at, argument)| match self.param(at) {
                Some(param) => param.take(argument).map_err(|message| Fault::at(at, message)),
                None => Ok(argument.clone()),
            })
            .collect();
        (self.call)(ctx, &converted?)
    }
}

impl ParamType {
    /// The type that arguments are converted to.
    fn to_type(self) -> Type {
        match self {
            Self::Any => Type::Any,
            Self::Bool => Type::Bool,
            Self::Number => Type::Number,
            Self::String => Type::String,
            Self::List(element) => Type::list(element.to_type()),
            Self::Set(element) => Type::set(element.to_type()),
            Self::Map(element) => Type::map(element.to_type()),
        }
    }
}

impl Param {
    /// The argument as the function sees it, or what is wrong with it.
    fn take(&self, argument: &Value) -> Result<Value, String> {
        if argument.is_null() {
            return if self.nullable { Ok(argument.clone()) } else { Err("argument must not be null".to_owned()) };
        }
        if !self.secrets && argument.has_secret() {
            return Err("a secret cannot be looked into: it can only be given to what takes a secret".to_owned());
        }
        convert(argument, &self.ty.to_type()).map_err(|error| error.to_string())
    }

    /// A parameter that takes neither nulls nor secrets.
    pub const fn new(name: &'static str, ty: ParamType) -> Self {
        Self { name, ty, nullable: false, secrets: false }
    }

    /// A parameter of any type that is moved and not looked into, and may therefore hold secrets.
    pub const fn moved(name: &'static str) -> Self {
        Self { name, ty: ParamType::Any, nullable: false, secrets: true }
    }

    /// Lets it take `null`.
    #[must_use]
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// Lets it hold secrets.
    #[must_use]
    pub const fn secrets(self) -> Self {
        Self { secrets: true, ..self }
    }
}

impl Fault {
    /// The call as a whole is at fault.
    pub fn call(message: impl Into<String>) -> Self {
        Self { argument: None, message: message.into() }
    }

    /// The argument at `at`, from zero, is at fault.
    pub fn at(at: usize, message: impl Into<String>) -> Self {
        Self { argument: Some(at), message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::value::SecretRef;

    struct NoFiles;

    impl Files for NoFiles {
        fn read(&self, _: &str) -> Result<Arc<[u8]>, FileFault> {
            Err(FileFault::NotFound)
        }

        fn kind(&self, _: &str) -> Result<FileKind, FileFault> {
            Err(FileFault::NotFound)
        }

        fn list(&self, _: &str) -> Result<Vec<(String, FileKind)>, FileFault> {
            Err(FileFault::NotFound)
        }
    }

    static JOIN: Function = Function {
        name: "join",
        params: &[Param::new("separator", ParamType::String)],
        variadic: Some(Param::new("lists", ParamType::List(&ParamType::String))),
        doc: "",
        call: |_, arguments| Ok(Value::tuple(arguments.to_vec())),
    };

    fn check(arguments: &[Value], expected: Result<Value, Fault>) {
        let ctx = CallContext { files: &NoFiles, plan_time: Timestamp::from_millis(0) };
        assert_eq!(JOIN.invoke(&ctx, arguments), expected);
    }

    #[test]
    fn arguments_are_counted_and_converted() {
        let texts = Value::tuple([Value::number(1), Value::string("b")]);
        check(&[Value::number(5), texts], Ok(Value::tuple([Value::string("5"), Value::strings(["1", "b"])])));
        check(&[], Err(Fault::call("it expects at least 1 argument(s), and \"separator\" is missing")));
        check(&[Value::tuple([])], Err(Fault::at(0, "string required")));
        check(&[Value::NULL], Err(Fault::at(0, "argument must not be null")));
    }

    #[test]
    fn secrets_are_not_looked_into() {
        let secret = Value::Secret(Arc::new(SecretRef::Env("TOKEN".to_owned())));
        let message = "a secret cannot be looked into: it can only be given to what takes a secret";
        check(&[Value::string(","), Value::tuple([secret])], Err(Fault::at(1, message)));
    }
}
