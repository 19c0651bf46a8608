# An organization with two projects: who may do what in each, and what certificates may be there.

organization "example" {
  owner = member.alice
  encryption {
    provider       = "file"
    active_version = 1
  }
}

member "alice" {
  email = "alice@example.com"
  role  = "admin"
}

member "bob" { email = "bob@example.com" }

member "ci" {
  email = "ci@example.com"
}

locals {
  projects = {
    production = { operators = [member.bob], key_types = ["ecdsa-p256", "ecdsa-p384"] }
    staging    = { operators = [member.bob, member.ci], key_types = ["ecdsa-p256", "rsa-2048"] }
  }
}

project "environment" {
  for_each    = local.projects
  description = "Everything that serves ${each.key}."
  grant {
    role    = "operator"
    members = each.value.operators
  }
}

certificate_policy "environment" {
  for_each           = local.projects
  project            = project.environment[each.key]
  allowed_key_types  = each.value.key_types
  require_auto_renew = true
  sans {
    deny      = ["*.internal.example.com"]
    max_count = 50
  }
}

private_ca "environment" {
  for_each    = local.projects
  project     = project.environment[each.key]
  common_name = "Example ${title(each.key)} CA"
  intermediate {
    common_name = "Example ${title(each.key)} Issuing CA"
  }
}

file_target "out" {
  for_each = local.projects
  project  = project.environment[each.key]
  files { directory = "${path.module}/out/${each.key}/${certificate.name}" }
}

certificate "api" {
  for_each    = local.projects
  project     = project.environment[each.key]
  issuer      = private_ca.environment[each.key]
  common_name = each.key == "production" ? "api.example.com" : "api.${each.key}.example.com"
  targets     = [file_target.out[each.key]]
}
