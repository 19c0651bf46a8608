# Public certificates over several DNS zones: one ACME account, one DNS credential, a zone for each domain, and a
# certificate with its wildcard for each of them.

variable "contact" {
  type        = string
  description = "Where the CA may write to."
  default     = "pki@example.com"
}

variable "domains" {
  type = map(object({
    key_type = optional(string, "ecdsa-p256")
    extra    = optional(list(string), [])
  }))
  description = "Domains by name; each gets a certificate for itself, its wildcard and the extra names."
  default = {
    "example.com" = { extra = ["*.internal.example.com"] }
    "example.net" = {}
    "example.org" = { key_type = "rsa-3072" }
  }
}

project "public" {}

acme_account "letsencrypt" {
  ca    = "letsencrypt"
  email = var.contact
}

dns_credential "primary" {
  provider   = "rfc2136"
  server     = "ns1.example.com:53"
  key_name   = "cap.example.com"
  key_secret = secret_env("TSIG_SECRET")
}

zone "domain" {
  for_each   = var.domains
  apex       = each.key
  credential = dns_credential.primary
}

file_target "proxy" {
  files {
    directory = "/etc/haproxy/tls/${certificate.name}"
    owner     = "root:haproxy"
    mode      = "0640"
  }
  reload = ["systemctl", "reload", "haproxy"]
  verify { endpoint = "localhost:443" }
}

certificate "domain" {
  for_each    = var.domains
  issuer      = acme_account.letsencrypt
  common_name = each.key
  sans        = concat(["*.${each.key}"], each.value.extra)
  key_type    = each.value.key_type
  targets     = [file_target.proxy]
}

output "expires" {
  description = "When each certificate ends."
  value       = { for name, certificate in certificate.domain : name => certificate.not_after }
}
