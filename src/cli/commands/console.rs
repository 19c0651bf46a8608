//! `cap console`: expressions in, values out. On a terminal line by line; from a pipe, the value of the last expression,
//! so that scripts can ask for one. Reads the configuration and the store, changes nothing, and never looks behind a secret.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;

use crate::analysis::Module;
use crate::cli::args::ConsoleArgs;
use crate::cli::configuration::{self, Gathered};
use crate::cli::place::Place;
use crate::cli::prompt;
use crate::cli::shell::{Failure, OK, Outcome, Shell, stored};
use crate::cli::view::output::Known;
use crate::cli::wiring::clock::SystemClock;
use crate::cli::wiring::kinds::kinds;
use crate::cli::wiring::location::Location;
use crate::cli::wiring::session;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::eval::console::{Answer, Surroundings, ask};
use crate::eval::functions;
use crate::eval::notation::{Partial, partial_notation, type_notation};
use crate::eval::schema::Catalog;
use crate::eval::value::Value;
use crate::limits;
use crate::ports::clock::Clock as _;
use crate::source::SourceId;
use crate::state::State;
use crate::syntax::ast::{Expr, ExprKind, Item};
use crate::syntax::{format, parse_expression};

const HELP: &str = "\
Type an expression, and its value is shown: var.name, local.name, certificate.www.not_after, length([1, 2]).
type(expression) shows its type. An expression goes on over lines while a bracket or a heredoc is open.
exit, or Ctrl-D, leaves.";

/// Carries it out.
pub async fn run(shell: &mut Shell, store: Option<&str>, args: &ConsoleArgs) -> Outcome {
    let place = Place::enter(args.dir.dir.as_deref())?;
    let catalog = kinds().catalog();
    let mut gathered = configuration::gather(&place, &args.vars, &catalog);
    // A console without any configuration still calculates.
    gathered.diagnostics.0.retain(|one| one.code != &codes::shell::NO_CONFIGURATION);
    if gathered.diagnostics.has_errors() {
        return Err(Failure { diagnostics: gathered.diagnostics, sources: gathered.sources });
    }
    shell.report(&gathered.diagnostics, &gathered.sources);
    let state = facts(&place, store).await?;
    let console = Console { gathered, state, catalog };
    if std::io::stdin().is_terminal() { console.talk(shell) } else { console.pipe(shell) }
}

/// What the store knows. Without a store nothing was ever applied.
async fn facts(place: &Place, flag: Option<&str>) -> Result<Arc<State>, Diagnostic> {
    let flag = flag.map(|url| place.store(url));
    let named = if flag.is_none() { configuration::named_store() } else { None };
    let location = Location::find(flag.as_deref(), named.as_deref(), Path::new(""));
    if location.database().is_some_and(|file| !file.exists()) {
        return Ok(Arc::default());
    }
    let store = session::existing_store(&location).await?;
    Ok(Arc::new(stored(store.snapshot().await)?.state))
}

struct Console {
    gathered: Gathered,
    state: Arc<State>,
    catalog: Catalog,
}

/// What one input leads to.
enum Next {
    /// Something to show.
    Show(String),
    /// Nothing.
    Nothing,
    /// The end.
    Leave,
}

impl Console {
    /// From a pipe: the first fault ends it.
    fn pipe(&self, shell: &mut Shell) -> Outcome {
        let (mut input, mut last, mut bytes) = (String::new(), None, 0);
        for line in std::io::stdin().lock().lines() {
            let line = line.map_err(|fault| unreadable(&fault.to_string()))?;
            bytes += line.len();
            if bytes > limits::SOURCE_BYTES {
                return Err(unreadable(&format!("it has more than {} bytes", limits::SOURCE_BYTES)).into());
            }
            take_line(&mut input, &line);
            if input.ends_with('\n') && !format::goes_on(&input) {
                match self.handle(&std::mem::take(&mut input))? {
                    Next::Show(text) => last = Some(text),
                    Next::Nothing => {}
                    Next::Leave => return Ok(OK),
                }
            }
        }
        if let Next::Show(text) = self.handle(&input)? {
            last = Some(text);
        }
        last.iter().for_each(|text| shell.line(text));
        Ok(OK)
    }

    /// On a terminal: faults are shown, and it goes on.
    fn talk(&self, shell: &mut Shell) -> Outcome {
        let mut prompt = prompt::Prompt::new(self.words())?;
        while let Some(input) = prompt.read()? {
            match self.handle(&input) {
                Ok(Next::Show(text)) => shell.line(&text),
                Ok(Next::Nothing) => {}
                Ok(Next::Leave) => return Ok(OK),
                Err(failure) => _ = shell.fail(&failure),
            }
        }
        // What follows does not stand behind the prompt.
        shell.line("");
        Ok(OK)
    }

    fn handle(&self, input: &str) -> Result<Next, Failure> {
        match input.trim() {
            "" => Ok(Next::Nothing),
            "exit" => Ok(Next::Leave),
            "help" => Ok(Next::Show(HELP.to_owned())),
            text => self.answer(text).map(Next::Show),
        }
    }

    /// The value of an expression, in the notation of the language.
    fn answer(&self, text: &str) -> Result<String, Failure> {
        let mut sources = self.gathered.sources.clone();
        let source = sources.add("<console>", text);
        self.evaluated(source, text).map_err(|diagnostics| Failure { diagnostics, sources })
    }

    fn evaluated(&self, source: SourceId, text: &str) -> Result<String, Diagnostics> {
        let expr = parse_expression(source, 0, text)?;
        let typed = type_call(&expr);
        let Some(typed) = typed else { return self.partial(&expr).map(|value| partial_notation(&value)) };
        Ok(match self.ask(typed)? {
            Answer::Known(value) => type_notation(&value.type_of()),
            // Facts are known before their values are, and not before their types.
            Answer::AfterApply => "dynamic".to_owned(),
        })
    }

    /// The value as far as it is known: of a list or an object that is written out, part by part.
    fn partial(&self, expr: &Expr) -> Result<Partial, Diagnostics> {
        if let Answer::Known(value) = self.ask(expr)? {
            return Ok(Partial::Known(value));
        }
        match &expr.kind {
            ExprKind::Parenthesis(inner) => self.partial(inner),
            ExprKind::Tuple(items) => {
                items.iter().map(|item| self.partial(item)).collect::<Result<_, _>>().map(Partial::Tuple)
            }
            ExprKind::Object(items) => self.partial_object(items),
            _ => Ok(Partial::AfterApply),
        }
    }

    fn partial_object(&self, items: &[Item]) -> Result<Partial, Diagnostics> {
        let mut fields = BTreeMap::new();
        for Item { key, value } in items {
            let Answer::Known(Value::String(name)) = self.ask(key)? else { return Ok(Partial::AfterApply) };
            fields.insert(name, self.partial(value)?);
        }
        Ok(Partial::Object(fields))
    }

    fn ask(&self, expr: &Expr) -> Result<Answer, Diagnostics> {
        let Gathered { files, library, inputs, .. } = &self.gathered;
        let (port, now) = (configuration::around(), SystemClock.now());
        let facts = Known(&self.state);
        ask(&Surroundings { files, library, inputs, catalog: &self.catalog, port: &port, now, facts: &facts }, expr)
    }

    /// What can be completed, in order.
    fn words(&self) -> Vec<String> {
        let module = Module::of(&self.gathered.files);
        let mut words: Vec<String> = module.variables.keys().map(|name| format!("var.{name}")).collect();
        words.extend(module.locals.keys().map(|name| format!("local.{name}")));
        words.extend(module.calls.keys().map(|name| format!("module.{name}")));
        for (kind, name) in module.resources.keys() {
            let Some(schema) = self.catalog.get(kind) else { continue };
            let attributes = schema.body.attributes.iter().map(|one| one.name);
            let names = attributes.chain(schema.facts.iter().map(|(fact, ..)| *fact));
            words.push(format!("{kind}.{name}"));
            words.extend(names.map(|one| format!("{kind}.{name}.{one}")));
        }
        words.extend(functions::all().map(|function| format!("{}(", function.name)));
        words.extend(["path.module", "path.root", "path.cwd", "type(", "exit", "help"].map(str::to_owned));
        words.sort_unstable();
        words
    }
}

/// The argument of `type(…)`, which only a console knows.
fn type_call(expr: &Expr) -> Option<&Expr> {
    match &expr.kind {
        ExprKind::Call(call) if &*call.name.text == "type" && call.arguments.len() == 1 && !call.expand => {
            call.arguments.first()
        }
        _ => None,
    }
}

/// Adds a line. A backslash at its end says that the expression goes on.
fn take_line(input: &mut String, line: &str) {
    match line.strip_suffix('\\') {
        Some(line) => *input += line,
        None => {
            input.push_str(line);
            input.push('\n');
        }
    }
}

fn unreadable(why: &str) -> Diagnostic {
    Diagnostic::error(&codes::shell::UNREADABLE, format!("Standard input cannot be read: {why}."))
        .hint("Pipe one expression in: echo 'length([1, 2])' | cap console")
}
