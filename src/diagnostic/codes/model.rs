//! Codes of the domain: kinds, references, zones, slots, policy: CAP03xx. CAP0301 was given once and is not given again.

use super::codes;

codes! {
    AREA "Certificates, zones, targets and policies";

    302 INVALID_ARGUMENT "Invalid value of an argument": "The value has the right type, but not a shape or a range that means something here. The detail says what is expected.";
        fails r#"
            member "alice" {
              email = "alice.example.com"
            }
        "# remedy "Write the value as the detail says." mended r#"
            member "alice" {
              email = "alice@example.com"
            }
        "#;
    303 SECOND_ORGANIZATION "More than one organization": "A store holds exactly one tenant, so a configuration declares one organization block at most.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
            }

            organization "first" {
              owner = member.alice
            }

            organization "second" {
              owner = member.alice
            }
        "# remedy "Remove the other one, or keep each tenant in a store of its own." mended r#"
            member "alice" {
              email = "alice@example.com"
            }

            organization "first" {
              owner = member.alice
            }
        "#;
    304 CROSS_PROJECT "Reference crosses projects": "Projects are isolated: an object may refer only to objects of its own project, and to the organization and members.";
        fails r#"
            project "one" {}
            project "two" {}

            private_ca "house" {
              project     = project.one
              common_name = "House CA"
            }

            certificate "www" {
              project     = project.two
              issuer      = private_ca.house
              common_name = "www.example.com"
            }
        "# remedy "Declare what is needed in two projects once in each." mended r#"
            project "one" {}
            project "two" {}

            private_ca "house" {
              project     = project.two
              common_name = "House CA"
            }

            certificate "www" {
              project     = project.two
              issuer      = private_ca.house
              common_name = "www.example.com"
            }
        "#;
    305 NO_PROJECT "Project is not clear": "Every object but organization and member belongs to exactly one project. The argument project may be left out only where one project is declared.";
        happens "Evaluation finds the project of what is written (CAP0142); this one guards the model against what it might let through."
        remedy "Set the argument project.";
    306 INVALID_NAME "Invalid name of a certificate": "A name is a domain of letters, digits and hyphens in lower case, a wildcard whose star is the whole leftmost label, or an IP address where the issuer accepts one; and no name is given twice.";
        fails r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            certificate "www" {
              issuer      = private_ca.house
              common_name = "www.*.example.com"
            }
        "# remedy "Write the name as certificates bear it; international names as A-labels (xn--…)." mended r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            certificate "www" {
              issuer      = private_ca.house
              common_name = "*.example.com"
            }
        "#;
    307 NO_ZONE "Name without a zone": "An ACME challenge for this name has to be published in the DNS, and no zone of the project holds the name.";
        fails r#"
            project "demo" {}

            acme_account "letsencrypt" {
              ca    = "letsencrypt"
              email = "pki@example.com"
            }

            certificate "www" {
              issuer      = acme_account.letsencrypt
              common_name = "www.example.com"
            }
        "# remedy "Declare the zone with the credential that may write in it." mended r#"
            project "demo" {}

            acme_account "letsencrypt" {
              ca    = "letsencrypt"
              email = "pki@example.com"
            }

            dns_credential "primary" {
              provider   = "rfc2136"
              server     = "ns1.example.com:53"
              key_name   = "cap.example.com"
              key_secret = secret_env("TSIG_SECRET")
            }

            zone "example" {
              apex       = "example.com"
              credential = dns_credential.primary
            }

            certificate "www" {
              issuer      = acme_account.letsencrypt
              common_name = "www.example.com"
            }
        "#;
    308 PUBLIC_SUFFIX "Zone is a public suffix": "The apex is on the Public Suffix List: domains are registered below it, and nobody but its registry can publish records in it.";
        fails r#"
            project "demo" {}

            dns_credential "primary" {
              provider   = "rfc2136"
              server     = "ns1.example.com:53"
              key_name   = "cap.example.com"
              key_secret = secret_env("TSIG_SECRET")
            }

            zone "example" {
              apex       = "co.uk"
              credential = dns_credential.primary
            }
        "# remedy "Name the domain that was registered." mended r#"
            project "demo" {}

            dns_credential "primary" {
              provider   = "rfc2136"
              server     = "ns1.example.com:53"
              key_name   = "cap.example.com"
              key_secret = secret_env("TSIG_SECRET")
            }

            zone "example" {
              apex       = "example.co.uk"
              credential = dns_credential.primary
            }
        "#;
    309 DUPLICATE_ZONE "Zone declared twice": "Two zones of a project hold the same apex, so it is not clear whose credential publishes challenges.";
        fails r#"
            project "demo" {}

            dns_credential "primary" {
              provider   = "rfc2136"
              server     = "ns1.example.com:53"
              key_name   = "cap.example.com"
              key_secret = secret_env("TSIG_SECRET")
            }

            zone "first" {
              apex       = "example.com"
              credential = dns_credential.primary
            }

            zone "second" {
              apex       = "example.net"
              aliases    = ["example.com"]
              credential = dns_credential.primary
            }
        "# remedy "Leave the apex in one of them." mended r#"
            project "demo" {}

            dns_credential "primary" {
              provider   = "rfc2136"
              server     = "ns1.example.com:53"
              key_name   = "cap.example.com"
              key_secret = secret_env("TSIG_SECRET")
            }

            zone "first" {
              apex       = "example.com"
              credential = dns_credential.primary
            }

            zone "second" {
              apex       = "example.net"
              credential = dns_credential.primary
            }
        "#;
    310 SLOT_TAKEN "Two deployments to one place": "Two certificates would be written to the same place on the same target, and each apply would undo the other.";
        fails r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            file_target "local" {
              files { directory = "/etc/tls/site" }
            }

            certificate "site" {
              for_each    = toset(["www", "api"])
              issuer      = private_ca.house
              common_name = "${each.key}.example.com"
              targets     = [file_target.local]
            }
        "# remedy "Use certificate.name in the target's paths, or different targets." mended r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            file_target "local" {
              files { directory = "/etc/tls/${certificate.name}" }
            }

            certificate "site" {
              for_each    = toset(["www", "api"])
              issuer      = private_ca.house
              common_name = "${each.key}.example.com"
              targets     = [file_target.local]
            }
        "#;
    311 DUPLICATE_TARGET "Target named twice": "A certificate names the same target more than once.";
        fails r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            file_target "local" {
              files { directory = "/etc/tls/${certificate.name}" }
            }

            certificate "www" {
              issuer      = private_ca.house
              common_name = "www.example.com"
              targets     = [file_target.local, file_target.local]
            }
        "# remedy "Name it once." mended r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            file_target "local" {
              files { directory = "/etc/tls/${certificate.name}" }
            }

            certificate "www" {
              issuer      = private_ca.house
              common_name = "www.example.com"
              targets     = [file_target.local]
            }
        "#;
    312 CSR_MISMATCH "Signing request does not match": "The names and the key type of the signing request must be those of the certificate, and its signature must be good: the CA would issue for what the request says.";
        fails r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            certificate "www" {
              issuer      = private_ca.house
              common_name = "www.example.com"
              csr         = "no signing request"
            }
        "# remedy "Make the request anew for the names and the key type of the certificate, or leave it out: cap makes a key of its own." mended r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            certificate "www" {
              issuer      = private_ca.house
              common_name = "www.example.com"
            }
        "#;
    313 RENEWAL_WINDOW "Renewal window does not fit": "renew_before is as long as the certificate's whole life, so it would be renewed all the time.";
        fails r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            certificate "www" {
              issuer       = private_ca.house
              common_name  = "www.example.com"
              lifetime     = "30d"
              renew_before = "30d"
            }
        "# remedy "Shorten it, or leave it out: a third of the lifetime is taken then." mended r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            certificate "www" {
              issuer       = private_ca.house
              common_name  = "www.example.com"
              lifetime     = "30d"
              renew_before = "10d"
            }
        "#;
    314 POLICY_VIOLATED "Certificate policy violated": "The certificate is not what the policy of its project, or the one it names, allows.";
        fails r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            certificate_policy "demo" {
              allowed_key_types = ["ecdsa-p256"]
            }

            certificate "www" {
              issuer      = private_ca.house
              common_name = "www.example.com"
              key_type    = "rsa-2048"
            }
        "# remedy "Change the certificate, or the policy if it is too narrow." mended r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            certificate_policy "demo" {
              allowed_key_types = ["ecdsa-p256"]
            }

            certificate "www" {
              issuer      = private_ca.house
              common_name = "www.example.com"
              key_type    = "ecdsa-p256"
            }
        "#;
    315 NOT_ENFORCED "Recorded, but not enforced yet": "This version reads and records the setting and does nothing more with it. Operations that would depend on it are refused rather than carried out as if it were in force.";
        fails r#"
            project "demo" {}

            approval_policy "demo" {
              required_for = ["issue"]
            }
        "# remedy "Leave the setting out until a version enforces it." mended r#"
            project "demo" {}
        "#;
    316 NO_SUCH_RESOURCE "Reference to undeclared resource": "A reference that was computed names an address under which nothing is declared.";
        happens "References that are written out are held against the configuration where they stand (CAP0110); this one guards the model against what evaluation might let through."
        remedy "Declare the resource, or remove the reference.";
    317 AMBIGUOUS_POLICY "More than one policy": "Two certificate policies belong to one project, and a certificate of it names none, so it is not clear which one applies.";
        fails r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            certificate_policy "strict" {
              allowed_key_types = ["ecdsa-p256"]
            }

            certificate_policy "lenient" {}

            certificate "www" {
              issuer      = private_ca.house
              common_name = "www.example.com"
            }
        "# remedy "Name one in the certificate's policy argument, or merge them." mended r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            certificate_policy "strict" {
              allowed_key_types = ["ecdsa-p256"]
            }

            certificate_policy "lenient" {}

            certificate "www" {
              issuer      = private_ca.house
              common_name = "www.example.com"
              policy      = certificate_policy.strict
            }
        "#;
}
