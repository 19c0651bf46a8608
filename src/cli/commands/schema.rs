//! `cap schema`: the JSON Schema of the configuration's JSON form, for editors and documentation.

use crate::cli::shell::{OK, Shell};
use crate::cli::wiring::kinds::kinds;
use crate::eval::json_schema;

/// Prints it.
pub fn run(shell: &mut Shell) -> u8 {
    shell.print(&text());
    OK
}

/// The schema as it is printed and kept in `schema/configuration.json`.
pub fn text() -> String {
    format!("{:#}\n", json_schema::configuration(&kinds().catalog()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With `CAP_BLESS` set the file is written anew instead.
    #[test]
    fn the_schema_that_is_kept_is_the_one_that_is_printed() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/configuration.json");
        if std::env::var_os("CAP_BLESS").is_some() {
            std::fs::write(path, text()).expect("schema/ can be written");
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == text(), "schema/configuration.json is not what the code says: run this test with CAP_BLESS=1");
    }
}
