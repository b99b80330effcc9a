//! How to reach a database: host, login, TLS, limits; from a URL or from parts.

mod url;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use howdah_error::{Code, Error, Kind, Result};

/// How much TLS a connection asks for; the names and meanings are libpq's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS when the server offers it and it works, else plain; nothing is verified.
    #[default]
    Prefer,
    /// TLS or nothing; the certificate is verified only when a root certificate is given.
    Require,
    /// TLS with a certificate that a trusted authority signed, for whatever host name.
    VerifyCa,
    /// TLS with a certificate that a trusted authority signed for this host name.
    VerifyFull,
}

impl SslMode {
    /// The name in a URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

impl std::str::FromStr for SslMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Disable, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| {
                bad_url(format!("unknown sslmode \"{text}\""))
                    .hint("Use disable, prefer, require, verify-ca or verify-full.")
            })
    }
}

/// Whose signature under a server's certificate is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootCert {
    /// The authorities that the operating system trusts (`sslrootcert=system`).
    System,
    /// The authorities in this PEM file.
    File(PathBuf),
}

/// What bounds the use of one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most connections that a pool opens; 8 by default.
    pub pool_size: usize,
    /// How long connecting, and waiting for a free pooled connection, may take; 5 s by default.
    pub connect_timeout: Duration,
    /// `statement_timeout` of each session; 60 s by default, zero turns it off.
    pub statement_timeout: Duration,
    /// `lock_timeout` of each session; 3 s by default, zero turns it off.
    pub lock_timeout: Duration,
    /// `idle_in_transaction_session_timeout` of each session; 60 s by default, zero turns it off.
    pub idle_in_transaction_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pool_size: 8,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(60),
            lock_timeout: Duration::from_secs(3),
            idle_in_transaction_timeout: Duration::from_secs(60),
        }
    }
}

/// Host, login, database, TLS and limits of a connection.
///
/// `Debug` and `Display` never show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) database: String,
    pub(crate) ssl_mode: SslMode,
    pub(crate) ssl_root_cert: Option<RootCert>,
    pub(crate) application_name: String,
    pub(crate) limits: Limits,
}

impl ConnectOptions {
    /// `user` at `host:port` into `database`, `sslmode=prefer`, default [`Limits`].
    ///
    /// A host that starts with `/` is the folder of a unix socket.
    pub fn new(
        host: impl Into<String>,
        port: u16,
        user: impl Into<String>,
        database: impl Into<String>,
    ) -> Self {
        Self {
            host: host.into(),
            port,
            user: user.into(),
            password: None,
            database: database.into(),
            ssl_mode: SslMode::default(),
            ssl_root_cert: None,
            application_name: "howdah".to_owned(),
            limits: Limits::default(),
        }
    }

    /// The options of a `postgres://` or `postgresql://` URL, as libpq reads it.
    ///
    /// Known parameters: host, port, user, password, dbname, sslmode, sslrootcert,
    /// application_name, connect_timeout (seconds). Everything else, and a list of hosts, is an
    /// error with code HD0107; no error text repeats the password.
    pub fn from_url(text: &str) -> Result<Self> {
        url::parse(text)?.checked()
    }

    /// The same with this password.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The same with this `sslmode`.
    #[must_use]
    pub fn ssl_mode(mut self, mode: SslMode) -> Self {
        self.ssl_mode = mode;
        self
    }

    /// The same trusting `root`.
    #[must_use]
    pub fn ssl_root_cert(mut self, root: RootCert) -> Self {
        self.ssl_root_cert = Some(root);
        self
    }

    /// The same with this `application_name`, as `pg_stat_activity` shows it.
    #[must_use]
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.application_name = name.into();
        self
    }

    /// The same with these limits, the connect timeout of a URL included.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same for another database of the server.
    #[must_use]
    pub fn database(mut self, database: impl Into<String>) -> Self {
        self.database = database.into();
        self
    }

    /// The same as another login.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }

    /// The same through another port, such as a proxy's.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Host name, address, or folder of the unix socket.
    pub fn get_host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn get_port(&self) -> u16 {
        self.port
    }

    /// The login.
    pub fn get_user(&self) -> &str {
        &self.user
    }

    /// The database.
    pub fn get_database(&self) -> &str {
        &self.database
    }

    /// The limits.
    pub fn get_limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether the host is the folder of a unix socket.
    pub fn is_unix_socket(&self) -> bool {
        self.host.starts_with('/')
    }

    /// The URL that [`Self::from_url`] reads back, **with the password**: for a child process or a
    /// person who asked for it, never for a log. Limits are left out.
    #[must_use]
    pub fn to_secret_url(&self) -> String {
        url::render(self)
    }

    /// Checks what only the whole can tell; code HD0107.
    fn checked(self) -> Result<Self> {
        if self.ssl_root_cert == Some(RootCert::System) && self.ssl_mode != SslMode::VerifyFull {
            return Err(bad_url(format!(
                "sslmode \"{}\" is too weak for sslrootcert \"system\"",
                self.ssl_mode.as_str()
            ))
            .detail("Anybody can get a certificate from a public authority for a host of his own.")
            .hint("Use sslmode=verify-full."));
        }
        Ok(self)
    }

    /// The TLS mode in effect: a unix socket has no TLS, and `require` with a root certificate
    /// verifies it, as in libpq.
    pub(crate) fn effective_ssl_mode(&self) -> SslMode {
        match self.ssl_mode {
            _ if self.is_unix_socket() => SslMode::Disable,
            SslMode::Require if self.ssl_root_cert.is_some() => SslMode::VerifyCa,
            mode => mode,
        }
    }

    /// Where the server is, for messages: `127.0.0.1:5432`.
    pub(crate) fn address(&self) -> String {
        if self.is_unix_socket() {
            Path::new(&self.host).join(format!(".s.PGSQL.{}", self.port)).display().to_string()
        } else if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database \"{}\" at {} as \"{}\"", self.database, self.address(), self.user)
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "hidden"))
            .field("database", &self.database)
            .field("ssl_mode", &self.ssl_mode)
            .field("ssl_root_cert", &self.ssl_root_cert)
            .field("application_name", &self.application_name)
            .field("limits", &self.limits)
            .finish()
    }
}

/// An error with code HD0107; `message` holds no part of the URL that could be secret.
pub(crate) fn bad_url(message: impl Into<String>) -> Error {
    Error::new(Kind::Input, message).code(Code::BadDatabaseUrl)
}
