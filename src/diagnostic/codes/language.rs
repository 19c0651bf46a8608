//! Codes of the language: syntax, evaluation, variables: CAP01xx to CAP02xx.

use super::codes;

codes! {
    101 SYNTAX "Invalid syntax": "The file does not parse as HCL. The report points at the first place where the text cannot go on.";
}
