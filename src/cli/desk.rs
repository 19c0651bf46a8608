//! A configuration and its open store, side by side: where plans are made and shown.

use std::path::Path;
use std::sync::Arc;

use super::args::PlanningArgs;
use super::configuration::{self, Configuration, Gathered};
use super::patterns;
use super::place::Place;
use super::planning::{self, Occasion, Planned, Purpose};
use super::progress::Drawing;
use super::shell::{Failure, Shell};
use super::terminal::{self, Answer};
use super::view::plan::Detail;
use super::view::{self, stream};
use super::wiring::clock::SystemClock;
use super::wiring::kinds::kinds;
use super::wiring::location::Location;
use super::wiring::session::{Session, hold_to_encryption};
use crate::diagnostic::{Diagnostic, codes};
use crate::diff::scope::Patterns;
use crate::engine::progress::{Progress, Silent};
use crate::plan::{self, Plan};
use crate::ports::clock::Clock as _;
use crate::time::Timestamp;

/// A configuration and its open store.
pub struct Desk {
    /// The open store.
    pub session: Session,
    configuration: Configuration,
    patterns: Patterns,
    store: Location,
    location: plan::Location,
    now: Timestamp,
    purpose: Purpose,
}

impl Desk {
    /// Reads the configuration of the current directory and opens its store. A configuration with errors opens none.
    pub async fn open(
        shell: &mut Shell,
        place: &Place,
        store: Option<&str>,
        args: &PlanningArgs,
        purpose: Purpose,
    ) -> Result<Self, Failure> {
        let now = SystemClock.now();
        let mut gathered = configuration::gather(place, &args.vars, &kinds().catalog());
        // Destroying needs no files: the store knows what there is.
        let gone = args.destroy && gathered.is_empty();
        let mut configuration = if gone {
            Gathered::nothing(place, &args.vars, now)?
        } else {
            ask_for(shell, &mut gathered, args).await?;
            gathered.evaluate(&kinds(), now, purpose == Purpose::Save).usable()?
        };
        let patterns = patterns::gather(place, args, &mut configuration.sources)?;
        let flag = store.map(|url| place.store(url));
        let block = configuration.evaluation.desired.settings.store.as_deref();
        let location = Location::find(flag.as_deref(), block, Path::new(""));
        let secrets = configuration.sensitive();
        let opened = match purpose {
            _ if gone => Session::existing(&location, secrets).await.map_err(|fault| without_files(place, &fault)),
            Purpose::Apply if !args.destroy && !args.refresh_only => Session::open(&location, secrets).await,
            _ => Session::looking(&location, secrets).await,
        };
        let held = opened.and_then(|session| {
            hold_to_encryption(&session.vault, &configuration.evaluation.desired)?;
            Ok(session)
        });
        let session = held.map_err(|fault| Failure {
            diagnostics: fault.into(),
            sources: std::mem::take(&mut configuration.sources),
        })?;
        let recorded =
            plan::Location { directory: place.named.clone(), store: location.recordable.then(|| location.url.clone()) };
        Ok(Self { session, configuration, patterns, store: location, location: recorded, now, purpose })
    }

    /// Makes the store where there was none to plan against, or opens the one that somebody else has made since.
    pub async fn make_store(&mut self) -> Result<(), Diagnostic> {
        self.session = Session::open(&self.store, self.configuration.sensitive()).await?;
        Ok(())
    }

    /// Makes a plan and shows it, with what the user should know beside it. What cannot be planned fails the whole, after
    /// the rest was shown.
    pub async fn plan(&mut self, shell: &mut Shell, args: &PlanningArgs) -> Result<Plan, Failure> {
        let Self { session, configuration, patterns, location, now, purpose, .. } = self;
        // People do not read of what is as it was; in a large estate it would cost time to tell them of nothing.
        let progress: Arc<dyn Progress> = match shell.json || shell.record.is_some() {
            true => Arc::new(Drawing::new(shell, shell.json)),
            false => Arc::new(Silent),
        };
        let occasion = Occasion { location: location.clone(), now: *now, purpose: *purpose, progress };
        let made = planning::plan(session, configuration, args, patterns, occasion).await;
        let Planned { plan, diagnostics } = match made {
            Ok(planned) => planned,
            Err(diagnostics) => return Err(self.failure(diagnostics)),
        };
        let mut all = std::mem::take(&mut self.configuration.diagnostics);
        all.extend(diagnostics);
        show(shell, &plan, args, all.has_errors());
        if all.has_errors() {
            return Err(self.failure(all));
        }
        shell.report(&all, &self.configuration.sources);
        Ok(plan)
    }

    /// Leaves the desk at the end of the program: the store is closed, but what was read of a large estate is not given
    /// back piece by piece, which would take a tenth of the time of a plan.
    pub fn leave(self) {
        std::mem::forget(self.configuration);
    }

    fn failure(&mut self, diagnostics: crate::diagnostic::Diagnostics) -> Failure {
        Failure { diagnostics, sources: std::mem::take(&mut self.configuration.sources) }
    }
}

/// There is nothing to destroy from: neither files nor a store.
fn without_files(place: &Place, fault: &Diagnostic) -> Diagnostic {
    let directory = if place.named.is_empty() { "." } else { &place.named };
    let detail = format!(
        "{directory} holds no file of a configuration, and there is no store to destroy from: {}",
        fault.detail
    );
    Diagnostic::error(&codes::shell::NO_CONFIGURATION, detail)
        .hint("Name the directory of the configuration, or the store with -store.")
}

/// Asks for the variables that nothing sets, where somebody may be asked. What stays without a value is reported.
async fn ask_for(shell: &mut Shell, gathered: &mut Gathered, args: &PlanningArgs) -> Result<(), Failure> {
    if !args.input || args.json || !terminal::is_there() {
        return Ok(());
    }
    for one in gathered.missing() {
        let name = shell.style.bold(&format!("var.{}", one.name));
        let description = one.description.map(|text| format!("  {text}\n")).unwrap_or_default();
        let question = format!("{name}\n{description}\n  {} ", shell.style.bold("Enter a value:"));
        match shell.ask(&question, one.sensitive).await {
            Answer::Line(text) => gathered.give(&one.name, text),
            Answer::Nobody => break,
            Answer::Interrupted => {
                let report = Diagnostic::error(&codes::shell::INTERRUPTED, "Nothing was done yet.");
                return Err(report.hint("Give values with -var or in a *.capvars file.").into());
            }
        }
        shell.line("");
    }
    Ok(())
}

/// Shows a plan, to people or to programs; `failed` when errors follow, so that it is no whole plan.
fn show(shell: &mut Shell, plan: &Plan, args: &PlanningArgs, failed: bool) {
    shell.tell(|now| stream::plan(plan, now, failed));
    if shell.json {
        return;
    }
    let detail = if args.concise { Detail::Concise } else { Detail::Full };
    let text =
        if failed { view::plan::part(plan, detail, shell.style) } else { view::plan::plan(plan, detail, shell.style) };
    shell.print(&text);
}
