//! Runs a command as a whole process and reads what the operating system charged it: CPU seconds and peak memory.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What one run cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// User and system time of the process and its children.
    pub cpu: Duration,
    /// Peak resident memory in bytes.
    pub memory: u64,
    /// Wall time, for orientation only: these machines are shared.
    pub wall: Duration,
    /// Exit code.
    pub code: i32,
}

/// Runs a command to its end with its output thrown away.
pub fn run(command: &mut Command) -> std::io::Result<Cost> {
    let begin = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let (status, usage) = wait(child.id() as libc::pid_t)?;
    let seconds = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    Ok(Cost {
        cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        memory: usage.ru_maxrss as u64 * 1024,
        wall: begin.elapsed(),
        code: if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { -1 },
    })
}

fn wait(process: libc::pid_t) -> std::io::Result<(i32, libc::rusage)> {
    let mut status = 0;
    // SAFETY: an all-zero `rusage` is a valid value of that plain C structure.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live locals, and the process is our own child that nobody else waits for.
    let reaped = unsafe { libc::wait4(process, &mut status, 0, &mut usage) };
    if reaped == process { Ok((status, usage)) } else { Err(std::io::Error::last_os_error()) }
}

/// The median of some runs by CPU time.
pub fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by_key(|cost| cost.cpu);
    costs[costs.len() / 2]
}
