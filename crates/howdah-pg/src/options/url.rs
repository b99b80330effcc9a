//! The text of a connection URL to and from [`ConnectOptions`].
//!
//! The format is that of libpq (PostgreSQL documentation, 34.1.1.2 "Connection URIs"):
//! `postgres://[user[:password]@][host][:port][/database][?parameter=value&…]`, percent-encoded.

use std::fmt::Write as _;
use std::time::Duration;

use howdah_error::Result;

use super::{ConnectOptions, RootCert, bad_url};

const KNOWN: &str = "host, port, user, password, dbname, sslmode, sslrootcert, application_name, \
                     connect_timeout";

/// What a URL may say; whatever it leaves out takes libpq's default.
#[derive(Default)]
struct Parts {
    host: Option<String>,
    port: Option<String>,
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
    ssl_mode: Option<String>,
    ssl_root_cert: Option<String>,
    application_name: Option<String>,
    connect_timeout: Option<String>,
}

/// Reads `text`; every error has code HD0107 and repeats no secret.
pub(super) fn parse(text: &str) -> Result<ConnectOptions> {
    let rest = text
        .strip_prefix("postgres://")
        .or_else(|| text.strip_prefix("postgresql://"))
        .ok_or_else(|| {
            bad_url("the database URL does not start with postgres:// or postgresql://")
                .hint("A URL looks like postgres://user:password@host:5432/database.")
        })?;
    if rest.contains('#') {
        return Err(bad_url("the database URL contains a bare \"#\"")
            .hint("Write %23 for a \"#\" in a password."));
    }
    let (main, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = main.split_once('/').unwrap_or((main, ""));
    let mut parts = Parts { database: filled(decode("database", database)?), ..Parts::default() };
    let address = match authority.rsplit_once('@') {
        Some((login, address)) => {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            parts.user = filled(decode("user", user)?);
            parts.password = filled(decode("password", password)?);
            address
        }
        None => authority,
    };
    read_address(address, &mut parts)?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        read_parameter(pair, &mut parts)?;
    }
    build(parts)
}

fn read_address(address: &str, parts: &mut Parts) -> Result<()> {
    if address.contains(',') {
        return Err(several_hosts());
    }
    let (host, port) = if let Some(bracketed) = address.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']').ok_or_else(|| {
            bad_url("the IPv6 address in the database URL has no closing bracket")
        })?;
        (host, after.strip_prefix(':').unwrap_or(after))
    } else {
        address.split_once(':').unwrap_or((address, ""))
    };
    parts.host = filled(decode("host", host)?);
    parts.port = filled(port.to_owned());
    Ok(())
}

fn read_parameter(pair: &str, parts: &mut Parts) -> Result<()> {
    let (name, value) = pair.split_once('=').ok_or_else(|| {
        // The text may be the tail of a password with a bare question mark: it is not repeated.
        bad_url("a parameter of the database URL has no value")
            .hint("Write %3F for a \"?\" and %26 for a \"&\" in a password.")
    })?;
    let name = decode("parameter name", name)?;
    let value = decode(&name, value)?;
    let slot = match name.as_str() {
        "host" => &mut parts.host,
        "port" => &mut parts.port,
        "user" => &mut parts.user,
        "password" => &mut parts.password,
        "dbname" => &mut parts.database,
        "sslmode" => &mut parts.ssl_mode,
        "sslrootcert" => &mut parts.ssl_root_cert,
        "application_name" => &mut parts.application_name,
        "connect_timeout" => &mut parts.connect_timeout,
        _ => {
            return Err(bad_url(format!("unknown parameter \"{name}\" in the database URL"))
                .hint(format!("Known are {KNOWN}.")));
        }
    };
    *slot = Some(value);
    Ok(())
}

fn build(parts: Parts) -> Result<ConnectOptions> {
    let host = parts.host.unwrap_or_else(default_host);
    if host.contains(',') {
        return Err(several_hosts());
    }
    let port = match parts.port {
        None => 5432,
        Some(text) => text.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
            bad_url("the port in the database URL is not a number from 1 to 65535")
                .hint("Write %3A for a \":\", %2F for a \"/\" and %40 for an \"@\" in a password.")
        })?,
    };
    let user = parts.user.map_or_else(system_user, Ok)?;
    let database = parts.database.unwrap_or_else(|| user.clone());
    let mut options = ConnectOptions::new(host, port, user, database);
    options.password = parts.password;
    if let Some(mode) = parts.ssl_mode {
        options.ssl_mode = mode.parse()?;
    }
    options.ssl_root_cert = parts
        .ssl_root_cert
        .map(|text| if text == "system" { RootCert::System } else { RootCert::File(text.into()) });
    if let Some(name) = parts.application_name {
        options.application_name = name;
    }
    if let Some(text) = parts.connect_timeout {
        let seconds: u64 = text.parse().ok().filter(|s| *s > 0).ok_or_else(|| {
            bad_url(format!("connect_timeout \"{text}\" is not a whole number of seconds"))
        })?;
        options.limits.connect_timeout = Duration::from_secs(seconds);
    }
    Ok(options)
}

fn several_hosts() -> howdah_error::Error {
    bad_url("the database URL names several hosts")
        .detail("howdah keeps positions in one database and must not drift to another server.")
        .hint("Name the primary, or an address that follows it.")
}

/// Where libpq looks without a host: the usual socket folder, else the loopback.
fn default_host() -> String {
    let socket = "/var/run/postgresql";
    let there = std::path::Path::new(socket).is_dir();
    if there { socket } else { "localhost" }.to_owned()
}

/// The name of the operating system's user, libpq's default login.
fn system_user() -> Result<String> {
    nix::unistd::User::from_uid(nix::unistd::geteuid())
        .ok()
        .flatten()
        .map(|user| user.name)
        .ok_or_else(|| bad_url("the database URL names no user"))
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Undoes percent-encoding; `what` names the part in the error, never its value.
fn decode(what: &str, text: &str) -> Result<String> {
    let wrong = || {
        bad_url(format!("the {what} in the database URL is not percent-encoded UTF-8"))
            .hint("Write %25 for a \"%\".")
    };
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let high = digit(bytes.next()).ok_or_else(wrong)?;
            let low = digit(bytes.next()).ok_or_else(wrong)?;
            out.push((high * 16 + low) as u8);
        } else {
            out.push(byte);
        }
    }
    // PostgreSQL's protocol ends strings with a zero byte, so none can hold one.
    String::from_utf8(out).ok().filter(|text| !text.contains('\0')).ok_or_else(wrong)
}

/// The URL of `options`, with the password.
pub(super) fn render(options: &ConnectOptions) -> String {
    let mut url = format!("postgres://{}", encode(&options.user));
    if let Some(password) = &options.password {
        let _ = write!(url, ":{}", encode(password));
    }
    let host = if options.host.contains(':') {
        format!("[{}]", options.host)
    } else {
        encode(&options.host)
    };
    let _ = write!(url, "@{host}:{}/{}", options.port, encode(&options.database));
    let mut separator = '?';
    let mut parameter = |name: &str, value: &str| {
        let _ = write!(url, "{separator}{name}={}", encode(value));
        separator = '&';
    };
    if options.ssl_mode != super::SslMode::default() {
        parameter("sslmode", options.ssl_mode.as_str());
    }
    match &options.ssl_root_cert {
        Some(RootCert::System) => parameter("sslrootcert", "system"),
        Some(RootCert::File(path)) => parameter("sslrootcert", &path.to_string_lossy()),
        None => {}
    }
    if options.application_name != "howdah" {
        parameter("application_name", &options.application_name);
    }
    url
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::SslMode;
    use super::*;

    #[test]
    fn a_full_url_is_read() {
        let options = parse(
            "postgresql://ann:p%40ss%2F@db.example:6543/my%20db?sslmode=verify-full\
             &sslrootcert=/ca.pem&application_name=x&connect_timeout=3",
        )
        .unwrap();
        assert_eq!(options.host, "db.example");
        assert_eq!(options.port, 6543);
        assert_eq!(options.user, "ann");
        assert_eq!(options.password.as_deref(), Some("p@ss/"));
        assert_eq!(options.database, "my db");
        assert_eq!(options.ssl_mode, SslMode::VerifyFull);
        assert_eq!(options.ssl_root_cert, Some(RootCert::File(PathBuf::from("/ca.pem"))));
        assert_eq!(options.application_name, "x");
        assert_eq!(options.limits.connect_timeout, Duration::from_secs(3));
        assert_eq!(parse(&render(&options)).unwrap().to_secret_url(), render(&options));
    }

    #[test]
    fn sockets_and_ipv6_are_read() {
        let socket = parse("postgres://u@%2Frun%2Fpg/db").unwrap();
        assert!(socket.is_unix_socket());
        assert_eq!(socket.address(), "/run/pg/.s.PGSQL.5432");
        assert_eq!(parse("postgres:///db?host=/run/pg&user=u").unwrap(), socket);
        assert_eq!(parse(&render(&socket)).unwrap(), socket);
        let v6 = parse("postgres://u@[::1]:99").unwrap();
        assert_eq!((v6.host.as_str(), v6.port, v6.database.as_str()), ("::1", 99, "u"));
        assert_eq!(v6.address(), "[::1]:99");
        assert_eq!(parse(&render(&v6)).unwrap(), v6);
    }

    #[test]
    fn mistakes_are_named_and_secrets_are_not() {
        for (url, part) in [
            ("mysql://x", "does not start with"),
            ("postgres://u@a,b/db", "several hosts"),
            ("postgres://u@a/db?host=a,b", "several hosts"),
            ("postgres://u@a/db?sslmod=x", "unknown parameter \"sslmod\""),
            ("postgres://u@a/db?sslmode=allow", "unknown sslmode \"allow\""),
            ("postgres://u@a:0/db", "the port"),
            ("postgres://u:hunter2/x@a/db", "the port"),
            ("postgres://u:hunter2#@a/db", "bare \"#\""),
            ("postgres://u:hunter2?@a/db", "no value"),
            ("postgres://u:hunter2%zz@a/db", "the password in"),
            ("postgres://u:hunter2%00@a/db", "the password in"),
            ("postgres://u@a/db?connect_timeout=soon", "connect_timeout"),
            ("postgres://u@[::1/db", "closing bracket"),
        ] {
            let error = parse(url).unwrap_err();
            assert_eq!(error.get_code(), Some(howdah_error::Code::BadDatabaseUrl), "{url}");
            assert!(error.message().contains(part), "{url}: {error}");
            assert!(!error.report().contains("hunter2"), "{url}: {}", error.report());
        }
        let weak = ConnectOptions::from_url("postgres://u@a/db?sslmode=require&sslrootcert=system");
        assert!(weak.unwrap_err().message().contains("too weak"));
    }

    #[test]
    fn the_password_is_never_shown() {
        let options = parse("postgres://u:hunter2@a/db").unwrap();
        assert!(!format!("{options:?} {options}").contains("hunter2"));
    }
}
