//! What a login may do, as the catalog says.

use howdah_pg::{ConnectOptions, Rights, check_rights, connect};
use howdah_testkit::Cluster;

#[tokio::test]
async fn the_plain_owner_has_all_that_howdah_needs() {
    let database = Cluster::shared().await.database().await;
    let owner = database.connect().await;
    let findings = check_rights(&owner).await.unwrap();
    assert!(findings.iter().all(|finding| finding.ok), "{findings:?}");
}

#[tokio::test]
async fn what_is_missing_comes_with_its_statement() {
    let database = Cluster::shared().await.database().await;
    let url = database.login("guest", &[]).await;
    let guest = connect(&ConnectOptions::from_url(&url).unwrap()).await.unwrap();
    let rights = Rights::read(&guest).await.unwrap();
    assert!(!rights.create_schema && !rights.owns_database && !rights.create_role);
    let admin = database.admin().await;
    for finding in rights.findings().into_iter().filter(|finding| !finding.ok) {
        let fix = finding.hint.expect("a remedy");
        admin.batch_execute(&fix).await.unwrap_or_else(|error| panic!("{fix}: {error:?}"));
    }
    assert!(check_rights(&guest).await.unwrap().iter().all(|finding| finding.ok));

    let superuser = check_rights(&admin).await.unwrap();
    assert_eq!(superuser.iter().filter(|finding| !finding.ok).count(), 1, "{superuser:?}");
}
