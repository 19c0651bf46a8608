//! The streaming interface for programs (`-json`): one JSON object a line, in the shape of Terraform's (`ui` 1.2).

use serde_json::{Value as Json, json};

use super::output::{Resolved, kind};
use super::progress::Still;
use super::{diagnostic, event, json_plan, progress};
use crate::address::Address;
use crate::diagnostic::{Diagnostics, Severity};
use crate::engine::progress::News;
use crate::job::Job;
use crate::plan::summary::Summary;
use crate::plan::{Action, Deferred, Plan, Step};
use crate::source::Sources;
use crate::time::Timestamp;

/// The version of Terraform's stream that this follows.
const UI: &str = "1.2";

/// One line without its end: the common members, and those of its type.
fn line(level: &str, kind: &str, message: &str, now: Timestamp, more: Json) -> String {
    let mut out = json!({
        "@level": level,
        "@message": message,
        "@module": "cap.ui",
        "@timestamp": now,
        "type": kind,
    });
    if let (Some(out), Json::Object(more)) = (out.as_object_mut(), more) {
        out.extend(more);
    }
    out.to_string()
}

/// The first line.
pub fn version(now: Timestamp, version: &str) -> String {
    line("info", "version", &format!("cap {version}"), now, json!({ "cap": version, "ui": UI }))
}

/// A line that only has a message.
pub fn note(kind: &str, message: &str, now: Timestamp) -> String {
    line("info", kind, message, now, Json::Null)
}

/// A line for each diagnostic.
pub fn diagnostics(all: &Diagnostics, sources: &Sources, now: Timestamp) -> Vec<String> {
    let each = all.iter().map(|one| {
        let (level, word) = match one.severity {
            Severity::Error => ("error", "Error"),
            Severity::Warning => ("warn", "Warning"),
        };
        let message = format!("{word}: {}", one.summary());
        line(level, "diagnostic", &message, now, json!({ "diagnostic": diagnostic::json(one, sources) }))
    });
    each.collect()
}

/// A plan: its drift, its changes, its summary, its outputs. One that errors follow is no whole plan and has no summary.
pub fn plan(plan: &Plan, now: Timestamp, failed: bool) -> Vec<String> {
    let mut lines: Vec<String> = plan
        .drift
        .iter()
        .map(|drift| {
            let change = json!({ "resource": resource(&drift.address), "action": "update" });
            line(
                "info",
                "resource_drift",
                &format!("{}: Drift detected (update)", drift.address),
                now,
                json!({ "change": change }),
            )
        })
        .collect();
    lines.extend(plan.steps.iter().map(|step| planned(step, now)));
    lines.extend(plan.deferred.iter().map(|one| deferred(one, now)));
    if failed {
        return lines;
    }
    lines.push(summary(&plan.summary(), "plan", now));
    if !plan.outputs.is_empty() {
        lines.push(line(
            "info",
            "outputs",
            &format!("Outputs: {}", plan.outputs.len()),
            now,
            json!({ "outputs": output_changes(plan) }),
        ));
    }
    lines
}

fn planned(step: &Step, now: Timestamp) -> String {
    let action = verb(step.action);
    let mut change = json!({ "resource": resource(&step.address), "action": action });
    if let Some(from) = &step.moved_from {
        change["previous_resource"] = resource(from);
    }
    if let Some(importing) = &step.importing {
        change["importing"] = json!({ "id": importing.id });
    }
    if let Some(reason) = step.reasons.iter().find_map(json_plan::action_reason) {
        change["reason"] = json!(reason);
    }
    line("info", "planned_change", &format!("{}: Plan to {action}", step.address), now, json!({ "change": change }))
}

fn deferred(one: &Deferred, now: Timestamp) -> String {
    let action = one.action.map_or("noop", verb);
    let mut more = json!({
        "change": { "resource": resource(&one.address), "action": action },
        "reason": json_plan::deferral(one),
        "job": one.job,
    });
    if let Some(from) = &one.moved_from {
        more["change"]["previous_resource"] = resource(from);
    }
    if let Some(other) = &one.waits_for {
        more["waits_for"] = json!(other);
    }
    line("info", "deferred_change", &format!("{}: Deferred, because of job {}", one.address, one.job), now, more)
}

/// Terraform's word for an action.
fn verb(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Import => "import",
        Action::Update | Action::Renew => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
        Action::Forget => "remove",
        Action::Move => "move",
    }
}

/// How many of what: of a plan, or of what was done.
pub fn summary(counts: &Summary, operation: &str, now: Timestamp) -> String {
    let Summary { add, change, destroy, .. } = counts;
    let message = match operation {
        "plan" if counts.import > 0 => {
            format!("Plan: {} to import, {add} to add, {change} to change, {destroy} to destroy.", counts.import)
        }
        "plan" => format!("Plan: {add} to add, {change} to change, {destroy} to destroy."),
        "destroy" => format!("Destroy complete! Resources: {destroy} destroyed."),
        _ => format!("Apply complete! Resources: {add} added, {change} changed, {destroy} destroyed."),
    };
    counted(counts, operation, &message, now)
}

/// The same with another message, where it came to no good end.
pub fn counted(counts: &Summary, operation: &str, message: &str, now: Timestamp) -> String {
    let changes = json!({
        "add": counts.add,
        "change": counts.change,
        "import": counts.import,
        "remove": counts.destroy,
        "forget": counts.forget,
        "operation": operation,
    });
    line("info", "change_summary", message, now, json!({ "changes": changes }))
}

fn output_changes(plan: &Plan) -> Json {
    let each = plan.outputs.iter().map(|change| {
        let action = match (&change.before, &change.after) {
            (None, _) => "create",
            (_, None) => "delete",
            _ => "update",
        };
        let sensitive = [&change.before, &change.after].into_iter().flatten().any(|output| output.sensitive);
        (change.name.clone(), json!({ "action": action, "sensitive": sensitive }))
    });
    Json::Object(each.collect())
}

/// Outputs after an apply; sensitive ones without their value.
pub fn outputs(all: &[Resolved], now: Timestamp) -> String {
    let each = all.iter().map(|output| {
        let value = match &output.value {
            Ok(value) if !output.sensitive => value.clone(),
            _ => Json::Null,
        };
        (output.name.clone(), json!({ "sensitive": output.sensitive, "type": kind(&value), "value": value }))
    });
    let outputs: serde_json::Map<String, Json> = each.collect();
    line("info", "outputs", &format!("Outputs: {}", outputs.len()), now, json!({ "outputs": outputs }))
}

/// A worker's news; none for what only a terminal shows.
pub fn news(news: &News<'_>, now: Timestamp) -> Option<String> {
    let look = |kind: &str, address: &Address, message: &str| {
        let hook = json!({ "hook": { "resource": resource(address) } });
        Some(line("info", kind, &format!("{address}: {message}"), now, hook))
    };
    let (level, kind, job, message) = match news {
        News::Started(job) => ("info", "apply_start", *job, format!("{}...", progress::words(&job.step).doing)),
        News::Succeeded(job) => {
            let took = job.started_at.map(|begun| format!(" after {}", progress::elapsed(now.since(begun))));
            let done = progress::words(&job.step).done;
            ("info", "apply_complete", *job, format!("{done} complete{}", took.unwrap_or_default()))
        }
        News::Failed { job, failure } => ("error", "apply_errored", *job, failure.message.clone()),
        News::Skipped { job, because } => {
            ("error", "apply_errored", *job, format!("Skipped, because {because} failed"))
        }
        News::LeftBehind { job, publication, why } => {
            ("warn", "apply_warning", *job, event::left_behind(publication, why))
        }
        News::Looking(address) => return look("refresh_start", address, "Refreshing state..."),
        News::Looked(address) => return look("refresh_complete", address, "Refresh complete"),
        News::Doing { .. } | News::Waiting { .. } => return None,
    };
    Some(line(level, kind, &format!("{}: {message}", job.address()), now, json!({ "hook": hook(job, now) })))
}

/// A job that runs on.
pub fn progress(still: &Still, now: Timestamp) -> String {
    let hook = json!({
        "resource": resource(&still.address),
        "action": verb(still.action),
        "elapsed_seconds": still.elapsed.millis() / 1000,
        "job": still.job,
    });
    line("info", "apply_progress", &still.line, now, json!({ "hook": hook }))
}

fn hook(job: &Job, now: Timestamp) -> Json {
    let elapsed = job.started_at.map_or(0, |begun| now.since(begun).millis() / 1000);
    json!({ "resource": resource(job.address()), "action": verb(job.step.action), "elapsed_seconds": elapsed, "job": job.id })
}

/// A step that was done with the submission: begun and complete at once.
pub fn recorded(step: &Step, now: Timestamp) -> String {
    let hook = json!({ "resource": resource(&step.address), "action": verb(step.action), "elapsed_seconds": 0 });
    let message = format!("{}: {} complete after 0s", step.address, progress::words(step).done);
    line("info", "apply_complete", &message, now, json!({ "hook": hook }))
}

fn resource(address: &Address) -> Json {
    let mut out = json_plan::identity(address);
    let address = out.remove("address");
    let kind = out.remove("type");
    let name = out.remove("name");
    let module = out.remove("module_address").unwrap_or_else(|| json!(""));
    let whole = address.as_ref().and_then(Json::as_str).unwrap_or_default();
    let local = module.as_str().and_then(|module| whole.strip_prefix(module)?.strip_prefix('.')).unwrap_or(whole);
    let key = out.remove("index").unwrap_or(Json::Null);
    json!({
        "addr": address,
        "module": module,
        "resource": local,
        "implied_provider": "cap",
        "resource_type": kind,
        "resource_name": name,
        "resource_key": key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::RunId;
    use crate::time::Duration;

    #[test]
    fn what_runs_on_says_which_and_for_how_long() {
        let address = "module.m.certificate.c[\"k\"]".parse().expect("an address");
        let (elapsed, job) = (Duration::from_secs(12), RunId("r".to_owned()).job(1));
        let still = Still { job, address, action: Action::Renew, elapsed, line: "Still renewing...".to_owned() };
        let line: Json = serde_json::from_str(&progress(&still, Timestamp::from_millis(0))).expect("JSON");
        assert_eq!((&line["type"], &line["@message"]), (&json!("apply_progress"), &json!("Still renewing...")));
        let hook = &line["hook"];
        assert_eq!((&hook["action"], &hook["elapsed_seconds"]), (&json!("update"), &json!(12)));
        let resource = &hook["resource"];
        assert_eq!(resource["resource"], "certificate.c[\"k\"]");
        assert_eq!((&resource["module"], &resource["resource_key"]), (&json!("module.m"), &json!("k")));
    }
}
