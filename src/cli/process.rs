//! Names this process to other processes, so that what it held can be taken over at once when it is gone for sure.

use std::path::Path;

use crate::digest::Digest;

/// Keeps this process from leaving its memory behind in a file when it crashes: there may be keys in it. The collectors of
/// systemd and of Ubuntu heed the limit as the kernel does. Only the soft limit is set, so that a service which a target's
/// command starts may raise its own again. (`PR_SET_DUMPABLE` would take `/proc/PID/fd` from `ssh`, which reads a key there.)
pub fn leave_no_core() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls get the address of a limit that lives on this stack.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit) == 0 {
            limit.rlim_cur = 0;
            // Lowering one's own limit cannot be refused.
            let _ = libc::setrlimit(libc::RLIMIT_CORE, &raw const limit);
        }
    }
}

/// The name of this process: `alice@laptop/3f9a01bc/4711.88123`: who and where, the machine's boot and process namespace,
/// the process and when it began.
pub fn name(user_and_host: &str) -> String {
    let id = std::process::id();
    let began = began(id).unwrap_or_default();
    format!("{user_and_host}/{}/{id}.{began}", machine().unwrap_or_default())
}

/// Whether the process of that name ran on this very boot and namespace, and runs no more. In doubt it lives.
pub fn is_gone(name: &str) -> bool {
    let mut parts = name.rsplit('/');
    let (Some(process), Some(there)) = (parts.next(), parts.next()) else { return false };
    let Some((id, then)) = process.split_once('.') else { return false };
    let (Ok(id), Some(here)) = (id.parse(), machine()) else { return false };
    there == here && !then.is_empty() && began(id).as_deref() != Some(then)
}

/// What tells one run of one machine, and one namespace of processes on it, from all others.
fn machine() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(Digest::of(format!("{boot}{}", namespace.display()).as_bytes()).short())
}

/// When a process began, in ticks since the boot (proc(5), field 22 of `stat`); none when there is no such process. A
/// zombie has ended.
fn began(id: u32) -> Option<String> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("stat")).ok()?;
    // The name of the program may hold anything; what follows its last bracket may not.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    fields.nth(18).filter(|_| state != "Z").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ran_here_and_ended_is_gone() {
        let Some(here) = machine() else { return };
        assert!(!is_gone(&name("a@b")), "this process lives");
        assert!(is_gone(&format!("a@b/{here}/{}.1", std::process::id())), "another process had this number before");
        assert!(is_gone(&format!("a@b/{here}/4294967295.1")));
        for elsewhere in ["a@b/00000000/4294967295.1", "a@b", "a@b//1.", "member.a", ""] {
            assert!(!is_gone(elsewhere), "{elsewhere}");
        }
    }
}
