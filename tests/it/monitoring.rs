//! `scripts/monitoring` and `docs/metrics.md` against a real worker, scraped
//! by a real Prometheus.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::cluster::wait_until;
use crate::database::Database;
use crate::program::Program;
use crate::served::Served;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn promtool(arguments: &[&str]) {
    let output = Command::new("promtool")
        .args(arguments)
        .current_dir(shipped("scripts/monitoring"))
        .output()
        .expect("promtool; scripts/test installs it");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

#[test]
fn every_alert_fires_and_is_silent_while_all_is_well() {
    promtool(&["check", "rules", "alerts.yml"]);
    promtool(&["test", "rules", "alerts_test.yml"]);
    promtool(&["check", "config", "prometheus.yml"]);
    let names = |file: &str, key: &str| -> BTreeSet<String> {
        let text = std::fs::read_to_string(shipped(file)).unwrap();
        let after = text.split(key).skip(1);
        after
            .map(|rest| rest.split(['\n', ',']).next().unwrap().trim().to_owned())
            .collect()
    };
    let alerts = names("scripts/monitoring/alerts.yml", "- alert: ");
    let fired = names("scripts/monitoring/alerts_test.yml", "- alertname: ");
    assert_eq!(alerts.len(), 7);
    assert_eq!(fired, alerts, "alerts that the tests make fire");
}

/// Name and type of every metric of a scrape.
fn scraped(worker: &Served) -> BTreeMap<String, String> {
    let text = worker.get("/metrics").body;
    assert!(text.ends_with("# EOF\n"));
    text.lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect()
}

#[test]
fn the_page_of_metrics_is_complete() {
    let program = Program::on_sqlite();
    let worker = Served::start(&program, &[]);
    let page = std::fs::read_to_string(shipped("docs/metrics.md")).unwrap();
    let documented: BTreeMap<_, _> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|line| {
            let mut cells = line.split(" | ");
            let name = cells.next().unwrap().trim_end_matches('`');
            (name.to_owned(), cells.next().unwrap().to_owned())
        })
        .collect();
    assert_eq!(documented, scraped(&worker));
    // What the alerts go by exists.
    let alerts = std::fs::read_to_string(shipped("scripts/monitoring/alerts.yml")).unwrap();
    let used = alerts
        .lines()
        .filter(|line| line.contains("expr:"))
        .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .filter(|word| word.starts_with("vitalfold_"));
    for name in used {
        // A counter's samples have a suffix that its name has not.
        let name = name.strip_suffix("_total").unwrap_or(name);
        assert!(documented.contains_key(name), "{name}");
    }
}

/// A Prometheus of its own, with the shipped configuration but for the
/// worker's address and the interval.
struct Prometheus {
    child: Child,
    address: String,
    _dir: tempfile::TempDir,
}

impl Prometheus {
    fn scraping(worker: &Served) -> Prometheus {
        let dir = tempfile::tempdir().unwrap();
        let config = std::fs::read_to_string(shipped("scripts/monitoring/prometheus.yml")).unwrap();
        let rules = shipped("scripts/monitoring/alerts.yml");
        let config = config
            .replace("127.0.0.1:9477", &worker.address.to_string())
            .replace("15s", "1s")
            .replace("alerts.yml", rules.to_str().unwrap());
        std::fs::write(dir.path().join("prometheus.yml"), config).unwrap();
        let mut child = Command::new("prometheus")
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg("--web.listen-address=127.0.0.1:0")
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("prometheus; scripts/test installs it");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .filter(|line| line.contains("Listening on"))
            .find_map(|line| line.split_once("address=").map(|found| found.1.to_owned()))
            .expect("prometheus told no address");
        lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.contains("Server is ready"))
            .expect("prometheus did not get ready");
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Prometheus {
            child,
            address,
            _dir: dir,
        }
    }

    /// The series that an expression gives now.
    fn query(&self, expression: &str) -> Vec<Value> {
        let output = Command::new("promtool")
            .args(["query", "instant", "--format=json"])
            .arg(format!("http://{}", self.address))
            .arg(expression)
            .output()
            .unwrap();
        assert!(output.status.success(), "{expression}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn every_panel_of_the_dashboard_has_data() {
    let db = Database::postgres();
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    let worker = Served::start(&program, &[]);
    let prometheus = Prometheus::scraping(&worker);
    wait_until("the worker is scraped", || {
        !prometheus.query("up{job=\"vitalfold\"} == 1").is_empty()
    });
    db.execute(
        "insert into raw_vitals (user_id, metric, value, unit, started_at, source) \
         select g, 'heart_rate', 60, '/min', '2026-01-01 00:00:00Z', 'watch' \
         from generate_series(1, 20) g",
    );
    let text = std::fs::read_to_string(shipped("scripts/monitoring/grafana-dashboard.json"));
    let dashboard: Value = serde_json::from_str(&text.unwrap()).unwrap();
    let mut expressions = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            let filled = expression
                .replace("$__rate_interval", "1m")
                .replace("$job", "vitalfold");
            assert!(!filled.contains('$'), "{filled}");
            wait_until(expression, || !prometheus.query(&filled).is_empty());
            expressions += 1;
        }
    }
    assert!(expressions > 20, "{expressions}");
    wait_until("the rate of rows is seen", || {
        let rate = "sum(rate(vitalfold_rows_total{outcome=\"completed\"}[1m])) > 0";
        !prometheus.query(rate).is_empty()
    });
    wait_until("the rules are evaluated and nothing fires", || {
        prometheus.query("ALERTS").is_empty()
    });
}
