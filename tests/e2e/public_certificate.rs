//! The main job against real peers: a certificate of a CA that is asked by DNS, on a host reached by ssh, in a web server
//! that reads it again; planned again without changes, renewed, and put back when a reload fails.

use crate::peers::nginx::Nginx;
use crate::peers::sshd::Sshd;

use super::{Public, ZONE, served};

/// Everything that takes part.
struct World {
    public: Public,
    _sshd: Sshd,
    nginx: Nginx,
    root: String,
}

impl World {
    fn start() -> Option<Self> {
        let public = Public::start()?;
        let sshd = Sshd::start()?;
        let current = public.place.path().join("tls/www/current");
        let mut nginx = Nginx::prepare(&current.join("fullchain.pem"), &current.join("privkey.pem"))?;
        nginx.start_bare();
        public.place.write(".ssh/deploy", &sshd.key);
        let estate = public.head() + &host(&public, &sshd, &nginx) + CERTIFICATE;
        public.place.write("main.cap.hcl", estate);
        let root = public.pebble.root(0);
        Some(Self { public, _sshd: sshd, nginx, root })
    }

    /// The leaf that nginx serves, the same for the apex and for any name below.
    fn leaf(&self) -> Vec<u8> {
        let leaf = served(self.nginx.port, ZONE, &self.root);
        assert_eq!(served(self.nginx.port, "any.example.test", &self.root), leaf);
        leaf
    }

    /// Versions that lie on the host.
    fn versions(&self) -> usize {
        let versions = self.public.place.path().join("tls/www/versions");
        std::fs::read_dir(versions).expect("the versions").flatten().count()
    }

    fn line_of(&self, text: &str) -> usize {
        let estate = self.public.place.read("main.cap.hcl");
        1 + estate.lines().position(|line| line.contains(text)).expect("it is written there")
    }
}

const CERTIFICATE: &str = r#"
certificate "www" {
  issuer      = acme_account.pebble
  common_name = "example.test"
  sans        = ["*.example.test"]
  key_type    = "ecdsa-p256"
  targets     = [ssh_target.web]
}

output "expires" {
  value = certificate.www.not_after
}
"#;

/// The host. While the file `broken` is there, a reload is carried out and then says that it failed, once.
fn host(public: &Public, sshd: &Sshd, nginx: &Nginx) -> String {
    let (port, user, fingerprint, endpoint) = (sshd.port, &sshd.user, &sshd.fingerprint, nginx.port);
    let here = public.place.path().display();
    let test = nginx.test();
    let reload =
        format!("{} && if rm {here}/broken 2>/dev/null; then echo out of order >&2; exit 3; fi", nginx.take_up());
    format!(
        r#"
ssh_target "web" {{
  address  = "127.0.0.1"
  port     = {port}
  user     = "{user}"
  key      = secret_file("~/.ssh/deploy")
  host_key = "{fingerprint}"

  files {{
    directory = "{here}/tls/${{certificate.name}}"
    layout    = "versioned"
  }}
  test   = {test:?}
  reload = {:?}
  verify {{ endpoint = "127.0.0.1:{endpoint}" }}
}}
"#,
        ["sh", "-c", &reload]
    )
}

#[test]
fn it_is_issued_deployed_verified_renewed_and_put_back() {
    let Some(world) = World::start() else { return };
    let public = &world.public;
    public.expect("apply -auto-approve", 0).says("Apply complete!").says("expires = ");
    let first = world.leaf();
    public.expect("plan -detailed-exitcode", 0).says("No changes.");

    public.expect("apply -auto-approve -replace=certificate.www", 0).says("Apply complete!");
    let second = world.leaf();
    assert_ne!(first, second, "the renewed leaf is served");
    assert_eq!((public.pebble.orders(), public.pebble.issued()), (2, 2), "one order each");
    assert_eq!(world.versions(), 2, "the version before is kept, to go back to");
    public.no_challenge_is_left(&[ZONE]);
    public.expect("timeline verify", 0);

    public.place.write("broken", "");
    let failed = public.expect("apply -auto-approve -replace=certificate.www", 1);
    failed.reports("certificate.www@ssh_target.web").reports("out of order");
    failed.reports(&format!("main.cap.hcl:{}", world.line_of("targets     = [ssh_target.web]")));
    assert_eq!(world.leaf(), second, "the leaf before is served again");
    public.no_challenge_is_left(&[ZONE]);

    public.expect("plan -detailed-exitcode", 2).says("certificate.www@ssh_target.web");
    public.expect("apply -auto-approve", 0);
    assert!(![first, second].contains(&world.leaf()), "what was issued meanwhile is served");
    assert_eq!(public.pebble.orders(), 3, "and was not ordered again");
    public.expect("plan -detailed-exitcode", 0).says("No changes.");
    public.expect("timeline verify", 0);
}
