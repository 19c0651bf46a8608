# A CA for services inside the house: a root that only signs its intermediate, names held to one domain, short lifetimes.
#
#   cap apply examples/private-pki

locals {
  domain = "svc.example.test"

  services = {
    db     = { port = 5432, aliases = ["postgres"] }
    queue  = { port = 5671, aliases = [] }
    search = { port = 9200, aliases = ["logs", "metrics"] }
  }
}

organization "example" {
  owner = member.alice
}

member "alice" {
  email = "alice@example.test"
  role  = "admin"
}

project "platform" {}

private_ca "services" {
  common_name      = "Example Services Root"
  organization     = "Example"
  default_lifetime = "30d"

  intermediate { common_name = "Example Services Issuing CA" }

  name_constraints {
    permitted_dns = [local.domain]
  }
}

certificate_policy "services" {
  allowed_issuers = [private_ca.services]
  sans {
    allow = ["*.${local.domain}"]
  }
}

file_target "services" {
  files {
    directory = "${path.module}/out/${certificate.name}"
  }
}

certificate "service" {
  for_each = local.services

  issuer       = private_ca.services
  common_name  = "${each.key}.${local.domain}"
  sans         = [for alias in each.value.aliases : "${alias}.${local.domain}"]
  renew_before = "10d"
  targets      = [file_target.services]
  description  = "${title(each.key)} on port ${each.value.port}."
}

output "root" {
  description = "What clients have to trust."
  value       = private_ca.services.certificate
}
