//! Types of the language: those of cty, plus references and secrets.

use std::collections::BTreeMap;
use std::fmt;
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

    /// Whether `Any` occurs in it: a constraint that a value fills in.
    pub fn has_any(&self) -> bool {
        match self {
            Self::Any => true,
            Self::List(element) | Self::Set(element) | Self::Map(element) => element.has_any(),
            Self::Tuple(items) => items.iter().any(Self::has_any),
            Self::Object(fields) => fields.values().any(|field| field.ty.has_any()),
            _ => false,
        }
    }

    /// Attributes of objects that may be left out, each as the names that lead to it: `*` is any element of a collection.
    pub fn optional_attributes(&self) -> Vec<Vec<Arc<str>>> {
        let below = |name: &str, ty: &Self| {
            ty.optional_attributes()
                .into_iter()
                .map(|rest| [Arc::from(name)].into_iter().chain(rest).collect())
                .collect()
        };
        match self {
            Self::List(element) | Self::Set(element) | Self::Map(element) => below("*", element),
            // One pattern for all items of a tuple: which of them it is cannot matter where their attributes agree.
            Self::Tuple(items) => items.iter().flat_map(|item| below("*", item)).collect(),
            Self::Object(fields) => {
                let own = fields.iter().filter(|(_, field)| field.optional).map(|(name, _)| vec![name.clone()]);
                own.chain(fields.iter().flat_map(|(name, field)| below(name, &field.ty))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A reference to a resource of one of `kinds`.
    pub fn reference<const N: usize>(kinds: [&str; N]) -> Self {
        Self::Ref(kinds.iter().map(|kind| Arc::from(*kind)).collect())
    }
}

impl fmt::Display for Type {
    /// The name used in messages: `list of string`, `object`, `reference to zone`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any type"),
            Self::Bool => f.write_str("bool"),
            Self::Number => f.write_str("number"),
            Self::String => f.write_str("string"),
            Self::List(element) => write!(f, "list of {element}"),
            Self::Set(element) => write!(f, "set of {element}"),
            Self::Map(element) => write!(f, "map of {element}"),
            Self::Tuple(_) => f.write_str("tuple"),
            Self::Object(_) => f.write_str("object"),
            Self::Ref(kinds) if kinds.is_empty() => f.write_str("reference"),
            Self::Ref(kinds) => write!(f, "reference to {}", kinds.join(" or ")),
            Self::Secret => f.write_str("secret"),
        }
    }
}
