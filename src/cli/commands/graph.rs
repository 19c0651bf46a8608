//! `cap graph`: which resource blocks refer to which, or which steps of a saved plan wait for which. Draws what the files
//! say, so it needs no values of variables, and no store.

use crate::address::{Address, ModuleStep};
use crate::analysis::dependencies::{self, Dependencies, Node};
use crate::cli::args::{GraphArgs, GraphFormat, VarArgs};
use crate::cli::commands::apply;
use crate::cli::configuration::{self, Gathered};
use crate::cli::place::Place;
use crate::cli::shell::{Failure, OK, Outcome, Shell};
use crate::cli::view::graph::{self, Arrow, Box, Drawing};
use crate::cli::wiring::kinds::kinds;
use crate::diagnostic::{Diagnostic, codes};
use crate::eval;
use crate::plan::Plan;

/// Carries it out.
pub fn run(shell: &mut Shell, args: &GraphArgs) -> Outcome {
    let drawing = match &args.plan {
        Some(file) => of_plan(&apply::read(file)?),
        None => of_configuration(shell, args)?,
    };
    shell.print(&match args.format {
        GraphFormat::Dot => graph::dot(&drawing),
        GraphFormat::Mermaid => graph::mermaid(&drawing),
    });
    Ok(OK)
}

fn of_configuration(shell: &mut Shell, args: &GraphArgs) -> Result<Drawing, Failure> {
    let place = Place::enter(args.dir.dir.as_deref())?;
    let kinds = kinds();
    let Gathered { sources, files, library, diagnostics, .. } =
        configuration::gather(&place, &VarArgs::default(), &kinds.catalog());
    if diagnostics.has_errors() {
        return Err(Failure { diagnostics, sources });
    }
    let found = dependencies::of(&eval::merged(&files), &library, &|kind| kinds.get(kind).is_some());
    let circle = found.circle();
    if let Some(circle) = &circle {
        shell.report(&circular(&found, circle).into(), &sources);
    }
    Ok(drawn(&found, circle.as_deref().unwrap_or_default()))
}

fn drawn(found: &Dependencies, circle: &[usize]) -> Drawing {
    let steps = |node: &Node| node.module.iter().map(|name| format!("module.{name}")).collect();
    let boxes = found.blocks.iter().map(|node| Box { module: steps(node), address: node.address() });
    let follows = |from, to| (0..circle.len()).any(|at| circle[at] == from && circle[(at + 1) % circle.len()] == to);
    let arrows =
        found.needs.iter().enumerate().flat_map(|(from, needs)| {
            needs.iter().map(move |to| Arrow { from, to: *to, circular: follows(from, *to) })
        });
    Drawing { boxes: boxes.collect(), arrows: arrows.collect() }
}

/// The drawing shows it as well: this names it. Whether it is a fault is evaluation's to say, which tells instances apart.
fn circular(found: &Dependencies, circle: &[usize]) -> Diagnostic {
    let names = circle.iter().chain(circle.first()).map(|at| found.blocks[*at].address());
    let detail = format!("{}: these blocks refer to each other in a circle.", names.collect::<Vec<_>>().join(" → "));
    Diagnostic::warning(&codes::language::CYCLE, detail)
        .hint("cap validate shows the references, if it is a circle of values too.")
}

fn of_plan(plan: &Plan) -> Drawing {
    let within = |address: &Address| match address {
        Address::Resource(resource) => resource.module.iter().map(ModuleStep::to_string).collect(),
        Address::Deployment { certificate, .. } => certificate.module.iter().map(ModuleStep::to_string).collect(),
    };
    let boxes = plan.steps.iter().map(|step| Box { module: within(&step.address), address: step.address.to_string() });
    let arrows = plan
        .steps
        .iter()
        .enumerate()
        .flat_map(|(from, step)| step.needs.iter().map(move |to| Arrow { from, to: *to, circular: false }));
    Drawing { boxes: boxes.collect(), arrows: arrows.collect() }
}
