//! Nulls have types as other values do: a null that a conditional or a conversion made is one of that type, and converts
//! only to what a value of its type could become. A null without a type becomes one of any.

use super::types::{Field, Type};
use super::unify::unify;

/// The type that a null of one type has where another is wanted; `None` where no value of its type can become that.
pub(super) fn converted(have: &Type, to: &Type) -> Option<Type> {
    use Type::{Any, Bool, List, Map, Number, Object, Ref, Secret, Set, String, Tuple};
    match (have, to) {
        (_, Any) => Some(have.clone()),
        (Any | Ref(_) | Secret, _) | (_, Ref(_) | Secret) => Some(to.clone()),
        (Bool | Number | String, String) | (Bool | String, Bool) | (Number | String, Number) => Some(to.clone()),
        (List(item) | Set(item), List(element)) => Some(Type::list(converted(item, element)?)),
        (List(item) | Set(item), Set(element)) => Some(Type::set(converted(item, element)?)),
        (Tuple(items), List(element)) => Some(Type::list(of_one_type(items.iter(), element, false)?)),
        (Tuple(items), Set(element)) => Some(Type::set(of_one_type(items.iter(), element, false)?)),
        (Tuple(items), Tuple(types)) if items.len() == types.len() => {
            let each: Option<Vec<Type>> =
                items.iter().zip(types.iter()).map(|(item, ty)| converted(item, ty)).collect();
            Some(Tuple(each?.into()))
        }
        (Map(item), Map(element)) => Some(Type::map(converted(item, element)?)),
        (Object(fields), Map(element)) => {
            Some(Type::map(of_one_type(fields.values().map(|field| &field.ty), element, true)?))
        }
        (Map(item), Object(wanted)) => {
            wanted.values().all(|field| converted(item, &field.ty).is_some()).then(|| to.clone())
        }
        (Object(fields), Object(wanted)) => {
            let fits = |name: &str, field: &Field| match fields.get(name) {
                Some(have) => converted(&have.ty, &field.ty).is_some(),
                None => field.optional,
            };
            wanted.iter().all(|(name, field)| fits(name, field)).then(|| to.clone())
        }
        _ => None,
    }
}

/// The element type that all become; in a map nulls without a type stand beside others.
fn of_one_type<'t>(types: impl Iterator<Item = &'t Type>, element: &Type, map: bool) -> Option<Type> {
    let each: Option<Vec<Type>> = types.map(|ty| converted(ty, element)).collect();
    let each = each?;
    match unify(&each)? {
        Type::Any if each.iter().all(|ty| *ty == Type::Any) => Some(element.clone()),
        Type::Any if map => beside(&each),
        Type::Any => None,
        one => Some(one),
    }
}

/// The one type of all that have one.
pub(super) fn beside(types: &[Type]) -> Option<Type> {
    let mut some = types.iter().filter(|ty| **ty != Type::Any);
    let first = some.next()?;
    some.all(|ty| ty == first).then(|| first.clone())
}
