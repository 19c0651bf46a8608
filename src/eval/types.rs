//! Types of the language: those of cty, plus references and secrets.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A type, as a type constraint or as the type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Any type: as a constraint, whatever is given; as an element type, of an empty collection.
    Any,
    /// `bool`.
    Bool,
    /// `number`.
    Number,
    /// `string`.
    String,
    /// `list(T)`.
    List(Arc<Type>),
    /// `set(T)`.
    Set(Arc<Type>),
    /// `map(T)`.
    Map(Arc<Type>),
    /// `tuple([T, …])`.
    Tuple(Arc<[Type]>),
    /// `object({ name = T, … })`.
    Object(Arc<BTreeMap<Arc<str>, Field>>),
    /// A reference to a resource of one of these kinds; of any kind when the list is empty.
    Ref(Arc<[Arc<str>]>),
    /// A secret; only an attribute that takes a secret has this type.
    Secret,
}

/// One attribute of an object type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its type.
    pub ty: Type,
    /// `optional(T)`: may be absent, and is then `null` or the default.
    pub optional: bool,
    /// `optional(T, default)`, already of type `ty`.
    pub default: Option<DefaultValue>,
}

/// A default of an optional attribute. Equality is by value.
#[derive(Debug, Clone, PartialEq)]
pub struct DefaultValue(pub Box<super::value::Value>);

impl Eq for DefaultValue {}

impl Type {
    /// An object type whose attributes are all required.
    pub fn object(fields: impl IntoIterator<Item = (Arc<str>, Self)>) -> Self {
        let field = |ty| Field { ty, optional: false, default: None };
        Self::Object(Arc::new(fields.into_iter().map(|(name, ty)| (name, field(ty))).collect()))
    }

    /// `list(element)`.
    pub fn list(element: Self) -> Self {
        Self::List(Arc::new(element))
    }

    /// `set(element)`.
    pub fn set(element: Self) -> Self {
        Self::Set(Arc::new(element))
    }

    /// `map(element)`.
    pub fn map(element: Self) -> Self {
        Self::Map(Arc::new(element))
    }

    /// A reference to a resource of one of `kinds`.
    pub fn reference<const N: usize>(kinds: [&str; N]) -> Self {
        Self::Ref(kinds.iter().map(|kind| Arc::from(*kind)).collect())
    }
}
