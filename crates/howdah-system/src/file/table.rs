//! `[tables.NAME]`: whose rows are whose where the tenant column does not say it.

use howdah_sql::expression::{ExpressionText, parse_predicate};

use super::reader::{At, Section};
use super::rollup::read_text;
use super::stream::report_twice;

/// `[tables.NAME]`.
#[derive(Debug, Clone)]
pub(crate) struct TableSection {
    pub(crate) name: At<String>,
    pub(crate) sight: Option<SightSection>,
}

/// Who sees a row.
#[derive(Debug, Clone)]
pub(crate) enum SightSection {
    /// `visible_to = "seller_id = me"`.
    Predicate(At<ExpressionText>),
    /// `owners = ["seller_id", "buyer_id"]`.
    Owners(Vec<At<String>>),
}

pub(super) fn read(top: &Section<'_>) -> Vec<TableSection> {
    top.named_sections("tables")
        .into_iter()
        .map(|(name, section)| read_one(name, section))
        .collect()
}

fn read_one(name: At<String>, section: Section<'_>) -> TableSection {
    let both = section.has("visible_to") && section.has("owners");
    let predicate = read_text(&section, "visible_to", parse_predicate);
    let owners = section.strings("owners");
    if let Some(owners) = &owners {
        report_twice(&section, owners);
        if owners.is_empty() {
            let place = section.place_of("owners");
            section.report(
                place
                    .problem("\"owners\" names no column")
                    .hint("Write visible_to = \"false\" for rows that no tenant may see."),
            );
        }
    }
    if both {
        let place = section.place_of("owners");
        section.report(place.problem("\"visible_to\" and \"owners\" are both given"));
    } else if !section.has("visible_to") && !section.has("owners") {
        section.missing("visible_to", "visible_to = \"owner_id = me\"");
    }
    section.finish();
    let sight = predicate.map(SightSection::Predicate).or(owners.map(SightSection::Owners));
    TableSection { name, sight }
}
