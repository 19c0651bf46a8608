//! Reads a configuration: gathers its files and the values from outside, parses, evaluates, and checks what holds between
//! its blocks. Reads no store and no secret.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::args::{VarArg, VarArgs};
use super::given;
use super::place::Place;
use super::shell::{self, Failure, environment};
use super::view::json_configuration;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::engine::files::ModuleDirectory;
use crate::engine::{load, modules};
use crate::eval::library::Library;
use crate::eval::schema::Catalog;
use crate::eval::value::Value;
use crate::eval::{self, Argument, Evaluation, Inputs, Sensitive, encode};
use crate::model::{self, Estate, Kinds};
use crate::source::{SourceId, Sources, Span};
use crate::syntax::ast;
use crate::time::Timestamp;

/// A configuration that was read.
pub struct Configuration {
    /// Its texts.
    pub sources: Sources,
    /// What it says.
    pub evaluation: Evaluation,
    /// What should exist.
    pub estate: Estate,
    /// Warnings, and errors where there are any.
    pub diagnostics: Diagnostics,
    /// What it looks like to programs, where that was asked for.
    pub described: Option<Json>,
    /// Values of sensitive variables that no file declares.
    given: SensitiveValues,
}

/// Real values of sensitive variables, by name.
pub type SensitiveValues = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// The texts of a configuration, parsed: its modules, and the values from outside.
#[derive(Clone)]
pub struct Gathered {
    /// Its texts.
    pub sources: Sources,
    /// The files of the root module.
    pub files: Vec<ast::File>,
    /// The modules that they call.
    pub library: Library,
    /// Values from outside.
    pub inputs: Inputs,
    /// What could not be read or does not parse.
    pub diagnostics: Diagnostics,
}

/// A variable that needs a value and was given none.
pub struct Missing {
    /// Its name.
    pub name: String,
    /// What it is for, where it says so.
    pub description: Option<String>,
    /// Whether its value is not to be seen while it is typed.
    pub sensitive: bool,
}

/// Reads the configuration of the current directory. With errors among the diagnostics it is only fit for reporting more.
pub fn read(place: &Place, vars: &VarArgs, kinds: &Kinds, now: Timestamp) -> Configuration {
    gather(place, vars, &kinds.catalog()).evaluate(kinds, now, false)
}

/// Gathers the configuration of the current directory.
pub fn gather(place: &Place, vars: &VarArgs, catalog: &Catalog) -> Gathered {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let files = configuration_files(place, catalog, &mut sources, &mut diagnostics);
    let (library, faults) = modules::gather(&files, &place.named, catalog, &mut sources);
    diagnostics.extend(faults);
    let inputs = Inputs {
        environment: load::environment(std::env::vars_os().filter_map(utf8)),
        files: automatic(place, &mut sources, &mut diagnostics),
        arguments: arguments(place, vars, &mut sources, &mut diagnostics),
        ..Inputs::default()
    };
    Gathered { sources, files, library, inputs, diagnostics }
}

/// The files around the current directory, as functions see them.
pub fn around() -> ModuleDirectory {
    ModuleDirectory::new("", shell::environment("HOME").map(PathBuf::from))
}

impl Gathered {
    /// Whether the directory holds nothing to read at all.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.diagnostics.iter().any(|one| *one.code == codes::shell::NO_CONFIGURATION)
    }

    /// Variables without default that nothing sets, by name.
    pub fn missing(&self) -> Vec<Missing> {
        let blocks = || self.files.iter().flat_map(|file| file.body.blocks_of("variable"));
        let mut found: BTreeMap<&str, Missing> = BTreeMap::new();
        for block in blocks() {
            let Some(name) = block.labels.first().map(|label| &*label.text) else { continue };
            let one = found.entry(name).or_insert_with(|| Missing::new(name));
            one.description =
                one.description.take().or_else(|| constant(block, "description")?.as_str().map(str::to_owned));
            let says = |flag| matches!(constant(block, flag), Some(Value::Bool(true)));
            one.sensitive |= says("sensitive") || says("ephemeral");
        }
        for block in blocks().filter(|block| block.body.attribute("default").is_some()) {
            block.labels.first().map(|label| found.remove(&*label.text));
        }
        found.into_values().filter(|one| !self.inputs.gives(&one.name)).collect()
    }

    /// Takes a value that was asked for.
    pub fn give(&mut self, name: &str, text: String) {
        self.inputs.arguments.push(Argument::Variable { name: name.to_owned(), text, place: None });
    }

    /// Evaluates it.
    pub fn evaluate(self, kinds: &Kinds, now: Timestamp, describe: bool) -> Configuration {
        let Self { sources, mut diagnostics, files, library, inputs } = self;
        let unread = diagnostics.has_errors();
        let (evaluation, mut faults) = eval::evaluate_with(&files, &library, &inputs, &kinds.catalog(), &around(), now);
        // What is missing because a file or an option could not be read would only be reported again, as something else.
        faults.0.retain(|one| !unread || *one.code != codes::language::NO_VALUE);
        faults.0.iter_mut().for_each(|one| name_the_habit(one, &sources));
        // What follows from a value that is refused says nothing about the files.
        let unread = unread || faults.iter().any(|one| *one.code == codes::language::VALIDATION);
        diagnostics.extend(faults);
        let (mut estate, faults) =
            if unread { Default::default() } else { model::estate(&evaluation.desired, &evaluation, kinds) };
        diagnostics.extend(faults);
        estate.locate(|span| sources.position(span));
        let described = describe.then(|| json_configuration::document(&files, &library));
        Configuration { sources, evaluation, estate, diagnostics, described, given: SensitiveValues::new() }
    }

    /// Nothing, in the place of files that are not there: destroying needs none. What sensitive variables held has to be
    /// given again.
    pub fn nothing(place: &Place, vars: &VarArgs, now: Timestamp) -> Result<Configuration, Failure> {
        let given = given::again(place, vars)?;
        let empty = Self {
            sources: Sources::default(),
            diagnostics: Diagnostics::default(),
            files: Vec::new(),
            library: Library::new(),
            inputs: Inputs::default(),
        };
        Ok(Configuration { given, ..empty.evaluate(&Kinds::new([]), now, false) })
    }
}

/// A variable without a value may have one under the name that Terraform reads it from.
fn name_the_habit(report: &mut Diagnostic, sources: &Sources) {
    let span = report.span.filter(|_| *report.code == codes::language::NO_VALUE);
    let Some(name) = span.and_then(|span| sources.get(span.source).text.get(span.range())) else { return };
    let name = name.trim_matches('"');
    if environment(&format!("TF_VAR_{name}")).is_some() {
        report.hint = Some(format!("TF_VAR_{name} is in the environment; cap reads CAP_VAR_{name}."));
    }
}

impl Missing {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), description: None, sensitive: false }
    }
}

/// The literal value of an argument.
fn constant<'a>(block: &'a ast::Block, name: &str) -> Option<&'a Value> {
    match &block.body.attribute(name)?.value.kind {
        ast::ExprKind::Literal(value) => Some(value),
        _ => None,
    }
}

impl Configuration {
    /// The configuration without errors, or why it cannot be used.
    pub fn usable(self) -> Result<Self, Failure> {
        if self.diagnostics.has_errors() {
            return Err(Failure { diagnostics: self.diagnostics, sources: self.sources });
        }
        Ok(self)
    }

    /// Values of its variables as a plan keeps them: those of sensitive ones are references.
    pub fn variables(&self) -> BTreeMap<String, Json> {
        let all = self.evaluation.variables.iter();
        all.map(|(name, value)| (name.to_string(), encode::to_json(value))).collect()
    }

    /// What may be left out where they are given, as a plan keeps it.
    pub fn optional(&self) -> BTreeMap<String, Vec<Vec<String>>> {
        let texts = |path: &Vec<std::sync::Arc<str>>| path.iter().map(ToString::to_string).collect();
        let all = self.evaluation.optional.iter();
        all.map(|(name, paths)| (name.to_string(), paths.iter().map(texts).collect())).collect()
    }

    /// Values of sensitive variables, for whoever resolves secrets.
    pub fn sensitive(&self) -> SensitiveValues {
        let declared = self.evaluation.sensitive.iter().map(|(name, value)| (name.to_string(), bytes(value)));
        self.given.clone().into_iter().chain(declared).collect()
    }
}

/// A text as it is, anything else as JSON.
fn bytes(Sensitive(value): &Sensitive) -> Zeroizing<Vec<u8>> {
    let text = value.as_str().map_or_else(|| encode::to_json(value).to_string(), str::to_owned);
    Zeroizing::new(text.into_bytes())
}

/// A variable of the environment that is text.
pub(super) fn utf8((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

fn configuration_files(
    place: &Place,
    catalog: &Catalog,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Vec<ast::File> {
    let (module, faults) = load::module(Path::new("."), &place.named, sources);
    diagnostics.extend(faults);
    modules::parse(&module, catalog, sources, diagnostics)
}

fn variables(source: SourceId, sources: &Sources, diagnostics: &mut Diagnostics) -> ast::File {
    let (file, faults) = modules::parse_values(source, sources);
    diagnostics.extend(faults);
    file
}

fn automatic(place: &Place, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Vec<ast::File> {
    let (found, faults) = load::automatic_variables(Path::new("."), &place.named, sources);
    diagnostics.extend(faults);
    found.into_iter().map(|source| variables(source, sources, diagnostics)).collect()
}

/// What -var and -var-file say, in their order.
pub(super) fn arguments(
    place: &Place,
    vars: &VarArgs,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Vec<Argument> {
    let mut found = Vec::new();
    for var in &vars.ordered {
        let argument = match var {
            VarArg::Value(text) => diagnostics.take(option(text, sources)),
            VarArg::File(path) => {
                let source = diagnostics.take(load::named(&place.typed(path), path, sources));
                source.map(|source| Argument::File(variables(source, sources, diagnostics)))
            }
        };
        found.extend(argument);
    }
    found
}

/// An option `-var`. It is a text of its own among the sources, so that reports say which one they are about.
fn option(text: &str, sources: &mut Sources) -> Result<Argument, Diagnostic> {
    let shown = match Argument::parse(text) {
        Ok(Argument::Variable { name, .. }) => format!("-var '{name}=…'"),
        _ => "-var".to_owned(),
    };
    let span = Span::new(sources.add_values(shown, text), 0..text.len());
    Argument::parse(text).map(|argument| argument.at(span)).map_err(|fault| fault.at(span))
}

/// The store that the `cap` block of the current directory names, for commands that only look. They work without a
/// configuration, so one that cannot be read says nothing here.
pub fn named_store() -> Option<String> {
    let mut sources = Sources::default();
    let (module, _) = load::module(Path::new("."), "", &mut sources);
    // An estate is large and its `cap` block is small: files that cannot hold it are not parsed.
    let holding = module.files.iter().filter(|file| sources.get(file.source).text.contains("store"));
    let mut files = holding.map(|file| modules::parse_file(file, &Catalog::default(), &sources).0);
    files.find_map(|file| {
        let attribute = file.body.blocks_of("cap").find_map(|block| block.body.attribute("store"))?;
        match &attribute.value.kind {
            ast::ExprKind::Literal(value) => value.as_str().map(str::to_owned),
            _ => None,
        }
    })
}
