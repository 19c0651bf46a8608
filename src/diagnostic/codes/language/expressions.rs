//! Codes of expressions: what operators, calls and templates cannot do: CAP0120 to CAP0139.

use crate::diagnostic::codes::codes;

codes! {
    EXPRESSIONS "Expressions and functions";

    120 OPERAND "Invalid operand": "An operator was given a value it cannot work with. Arithmetic and comparison take numbers, && || ! take bools.";
        fails r#"
            output "sum" {
              value = 1 + "one"
            }
        "# remedy "Convert the value, or compute with another one. + joins no texts: write a template." mended r#"
            output "sum" {
              value = "1 and one"
            }
        "#;
    121 CONDITION "Invalid condition": "A condition must be true or false.";
        fails r#"
            output "size" {
              value = "many" ? "large" : "small"
            }
        "# remedy "Compare the value with something." mended r#"
            output "size" {
              value = "many" == "many" ? "large" : "small"
            }
        "#;
    122 CONDITIONAL "Inconsistent conditional result types": "Both results of a conditional must be convertible to one type, since it has one type whatever its condition says.";
        fails r#"
            output "names" {
              value = true ? ["a"] : "none"
            }
        "# remedy "Let both results be of one type, with null or an empty collection for nothing." mended r#"
            output "names" {
              value = true ? ["a"] : []
            }
        "#;
    123 INDEX "Invalid index": "The key names no element of the collection, or the value has no elements that a key could name.";
        fails r#"
            locals {
              names = ["a", "b"]
            }

            output "third" {
              value = local.names[2]
            }
        "# remedy "Use a key that is there; the first element of a list is at 0. lookup and try give something else for a missing one." mended r#"
            locals {
              names = ["a", "b"]
            }

            output "third" {
              value = local.names[1]
            }
        "#;
    124 ATTRIBUTE "Unsupported attribute": "The value has no attribute of that name.";
        fails r#"
            locals {
              host = { name = "web1", port = 22 }
            }

            output "port" {
              value = local.host.prot
            }
        "# remedy "Check its spelling, and what the value is." mended r#"
            locals {
              host = { name = "web1", port = 22 }
            }

            output "port" {
              value = local.host.port
            }
        "#;
    125 ITERATION "Value cannot be iterated": "Only lists, sets, tuples, maps and objects have elements to go through.";
        fails r#"
            output "names" {
              value = [for name in "alice" : upper(name)]
            }
        "# remedy "Go through a collection: split makes a list of a text." mended r#"
            output "names" {
              value = [for name in ["alice"] : upper(name)]
            }
        "#;
    126 KEY "Invalid object key": "Keys of an object are texts, and in a for expression without ... each comes up once.";
        fails r#"
            output "by_zone" {
              value = { for host in ["a.example", "b.example"] : "example" => host }
            }
        "# remedy "Make keys that differ, or group by them: write ... after the value." mended r#"
            output "by_zone" {
              value = { for host in ["a.example", "b.example"] : "example" => host... }
            }
        "#;
    127 TEMPLATE "Value cannot stand in a template": "Templates hold texts, numbers and bools.";
        fails r#"
            output "hosts" {
              value = "hosts: ${["a", "b"]}"
            }
        "# remedy "Write other values with a function such as join or jsonencode." mended r#"
            output "hosts" {
              value = "hosts: ${join(", ", ["a", "b"])}"
            }
        "#;
    128 FUNCTION "Call to unknown function": "There is no function of that name.";
        fails r#"
            output "name" {
              value = uper("alice")
            }
        "# remedy "Check its spelling. Functions are Terraform's, without those that read the clock or randomness." mended r#"
            output "name" {
              value = upper("alice")
            }
        "#;
    129 ARGUMENT "Invalid function argument": "The function cannot work with this argument. The detail says why.";
        fails r#"
            output "name" {
              value = upper(["alice"])
            }
        "# remedy "Give it what the detail asks for." mended r#"
            output "name" {
              value = upper("alice")
            }
        "#;
    130 CALL "Function call failed": "The function was called with too few or too many arguments, or could not do its work.";
        fails r#"
            output "name" {
              value = upper()
            }
        "# remedy "Call it with the arguments it takes." mended r#"
            output "name" {
              value = upper("alice")
            }
        "#;
    131 SECRET "Secret looked into": "A secret can only be given to an argument that takes one. It cannot be put into a text, compared, hashed, converted or shown, so that it never gets into a plan or a record.";
        fails r#"
            member "robot" {
              email = "robot-${secret_env("ROBOT")}@example.com"
            }
        "# remedy "Hand the secret itself to an argument that takes one." mended r#"
            member "robot" {
              email = "robot@example.com"
              token = secret_env("ROBOT")
            }
        "#;
    132 LIMIT "Limit exceeded": "A value or an estate is larger or deeper than is ever meant. The limits are far above any estate written by people.";
        fails r#"
            member "person" {
              count = 1000000000
              email = "person${count.index}@example.com"
            }
        "# remedy "Look for a typo in a number or a range." mended r#"
            member "person" {
              count = 10
              email = "person${count.index}@example.com"
            }
        "#;
}
