//! What readers of the chain ask, and the keys with the most events to ask it for.

/// A question of the system's brief.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// Its name in the brief.
    pub name: &'static str,
    /// The SQL of `systems/chain/queries`, with `$1`, `$2`, … for its keys.
    pub sql: &'static str,
    /// For each of them a query that gives the SQL of a value, such as the busiest account.
    pub keys: &'static [&'static str],
}

macro_rules! question {
    ($name:literal, $file:literal, $keys:expr) => {
        Question {
            name: $name,
            sql: include_str!(concat!("../../../../systems/chain/queries/", $file, ".sql")),
            keys: $keys,
        }
    };
}

macro_rules! busiest {
    ($column:literal, $table:literal) => {
        concat!(
            "select format('%L::bytea', ",
            $column,
            ") from ",
            $table,
            " group by ",
            $column,
            " order by count(*) desc, ",
            $column,
            " limit 1"
        )
    };
}

const ACCOUNT: &str = busiest!("account", "stakes_history");
const TERM: &str = busiest!("term_id", "stakes_history");
const SUBJECT: &str = busiest!("subject_id", "sides");
const PREDICATE: &str = busiest!("predicate_id", "sides");
const TRIPLE: &str = busiest!("triple_id", "triple_vault where position_count > 0");
/// A page's beginning: before every term.
const NO_TERM: &str = "select format('%L::bytea', decode(repeat('00', 32), 'hex'))";
const HIGHEST: &str = "select '1e60'";
const CURVE: &str = "select quote_literal('1')";
/// Behind the last event.
const NOW: &str = "select format('%L::timestamptz', max(block_timestamp) + interval '1 second') \
                   from stakes_history";

/// All that are answered by rows of events and derived tables, in their order.
pub const QUESTIONS: [Question; 14] = [
    question!("Q1", "Q01", &[ACCOUNT]),
    question!("Q2", "Q02", &[TERM, CURVE]),
    question!("Q3", "Q03", &[HIGHEST, NO_TERM]),
    question!("Q4", "Q04", &[TRIPLE]),
    question!("Q5", "Q05", &[TERM, CURVE]),
    question!("Q6", "Q06", &[PREDICATE]),
    question!("Q7", "Q07", &[SUBJECT, NO_TERM]),
    question!("Q8", "Q08", &[ACCOUNT]),
    question!("Q9 by the hour", "Q09a", &[TERM, CURVE, NOW]),
    question!("Q9 raw", "Q09b", &[TERM, CURVE, NOW]),
    question!("Q10 protocol", "Q10a", &[NOW]),
    question!("Q10 term", "Q10b", &[TERM, NOW]),
    question!("Q11", "Q11", &[]),
    question!("Q12", "Q12", &[ACCOUNT, TERM, CURVE]),
];

impl Question {
    /// The question with the SQL of these values for its keys.
    #[must_use]
    pub fn of(&self, values: &[String]) -> String {
        // From the last, so that $1 is not found in $10.
        let numbered = values.iter().enumerate().rev();
        numbered.fold(self.sql.to_owned(), |sql, (at, value)| {
            sql.replace(&format!("${}", at + 1), value)
        })
    }
}
