//! Plays the runs of a test file one after another: each on the stage of its module, under one clock, with the outputs of those
//! before it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::judge::{self, Bench};
use super::{Moment, Played, Run, TestFile, Verdict, read};
use crate::cli::args::VarArgs;
use crate::cli::configuration::{self, Configuration, Gathered};
use crate::cli::patterns;
use crate::cli::place::Place;
use crate::cli::planning::{self, Occasion, Planned, Purpose};
use crate::cli::shell::{Failure, port, stored};
use crate::cli::view::output::{self, Known};
use crate::cli::view::plan::{Detail, plan as plan_text};
use crate::cli::view::style::Style;
use crate::cli::wiring::stage::Stage;
use crate::cli::{conditions, execute};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::engine::progress::Silent;
use crate::engine::{self, Stop, WorkOptions};
use crate::eval::Argument;
use crate::eval::console::{Surroundings, alone};
use crate::eval::desired::{Instance, OutputValue};
use crate::eval::encode::from_json;
use crate::eval::number::Number;
use crate::eval::residual;
use crate::eval::schema::Catalog;
use crate::eval::value::Value;
use crate::model::Kinds;
use crate::plan::{self, Plan};
use crate::ports::clock::Clock as _;
use crate::ports::store::Snapshot;
use crate::source::{SourceId, Sources};
use crate::state::State;
use crate::syntax::ast::{Attribute, Body, Expr, File};
use crate::testing::ManualClock;
use crate::time::Timestamp;

/// What all runs of a file share.
pub struct Player<'p> {
    /// The directory of the estate.
    pub place: &'p Place,
    /// Values from the command line.
    pub vars: &'p VarArgs,
    /// The kinds of resources.
    pub kinds: Arc<Kinds>,
    /// Their schemas.
    pub catalog: &'p Catalog,
    /// The file: its name and its text.
    pub file: (&'p str, &'p str),
    clock: Arc<ManualClock>,
    stages: BTreeMap<String, Stage>,
    /// Outputs of the runs so far.
    outputs: BTreeMap<String, Value>,
    /// `run.NAME.OUTPUT` of the sensitive ones.
    sensitive: BTreeSet<String>,
}

/// The texts and the parsed parts of one run.
struct Scene {
    gathered: Gathered,
    run: Run,
}

impl<'p> Player<'p> {
    /// Before the first run.
    pub fn new(
        place: &'p Place,
        vars: &'p VarArgs,
        kinds: Arc<Kinds>,
        catalog: &'p Catalog,
        file: (&'p str, &'p str),
        clock: Timestamp,
    ) -> Self {
        let clock = Arc::new(ManualClock::new(clock));
        let (stages, outputs, sensitive) = Default::default();
        Self { place, vars, kinds, catalog, file, clock, stages, outputs, sensitive }
    }

    /// Plays the run at this position.
    pub async fn play(&mut self, at: usize, test: &TestFile, style: Style) -> Played {
        let began = std::time::Instant::now();
        let run = &test.runs[at];
        let inside = Inside::enter(self.place, run.module.as_deref());
        let played = match inside {
            Ok(inside) => self.inside(at, run, &inside.place, style).await,
            Err(fault) => Err(fault.at(run.span).into()),
        };
        let (name, took) = (run.name.clone(), began.elapsed());
        match played {
            Ok((verdict, diagnostics, sources, shown)) => Played { name, verdict, diagnostics, sources, shown, took },
            Err(Failure { diagnostics, mut sources }) => {
                if sources.iter().next().is_none() {
                    // Nothing else was read: what is reported stands in the test file.
                    sources.add(self.file.0, self.file.1);
                }
                Played { name, verdict: Verdict::Error, diagnostics, sources, shown: String::new(), took }
            }
        }
    }

    async fn inside(
        &mut self,
        at: usize,
        run: &Run,
        place: &Place,
        style: Style,
    ) -> Result<(Verdict, Diagnostics, Sources, String), Failure> {
        self.move_clock(run)?;
        let key = run.module.clone().unwrap_or_default();
        if !self.stages.contains_key(&key) {
            let stage = Stage::new(Arc::clone(&self.clock), Arc::clone(&self.kinds)).await;
            let stage = stage.map_err(|fault| port(&codes::store::STORE_UNREACHABLE, &fault))?;
            self.stages.insert(key.clone(), stage);
        }
        let Scene { gathered, run } = self.scene(at, place)?;
        let stage = &self.stages[&key];
        let now = self.clock.now();
        let mut configuration = gathered.clone().evaluate(&self.kinds, now, false);
        let mut found = std::mem::take(&mut configuration.diagnostics);
        let mut acted = Acted::default();
        if !found.has_errors() {
            match act(stage, &mut configuration, &run, now).await {
                Ok(done) => acted = done,
                Err(diagnostics) => found.extend(diagnostics),
            }
        }
        found.extend(std::mem::take(&mut acted.diagnostics));
        let mut diagnostics = judge::expected(&run.expected, found);
        let unexpected =
            diagnostics.iter().any(|one| one.is_error() && one.code.number != codes::shell::NOT_FAILED.number);
        let mut shown = String::new();
        if let (Some(plan), false) = (&acted.plan, unexpected) {
            let snapshot = stored(stage.store().snapshot().await)?;
            shown = verbose(plan, &snapshot, run.applies, style);
            let outputs = outputs(&configuration, &snapshot);
            let failed = self.judge((&gathered, &run), &configuration, &snapshot.state, (plan, &outputs));
            diagnostics.0.extend(failed);
            self.keep(&run.name, outputs, &configuration);
        }
        let verdict = match (unexpected, diagnostics.has_errors()) {
            (true, _) => Verdict::Error,
            (false, true) => Verdict::Fail,
            (false, false) => Verdict::Pass,
        };
        Ok((verdict, diagnostics, gathered.sources, shown))
    }

    /// Time only goes on.
    fn move_clock(&self, run: &Run) -> Result<(), Diagnostic> {
        let now = self.clock.now();
        let span = match run.time {
            None => return Ok(()),
            Some(Moment::After(span)) => span,
            Some(Moment::At(at)) => at.since(now),
        };
        if span.millis() < 0 {
            let detail = format!("The run would take place before the one before it, at which it was {now}.");
            return Err(Diagnostic::error(&codes::language::VALUE, detail).at(run.span));
        }
        self.clock.advance(span);
        Ok(())
    }

    /// The configuration and the run, among the same texts.
    fn scene(&self, at: usize, place: &Place) -> Result<Scene, Failure> {
        let mut gathered = configuration::gather(place, self.vars, self.catalog);
        let source = gathered.sources.add(self.file.0, self.file.1);
        let (file, _) = read::parse(source, self.file);
        let (test, _) = read::file(&file, &gathered.sources);
        let TestFile { variables, mut runs, .. } = test;
        let run = runs.swap_remove(at);
        match self.given(&variables, &run.variables, source) {
            Ok(file) => gathered.inputs.arguments.push(Argument::File(file)),
            Err(diagnostics) => return Err(Failure { diagnostics, sources: gathered.sources }),
        }
        Ok(Scene { gathered, run })
    }

    /// Variables of the file and of the run, as a file of values.
    fn given(&self, of_file: &[Attribute], of_run: &[Attribute], source: SourceId) -> Result<File, Diagnostics> {
        let runs = ("run", Value::object(self.outputs.clone()));
        let mut values: BTreeMap<Arc<str>, Attribute> = BTreeMap::new();
        let mut known: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        let mut faults = Diagnostics::default();
        for attributes in [of_file, of_run] {
            let roots = Value::object([runs.clone(), ("var", Value::object(known.clone()))]);
            for Attribute { name, value } in attributes {
                let result = alone(&roots, &configuration::around(), self.clock.now(), value);
                let found = result.map_err(|all| faults.extend(all));
                if let Ok(found) = found {
                    known.insert(name.text.clone(), found.clone());
                    let literal = Arc::new(Expr::literal(found, value.span));
                    values.insert(name.text.clone(), Attribute { name: name.clone(), value: literal });
                }
            }
        }
        let body = Body { attributes: values.into_values().collect(), blocks: Vec::new() };
        let text = Arc::from(self.file.1);
        if faults.has_errors() { Err(faults) } else { Ok(File { source, text, body, ..File::default() }) }
    }

    /// Reports of the run's assertions that do not hold.
    fn judge(
        &self,
        scene: (&Gathered, &Run),
        configuration: &Configuration,
        state: &State,
        (plan, outputs): (&Plan, &BTreeMap<Arc<str>, Value>),
    ) -> Vec<Diagnostic> {
        let (gathered, run) = scene;
        let Gathered { sources, files, library, inputs, .. } = gathered;
        let (port, facts, now) = (&configuration::around(), &Known(state), self.clock.now());
        let around = Surroundings { files, library, inputs, catalog: self.catalog, port, now, facts };
        let more = vec![
            ("run", Value::object(self.outputs.clone())),
            ("output", Value::object(outputs.clone())),
            ("plan", plan_value(plan)),
        ];
        let own = configuration.evaluation.desired.outputs.iter().filter(|(_, output)| output.sensitive);
        let sensitive = own.map(|(name, _)| format!("output.{name}")).chain(self.sensitive.iter().cloned()).collect();
        Bench { around, more, sensitive, sources }.judge(&run.asserts)
    }

    fn keep(&mut self, run: &str, outputs: BTreeMap<Arc<str>, Value>, configuration: &Configuration) {
        let hidden = configuration.evaluation.desired.outputs.iter().filter(|(_, output)| output.sensitive);
        self.sensitive.extend(hidden.map(|(name, _)| format!("run.{run}.{name}")));
        self.outputs.insert(run.to_owned(), Value::object(outputs));
    }
}

/// What a run did.
#[derive(Default)]
struct Acted {
    plan: Option<Plan>,
    diagnostics: Diagnostics,
}

/// Plans, and applies where the run says so.
async fn act(
    stage: &Stage,
    configuration: &mut Configuration,
    run: &Run,
    now: Timestamp,
) -> Result<Acted, Diagnostics> {
    planning::check(&run.planning)?;
    for instance in &configuration.evaluation.desired.instances {
        zone_apexes(instance).for_each(|apex| stage.know_zone(apex));
    }
    let patterns = patterns::gather(&Place::here(), &run.planning, &mut configuration.sources)?;
    let session = stage.session(configuration.sensitive());
    let location = plan::Location::default();
    let purpose = if run.applies { Purpose::Apply } else { Purpose::Look };
    let occasion = Occasion { location, now, purpose, progress: Arc::new(Silent) };
    let planned = planning::plan(&session, configuration, &run.planning, &patterns, occasion).await?;
    let Planned { plan, mut diagnostics } = planned;
    if run.applies && !diagnostics.has_errors() && plan.has_changes() {
        let id = engine::submit(&session.engine, &plan, ACTOR, None).await.map_err(unsubmitted)?;
        let options = WorkOptions { run: Some(id), ..WorkOptions::new(ACTOR) };
        let report = stored(engine::work(&session.engine, &options, &Silent, &Stop::default()).await)?;
        diagnostics.extend(execute::failures(&report.failed));
        let state = stored(session.engine.store.snapshot().await)?.state;
        diagnostics.0.extend(conditions::after_apply(&plan, &state));
    }
    Ok(Acted { plan: Some(plan), diagnostics })
}

/// Who applies in tests.
const ACTOR: &str = "cap test";

/// Nobody else has the stage, so a plan that was just made can be submitted; if not, this says why.
fn unsubmitted(fault: engine::SubmitFault) -> Diagnostics {
    let detail = format!("The plan could not be submitted: {fault:?}.");
    Diagnostic::error(&codes::store::STORE_FAILED, detail).into()
}

/// The apexes of a zone.
fn zone_apexes(instance: &Instance) -> impl Iterator<Item = &str> {
    let of = |path: &str| instance.get(path).filter(|_| &*instance.address.kind == "zone");
    let aliases = of("aliases").and_then(Value::elements).unwrap_or_default();
    of("apex").into_iter().chain(aliases).filter_map(Value::as_str).map(|apex| apex.trim_end_matches('.'))
}

/// Outputs as far as they are known.
fn outputs(configuration: &Configuration, snapshot: &Snapshot) -> BTreeMap<Arc<str>, Value> {
    let value = |output: &OutputValue| match output {
        OutputValue::Known(value) => Some(value.clone()),
        OutputValue::Residual(stored) => residual::resolve(stored, &Known(&snapshot.state)).ok(),
    };
    let all = configuration.evaluation.desired.outputs.iter();
    all.filter_map(|(name, output)| Some((name.clone(), value(&output.value)?))).collect()
}

/// `plan`: counts, and by address what is done and why.
fn plan_value(plan: &Plan) -> Value {
    let counts = plan.summary();
    let number = |count: usize| Value::number(Number::from(count));
    let changes = plan.steps.iter().map(|step| {
        let word = |json: serde_json::Value| match &json {
            serde_json::Value::Object(reason) => from_json(reason.get("is").unwrap_or(&json)),
            other => from_json(other),
        };
        let reasons = step.reasons.iter().map(|reason| word(serde_json::json!(reason)));
        let action = from_json(&serde_json::json!(step.action));
        let change = Value::object([("action", action), ("reasons", Value::tuple(reasons))]);
        (step.address.to_string(), change)
    });
    Value::object([
        ("add", number(counts.add)),
        ("change", number(counts.change)),
        ("destroy", number(counts.destroy)),
        ("renew", number(counts.renew)),
        ("changes", Value::object(changes)),
    ])
}

/// The plan, and after an apply the outputs.
fn verbose(plan: &Plan, snapshot: &Snapshot, applies: bool, style: Style) -> String {
    let text = plan_text(plan, Detail::Full, style);
    let outputs = if applies { output::lines(&output::resolve(snapshot)) } else { String::new() };
    if outputs.is_empty() { text } else { format!("{text}\nOutputs:\n\n{outputs}") }
}

/// Goes to the module that a run tests, and back.
struct Inside {
    place: Place,
    before: Option<PathBuf>,
}

impl Inside {
    fn enter(place: &Place, module: Option<&str>) -> Result<Self, Diagnostic> {
        let Some(module) = module else { return Ok(Self { place: place.clone(), before: None }) };
        let fault = |error: std::io::Error| {
            let detail = format!("The module {module} cannot be entered: {error}.");
            Diagnostic::error(&codes::shell::UNREADABLE, detail).hint("A source begins at the estate's directory.")
        };
        let before = std::env::current_dir().map_err(fault)?;
        let place = place.within(module.trim_start_matches("./")).map_err(fault)?;
        std::env::set_current_dir(Path::new(module)).map_err(fault)?;
        Ok(Self { place, before: Some(before) })
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // It was the current directory a moment ago.
            let _ = std::env::set_current_dir(before);
        }
    }
}
