# Plays on fakes: `cap test modules/web-fleet`.
clock = "2027-01-01T00:00:00Z"

variables {
  hosts = {
    a = { address = "web1.example.com", host_key = "SHA256:wHm5sG8nq1zKQhT3Jt7mF0ZxC2eVbYdA9uRkL4pNoXs", sites = ["www.example.com"] }
    b = { address = "web2.example.com", host_key = "SHA256:Qm9vdHN0cmFwIG9mIHRoZSBzZWNvbmQgd2ViIGhvc3Q", sites = ["www.example.com", "shop.example.com"] }
  }
}

run "a_certificate_for_each_site" {
  module {
    source = "./tests/estate"
  }
  assert {
    condition     = keys(output.expires) == ["shop.example.com", "www.example.com"]
    error_message = "One certificate a site, whatever the number of hosts."
  }
  assert {
    condition     = plan.changes["module.fleet.certificate.site[\"www.example.com\"]@module.fleet.ssh_target.host[\"b\"]"].action == "create"
    error_message = "Every host that serves a site gets its certificate."
  }
}

run "a_host_that_goes_takes_its_sites_along" {
  module {
    source = "./tests/estate"
  }
  variables {
    hosts = { a = var.hosts.a }
  }
  assert {
    condition     = keys(output.expires) == ["www.example.com"]
    error_message = "Nobody serves the shop any more."
  }
  assert {
    condition     = output.expires["www.example.com"] == run.a_certificate_for_each_site.expires["www.example.com"]
    error_message = "A site that stays keeps its certificate."
  }
}

run "a_fleet_has_hosts" {
  command = plan
  module {
    source = "./tests/estate"
  }
  variables {
    hosts = {}
  }
  expect_failures = [module.fleet.var.hosts]
}
