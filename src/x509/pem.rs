//! PEM (RFC 7468): texts around DER. Only certificates are looked for; what stands between them is passed over.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::pem::Pem;
use zeroize::Zeroizing;

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
        let block =
            block.map_err(|_| X509Error::new("the PEM text is broken: it was cut, or holds what is no base64"))?;
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

/// Every certificate of a PEM text in canonical form, in order. Empty when there is none.
///
/// # Errors
/// When the text is broken.
pub fn each(pem: &str) -> Result<Vec<String>, X509Error> {
    if !pem.contains("-----BEGIN CERTIFICATE-----") {
        return Ok(Vec::new());
    }
    Ok(certificates(pem)?.iter().map(|der| to_pem("CERTIFICATE", der)).collect())
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

/// Characters of a line.
const LINE: usize = 64;

/// DER as PEM, with lines of 64 characters and a final newline.
pub fn to_pem(label: &str, der: &[u8]) -> String {
    let mut text = String::with_capacity(length(label, der));
    write(&mut text, label, der);
    text
}

/// A private key (PKCS#8 DER) as PEM. It lies in one piece of memory, which is wiped: a text that grew, or was joined from
/// others, would leave copies behind.
pub fn private_pem(pkcs8: &[u8]) -> Zeroizing<String> {
    const LABEL: &str = "PRIVATE KEY";
    let mut text = Zeroizing::new(String::with_capacity(length(LABEL, pkcs8)));
    write(&mut text, LABEL, pkcs8);
    text
}

/// Bytes of the text that [`write`] makes.
fn length(label: &str, der: &[u8]) -> usize {
    let body = der.len().div_ceil(3) * 4;
    let frame = "-----BEGIN -----\n-----END -----\n".len() + 2 * label.len();
    frame + body + body.div_ceil(LINE)
}

fn write(text: &mut String, label: &str, der: &[u8]) {
    text.extend(["-----BEGIN ", label, "-----\n"]);
    let mut line = Zeroizing::new([0; LINE]);
    for chunk in der.chunks(LINE / 4 * 3) {
        // A chunk fills a line at most, and base64 is ASCII.
        let length = STANDARD.encode_slice(chunk, line.as_mut_slice()).unwrap_or_default();
        text.extend(line[..length].iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text.extend(["-----END ", label, "-----\n"]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_were_written_and_never_grow() {
        for length in [1, 2, 3, 47, 48, 49, 96, 121, 1217] {
            let der: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let text = private_pem(&der);
            assert_eq!(text.capacity(), text.len(), "{length}: a text that grew was moved, and left a copy behind");
            assert_eq!(*text, to_pem("PRIVATE KEY", &der));
            assert!(text.lines().all(|line| line.len() <= LINE), "{length}");
            assert_eq!(one(&text, "PRIVATE KEY"), Ok(der), "{length}");
        }
    }
}
