# A public CA, challenges by DNS UPDATE, and a fleet of web servers behind ssh.
#
#   export TSIG_SECRET=…
#   cap plan -var-file=fleet.capvars examples/web-fleet

cap {
  required_version = ">= 0.1"
}

variable "hosts" {
  type = map(object({
    address  = string
    host_key = string
    user     = optional(string, "deploy")
  }))
  description = "Hosts that serve the site, by name."

  validation {
    condition     = length(var.hosts) > 0
    error_message = "A fleet has at least one host."
  }
}

variable "domain" {
  type        = string
  description = "The site's domain."
  default     = "example.com"
}

locals {
  names = [for label in ["www", "shop", "api"] : "${label}.${var.domain}"]
}

organization "example" {
  owner = member.alice
}

member "alice" {
  email = "alice@example.com"
  role  = "admin"
}

project "web" {
  description = "What customers see."
}

certificate_policy "web" {
  allowed_key_types  = ["ecdsa-p256", "ecdsa-p384"]
  require_auto_renew = true
  sans {
    allow     = ["*.${var.domain}", var.domain]
    max_count = 10
  }
}

acme_account "letsencrypt" {
  ca    = "letsencrypt"
  email = "pki@example.com"
}

dns_credential "bind" {
  provider   = "rfc2136"
  server     = "ns1.example.com:53"
  key_name   = "cap.example.com"
  key_secret = secret_env("TSIG_SECRET")
}

zone "site" {
  apex       = var.domain
  credential = dns_credential.bind
}

ssh_target "web" {
  for_each = var.hosts
  address  = each.value.address
  user     = each.value.user
  key      = secret_file("~/.ssh/deploy_ed25519")
  host_key = each.value.host_key

  files {
    directory = "/etc/nginx/tls/${certificate.name}"
    owner     = "root:www-data"
  }
  test   = ["nginx", "-t"]
  reload = ["systemctl", "reload", "nginx"]
  verify { endpoint = "${each.value.address}:443" }
}

certificate "site" {
  issuer      = acme_account.letsencrypt
  common_name = local.names[0]
  sans        = concat([var.domain], slice(local.names, 1, length(local.names)))
  key_type    = "ecdsa-p256"
  targets     = values(ssh_target.web)

  lifecycle { prevent_destroy = true }
}

output "expires" {
  description = "When the certificate ends; cap renews it long before."
  value       = certificate.site.not_after
}

output "hosts" {
  description = "Where it is put."
  value       = [for name, host in var.hosts : "${name}: ${host.address}"]
}
