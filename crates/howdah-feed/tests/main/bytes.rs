//! The same options give the same bytes, on every machine and in every version.

use howdah_feed::{Options, entities_sql};

use crate::{options, trading};

/// FNV-1a, 64 bits: enough to notice a change, and written in four lines.
fn fingerprint(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn feed_fingerprint(options: &Options) -> u64 {
    fingerprint(trading(options).flat_map(|event| {
        let line = format!("{} {}\n", event.stream, event.json);
        line.into_bytes()
    }))
}

#[test]
fn the_feed_is_the_same_as_ever() {
    assert_eq!(
        feed_fingerprint(&options(20_000)),
        0x7208_5205_4c97_c454,
        "changed on purpose? then change this too"
    );
}

#[test]
fn the_entities_are_the_same_as_ever() {
    let sql = entities_sql("trading", &options(20_000)).unwrap();
    assert_eq!(
        fingerprint(sql.bytes()),
        0x88e7_ac01_a211_c547,
        "changed on purpose? then change this too"
    );
}

#[test]
fn another_seed_gives_another_feed_of_the_same_size() {
    let other = Options { seed: 8, ..options(5_000) };
    assert_ne!(feed_fingerprint(&options(5_000)), feed_fingerprint(&other));
    assert_eq!(trading(&options(5_000)).count(), trading(&other).count());
}
