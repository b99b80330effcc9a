//! Applying: what each step promises, and that it may be killed anywhere.

use howdah_error::Code;
use howdah_plan::{Action, Plan};
use howdah_upkeep::apply::{Event, apply};
use tokio::sync::watch;

use crate::engine::{Engine, fine};
use crate::systems;

/// The trading system's migrations, with rows in its streams when `full`.
pub fn trading(full: bool) -> String {
    let mut sql = systems::migrations("trading");
    if full {
        sql.push_str(
            "insert into trades (exchange, symbol, trade_id, executed_at, price, quantity, side) \
             select 'x', 's' || n % 3, n, now() - n * interval '7 minutes', 1 + n % 5, n, \
             case when n % 2 = 0 then 'buy' else 'sell' end::side from generate_series(1, 500) n;",
        );
    }
    sql
}

/// The trading system's file under the name of the database.
pub fn trading_system() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../systems/trading/howdah.toml");
    std::fs::read_to_string(path).unwrap().replace("name = \"trading\"", "name = \"{db}\"")
}

async fn done(engine: &Engine, check: &str) -> bool {
    match engine.client.query_one(check, &[]).await {
        Ok(row) => row.get::<_, Option<bool>>(0).unwrap_or(false),
        Err(_) => false,
    }
}

#[tokio::test]
async fn trading_applies_as_a_plain_owner_and_a_second_plan_is_empty() {
    for full in [false, true] {
        let engine = Engine::new(&trading(full), &trading_system()).await;
        let (system, plan) = engine.plan().await;
        assert!(plan.notes.is_empty(), "{:?}", plan.notes);
        for step in &plan.steps {
            let rebuild = matches!(step.action, Action::Rebuild { .. });
            assert!(!done(&engine, &step.check).await, "{} is done before it ran", step.id);
            let one = Plan { steps: vec![step.clone()], notes: Vec::new() };
            fine(apply(&engine.client, &system, &one, &[], |_| {}).await);
            assert!(done(&engine, &step.check).await, "{}", step.id);
            assert!(rebuild || !step.sql.is_empty());
        }
        engine.assert_settled().await;
        engine.assert_proved().await;
        let rows: i64 = engine.one("select coalesce(sum(trades), 0)::bigint from candles_1d").await;
        assert_eq!(rows, if full { 500 } else { 0 });
    }
}

#[tokio::test]
async fn a_plan_that_stops_after_any_step_is_finished_by_the_next() {
    let engine = Engine::new(&trading(true), &trading_system()).await;
    let mut rounds = 0;
    loop {
        let (system, mut plan) = engine.plan().await;
        plan.steps.truncate(1);
        let Some(step) = plan.steps.first() else { break };
        fine(apply(&engine.client, &system, &plan, &[], |_| {}).await);
        let id = step.id.clone();
        let (_, next) = engine.plan().await;
        assert!(next.steps.iter().all(|step| step.id != id), "{id} is planned again");
        rounds += 1;
        assert!(rounds < 200, "the plan does not get shorter");
    }
    engine.assert_proved().await;
}

#[tokio::test]
async fn apply_goes_on_after_its_connection_was_killed_within_any_step() {
    let engine = Engine::new(&trading(true), &trading_system()).await;
    let admin = engine.db.admin().await;
    let mut killed = 0;
    for round in 0.. {
        let (system, plan) = engine.plan().await;
        if plan.steps.is_empty() {
            break;
        }
        assert!(round < 200, "the plan does not get shorter");
        let worker = engine.db.connect().await;
        let pid: i32 = worker.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
        let (tell, mut begun) = watch::channel(0);
        let apply = apply(&worker, &system, &plan, &[], |event| {
            if let Event::Begin(_, number, _) = event {
                tell.send_replace(number);
            }
        });
        // The second step is struck, so that each round gets on by at least one.
        let strike = async {
            if begun.wait_for(|number| *number >= 2).await.is_ok() {
                // Later strikes in later rounds: somewhere else within the step.
                for _ in 0..round % 7 {
                    tokio::task::yield_now().await;
                }
                admin.query("select pg_terminate_backend($1)", &[&pid]).await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            result = apply => killed += usize::from(result.is_err()),
            () = strike => {}
        }
    }
    assert!(killed > 5, "only {killed} applies were struck");
    engine.assert_settled().await;
    engine.assert_proved().await;
}

#[tokio::test]
async fn undo_in_reverse_leads_back_to_the_first_plan() {
    let sql = "create table events (id bigint not null, at timestamptz not null, n int, \
               tenant_id uuid not null) partition by range (at);\
               create table wide partition of events \
               for values from ('2020-01-01') to ('2021-01-01');\
               grant select on wide to public;";
    let system = "[system]\nname = \"{db}\"\n[tenants]\ncolumn = \"tenant_id\"\n\
                  [streams.events]\ntime = \"at\"\nkey = [\"id\"]\n\
                  [rollups.sums]\nfrom = \"events\"\nevery = [\"1 day\"]\nsum = \"sum(n)\"\n";
    let engine = Engine::new(sql, system).await;
    let (system, plan) = engine.plan().await;
    fine(apply(&engine.client, &system, &plan, &[], |_| {}).await);
    engine.assert_settled().await;
    for step in plan.steps.iter().rev() {
        let undo = step.undo.as_ref().unwrap_or_else(|| panic!("{} has no undo", step.id));
        for statement in undo {
            engine.run(statement).await;
        }
        assert!(!done(&engine, &step.check).await, "{} is not undone", step.id);
    }
    let (_, again) = engine.plan().await;
    assert_eq!(again, plan);
}

#[tokio::test]
async fn a_step_that_loses_data_runs_only_when_allowed_by_name() {
    let mut engine = Engine::applied(
        "create table events (id bigint not null, at timestamptz not null, n int)",
        "[system]\nname = \"{db}\"\n[streams.events]\ntime = \"at\"\nkey = [\"id\"]\n\
         [rollups.sums]\nfrom = \"events\"\nevery = [\"1 day\"]\nsum = \"sum(n)\"\n",
    )
    .await;
    let cut = engine.text.find("[rollups").unwrap();
    engine.text.truncate(cut);
    let error = engine.try_apply(&[]).await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::WouldLoseData));
    assert!(engine.one::<bool>("select to_regclass('sums_1d') is not null").await);
    engine.apply_allowing(&["retire sums_1d"]).await;
    assert!(engine.one::<bool>("select to_regclass('sums_1d') is null").await);
}

#[tokio::test]
async fn a_login_that_may_not_create_roles_is_told_and_served() {
    let engine = Engine::new(
        "create table events (id bigint not null, at timestamptz not null, \
         tenant_id uuid not null)",
        "[system]\nname = \"{db}\"\n[tenants]\ncolumn = \"tenant_id\"\n\
         [streams.events]\ntime = \"at\"\nkey = [\"id\"]\n",
    )
    .await;
    let admin = engine.db.admin().await;
    let name = engine.db.name().to_owned();
    admin.batch_execute(&format!("alter role {name} nocreaterole")).await.unwrap();
    let (_, plan) = engine.plan().await;
    assert_eq!(plan.notes.len(), 3, "{:?}", plan.notes);
    assert!(plan.notes.iter().all(|note| note.hint.is_some()));
    engine.apply().await;
    // Once an administrator has made them, the next apply grants to them.
    let (_, system) = engine.model().await;
    for role in [&system.roles.reader, &system.roles.writer, &system.roles.auditor] {
        admin.batch_execute(&format!("create role {role}")).await.unwrap();
    }
    engine.apply().await;
    let reader = system.roles.reader.as_str();
    let may = format!("select has_table_privilege('{reader}', 'events', 'select')");
    assert!(engine.one::<bool>(&may).await);
}

#[tokio::test]
async fn a_table_made_for_a_state_is_adopted_by_one_apply() {
    let migration = "create table postings (id bigint not null, at timestamptz not null, \
         account text not null, amount numeric not null); \
         create table balances (account text primary key, credit numeric not null, \
         balance numeric); \
         insert into balances values ('a', 10, 99);";
    let system = r#"
[system]
name = "{db}"
[streams.postings]
time = "at"
key = ["id"]
[rollups.balances]
from = "postings"
by = ["account"]
balance = "sum(amount)"
check = "balance >= -credit"
"#;
    let engine = Engine::new(migration, system).await;
    engine.apply().await;
    engine.assert_proved().await;
    let credit: String =
        engine.one("select credit || ' ' || (balance is null) from balances").await;
    assert_eq!(credit, "10 true", "its own columns stay, what howdah keeps is computed");
}
