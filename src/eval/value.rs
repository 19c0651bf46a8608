//! Values of the language: those of cty, plus references and secrets. Values are cheap to clone and immutable.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::number::Number;
use super::types::Type;
use crate::address::ResourceAddress;

/// A value. Everything is known: nothing flows out of another resource's result (see the module's root).
#[derive(Debug, Clone)]
pub enum Value {
    /// The absence of a value, of a type that is [`Type::Any`] where nothing says which.
    Null(Type),
    /// `true` or `false`.
    Bool(bool),
    /// An exact number.
    Number(Number),
    /// A text in NFC.
    String(Arc<str>),
    /// Elements of one type, in order.
    List(Type, Arc<[Value]>),
    /// Elements of one type, distinct, in the canonical order of [`Value::cmp_in_set`].
    Set(Type, Arc<[Value]>),
    /// Elements of one type by name, in the order of the names.
    Map(Type, Arc<BTreeMap<Arc<str>, Value>>),
    /// Elements each of a type of its own.
    Tuple(Arc<[Value]>),
    /// Attributes each of a type of its own.
    Object(Arc<BTreeMap<Arc<str>, Value>>),
    /// The address of another resource: what `acme_account.le` evaluates to.
    Ref(Arc<ResourceAddress>),
    /// Where a secret is to be found. The secret itself is never a value.
    Secret(Arc<SecretRef>),
}

/// Where a secret is found when it is needed; resolved in the shell just before use.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// `secret_env("NAME")`: a variable of the environment.
    Env(String),
    /// `secret_file("path")`: the content of a file, one trailing newline removed.
    File(String),
    /// `secret_vault("path", "field")`.
    Vault {
        /// Path in the vault.
        path: String,
        /// Field of the secret at that path.
        field: String,
    },
    /// A `sensitive` variable, asked for again at apply.
    Variable(String),
}

impl PartialEq for Value {
    /// Values of one type that are the same. Nulls are the same whatever their types.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null(_), Self::Null(_)) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::List(x, a), Self::List(y, b)) | (Self::Set(x, a), Self::Set(y, b)) => x == y && a == b,
            (Self::Map(x, a), Self::Map(y, b)) => x == y && a == b,
            (Self::Tuple(a), Self::Tuple(b)) => a == b,
            (Self::Object(a), Self::Object(b)) => a == b,
            (Self::Ref(a), Self::Ref(b)) => a == b,
            (Self::Secret(a), Self::Secret(b)) => a == b,
            _ => false,
        }
    }
}

impl Value {
    /// `null` as it is written: of no type yet.
    pub const NULL: Self = Self::Null(Type::Any);

    /// A string value. The text must already be in NFC; texts from files are normalized where they enter.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null(_))
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Elements in order, if it is a list, a set or a tuple.
    pub fn elements(&self) -> Option<&[Self]> {
        match self {
            Self::List(_, items) | Self::Set(_, items) | Self::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// Entries by name, if it is a map or an object.
    pub fn entries(&self) -> Option<&BTreeMap<Arc<str>, Self>> {
        match self {
            Self::Map(_, entries) | Self::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// The type.
    pub fn type_of(&self) -> Type {
        match self {
            Self::Null(ty) => ty.clone(),
            Self::Bool(_) => Type::Bool,
            Self::Number(_) => Type::Number,
            Self::String(_) => Type::String,
            Self::List(element, _) => Type::List(Arc::new(element.clone())),
            Self::Set(element, _) => Type::Set(Arc::new(element.clone())),
            Self::Map(element, _) => Type::Map(Arc::new(element.clone())),
            Self::Tuple(items) => Type::Tuple(items.iter().map(Self::type_of).collect()),
            Self::Object(entries) => Type::object(entries.iter().map(|(name, value)| (name.clone(), value.type_of()))),
            Self::Ref(address) => Type::Ref(Arc::from([address.kind.clone()])),
            Self::Secret(_) => Type::Secret,
        }
    }

    /// A number.
    pub fn number(number: impl Into<Number>) -> Self {
        Self::Number(number.into())
    }

    /// A list of strings.
    pub fn strings<T: Into<Arc<str>>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(Type::String, texts.into_iter().map(Self::string).collect())
    }

    /// A list. The elements must already be of the type, or null.
    pub fn list(element: Type, items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(element, items.into_iter().collect())
    }

    /// A set: sorts the elements and drops those that are equal. They must already be of the type, or null.
    pub fn set(element: Type, items: impl IntoIterator<Item = Self>) -> Self {
        let mut items: Vec<Self> = items.into_iter().collect();
        items.sort_by(Self::cmp_in_set);
        items.dedup();
        Self::Set(element, items.into())
    }

    /// A map. The values must already be of the type, or null.
    pub fn map(element: Type, entries: impl IntoIterator<Item = (Arc<str>, Self)>) -> Self {
        Self::Map(element, Arc::new(entries.into_iter().collect()))
    }

    /// A tuple.
    pub fn tuple(items: impl IntoIterator<Item = Self>) -> Self {
        Self::Tuple(items.into_iter().collect())
    }

    /// An object.
    pub fn object<K: Into<Arc<str>>>(attributes: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Object(Arc::new(attributes.into_iter().map(|(name, value)| (name.into(), value)).collect()))
    }

    /// The truth, if it is a bool.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The address, if it is a reference.
    pub fn as_ref_address(&self) -> Option<&Arc<ResourceAddress>> {
        match self {
            Self::Ref(address) => Some(address),
            _ => None,
        }
    }

    /// The attribute of an object or the element of a map of that name.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.entries()?.get(name)
    }

    /// The order of elements in a set: numbers by value, texts by their code points, `null` last; other values
    /// element by element. It is total, so that a set has one form.
    pub fn cmp_in_set(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Ref(a), Self::Ref(b)) => a.cmp(b),
            (Self::Secret(a), Self::Secret(b)) => a.cmp(b),
            _ => self.cmp_collections(other).unwrap_or_else(|| self.rank().cmp(&other.rank())),
        }
    }

    fn cmp_collections(&self, other: &Self) -> Option<Ordering> {
        if self.rank() != other.rank() {
            return None;
        }
        if let (Some(a), Some(b)) = (self.elements(), other.elements()) {
            let pairs = a.iter().zip(b).map(|(a, b)| a.cmp_in_set(b));
            return Some(first_difference(pairs).then(a.len().cmp(&b.len())));
        }
        let (a, b) = (self.entries()?, other.entries()?);
        let pairs = a.iter().zip(b).map(|((a, x), (b, y))| a.cmp(b).then_with(|| x.cmp_in_set(y)));
        Some(first_difference(pairs).then(a.len().cmp(&b.len())))
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Number(_) => 1,
            Self::String(_) => 2,
            Self::List(..) => 3,
            Self::Set(..) => 4,
            Self::Tuple(_) => 5,
            Self::Map(..) => 6,
            Self::Object(_) => 7,
            Self::Ref(_) => 8,
            Self::Secret(_) => 9,
            Self::Null(_) => 10,
        }
    }

    /// Whether any value within satisfies the question: leaves and collections alike.
    fn any(&self, question: &impl Fn(&Self) -> bool) -> bool {
        question(self)
            || self.elements().is_some_and(|items| items.iter().any(|item| item.any(question)))
            || self.entries().is_some_and(|entries| entries.values().any(|item| item.any(question)))
    }

    /// Calls `visit` with every reference within.
    pub fn each_reference(&self, visit: &mut impl FnMut(&Arc<ResourceAddress>)) {
        match self {
            Self::Ref(address) => visit(address),
            Self::List(_, items) | Self::Set(_, items) | Self::Tuple(items) => {
                items.iter().for_each(|item| item.each_reference(visit));
            }
            Self::Map(_, entries) | Self::Object(entries) => {
                entries.values().for_each(|item| item.each_reference(visit));
            }
            _ => {}
        }
    }

    /// Whether a secret is anywhere in it.
    pub fn has_secret(&self) -> bool {
        self.any(&|value| matches!(value, Self::Secret(_)))
    }
}

fn first_difference(mut pairs: impl Iterator<Item = Ordering>) -> Ordering {
    pairs.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_one_form() {
        let set = |items: Vec<Value>| Value::set(Type::String, items);
        let text = Value::string;
        let expected = Value::Set(Type::String, Arc::from([text("a"), text("b"), Value::NULL]));
        assert_eq!(set(vec![text("b"), Value::NULL, text("a"), text("b")]), expected);
    }

    #[test]
    fn collections_are_ordered_element_by_element() {
        let list = |items: &[i64]| Value::list(Type::Number, items.iter().map(|n| Value::number(*n)));
        let set = Value::set(Type::list(Type::Number), [list(&[2]), list(&[1]), list(&[1, 2])]);
        assert_eq!(set.elements(), Some(&[list(&[1]), list(&[1, 2]), list(&[2])][..]));
    }
}
