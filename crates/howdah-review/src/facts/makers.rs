//! Who makes what: an index of the statements by the names that they make.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{Statement, StatementId};

/// Which statements make something of a name, by the name without its schema. Rules ask for each
/// statement who made its table, so looking through all statements would grow with their square.
#[derive(Debug, Default)]
pub struct Makers(OnceLock<HashMap<String, Vec<StatementId>>>);

impl Clone for Makers {
    /// A copy of the facts may get other statements.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Makers {
    pub(super) fn of(&self, statements: &[Statement]) -> &HashMap<String, Vec<StatementId>> {
        self.0.get_or_init(|| {
            let mut makers: HashMap<String, Vec<StatementId>> = HashMap::new();
            for (number, statement) in statements.iter().enumerate() {
                if let Some((_, name)) = statement.command.creates() {
                    makers.entry(name.last().to_owned()).or_default().push(StatementId(number));
                }
            }
            makers
        })
    }
}
