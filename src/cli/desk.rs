//! A configuration and its open store, side by side: where plans are made and shown.

use super::args::PlanningArgs;
use super::configuration::{self, Configuration};
use super::place::Place;
use super::planning::{self, Planned};
use super::shell::{Failure, Shell};
use super::view::plan::Detail;
use super::view::{self, stream};
use super::wiring::clock::SystemClock;
use super::wiring::kinds::kinds;
use super::wiring::location::Location;
use super::wiring::session::{Session, hold_to_version};
use crate::plan::{self, Plan};
use crate::ports::clock::Clock as _;
use crate::time::Timestamp;

/// A configuration and its open store.
pub struct Desk {
    /// The open store.
    pub session: Session,
    configuration: Configuration,
    location: plan::Location,
    now: Timestamp,
}

impl Desk {
    /// Reads the configuration of the current directory and opens its store. A configuration with errors opens none.
    pub async fn open(place: &Place, store: Option<&str>, args: &PlanningArgs) -> Result<Self, Failure> {
        let now = SystemClock.now();
        let mut configuration = configuration::read(place, &args.vars, &kinds(), now).usable()?;
        let flag = store.map(|url| place.store(url));
        let block = configuration.evaluation.desired.settings.store.as_deref();
        let location = Location::find(flag.as_deref(), block, std::path::Path::new(""));
        let opened = Session::open(&location, configuration.sensitive()).await;
        let held = opened.and_then(|session| {
            hold_to_version(&session.vault, &configuration.evaluation.desired)?;
            Ok(session)
        });
        let session = held.map_err(|fault| Failure {
            diagnostics: fault.into(),
            sources: std::mem::take(&mut configuration.sources),
        })?;
        let location =
            plan::Location { directory: place.named.clone(), store: location.recordable.then_some(location.url) };
        Ok(Self { session, configuration, location, now })
    }

    /// Makes a plan and shows it, with what the user should know beside it. What cannot be planned fails the whole, after
    /// the rest was shown.
    pub async fn plan(&mut self, shell: &mut Shell, args: &PlanningArgs) -> Result<Plan, Failure> {
        let made = planning::plan(&self.session, &mut self.configuration, args, self.location.clone(), self.now).await;
        let Planned { plan, diagnostics } = match made {
            Ok(planned) => planned,
            Err(diagnostics) => return Err(self.failure(diagnostics)),
        };
        let mut all = std::mem::take(&mut self.configuration.diagnostics);
        all.extend(diagnostics);
        show(shell, &plan, args);
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

/// Shows a plan, to people or to programs.
pub fn show(shell: &mut Shell, plan: &Plan, args: &PlanningArgs) {
    if args.json {
        let lines = stream::plan(plan, SystemClock.now());
        return shell.print(&lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    }
    let detail = if args.concise { Detail::Concise } else { Detail::Full };
    let text = view::plan::plan(plan, detail, shell.style);
    shell.print(&text);
}
