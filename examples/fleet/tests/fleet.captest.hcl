# Plays on fakes: `cap test examples/fleet`.
run "deployed" {
  assert {
    condition     = length(ssh_target.host) == 3 && length(certificate.site) == 2
    error_message = "Each line of the table is a target, each domain a certificate."
  }
  assert {
    condition     = length(certificate.site["www.example.com"].targets) == 2
    error_message = "www is put on both of its hosts."
  }
}

run "another_key" {
  command = plan
  variables {
    host_keys = {
      web1 = "SHA256:q4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg"
      web2 = "SHA256:YmFzZTY0IG9mIDMyIGJ5dGVzIGhlcmUgYSBwaW5uZWQ"
      shop = "SHA256:AAAAC3NzaC1lZDI1NTE5AAAAIGZpeGVkIGtleSBoZXI"
    }
  }
  assert {
    condition     = plan.changes["ssh_target.host[\"web1\"]"].action == "update" && plan.add == 0 && plan.renew == 0
    error_message = "A host that got another key is no reason to issue anything."
  }
}
