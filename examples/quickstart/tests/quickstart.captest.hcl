# Plays on fakes: `cap test examples/quickstart`.
run "first" {
  assert {
    condition     = startswith(output.expires, "2026-03-31")
    error_message = "The private CA issues for 90 days."
  }
}

run "renewal" {
  command = plan
  advance = "75d"
  assert {
    condition     = plan.changes["certificate.www"].action == "renew" && plan.changes["certificate.www@file_target.local"].action == "update"
    error_message = "A sixth of its life is left: it is renewed, and deployed again."
  }
}
