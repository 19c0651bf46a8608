//! Codes of the domain: kinds, references, zones, slots, policy: CAP03xx.

use super::codes;

codes! {
    301 UNKNOWN_KIND "Unsupported block type": "No kind of resource has this name.";
    302 INVALID_ARGUMENT "Invalid value of an argument": "The value has the right type, but not a shape or a range that means something here. The detail says what is expected.";
    303 SECOND_ORGANIZATION "More than one organization": "A store holds exactly one tenant, so a configuration declares one organization block at most. Remove the other one.";
    304 CROSS_PROJECT "Reference crosses projects": "Projects are isolated: an object may refer only to objects of its own project, and to the organization and members. What is needed in two projects is declared once in each.";
    305 NO_PROJECT "Project is not clear": "Every object but organization and member belongs to exactly one project. The argument project may be left out only where one project is declared.";
    306 INVALID_NAME "Invalid name of a certificate": "A name is a domain of letters, digits and hyphens in lower case, a wildcard whose star is the whole leftmost label, or an IP address where the issuer accepts one; and no name is given twice.";
    307 NO_ZONE "Name without a zone": "An ACME challenge for this name has to be published in the DNS, and no zone of the project holds the name. Declare the zone with the credential that may write in it.";
    308 PUBLIC_SUFFIX "Zone is a public suffix": "The apex is on the Public Suffix List: domains are registered below it, and nobody but its registry can publish records in it.";
    309 DUPLICATE_ZONE "Zone declared twice": "Two zones of a project hold the same apex, so it is not clear whose credential publishes challenges.";
    310 SLOT_TAKEN "Two deployments to one place": "Two certificates would be written to the same place on the same target, and each apply would undo the other. Use certificate.name in the target's paths, or different targets.";
    311 DUPLICATE_TARGET "Target named twice": "A certificate names the same target more than once.";
    312 CSR_MISMATCH "Signing request does not match": "The names and the key type of the signing request must be those of the certificate, and its signature must be good: the CA would issue for what the request says.";
    313 RENEWAL_WINDOW "Renewal window does not fit": "renew_before is as long as the certificate's whole life, so it would be renewed all the time.";
    314 POLICY_VIOLATED "Certificate policy violated": "The certificate is not what the policy of its project, or the one it names, allows.";
    315 NOT_ENFORCED "Recorded, but not enforced yet": "This version reads and records the setting and does nothing more with it. Operations that would depend on it are refused rather than carried out as if it were in force.";
    316 NO_SUCH_RESOURCE "Reference to undeclared resource": "Nothing of this address is declared.";
    317 AMBIGUOUS_POLICY "More than one policy": "Two certificate policies belong to one project, and a certificate of it names none, so it is not clear which one applies. Name one in the certificate's policy argument, or merge them.";
}
