# A caller for tests.
variable "domains" {
  type = list(string)
}

variable "name" {
  type    = string
  default = "db.svc.example.test"
}

project "platform" {}

module "pki" {
  source       = "../.."
  project      = project.platform
  organization = "Example"
  domains      = var.domains
}

certificate "db" {
  issuer      = module.pki.issuer
  common_name = var.name
  depends_on  = [module.pki]
}

output "root" {
  value = module.pki.root
}

output "expires" {
  value = certificate.db.not_after
}
