//! A spec as it is recorded: its text, and its tree once somebody looks into it. Of the records that a plan compares most
//! are found unchanged, by their text, and a tree takes ten times the room.

use std::fmt;
use std::io;
use std::ops::Deref;
use std::sync::OnceLock;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::record::Spec;

/// A recorded spec. It is read as a [`Spec`], and never changed: a record gets another one.
pub struct Recorded {
    text: Box<RawValue>,
    tree: OnceLock<Spec>,
}

impl Recorded {
    /// Whether this is what was recorded.
    pub fn is(&self, spec: &Spec) -> bool {
        let mut rest = Rest(self.text.get().as_bytes());
        let is_begin = serde_json::to_writer(&mut rest, spec).is_ok();
        // Another order or other white space says the same: whoever wrote the text was not us.
        (is_begin && rest.0.is_empty()) || **self == *spec
    }
}

/// What is left of a text that is compared with what is written.
struct Rest<'a>(&'a [u8]);

impl io::Write for Rest<'_> {
    fn write(&mut self, written: &[u8]) -> io::Result<usize> {
        self.0 = self.0.strip_prefix(written).ok_or(io::ErrorKind::InvalidData)?;
        Ok(written.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Deref for Recorded {
    type Target = Spec;

    fn deref(&self) -> &Spec {
        // Whatever is no tree was refused when the record was read.
        self.tree.get_or_init(|| serde_json::from_str(self.text.get()).unwrap_or_default())
    }
}

impl From<Spec> for Recorded {
    fn from(spec: Spec) -> Self {
        // A tree of JSON always has a text.
        let text = serde_json::value::to_raw_value(&spec).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Self { text, tree: OnceLock::from(spec) }
    }
}

/// Without the tree, which may never be asked for again.
impl Clone for Recorded {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), tree: OnceLock::new() }
    }
}

impl PartialEq for Recorded {
    fn eq(&self, other: &Self) -> bool {
        self.text.get() == other.text.get() || **self == **other
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.get())
    }
}

impl Serialize for Recorded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Recorded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        if !text.get().starts_with('{') {
            return Err(D::Error::custom("a spec is an object"));
        }
        let Readable = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        Ok(Self { text, tree: OnceLock::new() })
    }
}

/// What can be read as a tree: it goes through here, and nothing of it is kept.
struct Readable;

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Readable {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(json: serde_json::Value) -> Spec {
        json.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn it_is_the_same_by_text_and_by_tree() {
        let tree = spec(json!({ "b": [1, { "$ref": "zone.a" }], "a": "\u{e9}\n", "c": null }));
        let made = Recorded::from(tree.clone());
        let text = serde_json::to_string(&made).expect("a text");
        for text in [
            text.clone(),
            text.replace(',', " ,\n"),
            r#"{"c":null,"b":[1,{"$ref":"zone.a"}],"a":"\u00e9\n"}"#.to_owned(),
        ] {
            let read: Recorded = serde_json::from_str(&text).expect("a spec");
            assert!(read.is(&tree) && read == made && *read == tree, "{text}");
        }
        for other in [json!({}), json!({ "a": "\u{e9}\n" }), json!({ "b": [1, { "$ref": "zone.a" }], "a": "", "c": 1 })]
        {
            assert!(!made.is(&spec(other.clone())), "{other}");
        }
        let longer = spec(json!({ "a": 1, "b": 2 }));
        assert!(
            !Recorded::from(spec(json!({ "a": 1 }))).is(&longer)
                && !Recorded::from(longer).is(&spec(json!({ "a": 1 })))
        );
    }

    #[test]
    fn what_is_no_tree_is_refused_when_it_is_read() {
        let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
        for text in ["[]", "null", "7", "{", r#"{"a":1e999}"#, r#"{"a":"\ud800"}"#, r#"{"\udc00":1}"#, &deep] {
            assert!(serde_json::from_str::<Recorded>(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Option<Recorded>>("null").is_ok_and(|none| none.is_none()));
    }
}
