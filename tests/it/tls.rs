//! TLS to a server whose certificate comes from a private CA.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::cluster::{Cluster, owner, wait_until};
use crate::program::Program;

/// Writes `ca.pem`, `server.pem` and `server.key` for `localhost`.
pub(crate) fn certificates(dir: &Path) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(vec![]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".into()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    std::fs::write(dir.join("ca.pem"), ca_certificate.pem()).unwrap();
    std::fs::write(dir.join("server.pem"), certificate.pem()).unwrap();
    std::fs::write(dir.join("server.key"), key.serialize_pem()).unwrap();
    let mode = |name: &str, mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(dir.join(name), permissions).unwrap();
    };
    mode("server.key", 0o600);
    mode("", 0o755);
    if let Some(user) = owner() {
        let key = dir.join("server.key");
        assert!(
            Command::new("chown")
                .arg(user)
                .arg(key)
                .status()
                .unwrap()
                .success()
        );
    }
}

#[test]
fn the_server_is_checked_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let option = |name: &str, file: &str| format!("{name}={}", dir.path().join(file).display());
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let cluster = Cluster::start_on(
        port,
        &[
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "ssl=on",
            "-c",
            &option("ssl_cert_file", "server.pem"),
            "-c",
            &option("ssl_key_file", "server.key"),
        ],
    );
    cluster.psql("postgres", "create database d");
    let run = |host: &str, query: &str| {
        Program::on(&format!("postgres://postgres@{host}:{port}/d?{query}")).run(&["migrate"])
    };
    let ca = format!("sslrootcert={}", dir.path().join("ca.pem").display());

    for query in ["sslmode=require", &format!("sslmode=verify-full&{ca}")] {
        let ran = run("localhost", query);
        assert_eq!(ran.code, Some(0), "{query}: {ran:?}");
    }
    for (host, query, reason) in [
        (
            "localhost",
            "sslmode=verify-full".to_owned(),
            "UnknownIssuer",
        ),
        (
            "127.0.0.1",
            format!("sslmode=verify-full&{ca}"),
            "not valid for name",
        ),
        (
            "localhost",
            "sslmode=verify-full&sslrootcert=/no.pem".into(),
            "sslrootcert /no.pem",
        ),
    ] {
        let ran = run(host, &query);
        assert_eq!(ran.code, Some(2), "{query}: {ran:?}");
        // A machine without CAs cannot even ask.
        let told = [reason, "no CA certificate"]
            .iter()
            .any(|text| ran.stderr.contains(text));
        assert!(told, "{query}: {}", ran.stderr);
    }
    // A server that wants TLS gets it by default, and refuses to do without.
    cluster.psql("postgres", "create role app login");
    let only_tls = "local all all trust\nhostssl all all all trust\n";
    cluster.write_hba(only_tls);
    wait_until("the rules are in force", || {
        let ran = run("localhost", "sslmode=disable");
        ran.stderr.contains("no pg_hba.conf entry")
    });
    assert_eq!(run("localhost", "").code, Some(0));
}
