//! Functions of address ranges in CIDR notation, of IPv4 and IPv6.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt;

use bigdecimal::ToPrimitive as _;

use super::support::{Outcome, function, number, number_param, string, string_list, string_param, text, variadic};
use super::{CallContext, Fault, Function};
use crate::eval::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "cidrcontains",
        &[string_param("containing_prefix"), string_param("contained_ip_or_prefix")],
        "Whether an address or a range lies within a range: `cidrcontains(\"192.168.0.0/16\", \"192.168.2.1\")` is \
         `true`.",
        cidrcontains,
    ),
    function(
        "cidrhost",
        &[string_param("prefix"), number_param("hostnum")],
        "The address of a number within a range, from its end where negative: `cidrhost(\"10.12.112.0/20\", 16)` is \
         `\"10.12.112.16\"`.",
        cidrhost,
    ),
    function(
        "cidrnetmask",
        &[string_param("prefix")],
        "The mask of an IPv4 range: `cidrnetmask(\"172.16.0.0/12\")` is `\"255.240.0.0\"`.",
        cidrnetmask,
    ),
    function(
        "cidrsubnet",
        &[string_param("prefix"), number_param("newbits"), number_param("netnum")],
        "A part of a range, by how many bits longer its prefix is and its number: \
         `cidrsubnet(\"172.16.0.0/12\", 4, 2)` is `\"172.18.0.0/16\"`.",
        cidrsubnet,
    ),
    variadic(
        "cidrsubnets",
        &[string_param("prefix")],
        number_param("newbits"),
        "Parts of a range one after the other, by how many bits longer their prefixes are: \
         `cidrsubnets(\"10.1.0.0/16\", 4, 8)` is `[\"10.1.0.0/20\", \"10.1.16.0/24\"]`.",
        cidrsubnets,
    ),
];

/// A range of addresses: those whose first `length` of `bits` bits are those of `first`.
#[derive(Clone, Copy)]
struct Range {
    first: u128,
    length: u32,
    bits: u32,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let (address, bits) = address_of(address)?;
        let plain = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        let length: u32 = length.parse().ok().filter(|length| plain && *length <= bits)?;
        let host = mask(bits - length);
        Some(Self { first: address & !host, length, bits })
    }

    fn hosts(&self) -> u128 {
        mask(self.bits - self.length)
    }

    fn last(&self) -> u128 {
        self.first | self.hosts()
    }

    fn contains(&self, other: &Self) -> bool {
        self.first <= other.first && other.last() <= self.last()
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", shown(self.first, self.bits), self.length)
    }
}

/// The lowest `bits` bits.
fn mask(bits: u32) -> u128 {
    1_u128.checked_shl(bits).map_or(u128::MAX, |bit| bit - 1)
}

fn address_of(text: &str) -> Option<(u128, u32)> {
    if text.contains(':') {
        return Some((text.parse::<Ipv6Addr>().ok()?.to_bits(), 128));
    }
    // Zeros before a number are decimal, as they always were in Terraform.
    let parts: Vec<&str> = text.split('.').collect();
    let plain = |part: &&str| !part.is_empty() && part.len() < 8 && part.bytes().all(|byte| byte.is_ascii_digit());
    let octets: Option<Vec<u8>> = parts.iter().map(|part| Some(*part).filter(plain)?.parse().ok()).collect();
    let octets: [u8; 4] = octets?.try_into().ok()?;
    Some((u128::from(u32::from_be_bytes(octets)), 32))
}

fn shown(address: u128, bits: u32) -> String {
    match u32::try_from(address) {
        Ok(address) if bits == 32 => Ipv4Addr::from(address).to_string(),
        _ => Ipv6Addr::from(address).to_string(),
    }
}

fn range(args: &[Value], at: usize) -> Result<Range, Fault> {
    let text = text(args, at)?;
    let fault = || Fault::call(format!("invalid CIDR expression: invalid CIDR address: {text}"));
    Range::parse(text).ok_or_else(fault)
}

fn cidrcontains(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let (outer, given) = (range(args, 0)?, text(args, 1)?);
    let single = || address_of(given).map(|(first, bits)| Range { first, length: bits, bits });
    let inner = Range::parse(given).or_else(single);
    let inner = inner.ok_or_else(|| Fault::at(1, format!("invalid IP address or prefix: {given}")))?;
    if inner.bits != outer.bits {
        return Err(Fault::call(format!("address family mismatch: {outer} vs. {given}")));
    }
    Ok(Value::Bool(outer.contains(&inner)))
}

fn cidrhost(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let range = range(args, 0)?;
    let host = number(args, 1)?;
    if !host.is_integer() {
        return Err(Fault::call("value must be a whole number"));
    }
    let misses = || Fault::call(format!("prefix of {} does not accommodate a host numbered {host}", range.length));
    let magnitude = host.to_decimal().abs().to_u128().ok_or_else(misses)?;
    // From the end, -1 is the last address.
    let steps = if host.is_negative() { magnitude - 1 } else { magnitude };
    if steps > range.hosts() {
        return Err(misses());
    }
    let at = if host.is_negative() { range.last() - steps } else { range.first + steps };
    string(shown(at, range.bits))
}

fn cidrnetmask(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let range = range(args, 0)?;
    if range.bits != 32 {
        return Err(Fault::call(format!("IPv6 addresses cannot have a netmask: {}", text(args, 0)?)));
    }
    string(shown(mask(32) & !range.hosts(), 32))
}

fn cidrsubnet(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let range = range(args, 0)?;
    let (added, subnet) = (number(args, 1)?, number(args, 2)?);
    let short = || Fault::call(format!("insufficient address space to extend prefix of {} by {added}", range.length));
    let bits = added.to_i64().ok_or_else(|| Fault::at(1, "value must be a whole number"))?;
    let bits = u32::try_from(bits).map_err(|_| Fault::at(1, "the prefix cannot become shorter"))?;
    let length = range.length.checked_add(bits).filter(|length| *length <= range.bits).ok_or_else(short)?;
    let misses = || Fault::call(format!("prefix extension of {bits} does not accommodate a subnet numbered {subnet}"));
    if !subnet.is_integer() {
        return Err(Fault::at(2, "value must be a whole number"));
    }
    let at =
        subnet.to_decimal().to_u128().filter(|at| !subnet.is_negative() && *at <= mask(bits)).ok_or_else(misses)?;
    // A shift by all bits of the address leaves the whole range, whose only part is numbered zero.
    let first = range.first | at.checked_shl(range.bits - length).unwrap_or(0);
    string(Range { first, length, ..range }.to_string())
}

fn cidrsubnets(_: &CallContext<'_>, args: &[Value]) -> Outcome {
    let whole = range(args, 0)?;
    let mut parts: Vec<String> = Vec::new();
    let mut free = Some(whole.first);
    for at in 1..args.len() {
        let length = extended(&whole, number(args, at)?.to_i64(), at)?;
        let host = mask(whole.bits - length);
        // A part begins at a multiple of its own size.
        let first = free.and_then(|free| free.checked_add(host)).map(|end| end & !host);
        let first =
            first.filter(|first| *first <= whole.last()).ok_or_else(|| exhausted(&whole, length, &parts, at))?;
        parts.push(Range { first, length, bits: whole.bits }.to_string());
        free = (first | host).checked_add(1);
    }
    string_list(parts)
}

fn exhausted(whole: &Range, length: u32, parts: &[String], at: usize) -> Fault {
    let last = parts.last().cloned().unwrap_or_else(|| whole.to_string());
    let message =
        format!("not enough remaining address space for a subnet with a prefix of {length} bits after {last}");
    Fault::at(at, message)
}

/// The length of a part's prefix.
fn extended(whole: &Range, added: Option<i64>, at: usize) -> Result<u32, Fault> {
    let added = added.ok_or_else(|| Fault::at(at, "value must be a whole number"))?;
    if added < 1 {
        return Err(Fault::at(at, "must extend prefix by at least one bit"));
    }
    if added > 32 {
        return Err(Fault::at(at, "may not extend prefix by more than 32 bits"));
    }
    let length = whole.length + u32::try_from(added).unwrap_or(0);
    if length > whole.bits {
        let protocol = if whole.bits == 32 { "IPv4" } else { "IPv6" };
        let message = format!("would extend prefix to {length} bits, which is too long for an {protocol} address");
        return Err(Fault::at(at, message));
    }
    Ok(length)
}
