//! `cap docs`: Markdown of a module, printed or kept in a file. The READMEs of the modules kept here are held to it.

use super::Place;

const MODULE: &str = r#"
variable "hosts" {
  type = map(object({
    address = string
  }))
  description = "Hosts | by name,\nand their addresses."
}

variable "token" {
  type      = string
  sensitive = true
  nullable  = false
  default   = "a|b"
}

module "inner" {
  source = "./inner"
}

zone "this" {
  apex = "example.com"
}

output "zone" {
  value       = zone.this
  description = <<-EOT
    The zone.
  EOT
}
"#;

const DOCUMENT: &str = r##"## Modules

| Name | Source |
|---|---|
| inner | `./inner` |

## Resources

| Name | Type |
|---|---|
| zone.this | `zone` |

## Inputs

| Name | Description | Type | Default | Required | Sensitive | Nullable |
|---|---|---|---|:---:|:---:|:---:|
| <a name="input_hosts"></a> [hosts](#input\_hosts) | Hosts \| by name,<br>and their addresses. | <pre>map(object({<br>&nbsp;&nbsp;address = string<br>}))</pre> | n/a | yes | no | yes |
| <a name="input_token"></a> [token](#input\_token) |  | `string` | `"a\|b"` | no | yes | no |

## Outputs

| Name | Description | Sensitive |
|---|---|:---:|
| <a name="output_zone"></a> [zone](#output\_zone) | The zone. | no |
"##;

fn module() -> Place {
    let place = Place::new();
    place.write("m/main.cap.hcl", MODULE);
    place
}

#[test]
fn a_module_is_documented() {
    assert_eq!(module().expect("docs m", 0).out, DOCUMENT);
    module().expect("docs none", 1).reports("none cannot be read");
    let place = Place::new();
    place.write("m/main.cap.hcl", "variable {");
    place.expect("docs m", 1).reports("m/main.cap.hcl:1");
}

#[test]
fn a_module_in_the_json_form_is_documented_in_the_native_one() {
    let place = Place::new();
    let hosts = r#""hosts": { "type": "map(string)", "default": { "a": "x${1}" } }"#;
    place.write("m/main.cap.json", format!("{{ \"variable\": {{ {hosts} }} }}"));
    let row = r#"| `map(string)` | `{"a" = "x$${1}"}` | no | no | yes |"#;
    place.expect("docs m", 0).says(row);
}

#[test]
fn a_readme_is_brought_up_to_date_and_checked() {
    let place = module();
    place.write("m/README.md", "# m\n\n<!-- BEGIN_CAP_DOCS -->\nold\n<!-- END_CAP_DOCS -->\n\nMore.\n");
    place.expect("docs -output=README.md -check m", 3).says("m/README.md is not up to date.");
    assert!(place.read("m/README.md").contains("old"), "a check writes nothing");
    place.expect("docs -output=README.md m", 0).says("m/README.md updated.");
    let expected = format!("# m\n\n<!-- BEGIN_CAP_DOCS -->\n{DOCUMENT}<!-- END_CAP_DOCS -->\n\nMore.\n");
    assert_eq!(place.read("m/README.md"), expected);
    assert_eq!(place.expect("docs -output=README.md -check m", 0).out, "");
    place.write("m/README.md", "<!-- END_CAP_DOCS -->\n");
    place.expect("docs -output=README.md m", 1).reports("one of its two marks is missing");
    place.expect("docs -check m", 1).reports("--output <FILE>");
}

/// With `CAP_BLESS` set they are brought up to date instead.
#[test]
fn the_readmes_of_the_modules_are_up_to_date() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/modules");
    let place = Place::new();
    let mut seen = 0;
    for entry in std::fs::read_dir(root).expect("the modules").flatten() {
        let check = if std::env::var_os("CAP_BLESS").is_some() { "" } else { " -check" };
        let ran = place.cap(&format!("docs -output=README.md{check} {}", entry.path().display()));
        assert_eq!(ran.code, 0, "run this test with CAP_BLESS=1\n{}{}", ran.out, ran.err);
        seen += 1;
    }
    assert!(seen >= 4, "{seen} modules");
}
