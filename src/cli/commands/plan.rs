//! `cap plan`: what apply would do.

use std::path::Path;

use crate::cli::args::{ExitCodes, PlanArgs};
use crate::cli::desk::Desk;
use crate::cli::files;
use crate::cli::place::Place;
use crate::cli::planning::{self, Purpose};
use crate::cli::shell::{CHANGES, DRIFT, OK, Outcome, Shell, environment};
use crate::plan;

/// Carries it out.
pub async fn run(shell: &mut Shell, store: Option<&str>, args: &PlanArgs, codes: ExitCodes) -> Outcome {
    planning::check(&args.planning)?;
    let place = Place::enter(args.dir.dir.as_deref())?;
    let purpose = if args.out.is_some() { Purpose::Save } else { Purpose::Look };
    let mut desk = Desk::open(shell, &place, store, &args.planning, purpose).await?;
    let plan = desk.plan(shell, &args.planning).await?;
    if let Some(path) = &args.out {
        files::write_private(&place.typed(path), plan::file::encode(&plan).as_bytes())?;
    }
    if !args.planning.json && (plan.has_changes() || args.out.is_some()) {
        shell.print(&epilogue(args.out.as_deref()));
    }
    let changes = planning::may_change(&plan, args.planning.refresh_only);
    let only_drift = !plan.has_changes() && plan.deferred.is_empty();
    desk.leave();
    Ok(match changes && args.detailed_exitcode {
        true if only_drift && codes == ExitCodes::Extended => DRIFT,
        true => CHANGES,
        false => OK,
    })
}

/// What was said about saving the plan, unless a machine reads it.
fn epilogue(saved: Option<&Path>) -> String {
    let line = "─".repeat(77);
    if environment("CAP_IN_AUTOMATION").is_some_and(|value| !value.is_empty()) {
        return saved.map_or_else(String::new, |path| format!("\nSaved the plan to: {}\n", path.display()));
    }
    match saved {
        Some(path) => format!(
            "\n{line}\n\nSaved the plan to: {path}\n\nTo perform exactly these actions, run the following command to apply:\n    cap apply \"{path}\"\n",
            path = path.display()
        ),
        None => format!(
            "\n{line}\n\nNote: You didn't use the -out option to save this plan, so cap can't guarantee to take exactly these\nactions if you run \"cap apply\" now.\n"
        ),
    }
}
