# Plays on fakes: `cap test modules/acme-zones`.
clock = "2027-01-01T00:00:00Z"

variables {
  servers = {
    primary   = { server = "ns1.example.com:53", key_name = "cap.example.com", zones = ["example.com", "example.net"] }
    secondary = { server = "ns1.example.org:53", key_name = "cap.example.org", zones = ["example.org"] }
  }
}

run "a_certificate_over_zones_of_two_servers" {
  module {
    source = "./tests/estate"
  }
  assert {
    condition     = output.zones == tolist(["example.com", "example.net", "example.org"])
    error_message = "Every zone of every server is there."
  }
  assert {
    condition     = startswith(output.expires, "2027-04-01")
    error_message = "The CA issues for 90 days."
  }
}

run "it_is_renewed_in_time" {
  command = plan
  advance = "75d"
  module {
    source = "./tests/estate"
  }
  assert {
    condition     = plan.renew == 1
    error_message = "A sixth of its life is left."
  }
}

run "a_zone_has_one_server" {
  command = plan
  module {
    source = "./tests/estate"
  }
  variables {
    servers = {
      a = { server = "ns1.example.com:53", key_name = "a.example.com", zones = ["example.com"] }
      b = { server = "ns2.example.com:53", key_name = "b.example.com", zones = ["example.com", "example.org"] }
    }
  }
  expect_failures = [module.acme.var.servers]
}
