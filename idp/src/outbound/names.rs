//! Names become addresses here, once, and only checked ones are given to the connector: there is no second look-up whose
//! answer could differ (DNS rebinding).

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address;

/// Where names are looked up.
#[derive(Clone)]
pub enum Names {
    System,
    /// What each look-up finds, counted.
    #[cfg(test)]
    Held(std::sync::Arc<super::tests::HeldNames>),
}

pub struct Checked {
    pub names: Names,
    pub allow_private: bool,
}

/// Every address of the name is one that must not be asked.
#[derive(Debug)]
pub struct Private;

impl fmt::Display for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to a private network or to this machine")
    }
}

impl Error for Private {}

/// Whether this is what stopped a request.
pub fn is_private(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<Private>() {
            return true;
        }
        cause = error.source();
    }
    false
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, allow_private) = (self.names.clone(), self.allow_private);
        Box::pin(async move {
            let found = names.look_up(name.as_str()).await?;
            // One private address among public ones is a trap as well as a mistake: neither is waited for.
            if !allow_private && !found.iter().all(|found| address::is_public(*found)) {
                return Err(Private.into());
            }
            // Port 0 stands for that of the address asked.
            let addresses: Addrs = Box::new(found.into_iter().map(|found| SocketAddr::new(found, 0)));
            Ok(addresses)
        })
    }
}

impl Names {
    async fn look_up(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        match self {
            Self::System => Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()),
            #[cfg(test)]
            Self::Held(held) => Ok(held.look_up(name)),
        }
    }
}
