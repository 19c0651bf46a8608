# A fleet of web servers: one certificate for each site, put on every host that serves it over ssh, and verified there.

variable "project" {
  description = "The project that everything belongs to."
}

variable "issuer" {
  description = "The account or the private CA that issues the certificates."
}

variable "hosts" {
  type = map(object({
    address  = string
    host_key = string
    user     = optional(string, "deploy")
    sites    = list(string)
  }))
  description = "Hosts by name: where they are, their pinned SSH key, and the sites they serve. A decoded CSV does too."

  validation {
    condition     = length(var.hosts) > 0
    error_message = "A fleet has at least one host."
  }
}

variable "ssh_key" {
  description = "The private key that hosts accept: secret_file(…) or another secret."
}

variable "aliases" {
  type        = map(list(string))
  description = "Further names of a site, by site."
  default     = {}
}

variable "directory" {
  type        = string
  description = "Where certificates lie on the hosts; each gets a directory of its own below."
  default     = "/etc/nginx/tls"
}

variable "owner" {
  type        = string
  description = "Owner and group of the files."
  default     = "root:www-data"
}

variable "test" {
  type        = list(string)
  description = "The command that checks the server's configuration before it is reloaded."
  default     = ["nginx", "-t"]
}

variable "reload" {
  type        = list(string)
  description = "The command that makes the server take the new certificate."
  default     = ["systemctl", "reload", "nginx"]
}

locals {
  sites = toset(flatten([for host in var.hosts : host.sites]))
}

ssh_target "host" {
  for_each = var.hosts
  project  = var.project
  address  = each.value.address
  user     = each.value.user
  key      = var.ssh_key
  host_key = each.value.host_key

  files {
    directory = "${var.directory}/${certificate.key}"
    owner     = var.owner
    mode      = "0640"
  }
  test   = var.test
  reload = var.reload
  verify { endpoint = "${each.value.address}:443" }
}

certificate "site" {
  for_each    = local.sites
  project     = var.project
  issuer      = var.issuer
  common_name = each.key
  sans        = lookup(var.aliases, each.key, [])
  targets     = [for name, host in var.hosts : ssh_target.host[name] if contains(host.sites, each.key)]
}

output "certificates" {
  description = "The certificates, by site."
  value       = certificate.site
}

output "expires" {
  description = "When each certificate ends."
  value       = { for site, certificate in certificate.site : site => certificate.not_after }
}
