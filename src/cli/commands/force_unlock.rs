//! `cap force-unlock ID`: breaks a lock whose holder is gone. Locks are leases that end by themselves: this is for who
//! cannot wait.

use crate::cli::args::ForceUnlockArgs;
use crate::cli::shell::{OK, Outcome, Shell, stored};
use crate::diagnostic::{Diagnostic, codes};
use crate::ports::store::Store;

/// Carries it out.
pub async fn run(shell: &mut Shell, store: &dyn Store, args: &ForceUnlockArgs) -> Outcome {
    let locks = stored(store.locks().await)?;
    let Some(lock) = locks.iter().find(|lock| lock.id == args.id) else {
        let held: Vec<&str> = locks.iter().map(|lock| lock.id.as_str()).collect();
        let held = if held.is_empty() { "no lock is held".to_owned() } else { format!("held is {}", held.join(", ")) };
        let detail = format!("The store holds no lock {}: {held}.", args.id);
        return Err(Diagnostic::error(&codes::store::NO_SUCH_RECORD, detail)
            .hint("It may have ended by itself.")
            .into());
    };
    let question = format!(
        "Do you really want to force-unlock?\n  {} holds it for {} since {}.\n  Only 'yes' will be accepted to confirm.\n\n  Enter a value: ",
        lock.who, lock.operation, lock.created
    );
    if !args.force {
        shell.confirm(&question).await?;
    }
    stored(store.unlock(&args.id).await)?;
    shell.line("\nThe lock has been broken. Whoever held it cannot write any more.");
    Ok(OK)
}
