//! The installation as such: both ways, indexes, units, optimistic locks, secrets.

use super::vectors::text;
use super::world::{aircraft, hangar, session};
use crate::systems;

/// R36, R37: up, down, up again; a second time changes nothing.
#[tokio::test]
async fn r36_migrations_lead_up_down_and_up_again() {
    systems::leads_up_down_and_up_again("fleet").await;
}

/// R3: a foreign key that is looked for has an index, and none is the beginning of another.
/// R43: no ranges of blocks over random ids.
#[tokio::test]
async fn r3_r43_indexes_are_as_many_as_are_needed() {
    let engine = hangar().await;
    let missing = "select conrelid::regclass || ' ' || conname from pg_constraint c \
         where contype = 'f' and connamespace = 'public'::regnamespace and conparentid = 0 \
         and not exists (select from pg_index i where i.indrelid = c.conrelid \
         and (i.indkey::int2[])[0:least(cardinality(c.conkey), 2) - 1] \
             <@ c.conkey and (i.indkey::int2[])[0] = any (c.conkey))";
    assert_eq!(engine.texts(missing).await, Vec::<String>::new());
    let prefixes = "select a.indexrelid::regclass || ' of ' || b.indexrelid::regclass \
         from pg_index a join pg_index b on a.indrelid = b.indrelid \
         and a.indexrelid <> b.indexrelid and not a.indisunique \
         and a.indpred is null and a.indexprs is null and not a.indisexclusion \
         and (b.indkey::text || ' ') like (a.indkey::text || ' %') \
         join pg_class c on c.oid = a.indrelid join pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = 'public'";
    assert_eq!(engine.texts(prefixes).await, Vec::<String>::new());
    let brin = "select c.relname::text from pg_class c join pg_am a on a.oid = c.relam \
                join pg_attribute t on t.attrelid = c.oid \
                where a.amname = 'brin' and t.atttypid in ('uuid'::regtype, 'text'::regtype)";
    assert_eq!(engine.texts(brin).await, Vec::<String>::new());
}

/// R42: every channel says its unit; arrays are one-dimensional and no longer than an aircraft may
/// have motors.
#[tokio::test]
async fn r42_units_are_declared_for_every_channel() {
    let engine = hangar().await;
    let silent = "select attrelid::regclass || '.' || attname from pg_attribute a \
         join pg_class c on c.oid = attrelid \
         where c.relname in ('telemetry', 'position_report', 'exceedance', 'envelope', \
                             'envelope_default') \
         and c.relnamespace = 'public'::regnamespace and attnum > 0 and not attisdropped \
         and atttypid in ('real'::regtype, 'real[]'::regtype, 'numeric'::regtype) \
         and col_description(attrelid, attnum) is null";
    assert_eq!(engine.texts(silent).await, Vec::<String>::new());
    aircraft(&engine, "one", "A-1", "multirotor", 4).await;
    let id = session(&engine, "one", "A-1", 0).await;
    let nine = "{1,2,3,4,5,6,7,8,9}";
    let message = serde_json::json!({"org": "one", "session": id, "aircraft": "A-1", "seq": 0,
        "ts": super::world::at(1), "motor_rpm": nine});
    let told = crate::calls::world::Feeds::new(&engine).send("telemetry", &[message]).await;
    assert_eq!(told, (0, 0, 1));
}

/// R10: of many editors at once each change is kept or reported, and none is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r10_fifty_editors_lose_no_change() {
    let engine = hangar().await;
    aircraft(&engine, "one", "A-1", "multirotor", 4).await;
    let read = "select row_version, length(call_sign) from aircraft";
    let mut editors = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let client = engine.db.connect().await;
        editors.spawn(async move {
            let (mut kept, mut conflicts) = (0, 0);
            while kept < 5 {
                let row = client.query_one(read, &[]).await.unwrap();
                let next = row.get::<_, i32>(0) + 1;
                let write = "update aircraft set call_sign = call_sign || 'x', row_version = $1";
                match client.execute(write, &[&next]).await {
                    Ok(_) => kept += 1,
                    Err(error) => {
                        assert_eq!(error.code().unwrap().code(), "40001", "{error:?}");
                        conflicts += 1;
                    }
                }
            }
            (kept, conflicts)
        });
    }
    let all = editors.join_all().await;
    assert_eq!(all.iter().map(|(kept, _)| kept).sum::<i32>(), 50);
    assert_eq!(
        text(&engine, "select row_version || ' ' || length(call_sign) from aircraft").await,
        "50 50"
    );
}

/// R14: a password is kept memory-hard or not at all; a key is 32 bytes of a hash; nobody is there
/// from the start.
#[tokio::test]
async fn r14_secrets_are_hashed_as_they_should_and_nobody_is_there_from_the_start() {
    let engine = hangar().await;
    assert_eq!(engine.one::<i64>("select count(*) from app_user").await, 0);
    assert_eq!(engine.one::<i64>("select count(*) from api_key").await, 0);
    aircraft(&engine, "one", "A-1", "multirotor", 4).await;
    engine
        .run(
            "insert into app_user (org_id, user_id, email, role, pseudonym) \
              values ('one', 'u', 'a@b.example', 'admin', 'p-1'); \
              insert into api_key (org_id, key_id, key_prefix) values ('one', 'k', 'abcd')",
        )
        .await;
    let hash = |hash: &str| {
        format!(
            "insert into app_user_secret (org_id, user_id, password_hash) \
             values ('one', 'u', {hash})"
        )
    };
    for weak in ["'admin123'", "encode(sha256('admin123'), 'hex')", "'$2b$12$abc'"] {
        let refused = engine.client.batch_execute(&hash(weak)).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "23514", "{weak}");
    }
    engine.run(&hash("'$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA'")).await;
    let key = "insert into api_key_secret (org_id, key_id, key_hash) values ('one', 'k', 'short')";
    assert!(engine.client.batch_execute(key).await.is_err());
}
