//! All kinds of resources: those of the domain, and those that adapters bring.

use crate::model::{self, Kinds};
use crate::{dns, issuer, target};

/// All of them.
pub fn kinds() -> Kinds {
    Kinds::new(model::kinds().into_iter().chain(issuer::kinds()).chain(dns::kinds()).chain(target::kinds()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ISSUERS, Role, TARGETS};

    #[test]
    fn the_kinds_that_the_domain_counts_on_are_there_once() {
        let all = kinds();
        let of = |wanted: fn(&Role) -> bool| -> Vec<&str> {
            all.iter().filter(|kind| wanted(&kind.role)).map(|kind| kind.schema.name).collect()
        };
        assert_eq!(of(|role| matches!(role, Role::Issuer(_))), ISSUERS);
        assert_eq!(of(|role| matches!(role, Role::Target(_))), TARGETS);
        let parts = [model::kinds(), issuer::kinds(), dns::kinds(), target::kinds()];
        assert_eq!(all.iter().count(), parts.iter().map(Vec::len).sum::<usize>());
    }
}
