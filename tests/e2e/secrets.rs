//! Marked secrets are planted wherever `cap` takes or makes one, and looked for in everything it leaves: answers, reports,
//! saved plans, the store's file, arguments and environments of what it starts. Law 5.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::{Public, ZONE};
use crate::cli::Ran;
use crate::peers::pebble::Options;
use crate::peers::sshd::Sshd;

const TOKEN: &str = "marked-token-of-the-robot-7d1f0a";
const KEK: &str = "5ec4e7c0ffee0badcafe00112233445566778899aabbccddeeff0123456789ab";
/// HMAC key of the account binding, as the CA gives it out.
const BINDING: (&str, &str) = ("kid-1", "bWFya2VkLWhtYWMta2V5LW9mLXRoZS1hY2NvdW50LWJpbmRpbmc");
/// What a P-256 key begins with in PKCS#8 DER: version, algorithm, curve.
const KEY_HEAD: [u8; 23] =
    [2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1];

/// What must be found nowhere: all forms in which a secret might stand somewhere, each with the secret's name.
#[derive(Default)]
struct Marks(Vec<(String, Vec<u8>)>);

impl Marks {
    /// A secret as it is, in hexadecimal digits, and in base64 at any place of a longer text.
    fn add(&mut self, name: &str, secret: &[u8]) {
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut forms = vec![secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
        for shift in 0..3 {
            let shifted = [vec![0; shift], secret.to_vec()].concat();
            for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                let text = engine.encode(&shifted);
                // The digits at both ends hold bits of what stands beside it.
                forms.push(text.as_bytes()[[0, 2, 3][shift]..text.len() - 1].to_vec());
            }
        }
        forms.sort();
        forms.dedup();
        self.0.extend(forms.into_iter().map(|form| (name.to_owned(), form)));
    }

    /// A key in PEM: the body's lines, and what they say.
    fn add_pem(&mut self, name: &str, pem: &str) {
        let body: Vec<&str> = pem.lines().filter(|line| !line.contains("-----")).collect();
        let der = STANDARD.decode(body.concat()).expect("base64");
        // The key's own part; its beginning tells only which algorithm it is of.
        self.add(name, &der[36..68]);
        self.0.push((name.to_owned(), body[1].as_bytes().to_vec()));
    }

    /// Which secret stands in these bytes.
    fn found(&self, bytes: &[u8]) -> Option<&str> {
        let holds = |form: &Vec<u8>| bytes.windows(form.len()).any(|window| window == form);
        self.0.iter().find(|(_, form)| holds(form)).map(|(name, _)| name.as_str())
    }

    /// Insists that none does.
    fn absent(&self, place: &str, bytes: &[u8]) {
        assert_eq!(self.found(bytes), None, "in {place}");
    }
}

/// The estate, and what it is given.
struct Planted {
    public: Public,
    _sshd: Sshd,
    environment: BTreeMap<&'static str, String>,
    marks: Marks,
}

impl Planted {
    fn start() -> Option<Self> {
        let public = Public::start_with(Options { bindings: vec![BINDING], ..Options::default() })?;
        let sshd = Sshd::start()?;
        public.place.write("login_key", &sshd.key);
        std::fs::create_dir(public.place.path().join("tmp")).expect("a folder");
        public.place.write("main.cap.hcl", estate(&public, &sshd));
        let mut marks = Marks::default();
        marks.add("the key of updates", &STANDARD.decode(&public.bind.secret).expect("base64"));
        marks.add("the token", TOKEN.as_bytes());
        marks.add("the key-encryption key", &(0..32).map(digits).collect::<Vec<u8>>());
        marks.add("the binding", &URL_SAFE_NO_PAD.decode(BINDING.1).expect("base64url"));
        marks.add_pem("the key to log in with", &sshd.key);
        marks.add("any key that was made", &KEY_HEAD);
        let environment = [
            ("TSIG", public.bind.secret.clone()),
            ("ROBOT", TOKEN.to_owned()),
            ("CAP_ENCRYPTION_KEY_V1", KEK.to_owned()),
            ("CAP_VAR_binding", BINDING.1.to_owned()),
            ("TMPDIR", public.place.path().join("tmp").display().to_string()),
            ("CAP_LOG", "trace".to_owned()),
            ("CAP_LOG_PATH", public.place.path().join("log").display().to_string()),
        ];
        Some(Self { public, _sshd: sshd, environment: environment.into(), marks })
    }

    fn command(&self, line: &str) -> Command {
        let mut command = self.public.place.command(line);
        command.envs(&self.environment);
        command
    }

    /// Runs a line and looks through both streams.
    fn run(&self, line: &str, code: i32) -> Ran {
        self.run_with(line, &[], code)
    }

    /// The same with other values in its environment.
    fn run_with(&self, line: &str, other: &[(&str, &str)], code: i32) -> Ran {
        let mut command = self.command(line);
        command.envs(other.iter().copied());
        let ran = Ran::of(command.output().expect("cap runs"));
        assert_eq!(ran.code, code, "cap {line}\n{}{}", ran.out, ran.err);
        self.marks.absent(&format!("what `cap {line}` says"), format!("{}{}", ran.out, ran.err).as_bytes());
        ran
    }

    /// Runs a line while looking at the arguments and environments of everything it starts.
    fn run_watched(&self, line: &str) -> usize {
        let mut child = self.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("cap runs");
        let (own, mut seen) = (child.id(), std::collections::BTreeSet::new());
        let status = loop {
            if let Some(status) = child.try_wait().expect("it is our child") {
                break status;
            }
            for process in descendants(own).into_iter().filter(|process| is_started(*process)) {
                for part in ["cmdline", "environ"] {
                    let bytes = std::fs::read(format!("/proc/{process}/{part}")).unwrap_or_default();
                    self.marks.absent(&format!("{part} of {}", String::from_utf8_lossy(&bytes)), &bytes);
                    seen.insert(bytes);
                }
            }
        };
        assert_eq!(status.code(), Some(0), "cap {line}");
        seen.len()
    }
}

/// The byte at a place of the key-encryption key.
fn digits(at: usize) -> u8 {
    u8::from_str_radix(&KEK[2 * at..2 * at + 2], 16).expect("hexadecimal digits")
}

fn estate(public: &Public, sshd: &Sshd) -> String {
    let (here, port, user, fingerprint) = (public.place.path().display(), sshd.port, &sshd.user, &sshd.fingerprint);
    let account = "  email     = \"pki@example.test\"\n";
    let binding = format!("{account}  eab {{\n    kid  = \"kid-1\"\n    hmac = var.binding\n  }}\n");
    public.head().replace(account, &binding)
        + &format!(
            r#"
variable "binding" {{
  type      = string
  sensitive = true
}}

member "robot" {{
  email = "robot@example.test"
  role  = "admin"
  token = secret_env("ROBOT")
}}

private_ca "house" {{
  common_name = "House Root"
}}

ssh_target "host" {{
  address  = "127.0.0.1"
  port     = {port}
  user     = "{user}"
  key      = secret_file("{here}/login_key")
  host_key = "{fingerprint}"
  files {{ directory = "{here}/ssh/${{certificate.name}}" }}
  reload = ["sh", "-c", "tr '\\0' '\\n' < /proc/self/environ > {here}/there.txt"]
}}

file_target "local" {{
  files {{ directory = "{here}/out/${{certificate.name}}" }}
  reload = ["sh", "-c", "tr '\\0' '\\n' < /proc/self/environ > {here}/here.txt"]
}}

certificate "public" {{
  issuer      = acme_account.pebble
  common_name = "www.{ZONE}"
  targets     = [ssh_target.host, file_target.local]
}}

certificate "inside" {{
  issuer      = private_ca.house
  common_name = "inside.{ZONE}"
  targets     = [file_target.local]
}}
"#
        )
}

/// Whether a process runs a program of its own. Until then it is a copy of the one that starts it.
fn is_started(process: u32) -> bool {
    let program = std::fs::read_link(format!("/proc/{process}/exe"));
    program.is_ok_and(|program| program != Path::new(env!("CARGO_BIN_EXE_cap")))
}

/// All processes below one.
fn descendants(process: u32) -> Vec<u32> {
    let children = |process: u32| -> Vec<u32> {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
        lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
    };
    let mut all = children(process);
    let mut at = 0;
    while at < all.len() {
        all.extend(children(all[at]));
        at += 1;
    }
    all
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() && !path.is_symlink() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn no_secret_stands_anywhere() {
    let Some(mut planted) = Planted::start() else { return };
    planted.run("validate -json", 0);
    planted.run("plan -out=saved.plan", 0);
    planted.run("plan -json", 0);
    assert!(planted.run_watched("apply -auto-approve saved.plan") > 2, "nothing was started that could be watched");
    let here = planted.public.place.path().to_owned();
    for key in ["out/public", "out/inside", "ssh/public"] {
        let pem = planted.public.place.read(&format!("{key}/current/privkey.pem"));
        assert!(
            planted
                .marks
                .found(
                    &STANDARD
                        .decode(pem.lines().filter(|line| !line.contains('-')).collect::<String>())
                        .expect("base64")
                )
                .is_some(),
            "a key in clear is recognized"
        );
        planted.marks.add_pem(key, &pem);
    }

    for line in [
        "apply -auto-approve -json -replace=certificate.public -replace=certificate.inside",
        "show",
        "show -json",
        "show -json saved.plan",
        "show saved.plan",
        "output -json",
        "state list",
        "timeline certificate.public",
        "timeline -json certificate.inside",
        "timeline verify -checkpoint=checkpoint",
        "jobs list -all",
        "jobs list -all -json",
    ] {
        planted.run(line, 0);
    }
    for address in planted.run("state list", 0).out.lines() {
        planted.run(&format!("state show -json {address}"), 0);
        planted.run(&format!("state show {address}"), 0);
    }
    for job in planted.run("jobs list -all -json", 0).json_lines() {
        let id = job["id"].as_str().expect("an id");
        planted.run(&format!("jobs show -json {id}"), 0);
    }
    planted.run_with("apply -auto-approve -replace=certificate.inside", &[("CAP_TOKEN", TOKEN)], 0);
    planted.run("timeline certificate.inside", 0).says("member.robot");

    let given = ["login_key", "out/", "ssh/"].map(|name| here.join(name).display().to_string());
    let mut looked = Vec::new();
    for file in
        files(&here).into_iter().filter(|file| !given.iter().any(|given| file.display().to_string().starts_with(given)))
    {
        planted.marks.absent(&file.display().to_string(), &std::fs::read(&file).unwrap_or_default());
        looked.push(file.file_name().expect("a name").to_string_lossy().into_owned());
    }
    for name in ["state.db", "saved.plan", "checkpoint", "here.txt", "there.txt", "log"] {
        assert!(looked.iter().any(|looked| looked == name), "{name} is not among {looked:?}");
    }
}

#[test]
fn failures_say_nothing_of_the_secret_they_are_about() {
    let Some(planted) = Planted::start() else { return };
    let mut marks = Marks::default();
    marks.add("the secret that is wrong", b"marked-and-wrong-9b2e51");
    let planted = Planted { marks, ..planted };
    let wrong = "marked-and-wrong-9b2e51";
    planted.run_with("apply -auto-approve", &[("CAP_TOKEN", wrong)], 1);
    planted.run_with("plan", &[("CAP_ENCRYPTION_KEY_V1", wrong)], 1).reports("CAP_ENCRYPTION_KEY_V1");
    planted.run(&format!("plan -store=mongodb://user:{wrong}@127.0.0.1:1/cap?serverSelectionTimeoutMS=100"), 1);
    planted.run(&format!("plan -store=mongodb://user:{wrong}/x@127.0.0.1:1/cap"), 1);
    let target = "apply -auto-approve -target=acme_account.pebble";
    planted.run_with(target, &[("CAP_VAR_binding", wrong)], 1).reports("acme_account.pebble");
    planted.run_with("apply -auto-approve", &[("TSIG", wrong)], 1).reports("certificate.public");

    let text = planted.public.place.read("main.cap.hcl");
    for (change, place) in [
        ("\noutput \"leak\" {\n  value = var.binding\n}\n", "main.cap.hcl"),
        ("\nmember \"leak\" {\n  email = \"${var.binding}@example.test\"\n}\n", "main.cap.hcl"),
        ("\nlocals {\n  leak = sha256(var.binding)\n}\noutput \"leak\" {\n  value = local.leak\n}\n", "main.cap.hcl"),
        ("\nvariable \"number\" {\n  type = number\n  sensitive = true\n}\n", "number"),
    ] {
        planted.public.place.write("main.cap.hcl", text.clone() + change);
        let other = [("CAP_VAR_binding", wrong), ("CAP_VAR_number", wrong)];
        planted.run_with("validate", &other, 1);
        planted.run_with("plan -json", &other, 1);
        planted.run_with("plan", &other, 1).reports(place);
    }
}
