//! Certification requests (PKCS#10, RFC 2986).

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::error::X509Error as Fault;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

use super::{X509Error, leaf, normal_names, pem};
use crate::digest::Digest;

/// What `cap` reads from a request whose signature has been found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The request itself.
    pub der: Vec<u8>,
    /// DER of the SubjectPublicKeyInfo: the key it is for.
    pub public_key: Vec<u8>,
    /// SHA-256 of that.
    pub spki: Digest,
    /// DNS names and IP addresses asked for as subject alternative names, and the common name; sorted, each once.
    pub names: Vec<String>,
    /// The subject's common name, where there is one.
    pub common_name: Option<String>,
    /// Kind of key in the language's words.
    pub key_type: String,
}

/// Reads a request from PEM or DER and checks its signature: who asks holds the key.
///
/// # Errors
/// When it is no request, or its signature does not hold.
pub fn parse_csr(bytes: &[u8]) -> Result<Request, X509Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains("-----BEGIN") => read(from_pem(text)?),
        _ => read(bytes.to_vec()),
    }
}

fn from_pem(text: &str) -> Result<Vec<u8>, X509Error> {
    // Old tools write NEW into the label (RFC 7468 section 7).
    pem::one(text, "CERTIFICATE REQUEST").or_else(|_| pem::one(text, "NEW CERTIFICATE REQUEST"))
}

fn read(der: Vec<u8>) -> Result<Request, X509Error> {
    let (rest, request) = X509CertificationRequest::from_der(&der)
        .map_err(|_| X509Error::new("this is not a certificate signing request (PKCS#10), or it was cut or changed"))?;
    if !rest.is_empty() {
        return Err(X509Error::new("bytes follow the certificate signing request"));
    }
    request.verify_signature().map_err(signature_fault)?;
    let info = &request.certification_request_info;
    let common_name = leaf::common_name(&info.subject);
    let names = normal_names(san_of(&request)?.iter().chain(&common_name));
    let public_key = info.subject_pki.raw.to_vec();
    let (spki, key_type) = (Digest::of(&public_key), leaf::key_type(&info.subject_pki));
    Ok(Request { public_key, spki, names, common_name, key_type, der })
}

fn signature_fault(fault: Fault) -> X509Error {
    X509Error::new(match fault {
        Fault::SignatureUnsupportedAlgorithm => "the request is signed with an algorithm that is not supported",
        _ => "the request's signature does not hold: it was changed, or signed with another key than the one in it",
    })
}

fn san_of(request: &X509CertificationRequest<'_>) -> Result<Vec<String>, X509Error> {
    let mut extensions = request.requested_extensions().into_iter().flatten();
    let san = extensions.find_map(|extension| match extension {
        ParsedExtension::SubjectAlternativeName(san) => Some(san),
        _ => None,
    });
    san.map_or_else(|| Ok(Vec::new()), leaf::san_names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::{Signer, to_pem};

    fn request(names: &[&str], common_name: &str) -> (Vec<u8>, Digest) {
        let key = rcgen::KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(names).expect("names");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        let spki = Signer::from_pkcs8(key.serialized_der()).expect("a signer").spki();
        (params.serialize_request(&key).expect("a request").der().to_vec(), spki)
    }

    #[test]
    fn a_request_is_read_from_pem_and_from_der_alike() {
        let (der, spki) = request(&["B.example.com", "192.0.2.1", "2001:db8::1"], "a.example.com");
        let read = parse_csr(&der).expect("a request");
        assert_eq!(read.names, ["192.0.2.1", "2001:db8::1", "a.example.com", "b.example.com"]);
        assert_eq!((read.spki, read.key_type.as_str()), (spki, "ecdsa-p256"));
        assert_eq!(parse_csr(to_pem("CERTIFICATE REQUEST", &der).as_bytes()), Ok(read.clone()));
        assert_eq!(parse_csr(to_pem("NEW CERTIFICATE REQUEST", &der).as_bytes()), Ok(read));
    }

    #[test]
    fn a_request_that_was_changed_is_refused() {
        let (mut der, _) = request(&["www.example.com"], "www.example.com");
        let at = der.windows(3).position(|three| three == b"www").expect("the name");
        der[at] = b'v';
        let fault = parse_csr(&der).expect_err("the signature does not hold");
        assert!(fault.0.contains("signature does not hold"), "{fault}");
        assert!(parse_csr(b"nothing").is_err());
    }
}
