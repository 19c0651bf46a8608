//! `cap` on a terminal of its own, as a person sees it: questions, answers, and Ctrl-C.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};

use super::Place;

/// How long a process may show nothing: far longer than any question takes to appear.
const PATIENCE_MS: i32 = 60_000;

/// A terminal with a process on it.
pub struct Terminal {
    /// The process.
    pub child: Child,
    screen: File,
    /// All that was shown.
    pub said: String,
}

/// The two ends of a new terminal.
fn pair() -> (OwnedFd, OwnedFd) {
    let (mut master, mut slave) = (0, 0);
    let none = std::ptr::null_mut();
    // SAFETY: both places are live, and the call fills them with descriptors that are ours from then on.
    let made = unsafe { libc::openpty(&raw mut master, &raw mut slave, none, none.cast(), none.cast()) };
    assert_eq!(made, 0, "a terminal");
    // SAFETY: both were just made and belong to nobody else.
    unsafe { (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) }
}

impl Terminal {
    /// Starts a command on it.
    pub fn run(mut command: Command) -> Self {
        let (master, slave) = pair();
        let end = || slave.try_clone().expect("a descriptor");
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm").env("NO_COLOR", "1");
        // SAFETY: both calls are allowed between fork and exec.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY, 0);
                Ok(())
            });
        }
        Self { child: command.spawn().expect("cap runs"), screen: File::from(master), said: String::new() }
    }

    /// Waits until this was shown.
    pub fn until(&mut self, part: &str) -> &mut Self {
        while !self.said.contains(part) {
            assert!(self.read(), "{part:?} is missing in\n{}", self.said);
        }
        self
    }

    /// Types.
    pub fn enter(&mut self, keys: &str) -> &mut Self {
        self.screen.write_all(keys.as_bytes()).expect("somebody reads");
        self
    }

    /// Waits for the end, and gives the exit code and all that was shown.
    pub fn end(mut self) -> (i32, String) {
        while self.read() {}
        (self.child.wait().expect("it ends").code().unwrap_or(-1), self.said)
    }

    /// Reads what is shown next; a terminal that nobody has any more is an error on Linux. Nobody is waited for for ever.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let mut wait = libc::pollfd { fd: self.screen.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: the pointer is to one live value, as the count says.
        let ready = unsafe { libc::poll(&raw mut wait, 1, PATIENCE_MS) };
        if ready == 0 {
            // Its child would otherwise be left behind.
            let _ = self.child.kill();
            panic!("nothing is shown any more after\n{}", self.said);
        }
        match self.screen.read(&mut bytes) {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.said.push_str(&String::from_utf8_lossy(&bytes[..count]));
                true
            }
        }
    }
}

#[test]
fn an_interrupt_at_the_question_cancels() {
    let place = Place::quickstart();
    for (line, says) in [("apply", "Apply cancelled."), ("destroy", "No changes.")] {
        let mut terminal = Terminal::run(place.command(line));
        if line == "apply" {
            terminal.until("Enter a value:").enter("\u{3}");
        }
        let (code, said) = terminal.end();
        assert_eq!(code, i32::from(line == "apply"), "{said}");
        assert!(said.contains(says), "{said}");
    }
    place.expect("state list", 1).reports("There is no store");
    let mut terminal = Terminal::run(place.command("apply"));
    terminal.until("Enter a value:").enter("yes\n");
    let (code, said) = terminal.end();
    assert!(code == 0 && said.contains("Apply complete!"), "{said}");
}

/// Whoever breaks a lock is told that its holder cannot write any more.
#[test]
fn an_apply_whose_lock_is_broken_while_it_asks_writes_nothing() {
    let place = Place::quickstart();
    let text = place.read("main.cap.hcl");
    place.expect("apply -auto-approve", 0);
    place.write("main.cap.hcl", text.replace("alice@example.test", "a@example.test"));
    let before = place.expect("timeline verify", 0).out;
    let mut terminal = Terminal::run(place.command("apply"));
    terminal.until("Enter a value:");
    let refused = place.expect("apply -auto-approve", 1).err;
    let id = refused.split_whitespace().skip_while(|word| *word != "ID:").nth(1).expect("the lock's id");
    place.expect(&format!("force-unlock -force {id}"), 0).says("cannot write any more");
    let (code, said) = {
        terminal.enter("yes\n");
        terminal.end()
    };
    assert!(code == 1 && said.contains("Lock lost"), "{said}");
    assert_eq!(place.expect("timeline verify", 0).out, before);
    place.expect("state show member.alice", 0).says("alice@example.test");
}

#[test]
fn variables_without_a_value_are_asked_for() {
    let place = Place::new();
    place.write(
        "main.cap.hcl",
        "variable \"name\" {\n  type = string\n  description = \"Who it is for.\"\n}\n\
         variable \"token\" {\n  type = string\n  sensitive = true\n}\n\
         variable \"given\" {\n  type = string\n}\n\
         member \"m\" {\n  email = \"${var.name}@${var.given}\"\n  token = var.token\n}\n",
    );
    place.expect("plan -var given=example.com", 1).reports("CAP0152").reports("var 'name=");
    let mut terminal = Terminal::run(place.command("plan -var given=example.com"));
    terminal.until("Who it is for.").until("Enter a value:").enter("robin\n");
    terminal.until("var.token").enter("m4rked\n");
    let (code, said) = terminal.end();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("robin@example.com") && !said.contains("m4rked") && !said.contains("var.given"), "{said}");
    let (code, said) = Terminal::run(place.command("plan -input=false -var given=example.com")).end();
    assert!(code == 1 && said.contains("CAP0152") && !said.contains("Enter a value"), "{said}");
    let mut terminal = Terminal::run(place.command("plan -var given=example.com"));
    terminal.until("Enter a value:").enter("\u{3}");
    assert_eq!(terminal.end().0, 1);
}
