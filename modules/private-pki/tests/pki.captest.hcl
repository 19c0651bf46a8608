# Plays on fakes: `cap test modules/private-pki`.
clock = "2027-01-01T00:00:00Z"

variables {
  domains = ["svc.example.test"]
}

run "certificates_are_short" {
  module {
    source = "./tests/estate"
  }
  assert {
    condition     = x509_decode(output.root).is_ca
    error_message = "The root is what clients trust: a CA."
  }
  assert {
    condition     = startswith(output.expires, "2027-01-3")
    error_message = "Certificates live for 30 days."
  }
}

run "they_are_renewed_in_time" {
  module {
    source = "./tests/estate"
  }
  advance = "26d"
  assert {
    condition     = plan.changes["certificate.db"].action == "renew"
    error_message = "Most of its life is over."
  }
  assert {
    condition     = timecmp(output.expires, run.certificates_are_short.expires) > 0
    error_message = "The new certificate ends later."
  }
}

run "no_domains_are_refused" {
  command = plan
  module {
    source = "./tests/estate"
  }
  variables {
    domains = []
  }
  expect_failures = [module.pki.var.domains]
}
