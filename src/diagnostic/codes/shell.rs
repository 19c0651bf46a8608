//! Codes of the shell: arguments, files, the environment: CAP07xx.

use super::codes;

codes! {
    AREA "Command line, files and environment";

    701 UNREADABLE "File cannot be read": "The file does not exist, cannot be read, is too large, or is not UTF-8.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
            }
            $ cap plan -var-file=absent.capvars
        "# remedy "Name a file that is there, and save it as UTF-8." mended r#"
            -- present.capvars --
            $ cap plan -var-file=present.capvars
        "#;
    702 NO_CONFIGURATION "No configuration files": "The directory holds no file of the configuration, so there is nothing to plan; it is more likely that another directory was meant.";
        fails r#"
            -- estate/main.cap.hcl --
            project "demo" {}
            $ cap plan
        "# remedy "Name the directory, or go there." mended r#"
            $ cap plan estate
        "#;
    703 USAGE "Invalid arguments": "The command line asks for something that does not fit together.";
        fails r#"
            project "demo" {}
            $ cap plan -destroy -refresh-only
        "# remedy "`cap COMMAND -help` shows what a command takes." mended r#"
            $ cap plan -destroy
        "#;
    704 INTERRUPTED "Interrupted": "The command was stopped before its end. Everything done so far is recorded.";
        happens "Ctrl-C, or a signal to end."
        remedy "Run it again, or go on with `cap jobs resume`.";
    705 NOT_CONFIRMED "Not confirmed": "The question was not answered with yes, so nothing was done.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
            }
            $ cap apply
        "# remedy "Answer yes, or pass -auto-approve where nobody can answer." mended r#"
            $ cap apply -auto-approve
        "#;
    706 SECRET_UNREADABLE "Secret cannot be read": "A secret that the configuration refers to is not there or may not be read. Plan needs it to see whether it changed, apply needs it to use it; it is never shown or kept in clear.";
        fails r#"
            member "robot" {
              email = "robot@example.com"
              token = secret_file("token")
            }
            $ cap plan
        "# remedy "Put the secret where the reference says, or change the reference." mended r#"
            -- token --
            s3cret
            $ cap plan
        "#;
    708 UNWRITABLE "File cannot be written": "The file or directory cannot be written: it is read-only, the disk is full, or a name on the way does not exist. Files are written whole under another name and then renamed, so nothing is left by halves.";
        fails r#"
            project "demo" {}
            $ cap plan -out=absent/saved.plan
        "# remedy "Name a place that can be written." mended r#"
            $ cap plan -out=saved.plan
        "#;
    709 NOT_ENFORCED "Not enforced yet": "The estate asks for something that this version of cap reads and records but does not enforce: approvals, or roles of members in projects. Going on would pretend that it was checked, so apply refuses.";
        fails r#"
            member "robot" {
              email = "robot@example.com"
              token = secret_env("ROBOT_TOKEN")
            }
            $ ROBOT_TOKEN=s3cret cap apply -auto-approve
            $ ROBOT_TOKEN=s3cret CAP_TOKEN=s3cret cap apply -auto-approve
        "# remedy "Let an admin act, give the member a role over every project, or take the setting out." mended r#"
            member "robot" {
              email = "robot@example.com"
              role  = "admin"
              token = secret_env("ROBOT_TOKEN")
            }
            $ ROBOT_TOKEN=s3cret cap apply -auto-approve
            $ ROBOT_TOKEN=s3cret CAP_TOKEN=s3cret cap apply -auto-approve
        "#;
    710 UNKNOWN_TOKEN "Unknown token": "CAP_TOKEN holds a token that belongs to no member of the store, so nobody could be named as the one who acts.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
            }
            $ CAP_TOKEN=s3cret cap apply -auto-approve
        "# remedy "Set CAP_TOKEN to the token of a member, or leave it out to act as the user of the operating system." mended r#"
            $ cap apply -auto-approve
        "#;
    711 NO_RUNTIME "Cannot start": "The operating system refused what the program needs to run: threads, signals or memory.";
        happens "Limits on processes or memory are lower than the program needs."
        remedy "Look at the limits (ulimit -a).";
    712 NOT_CANCELLED "Job cannot be cancelled": "`cap jobs cancel` withdraws jobs that have left no traces outside. The others are brought to their end instead, so that nothing they did outside stays behind.";
        happens "`cap jobs cancel` names a job that has begun to act outside."
        remedy "Let it end with `cap jobs resume`.";
    713 TIMELINE_BROKEN "Timeline broken": "The chain of entries about an object is not what was once sealed: somebody edited, removed, exchanged or added entries without the keys, or put an older copy of the store back.";
        happens "`cap timeline verify` finds it, and so does an apply that is about to add an entry."
        remedy "Find out who can write the store, and put a backup back from before. The checkpoints kept elsewhere show since when.";
    714 CHECKPOINT_REFUSED "Checkpoint refused": "The file is not a checkpoint that this store has signed, or it was changed since, so nothing can be concluded from it.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
            }
            $ cap apply -auto-approve
            -- old.checkpoint --
            this is no checkpoint
            $ cap timeline verify -against=old.checkpoint
        "# remedy "Take the file as `cap timeline verify -checkpoint` wrote it." mended r#"
            member "alice" {
              email = "alice@example.com"
            }
            $ cap apply -auto-approve
            $ cap timeline verify -checkpoint=old.checkpoint
            $ cap timeline verify -against=old.checkpoint
        "#;
    717 NOT_FETCHED "Module cannot be fetched": "`cap get` asked a repository or a server for a module and did not get it.";
        fails r#"
            module "web" {
              source = "git::file:///nonexistent/web.git"
            }
            $ cap get
        "# remedy "Check the source, the network, and what git needs to sign in." mended r#"
            project "demo" {}
            -- main.cap.hcl --
            project "demo" {}
            $ cap get
        "#;
    730 TEST_FAILED "Test assertion failed": "An assertion of a run does not hold; its error_message says what is wanted, and the report what the parts of the condition are.";
        fails r#"
            output "name" {
              value = "alice"
            }
            -- main.captest.hcl --
            run "name" {
              command = plan
              assert {
                condition     = output.name == "bob"
                error_message = "The name is bob."
              }
            }
            $ cap test
        "# remedy "Mend the configuration, or the assertion if it is wrong." mended r#"
            output "name" {
              value = "bob"
            }
            -- main.captest.hcl --
            run "name" {
              command = plan
              assert {
                condition     = output.name == "bob"
                error_message = "The name is bob."
              }
            }
            $ cap test
        "#;
    731 NOT_FAILED "Missing expected failure": "expect_failures of a run names an object whose condition holds, so that nothing was reported of it.";
        fails r#"
            variable "days" {
              default = 90
              validation {
                condition     = var.days <= 90
                error_message = "Certificates live for 90 days at most."
              }
            }
            -- main.captest.hcl --
            run "too_long" {
              command = plan
              variables {
                days = 47
              }
              expect_failures = [var.days]
            }
            $ cap test
        "# remedy "Give the run what the condition refuses, or leave the expectation out." mended r#"
            variable "days" {
              default = 90
              validation {
                condition     = var.days <= 90
                error_message = "Certificates live for 90 days at most."
              }
            }
            -- main.captest.hcl --
            run "too_long" {
              command = plan
              variables {
                days = 400
              }
              expect_failures = [var.days]
            }
            $ cap test
        "#;
    716 TARGETING "Resource targeting is in effect": "With -target or -exclude the plan covers a part of the configuration only. Terraform's users know the warning: applying parts again and again leads to estates that nobody has planned as a whole.";
        fails r#"
            member "alice" {
              email = "alice@example.com"
            }

            member "bob" {
              email = "bob@example.com"
            }
            $ cap plan -target=member.alice
        "# remedy "Plan the whole afterwards." mended r#"
            $ cap plan
        "#;
}
