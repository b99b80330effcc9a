//! Folders of each tool, put in order.

use super::*;

fn ordered(files: &[(&str, &str)]) -> Vec<String> {
    let files = files
        .iter()
        .map(|(path, text)| RawFile { path: (*path).to_owned(), text: (*text).to_owned() });
    order(files.collect()).into_iter().map(|file| file.path).collect()
}

#[test]
fn files_come_in_the_order_of_their_tool() {
    assert_eq!(
        ordered(&[("10_b.sql", ""), ("2_a.sql", ""), ("2_a.down.sql", "")]),
        ["2_a.sql", "10_b.sql"]
    );
    assert_eq!(
        ordered(&[("V10__b.sql", ""), ("V2__a.sql", ""), ("R__v.sql", ""), ("U2__a.sql", "")]),
        ["V2__a.sql", "V10__b.sql", "R__v.sql"]
    );
    assert_eq!(
        ordered(&[("2_b/up.sql", ""), ("1_a/up.sql", ""), ("1_a/down.sql", "")]),
        ["1_a/up.sql", "2_b/up.sql"]
    );
    let journal = r#"{"entries": [{"idx": 1, "tag": "a"}, {"idx": 0, "tag": "b"}]}"#;
    assert_eq!(
        ordered(&[("a.sql", ""), ("b.sql", ""), ("meta/_journal.json", journal)]),
        ["b.sql", "a.sql"]
    );
}

#[test]
fn what_undoes_is_set_apart_and_places_stay() {
    let text = "-- +goose Up\ncreate table a ();\n-- +goose Down\ndrop table a;\n";
    let files = order(vec![RawFile { path: "1_a.sql".into(), text: text.into() }]);
    assert!(files[0].transactional);
    let statements = statements(&files);
    assert_eq!(statements.len(), 1);
    assert_eq!(&text[statements[0].span.clone()], "create table a ()");
    assert_eq!(statements[0].position.line, 2);
    assert_eq!(files[0].down.clone().map(|down| &text[down]), Some("drop table a;\n"));
}
