//! Codes of apply: jobs, issuers, DNS, targets: CAP06xx.

use super::codes;

codes! {
    AREA "Apply and jobs";

    601 JOB_FAILED "Job failed": "A step of the plan could not be carried out. What was done before it is recorded, and the steps that do not depend on it were carried out.";
        fails r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            file_target "local" {
              files { directory = "tls/${certificate.name}" }
              reload = ["false"]
            }

            certificate "www" {
              issuer      = private_ca.house
              common_name = "www.example.com"
              targets     = [file_target.local]
            }
            $ cap apply -auto-approve
        "# remedy "`cap jobs show JOB` shows what was tried. Mend the cause and apply again." mended r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            file_target "local" {
              files { directory = "tls/${certificate.name}" }
              reload = ["true"]
            }

            certificate "www" {
              issuer      = private_ca.house
              common_name = "www.example.com"
              targets     = [file_target.local]
            }
            $ cap apply -auto-approve
        "#;
    602 JOB_WAITS "Job waits": "A job may not go on yet. It is recorded where it stands.";
        happens "A CA limits the rate, a validation failed and is tried again later, or another run holds an order for these names."
        remedy "`cap jobs resume` or the next apply takes it up.";
    603 JOB_TIDIES "Job tidies up": "What a job is for is done, and what it leaves behind cannot be removed yet.";
        happens "A DNS provider does not take the removal of a challenge's record for now."
        remedy "`cap jobs resume` or the next apply goes on with it; nothing else waits for it.";
}
