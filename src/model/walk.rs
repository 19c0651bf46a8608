//! Walks values with the path of every leaf, in the words that places are named by: `grant.0.members.1`.

use std::fmt::Write as _;

use crate::eval::value::Value;

/// Calls `visit` with the path of every value that holds no others.
pub fn leaves<'a>(value: &'a Value, visit: &mut impl FnMut(&str, &'a Value)) {
    walk(value, &mut String::new(), visit);
}

fn walk<'a>(value: &'a Value, path: &mut String, visit: &mut impl FnMut(&str, &'a Value)) {
    let length = path.len();
    let mut child = |name: &dyn std::fmt::Display, value: &'a Value| {
        let dot = if length == 0 { "" } else { "." };
        // Writing to a string cannot fail.
        let _ = write!(path, "{dot}{name}");
        walk(value, path, visit);
        path.truncate(length);
    };
    if let Some(items) = value.elements() {
        items.iter().enumerate().for_each(|(at, item)| child(&at, item));
    } else if let Some(entries) = value.entries() {
        entries.iter().for_each(|(name, item)| child(name, item));
    } else {
        visit(path, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::eval::encode::from_json;

    #[test]
    fn every_leaf_has_its_path() {
        let value = from_json(&json!({"grant": [{"role": "viewer", "members": ["a", "b"]}], "n": 1, "none": []}));
        let mut paths = Vec::new();
        super::leaves(&value, &mut |path, _| paths.push(path.to_owned()));
        assert_eq!(paths, ["grant.0.members.0", "grant.0.members.1", "grant.0.role", "n"]);
    }
}
