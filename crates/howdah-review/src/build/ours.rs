//! Failures that tell of the scratch server, not of the files: a plain login owns its database, and
//! the roles of another server are its members or not there at all.

use howdah_sql::command::Command;

use super::scratch;
use crate::facts::Failure;

/// What the server says to a login that is no member of a role, on 15 and on newer ones.
const NO_MEMBER: &[&str] = &["must be member of role", "must be able to SET ROLE"];

/// Why a statement that gives something to a role, or becomes one, was not run.
const OTHER_LOGIN: &str = "its role is one of this server, and the owner stays what it is";

/// Whether the statement becomes another login, whose rights on another server are not known.
pub(super) fn becomes_another(text: &str) -> Option<&'static str> {
    let words: Vec<String> = text.split_whitespace().take(4).map(str::to_ascii_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let becomes = matches!(
        words.as_slice(),
        ["set" | "reset", "role" | "session_authorization", ..]
            | ["set" | "reset", "session", "authorization", ..]
            | ["set", "session" | "local", "role", ..]
            | ["set", "session" | "local", "session", "authorization", ..]
    );
    becomes.then_some("another login may have other rights here than there")
}

/// Whether the statement says how its transaction runs: it must be the first there, and here the
/// transaction has begun with looks of ours.
pub(super) fn sets_transaction(text: &str) -> bool {
    let mut words = text.split_whitespace().map(str::to_ascii_lowercase);
    words.next().as_deref() == Some("set") && words.next().as_deref() == Some("transaction")
}

/// Why a failed statement is left out instead.
pub(super) fn left_out(command: &Command, failure: &Failure) -> Option<&'static str> {
    if failure.sqlstate != scratch::INSUFFICIENT_PRIVILEGE {
        return None;
    }
    let says = |start: &str| failure.message.starts_with(start);
    if NO_MEMBER.iter().any(|start| says(start)) {
        return Some(OTHER_LOGIN);
    }
    // An extension that only a superuser may make is the superuser's here.
    let about_extension = says("must be owner of extension");
    let comments = matches!(command, Command::Comment | Command::AlterOther { .. });
    (about_extension && comments).then_some("the extension is the superuser's here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_change_the_login_are_known() {
        for text in [
            "SET ROLE app",
            "reset role",
            "set session authorization 'app'",
            "set local role app",
            "SET SESSION AUTHORIZATION DEFAULT",
        ] {
            assert!(becomes_another(text).is_some(), "{text}");
        }
        for text in ["set search_path = app", "set local lock_timeout = '1s'", "reset all"] {
            assert!(becomes_another(text).is_none(), "{text}");
        }
    }
}
