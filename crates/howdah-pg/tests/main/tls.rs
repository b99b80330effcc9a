//! Every `sslmode` against a server with a certificate of our own authority.

use std::path::{Path, PathBuf};

use howdah_error::{Code, Error};
use howdah_pg::server::{OsUser, hand_over};
use howdah_pg::{ConnectOptions, Connection, RootCert, SslMode, connect};
use howdah_testkit::{Cluster, ClusterOptions, TestFolder};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// An authority and a certificate that it signed for `localhost`; gives the authority's file.
fn make_certificates(dir: &Path) -> PathBuf {
    let ca_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let user = OsUser::for_servers().unwrap();
    let write = |name: &str, text: String, mode| {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        hand_over(&path, mode, user).unwrap();
        path
    };
    write("server.key", key.serialize_pem(), 0o600);
    write("server.crt", certificate.pem(), 0o644);
    // The superuser may come either way, members of "plain" only without TLS, all others by TLS.
    let hba = "hostssl all +plain 127.0.0.1/32 reject\n\
               hostnossl all +plain 127.0.0.1/32 scram-sha-256\n\
               hostssl all all 127.0.0.1/32 scram-sha-256\n\
               hostnossl all postgres 127.0.0.1/32 scram-sha-256\n";
    write("hba.conf", hba.to_owned(), 0o600);
    write("ca.pem", ca.pem(), 0o644)
}

async fn tls_cluster(dir: &Path) -> Cluster {
    let file = |name: &str| dir.join(name).to_string_lossy().into_owned();
    let extra_settings = [
        ("ssl", "on".to_owned()),
        ("ssl_cert_file", file("server.crt")),
        ("ssl_key_file", file("server.key")),
        ("hba_file", file("hba.conf")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    Cluster::start(ClusterOptions { extra_settings, ..ClusterOptions::default() }).await
}

async fn is_encrypted(connection: &Connection) -> bool {
    let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    connection.query_one(sql, &[]).await.unwrap().get(0)
}

fn code(result: Result<Connection, Error>) -> Option<Code> {
    result.expect_err("the connection is refused").get_code()
}

#[tokio::test]
async fn each_sslmode_means_what_libpq_says() {
    let folder = TestFolder::new();
    let ca = RootCert::File(make_certificates(folder.path()));
    let other = TestFolder::new();
    let other_ca = RootCert::File(make_certificates(other.path()));
    let cluster = tls_cluster(folder.path()).await;
    let database = cluster.database().await;
    let at = |host: &str, mode: SslMode| {
        let url = database.url().replace("127.0.0.1", host);
        ConnectOptions::from_url(&url).unwrap().ssl_mode(mode)
    };
    let (name, address) = ("localhost", "127.0.0.1");

    let full = at(name, SslMode::VerifyFull);
    let connection = connect(&full.clone().ssl_root_cert(ca.clone())).await.unwrap();
    assert!(is_encrypted(&connection).await);
    assert_eq!(code(connect(&full.ssl_root_cert(other_ca.clone())).await), Some(Code::TlsFailed));
    let wrong_name = at(address, SslMode::VerifyFull).ssl_root_cert(ca.clone());
    let error = connect(&wrong_name).await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::TlsFailed));
    assert!(error.get_hint().is_some_and(|hint| hint.contains("host name")), "{}", error.report());

    let chain = at(address, SslMode::VerifyCa);
    assert!(connect(&chain.clone().ssl_root_cert(ca.clone())).await.is_ok());
    let wrong_ca = chain.ssl_root_cert(other_ca.clone());
    assert_eq!(code(connect(&wrong_ca).await), Some(Code::TlsFailed));

    let require = at(address, SslMode::Require);
    assert!(is_encrypted(&connect(&require).await.unwrap()).await);
    let verified = require.ssl_root_cert(other_ca);
    assert_eq!(code(connect(&verified).await), Some(Code::TlsFailed), "as verify-ca");

    assert!(is_encrypted(&connect(&at(address, SslMode::Prefer)).await.unwrap()).await);
    database.admin().await.batch_execute("create role plain").await.unwrap();
    let url = database.login("ann", &["plain"]).await;
    let plain = ConnectOptions::from_url(&url).unwrap();
    let connection = connect(&plain).await.expect("prefer falls back as libpq does");
    assert!(!is_encrypted(&connection).await);
    let required = connect(&plain.ssl_mode(SslMode::Require)).await;
    assert_eq!(code(required), Some(Code::LoginRefused), "pg_hba.conf rejects TLS");

    let plain = connect(&at(address, SslMode::Disable)).await;
    assert_eq!(code(plain), Some(Code::LoginRefused), "pg_hba.conf wants TLS");
}

#[tokio::test]
async fn a_server_without_tls_is_told_apart() {
    let cluster = Cluster::shared().await;
    let database = cluster.database().await;
    let options = database.options();
    let error = connect(&options.clone().ssl_mode(SslMode::Require)).await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::TlsFailed));
    assert!(error.get_hint().is_some_and(|hint| hint.contains("ssl on")), "{}", error.report());
    assert!(!is_encrypted(&connect(options).await.unwrap()).await);

    let missing = RootCert::File("/no/such/ca.pem".into());
    let full = options.clone().ssl_mode(SslMode::VerifyFull).ssl_root_cert(missing);
    assert_eq!(code(connect(&full).await), Some(Code::TlsFailed));
    let empty = TestFolder::new();
    let file = empty.path().join("empty.pem");
    std::fs::write(&file, "").unwrap();
    let full = options.clone().ssl_mode(SslMode::VerifyFull).ssl_root_cert(RootCert::File(file));
    assert_eq!(code(connect(&full).await), Some(Code::TlsFailed));
}
