# An ACME account, and the zones that its challenges are published in, out of one map.

variable "project" {
  description = "The project that everything belongs to."
}

variable "ca" {
  type        = string
  description = "The CA: letsencrypt, or another that acme_account knows."
  default     = "letsencrypt"
}

variable "email" {
  type        = string
  description = "Where the CA may write to."
}

variable "servers" {
  type = map(object({
    server   = string
    key_name = string
    zones    = list(string)
  }))
  description = "Name servers that take DNS UPDATE, by name, with the zones that each of them holds."

  validation {
    condition     = length(distinct(flatten([for one in var.servers : one.zones]))) == length(flatten([for one in var.servers : one.zones]))
    error_message = "A zone is held by one server."
  }
}

variable "keys" {
  description = "The TSIG keys, by the server's name: secret_env(…) or other secrets."
}

locals {
  zones = merge([for name, one in var.servers : { for apex in one.zones : apex => name }]...)
}

acme_account "this" {
  project = var.project
  ca      = var.ca
  email   = var.email
}

dns_credential "server" {
  for_each   = var.servers
  project    = var.project
  provider   = "rfc2136"
  server     = each.value.server
  key_name   = each.value.key_name
  key_secret = var.keys[each.key]
}

zone "this" {
  for_each   = local.zones
  project    = var.project
  apex       = each.key
  credential = dns_credential.server[each.value]
}

output "account" {
  description = "The account, as the issuer of certificates."
  value       = acme_account.this
}

output "zones" {
  description = "The zones, by apex."
  value       = zone.this
}
