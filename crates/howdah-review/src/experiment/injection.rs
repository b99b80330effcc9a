//! Whether the text of an argument becomes part of the SQL that a function executes: it is called
//! with arguments that divide by zero when they are read as SQL, and are harmless text otherwise.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use howdah_catalog::{Literal, RelName};
use howdah_error::Result;
use howdah_pg::sqlstate;

use super::{Experiment, Lab, Verdict};
use crate::finding::{Expect, Login, Reproducer};

/// SQLSTATE: division by zero.
const DIVISION_BY_ZERO: &str = "22012";

/// For a place within quotes, an expression, the name of a table, and the end of a statement.
const PAYLOADS: &[&str] = &[
    "x' || (1 / 0)::text || 'x",
    "(select 1 / 0)",
    "(select 1 / 0 as n) as howdah",
    "pg_class; select 1 / 0; --",
    "x\" from (select 1 / 0 as x) as howdah; --",
];

/// A call with arguments that are SQL.
#[derive(Debug)]
pub struct Injection {
    /// The function.
    pub function: RelName,
    /// Its arguments, as `pg_get_function_identity_arguments` prints them.
    pub arguments: String,
    /// The argument that is pasted.
    pub argument: String,
}

impl Injection {
    fn call(&self, payload: &str) -> Option<String> {
        let mut values = Vec::new();
        for argument in self.arguments.split(", ") {
            let (name, of) = argument.split_once(' ')?;
            values.push(if name == self.argument {
                Literal(payload).to_string()
            } else {
                match of {
                    "text" | "character varying" | "name" => "'x'".to_owned(),
                    "smallint" | "integer" | "bigint" | "numeric" => "1".to_owned(),
                    other => format!("null::{other}"),
                }
            });
        }
        Some(format!("select {}({})", self.function, values.join(", ")))
    }
}

impl Experiment for Injection {
    fn run<'a>(&'a self, lab: &'a Lab<'a>) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let database = lab.trial().await?;
            // As the plain owner: what is called here was written by others.
            let connection = database.connect().await?;
            let mut verdict = Verdict::Undecided;
            for payload in PAYLOADS {
                let Some(call) = self.call(payload) else { break };
                let sql = format!("begin;\n{call}");
                let answer = connection.simple_query(&sql).await;
                let _ = connection.batch_execute("rollback").await;
                let state = answer.err().and_then(|error| sqlstate(&error).cloned());
                if state.is_some_and(|state| state.code() == DIVISION_BY_ZERO) {
                    let reproducer = Reproducer {
                        before: None,
                        sql,
                        expect: Expect::Failure(DIVISION_BY_ZERO.to_owned()),
                        login: Login::Owner,
                    };
                    let told = "The division by zero in the argument was computed.".to_owned();
                    verdict = Verdict::Proved(reproducer, Some(told));
                    break;
                }
            }
            connection.close().await;
            Ok(verdict)
        }
        .boxed()
    }
}
