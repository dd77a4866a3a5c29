//! The whole house from outside: one binary, one file a journey or a subject. What they stand on is `harness`.

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod authorization;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod consent_in_chromium;
#[cfg(test)]
mod consents;
#[cfg(test)]
mod e1_first_sign_in;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod identifiers;
#[cfg(test)]
mod judges;
#[cfg(test)]
mod key_rotation;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod logout;
#[cfg(test)]
mod mellon;
#[cfg(test)]
mod metadata;
#[cfg(test)]
mod mod_auth_openidc;
#[cfg(test)]
mod mutual_tls;
#[cfg(test)]
mod oidc;
#[cfg(test)]
mod oidc_in_rust;
#[cfg(test)]
mod oidc_tokens;
#[cfg(test)]
mod p1_in_chromium;
#[cfg(test)]
mod p1_sign_in;
#[cfg(test)]
mod p8_in_chromium;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod registration;
#[cfg(test)]
mod rp_logout;
#[cfg(test)]
mod saml;
#[cfg(test)]
mod saml_options;
#[cfg(test)]
mod shibboleth;
#[cfg(test)]
mod two_nodes;
