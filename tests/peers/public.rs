//! A public CA and the name server that it asks: started together, and declared as an estate knows them.

use super::bind::Bind;
use super::pebble::{Options, Pebble};

/// Starts both, or reports which did not run. The name server holds `zone`.
pub fn start(zone: &str, options: Options) -> Option<(Bind, Pebble)> {
    let bind = Bind::start(zone, "")?;
    let pebble = Pebble::start(&Options { dns: Some(bind.server()), ..options })?;
    Some((bind, pebble))
}

/// `acme_account.pebble`, `dns_credential.bind` and `zone.site`. The file `ca.pem` beside it holds the trust of the CA, and
/// the variable `TSIG` the secret of the name server.
pub fn declared(zone: &str, bind: &Bind, pebble: &Pebble) -> String {
    let (directory, server) = (&pebble.directory, bind.server());
    format!(
        r#"
acme_account "pebble" {{
  directory = "{directory}"
  trust     = file("ca.pem")
  email     = "pki@example.test"
}}

dns_credential "bind" {{
  provider     = "rfc2136"
  server       = "{server}"
  key_name     = "cap"
  key_secret   = secret_env("TSIG")
  name_servers = ["{server}"]
}}

zone "site" {{
  apex       = "{zone}"
  credential = dns_credential.bind
}}
"#
    )
}
