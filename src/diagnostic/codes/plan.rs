//! Codes of plans: cycles, saved plans, staleness: CAP04xx.

use super::codes;

codes! {
    AREA "Plans";

    401 CYCLE "Cycle": "Resources depend on each other in a circle, so no order exists in which they can be made.";
        fails r#"
            member "alice" {
              email      = "alice@example.com"
              depends_on = [member.bob]
            }

            member "bob" {
              email      = "bob@example.com"
              depends_on = [member.alice]
            }
            $ cap plan
        "# remedy "Remove one of the dependencies." mended r#"
            member "alice" {
              email      = "alice@example.com"
              depends_on = [member.bob]
            }

            member "bob" {
              email = "bob@example.com"
            }
            $ cap plan
        "#;
    402 PROTECTED "Instance cannot be destroyed": "Its block sets prevent_destroy, or did so when it was last applied: the protection is kept with the record, so that it outlives the block. Or it would be made anew, and destroy = false keeps what it stands for. What is protected stays, and the rest of the plan is shown beside it.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
              lifecycle { prevent_destroy = true }
            }
            $ cap apply -auto-approve
            -- main.cap.hcl --
            $ cap plan
        "# remedy "Apply the block with prevent_destroy = false first, if it is really to go." mended r#"
            member "alice" {
              email = "alice@example.com"
              lifecycle { prevent_destroy = true }
            }
            $ cap apply -auto-approve
            -- main.cap.hcl --
            member "alice" {
              email = "alice@example.com"
              lifecycle { prevent_destroy = false }
            }
            $ cap apply -auto-approve
            $ cap plan -destroy
        "#;
    403 BUSY "A job is still working on it": "The record is claimed by a job that has not come to its end. As a warning: what the job works on, what would have to be ordered after it, and what would take away what it stands on, is deferred: the plan is partial and leaves it to a later one, outputs with it, and holds the rest. As an error: the object was named with -target or -replace, or it is to be destroyed with everything else.";
        happens "An apply was interrupted, or a job waits for a CA; then the same resource is to be changed again."
        remedy "Finish the job with `cap jobs resume`, or, where it has left no traces outside, withdraw it with `cap jobs cancel`; then plan again.";
    411 IMPORT "Cannot be imported": "What an import block names is not there, is not what the resource's block describes, or is of a kind that is never imported. A certificate and a private CA are imported from PEM files with their private keys, an ACME account by its private key; other objects, whose record is all there is of them, by any id.";
        fails r#"
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            import {
              to = private_ca.house
              id = "house.pem,house.key"
            }
            $ cap plan
        "# remedy "Name files that hold what the block describes: \"chain.pem,key.pem\"." mended r#"
            -- main.cap.hcl --
            project "demo" {}

            private_ca "house" {
              common_name = "House CA"
            }

            import {
              to = project.demo
              id = "demo"
            }
            $ cap plan
        "#;
    404 UNREADABLE_SLOT "Target cannot be read": "Refresh could not see what a target holds. That is not taken for absence: nothing is planned because of it.";
        happens "A host does not answer, refuses the login, or the files may not be read."
        remedy "Make the target reachable and plan again, or plan with -refresh=false.";
    405 NO_MATCH "No such address": "A pattern of -target, -exclude or -replace matches nothing that is configured or recorded.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
            }
            $ cap plan -replace=member.alicia
        "# remedy "Check its spelling; `cap state list` lists what is recorded." mended r#"
            $ cap plan -replace=member.alice
        "#;
    406 PLAN_DAMAGED "Plan file cannot be read": "The file is no plan, or its content is not what was written: its digest does not match.";
        fails r#"
            -- saved.plan --
            this is no plan
            $ cap apply saved.plan
        "# remedy "Make the plan again." mended r#"
            member "alice" {
              email = "alice@example.com"
            }
            $ cap plan -out=saved.plan
            $ cap apply saved.plan
        "#;
    407 PLAN_VERSION "Plan file of another version": "The file was written by a version of cap whose plans this one does not read.";
        happens "A plan was saved by a newer or a much older version."
        remedy "Make the plan again with the version that applies it.";
    408 STALE "Saved plan is stale": "The given plan file can no longer be applied because a resource in it was changed by another operation after the plan was created. Resources that are not in the plan may have changed.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
            }
            $ cap plan -out=saved.plan
            $ cap apply -auto-approve
            $ cap apply saved.plan
        "# remedy "Make a new plan." mended r#"
            member "alice" {
              email = "alice@example.com"
            }
            $ cap apply -auto-approve
            $ cap plan -out=saved.plan
            $ cap apply saved.plan
        "#;
    409 APPROVAL_NEEDED "Approval is needed": "An approval policy of the project makes this operation wait for an approval, and this version cannot take one. It refuses rather than go on without.";
        happens "A certificate of a project with an approval_policy is to be issued, deployed or revoked."
        remedy "Take the approval policy out until a version takes approvals.";
    410 UNMOVED "Unresolved resource instance address changes": "A moved block gives an object an address that another one has. The object stays where it was.";
        fails r#"
            member "first" {
              email = "alice@example.com"
            }

            member "second" {
              email = "bob@example.com"
            }
            $ cap apply -auto-approve
            -- main.cap.hcl --
            member "second" {
              email = "alice@example.com"
            }

            moved {
              from = member.first
              to   = member.second
            }
            $ cap plan
        "# remedy "Remove the object that has the address first, or move it elsewhere." mended r#"
            member "first" {
              email = "alice@example.com"
            }
            $ cap apply -auto-approve
            -- main.cap.hcl --
            member "second" {
              email = "alice@example.com"
            }

            moved {
              from = member.first
              to   = member.second
            }
            $ cap plan
        "#;
}
