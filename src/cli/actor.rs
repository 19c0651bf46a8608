//! Who acts: the operating system's user and host, or the member whose token is given. And whether that member may.

use std::ffi::CStr;

use super::shell::{environment, stored};
use crate::diagnostic::{Diagnostic, codes};
use crate::ports::store::Store;
use crate::ports::vault::KeyVault;
use crate::state::{Record, State};

/// The variable that holds a member's token.
pub const TOKEN: &str = "CAP_TOKEN";

/// Who acts.
#[derive(Debug, Clone, PartialEq)]
pub struct Actor {
    /// As the timeline names them: `alice@laptop`, or `member.alice`.
    pub name: String,
    /// The member, when a token was given.
    member: Option<Record>,
}

/// Whoever acts, if they may change the estate at all: asked before anything is done, what an earlier run left included.
///
/// # Errors
/// The token is nobody's, or its member's role is not enough.
pub async fn acting(store: &dyn Store, vault: &dyn KeyVault) -> Result<Actor, Diagnostic> {
    let state = stored(store.snapshot().await)?.state;
    let actor = Actor::identify(&state, vault, environment(TOKEN).as_deref())?;
    match actor.refusal(&state) {
        None => Ok(actor),
        Some(refusal) => Err(refusal),
    }
}

impl Actor {
    /// The member with this token, or whoever is logged in when there is none.
    ///
    /// # Errors
    /// A token that belongs to no member is refused: nobody could be named.
    pub fn identify(state: &State, vault: &dyn KeyVault, token: Option<&str>) -> Result<Self, Diagnostic> {
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Ok(Self { name: user_and_host(), member: None });
        };
        let digest = vault.fingerprint(token.as_bytes());
        let holds =
            |record: &&Record| record.address.kind() == "member" && record.secrets.get("token") == Some(&digest);
        let member = state.records.values().find(holds).ok_or_else(unknown)?;
        Ok(Self { name: member.address.to_string(), member: Some(member.clone()) })
    }

    /// Why this actor may not change the estate. Only the owner and admins of the organization may: roles in single
    /// projects are recorded and not enforced yet, so that letting anyone else go on would be a pretence.
    pub fn refusal(&self, state: &State) -> Option<Diagnostic> {
        let member = self.member.as_ref()?;
        if is_admin(member) || owns(member, state) {
            return None;
        }
        let detail = format!(
            "{} is neither owner nor admin of the organization, and what other roles may do in single projects is not enforced yet.",
            self.name
        );
        let report = Diagnostic::error(&codes::shell::NOT_ENFORCED, detail).about(&self.name);
        Some(report.hint(format!("Let an admin apply, or set role = \"admin\" in the block of {}.", self.name)))
    }
}

fn is_admin(member: &Record) -> bool {
    member.spec.as_ref().and_then(|spec| spec.get("role")).is_some_and(|role| role == "admin")
}

fn owns(member: &Record, state: &State) -> bool {
    let organizations = state.records.values().filter(|record| record.address.kind() == "organization");
    let mut owners = organizations.filter_map(|record| record.spec.as_ref()?.get("owner")?.get("$ref"));
    owners.any(|owner| *owner == member.address.to_string())
}

fn unknown() -> Diagnostic {
    Diagnostic::error(&codes::shell::UNKNOWN_TOKEN, format!("The token in {TOKEN} belongs to no member in the store."))
        .hint(format!("Unset {TOKEN} to act as the operating system's user, or apply the member's token first."))
}

/// `user@host`, as the operating system names them.
pub fn user_and_host() -> String {
    format!("{}@{}", user(), host())
}

fn user() -> String {
    // SAFETY: `geteuid` always succeeds and touches no memory.
    let id = unsafe { libc::geteuid() };
    let mut buffer = vec![0; 4096];
    // SAFETY: an all-zero `passwd` is a valid value of that plain C structure.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found: *mut libc::passwd = std::ptr::null_mut();
    // SAFETY: all pointers are to live locals, and the length is that of the buffer.
    let code = unsafe { libc::getpwuid_r(id, &raw mut entry, buffer.as_mut_ptr(), buffer.len(), &raw mut found) };
    if code != 0 || found.is_null() || entry.pw_name.is_null() {
        return format!("uid-{id}");
    }
    // SAFETY: on success the name is a C string inside the buffer, which is still alive.
    unsafe { CStr::from_ptr(entry.pw_name) }.to_string_lossy().into_owned()
}

fn host() -> String {
    let mut buffer = [0_u8; 256];
    // SAFETY: the pointer is to a live local of that length; the last byte stays zero.
    let code = unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) };
    let name = CStr::from_bytes_until_nul(&buffer).ok().filter(|_| code == 0);
    name.map_or_else(|| "localhost".to_owned(), |name| name.to_string_lossy().into_owned())
}
