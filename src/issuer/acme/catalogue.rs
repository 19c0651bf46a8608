//! Public CAs as data. What a CA can do (ARI, profiles, whether EAB is demanded) is asked of its directory, not kept here;
//! `needs_eab` only lets a plan say so before anything is asked.

/// A public CA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ca {
    /// Its name in `ca`.
    pub name: &'static str,
    /// URL of its directory.
    pub directory: &'static str,
    /// URL of its test environment's directory.
    pub staging: Option<&'static str>,
    /// Whether it takes accounts only with external account binding.
    pub needs_eab: bool,
}

macro_rules! catalogue {
    ($($name:literal, $directory:literal, $staging:expr, $needs_eab:expr;)*) => {
        /// All names, as the schema offers them.
        pub const NAMES: &[&str] = &[$($name),*];
        /// All CAs.
        pub const CAS: &[Ca] =
            &[$(Ca { name: $name, directory: $directory, staging: $staging, needs_eab: $needs_eab }),*];
    };
}

catalogue! {
    "letsencrypt", "https://acme-v02.api.letsencrypt.org/directory",
        Some("https://acme-staging-v02.api.letsencrypt.org/directory"), false;
    "google", "https://dv.acme-v02.api.pki.goog/directory",
        Some("https://dv.acme-v02.test-api.pki.goog/directory"), true;
    "zerossl", "https://acme.zerossl.com/v2/DV90", None, true;
    "sectigo", "https://acme.sectigo.com/v2/DV", None, true;
    "sectigo-ov", "https://acme.sectigo.com/v2/OV", None, true;
    "sectigo-ev", "https://acme.sectigo.com/v2/EV", None, true;
    "sslcom-rsa", "https://acme.ssl.com/sslcom-dv-rsa", None, true;
    "sslcom-ecc", "https://acme.ssl.com/sslcom-dv-ecc", None, true;
    "actalis", "https://acme-api.actalis.com/acme/directory", None, true;
    "globalsign", "https://emea.acme.atlas.globalsign.com/directory", None, true;
    "digicert", "https://one.digicert.com/mpki/api/v1/acme/v2/directory",
        Some("https://demo.one.digicert.com/mpki/api/v1/acme/v2/directory"), true;
}

/// The CA of that name.
pub fn find(name: &str) -> Option<&'static Ca> {
    CAS.iter().find(|ca| ca.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_https_and_every_name_is_found() {
        for ca in CAS {
            assert_eq!(find(ca.name), Some(ca));
            assert!([Some(ca.directory), ca.staging].into_iter().flatten().all(|url| url.starts_with("https://")));
        }
        assert_eq!(NAMES.len(), CAS.len());
    }
}
