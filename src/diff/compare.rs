//! Comparing two specs: which paths differ, and what is left alone.

use serde_json::{Map, Value as Json};

use crate::eval::desired::Ignore;
use crate::eval::schema::{BodySchema, OnChange};
use crate::state::Spec;

/// Paths of the attributes that differ, sorted. Nested blocks are entered; lists are compared as wholes.
pub fn differing(before: &Spec, after: &Spec) -> Vec<String> {
    let mut found = Vec::new();
    if before != after {
        objects(before, after, "", &mut found);
    }
    found
}

fn objects(before: &Spec, after: &Spec, path: &str, found: &mut Vec<String>) {
    // Both are sorted by name: joining them visits every name once.
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((a, _)), Some((b, _))) => a.cmp(b),
        };
        let one = if order.is_le() { old.next() } else { None };
        let other = if order.is_ge() { new.next() } else { None };
        let Some((name, _)) = one.or(other) else { return };
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        values(one.map(|(_, value)| value), other.map(|(_, value)| value), path, found);
    }
}

fn values(before: Option<&Json>, after: Option<&Json>, path: String, found: &mut Vec<String>) {
    let present = |value: Option<&Json>| value.is_some_and(|value| !value.is_null());
    match (before, after) {
        (Some(Json::Object(old)), Some(Json::Object(new))) if !is_tagged(old) && !is_tagged(new) => {
            objects(old, new, &path, found);
        }
        (before, after) if before != after && (present(before) || present(after)) => found.push(path),
        _ => {}
    }
}

/// Whether an object is a scalar of ours: a reference, a secret or an exact number.
fn is_tagged(entries: &Spec) -> bool {
    entries.len() == 1 && entries.keys().all(|key| key.starts_with('$'))
}

/// What a change at `path` means, by the schema of its kind.
pub fn on_change(body: &BodySchema, path: &str) -> OnChange {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    match (body.attribute(name), body.block(name)) {
        (Some(attribute), _) => attribute.on_change,
        // A block that comes or goes as a whole: what any argument of it asks for.
        (None, Some(block)) if rest.is_empty() => whole(&block.body),
        (None, Some(block)) => on_change(&block.body, rest),
        (None, None) => OnChange::Update,
    }
}

fn whole(body: &BodySchema) -> OnChange {
    let replaces = body.attributes.iter().any(|attribute| attribute.on_change == OnChange::Replace)
        || body.blocks.iter().any(|block| whole(&block.body) == OnChange::Replace);
    if replaces { OnChange::Replace } else { OnChange::Update }
}

/// Whether a change at `path` is to be left alone.
pub fn is_ignored(ignore: &Ignore, path: &str) -> bool {
    match ignore {
        Ignore::Nothing => false,
        Ignore::All => true,
        Ignore::Paths(paths) => paths.iter().any(|ignored| {
            path.strip_prefix(ignored.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        }),
    }
}

/// The spec to aim for: `after`, with what is to be left alone as it was `before`.
pub fn keep_ignored(before: &Spec, after: &Spec, ignored: &[String]) -> Spec {
    let mut aim = after.clone();
    for path in ignored {
        let names: Vec<&str> = path.split('.').collect();
        let old = names.iter().skip(1).try_fold(before.get(names[0]), |value, name| Some(value?.get(name)));
        put(&mut aim, &names, old.flatten());
    }
    aim
}

fn put(spec: &mut Spec, names: &[&str], value: Option<&Json>) {
    match (names, value) {
        ([], _) => {}
        ([last], None) => _ = spec.remove(*last),
        ([last], Some(value)) => _ = spec.insert((*last).to_owned(), value.clone()),
        ([first, rest @ ..], value) => {
            let inner = spec.entry(*first).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(value: Json) -> Spec {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn paths_of_differences_enter_blocks_and_not_scalars() {
        let before =
            spec(json!({"a": 1, "b": {"x": 1, "y": 2}, "r": {"$ref": "zone.a"}, "l": [1], "gone": true, "n": null}));
        let after = spec(json!({"a": 1, "b": {"x": 1, "y": 3, "z": 4}, "r": {"$ref": "zone.b"}, "l": [2]}));
        assert_eq!(differing(&before, &after), ["b.y", "b.z", "gone", "l", "r"]);
        assert_eq!(differing(&before, &before), [""; 0]);
    }

    #[test]
    fn what_is_ignored_stays_as_it_was() {
        let before = spec(json!({"a": 1, "b": {"x": 1}, "c": 1}));
        let after = spec(json!({"a": 2, "c": 2}));
        let ignored = ["a".to_owned(), "b.x".to_owned()];
        assert_eq!(Json::Object(keep_ignored(&before, &after, &ignored)), json!({"a": 1, "b": {"x": 1}, "c": 2}));
        let ignore = Ignore::Paths(vec!["b".to_owned()]);
        assert!(is_ignored(&ignore, "b.x") && is_ignored(&ignore, "b") && !is_ignored(&ignore, "bx"));
    }
}
