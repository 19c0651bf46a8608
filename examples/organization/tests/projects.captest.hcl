# Plays on fakes: `cap test examples/organization`.
run "made" {
  assert {
    condition     = certificate.api["staging"].common_name == "api.staging.example.com"
    error_message = "Staging has a name of its own."
  }
  assert {
    condition     = length(project.environment["staging"].grant[0].members) == 2
    error_message = "In staging two may operate."
  }
}

run "settled" {
  command = plan
  assert {
    condition     = length(plan.changes) == 0
    error_message = "Nothing is left to do."
  }
}
