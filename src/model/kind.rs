//! Kinds of resources: a schema, the part the kind plays, and its own rules. Adapters bring theirs; the wiring joins them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::Diagnostics;
use crate::eval::desired::Instance;
use crate::eval::schema::{Catalog, KindSchema, optional};
use crate::eval::types::Type;
use crate::plan::Work;
use crate::state::Spec;

/// One kind.
#[derive(Debug, Clone)]
pub struct Kind {
    /// What it may hold.
    pub schema: Arc<KindSchema>,
    /// The part it plays.
    pub role: Role,
    /// Rules that need nothing but the instance itself: shapes, ranges, what excludes what.
    pub check: fn(&Instance, &mut Diagnostics),
}

/// The part a kind plays in an estate.
#[derive(Debug, Clone, Copy)]
pub enum Role {
    /// Bookkeeping: organization, member, project, policies, zones, credentials.
    Record,
    /// Issues certificates; making it is this work.
    Issuer(Work),
    /// The certificate.
    Certificate,
    /// A destination: for the configuration rendered for one certificate, every place that it would write to, so that two
    /// deployments to one place are found: `file:/etc/tls/www`, `ssh:web1.example.com:22:/etc/nginx/tls/www`.
    Target(fn(&Spec) -> Vec<String>),
}

impl Kind {
    /// A kind without rules of its own. One that belongs to a project gets the argument `project`.
    pub fn new(mut schema: KindSchema, role: Role) -> Self {
        if schema.in_project && schema.body.attribute("project").is_none() {
            let doc = "The project it belongs to; may be left out where one is declared.";
            schema.body.attributes.insert(0, optional("project", Type::reference(["project"]), doc));
        }
        Self { schema: Arc::new(schema), role, check: |_, _| {} }
    }

    /// Gives it rules.
    #[must_use]
    pub fn checked(self, check: fn(&Instance, &mut Diagnostics)) -> Self {
        Self { check, ..self }
    }
}

/// All kinds by name.
#[derive(Debug, Clone, Default)]
pub struct Kinds {
    all: BTreeMap<&'static str, Kind>,
}

impl Kinds {
    /// Kinds, each with a name of its own.
    pub fn new(kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self { all: kinds.into_iter().map(|kind| (kind.schema.name, kind)).collect() }
    }

    /// The kind of that name.
    pub fn get(&self, name: &str) -> Option<&Kind> {
        self.all.get(name)
    }

    /// All kinds in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Kind> {
        self.all.values()
    }

    /// Their schemas, for evaluation.
    pub fn catalog(&self) -> Catalog {
        let mut catalog = Catalog::default();
        self.iter().for_each(|kind| catalog.register((*kind.schema).clone()));
        catalog
    }
}
