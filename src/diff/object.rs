//! Everything that is neither a certificate nor a deployment: records, and issuers, whose making has effects.

use std::borrow::Cow;

use super::compare::{differing, is_ignored, keep_ignored, on_change};
use super::{Change, Pass};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::codes::plan;
use crate::eval::desired::Ignore;
use crate::eval::schema::OnChange;
use crate::model::{Resource, organization};
use crate::plan::{Action, Reason, Work};
use crate::state::record::Draft;
use crate::state::{Record, Recorded, Spec};

/// Path under which a change of `depends_on` is told.
const DEPENDS_ON: &str = "depends_on";
/// Path under which a change of `prevent_destroy` is told.
const PROTECTED: &str = "lifecycle.prevent_destroy";
/// Path under which a change of `destroy` is told.
const FORGET: &str = "lifecycle.destroy";
/// Arguments that nobody outside the store hears of.
const BOOKKEEPING: [&str; 5] = [DEPENDS_ON, PROTECTED, FORGET, "project", "description"];

/// How a resource and its record differ.
pub(super) struct Comparison<'a> {
    /// Paths of what differs and is not to be left alone, sorted.
    pub paths: Vec<String>,
    /// Paths behind which another secret stands than before, sorted.
    pub secrets: Vec<String>,
    /// What the record is to become.
    pub after: Cow<'a, Draft>,
}

impl Comparison<'_> {
    /// Whether anything is to be written.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.secrets.is_empty()
    }
}

impl<'a> Pass<'a> {
    /// Compares what should be with what was recorded.
    pub(super) fn compare(&self, resource: &'a Resource, record: &'a Record, before: &'a Recorded) -> Comparison<'a> {
        let mut after = self.draft(resource, Some(record));
        let (ignored, mut paths): (Vec<String>, Vec<String>) =
            changed(before, &resource.draft.spec).into_iter().partition(|path| is_ignored(&resource.ignore, path));
        if !ignored.is_empty() {
            after.to_mut().spec = keep_ignored(before, &resource.draft.spec, &ignored);
        }
        let moved: Vec<String> = changed_secrets(record, &after);
        let secrets =
            moved.into_iter().filter(|path| !is_ignored(&resource.ignore, path) && !paths.contains(path)).collect();
        // References that are left alone would show again as dependencies.
        let follows = paths.is_empty() && ignored.is_empty() && resource.ignore != Ignore::All;
        if follows && record.depends_on != resource.draft.depends_on {
            paths.push(DEPENDS_ON.to_owned());
        }
        if record.protected != resource.draft.protected {
            paths.push(PROTECTED.to_owned());
        }
        if record.forget != resource.draft.forget {
            paths.push(FORGET.to_owned());
        }
        paths.sort();
        Comparison { paths, secrets, after }
    }

    /// What the record is to become, with the fingerprints of its secrets: as seen now, else as recorded, when nobody looked.
    pub(super) fn draft(&self, resource: &'a Resource, record: Option<&Record>) -> Cow<'a, Draft> {
        let draft = &resource.draft;
        let wanted = match (self.observed.secrets.get(&draft.address), record) {
            (Some(seen), _) => seen,
            (None, Some(record)) if draft.secrets.is_empty() => &record.secrets,
            (None, _) => &draft.secrets,
        };
        if draft.secrets == *wanted {
            return Cow::Borrowed(draft);
        }
        Cow::Owned(Draft { secrets: wanted.clone(), ..draft.clone() })
    }

    pub(super) fn object(
        &mut self,
        resource: &'a Resource,
        record: &'a Record,
        before: &'a Recorded,
    ) -> Option<Change<'a>> {
        let comparison = self.compare(resource, record, before);
        let requested = self.options.replace.contains(&resource.draft.address);
        let has_effects = resource.work != Work::Record;
        let incomplete = has_effects && (record.facts.is_none() || record.trouble.is_some());
        if comparison.is_empty() && !requested && !incomplete {
            return None;
        }
        let effective = comparison.paths.iter().any(|path| !BOOKKEEPING.contains(&path.as_str()));
        let (anew, in_place): (Vec<String>, Vec<String>) =
            comparison.paths.into_iter().partition(|path| replaces(resource, path));
        let action = if requested || !anew.is_empty() { Action::Replace } else { Action::Update };
        let done = action == Action::Replace || incomplete || effective;
        let mut reasons = Vec::new();
        note(&mut reasons, requested, || Reason::Requested);
        note(&mut reasons, !anew.is_empty(), || Reason::CannotUpdate { paths: anew });
        note(&mut reasons, !in_place.is_empty(), || Reason::Changed { paths: in_place });
        note(&mut reasons, !comparison.secrets.is_empty(), || Reason::SecretChanged { paths: comparison.secrets });
        note(&mut reasons, incomplete, || Reason::Incomplete);
        if action == Action::Replace && (record.protected || resource.draft.protected) {
            self.faults.push(protected(record, "be made anew").at(resource.span));
            return None;
        }
        if action == Action::Replace && has_effects && (record.forget || resource.draft.forget) {
            self.faults.push(kept_in_place(record).at(resource.span));
            return None;
        }
        let work = if done { work_of(resource, Some(before), &comparison.after.spec) } else { Work::Record };
        note(&mut reasons, work == Work::Rewrap, || key_raised(&comparison.after.spec));
        Some(change(record, before, action, reasons, comparison.after, work))
    }
}

/// What carrying it out means: more than its kind says, where that is in its spec.
pub(super) fn work_of(resource: &Resource, before: Option<&Spec>, after: &Spec) -> Work {
    if resource.draft.address.kind() == organization::NAME { organization::work(before, after) } else { resource.work }
}

/// Why everything is sealed anew.
pub(super) fn key_raised(after: &Spec) -> Reason {
    Reason::KeyRaised { version: organization::sealing_version(after) }
}

/// Paths that differ from what was recorded. Most of a large estate does not, and is told by its text.
fn changed(before: &Recorded, after: &Spec) -> Vec<String> {
    if before.is(after) { Vec::new() } else { differing(before, after) }
}

/// Whether a change at `path` makes the object anew.
fn replaces(resource: &Resource, path: &str) -> bool {
    let schema = resource.schema.as_ref();
    schema.is_some_and(|schema| on_change(&schema.body, path) == OnChange::Replace)
}

/// Paths whose fingerprint is another one than was recorded.
fn changed_secrets(record: &Record, after: &Draft) -> Vec<String> {
    let other = |(path, digest): &(&String, _)| record.secrets.get(*path) != Some(*digest);
    after.secrets.iter().filter(other).map(|(path, _)| path.clone()).collect()
}

/// Adds a reason where it holds.
pub(super) fn note(reasons: &mut Vec<Reason>, holds: bool, reason: impl FnOnce() -> Reason) {
    if holds {
        reasons.push(reason());
    }
}

/// A change of something that has a record.
pub(super) fn change<'a>(
    record: &'a Record,
    before: &'a Recorded,
    action: Action,
    reasons: Vec<Reason>,
    after: Cow<'a, Draft>,
    work: Work,
) -> Change<'a> {
    let (address, base) = (&record.address, record.revision);
    Change { address, action, reasons, base, before: Some(before), after: Some(after), work }
}

/// What has a record and would not change, among changes since a job works on it: it has no reason.
pub(super) fn idle<'a>(record: &'a Record, after: Option<&'a Draft>) -> Change<'a> {
    let (action, work) = (Action::Update, Work::Record);
    let (address, base, before) = (&record.address, record.revision, record.spec.as_deref());
    Change { address, action, reasons: Vec::new(), base, before, after: after.map(Cow::Borrowed), work }
}

/// Reports what `prevent_destroy` forbids.
pub(super) fn protected(record: &Record, what: &str) -> Diagnostic {
    let stood = record.origin.as_ref().map(|origin| format!(" (its block stood at {origin})")).unwrap_or_default();
    let detail = format!(
        "{}{stood} would {what}, but it is protected by prevent_destroy. The protection is kept with its record.",
        record.address
    );
    let fault = Diagnostic::error(&plan::PROTECTED, detail).about(&record.address);
    fault.hint("to let it go, set prevent_destroy = false in its block, apply that, and plan again")
}

/// Reports what `destroy = false` forbids: what is made anew takes the place of what there was, keys included.
fn kept_in_place(record: &Record) -> Diagnostic {
    let detail = format!(
        "{} would be made anew, and what it was before destroyed, which destroy = false in its lifecycle rules out.",
        record.address
    );
    let fault = Diagnostic::error(&plan::PROTECTED, detail).about(&record.address);
    fault.hint(
        "declare another one beside it; or, to let the old one go, set destroy = true, apply that, and plan again",
    )
}
