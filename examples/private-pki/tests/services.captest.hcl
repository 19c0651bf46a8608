# Plays on fakes: `cap test examples/private-pki`.
run "issued" {
  assert {
    condition     = length(certificate.service) == 3 && certificate.service["search"].sans[0] == "logs.svc.example.test"
    error_message = "Each service has a certificate for its name and its aliases."
  }
  assert {
    condition     = alltrue([for one in values(certificate.service) : startswith(one.not_after, "2026-01-30")])
    error_message = "Certificates live for thirty days."
  }
}

run "renewal" {
  command = plan
  advance = "21d"
  assert {
    condition     = plan.renew == 3
    error_message = "With ten days left every certificate is renewed."
  }
}
