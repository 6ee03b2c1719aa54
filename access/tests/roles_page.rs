//! The documentation tells what the table says.

#[test]
fn the_page_of_roles_is_current() {
    let committed = include_str!("../../docs/roles.md");
    let current = access::permissions::page();
    assert!(
        committed == current,
        "docs/roles.md is stale: run `make gen`"
    );
}
