//! Name look-up that leaves out addresses which are not public. It is asked for every connection, so that a name can't
//! lead to one address when it is checked and to another when it is used (spec 5.6).

use std::{io, net::SocketAddr, pin::Pin, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::addresses::is_public;

/// A way to look names up.
pub(super) type Lookup = Arc<dyn Fn(String) -> LookedUp + Send + Sync>;

/// The addresses of a name, on their way.
pub(super) type LookedUp = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Looks names up and gives what may be connected to.
pub(super) struct Resolver {
    pub lookup: Lookup,
    /// Whether addresses that are not public are left out.
    pub guards: bool,
}

/// All addresses of a name are out of bounds.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not public")]
pub(super) struct NotPublic;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.lookup)(name.as_str().to_owned());
        let guards = self.guards;
        Box::pin(async move {
            let mut addresses = found.await?;
            let count = addresses.len();
            if guards {
                addresses.retain(|address| is_public(address.ip()));
            }
            if addresses.is_empty() && count > 0 {
                return Err(NotPublic.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The look-up of this machine.
pub(super) fn lookup_of_this_machine() -> Lookup {
    Arc::new(|host| Box::pin(async move { Ok(tokio::net::lookup_host((host.as_str(), 0)).await?.collect()) }))
}
