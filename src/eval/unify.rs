//! The one type that several can be converted to, as cty finds it.
//!
//! Types of one kind become the type of that kind whose parts are unified; else the one among them is taken that all can be
//! converted to, a string before a number and a list before a set. Where `any` stands beside collections, tuples or objects,
//! nothing can be foretold of it, and the result is `any`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::nulls::converted;
use super::types::{Field, Type};

/// The fields of an object type.
type Fields = BTreeMap<Arc<str>, Field>;

/// The one type that all of `types` can be converted to, if there is one; `any` for none.
pub fn unify(types: &[Type]) -> Option<Type> {
    let Some(first) = types.first() else { return Some(Type::Any) };
    if types.iter().all(|ty| ty == first) {
        return Some(first.clone());
    }
    let count = |is: fn(&Type) -> bool| types.iter().filter(|ty| is(ty)).count();
    let any = count(|ty| *ty == Type::Any);
    let (lists, sets) = (count(|ty| matches!(ty, Type::List(_))), count(|ty| matches!(ty, Type::Set(_))));
    let (maps, objects) = (count(|ty| matches!(ty, Type::Map(_))), count(|ty| matches!(ty, Type::Object(_))));
    let (tuples, references) = (count(|ty| matches!(ty, Type::Tuple(_))), count(|ty| matches!(ty, Type::Ref(_))));
    let all = |some: usize| some > 0 && some + any == types.len();
    if all(references) {
        return Some(of_references(types));
    }
    if [lists, sets, maps, objects, tuples].into_iter().any(all) {
        return if any > 0 { Some(Type::Any) } else { of_one_kind(types) };
    }
    if objects > 0 && tuples > 0 {
        return None;
    }
    let opened = (maps > 0 && all(maps + objects)) || (lists > 0 && all(lists + tuples));
    opened.then(|| as_collections(types)).flatten().or_else(|| preferred(types))
}

/// Types of one kind, none of which is `any`.
fn of_one_kind(types: &[Type]) -> Option<Type> {
    match types.first()? {
        Type::List(_) => Some(Type::list(unify(&elements(types))?)),
        Type::Set(_) => Some(Type::set(unify(&elements(types))?)),
        Type::Map(_) => Some(Type::map(unify(&elements(types))?)),
        Type::Tuple(first) => {
            let tuples: Vec<&[Type]> = types.iter().filter_map(tuple).collect();
            if tuples.iter().any(|tuple| tuple.len() != first.len()) {
                return list_of(types);
            }
            let at = |at: usize| unify(&tuples.iter().map(|tuple| tuple[at].clone()).collect::<Vec<_>>());
            let unified: Option<Vec<Type>> = (0..first.len()).map(at).collect();
            Some(Type::Tuple(unified?.into()))
        }
        Type::Object(first) => {
            let objects: Vec<&Fields> = types.iter().filter_map(object).collect();
            if !objects.iter().all(|fields| fields.keys().eq(first.keys())) {
                return map_of(types);
            }
            let named = |name: &Arc<str>| {
                let types: Vec<Type> = objects.iter().map(|fields| fields[name].ty.clone()).collect();
                Some((name.clone(), unify(&types)?))
            };
            let unified: Option<Vec<(Arc<str>, Type)>> = first.keys().map(named).collect();
            unified.map(Type::object)
        }
        _ => None,
    }
}

/// The elements of collections.
fn elements(types: &[Type]) -> Vec<Type> {
    let element = |ty: &Type| match ty {
        Type::List(element) | Type::Set(element) | Type::Map(element) => Some((**element).clone()),
        _ => None,
    };
    types.iter().filter_map(element).collect()
}

fn tuple(ty: &Type) -> Option<&[Type]> {
    if let Type::Tuple(items) = ty { Some(items) } else { None }
}

fn object(ty: &Type) -> Option<&Fields> {
    if let Type::Object(fields) = ty { Some(fields) } else { None }
}

/// The list that tuples become.
fn list_of(tuples: &[Type]) -> Option<Type> {
    let items: Vec<Type> = tuples.iter().filter_map(tuple).flatten().cloned().collect();
    reached(tuples, Type::list(of_some(&items)?))
}

/// The map that objects become.
fn map_of(objects: &[Type]) -> Option<Type> {
    let fields = objects.iter().filter_map(object).flat_map(BTreeMap::values);
    let types: Vec<Type> = fields.map(|field| field.ty.clone()).collect();
    reached(objects, Type::map(of_some(&types)?))
}

/// The one type of parts; nothing is said where there are none.
fn of_some(types: &[Type]) -> Option<Type> {
    if types.is_empty() { None } else { unify(types) }
}

/// The type, if all can be converted to it.
fn reached(types: &[Type], to: Type) -> Option<Type> {
    types.iter().all(|ty| converted(ty, &to).is_some()).then_some(to)
}

/// Lists with tuples, or maps with objects: these are taken for collections first.
fn as_collections(types: &[Type]) -> Option<Type> {
    let (structures, mut others): (Vec<Type>, Vec<Type>) =
        types.iter().cloned().partition(|ty| matches!(ty, Type::Tuple(_) | Type::Object(_)));
    let collection = match structures.first()? {
        Type::Tuple(_) => list_of(&structures),
        _ => map_of(&structures),
    };
    others.push(collection?);
    unify(&others).filter(|ty| *ty != Type::Any)
}

/// The first of the types, in the order of preference, that all can be converted to.
fn preferred(types: &[Type]) -> Option<Type> {
    let mut order: Vec<&Type> = types.iter().collect();
    order.sort_by_key(|ty| rank(ty));
    order.into_iter().find(|want| types.iter().all(|ty| ty == *want || converted(ty, want).is_some())).cloned()
}

/// What comes first may be the result before what comes later.
fn rank(ty: &Type) -> (u8, u8) {
    match ty {
        Type::Any => (9, 0),
        Type::String => (0, 0),
        Type::List(element) | Type::Map(element) => (0, rank(element).0),
        Type::Set(element) => (2, rank(element).0),
        _ => (1, 0),
    }
}

/// References to a resource of any of the kinds.
fn of_references(types: &[Type]) -> Type {
    let each: Vec<&Arc<[Arc<str>]>> =
        types.iter().filter_map(|ty| if let Type::Ref(kinds) = ty { Some(kinds) } else { None }).collect();
    if each.iter().any(|kinds| kinds.is_empty()) {
        return Type::Ref(Arc::from([]));
    }
    let mut kinds: Vec<Arc<str>> = each.into_iter().flat_map(|kinds| kinds.iter().cloned()).collect();
    kinds.sort();
    kinds.dedup();
    Type::Ref(kinds.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_unify_as_in_cty() {
        let tuple = |types: &[Type]| Type::Tuple(types.into());
        let object = |name: &str, ty| Type::object([(Arc::from(name), ty)]);
        for (types, expected) in [
            (vec![], Some(Type::Any)),
            (vec![Type::Number, Type::String], Some(Type::String)),
            (vec![Type::Number, Type::Bool], None),
            (vec![Type::Number, Type::Bool, Type::String], Some(Type::String)),
            (vec![Type::Any, Type::Number], Some(Type::Number)),
            (vec![Type::Any, Type::Number, Type::Bool], Some(Type::Any)),
            (vec![Type::Number, tuple(&[])], None),
            (vec![tuple(&[Type::Number]), tuple(&[Type::String, Type::String])], Some(Type::list(Type::String))),
            (vec![tuple(&[Type::Number]), tuple(&[Type::String])], Some(tuple(&[Type::String]))),
            (vec![tuple(&[Type::Number]), tuple(&[Type::Any])], Some(tuple(&[Type::Number]))),
            (vec![tuple(&[Type::Number]), Type::Any], Some(Type::Any)),
            (vec![tuple(&[Type::Number]), object("a", Type::Number)], None),
            (vec![tuple(&[Type::Number]), Type::list(Type::String)], Some(Type::list(Type::String))),
            (vec![tuple(&[Type::Number]), Type::set(Type::String)], Some(Type::set(Type::String))),
            (vec![Type::set(Type::Number), Type::list(Type::String)], Some(Type::list(Type::String))),
            (vec![Type::list(Type::Number), Type::list(Type::Any)], Some(Type::list(Type::Number))),
            (vec![Type::list(object("a", Type::Number)), Type::list(Type::Any)], Some(Type::list(Type::Any))),
            (vec![object("a", Type::Number), object("b", Type::Number)], Some(Type::map(Type::Number))),
            (vec![object("a", Type::Number), object("a", Type::String)], Some(object("a", Type::String))),
            (vec![object("a", Type::Number), Type::map(Type::String)], Some(Type::map(Type::String))),
            (vec![object("a", Type::Number), object("a", tuple(&[]))], None),
            (vec![Type::map(Type::Number), Type::list(Type::Number)], None),
            (
                vec![Type::reference(["zone"]), Type::Any, Type::reference(["member"])],
                Some(Type::reference(["member", "zone"])),
            ),
        ] {
            assert_eq!(unify(&types), expected, "{types:?}");
        }
    }
}
