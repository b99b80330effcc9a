//! Who sees which rows: what `[tables.NAME]` may say, and what rollups take over.

use howdah_catalog::Catalog;
use howdah_system::System;

use crate::catalog;

fn database() -> Catalog {
    let mut db = catalog::empty();
    catalog::table(
        &mut db,
        "calls",
        "at timestamp with time zone!; id bigint!; seller uuid!; buyer uuid!; n integer",
        &["id, at"],
    );
    catalog::table(&mut db, "accounts", "id uuid!; parent uuid; me uuid", &["id"]);
    catalog::table(&mut db, "entries", "account text!; amount numeric", &[]);
    catalog::table(&mut db, "settings", "account_id uuid!; zone text", &["account_id"]);
    db
}

fn held(rest: &str) -> Result<System, String> {
    let text = format!(
        "[system]\nname = \"t\"\n[tenants]\ncolumn = \"account_id\"\n\
         [streams.calls]\ntime = \"at\"\nkey = [\"id\"]\n{rest}"
    );
    catalog::read(&text, &database())
}

fn told(rest: &str) -> String {
    held(rest).err().unwrap_or_default()
}

/// The conditions of a table, as SQL.
fn sights(system: &System, table: &str) -> Vec<String> {
    let visible = &system.tenants.as_ref().unwrap().visible;
    let found = visible.iter().find(|known| known.table.name.as_str() == table);
    found.unwrap().any_of.iter().map(|sight| sight.sql.clone()).collect()
}

const ROLLUPS: &str = "[rollups.by_seller]\nfrom = \"calls\"\nby = [\"seller\"]\n\
     every = [\"1 hour\", \"1 day\"]\nn = \"count(*)\"\n\
     [rollups.pairs]\nfrom = \"calls\"\nby = [\"buyer\", \"seller\"]\nn = \"count(*)\"\n";

#[test]
fn a_rollup_shows_a_row_to_those_who_see_all_of_its_events() {
    let owners = format!("[tables.calls]\nowners = [\"seller\", \"buyer\"]\n{ROLLUPS}");
    let system = held(&owners).unwrap();
    let seller = "\"seller\" = (select howdah.tenant()::uuid)";
    let buyer = "\"buyer\" = (select howdah.tenant()::uuid)";
    assert_eq!(sights(&system, "calls"), [seller, buyer]);
    assert_eq!(sights(&system, "by_seller_1h"), [seller]);
    assert_eq!(sights(&system, "by_seller_1d"), [seller]);
    assert_eq!(sights(&system, "pairs"), [seller, buyer]);

    let hidden = held(&format!("[tables.calls]\nvisible_to = \"false\"\n{ROLLUPS}")).unwrap();
    assert!(sights(&hidden, "calls").is_empty() && sights(&hidden, "pairs").is_empty());
}

#[test]
fn a_rollup_without_an_owner_in_its_key_must_say_who_sees_it() {
    let market = "[rollups.market]\nfrom = \"calls\"\nevery = [\"1 hour\"]\nn = \"count(*)\"\n";
    for declared in ["owners = [\"seller\"]", "visible_to = \"seller = me or buyer = me\""] {
        let told = told(&format!("[tables.calls]\n{declared}\n{market}"));
        assert!(told.contains("nobody can tell who may see \"market_1h\""), "{told}");
        assert!(told.contains("Add [tables.market] with visible_to"), "{told}");
        for more in ["[tables.market]\nvisible_to = \"false\"", "[tables.market_1h]\nowners = []"] {
            let both = format!("[tables.calls]\n{declared}\n{market}{more}");
            assert_eq!(held(&both).is_ok(), more.contains("false"), "{more}");
        }
    }
    // A condition over both owners holds for a rollup that has both in its key, and for no other.
    let both = "[tables.calls]\nvisible_to = \"seller = me or buyer = me\"\n";
    let told = told(&format!("{both}{ROLLUPS}"));
    assert!(told.contains("\"by_seller_1h\"") && !told.contains("\"pairs\""), "{told}");
}

#[test]
fn what_is_derived_from_states_follows_them() {
    let states = "[tables.calls]\nowners = [\"seller\", \"buyer\"]\n\
        [rollups.pairs]\nfrom = \"calls\"\nby = [\"buyer\", \"seller\"]\nn = \"count(*)\"\n\
        [rollups.sellers]\nof = [\"pairs\"]\nby = [\"seller\"]\ncalls = \"sum(pairs.n)\"\n";
    let system = held(states).unwrap();
    assert_eq!(sights(&system, "sellers"), ["\"seller\" = (select howdah.tenant()::uuid)"]);
    let all = "[rollups.alls]\nfrom = \"calls\"\nby = [\"n\"]\nm = \"count(*)\"\n\
        [rollups.counts]\nof = [\"pairs\"]\nby = [\"n\"]\ncalls = \"count(pairs)\"\n\
        [tables.alls]\nvisible_to = \"false\"\n";
    let told = told(&format!("{states}{all}"));
    assert!(told.contains("who may see \"counts\"") && !told.contains("\"alls\""), "{told}");
    let hidden = format!("{states}{all}[tables.counts]\nvisible_to = \"false\"\n");
    assert!(sights(&held(&hidden).unwrap(), "counts").is_empty());
}

#[test]
fn me_is_the_tenant_and_the_tenant_is_cast() {
    let system = held(
        "[tables.calls]\nvisible_to = \"n > 0 and (seller = me or Buyer = ME)\"\n\
         [tables.entries]\nowners = [\"account\"]\n[tables.settings]\nvisible_to = \"true\"",
    )
    .unwrap();
    assert_eq!(
        sights(&system, "calls"),
        ["n > 0 and (seller = (select howdah.tenant()::uuid) or Buyer = \
          (select howdah.tenant()::uuid))"]
    );
    assert_eq!(sights(&system, "entries"), ["\"account\" = (select howdah.tenant()::text)"]);
    assert_eq!(sights(&system, "settings"), ["true"]);
}

#[test]
fn mistakes_are_told_at_their_place() {
    for (rest, expected) in [
        (
            "[tables.calls]\nvisible_to = \"id in (select id from accounts)\"",
            "sub-queries cannot stand here\n  Hint: A policy that reads a table",
        ),
        (
            "[tables.calls]\nvisible_to = \"seller::text = current_setting('app.tenant')\"",
            "current_setting() gives something else each time",
        ),
        (
            "[tables.calls]\nvisible_to = \"selller = me\"",
            "has no column \"selller\"\n  Hint: Did you",
        ),
        (
            "[tables.calls]\nowners = [\"selller\"]",
            "9:11: table \"calls\" has no column \"selller\"",
        ),
        ("[tables.calls]\nowners = [\"seller\", \"seller\"]", "\"seller\" is named twice"),
        ("[tables.calls]\nowners = []", "\"owners\" names no column"),
        ("[tables.calls]\n", "[tables.calls] has no \"visible_to\""),
        ("[tables.calls]\nowners = [\"seller\"]\nvisible_to = \"true\"", "are both given"),
        ("[tables.accounts]\nvisible_to = \"id = me\"", "has a column \"me\""),
        ("[tables.cals]\nvisible_to = \"true\"", "table \"cals\" does not exist"),
    ] {
        let told = told(rest);
        assert!(told.contains(expected), "{rest}\n--- expected: {expected}\n--- told: {told}");
    }
}
