//! `[reorganisations.NAME]`.

use super::reader::{At, Section};
use super::stream::report_twice;

/// `[reorganisations.NAME]`.
#[derive(Debug, Clone)]
pub(crate) struct ReorganisationSection {
    pub(crate) name: At<String>,
    pub(crate) streams: Vec<At<String>>,
    pub(crate) scope: Vec<At<String>>,
    pub(crate) block: Option<At<String>>,
    pub(crate) hash: Option<At<String>>,
    pub(crate) depth: u32,
    pub(crate) once: Vec<At<String>>,
    pub(crate) marker: Option<MarkerSection>,
}

/// `marker = { stream, fork }`.
#[derive(Debug, Clone)]
pub(crate) struct MarkerSection {
    pub(crate) stream: Option<At<String>>,
    pub(crate) fork: Option<At<String>>,
}

/// Blocks this deep are final on the chains that howdah has met.
const DEPTH: u32 = 64;

pub(super) fn read(top: &Section<'_>) -> Vec<ReorganisationSection> {
    top.named_sections("reorganisations")
        .into_iter()
        .map(|(name, section)| read_one(name, section))
        .collect()
}

fn read_one(name: At<String>, section: Section<'_>) -> ReorganisationSection {
    let plain = name.value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !plain || name.value.is_empty() || name.value.len() > 40 {
        section.report(
            name.problem(format!("\"{}\" cannot name a reorganisation", name.value))
                .hint("A name has letters, digits and \"_\", at most 40."),
        );
    }
    if !section.has("streams") {
        section.missing("streams", "streams = [\"deposits\"]");
    }
    let streams = section.strings("streams").unwrap_or_default();
    let scope = section.strings("scope").unwrap_or_default();
    let once = section.strings("once").unwrap_or_default();
    for list in [&streams, &scope, &once] {
        report_twice(&section, list);
    }
    let block = section.required("block", "block = \"block_number\"");
    let hash = section.required("hash", "hash = \"block_hash\"");
    let depth = section.integer("depth", 1, 1_000_000).map_or_else(
        || {
            section.by_default("depth", DEPTH.to_string());
            DEPTH
        },
        |depth| depth.value as u32,
    );
    let marker = section.section("marker").map(|marker| {
        let found = MarkerSection {
            stream: marker.required("stream", "stream = \"reorgs\""),
            fork: marker.required("fork", "fork = \"fork_block\""),
        };
        marker.finish();
        found
    });
    section.finish();
    ReorganisationSection { name, streams, scope, block, hash, depth, once, marker }
}
