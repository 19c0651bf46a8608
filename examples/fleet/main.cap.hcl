# A fleet out of a table: one SSH target for each host, one certificate for each domain, put on every host that serves it.

variable "host_keys" {
  type        = map(string)
  description = "Fingerprints of the hosts' SSH keys by host: nothing is trusted on first use."
  default = {
    web1 = "SHA256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg"
    web2 = "SHA256:YmFzZTY0IG9mIDMyIGJ5dGVzIGhlcmUgYSBwaW5uZWQ"
    shop = "SHA256:AAAAC3NzaC1lZDI1NTE5AAAAIGZpeGVkIGtleSBoZXI"
  }
}

locals {
  hosts   = { for host in csvdecode(file("${path.module}/hosts.csv")) : host.name => host }
  domains = toset([for host in local.hosts : host.domain])
}

project "fleet" {}

private_ca "house" {
  common_name = "Example House CA"
  lifetime    = "3650d"
}

ssh_target "host" {
  for_each = local.hosts
  address  = each.value.address
  port     = each.value.port
  user     = each.value.user
  key      = secret_file("~/.ssh/deploy_ed25519")
  host_key = var.host_keys[each.key]

  files {
    directory = "/etc/nginx/tls/${certificate.key}"
    owner     = "root:www-data"
    mode      = "0640"
  }
  test   = ["nginx", "-t"]
  reload = ["systemctl", "reload", "nginx"]
  verify { endpoint = "${each.value.address}:443" }
}

certificate "site" {
  for_each    = local.domains
  issuer      = private_ca.house
  common_name = each.key
  targets     = [for name, host in local.hosts : ssh_target.host[name] if host.domain == each.key]
}
