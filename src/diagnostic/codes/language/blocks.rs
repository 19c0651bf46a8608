//! Codes of what stands where: syntax, blocks, names and references: CAP0101 to CAP0119.

use crate::diagnostic::codes::codes;

codes! {
    BLOCKS "Syntax, blocks, names and references";

    101 SYNTAX "Invalid syntax": "The file does not parse as HCL. The report points at the first place where the text cannot go on.";
        fails r#"
            locals {
              names = ["a", "b"
            }
        "# remedy "Close what was opened: every bracket, brace and quote." mended r#"
            locals {
              names = ["a", "b"]
            }
        "#;
    102 UNKNOWN_BLOCK "Unsupported block type": "A block's type is neither part of the language nor a kind of resource, or it may not stand in the block that holds it.";
        fails r#"
            projct "demo" {}
        "# remedy "Check its spelling, and whether it stands in the right block." mended r#"
            project "demo" {}
        "#;
    103 UNKNOWN_ARGUMENT "Unsupported argument": "The block takes no argument of that name.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
              rolle = "admin"
            }
        "# remedy "Check its spelling, and whether it belongs into a nested block. `cap schema` shows what each block takes." mended r#"
            member "alice" {
              email = "alice@example.com"
              role  = "admin"
            }
        "#;
    104 MISSING_ARGUMENT "Missing required argument": "The block needs this argument, and it was left out or is null.";
        fails r#"
            member "alice" {
              role = "admin"
            }
        "# remedy "Give it a value." mended r#"
            member "alice" {
              email = "alice@example.com"
              role  = "admin"
            }
        "#;
    105 BLOCK_COUNT "Wrong number of blocks": "A nested block is missing, or stands more often than it may.";
        fails r#"
            project "demo" {}

            file_target "local" {
              reload = ["true"]
            }
        "# remedy "Add the block, or join those that are too many." mended r#"
            project "demo" {}

            file_target "local" {
              reload = ["true"]
              files { directory = "/etc/tls/${certificate.name}" }
            }
        "#;
    106 LABELS "Wrong number of labels": "Blocks of each type are written with a fixed number of labels: a resource is type \"name\" { … }.";
        fails r#"
            project {}
        "# remedy "Write as many labels as the report says." mended r#"
            project "demo" {}
        "#;
    107 NAME "Invalid name": "A name begins with a letter or an underscore and holds letters, digits, underscores and hyphens; some names are reserved.";
        fails r#"
            project "1st" {}
        "# remedy "Choose another name." mended r#"
            project "first" {}
        "#;
    108 DUPLICATE "Declared twice": "Within one module each address, variable, local value, output and check is declared once, whatever the file.";
        fails r#"
            project "demo" {}
            -- more.cap.hcl --
            project "demo" {}
        "# remedy "Rename or remove one of the two." mended r#"
            project "demo" {}
            -- more.cap.hcl --
            project "other" {}
        "#;
    109 OVERRIDE "Invalid override": "An override file (override.cap.hcl, *_override.cap.hcl) changes blocks that other files of the module declare: arguments one by one, nested blocks by their type. What it changes has to be there.";
        fails r#"
            project "demo" {}
            -- override.cap.hcl --
            project "dmeo" {
              description = "Changed by an override file."
            }
        "# remedy "Override what is declared, or put the block into a file that overrides nothing." mended r#"
            -- override.cap.hcl --
            project "demo" {
              description = "Changed by an override file."
            }
        "#;
    110 UNDECLARED "Reference to undeclared object": "The expression names a variable, a local value, a module or a resource that is not declared in this module.";
        fails r#"
            variable "email" {
              default = "alice@example.com"
            }

            member "alice" {
              email = var.emial
            }
        "# remedy "Check its spelling, or declare it." mended r#"
            variable "email" {
              default = "alice@example.com"
            }

            member "alice" {
              email = var.email
            }
        "#;
    111 REFERENCE "Invalid reference": "The expression names something that cannot be referred to here, or not in this way.";
        fails r#"
            member "alice" {
              email = "${each.key}@example.com"
            }
        "# remedy "Refer to what there is at this place: each belongs to for_each, count to count, and a resource is type.name." mended r#"
            member "person" {
              for_each = toset(["alice"])
              email    = "${each.key}@example.com"
            }
        "#;
    112 CYCLE "Cycle of references": "A value depends on itself by way of the references shown.";
        fails r#"
            locals {
              first  = "a${local.second}"
              second = "b${local.first}"
            }
        "# remedy "Remove one of the references, or move what both sides need into a local value of its own." mended r#"
            locals {
              shared = "c"
              first  = "a${local.shared}"
              second = "b${local.first}"
            }
        "#;
    113 FACT "Fact read too early": "Facts such as not_after exist only after apply. They can be read in outputs, checks and postconditions, where they are those of the store; configuration cannot depend on them.";
        fails r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            member "alice" {
              email = private_ca.house.fingerprint
            }
        "# remedy "Read the fact in an output, a check or a postcondition." mended r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            output "fingerprint" {
              value = private_ca.house.fingerprint
            }
        "#;
}
