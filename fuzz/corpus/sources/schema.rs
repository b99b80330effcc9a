//! Tables as diesel writes them, and code around SQL: a text for readers, never built.

// @generated automatically by Diesel CLI.
diesel::table! {
    /// Posts, with 'quotes'.
    posts (id) {
        id -> Int4,
        title -> Varchar,
        body -> Nullable<Text>,
        #[sql_name = "type"]
        kind -> Array<Nullable<Text>>,
    }
}
diesel::joinable!(posts -> users (author_id));

fn wait<'a>(failures: u32, name: &'a str) -> String {
    let backoff = 100 * 2u64.pow(failures);
    for n in 0..3 {
        client.execute(r#"insert into a ("n") values ($1)"#, &[&n]);
    }
    let key = ((hash >> 32) ^ (hash & 0xFFFF_FFFF)) as i64; /* nested /* 'x' */ */
    format!("select '{}' from {name}{}", '"', b'\'')
}
