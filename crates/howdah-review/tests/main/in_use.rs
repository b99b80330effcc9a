//! Examples that make a database in use: all on one server, a database each. Those that change the
//! server itself (tag `alone`) have a second one, one at a time, and leave it as it was.

use std::collections::HashMap;

use howdah_pg::{ConnectOptions, Connection, connect};
use howdah_review::build::Scratch;
use howdah_review::rule::Example;
use howdah_review::target::Target;
use howdah_review::{Proof, Report, Reproducer, Rule};
use howdah_testkit::{Cluster, ClusterOptions};
use tokio::sync::{Mutex, OnceCell};
use tokio_postgres::SimpleQueryMessage;

use crate::rig;

/// The session of statements above any line `-- session: NAME`.
const MAIN: &str = "main";

/// Makes a database of the example's SQL as the superuser, reviews it as one in use, and says what
/// `judge` and the reproducers find wrong.
pub async fn try_example(
    shared: &Scratch,
    rule: &Rule,
    example: &Example,
    judge: impl Fn(&Report) -> Vec<String>,
) -> Vec<String> {
    static ALONE: OnceCell<Mutex<Alone>> = OnceCell::const_new();
    if !example.alone {
        return try_on(shared, shared, rule, example, judge).await;
    }
    let alone = ALONE.get_or_init(async || {
        let mut extra_settings = rig::settings();
        // Among its settings, so that an example can change it.
        extra_settings.push(("listen_addresses".to_owned(), "127.0.0.1".to_owned()));
        let options = ClusterOptions { extra_settings, ..Default::default() };
        Mutex::new(Alone { cluster: Cluster::start(options).await, started_with_others: false })
    });
    let mut alone = alone.await.lock().await;
    alone.set(example).await;
    let options = rig::patient(alone.cluster.admin_options());
    let scratch = Scratch::on(options.clone()).await.unwrap();
    let wrong = try_on(&scratch, shared, rule, example, judge).await;
    clean(&options).await;
    wrong
}

/// The server that one example at a time has for itself.
struct Alone {
    cluster: Cluster,
    /// It runs with settings that only another start takes back.
    started_with_others: bool,
}

/// The settings of the lines `-- server: name = value`.
fn settings(example: &Example) -> Vec<(&str, &str)> {
    let lines = example.sql.lines().filter_map(|line| line.strip_prefix("-- server: "));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.trim(), value.trim())).collect()
}

impl Alone {
    /// Gives the server the example's settings, and no other example's.
    async fn set(&mut self, example: &Example) {
        let admin = connect(&rig::patient(self.cluster.admin_options())).await.unwrap();
        let mut restart = false;
        for (name, value) in settings(example) {
            let sql = format!("alter system set {name} = '{value}'");
            admin.batch_execute(&sql).await.unwrap();
            let sql =
                format!("select context = 'postmaster' from pg_settings where name = '{name}'");
            restart |= admin.query_one(&sql, &[]).await.unwrap().get::<_, bool>(0);
        }
        if restart || self.started_with_others {
            admin.close().await;
            self.cluster.restart().await;
        } else {
            reload(&admin).await;
            admin.close().await;
        }
        self.started_with_others = restart;
    }
}

/// Takes away what an example may leave on a server of its own.
async fn clean(options: &ConnectOptions) {
    let admin = connect(options).await.unwrap();
    let left = "select format('drop database %I with (force)', datname) from pg_database \
                  where datname <> 'postgres' and not datistemplate and datconnlimit <> -2 \
                union all \
                select format('select pg_drop_replication_slot(%L)', slot_name) \
                  from pg_replication_slots \
                union all \
                select format('drop role %I', rolname) from pg_roles \
                  where rolname !~ '^pg_' and oid > 16383 and rolname <> current_user";
    admin
        .batch_execute("update pg_database set datconnlimit = -1 where datconnlimit = -2")
        .await
        .unwrap();
    for row in admin.query(left, &[]).await.unwrap() {
        admin.batch_execute(row.get(0)).await.unwrap();
    }
    admin.batch_execute("alter system reset all").await.unwrap();
    reload(&admin).await;
    admin.close().await;
}

async fn reload(connection: &Connection) {
    let before = loaded(connection).await;
    connection.batch_execute("select pg_reload_conf()").await.unwrap();
    reloaded(connection, &before).await;
}

async fn loaded(connection: &Connection) -> String {
    let sql = "select pg_conf_load_time()::text";
    connection.query_one(sql, &[]).await.unwrap().get(0)
}

/// The server reads its files before its sessions do.
async fn reloaded(connection: &Connection, before: &str) {
    while loaded(connection).await == before {
        tokio::task::yield_now().await;
    }
}

/// Sessions that stay open until the example was judged.
struct Sessions {
    admin: ConnectOptions,
    open: HashMap<String, Connection>,
}

impl Sessions {
    /// The session of that name; of the login of that name, whose password is its name, where
    /// there is one.
    async fn named(&mut self, name: &str) -> &Connection {
        if !self.open.contains_key(name) {
            let mut options = self.admin.clone();
            if let Some(main) = self.open.get(MAIN) {
                let sql = format!("select from pg_roles where rolname = '{name}' and rolcanlogin");
                if main.query_opt(&sql, &[]).await.unwrap().is_some() {
                    options = options.user(name).password(name);
                }
            }
            self.open.insert(name.to_owned(), connect(&options).await.unwrap());
        }
        &self.open[name]
    }

    /// Runs the example, each part in its session.
    async fn run(&mut self, example: &Example) {
        let mut parts = vec![(MAIN, String::new())];
        for line in example.sql.lines() {
            match line.strip_prefix("-- session: ") {
                Some(name) => parts.push((name.trim(), String::new())),
                None => parts.last_mut().unwrap().1.extend([line, "\n"]),
            }
        }
        for (name, sql) in parts {
            let connection = self.named(name).await;
            let before = loaded(connection).await;
            for statement in howdah_sql::split(&sql).0 {
                let done = connection.batch_execute(statement.text).await;
                done.unwrap_or_else(|error| panic!("{}: {error:?}", statement.text));
            }
            if sql.contains("pg_reload_conf") {
                reloaded(connection, &before).await;
            }
        }
    }

    async fn close(self) {
        for connection in self.open.into_values() {
            connection.close().await;
        }
    }
}

async fn try_on(
    home: &Scratch,
    shared: &Scratch,
    rule: &Rule,
    example: &Example,
    judge: impl Fn(&Report) -> Vec<String>,
) -> Vec<String> {
    let database = home.database().await.unwrap();
    let options = database.admin_options();
    if !example.alone {
        let admin = database.admin().await.unwrap();
        for (name, value) in settings(example) {
            let sql = "select format('alter database %I set %s = %L', current_database(), \
                       $1::text, $2::text)";
            let row = admin.query_one(sql, &[&name, &value]).await.unwrap();
            admin.batch_execute(row.get(0)).await.unwrap();
        }
        admin.close().await;
    }
    let mut sessions = Sessions { admin: options.clone(), open: HashMap::new() };
    sessions.run(example).await;
    let target = Target::Live(options.clone());
    let mut how = rig::options();
    if let Some(today) = example.today() {
        today.clone_into(&mut how.today);
    }
    let report = howdah_review::review_live_on(shared, &target, &how).await.unwrap();
    let mut wrong = judge(&report);
    for finding in report.findings.iter().filter(|f| f.rule.code == rule.code) {
        let Proof::Proved(reproducer) = &finding.proof else { continue };
        // What a rule reads of a server in use is shown there, what was tried is shown on a copy.
        let copied = || howdah_review::reproduce_on(shared, &report.facts, reproducer);
        if !is_shown(options, reproducer).await && !copied().await.unwrap() {
            wrong.push(format!("the reproducer does not show it:\n{}", reproducer.sql));
        }
    }
    // A prepared transaction would keep the database from being dropped.
    let sql = "select format('rollback prepared %L', gid) from pg_prepared_xacts \
               where database = current_database()";
    let admin = database.admin().await.unwrap();
    for row in admin.query(sql, &[]).await.unwrap() {
        admin.batch_execute(row.get(0)).await.unwrap();
    }
    admin.close().await;
    sessions.close().await;
    home.drop(database).await.unwrap();
    wrong
}

/// Whether the last query gives a row there.
async fn is_shown(options: &ConnectOptions, reproducer: &Reproducer) -> bool {
    let connection = connect(options).await.unwrap();
    let messages = connection.simple_query(&reproducer.sql).await;
    connection.close().await;
    messages.is_ok_and(|messages| {
        messages.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_)))
    })
}
