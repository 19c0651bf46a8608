//! What a block may hold, wherever it stands: arguments and blocks out of schemas, of the language, and of modules that are
//! called.

use super::cursor::Around;
use super::declared::Module;
use super::interface::Input;
use super::language::{BLOCKS, DYNAMIC, REPEATED, RESOURCE, Word};
use crate::eval::schema::{AttributeSchema, BlockSchema, BodySchema, Catalog, Presence};
use crate::eval::types::Type;
use crate::syntax::ast::Expr;

/// What a question is asked about.
pub struct World<'w> {
    /// The kinds of resources.
    pub catalog: &'w Catalog,
    /// The module that the place is in.
    pub module: &'w Module<'w>,
    /// The module that a `module` block calls, by the block's name.
    pub callee: &'w dyn Fn(&str) -> Option<&'w Module<'w>>,
    /// An expression as text of the native form.
    pub text: &'w dyn Fn(&Expr) -> String,
}

/// One argument or block that a block may hold.
#[derive(Debug, Clone, Default)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Whether it is a block, and then what stands behind its type.
    pub block: Option<String>,
    /// Its type, and whether it is needed, for people.
    pub detail: String,
    /// What it is.
    pub doc: String,
    /// The values that it takes; empty for any.
    pub values: Vec<String>,
    /// Its type, where a schema says it.
    pub ty: Option<Type>,
    /// Whether `certificate` can be used in it.
    pub per_certificate: bool,
}

/// What one body may hold.
enum Level<'w> {
    Schema(&'w BodySchema),
    Resource(&'w BodySchema),
    Word(&'static Word),
    Call(String),
    Dynamic(&'w BodySchema, String),
}

impl<'w> World<'w> {
    /// What may stand in the innermost of these blocks; in the file where there are none.
    pub fn members(&self, around: &[Around]) -> Vec<Member> {
        let Some(first) = around.first() else { return self.blocks() };
        let level = around[1..].iter().try_fold(self.top(first), |level, next| Some(Self::below(level?, next)));
        level.flatten().map_or_else(Vec::new, |level| self.list(&level))
    }

    /// The argument or block of that name in the innermost of these blocks.
    pub fn member(&self, around: &[Around], name: &str) -> Option<Member> {
        self.members(around).into_iter().find(|member| member.name == name)
    }

    fn blocks(&self) -> Vec<Member> {
        let kind = |name: &str, doc: &str| Member {
            name: name.to_owned(),
            block: Some("\"name\"".to_owned()),
            detail: "resource".to_owned(),
            doc: doc.to_owned(),
            ..Member::default()
        };
        let kinds = self.catalog.iter().map(|schema| kind(schema.name, schema.doc));
        kinds.chain(BLOCKS.iter().map(of_word)).collect()
    }

    fn top(&self, block: &Around) -> Option<Level<'w>> {
        if let Some(schema) = self.catalog.get(&block.kind) {
            return Some(Level::Resource(&schema.body));
        }
        match (block.kind.as_str(), block.labels.first()) {
            ("module", Some(name)) => Some(Level::Call(name.clone())),
            (kind, _) => BLOCKS.iter().find(|word| word.name == kind).map(Level::Word),
        }
    }

    fn below(level: Level<'w>, next: &Around) -> Option<Level<'w>> {
        let word = |words: &'static [Word]| words.iter().find(|word| word.name == next.kind).map(Level::Word);
        match level {
            Level::Schema(body) | Level::Resource(body) if next.kind == "dynamic" => {
                Some(Level::Dynamic(body, next.labels.first().cloned().unwrap_or_default()))
            }
            Level::Schema(body) => body.block(&next.kind).map(|block| Level::Schema(&block.body)),
            Level::Resource(body) => {
                body.block(&next.kind).map(|block| Level::Schema(&block.body)).or_else(|| word(RESOURCE))
            }
            Level::Word(one) => word(one.blocks),
            Level::Dynamic(body, name) if next.kind == "content" => {
                body.block(&name).map(|block| Level::Schema(&block.body))
            }
            Level::Dynamic(..) | Level::Call(_) => None,
        }
    }

    fn list(&self, level: &Level<'w>) -> Vec<Member> {
        match level {
            Level::Schema(body) => of_body(body).chain((!body.blocks.is_empty()).then(|| of_word(&DYNAMIC))).collect(),
            Level::Resource(body) => {
                let repeated = REPEATED.iter().map(|(name, doc)| argument(name, doc));
                of_body(body).chain(repeated).chain(RESOURCE.iter().map(of_word)).collect()
            }
            Level::Word(word) => of_words(word),
            Level::Dynamic(..) => of_words(&DYNAMIC),
            Level::Call(name) => self.of_call(name),
        }
    }

    fn of_call(&self, name: &str) -> Vec<Member> {
        let variables = (self.callee)(name).into_iter().flat_map(|module| &module.variables);
        let member = |(name, block): (&&str, &&crate::syntax::ast::Block)| {
            let input = Input::of(name, block, self.text);
            let needed = if input.default.is_some() { "optional" } else { "required" };
            Member { detail: format!("{}, {needed}", input.ty), ..argument(name, &input.description) }
        };
        let own = BLOCKS.iter().find(|word| word.name == "module");
        variables.map(member).chain(own.into_iter().flat_map(of_words)).collect()
    }
}

fn argument(name: &str, doc: &str) -> Member {
    Member { name: name.to_owned(), doc: doc.to_owned(), ..Member::default() }
}

fn of_word(word: &Word) -> Member {
    Member { block: Some(word.label.to_owned()), detail: "block".to_owned(), ..argument(word.name, word.doc) }
}

fn of_words(word: &Word) -> Vec<Member> {
    word.arguments.iter().map(|(name, doc)| argument(name, doc)).chain(word.blocks.iter().map(of_word)).collect()
}

fn of_body(body: &BodySchema) -> impl Iterator<Item = Member> {
    body.attributes.iter().map(of_attribute).chain(body.blocks.iter().map(of_block))
}

fn of_attribute(schema: &AttributeSchema) -> Member {
    let presence = match &schema.presence {
        Presence::Required => "required".to_owned(),
        Presence::Optional => "optional".to_owned(),
        Presence::Default(default) => format!("default {}", crate::eval::notation::notation(default)),
    };
    Member {
        detail: format!("{}, {presence}", schema.ty),
        values: schema.one_of.iter().map(|value| (*value).to_owned()).collect(),
        ty: Some(schema.ty.clone()),
        per_certificate: schema.per_certificate,
        ..argument(schema.name, schema.doc)
    }
}

fn of_block(schema: &BlockSchema) -> Member {
    Member { block: Some(String::new()), detail: "block".to_owned(), ..argument(schema.name, schema.doc) }
}
