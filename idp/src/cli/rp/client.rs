//! A client from the file that its owner sent.

use std::path::Path;

use data_encoding::HEXLOWER;

use super::{Around, Failure, Read, read_file};
use crate::chance::{self, Token};
use crate::domain::relying_party::{Environment, PartyId, Protocol};
use crate::oidc::client;
use crate::parties::clients::{check_sector, mutual_tls};

/// From a document of RFC 7591.
pub async fn read(file: &Path, environment: Environment, around: &Around<'_>) -> Result<Read, Failure> {
    let refused = |why| Failure::Refused(format!("{}: {why}", file.display()));
    let mutual_tls = mutual_tls(&around.config.listen);
    let registration = client::read(&read_file(file)?, environment, mutual_tls).map_err(refused)?;
    if registration.sector_identifier_uri.is_some() {
        check_sector(&around.registry()?.outbound, &registration).await.map_err(refused)?;
    }
    let drawn = || PartyId(HEXLOWER.encode(&chance::bytes::<16>()));
    let id = registration.id.clone().unwrap_or_else(drawn);
    let secret = Token::fresh().text();
    Ok(Read {
        name: registration.name.clone(),
        start: registration.start.clone(),
        protocol: Protocol::Oidc(registration.party(&id, &secret)),
        told: registration.response(&id, &secret, around.now),
        id,
        copy: None,
    })
}
