//! A machine on the other side of a connection: questions and changes become arguments of one fixed script.

use std::process::Output;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::session::{Login, Session};
use crate::digest::Digest;
use crate::job::ErrorClass;
use crate::ports::{PortError, PortResult};
use crate::target::args::Owner;
use crate::target::machine::{Action, Ask, Entry, Kind, Machine, Question, Seen};
use crate::target::output;
use crate::x509;

const SCRIPT: &str = include_str!("remote.sh");
/// Limit on file work.
const FILES: Duration = Duration::from_secs(60);
/// What the host's own limit on a command may take to take hold.
const GRACE: Duration = Duration::from_secs(5);

/// A host, as one owner of files sees it. Connected when it is first needed.
pub(super) struct Remote {
    login: Login,
    owner: Owner,
    sudo: bool,
    session: Mutex<Option<Session>>,
}

impl Remote {
    pub(super) fn new(login: Login, owner: Owner, sudo: bool) -> Self {
        Self { login, owner, sudo, session: Mutex::new(None) }
    }

    /// Runs the script with these arguments.
    async fn script(&self, words: &[&str], stdin: &[u8], limit: Duration) -> PortResult<Output> {
        let owner = [&self.owner.user, &self.owner.group].map(|name| name.as_deref().unwrap_or_default());
        let line = ["sh", "-c", SCRIPT, "cap"].into_iter().chain(owner).chain(words.iter().copied());
        let sudo: &[&str] = if self.sudo { &["sudo", "-n", "--"] } else { &[] };
        let line: Vec<String> = sudo.iter().copied().chain(line).map(quoted).collect();
        let mut slot = self.session.lock().await;
        let session = match slot.take() {
            Some(session) => session,
            None => Session::open(&self.login).await?,
        };
        // On an error the session is dropped, and the next call connects anew.
        let output = session.execute(&line.join(" "), stdin, limit).await?;
        if output.status.code() == Some(255) && !session.is_alive().await {
            return Err(session.lost(&output::tail(&output.stderr)));
        }
        *slot = Some(session);
        Ok(output)
    }

    /// Runs the script for file work, and reads its failure.
    async fn files(&self, words: &[&str], stdin: &[u8]) -> PortResult<Vec<u8>> {
        let output = self.script(words, stdin, FILES).await?;
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(self.refused(&output::tail(&output.stderr))),
        }
    }

    /// Whose fault it is that the script failed. The tools' messages, in the C locale, are all there is to tell.
    fn refused(&self, said: &str) -> PortError {
        let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
        let (class, remedy) = if has(&["sudo:"]) {
            (
                ErrorClass::Unauthorized,
                Some(
                    "let the user run sh by sudo without a password, or log in as the owner of the files and leave sudo out",
                ),
            )
        } else if has(&[" as root: "]) {
            (
                ErrorClass::Rejected,
                Some(
                    "give that directory to root and let nobody else write there (chown root, chmod go-w), or log in as the owner of the files and leave sudo out",
                ),
            )
        } else if has(&["ermission denied", "not permitted"]) {
            (ErrorClass::Unauthorized, Some("log in as a user who may do this, or set sudo = true"))
        } else if has(&["No space left", "quota exceeded"]) {
            (ErrorClass::Transient, Some("free space there; what was in place before is untouched"))
        } else if has(&[
            "Read-only file system",
            "invalid user",
            "invalid group",
            "Not a directory",
            "unrecognized option",
            "invalid option",
        ]) {
            (ErrorClass::Rejected, None)
        } else if has(&["File exists"]) {
            (ErrorClass::Conflict, None)
        } else {
            (ErrorClass::Transient, None)
        };
        let error = PortError::new(class, format!("{}: {}", self.login.address, said.replace('\n', "; ")));
        match remedy {
            Some(remedy) => error.remedy(remedy),
            None => error,
        }
    }

    fn is_owner(&self, fields: &[&str]) -> bool {
        let matches = |asked: &Option<String>, number: usize, name: usize| {
            asked.as_deref().is_none_or(|asked| [number, name].iter().any(|at| fields.get(*at) == Some(&asked)))
        };
        matches(&self.owner.user, 1, 3) && matches(&self.owner.group, 2, 4)
    }
}

/// A word for a POSIX shell, whatever is in it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// An action as words of the script.
fn words(action: &Action) -> Vec<String> {
    let octal = |mode: &u32| format!("{mode:04o}");
    let word = |word: &str| word.to_owned();
    match action {
        Action::Directory { path, mode } => vec![word("directory"), word(path), octal(mode)],
        Action::NewDirectory { path, mode } => vec![word("new-directory"), word(path), octal(mode)],
        Action::Write { path, mode, content } => {
            vec![word("write"), word(path), octal(mode), content.len().to_string()]
        }
        Action::Rename { from, to } => vec![word("rename"), word(from), word(to)],
        Action::Link { to, path } => vec![word("link"), word(to), word(path)],
        Action::Keep { path, name } => vec![word("keep"), word(path), word(name)],
        Action::Remove { path } => vec![word("remove"), word(path)],
        Action::RemoveDirectory { path } => vec![word("remove-directory"), word(path)],
    }
}

fn ask(ask: Ask) -> &'static str {
    match ask {
        Ask::Kind => "kind",
        Ask::Digest => "digest",
        Ask::Content => "content",
        Ask::Names => "names",
    }
}

#[async_trait]
impl Machine for Remote {
    async fn look(&self, questions: Vec<Question>) -> PortResult<Seen> {
        let pairs = questions.iter().flat_map(|question| [question.path.as_str(), ask(question.ask)]);
        let words: Vec<&str> = ["look"].into_iter().chain(pairs).collect();
        let reply = self.files(&words, &[]).await?;
        let mut reader = Reader { rest: &reply };
        let mut seen = Seen::default();
        for question in questions {
            let entry = reader.entry(|fields| self.is_owner(fields)).ok_or_else(|| self.garbled())?;
            seen.0.insert(question.path, entry);
        }
        Ok(seen)
    }

    async fn change(&self, actions: Vec<Action>) -> PortResult<()> {
        let words: Vec<String> = actions.iter().flat_map(words).collect();
        let words: Vec<&str> = ["change"].into_iter().chain(words.iter().map(String::as_str)).collect();
        let contents = actions.iter().filter_map(|action| match action {
            Action::Write { content, .. } => Some(content.as_bytes()),
            _ => None,
        });
        let stdin = zeroize::Zeroizing::new(contents.collect::<Vec<_>>().concat());
        self.files(&words, &stdin).await.map(drop)
    }

    async fn public_key(&self, path: &str) -> PortResult<Option<Digest>> {
        let reply = self.files(&["key", path], &[]).await?;
        let text = String::from_utf8_lossy(&reply);
        if text.trim().is_empty() {
            return Ok(None);
        }
        // What is no private key at all belongs to no certificate: a digest that nothing has.
        Ok(Some(x509::one(&text, "PUBLIC KEY").map_or_else(|_| Digest::of("no private key"), Digest::of)))
    }

    async fn run(&self, words: &[String], limit: Duration) -> PortResult<()> {
        let seconds = limit.as_secs().max(1).to_string();
        let all: Vec<&str> = ["run", seconds.as_str()].into_iter().chain(words.iter().map(String::as_str)).collect();
        let begin = std::time::Instant::now();
        let output = self.script(&all, &[], limit + GRACE).await?;
        let text = output::tail(&[output.stdout, output.stderr].concat());
        match output.status.code() {
            Some(0) => Ok(()),
            // The status with which timeout(1) says that it ended the command. Busybox's has the command run in its own place
            // and end by a signal, for which the login shell says 143, and ssh, where the shell is gone too, 255.
            // One that would not end was killed: 137.
            Some(124 | 137 | 143 | 255) if begin.elapsed() >= limit => Err(output::too_long(words, limit, &text)),
            Some(1) if text.starts_with("sudo:") => Err(self.refused(&text)),
            Some(code) => Err(output::failed(words, &format!("exit status {code}"), &text)),
            None => Err(output::failed(words, "a signal", &text)),
        }
    }
}

impl Remote {
    fn garbled(&self) -> PortError {
        let what = format!("{}: the host's answer cannot be read", self.login.address);
        let remedy =
            "see that logging in prints nothing of its own, and that sh, stat, readlink and sha256sum are there";
        PortError::new(ErrorClass::Rejected, what).remedy(remedy)
    }
}

/// Reads the script's answers.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn line(&mut self) -> Option<&'a str> {
        let end = self.rest.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&self.rest[..end]).ok()?;
        self.rest = &self.rest[end + 1..];
        Some(line)
    }

    /// Whether the next line begins with this word; takes the rest of it if so.
    fn detail(&mut self, word: &str) -> Option<&'a str> {
        let before = self.rest;
        let found = self.line().and_then(|line| line.strip_prefix(word));
        if found.is_none() {
            self.rest = before;
        }
        found
    }

    fn entry(&mut self, is_owner: impl Fn(&[&str]) -> bool) -> Option<Entry> {
        let line = self.line()?;
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        let fields: Vec<&str> = rest.split(' ').collect();
        let mut entry = Entry::default();
        entry.kind = match kind {
            "absent" => return Some(entry),
            "link" => Kind::Link(rest.to_owned()),
            "file" => Kind::File,
            "directory" => Kind::Directory,
            "other" => Kind::Other,
            _ => return None,
        };
        if matches!(entry.kind, Kind::File | Kind::Directory) {
            entry.mode = u32::from_str_radix(fields.first()?, 8).ok()?;
            entry.owned = is_owner(&fields);
        }
        self.details(&mut entry)?;
        Some(entry)
    }

    fn details(&mut self, entry: &mut Entry) -> Option<()> {
        if let Some(digest) = self.detail("digest ") {
            entry.digest = digest.parse().ok();
        }
        if let Some(length) = self.detail("content ") {
            let length: usize = length.parse().ok()?;
            entry.content = self.rest.get(..length)?.to_vec();
            entry.digest = Some(Digest::of(&entry.content));
            self.rest = self.rest.get(length + 1..)?;
        }
        while let Some(name) = self.detail("name ") {
            entry.names.push(name.to_owned());
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_they_were_written() {
        let reply = b"absent\nfile 640 0 33 root www-data\ncontent 4\nab\n\n\ndirectory 755 0 0 root root\nname a b\nname c\nlink versions/x\nend\n";
        let mut reader = Reader { rest: reply };
        let mut next = || reader.entry(|fields| fields[3] == "root").expect("an entry");
        assert_eq!(next(), Entry::default());
        let file = next();
        assert_eq!((file.kind, file.mode, file.owned, &file.content[..]), (Kind::File, 0o640, true, &b"ab\n\n"[..]));
        assert_eq!(next().names, ["a b", "c"]);
        assert_eq!(next().kind, Kind::Link("versions/x".to_owned()));
        assert_eq!(reader.entry(|_| true), None);
    }

    #[test]
    fn words_survive_a_shell() {
        for word in ["plain", "it's", "$(id) `id` \\ \" * ~", "", "two\nlines"] {
            let output = std::process::Command::new("sh").args(["-c", &format!("printf %s {}", quoted(word))]).output();
            assert_eq!(output.expect("a shell").stdout, word.as_bytes());
        }
    }
}
