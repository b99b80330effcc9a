//! What is to be reviewed, and what can be known of it without running anything.

mod dialect;
mod folder;
mod health;
mod layout;
mod live;
mod usage;

use std::path::{Path, PathBuf};

use howdah_error::Result;
use howdah_pg::ConnectOptions;

use crate::facts::Facts;

/// What is to be reviewed.
#[derive(Debug, Clone)]
pub enum Target {
    /// A live database.
    Live(ConnectOptions),
    /// A SQL file, a folder of migrations, or a repository.
    Path(PathBuf),
}

impl Target {
    /// A URL of PostgreSQL, or a path.
    pub fn parse(text: &str) -> Result<Self> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return ConnectOptions::from_url(text).map(Self::Live);
        }
        Ok(Self::Path(Path::new(text).to_owned()))
    }

    /// What can be known of it: files and their statements, or the catalog of a live database.
    pub async fn read(&self) -> Result<Facts> {
        match self {
            Self::Live(options) => live::read(options).await,
            Self::Path(path) => folder::read(path),
        }
    }
}

pub use folder::facts_of;
