//! Nothing of a developer's machine and no secret in the repository: no absolute home paths, no
//! private keys, no cloud keys, no passwords in literals or addresses.
//!
//! The patterns are put together at run time, so that this file does not find itself.

use super::tree::{File, Finding, Tree};

/// The first folders of paths that exist on one machine only.
const HOMES: &[&str] = &["home", "Users", "root", "work"];

/// Values that plainly stand for a secret and are none.
const PLACEHOLDERS: &[&str] = &["password", "secret", "pass", "pw", "pwd", "changeme", "hidden"];

/// Address schemes that carry a user and a password.
const SCHEMES: &[&str] = &["postgres", "postgresql", "redis", "rediss", "http", "https", "mqtt"];

/// Reads every line of every text file.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let root = own_path(tree);
    let mut findings = Vec::new();
    for file in &tree.files {
        for (number, line) in file.text.lines().enumerate() {
            if has_machine_path(line) || root.as_deref().is_some_and(|root| line.contains(root)) {
                let wrong = "a path of somebody's machine";
                findings.push(file.finding(number, wrong, "use a path from the repository"));
            }
            if let Some(secret) = secret(file, number, line) {
                let remedy = "take it out and revoke it; write a reference such as `env:NAME`";
                findings.push(file.finding(number, secret, remedy));
            }
        }
    }
    findings
}

/// Where this clone lies, unless that is one short word such as `/src`, which texts may use.
fn own_path(tree: &Tree) -> Option<String> {
    (tree.root.components().count() > 2).then(|| tree.root.to_string_lossy().into_owned())
}

/// An absolute path into a home: the slash begins a path and something follows the folder.
fn has_machine_path(line: &str) -> bool {
    HOMES.iter().any(|home| {
        let start = format!("/{home}/");
        line.match_indices(&start).any(|(at, _)| {
            let inside = |c: char| c.is_alphanumeric() || "_-.}~*>)".contains(c);
            let follows = |c: char| c.is_alphanumeric() || c == '.' || c == '_';
            // In `redis://work/0` the word is a host, in a file URL it follows a third slash.
            let host = line[..at].ends_with(":/");
            !host && !line[..at].ends_with(inside) && line[at + start.len()..].starts_with(follows)
        })
    })
}

/// Tests may hold invented passwords, to show that they are hidden; keys nobody may hold.
fn secret(file: &File, number: usize, line: &str) -> Option<&'static str> {
    if has_private_key(line) {
        return Some("a private key");
    }
    if has_cloud_key(line) {
        return Some("a cloud access key");
    }
    if file.is_test(number) {
        return None;
    }
    if has_password_literal(line) {
        return Some("a password in a literal");
    }
    has_password_in_address(line).then_some("a password in an address")
}

fn has_private_key(line: &str) -> bool {
    let end = ["PRIVATE", " KEY-----"].concat();
    line.split_once("-----BEGIN ").is_some_and(|(_, rest)| rest.contains(&end))
}

/// The form of an AWS access key: a fixed start and 16 capitals or digits.
fn has_cloud_key(line: &str) -> bool {
    let start = ["AK", "IA"].concat();
    line.match_indices(&start).any(|(at, _)| {
        let rest = line[at + start.len()..].chars();
        rest.take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit()).count() == 16
    })
}

/// `password = "…"` and `password: "…"`.
fn has_password_literal(line: &str) -> bool {
    let lower = line.to_lowercase();
    lower.match_indices("password").any(|(at, word)| {
        let rest = lower[at + word.len()..].trim_start_matches('"').trim_start();
        let Some(rest) = rest.strip_prefix(['=', ':']) else { return false };
        let Some(rest) = rest.trim_start().strip_prefix('"') else { return false };
        rest.split_once('"').is_some_and(|(value, _)| !is_placeholder(value))
    })
}

/// `scheme://user:password@host`.
fn has_password_in_address(line: &str) -> bool {
    SCHEMES.iter().any(|scheme| {
        let start = format!("{scheme}://");
        line.match_indices(&start).any(|(at, _)| {
            let rest = &line[at + start.len()..];
            let end = rest.find(['/', ' ', '"', '`', '?', ')']).unwrap_or(rest.len());
            let login = rest[..end].rsplit_once('@').and_then(|(login, _)| login.split_once(':'));
            login.is_some_and(|(_, password)| !is_placeholder(password))
        })
    })
}

/// A reference, a variable, a mask, or a word that nobody takes for a secret.
fn is_placeholder(value: &str) -> bool {
    value.is_empty()
        || value.starts_with("env:")
        || value.starts_with("file:")
        || value.contains(['{', '$', '<', '*', '…', '%', '\\', '[', ']'])
        || PLACEHOLDERS.contains(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, line: &str) -> Vec<String> {
        check(&Tree::sample(&[(path, line)])).into_iter().map(|finding| finding.wrong).collect()
    }

    /// Samples are joined here, so that this file does not hold what it looks for.
    fn find(parts: &[&str]) -> Option<String> {
        told("docs/a.md", &parts.concat()).pop()
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        assert!(find(&["see /ho", "me/ada/howdah"]).is_some());
        assert!(find(&["\"/Us", "ers/ada\""]).is_some());
        assert!(find(&["in /srv/clone/", "howdah/target"]).is_some());
        assert!(find(&["src/ro", "ot/a.rs and $X/wo", "rk/b"]).is_none());
        assert!(find(&["file:///ho", "me/ada"]).is_some());
        assert!(find(&["redis://wo", "rk/0"]).is_none());
        assert!(find(&["under /ho", "me/ of anybody"]).is_none());
    }

    #[test]
    fn secrets_are_found() {
        assert!(find(&["-----BEGIN RSA PRI", "VATE KEY-----"]).is_some());
        assert!(find(&["key AK", "IAABCDEFGHIJKLMNOP"]).is_some());
        assert!(find(&["passw", "ord = \"hunter2\""]).is_some());
        assert!(find(&["{\"passw", "ord\": \"hunter2\"}"]).is_some());
        assert!(find(&["postgres", "://ada:hunter2@db/x"]).is_some());
    }

    #[test]
    fn references_and_placeholders_pass() {
        assert!(find(&["passw", "ord = \"env:PGPASSWORD\""]).is_none());
        assert!(find(&["passw", "ord = \"\""]).is_none());
        assert!(find(&["postgres", "://user:password@host/db"]).is_none());
        assert!(find(&["postgres", "://ada@host:5432/db?x=a:b@c"]).is_none());
        assert!(find(&["postgres", "://[user[:password]@][host]"]).is_none());
        assert!(find(&["postgres", "://{user}:{pass}@{host}/db"]).is_none());
    }

    #[test]
    fn tests_may_invent_passwords_but_no_keys() {
        let password = ["passw", "ord = \"hunter2\""].concat();
        assert_eq!(told("crates/a/tests/main.rs", &password), Vec::<String>::new());
        let key = ["-----BEGIN PRI", "VATE KEY-----"].concat();
        assert_eq!(told("crates/a/tests/main.rs", &key).len(), 1);
    }
}
