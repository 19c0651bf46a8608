//! What a plan leaves to a later one, for people: how much, what, for which job, and what to do about it.

use super::style::Style;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::codes::plan;
use crate::plan::Deferred;

/// Objects named before the rest is only counted.
const NAMED: usize = 10;

/// One report for all of them.
pub fn warning(all: &[Deferred]) -> Option<Diagnostic> {
    let held_up = match all.len() {
        0 => return None,
        1 => "1 object, which is left".to_owned(),
        more => format!("{more} objects, which are left"),
    };
    let named = listed(all, |one| {
        let from = one.moved_from.as_ref().map(|from| format!("from {from}, "));
        let after = one.waits_for.as_ref().map(|other| format!("after {other}, "));
        format!("{} ({}{}job {})", one.address, from.unwrap_or_default(), after.unwrap_or_default(), one.job)
    });
    let detail = format!(
        "Jobs that have not come to their end hold up {held_up} to a later plan: {named}. Meanwhile all outputs stay as they are, unless they read what this plan removes."
    );
    let hint = "Finish the jobs with `cap jobs resume`, or withdraw one that has left no traces outside with \
         `cap jobs cancel`; then plan again.";
    Some(Diagnostic::warning(&plan::BUSY, detail).hint(hint))
}

/// What a plan says of them before its changes.
pub fn note(all: &[Deferred], style: Style) -> String {
    if all.is_empty() {
        return String::new();
    }
    let named = listed(all, |one| one.address.to_string());
    let head = style.bold("Note: This is a partial plan.");
    format!("{head} Deferred until unfinished jobs have ended: {named}.\n\n")
}

fn listed(all: &[Deferred], one: impl Fn(&Deferred) -> String) -> String {
    let mut named: Vec<String> = all.iter().take(NAMED).map(one).collect();
    if all.len() > NAMED {
        named.push(format!("and {} more", all.len() - NAMED));
    }
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::RunId;

    fn told(count: usize) -> String {
        let one = |at: usize| Deferred {
            address: format!("certificate.c{at}").parse().expect("an address"),
            job: RunId("r".to_owned()).job(1),
            waits_for: (at > 0).then(|| "certificate.c0".parse().expect("an address")),
            action: None,
            before: None,
            after: None,
            moved_from: None,
            keeps_old: false,
        };
        warning(&(0..count).map(one).collect::<Vec<_>>()).map(|report| report.detail).unwrap_or_default()
    }

    #[test]
    fn ten_are_named_and_the_rest_is_counted() {
        assert_eq!(told(0), "");
        assert!(told(1).contains("1 object, which is left to a later plan: certificate.c0 (job r.1)."), "{}", told(1));
        assert!(told(10).contains("certificate.c9 (after certificate.c0, job r.1). Meanwhile"), "{}", told(10));
        let many = told(12);
        assert!(many.contains("12 objects") && many.contains(", and 2 more.") && !many.contains("c10"), "{many}");
    }
}
