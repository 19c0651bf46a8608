# Environments from one definition: for each a project with its operators, a private CA, a policy and a certificate for
# each service.

variable "environments" {
  type = map(object({
    domain    = string
    key_types = optional(list(string), ["ecdsa-p256"])
    lifetime  = optional(string, "30d")
  }))
  description = "Environments by name, such as staging and production."
}

variable "operators" {
  description = "Members that operate each environment, by its name."
  default     = {}
}

variable "services" {
  type        = list(string)
  description = "Services of every environment: each gets the certificate SERVICE.DOMAIN."
}

variable "directory" {
  type        = string
  description = "Where certificates are put: DIRECTORY/ENVIRONMENT/NAME."
}

locals {
  certificates = merge([
    for name, environment in var.environments : {
      for service in var.services : "${name}/${service}" => { environment = name, common_name = "${service}.${environment.domain}" }
    }
  ]...)
}

project "environment" {
  for_each    = var.environments
  description = "Everything that serves ${each.key}."

  dynamic "grant" {
    for_each = contains(keys(var.operators), each.key) ? [var.operators[each.key]] : []
    content {
      role    = "operator"
      members = grant.value
    }
  }
}

private_ca "environment" {
  for_each         = var.environments
  project          = project.environment[each.key]
  common_name      = "${title(each.key)} CA"
  default_lifetime = each.value.lifetime
}

certificate_policy "environment" {
  for_each          = var.environments
  project           = project.environment[each.key]
  allowed_issuers   = [private_ca.environment[each.key]]
  allowed_key_types = each.value.key_types
}

file_target "environment" {
  for_each = var.environments
  project  = project.environment[each.key]
  files { directory = "${var.directory}/${each.key}/${certificate.common_name}" }
}

certificate "service" {
  for_each    = local.certificates
  project     = project.environment[each.value.environment]
  issuer      = private_ca.environment[each.value.environment]
  common_name = each.value.common_name
  key_type    = var.environments[each.value.environment].key_types[0]
  targets     = [file_target.environment[each.value.environment]]
}

output "projects" {
  description = "The projects, by environment."
  value       = project.environment
}

output "roots" {
  description = "What clients of each environment have to trust."
  value       = { for name, ca in private_ca.environment : name => ca.certificate }
}
