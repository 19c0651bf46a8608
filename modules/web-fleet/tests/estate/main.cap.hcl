# A caller for tests.
variable "hosts" {
  type = map(object({ address = string, host_key = string, sites = list(string) }))
}

project "web" {}

private_ca "house" {
  common_name = "House CA"
}

module "fleet" {
  source  = "../.."
  project = project.web
  issuer  = private_ca.house
  ssh_key = secret_file("~/.ssh/deploy_ed25519")
  aliases = { "www.example.com" = ["example.com"] }
  hosts   = var.hosts
}

output "expires" {
  value = module.fleet.expires
}
