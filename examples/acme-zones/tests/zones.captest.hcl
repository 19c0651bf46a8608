# Plays on fakes: `cap test examples/acme-zones`.
run "issued" {
  assert {
    condition     = length(certificate.domain) == 3 && length(zone.domain) == 3
    error_message = "Each domain has its zone and its certificate."
  }
  assert {
    condition     = alltrue([for ends in values(output.expires) : startswith(ends, "2026-04-01")])
    error_message = "The CA issues for ninety days."
  }
}

run "another_domain" {
  command = plan
  variables {
    domains = { "example.com" = { extra = ["*.internal.example.com"] }, "example.dev" = {} }
  }
  assert {
    condition     = plan.changes["certificate.domain[\"example.dev\"]"].action == "create"
    error_message = "A new domain gets a certificate."
  }
  assert {
    condition     = plan.changes["certificate.domain[\"example.net\"]"].action == "delete"
    error_message = "One that is gone from the map goes."
  }
}
