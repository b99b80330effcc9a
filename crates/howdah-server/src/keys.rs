//! API keys: secrets that are shown once and kept as a hash, with scopes and perhaps a tenant.

mod ring;
mod scope;
mod secret;
mod table;

pub use ring::{Key, Keyring};
pub use scope::Scope;
pub use secret::Secret;
pub(crate) use secret::hex;
pub use table::{Listed, NewKey, create, list, revoke};
