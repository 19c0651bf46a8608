# A CA of one's own, one certificate, and a place on this machine to put it.
# No network, no server, no set-up: `cap apply -auto-approve examples/quickstart`.

variable "names" {
  type        = list(string)
  description = "Names the certificate is for."
  default     = ["www.example.test", "example.test"]
}

organization "example" {
  owner = member.alice
}

member "alice" {
  email = "alice@example.test"
  role  = "admin"
}

project "demo" {}

private_ca "house" {
  common_name = "Quickstart Root"
  lifetime    = "3650d"
}

file_target "local" {
  files {
    directory = "${path.module}/out/${certificate.name}"
    layout    = "versioned"
  }
}

certificate "www" {
  issuer      = private_ca.house
  common_name = var.names[0]
  sans        = slice(var.names, 1, length(var.names))
  key_type    = "ecdsa-p256"
  targets     = [file_target.local]
}

output "expires" {
  description = "When the certificate ends; cap renews it long before."
  value       = certificate.www.not_after
}
