//! Addresses name everything: `type.name`, `type.name["key"]`, `module.m["k"].type.name`, and a deployment as
//! `certificate.www@ssh_target.web["a"]`. They parse from, print to and serialize as exactly this text.

use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::sync::Arc;

/// Which instance of a block with `count` or `for_each`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// `[0]`, of `count`.
    Index(u64),
    /// `["name"]`, of `for_each`.
    Name(Arc<str>),
}

/// One `module.name["key"]` on the way to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleStep {
    /// The module call's name.
    pub name: Arc<str>,
    /// Which instance of the call.
    pub key: Option<Key>,
}

/// The address of one resource instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceAddress {
    /// From the root module inwards; empty in the root.
    pub module: Arc<[ModuleStep]>,
    /// The block's type: `certificate`, `ssh_target`.
    pub kind: Arc<str>,
    /// The block's label.
    pub name: Arc<str>,
    /// Which instance of the block.
    pub key: Option<Key>,
}

/// The address of anything that has a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// A block of the configuration.
    Resource(ResourceAddress),
    /// One certificate on one target: `certificate.www@ssh_target.web`.
    Deployment {
        /// What is deployed.
        certificate: ResourceAddress,
        /// Where to.
        target: ResourceAddress,
    },
}

impl ResourceAddress {
    /// An address in the root module.
    pub fn root(kind: impl Into<Arc<str>>, name: impl Into<Arc<str>>, key: Option<Key>) -> Self {
        Self { module: Arc::from([]), kind: kind.into(), name: name.into(), key }
    }

    /// The same block without the instance's key.
    #[must_use]
    pub fn block(&self) -> Self {
        Self { key: None, ..self.clone() }
    }
}

impl Address {
    /// The kind of the record: the block's type, or `deployment`.
    pub fn kind(&self) -> &str {
        match self {
            Self::Resource(resource) => &resource.kind,
            Self::Deployment { .. } => "deployment",
        }
    }

    /// The resource, unless it is a deployment.
    pub fn resource(&self) -> Option<&ResourceAddress> {
        match self {
            Self::Resource(resource) => Some(resource),
            Self::Deployment { .. } => None,
        }
    }
}

impl From<ResourceAddress> for Address {
    fn from(resource: ResourceAddress) -> Self {
        Self::Resource(resource)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(at) => write!(f, "[{at}]"),
            Self::Name(name) => {
                f.write_str("[\"")?;
                for c in name.chars() {
                    match c {
                        '"' => f.write_str("\\\"")?,
                        '\\' => f.write_str("\\\\")?,
                        '\n' => f.write_str("\\n")?,
                        '\r' => f.write_str("\\r")?,
                        '\t' => f.write_str("\\t")?,
                        c => f.write_char(c)?,
                    }
                }
                f.write_str("\"]")
            }
        }
    }
}

impl fmt::Display for ModuleStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "module.{}", self.name)?;
        self.key.as_ref().map_or(Ok(()), |key| key.fmt(f))
    }
}

impl fmt::Display for ResourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in self.module.iter() {
            write!(f, "{step}.")?;
        }
        write!(f, "{}.{}", self.kind, self.name)?;
        self.key.as_ref().map_or(Ok(()), |key| key.fmt(f))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource(resource) => resource.fmt(f),
            Self::Deployment { certificate, target } => write!(f, "{certificate}@{target}"),
        }
    }
}

/// Whether names may go on with this character: Unicode's ID_Continue (UAX 31) and the hyphen, as HCL's specification has
/// it. They may begin with [`is_name_start`].
pub fn is_name_part(c: char) -> bool {
    unicode_ident::is_xid_continue(c) || c == '-'
}

/// Whether a name may begin with this character.
pub fn is_name_start(c: char) -> bool {
    unicode_ident::is_xid_start(c) || c == '_'
}

/// An address that does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not an address: {why}")]
pub struct AddressError {
    text: String,
    why: &'static str,
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn identifier(&mut self) -> Result<&'a str, &'static str> {
        let end = self.rest.find(|c| !is_name_part(c)).unwrap_or(self.rest.len());
        if end == 0 {
            return Err("a name is missing");
        }
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(name)
    }

    fn eat(&mut self, text: &str) -> bool {
        self.rest.strip_prefix(text).map(|rest| self.rest = rest).is_some()
    }

    fn key(&mut self) -> Result<Option<Key>, &'static str> {
        if !self.eat("[") {
            return Ok(None);
        }
        let key = if self.eat("\"") { Key::Name(self.quoted()?.into()) } else { Key::Index(self.index()?) };
        if self.eat("]") { Ok(Some(key)) } else { Err("a key must end with \"]\"") }
    }

    fn index(&mut self) -> Result<u64, &'static str> {
        let digits = self.identifier()?;
        digits.parse().map_err(|_| "a key is a number or a quoted string")
    }

    fn quoted(&mut self) -> Result<String, &'static str> {
        let mut out = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(out);
                }
                '\\' => out.push(match chars.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, 'r')) => '\r',
                    Some((_, 't')) => '\t',
                    Some((_, c @ ('"' | '\\'))) => c,
                    _ => return Err("an escape in a key is unknown"),
                }),
                c => out.push(c),
            }
        }
        Err("a quoted key is not closed")
    }

    fn resource(&mut self) -> Result<ResourceAddress, &'static str> {
        let mut module = Vec::new();
        loop {
            let kind = self.identifier()?;
            if !self.eat(".") {
                return Err("a type and a name are separated by a dot");
            }
            let name = self.identifier()?;
            let key = self.key()?;
            if kind != "module" {
                return Ok(ResourceAddress { module: module.into(), kind: kind.into(), name: name.into(), key });
            }
            module.push(ModuleStep { name: name.into(), key });
            if !self.eat(".") {
                return Err("a module is not a resource: a type and a name must follow");
            }
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fault = |why| AddressError { text: text.to_owned(), why };
        let mut reader = Reader { rest: text };
        let first = reader.resource().map_err(fault)?;
        let address = if reader.eat("@") {
            Self::Deployment { certificate: first, target: reader.resource().map_err(fault)? }
        } else {
            Self::Resource(first)
        };
        if reader.rest.is_empty() { Ok(address) } else { Err(fault("something follows its end")) }
    }
}

impl FromStr for ResourceAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.parse()? {
            Address::Resource(resource) => Ok(resource),
            Address::Deployment { .. } => {
                Err(AddressError { text: text.to_owned(), why: "a resource is expected, not a deployment" })
            }
        }
    }
}

crate::as_text::serde_as_text!(
    Address: "The address of a resource, or of a deployment: `certificate.www@file_target.local`.",
    ResourceAddress: "The address of a resource: `module.m.zone.z[\"key\"]`."
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_as_they_parse() {
        for text in [
            "certificate.www",
            "ssh_target.web[0]",
            "ssh_target.web[\"a.b\"]",
            "ssh_target.web[\"quote \\\" and \\\\\"]",
            "module.m[\"k\"].module.n[2].zone.z",
            "certificate.www@ssh_target.web[\"a@b\"]",
        ] {
            assert_eq!(text.parse::<Address>().map(|a| a.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for text in ["", "certificate", "certificate.", "certificate.www[", "certificate.www]", "module.m", "a.b[\"x]"]
        {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
