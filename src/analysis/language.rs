//! What the blocks of the language itself may hold, with a sentence for each: what schemas say of kinds of resources.

/// A block of the language.
#[derive(Debug)]
pub struct Word {
    /// Its type.
    pub name: &'static str,
    /// What stands behind its type, for people: empty where it has no label.
    pub label: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Its arguments: name and what it is.
    pub arguments: &'static [(&'static str, &'static str)],
    /// Blocks within it.
    pub blocks: &'static [Self],
}

const CONDITION: &[(&str, &str)] = &[
    ("condition", "What has to be true."),
    ("error_message", "What is reported when it is not: a sentence for people."),
];

const PRECONDITION: Word = Word {
    name: "precondition",
    label: "",
    doc: "What has to be true before anything is done.",
    arguments: CONDITION,
    blocks: &[],
};

/// Arguments of every block that can be repeated.
pub const REPEATED: &[(&str, &str)] = &[
    ("for_each", "A map or a set of strings: one instance for each element, `each.key` and `each.value` within."),
    ("count", "How many instances there are; `count.index` within."),
    ("depends_on", "A list of references: what has to be there first, beyond what is referred to."),
];

const ENABLED: (&str, &str) = ("enabled", "Whether it is there at all; its name stands for null while it is not.");

/// Blocks of every resource.
pub const RESOURCE: &[Word] = &[
    Word {
        name: "lifecycle",
        label: "",
        doc: "What may happen to the resource.",
        arguments: &[
            ("prevent_destroy", "Refuses plans that destroy it; kept in the store, so it survives the block."),
            ("destroy", "False: it is forgotten where it would be destroyed, and what it stands for stays."),
            ("ignore_changes", "Arguments whose changes are left alone: a list of names, or `all`."),
            ENABLED,
        ],
        blocks: &[
            PRECONDITION,
            Word {
                name: "postcondition",
                label: "",
                doc: "What has to be true when it is there; `self` is the resource.",
                arguments: CONDITION,
                blocks: &[],
            },
        ],
    },
    DYNAMIC,
];

/// `dynamic "block" { … }`
pub const DYNAMIC: Word = Word {
    name: "dynamic",
    label: "\"block\"",
    doc: "Makes a nested block for each element of a collection.",
    arguments: &[
        ("for_each", "The collection."),
        ("iterator", "The name of the element within; the block's type when left out."),
        ("labels", "Labels of the blocks that are made."),
    ],
    blocks: &[Word {
        name: "content",
        label: "",
        doc: "What each block holds; `NAME.key` and `NAME.value` are the element.",
        arguments: &[],
        blocks: &[],
    }],
};

/// The blocks that stand in files besides resources.
pub const BLOCKS: &[Word] = &[
    Word {
        name: "cap",
        label: "",
        doc: "Settings of the whole estate.",
        arguments: &[
            ("required_version", "Which versions of cap may be used: `\">= 0.1\"`."),
            ("store", "Where the store is: `sqlite:PATH` or `mongodb://…`, without credentials."),
        ],
        blocks: &[],
    },
    Word {
        name: "variable",
        label: "\"name\"",
        doc: "A value that is given from outside: `var.name`.",
        arguments: &[
            ("type", "Its type: `string`, `number`, `bool`, `list(T)`, `map(T)`, `object({ … })`, …"),
            ("default", "Its value when none is given; without it a value is required."),
            ("description", "What it is for."),
            ("nullable", "Whether `null` may be given; true when left out."),
            ("sensitive", "Whether its value is a secret."),
            ("ephemeral", "Whether its value is kept nowhere: here the same as a secret."),
            ("deprecated", "What to use instead: whoever gives it a value is told."),
        ],
        blocks: &[Word {
            name: "validation",
            label: "",
            doc: "What has to be true of the value.",
            arguments: CONDITION,
            blocks: &[],
        }],
    },
    Word { name: "locals", label: "", doc: "Values under names: `local.name`.", arguments: &[], blocks: &[] },
    Word {
        name: "output",
        label: "\"name\"",
        doc: "A value that is given to the outside.",
        arguments: &[
            ("value", "The value; facts can be read here."),
            ("description", "What it is."),
            ("sensitive", "Whether it is shown only on request."),
            ("ephemeral", "Of a module: whether it may hold what is kept nowhere."),
            ("deprecated", "What to use instead: whoever reads it is told."),
            ("depends_on", "What has to be there first."),
        ],
        blocks: &[PRECONDITION],
    },
    Word {
        name: "module",
        label: "\"name\"",
        doc: "Calls a module: its variables are arguments here, its outputs are `module.name.output`.",
        arguments: &[
            ("source", "Where the module is: a directory such as `\"./modules/web\"`, a git repository or an archive."),
            REPEATED[0],
            REPEATED[1],
            REPEATED[2],
        ],
        blocks: &[Word {
            name: "lifecycle",
            label: "",
            doc: "Whether the module is called.",
            arguments: &[ENABLED],
            blocks: &[],
        }],
    },
    Word {
        name: "check",
        label: "\"name\"",
        doc: "Warns when something does not hold.",
        arguments: &[],
        blocks: &[Word { name: "assert", label: "", doc: "What has to be true.", arguments: CONDITION, blocks: &[] }],
    },
    Word {
        name: "moved",
        label: "",
        doc: "Says that something has another address now, so that it is not made anew.",
        arguments: &[
            ("for_each", "Moves as often; the keys in the addresses may then be expressions."),
            ("from", "Where it was."),
            ("to", "Where it is."),
        ],
        blocks: &[],
    },
    Word {
        name: "import",
        label: "",
        doc: "Takes something over that exists already.",
        arguments: &[
            ("to", "The resource that it becomes: `certificate.www`."),
            ("id", "Where the thing is: what that means is said of each kind."),
            ("for_each", "A map or a set of strings: one import for each element."),
        ],
        blocks: &[],
    },
    Word {
        name: "removed",
        label: "",
        doc: "Says what becomes of something that is not declared any more.",
        arguments: &[("from", "What it was.")],
        blocks: &[Word {
            name: "lifecycle",
            label: "",
            doc: "What becomes of it.",
            arguments: &[("destroy", "Whether it is destroyed, and not only forgotten.")],
            blocks: &[],
        }],
    },
];

/// The roots of references besides types of resources: name and what it is.
pub const ROOTS: &[(&str, &str)] = &[
    ("var", "Variables: `var.name`."),
    ("local", "Local values: `local.name`."),
    ("module", "Outputs of modules: `module.name.output`."),
    ("path", "Directories: `path.module`, `path.root`, `path.cwd`."),
    ("each", "The element that a block with `for_each` is made for: `each.key`, `each.value`."),
    ("count", "The instance of a block with `count`: `count.index`."),
    ("self", "The resource, in its postconditions."),
];

/// What can follow some roots.
pub const BEHIND: &[(&str, &str, &str)] = &[
    ("path", "module", "The directory of this module."),
    ("path", "root", "The directory of the root module."),
    ("path", "cwd", "The directory the command was started in."),
    ("each", "key", "The key of the element."),
    ("each", "value", "The element."),
    ("count", "index", "The number of the instance, from zero."),
];

/// Types of variables.
pub const TYPES: &[(&str, &str)] = &[
    ("string", "A text."),
    ("number", "A number."),
    ("bool", "`true` or `false`."),
    ("any", "Whatever is given."),
    ("list", "`list(T)`: elements of one type, in order."),
    ("set", "`set(T)`: elements of one type, each once."),
    ("map", "`map(T)`: elements of one type, by name."),
    ("tuple", "`tuple([T, …])`: elements each of a type of its own."),
    ("object", "`object({ name = T, … })`: attributes each of a type of its own."),
    ("optional", "`optional(T, default)`: an attribute of an object that may be left out."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::codes::language as codes;
    use crate::eval::{Inputs, evaluate};
    use crate::model::fixture;
    use crate::source::SourceId;
    use crate::syntax::parse;
    use crate::time::Timestamp;

    struct NoFiles;

    impl crate::eval::functions::Files for NoFiles {
        fn read(&self, _: &str) -> Result<std::sync::Arc<[u8]>, crate::eval::functions::FileFault> {
            Err(crate::eval::functions::FileFault::NotFound)
        }

        fn kind(&self, _: &str) -> Result<crate::eval::functions::FileKind, crate::eval::functions::FileFault> {
            Err(crate::eval::functions::FileFault::NotFound)
        }

        fn list(
            &self,
            _: &str,
        ) -> Result<Vec<(String, crate::eval::functions::FileKind)>, crate::eval::functions::FileFault> {
            Err(crate::eval::functions::FileFault::NotFound)
        }
    }

    fn written(word: &Word, out: &mut String) {
        out.push_str(&format!("{} {} {{\n", word.name, word.label));
        // A block is repeated one way or the other.
        let arguments = word.arguments.iter().filter(|(name, _)| *name != "count");
        arguments.for_each(|(name, _)| out.push_str(&format!("{name} = null\n")));
        word.blocks.iter().for_each(|block| written(block, out));
        out.push_str("}\n");
    }

    /// Evaluation takes everything that is offered here.
    #[test]
    fn what_is_offered_is_taken() {
        let mut text = String::from("member \"m\" {\nemail = \"m@example.com\"\n");
        RESOURCE.iter().filter(|word| word.name != "dynamic").for_each(|word| written(word, &mut text));
        text.push_str("}\n");
        BLOCKS.iter().for_each(|word| written(word, &mut text));
        let (file, faults) = parse(SourceId(0), &text);
        assert!(faults.is_empty(), "{faults:?}");
        let catalog = fixture::kinds().catalog();
        let (_, faults) = evaluate(&[file], &Inputs::default(), &catalog, &NoFiles, Timestamp::from_millis(0));
        let refused: Vec<_> = faults
            .iter()
            .filter(|one| [&codes::UNKNOWN_ARGUMENT, &codes::UNKNOWN_BLOCK, &codes::LABELS].contains(&one.code))
            .map(|one| &one.detail)
            .collect();
        assert!(refused.is_empty(), "{refused:?}");
    }
}
