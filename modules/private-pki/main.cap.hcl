# A private CA: a root that only signs its intermediate, names held to the domains it is for, and a policy that lets
# certificates of the project come from nowhere else.

variable "project" {
  description = "The project that everything belongs to."
}

variable "organization" {
  type        = string
  description = "The name that the CA's certificates carry."
}

variable "domains" {
  type        = list(string)
  description = "Domains that the CA may issue for, with everything below them."

  validation {
    condition     = length(var.domains) > 0
    error_message = "A private CA is held to at least one domain."
  }
}

variable "default_lifetime" {
  type        = string
  description = "How long certificates last that do not say it."
  default     = "30d"
}

variable "key_types" {
  type        = list(string)
  description = "Key types that certificates may have."
  default     = ["ecdsa-p256", "ecdsa-p384"]
}

private_ca "this" {
  project          = var.project
  common_name      = "${var.organization} Root CA"
  organization     = var.organization
  default_lifetime = var.default_lifetime

  intermediate { common_name = "${var.organization} Issuing CA" }

  name_constraints {
    permitted_dns = var.domains
  }
}

certificate_policy "issuing" {
  project            = var.project
  allowed_issuers    = [private_ca.this]
  allowed_key_types  = var.key_types
  require_auto_renew = true
  sans {
    allow = concat(var.domains, [for domain in var.domains : "*.${domain}"])
  }
}

output "issuer" {
  description = "The CA, as the issuer of certificates."
  value       = private_ca.this
}

output "root" {
  description = "The certificate that clients have to trust, in PEM."
  value       = private_ca.this.certificate
}
