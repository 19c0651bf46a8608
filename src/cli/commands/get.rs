//! `cap get`: puts the modules that the configuration calls from elsewhere below `.cap/modules`. The only command that asks
//! another machine for them.

use crate::cli::args::GetArgs;
use crate::cli::place::Place;
use crate::cli::shell::{Failure, OK, Outcome, Shell};
use crate::cli::wiring::kinds::kinds;
use crate::cli::wiring::packages;
use crate::engine::packages::get::{Getting, Got};

/// Carries it out.
pub async fn run(shell: &mut Shell, args: &GetArgs) -> Outcome {
    let place = Place::enter(args.dir.dir.as_deref())?;
    let (catalog, packages) = (kinds().catalog(), packages());
    let getting = Getting { catalog: &catalog, shown: &place.named, update: args.update, packages: &packages };
    let mut tell = |got: &Got| {
        let Got { source, directory, fetched } = got;
        shell.line(&if *fetched {
            format!("Downloading {source} to {directory}...")
        } else {
            format!("{source} is in {directory}")
        });
    };
    let (sources, diagnostics) = getting.all(&mut tell).await;
    if diagnostics.has_errors() {
        return Err(Failure { diagnostics, sources });
    }
    shell.report(&diagnostics, &sources);
    Ok(OK)
}
