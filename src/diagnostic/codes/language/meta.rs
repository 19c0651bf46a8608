//! Codes of what is written around resources: repetition, lifecycle, conditions, moves, modules: CAP0160 to CAP0189.

use crate::diagnostic::codes::codes;

codes! {
    META "Repetition, lifecycle, conditions, moves and modules";

    160 FOR_EACH "Invalid for_each argument": "for_each takes a map, an object or a set of strings; its keys become part of the addresses. Lists have no keys.";
        fails r#"
            member "person" {
              for_each = ["alice", "bob"]
              email    = "${each.value}@example.com"
            }
        "# remedy "Convert a list with toset, or write a map." mended r#"
            member "person" {
              for_each = toset(["alice", "bob"])
              email    = "${each.value}@example.com"
            }
        "#;
    161 COUNT "Invalid count argument": "count takes a whole number that is not negative.";
        fails r#"
            member "robot" {
              count = 1.5
              email = "robot${count.index}@example.com"
            }
        "# remedy "Round it with floor or ceil." mended r#"
            member "robot" {
              count = 2
              email = "robot${count.index}@example.com"
            }
        "#;
    162 DEPENDS_ON "Invalid depends_on": "depends_on takes a list of references to resources and modules.";
        fails r#"
            project "demo" {}

            member "alice" {
              email      = "alice@example.com"
              depends_on = "project.demo"
            }
        "# remedy "Write a list of references: [project.demo]." mended r#"
            project "demo" {}

            member "alice" {
              email      = "alice@example.com"
              depends_on = [project.demo]
            }
        "#;
    163 LIFECYCLE "Invalid lifecycle": "A lifecycle block holds prevent_destroy, enabled and destroy (true or false), ignore_changes (a list of arguments, or all), and blocks precondition and postcondition.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
              lifecycle { ignore_changes = [emial] }
            }
        "# remedy "Name arguments that the resource has." mended r#"
            member "alice" {
              email = "alice@example.com"
              lifecycle { ignore_changes = [email] }
            }
        "#;
    164 PRECONDITION "Resource precondition failed": "A precondition of a resource does not hold; its error_message says what is wanted. Nothing is done before it holds.";
        fails r#"
            variable "email" {
              default = "alice@elsewhere.example"
            }

            member "alice" {
              email = var.email
              lifecycle {
                precondition {
                  condition     = endswith(var.email, "@example.com")
                  error_message = "Members have addresses of example.com."
                }
              }
            }
        "# remedy "Make the condition hold." mended r#"
            variable "email" {
              default = "alice@example.com"
            }

            member "alice" {
              email = var.email
              lifecycle {
                precondition {
                  condition     = endswith(var.email, "@example.com")
                  error_message = "Members have addresses of example.com."
                }
              }
            }
        "#;
    165 POSTCONDITION "Resource postcondition failed": "A postcondition of a resource does not hold for what the configuration says or what is there; its error_message says what is wanted.";
        fails r#"
            member "alice" {
              email = "alice@elsewhere.example"
              lifecycle {
                postcondition {
                  condition     = endswith(self.email, "@example.com")
                  error_message = "Members have addresses of example.com."
                }
              }
            }
        "# remedy "Make the condition hold." mended r#"
            member "alice" {
              email = "alice@example.com"
              lifecycle {
                postcondition {
                  condition     = endswith(self.email, "@example.com")
                  error_message = "Members have addresses of example.com."
                }
              }
            }
        "#;
    166 CHECK "Check block assertion failed": "An assertion of a check block does not hold; its error_message says what is wanted. Checks warn and stop nothing.";
        fails r#"
            member "alice" {
              email = "alice@elsewhere.example"
            }

            check "addresses" {
              assert {
                condition     = endswith(member.alice.email, "@example.com")
                error_message = "Members have addresses of example.com."
              }
            }
        "# remedy "Make the assertion hold, or change it." mended r#"
            member "alice" {
              email = "alice@example.com"
            }

            check "addresses" {
              assert {
                condition     = endswith(member.alice.email, "@example.com")
                error_message = "Members have addresses of example.com."
              }
            }
        "#;
    167 OUTPUT_PRECONDITION "Module output value precondition failed": "A precondition of an output does not hold; its error_message says what is wanted.";
        fails r#"
            variable "names" {
              default = []
            }

            output "first" {
              value = try(var.names[0], "")
              precondition {
                condition     = length(var.names) > 0
                error_message = "At least one name is needed."
              }
            }
        "# remedy "Make the condition hold." mended r#"
            variable "names" {
              default = ["www"]
            }

            output "first" {
              value = try(var.names[0], "")
              precondition {
                condition     = length(var.names) > 0
                error_message = "At least one name is needed."
              }
            }
        "#;
    168 MOVED "Invalid moved block": "A moved block names what there was and what it is now: two resources of one type, or two modules. What has moved is not declared any more where it was, and nothing moves to or from two places.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
            }

            moved {
              from = project.alice
              to   = member.alice
            }
        "# remedy "Name the old and the new address of one thing." mended r#"
            member "alice" {
              email = "alice@example.com"
            }

            moved {
              from = member.alicia
              to   = member.alice
            }
        "#;
    169 REMOVED "Invalid removed block": "A removed block names a whole resource or module that is not declared any more.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
            }

            removed {
              from = member.alice
              lifecycle { destroy = false }
            }
        "# remedy "Remove either the resource's block or the removed block." mended r#"
            removed {
              from = member.alice
              lifecycle { destroy = false }
            }
        "#;
    170 VERSION "Unsupported version": "The configuration's required_version excludes this version of cap.";
        fails r#"
            cap {
              required_version = ">= 99.0"
            }
        "# remedy "Install a version that meets it, or widen it." mended r#"
            cap {
              required_version = ">= 0.1"
            }
        "#;
    171 OUTPUT "Invalid output": "An output holds what can be shown: no secrets.";
        fails r#"
            output "token" {
              value = secret_env("TOKEN")
            }
        "# remedy "Leave the secret out." mended r#"
            output "token" {
              value = "in the environment"
            }
        "#;
    172 MODULE "Invalid module call": "A module block calls the module that its source names: a directory, a repository or an archive. A module never calls itself, however far around.";
        fails r#"
            module "pki" {
              source = "modules/pki"
            }
            -- modules/pki/main.cap.hcl --
            project "pki" {}
        "# remedy "Write the source of a local module as a text that begins with ./ or ../." mended r#"
            module "pki" {
              source = "./modules/pki"
            }
            -- modules/pki/main.cap.hcl --
            project "pki" {}
        "#;
    175 IMPORT "Invalid import": "An import block names, in `to`, the resource that is to manage what exists already, and in `id` where that is. It stands in the root module.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
            }

            import {
              to = member.alice
              id = ""
            }
            $ cap plan
        "# remedy "Write to = the address of a resource, and a text for id." mended r#"
            -- main.cap.hcl --
            member "alice" {
              email = "alice@example.com"
            }

            import {
              to = member.alice
              id = "alice"
            }
            $ cap plan
        "#;
    176 CONSTANT_CONDITION "Condition checks nothing": "A condition that refers to nothing is always true or always false, so that it checks nothing; that of a validation has to refer to its own variable.";
        fails r#"
            variable "days" {
              default = 30
              validation {
                condition     = true
                error_message = "Too long."
              }
            }
        "# remedy "Refer to what is to be checked." mended r#"
            variable "days" {
              default = 30
              validation {
                condition     = var.days <= 90
                error_message = "Too long."
              }
            }
        "#;
    173 NOT_GOT "Module not installed": "A module block names a module that lies elsewhere, and `cap get` has not put it below .cap/modules yet. Nothing but `cap get` asks another machine for modules.";
        fails r#"
            module "web" {
              source = "git::https://git.example.com/web.git?ref=v1.0.0"
            }
        "# remedy "Run `cap get`." mended r#"
            project "demo" {}
            -- main.cap.hcl --
            module "web" {
              source = "./web"
            }
            -- web/main.cap.hcl --
            project "web" {}
        "#;
    174 LOCK "Module is not the locked one": "A package below .cap/modules, or one that was just fetched, is not the content that .cap.lock.hcl names, or the file does not name it. Somebody edited it, moved a tag, or the server answered with something else.";
        fails r#"
            project "demo" {}
            -- .cap.lock.hcl --
            module "git::https://git.example.com/web.git?ref=v1.0.0" {
              commit = "68e0d4fdb3a8a1ba1ba1a1a1a1a1a1a1a1a1a1a1"
            }
            $ cap get
        "# remedy "Run `cap get`; where a newer content is wanted, `cap get -update`. A damaged lock file is removed first." mended r#"
            project "demo" {}
            -- main.cap.hcl --
            project "demo" {}
            $ cap get
        "#;
    177 QUOTED_REFERENCE "Quoted references are deprecated": "Terraform 0.11 wanted the references of depends_on and the arguments of ignore_changes in quotes. They are read as they were meant; without quotes editors can follow them.";
        fails r#"
            project "demo" {}

            member "alice" {
              email      = "alice@example.com"
              depends_on = ["project.demo"]
            }
        "# remedy "Take the quotes away." mended r#"
            project "demo" {}

            member "alice" {
              email      = "alice@example.com"
              depends_on = [project.demo]
            }
        "#;
    180 RESIDUAL "Output cannot be resolved": "The output reads facts, and evaluating it with those of the store failed.";
        happens "An output, a check or a postcondition reads a fact of a resource that was never applied, or the store's text of the output is damaged. `cap output` shows it as the reason why an output has no value."
        remedy "Apply first; `cap state show` shows the facts that there are.";
}
