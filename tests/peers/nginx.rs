//! nginx as a TLS endpoint that reads its certificate from files and reloads.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::pebble::write_identity;
use super::{Outcome, Peer, Running, Scratch, free_port, report, wait_port};

/// A server, not yet started: what it serves has to be there first.
pub struct Nginx {
    peer: Peer,
    scratch: Scratch,
    running: Option<Running>,
    /// Where it is to listen on 127.0.0.1.
    pub port: u16,
}

impl Drop for Nginx {
    /// Its workers outlive a master that is killed.
    fn drop(&mut self) {
        self.running.iter_mut().for_each(Running::quit);
    }
}

impl Nginx {
    /// Prepares one that serves these files, or reports that it did not run.
    pub fn prepare(fullchain: &Path, privkey: &Path) -> Option<Self> {
        let peer = Peer::find_or_report("nginx")?;
        report("nginx", &Outcome::Ran { version: peer.version(&["-v"]) });
        let scratch = Scratch::new("nginx");
        let port = free_port();
        std::fs::write(scratch.join("nginx.conf"), configuration(&scratch, port, fullchain, privkey)).expect("a file");
        Some(Self { peer, scratch, running: None, port })
    }

    /// Starts it.
    pub fn start(&mut self) {
        let mut command = self.peer.command();
        command.args(self.words());
        let mut running = Running::start("nginx", &mut command, &self.scratch);
        wait_port(self.port, Duration::from_secs(20), &mut running);
        self.running = Some(running);
    }

    /// Starts it with a certificate of its own, as a host that was set up before anything was deployed to it. It takes
    /// what was prepared with [`Self::take_up`].
    pub fn start_bare(&mut self) {
        write_identity(&self.scratch);
        let pair = ["server.pem", "server.key"].map(|name| self.scratch.join(name));
        let bare = configuration(&self.scratch, self.port, &pair[0], &pair[1]);
        std::fs::write(self.scratch.join("live.conf"), bare).expect("a file");
        let mut command = self.peer.command();
        command.args(self.words_of("live.conf"));
        let mut running = Running::start("nginx", &mut command, &self.scratch);
        wait_port(self.port, Duration::from_secs(20), &mut running);
        self.running = Some(running);
    }

    /// A script of the shell that makes it serve what was prepared from now on, and read it again.
    pub fn take_up(&self) -> String {
        let reload: Vec<String> = [self.peer.path.to_string_lossy().into_owned()]
            .into_iter()
            .chain(self.words_of("live.conf"))
            .chain(["-s", "reload"].map(str::to_owned))
            .collect();
        let [prepared, live] = ["nginx.conf", "live.conf"].map(|name| self.scratch.join(name));
        format!("cp {} {} && {}", prepared.display(), live.display(), reload.join(" "))
    }

    fn words(&self) -> [String; 6] {
        self.words_of("nginx.conf")
    }

    fn words_of(&self, configuration: &str) -> [String; 6] {
        let path = |name: &str| self.scratch.join(name).to_string_lossy().into_owned();
        ["-p", &path(""), "-c", &path(configuration), "-e", &path("err.log")].map(str::to_owned)
    }

    fn with(&self, words: &[&str]) -> Vec<String> {
        let path = self.peer.path.to_string_lossy().into_owned();
        [path].into_iter().chain(self.words()).chain(words.iter().map(|word| (*word).to_owned())).collect()
    }

    /// The command that tests its configuration.
    pub fn test(&self) -> Vec<String> {
        self.with(&["-t"])
    }

    /// The command that reloads it.
    pub fn reload(&self) -> Vec<String> {
        self.with(&["-s", "reload"])
    }

    /// A folder of its own.
    pub fn folder(&self) -> PathBuf {
        self.scratch.join("")
    }
}

fn configuration(scratch: &Scratch, port: u16, fullchain: &Path, privkey: &Path) -> String {
    let here = scratch.join("");
    let here = here.to_string_lossy();
    let (fullchain, privkey) = (fullchain.display(), privkey.display());
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("  {name}_temp_path {here}{name};\n"))
        .collect();
    format!(
        "pid {here}pid; error_log {here}err.log; daemon off; worker_processes 1;\nevents {{}}\nhttp {{\n  access_log off;\n\
         {temporary}  server {{ listen 127.0.0.1:{port} ssl; server_name localhost;\n    \
         ssl_certificate {fullchain}; ssl_certificate_key {privkey}; return 200 \"ok\\n\"; }}\n}}\n"
    )
}
