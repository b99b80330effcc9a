//! Asks the server for the types of a system file's expressions.

use howdah_error::Result;
use howdah_pg::{Fault, classify, from_pg};
use howdah_system::{ExprProblem, ExprQuestion};
use tokio_postgres::Client;
use tokio_postgres::error::ErrorPosition;

/// The type of each expression, or what is wrong with it, in the order of the questions.
///
/// Each is prepared over rows of nulls with the columns' types, so nothing is read or run.
pub async fn answer_questions(
    client: &Client,
    questions: &[ExprQuestion],
) -> Result<Vec<std::result::Result<String, ExprProblem>>> {
    let mut answers = Vec::with_capacity(questions.len());
    for question in questions {
        answers.push(answer(client, question).await?);
    }
    Ok(answers)
}

async fn answer(
    client: &Client,
    question: &ExprQuestion,
) -> Result<std::result::Result<String, ExprProblem>> {
    let before = "select (";
    let sql = format!("{before}{}) from {}", question.text, question.rows);
    let statement = match client.prepare(&sql).await {
        Ok(statement) => statement,
        Err(error) if classify(&error) == Fault::Reconnect => {
            return Err(from_pg("could not check an expression", &error));
        }
        Err(error) => {
            let Some(db) = error.as_db_error() else {
                return Err(from_pg("could not check an expression", &error));
            };
            let offset = match db.position() {
                // The server counts characters from 1; bytes and characters are the same in what
                // stands before, and an offset past the end is the end.
                Some(ErrorPosition::Original(at)) => {
                    Some(byte_offset(&question.text, *at, before.len()))
                }
                _ => None,
            };
            return Ok(Err(ExprProblem { message: db.message().to_owned(), offset }));
        }
    };
    let Some(column) = statement.columns().first() else {
        return Ok(Err(ExprProblem { message: "it is no expression".to_owned(), offset: None }));
    };
    let row = client
        .query_one("select pg_catalog.format_type($1, null)", &[&column.type_().oid()])
        .await
        .map_err(|error| from_pg("could not name a type", &error))?;
    Ok(Ok(row.get(0)))
}

fn byte_offset(text: &str, position: u32, before: usize) -> usize {
    let characters = (position as usize).saturating_sub(before + 1);
    text.char_indices().nth(characters).map_or(text.len(), |(offset, _)| offset)
}
