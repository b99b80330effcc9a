//! References to secrets: where a secret is, never the secret itself.

use std::fmt;
use std::path::{Path, PathBuf};

use howdah_error::{Code, Error, Result};

use crate::units::Complaint;

/// Where a secret is kept; `Display` prints the reference, which is not secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `env:NAME`: an environment variable.
    Env(String),
    /// `file:PATH`: the first line of a file; relative paths are taken from the folder of the
    /// system file.
    File(PathBuf),
}

impl SecretRef {
    /// Reads `env:NAME` or `file:PATH`. A complaint never repeats the text: it may be the secret.
    pub(crate) fn parse(text: &str) -> Result<Self, Complaint> {
        let hint = "Put the secret into an environment variable or a file and write \"env:NAME\" \
                    or \"file:PATH\".";
        if let Some(name) = text.strip_prefix("env:") {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if !name.is_empty()
                && name.chars().all(is_name)
                && !name.starts_with(|c: char| c.is_ascii_digit())
            {
                return Ok(Self::Env(name.to_owned()));
            }
            return Err(Complaint::new(
                "what follows env: is not the name of an environment variable",
                "Names have letters, digits and \"_\", such as \"env:DATABASE_URL\".",
            ));
        }
        match text.strip_prefix("file:") {
            Some(path) if !path.trim().is_empty() => Ok(Self::File(PathBuf::from(path))),
            Some(_) => Err(Complaint::new("what follows file: is no path", hint)),
            None => Err(Complaint::new("a secret stands in the file itself", hint)),
        }
    }

    /// The secret. `env` gives environment variables; `read` gives the text of a file.
    ///
    /// # Errors
    /// HD0303 when the variable is not set, the file cannot be read, or what is there is empty. No
    /// error repeats the secret.
    pub fn resolve(
        &self,
        env: &dyn Fn(&str) -> Option<String>,
        read: &dyn Fn(&Path) -> std::io::Result<String>,
    ) -> Result<String> {
        let bad = |message: String| Error::input(message).code(Code::BadSecret);
        let secret = match self {
            Self::Env(name) => env(name).ok_or_else(|| {
                bad(format!("environment variable \"{name}\" is not set"))
                    .hint(format!("Set it: export {name}=…"))
            })?,
            Self::File(path) => {
                let text = read(path).map_err(|error| {
                    bad(format!("could not read the secret in \"{}\"", path.display()))
                        .hint("Check that the file exists and that howdah may read it.")
                        .source(error)
                })?;
                text.lines().next().unwrap_or_default().to_owned()
            }
        };
        let secret = secret.trim().to_owned();
        if secret.is_empty() {
            return Err(bad(format!("the secret behind \"{self}\" is empty")));
        }
        Ok(secret)
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        (name == "URL").then(|| "hunter2".to_owned())
    }

    fn files(path: &Path) -> std::io::Result<String> {
        match path.to_str() {
            Some("/secret") => Ok("hunter3\nsecond line\n".to_owned()),
            Some("/empty") => Ok("\n".to_owned()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    fn resolve(text: &str) -> Result<String> {
        SecretRef::parse(text).expect("is a reference").resolve(&environment, &files)
    }

    #[test]
    fn references_lead_to_secrets() {
        assert_eq!(resolve("env:URL").ok().as_deref(), Some("hunter2"));
        assert_eq!(resolve("file:/secret").ok().as_deref(), Some("hunter3"));
        for text in ["env:OTHER", "file:/none", "file:/empty"] {
            assert_eq!(resolve(text).expect_err(text).get_code(), Some(Code::BadSecret));
        }
    }

    #[test]
    fn a_literal_secret_is_refused_and_not_repeated() {
        for text in ["postgres://u:hunter2@h/d", "env:", "env:hunter2-x", "file:", ""] {
            let complaint = SecretRef::parse(text).expect_err("is refused");
            assert!(!format!("{complaint:?}").contains("hunter2"), "{complaint:?}");
        }
    }
}
