//! Estates to measure with: the shapes of the measured Terraform table, of any size.

use std::fmt::Write as _;

/// A shape of estate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One account, N/200 zones, N/2 certificates and their N/2 deployments: what real estates look like.
    Estate,
    /// One block with `count = N` that touches nothing outside.
    Count,
    /// N blocks that touch nothing outside.
    Blocks,
    /// One block with `for_each` over a map of N, in whole hundreds.
    Each,
}

impl Shape {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Estate => "estate",
            Self::Count => "count",
            Self::Blocks => "blocks",
            Self::Each => "each",
        }
    }

    /// The configuration, with files to be put below `out`.
    pub fn configuration(self, size: usize, out: &str) -> String {
        match self {
            Self::Estate => estate(size, out),
            Self::Count => format!(
                "project \"bench\" {{}}\n\nmember \"m\" {{\n  count = {size}\n  email = \"m${{count.index}}@example.com\"\n}}\n"
            ),
            Self::Blocks => blocks(size),
            // `range` makes 1,024 values at most.
            Self::Each => format!(
                "member \"m\" {{\n  for_each = {{ for pair in setproduct(range({}), range(100)) : \"m${{pair[0]}}-${{pair[1]}}\" => pair[0] }}\n  email    = \"${{each.key}}@example.com\"\n}}\n",
                size / 100
            ),
        }
    }
}

fn blocks(size: usize) -> String {
    let mut text = String::from("project \"bench\" {}\n");
    for at in 0..size {
        let _ = write!(text, "\nmember \"m{at}\" {{\n  email = \"m{at}@example.com\"\n}}\n");
    }
    text
}

/// Certificates of a private CA, so that the same estate can be applied without a network; each on a target of its own
/// files. A zone stands for each two hundred, as it would with a public CA.
fn estate(size: usize, out: &str) -> String {
    let zones = (size / 200).max(1);
    let mut text = String::from(
        "project \"bench\" {}\n\nprivate_ca \"root\" {\n  common_name = \"Bench\"\n}\n\ndns_credential \"dns\" {\n  provider   = \"rfc2136\"\n  server     = \"127.0.0.1:53\"\n  key_name   = \"bench\"\n  key_secret = secret_env(\"BENCH_TSIG\")\n}\n",
    );
    let _ = write!(
        text,
        "\nfile_target \"disk\" {{\n  files {{\n    directory = \"{out}/${{certificate.name}}\"\n  }}\n}}\n"
    );
    for zone in 0..zones {
        let _ = write!(
            text,
            "\nzone \"z{zone}\" {{\n  apex       = \"z{zone}.example.com\"\n  credential = dns_credential.dns\n}}\n"
        );
    }
    for at in 0..size / 2 {
        let zone = at % zones;
        let _ = write!(
            text,
            "\ncertificate \"c{at}\" {{\n  issuer      = private_ca.root\n  common_name = \"c{at}.${{zone.z{zone}.apex}}\"\n  key_type    = \"ecdsa-p256\"\n  targets     = [file_target.disk]\n}}\n"
        );
    }
    text
}
