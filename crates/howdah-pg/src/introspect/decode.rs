//! Reading fields of a row by name.

use howdah_catalog::{Ident, RelName};
use tokio_postgres::{Error, Row};

/// Typed access to the fields of a row by name. An error means that a query and its decoder
/// disagree, or that the server answers in a type that no known version uses.
pub(super) trait Fields {
    fn get_oid(&self, field: &str) -> Result<u32, Error>;
    fn get_bool(&self, field: &str) -> Result<bool, Error>;
    fn get_text(&self, field: &str) -> Result<String, Error>;
    fn get_text_opt(&self, field: &str) -> Result<Option<String>, Error>;
    fn get_texts(&self, field: &str) -> Result<Vec<String>, Error>;

    fn get_ident(&self, field: &str) -> Result<Ident, Error> {
        self.get_text(field).map(Ident::new)
    }

    fn get_idents(&self, field: &str) -> Result<Vec<Ident>, Error> {
        Ok(self.get_texts(field)?.into_iter().map(Ident::new).collect())
    }

    /// A `"char"` of the catalogs; NUL (an empty one) is the space, as nothing else uses it.
    fn get_char(&self, field: &str) -> Result<char, Error> {
        Ok(self.get_text(field)?.chars().next().unwrap_or(' '))
    }

    fn get_name(&self, schema: &str, name: &str) -> Result<RelName, Error> {
        Ok(RelName::new(self.get_text(schema)?, self.get_text(name)?))
    }

    fn get_name_opt(&self, schema: &str, name: &str) -> Result<Option<RelName>, Error> {
        let schema = self.get_text_opt(schema)?;
        Ok(schema.zip(self.get_text_opt(name)?).map(|(schema, name)| RelName::new(schema, name)))
    }
}

impl Fields for Row {
    fn get_oid(&self, field: &str) -> Result<u32, Error> {
        self.try_get(field)
    }

    fn get_bool(&self, field: &str) -> Result<bool, Error> {
        self.try_get(field)
    }

    fn get_text(&self, field: &str) -> Result<String, Error> {
        self.try_get(field)
    }

    fn get_text_opt(&self, field: &str) -> Result<Option<String>, Error> {
        self.try_get(field)
    }

    fn get_texts(&self, field: &str) -> Result<Vec<String>, Error> {
        self.try_get(field)
    }
}
