//! Events that cannot be stored, one way for each reason of the brief, §6.

use crate::expected::Broken;

/// What can be wrong with an event of a kind, in the order of the kinds.
pub(super) const BROKEN: [&[Broken]; 5] = [
    &[
        Broken::MissingKey,
        Broken::MissingTime,
        Broken::Malformed,
        Broken::BadAddress,
        Broken::BadBytes32,
        Broken::BadHex,
        Broken::UnknownSignature,
        Broken::ForeignAddress,
    ],
    &[
        Broken::MissingKey,
        Broken::MissingTime,
        Broken::Malformed,
        Broken::BadAddress,
        Broken::BadBytes32,
        Broken::BadHex,
        Broken::UnknownSignature,
        Broken::ForeignAddress,
    ],
    &STAKES,
    &STAKES,
    &[
        Broken::MissingKey,
        Broken::MissingTime,
        Broken::NegativeSize,
        Broken::Malformed,
        Broken::BadBytes32,
        Broken::BadHex,
        Broken::BadVaultType,
        Broken::UnknownSignature,
        Broken::ForeignAddress,
    ],
];

const STAKES: [Broken; 10] = [
    Broken::MissingKey,
    Broken::MissingTime,
    Broken::NegativeSize,
    Broken::Malformed,
    Broken::BadAddress,
    Broken::BadBytes32,
    Broken::BadHex,
    Broken::BadVaultType,
    Broken::UnknownSignature,
    Broken::ForeignAddress,
];

/// The element of a message, broken so.
pub(super) fn break_event(json: &str, broken: Broken) -> String {
    let (from, to) = match broken {
        Broken::MissingKey => ("\"termId\":", "\"termName\":"),
        Broken::MissingTime => ("\"block_timestamp\":\"", "\"block_time\":\""),
        Broken::NegativeSize => ("\"totalShares\":\"", "\"totalShares\":\"-"),
        Broken::BadAddress => ("\"creator\":\"0x", "\"creator\":\"0x12"),
        Broken::BadBytes32 => ("\"termId\":\"", "\"termId\":\"00"),
        Broken::BadHex => ("\"log_index\":\"0x", "\"log_index\":\"0xg"),
        Broken::BadVaultType => ("\"vaultType\":", "\"vaultType\":7"),
        Broken::ForeignAddress => ("\"address\":\"0x6e35cf57", "\"address\":\"0x6e35cf58"),
        _ => ("", ""),
    };
    let out = json.replacen(from, to, 1);
    if broken == Broken::BadAddress {
        return out.replacen("\"sender\":\"0x", "\"sender\":\"0x12", 1);
    }
    out
}

/// The whole message, broken so.
pub(super) fn break_message(json: &str, broken: Broken) -> String {
    match broken {
        Broken::UnknownSignature => {
            json.replacen("\"event_signature_hash\":\"0x", "\"event_signature_hash\":\"0x00", 1)
        }
        _ => json[..json.len() / 2].to_owned(),
    }
}
