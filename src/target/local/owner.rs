//! Names of users and groups as numbers.

use std::ffi::CString;
use std::mem::MaybeUninit;

use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};
use crate::target::args::Owner;

/// Numbers of user and group; absent for "leave it as it is".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ids {
    pub user: Option<u32>,
    pub group: Option<u32>,
}

impl Ids {
    /// Looks names up; numbers stand for themselves.
    pub(super) fn find(owner: &Owner) -> PortResult<Self> {
        Ok(Self {
            user: number(owner.user.as_deref(), "user", user)?,
            group: number(owner.group.as_deref(), "group", group)?,
        })
    }

    /// Whether a file with these numbers is as asked.
    pub(super) fn match_file(self, user: u32, group: u32) -> bool {
        self.user.is_none_or(|asked| asked == user) && self.group.is_none_or(|asked| asked == group)
    }
}

fn number(name: Option<&str>, what: &str, find: fn(&str) -> Option<u32>) -> PortResult<Option<u32>> {
    let Some(name) = name else { return Ok(None) };
    let found = name.parse().ok().or_else(|| find(name));
    let missing =
        || PortError::new(ErrorClass::Rejected, format!("files.owner: there is no {what} {name} on this machine"));
    found.map(Some).ok_or_else(missing)
}

/// Room for one entry's texts; entries that need more are no accounts that own certificates.
const ROOM: usize = 16 << 10;

fn user(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    let (mut entry, mut room, mut found) = (MaybeUninit::<libc::passwd>::uninit(), vec![0; ROOM], std::ptr::null_mut());
    // SAFETY: every pointer is valid for the call, and the length is that of the room. On success with a result `entry`
    // has been filled in, and only a number is taken out of it, while `room` is alive.
    unsafe {
        libc::getpwnam_r(name.as_ptr(), entry.as_mut_ptr(), room.as_mut_ptr(), room.len(), &mut found);
        (!found.is_null()).then(|| (*found).pw_uid)
    }
}

fn group(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    let (mut entry, mut room, mut found) = (MaybeUninit::<libc::group>::uninit(), vec![0; ROOM], std::ptr::null_mut());
    // SAFETY: as above.
    unsafe {
        libc::getgrnam_r(name.as_ptr(), entry.as_mut_ptr(), room.as_mut_ptr(), room.len(), &mut found);
        (!found.is_null()).then(|| (*found).gr_gid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_found() {
        let owner = |user: &str, group: &str| Owner { user: Some(user.to_owned()), group: Some(group.to_owned()) };
        assert_eq!(Ids::find(&owner("root", "root")).ok(), Some(Ids { user: Some(0), group: Some(0) }));
        assert_eq!(Ids::find(&owner("12", "34")).ok(), Some(Ids { user: Some(12), group: Some(34) }));
        assert!(Ids::find(&owner("nobody-has-this-name", "root")).is_err());
    }
}
