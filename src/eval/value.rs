//! Values of the language: those of cty, plus references and secrets. Values are cheap to clone and immutable.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::number::Number;
use super::types::Type;
use crate::address::ResourceAddress;

/// A value. Everything is known: nothing flows out of another resource's result (see the module's root).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// The absence of a value.
    Null,
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

impl Value {
    /// A string value. The text must already be in NFC; texts from files are normalized where they enter.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
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
            Self::Null => Type::Any,
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

    /// Whether a secret is anywhere in it.
    pub fn has_secret(&self) -> bool {
        match self {
            Self::Secret(_) => true,
            _ => {
                self.elements().is_some_and(|items| items.iter().any(Self::has_secret))
                    || self.entries().is_some_and(|entries| entries.values().any(Self::has_secret))
            }
        }
    }
}
