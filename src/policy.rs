//! Certificate policies: what certificates of a project may be. Pure: a policy and a certificate in, violations out.
