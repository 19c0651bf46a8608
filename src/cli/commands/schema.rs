//! `cap schema`: JSON Schemas of the configuration's JSON form, for editors and documentation, and of what `-json` prints,
//! for programs that read it.

use serde_json::Value as Json;

use crate::cli::args::SchemaOf;
use crate::cli::shell::{OK, Shell};
use crate::cli::view::schemas;
use crate::cli::wiring::kinds::kinds;
use crate::eval::json_schema;

/// Prints it.
pub fn run(shell: &mut Shell, of: SchemaOf) -> u8 {
    shell.print(&text(of));
    OK
}

/// The schema as it is printed and kept in `schema/`.
pub fn text(of: SchemaOf) -> String {
    let schema: Json = match of {
        SchemaOf::Configuration => json_schema::configuration(&kinds().catalog()),
        SchemaOf::Plan => schemas::plan(),
        SchemaOf::Event => schemas::event(),
        SchemaOf::Job => schemas::job(),
        SchemaOf::Report => schemas::report(),
    };
    format!("{schema:#}\n")
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    /// With `CAP_BLESS` set the files are written anew instead.
    #[test]
    fn the_schemas_that_are_kept_are_those_that_are_printed() {
        let bless = std::env::var_os("CAP_BLESS").is_some();
        for of in SchemaOf::value_variants() {
            let name = of.to_possible_value().expect("a name");
            let path = format!("{}/schema/{}.json", env!("CARGO_MANIFEST_DIR"), name.get_name());
            if bless {
                std::fs::write(&path, text(*of)).expect("schema/ can be written");
            }
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(kept == text(*of), "{path} is not what the code says: run this test with CAP_BLESS=1");
        }
    }
}
