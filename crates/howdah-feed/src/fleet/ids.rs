//! Ids of version 7 (RFC 9562): the millisecond in front, then what and which one it is.

/// What has ids.
#[derive(Debug, Clone, Copy)]
#[repr(u16)]
pub(super) enum Kind {
    Session = 1,
    File,
    TypeRun,
    AnomalyRun,
    RiskRun,
    Request,
    Login,
    Maintenance,
    Installation,
    Person,
    Trial,
}

/// The id of the thing number `index` of a kind, of this millisecond since 1970.
pub(super) fn id(kind: Kind, ms: i64, index: u64) -> String {
    let ms = ms as u64;
    format!(
        "{:08x}-{:04x}-7{:03x}-8{:03x}-{:012x}",
        (ms >> 16) as u32,
        ms & 0xffff,
        kind as u16,
        (index >> 48) & 0xfff,
        index & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_its_time_and_is_of_version_7() {
        let id = id(Kind::Session, 0x0198_c300_0001, 7);
        assert_eq!(id, "0198c300-0001-7001-8000-000000000007");
    }
}
