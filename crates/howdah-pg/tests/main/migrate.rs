//! Migrations against a real server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::Duration;

use howdah_error::Code;
use howdah_pg::migrate::{
    Direction, InFlight, MigrateOptions, MigrationEvent, MigrationState, Migrations, down, status,
    up,
};
use howdah_pg::{Connection, RetryPolicy, connect};
use howdah_testkit::{Cluster, TestDatabase, TestFolder, wait_until};

struct Case {
    database: TestDatabase,
    client: Connection,
    folder: TestFolder,
}

impl Case {
    async fn new(files: &[(&str, &str)]) -> Self {
        let database = Cluster::shared().await.database().await;
        let client = database.connect().await;
        let case = Self { database, client, folder: TestFolder::new() };
        for (name, text) in files {
            case.write(name, text);
        }
        case
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir().join(name), text).unwrap();
    }

    fn dir(&self) -> &Path {
        self.folder.path()
    }

    fn load(&self) -> Migrations {
        Migrations::load(self.dir()).unwrap()
    }

    async fn up(&self) -> howdah_error::Result<Vec<i64>> {
        up(&self.client, &self.load(), &MigrateOptions::default(), |_| {}).await
    }

    async fn states(&self) -> Vec<MigrationState> {
        let all = status(&self.client, &self.load()).await.unwrap();
        all.into_iter().map(|status| status.state).collect()
    }

    async fn number(&self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).await.unwrap().get(0)
    }
}

#[tokio::test]
async fn pending_files_are_applied_once_and_reverted() {
    let case = Case::new(&[
        ("0001_users.sql", "create table users (id int);\ninsert into users values (1);"),
        ("0001_users.down.sql", "drop table users"),
        ("0002_add_a_name.up.sql", "alter table users add name text"),
        ("0002_add_a_name.down.sql", "alter table users drop name"),
        ("README.md", "not SQL"),
    ])
    .await;
    assert_eq!(case.states().await, [MigrationState::Pending, MigrationState::Pending]);
    let first = MigrateOptions { target: Some(1), ..MigrateOptions::default() };
    assert_eq!(up(&case.client, &case.load(), &first, |_| {}).await.unwrap(), [1]);
    assert_eq!(case.up().await.unwrap(), [2]);
    assert!(case.up().await.unwrap().is_empty());
    assert_eq!(case.number("select count(name) + count(*) from users").await, 1);
    let known = "select description from _sqlx_migrations where success order by version";
    let rows = case.client.query(known, &[]).await.unwrap();
    let known: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(known, ["users", "add a name"]);
    assert!(matches!(case.states().await[..], [MigrationState::Applied { .. }, _]));

    let options = MigrateOptions::default();
    assert_eq!(down(&case.client, &case.load(), 0, &options, |_| {}).await.unwrap(), [2, 1]);
    assert_eq!(case.states().await, [MigrationState::Pending, MigrationState::Pending]);
    assert_eq!(case.up().await.unwrap(), [1, 2]);
}

#[tokio::test]
async fn mistakes_of_the_folder_are_told_together() {
    let case = Case::new(&[
        ("1_a.sql", "select 1"),
        ("01_b.sql", "select 1"),
        ("two_b.sql", "select 1"),
        ("3_c.sql", " \n"),
        ("4_d.down.sql", "select 1"),
        ("5_e.sql", "select 1;\n  'x"),
    ])
    .await;
    let error = Migrations::load(case.dir()).unwrap_err();
    assert_eq!(error.get_code(), Some(Code::BadMigrationFile));
    let detail = error.get_detail().unwrap();
    for part in [
        "version 1 is also in 01_b.sql",
        "two_b.sql: the name is not",
        "3_c.sql: empty",
        "4_d.down.sql: there is no file to go up",
        "5_e.sql:2:3: unclosed string",
    ] {
        assert!(detail.contains(part), "{part} in {detail}");
    }
    assert!(error.message().starts_with("5 mistakes"), "{error}");
    let none = Migrations::load(&case.dir().join("nowhere")).unwrap_err();
    assert_eq!(none.get_code(), Some(Code::BadMigrationFile));
}

#[tokio::test]
async fn a_failing_file_leaves_nothing_and_names_the_place() {
    let case = Case::new(&[
        ("1_a.sql", "create table a (id int)"),
        ("2_b.sql", "-- ü\ncreate table b (id int);\nselect 'ü', nothing\nfrom a;\n"),
        ("3_c.sql", "create table c (id int primary key); insert into c values (1), (1)"),
    ])
    .await;
    let error = case.up().await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::MigrationFailed));
    assert!(error.message().contains("2_b.sql:3:13"), "{error}");
    assert_eq!(case.number("select count(*) from _sqlx_migrations").await, 1);
    assert_eq!(case.number("select count(*) from pg_class where relname = 'b'").await, 0);
    case.write("2_b.sql", "create table b (id int)");
    let error = case.up().await.unwrap_err();
    assert!(error.message().contains("3_c.sql:1:38"), "{error}");
    assert_eq!(case.number("select count(*) from _sqlx_migrations").await, 2);
}

#[tokio::test]
async fn a_deferred_constraint_fails_at_the_end_of_the_file() {
    let sql = "create table a (id int primary key deferrable initially deferred); \
               insert into a values (1), (1)";
    let case = Case::new(&[("1_a.sql", sql)]).await;
    let error = case.up().await.unwrap_err();
    assert!(error.message().contains("the end of 1_a.sql"), "{error}");
    assert_eq!(case.states().await, [MigrationState::Pending]);
}

#[tokio::test]
async fn an_edited_file_is_refused_with_the_difference() {
    let case = Case::new(&[("1_a.sql", "create table a (\n  id int\n);\n")]).await;
    case.up().await.unwrap();
    case.write("1_a.sql", "create table a (\n  id bigint\n);\n");
    let error = case.up().await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::MigrationEdited));
    let detail = error.get_detail().unwrap();
    assert_eq!(detail, "1_a.sql: from line 2 (- applied, + file):\n-   id int\n+   id bigint");
    assert!(matches!(case.states().await[..], [MigrationState::Edited { .. }]));
    std::fs::remove_file(case.dir().join("1_a.sql")).unwrap();
    assert_eq!(case.up().await.unwrap_err().get_code(), Some(Code::MigrationMissing));
    assert!(matches!(case.states().await[..], [MigrationState::Missing { .. }]));
}

#[tokio::test]
async fn a_history_of_sqlx_is_adopted() {
    let case =
        Case::new(&[("1_a.sql", "create table a (id int);\n"), ("3_c.sql", "select 1")]).await;
    // As sqlx 0.8 writes it; the checksum is what sha384sum says of the file.
    let sql = "create table a (id int); \
        create table _sqlx_migrations (version bigint primary key, description text not null, \
          installed_on timestamptz not null default now(), success boolean not null, \
          checksum bytea not null, execution_time bigint not null); \
        insert into _sqlx_migrations values (1, 'a', '2024-01-01', true, \
          '\\x6718b0852de22191c32592159e1869ff2c07a267efde75fc\
             7b801ac1a0a6e330bc37a40bc26e83742c07a8b3bd8bf111', 1)";
    case.client.batch_execute(sql).await.unwrap();
    assert!(matches!(
        case.states().await[..],
        [MigrationState::Applied { .. }, MigrationState::Pending]
    ));
    assert_eq!(case.up().await.unwrap(), [3]);
    case.write("1_a.sql", "create table a (id bigint);\n");
    let error = case.up().await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::MigrationEdited));
    assert!(error.get_detail().unwrap().contains("is not known"), "{:?}", error.get_detail());
    case.write("1_a.sql", "create table a (id int);\n");
    case.client
        .batch_execute("update _sqlx_migrations set success = false where version = 1")
        .await
        .unwrap();
    assert_eq!(case.up().await.unwrap_err().get_code(), Some(Code::MigrationHalfDone));
    assert!(matches!(case.states().await[..], [MigrationState::Dirty, _]));
}

#[tokio::test]
async fn a_late_lower_version_is_applied_and_told() {
    let case = Case::new(&[("2_b.sql", "create table b (id int)")]).await;
    case.up().await.unwrap();
    case.write("1_a.sql", "create table a (id int)");
    let mut told = Vec::new();
    let options = MigrateOptions::default();
    up(&case.client, &case.load(), &options, |event| told.push(event.to_string())).await.unwrap();
    assert_eq!(told[0], "1_a.sql is older than version 2, which is applied; applying it now");
    assert_eq!(case.number("select count(*) from _sqlx_migrations").await, 2);
}

#[tokio::test]
async fn what_a_file_sets_ends_with_it() {
    let case = Case::new(&[
        (
            "1_a.sql",
            "select pg_catalog.set_config('search_path', '', false); set lock_timeout to 1;",
        ),
        ("2_b.sql", "create table b (id int)"),
    ])
    .await;
    case.client.batch_execute("set statement_timeout to '7s'").await.unwrap();
    assert_eq!(case.up().await.unwrap(), [1, 2]);
    let row = case.client.query_one("show statement_timeout", &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), "7s");
}

#[tokio::test]
async fn two_runners_at_once_apply_each_file_once() {
    let case = Case::new(&[
        ("1_a.sql", "create table a (id int)"),
        ("2_b.sql", "insert into a select 1 from pg_sleep(0.2)"),
        ("3_c.sql", "create index concurrently i on a (id)"),
    ])
    .await;
    let other = case.database.connect().await;
    let (migrations, options) = (case.load(), MigrateOptions::default());
    let (one, two) = tokio::join!(
        up(&case.client, &migrations, &options, |_| {}),
        up(&other, &migrations, &options, |_| {}),
    );
    assert_eq!(one.unwrap().len() + two.unwrap().len(), 3);
    assert_eq!(case.number("select count(*) from a").await, 1);
}

#[tokio::test]
async fn a_runner_of_sqlx_keeps_howdah_out() {
    let case = Case::new(&[("1_a.sql", "select 1")]).await;
    // The name whose CRC-32 the catalogues of such algorithms give as their check value.
    let admin = case.database.admin().await;
    let create = format!("create database \"123456789\" owner {}", case.database.name());
    admin.batch_execute(&create).await.unwrap();
    let options = case.database.options().clone().database("123456789");
    let (sqlx, client) = (connect(&options).await.unwrap(), connect(&options).await.unwrap());
    let key = 0x3d32_ad9e * 0xcbf4_3926_i64;
    sqlx.batch_execute(&format!("select pg_advisory_lock({key})")).await.unwrap();
    let wait = Duration::from_millis(300);
    let options = MigrateOptions { wait, ..MigrateOptions::default() };
    let mut told = Vec::new();
    let migrations = case.load();
    let error = up(&client, &migrations, &options, |event| told.push(event.to_string())).await;
    assert_eq!(error.unwrap_err().get_code(), Some(Code::LockTimeout));
    assert_eq!(told, ["waiting for another process that migrates"]);
    sqlx.batch_execute(&format!("select pg_advisory_unlock({key})")).await.unwrap();
    assert_eq!(up(&client, &migrations, &options, |_| {}).await.unwrap(), [1]);
}

#[tokio::test]
async fn a_file_outside_a_transaction_goes_on_where_it_failed() {
    let case = Case::new(&[(
        "1_a.sql",
        "create table a (id int);\ninsert into a values (1), (1);\n\
         create unique index concurrently a_id on a (id);\ninsert into a values (2);",
    )])
    .await;
    let error = case.up().await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::MigrationFailed));
    assert!(error.message().contains("1_a.sql:3:1"), "{error}");
    let half = MigrationState::HalfDone { direction: Direction::Up, done: 2, in_flight: false };
    assert_eq!(case.states().await, [half]);
    assert_eq!(case.number("select count(*) from _sqlx_migrations where not success").await, 1);
    case.client.batch_execute("delete from a where ctid = '(0,1)'").await.unwrap();
    // The unfinished index is there, and is in the way of a plain second try.
    assert_eq!(case.number("select count(*) from pg_index where not indisvalid").await, 1);
    let mut told = Vec::new();
    let options = MigrateOptions::default();
    up(&case.client, &case.load(), &options, |event| told.push(event.to_string())).await.unwrap();
    assert_eq!(told[0], "1_a.sql: going on with statement 3 of 4");
    assert_eq!(told[1], "dropping the unfinished index \"public\".\"a_id\"");
    assert_eq!(case.number("select count(*) from a").await, 2);
    assert_eq!(case.number("select count(*) from pg_index where not indisvalid").await, 0);
    assert!(matches!(case.states().await[..], [MigrationState::Applied { .. }]));
}

#[tokio::test]
async fn a_killed_index_build_is_done_again() {
    let case = Case::new(&[(
        "1_a.sql",
        "insert into a values (1);\ncreate index concurrently a_id on a (id);\n\
         insert into a values (2);",
    )])
    .await;
    case.client.batch_execute("create table a (id int)").await.unwrap();
    // An open transaction that has written to the table keeps the build waiting.
    let (blocker, admin) = (case.database.connect().await, case.database.admin().await);
    blocker.batch_execute("begin; insert into a values (7)").await.unwrap();
    let (migrations, options) = (case.load(), MigrateOptions::default());
    let run = up(&case.client, &migrations, &options, |_| {});
    let kill = async {
        let building = "from pg_stat_activity where query like 'create index concurrently%' \
                        and datname = current_database() and wait_event_type = 'Lock'";
        wait_until("the build to wait", Duration::from_secs(30), async || {
            let sql = format!("select count(*) {building}");
            admin.query_one(&sql, &[]).await.unwrap().get::<_, i64>(0) == 1
        })
        .await;
        let sql = format!("select pg_terminate_backend(pid) {building}");
        admin.query(&sql, &[]).await.unwrap();
    };
    let (killed, ()) = tokio::join!(run, kill);
    let error = killed.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::CannotConnect), "{}", error.report());
    blocker.batch_execute("commit").await.unwrap();

    let case = Case { client: case.database.connect().await, ..case };
    let half = MigrationState::HalfDone { direction: Direction::Up, done: 1, in_flight: true };
    assert_eq!(case.states().await, [half]);
    assert_eq!(case.number("select count(*) from pg_index where not indisvalid").await, 1);
    assert_eq!(case.up().await.unwrap(), [1]);
    assert_eq!(case.number("select count(*) from a").await, 3);
    assert_eq!(case.number("select count(*) from pg_index where not indisvalid").await, 0);
    let built = "select count(*) from pg_class where relname = 'a_id'";
    assert_eq!(case.number(built).await, 1);
}

#[tokio::test]
async fn a_runner_killed_anywhere_goes_on_to_the_same_end() {
    let text = "create table a (id int);\ninsert into a values (1);\nvacuum a;\n\
                create index concurrently a_id on a (id);\nbegin;\ninsert into a values (2);\n\
                insert into a values (3);\ncommit;\ndrop index concurrently a_id;\n\
                insert into a values (4);\nreindex (concurrently) table a;";
    for cut in 0..24_u64 {
        let case = Case::new(&[("1_a.sql", text), ("2_b.sql", "create table b (id int)")]).await;
        let (migrations, options) = (case.load(), MigrateOptions::default());
        let admin = case.database.admin().await;
        let kill = async {
            // Only spreads the cuts; whichever statement is hit, the end must be the same.
            tokio::time::sleep(Duration::from_millis(cut * 2)).await;
            let sql = "select pg_terminate_backend(pid) from pg_stat_activity \
                       where datname = current_database() and pid <> pg_backend_pid()";
            admin.query(sql, &[]).await.unwrap();
        };
        let _ = tokio::join!(up(&case.client, &migrations, &options, |_| {}), kill);
        let case = Case { client: case.database.connect().await, ..case };
        case.up().await.unwrap_or_else(|error| panic!("cut {cut}: {}", error.report()));
        assert_eq!(case.number("select sum(id) from a").await, 10, "cut {cut}");
        assert_eq!(case.number("select count(*) from a").await, 4, "cut {cut}");
        let applied = "select count(*) from _sqlx_migrations where success";
        assert_eq!(case.number(applied).await, 2, "cut {cut}");
        assert_eq!(case.number("select count(*) from pg_index where not indisvalid").await, 0);
    }
}

#[tokio::test]
async fn transactions_of_the_file_itself_are_kept_whole() {
    let case = Case::new(&[(
        "1_a.sql",
        "begin;\ncreate table a (id int);\ninsert into a values (1);\ncommit;\n\
         begin; insert into a values (2); select 1 / 0; commit; insert into a values (3);",
    )])
    .await;
    let error = case.up().await.unwrap_err();
    assert!(error.get_hint().unwrap().contains("statement 5"), "{:?}", error.get_hint());
    assert_eq!(case.number("select count(*) from a").await, 1);
    let text = std::fs::read_to_string(case.dir().join("1_a.sql")).unwrap();
    case.write("1_a.sql", &text.replace("1 / 0", "1"));
    assert_eq!(case.up().await.unwrap(), [1]);
    assert_eq!(case.number("select count(*) from a").await, 3);
}

#[tokio::test]
async fn a_half_done_file_may_change_only_behind_what_is_done() {
    let text = "-- no-transaction\ncreate table a (id int); select 1 / 0;";
    let case = Case::new(&[("1_a.sql", text)]).await;
    case.up().await.unwrap_err();
    case.write("1_a.sql", "-- no-transaction\ncreate table b (id int); select 1;");
    let error = case.up().await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::MigrationHalfDone));
    case.write("1_a.sql", "-- no-transaction\ncreate table a (id int); select 1;");
    assert_eq!(case.up().await.unwrap(), [1]);
}

#[tokio::test]
async fn what_nobody_knows_is_asked_for() {
    let text = "create table a (id int);\nvacuum a;\nalter table a add b int";
    let case = Case::new(&[("1_a.sql", text)]).await;
    case.up().await.unwrap();
    // As if the runner had been lost while a statement without a transaction was on its way.
    let lost = |sql: &str| {
        format!(
            "update _sqlx_migrations set success = false; \
             update _howdah_migrations set sql = '{sql}', done = 1, in_flight = true"
        )
    };
    let text = "create table a (id int);\ndrop database if exists nowhere;\nselect 1";
    case.write("1_a.sql", text);
    case.client.batch_execute(&lost(text)).await.unwrap();
    let error = case.up().await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::MigrationHalfDone));
    assert!(error.get_detail().unwrap().contains("1_a.sql:2:1"), "{:?}", error.get_detail());
    let told = MigrateOptions { in_flight: Some(InFlight::Done), ..MigrateOptions::default() };
    assert_eq!(up(&case.client, &case.load(), &told, |_| {}).await.unwrap(), [1]);

    let text = "create table a (id int);\ndrop index concurrently gone;\nselect 1";
    case.write("1_a.sql", text);
    case.client.batch_execute(&lost(text)).await.unwrap();
    assert_eq!(case.up().await.unwrap(), [1]);
}

#[tokio::test]
async fn a_lock_that_cannot_be_had_is_tried_again() {
    let case = Case::new(&[("1_a.sql", "alter table held add x int")]).await;
    case.client.batch_execute("create table held (id int)").await.unwrap();
    let blocker = case.database.connect().await;
    blocker.batch_execute("begin; lock table held in access share mode").await.unwrap();
    let options =
        MigrateOptions { lock_timeout: Duration::from_millis(50), ..MigrateOptions::default() };
    let (sender, mut receiver) = tokio::sync::mpsc::channel(16);
    let migrations = case.load();
    let run = up(&case.client, &migrations, &options, move |event| {
        if matches!(event, MigrationEvent::Retrying { .. }) {
            let _ = sender.try_send(());
        }
    });
    let free = async {
        receiver.recv().await.unwrap();
        blocker.batch_execute("commit").await.unwrap();
    };
    let (done, ()) = tokio::join!(run, free);
    assert_eq!(done.unwrap(), [1]);

    case.write("2_b.sql", "alter table held add y int");
    blocker.batch_execute("begin; lock table held in access share mode").await.unwrap();
    let once = RetryPolicy { attempts: 1, ..options.retry };
    let options = MigrateOptions { retry: once, ..options };
    let error = up(&case.client, &case.load(), &options, |_| {}).await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::LockTimeout));
    assert!(error.message().contains("2_b.sql:1:1"), "{error}");
}

#[tokio::test]
async fn without_a_down_file_nothing_is_reverted() {
    let case = Case::new(&[
        ("1_a.sql", "create table a (id int)"),
        ("2_b.sql", "create table b (id int)"),
        ("2_b.down.sql", "drop table b"),
    ])
    .await;
    case.up().await.unwrap();
    let options = MigrateOptions::default();
    let error = down(&case.client, &case.load(), 0, &options, |_| {}).await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::NoDownMigration));
    assert_eq!(down(&case.client, &case.load(), 1, &options, |_| {}).await.unwrap(), [2]);
}
