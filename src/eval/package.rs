//! Modules from elsewhere: what `source` names when it is no directory. A package is what is got as a whole, a git
//! repository at some commit or an archive; a module is a directory in it. Reads no file and asks nobody.

use crate::digest::Digest;

/// The directory below the root module where packages lie once they are got.
pub const PACKAGES: &str = ".cap/modules";

/// What is got as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The source as it is written, without the directory in it: the name in the lock file.
    pub source: String,
    /// Where it is.
    pub origin: Origin,
}

/// Where a package is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A git repository.
    Git {
        /// Its URL: https, http, ssh, git or file.
        url: String,
        /// Branch, tag or commit; the default branch when absent.
        reference: Option<String>,
    },
    /// A gzipped tar archive.
    Archive {
        /// Its URL: https, http or file.
        url: String,
        /// The SHA-256 it must have.
        checksum: Digest,
    },
}

/// A package and the directory of a module in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within {
    /// The package.
    pub package: Package,
    /// The directory; empty for the package's own.
    pub directory: String,
}

/// What is wrong with a source, and what to do.
pub type Fault = (String, &'static str);

/// Hosts whose repositories may be named without a scheme.
const HOSTS: [&str; 3] = ["github.com/", "gitlab.com/", "bitbucket.org/"];
/// Endings of archives that are read.
const ARCHIVES: [&str; 3] = [".tar.gz", ".tgz", ".zip"];

/// Reads a source that names a package; `None` when it is written like no package.
///
/// # Errors
/// It is written like one, and something about it cannot be.
pub fn parse(source: &str) -> Result<Option<Within>, Fault> {
    if source.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Ok(None);
    }
    let (address, query) = source.split_once('?').map_or((source, None), |(address, query)| (address, Some(query)));
    let (address, directory) = split_directory(address);
    check_directory(directory)?;
    let package = |origin| {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        Some(Within {
            package: Package { source: format!("{address}{query}"), origin },
            directory: directory.to_owned(),
        })
    };
    if let Some(url) = git_url(address)? {
        return Ok(package(Origin::Git { url, reference: reference(query)? }));
    }
    match address.split_once("://") {
        Some(("https" | "http" | "file", _)) => Ok(package(archive(address, query)?)),
        Some((scheme, _)) => Err((
            format!("Modules are not got by \"{scheme}\"."),
            "Write git::https://…, git::ssh://…, or https://….tar.gz?checksum=sha256:….",
        )),
        None => Ok(None),
    }
}

/// Splits `host/path//directory`.
fn split_directory(address: &str) -> (&str, &str) {
    let from = address.find("://").map_or(0, |at| at + 3);
    match address[from..].find("//") {
        Some(at) => (&address[..from + at], address[from + at + 2..].trim_end_matches('/')),
        None => (address, ""),
    }
}

fn check_directory(directory: &str) -> Result<(), Fault> {
    if directory.split('/').any(|name| name == "..") || directory.starts_with('/') {
        let detail = format!("\"//{directory}\" leads out of what is got.");
        return Err((detail, "Behind // stands a directory within it."));
    }
    Ok(())
}

/// The URL of a repository, where an address is one.
fn git_url(address: &str) -> Result<Option<String>, Fault> {
    if let Some(host) = HOSTS.iter().find(|host| address.starts_with(**host)) {
        let path: Vec<&str> = address[host.len()..].split('/').collect();
        return match path[..] {
            [owner, name] if !owner.is_empty() && !name.is_empty() => {
                Ok(Some(format!("https://{host}{owner}/{}.git", name.trim_end_matches(".git"))))
            }
            _ => Err((
                format!("\"{address}\" names no repository."),
                "Write github.com/owner/name, with //directory behind it for a directory in it.",
            )),
        };
    }
    let (forced, url) = address.strip_prefix("git::").map_or((false, address), |url| (true, url));
    if let Some((scheme, rest)) = url.split_once("://") {
        let known = matches!(scheme, "https" | "http" | "ssh" | "git" | "file");
        if !forced && (scheme != "ssh" && scheme != "git") {
            return Ok(None);
        }
        if !known {
            return Err((format!("Repositories are not got by \"{scheme}\"."), "Known are https, ssh, git and file."));
        }
        check_authority(scheme, rest)?;
        return Ok(Some(url.to_owned()));
    }
    // As git itself has it: user@host:path.
    match url.split_once(':') {
        Some((host, path)) if host.contains('@') && !host.contains('/') && !path.is_empty() => {
            check_authority("ssh", host)?;
            Ok(Some(format!("ssh://{host}/{}", path.trim_start_matches('/'))))
        }
        _ if forced => Err((format!("\"{url}\" is no URL of a repository."), "Write git::https://host/path.git.")),
        _ => Ok(None),
    }
}

/// A host that begins with a hyphen would be an option to whoever is started with it; a password does not belong here.
fn check_authority(scheme: &str, rest: &str) -> Result<(), Fault> {
    let authority = rest.split('/').next().unwrap_or("");
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    if user.contains(':') {
        let hint = "Leave it out: git asks its credential helpers, and ssh its agent.";
        return Err(("The source holds a password, and files are no place for it.".to_owned(), hint));
    }
    if host.starts_with('-') || user.starts_with('-') || (host.is_empty() && scheme != "file") {
        return Err((format!("\"{authority}\" is no host."), "Write the name of a host behind ://."));
    }
    Ok(())
}

/// The value of a parameter of the query; others than `known` are faults.
fn parameter<'q>(query: Option<&'q str>, known: &str) -> Result<Option<&'q str>, Fault> {
    let mut found = None;
    for pair in query.into_iter().flat_map(|query| query.split('&')) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name != known {
            let detail = format!("There is no parameter \"{name}\" here.");
            let hint =
                if known == "ref" { "A repository takes ?ref=…." } else { "An archive takes ?checksum=sha256:…." };
            return Err((detail, hint));
        }
        found = Some(value);
    }
    Ok(found)
}

/// What `ref` names: git's own rules for names, as far as they matter for handing it on.
fn reference(query: Option<&str>) -> Result<Option<String>, Fault> {
    let Some(name) = parameter(query, "ref")? else { return Ok(None) };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '+');
    let fits = !name.is_empty() && !name.starts_with('-') && !name.contains("..") && name.chars().all(allowed);
    if fits {
        return Ok(Some(name.to_owned()));
    }
    Err((format!("\"{name}\" can be no branch, tag or commit."), "Write ?ref=v1.2.0."))
}

fn archive(url: &str, query: Option<&str>) -> Result<Origin, Fault> {
    if !ARCHIVES.iter().any(|ending| url.ends_with(ending)) {
        let detail = format!("\"{url}\" is no archive that is read: its name ends in none of .tar.gz, .tgz and .zip.");
        return Err((detail, "For a repository write git:: before it."));
    }
    let Some((scheme, rest)) = url.split_once("://") else { return Err((String::new(), "")) };
    check_authority(scheme, rest)?;
    let digest = parameter(query, "checksum")?.and_then(|text| text.strip_prefix("sha256:"));
    match digest.and_then(|digits| digits.parse().ok()) {
        Some(checksum) => Ok(Origin::Archive { url: url.to_owned(), checksum }),
        None => Err((
            "An archive needs its checksum, so that nothing else is taken for it.".to_owned(),
            "Write ?checksum=sha256:… behind it; `sha256sum` prints the digits.",
        )),
    }
}

impl Package {
    /// Where it lies once it is got, as seen from the root module.
    pub fn directory(&self) -> String {
        let name = match &self.origin {
            Origin::Git { url, .. } | Origin::Archive { url, .. } => url.rsplit('/').next().unwrap_or(""),
        };
        let name: String = name.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
        let digest = Digest::of(&self.source).to_string();
        format!("{PACKAGES}/{name}-{}", &digest[..12])
    }
}

/// The directory of the package that a directory lies in, both as seen from the root.
pub fn package_around(directory: &str) -> Option<&str> {
    let rest = directory.strip_prefix(PACKAGES)?.strip_prefix('/')?;
    let name = rest.split('/').next()?;
    Some(&directory[..PACKAGES.len() + 1 + name.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "checksum=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn repositories_are_named_as_in_terraform() {
        for (source, url, reference, directory) in [
            ("git::https://x.example/a.git", "https://x.example/a.git", None, ""),
            ("git::https://x.example/a.git//m/n?ref=v1.2.0", "https://x.example/a.git", Some("v1.2.0"), "m/n"),
            ("git::ssh://git@x.example/a.git?ref=f/x", "ssh://git@x.example/a.git", Some("f/x"), ""),
            ("git::git@x.example:o/a.git//m", "ssh://git@x.example/o/a.git", None, "m"),
            ("git@github.com:o/a.git", "ssh://git@github.com/o/a.git", None, ""),
            ("ssh://x.example/a", "ssh://x.example/a", None, ""),
            ("git::file:///srv/a.git//m/", "file:///srv/a.git", None, "m"),
            ("github.com/o/a", "https://github.com/o/a.git", None, ""),
            ("github.com/o/a.git//m?ref=main", "https://github.com/o/a.git", Some("main"), "m"),
        ] {
            let Ok(Some(within)) = parse(source) else { panic!("{source}") };
            let expected = Origin::Git { url: url.to_owned(), reference: reference.map(str::to_owned) };
            assert_eq!((&within.package.origin, within.directory.as_str()), (&expected, directory), "{source}");
        }
    }

    #[test]
    fn archives_need_a_checksum() {
        let within = parse(&format!("https://x.example/a.tar.gz//m?{SUM}")).expect("sound").expect("a package");
        assert_eq!(within.package.source, format!("https://x.example/a.tar.gz?{SUM}"));
        assert_eq!(within.directory, "m");
        assert!(within.package.directory().starts_with(".cap/modules/a-"));
        assert!(parse("https://x.example/a.tgz").is_err());
        assert!(parse("https://x.example/a.tgz?checksum=sha256:12").is_err());
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_refused() {
        for source in [
            "git::https://-oProxyCommand=x/a.git",
            "git::ssh://-oProxyCommand=x/a.git",
            "git::-x@host:a.git",
            "git::ext::sh",
            "git::ext://sh",
            "git::https://user:secret@x.example/a.git",
            "git::https://x.example/a.git?ref=--upload-pack=x",
            "git::https://x.example/a.git?ref=a..b",
            "git::https://x.example/a.git?depth=1",
            "git::https://x.example/a.git//../b",
            "git::https:///a.git",
            "https://x.example/a.git",
            "s3://bucket/a.tar.gz",
            "github.com/o",
        ] {
            assert!(parse(source).is_err(), "{source}: {:?}", parse(source));
        }
        for source in ["./a", "a/b/c", "", "web", "/etc", "git::x y"] {
            assert_eq!(parse(source), Ok(None), "{source}");
        }
    }

    #[test]
    fn a_package_is_around_its_directories() {
        assert_eq!(package_around(".cap/modules/a-1/m/n"), Some(".cap/modules/a-1"));
        assert_eq!(package_around(".cap/modules/a-1"), Some(".cap/modules/a-1"));
        assert_eq!(package_around("modules/a"), None);
    }
}
