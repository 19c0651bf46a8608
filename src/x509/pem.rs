//! PEM (RFC 7468): texts around DER. Only certificates are looked for; what stands between them is passed over.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::pem::Pem;

use super::X509Error;

/// Certificates of one chain: far above any real one, so that a hostile CA cannot make `cap` parse for ever.
const CERTIFICATES: usize = 32;

/// DER of every certificate in a PEM text, in order.
///
/// # Errors
/// When there is none, when there are too many, or when the text is broken.
pub(super) fn certificates(pem: &str) -> Result<Vec<Vec<u8>>, X509Error> {
    let mut found = Vec::new();
    for block in Pem::iter_from_buffer(pem.as_bytes()) {
        let block = block.map_err(|error| X509Error::new(format!("the PEM text is broken: {error}")))?;
        if block.label == "CERTIFICATE" {
            found.push(block.contents);
        }
        if found.len() > CERTIFICATES {
            return Err(X509Error::new(format!("more than {CERTIFICATES} certificates in one chain")));
        }
    }
    if found.is_empty() { Err(X509Error::new("there is no certificate in the PEM text")) } else { Ok(found) }
}

/// DER of the first certificate of a PEM text: the leaf of a chain.
///
/// # Errors
/// When there is none, or the text is broken.
pub fn first_der(pem: &str) -> Result<Vec<u8>, X509Error> {
    Ok(certificates(pem)?.swap_remove(0))
}

/// The one PEM block of that label, as DER.
///
/// # Errors
/// When there is none, or the text is broken.
pub fn one(pem: &str, label: &str) -> Result<Vec<u8>, X509Error> {
    let mut blocks = Pem::iter_from_buffer(pem.as_bytes()).flatten();
    let found = blocks.find(|block| block.label == label);
    found.map(|block| block.contents).ok_or_else(|| X509Error::new(format!("there is no {label} in the PEM text")))
}

/// A chain as a leaf and what stands above it, both PEM in canonical form. The rest is empty for a lone leaf.
///
/// # Errors
/// When there is no certificate, or the text is broken.
pub fn split_chain(pem: &str) -> Result<(String, String), X509Error> {
    let mut texts = certificates(pem)?.into_iter().map(|der| to_pem("CERTIFICATE", &der));
    let leaf = texts.next().unwrap_or_default();
    Ok((leaf, texts.collect()))
}

/// DER as PEM, with lines of 64 characters and a final newline.
pub fn to_pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}
