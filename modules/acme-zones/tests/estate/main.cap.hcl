# A caller for tests.
variable "servers" {
  type = map(object({ server = string, key_name = string, zones = list(string) }))
}

project "public" {}

module "acme" {
  source  = "../.."
  project = project.public
  email   = "pki@example.com"
  servers = var.servers
  keys    = { for name, _ in var.servers : name => secret_env("TSIG_SECRET") }
}

certificate "www" {
  issuer      = module.acme.account
  common_name = "www.example.com"
  sans        = ["*.example.org"]
}

output "zones" {
  value = keys(module.acme.zones)
}

output "expires" {
  value = certificate.www.not_after
}
