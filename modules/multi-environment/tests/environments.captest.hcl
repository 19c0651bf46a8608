# Plays on fakes: `cap test modules/multi-environment`.
clock = "2027-01-01T00:00:00Z"

variables {
  services  = ["api", "web"]
  directory = "/srv/tls"
  environments = {
    staging    = { domain = "staging.example.test", lifetime = "90d" }
    production = { domain = "example.test", key_types = ["ecdsa-p384"], lifetime = "60d" }
  }
}

run "each_environment_has_its_own_ca" {
  assert {
    condition     = length(distinct([for name, root in output.roots : x509_decode(root).subject])) == 2
    error_message = "Each environment has a root of its own."
  }
  assert {
    condition     = certificate.service["production/web"].key_type == "ecdsa-p384"
    error_message = "Production asks for P-384."
  }
  assert {
    condition     = startswith(certificate.service["production/api"].not_after, "2027-03-01")
    error_message = "Certificates of production live for 60 days."
  }
}

run "nothing_is_left_to_do" {
  command = plan
  assert {
    condition     = length(plan.changes) == 0
    error_message = "What was applied plans no changes."
  }
}

run "production_is_renewed_first" {
  command = plan
  advance = "50d"
  assert {
    condition     = plan.renew == 2 && plan.changes["certificate.service[\"production/web\"]"].reasons[0] == "renewal_due"
    error_message = "After 50 days those of 60 days are due, and no others."
  }
}

run "a_service_that_goes_takes_its_certificates_along" {
  variables {
    services = ["web"]
  }
  assert {
    condition     = plan.destroy == 4 && plan.changes["certificate.service[\"staging/api\"]"].action == "delete"
    error_message = "The api's certificates and their deployments are removed."
  }
}
