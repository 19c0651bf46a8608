//! Codes of values: arguments of resources, types, variables: CAP0140 to CAP0159.

use crate::diagnostic::codes::codes;

codes! {
    VALUES "Arguments, types and variables";

    140 TYPE "Wrong type": "The argument's value is not of the type it needs and cannot be converted to it.";
        fails r#"
            member "alice" {
              email = ["alice@example.com"]
            }
        "# remedy "Give it a value of the type that the report names." mended r#"
            member "alice" {
              email = "alice@example.com"
            }
        "#;
    141 VALUE "Value not allowed": "The argument takes one of a few fixed values.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
              role  = "admn"
            }
        "# remedy "Take one of the values that the report lists." mended r#"
            member "alice" {
              email = "alice@example.com"
              role  = "admin"
            }
        "#;
    142 PROJECT "Project missing": "Every resource but organization and member belongs to a project. Where the module declares a single project it is taken; otherwise the argument is needed.";
        fails r#"
            private_ca "house" {
              common_name = "House CA"
            }
        "# remedy "Declare a project, or name one of those there are." mended r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }
        "#;
    143 CERTIFICATE "Template over the certificate": "Some arguments of a target are evaluated once for each certificate deployed to it, with `certificate` as that certificate. In a dynamic block they cannot stand: what the block is made from is not known then.";
        fails r#"
            project "demo" {}

            file_target "local" {
              dynamic "files" {
                for_each = ["/etc/tls"]
                content {
                  directory = "${files.value}/${certificate.name}"
                }
              }
            }
        "# remedy "Write the block as it is." mended r#"
            project "demo" {}

            file_target "local" {
              files {
                directory = "/etc/tls/${certificate.name}"
              }
            }
        "#;
    150 CONSTRAINT "Invalid type constraint": "A variable's type is string, number, bool, any, list(T), set(T), map(T), tuple([T, …]) or object({ name = T, … }), with optional(T) and optional(T, default) for attributes of objects.";
        fails r#"
            variable "names" {
              type    = lst(string)
              default = []
            }
        "# remedy "Write one of these types, without quotes." mended r#"
            variable "names" {
              type    = list(string)
              default = []
            }
        "#;
    151 VARIABLE "Invalid value for variable": "The value given for a variable is not of its type.";
        fails r#"
            variable "days" {
              type    = number
              default = "ninety"
            }
        "# remedy "Give it a value of its type, or change the type." mended r#"
            variable "days" {
              type    = number
              default = 90
            }
        "#;
    152 NO_VALUE "No value for required variable": "The variable has no default and was given no value.";
        fails r#"
            variable "contact" {
              type = string
            }
            $ cap plan
        "# remedy "Give it a value with -var, a variable file or the environment, or declare a default." mended r#"
            variable "contact" {
              type = string
            }
            $ cap plan -var contact=pki@example.com
        "#;
    153 UNDECLARED_VARIABLE "Value for undeclared variable": "A value was given for a variable that the configuration does not declare. On the command line that is an error, in a variable file a warning.";
        fails r#"
            variable "contact" {
              default = "pki@example.com"
            }
            -- cap.capvars --
            contct = "tls@example.com"
        "# remedy "Check its spelling, or declare the variable." mended r#"
            -- cap.capvars --
            contact = "tls@example.com"
        "#;
    156 DEPRECATED "Deprecated variable or output": "A variable is given a value, or an output of a module is read, that its author wants to be rid of. What to use instead is said with `deprecated`.";
        fails r#"
            variable "mail" {
              default    = "pki@example.com"
              deprecated = "Use contact."
            }
            -- cap.capvars --
            mail = "tls@example.com"
        "# remedy "Do what the message says." mended r#"
            variable "contact" {
              default = "pki@example.com"
            }
            -- cap.capvars --
            contact = "tls@example.com"
        "#;
    154 VALIDATION "Variable validation failed": "A value does not meet the condition of a validation block; its error_message says what is wanted.";
        fails r#"
            variable "days" {
              type    = number
              default = 400

              validation {
                condition     = var.days <= 90
                error_message = "Certificates live for 90 days at most."
              }
            }
        "# remedy "Give the variable a value that meets the condition." mended r#"
            variable "days" {
              type    = number
              default = 47

              validation {
                condition     = var.days <= 90
                error_message = "Certificates live for 90 days at most."
              }
            }
        "#;
    155 ASSIGNMENT "Invalid variable assignment": "A variable is set with -var 'name=value', without spaces around the equals sign, or with name = value in a variable file, where expressions have no references and no functions.";
        fails r#"
            variable "contact" {
              default = "pki@example.com"
            }
            -- cap.capvars --
            contact = lower("PKI@example.com")
        "# remedy "Write the value itself." mended r#"
            -- cap.capvars --
            contact = "pki@example.com"
        "#;
}
