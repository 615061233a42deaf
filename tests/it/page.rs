//! The page, in a real browser, on a real worker.

use crate::browser::Browser;
use crate::cluster::{Cluster, wait_until};
use crate::database::Database;
use crate::program::Program;
use crate::served::{Served, TOKEN};

/// What a reader of the page needs to be without.
const SIDEWAYS: &str = "document.documentElement.scrollWidth > innerWidth";

fn open(worker: &Served) -> Browser {
    let mut browser = Browser::open(&format!("http://{}/", worker.address));
    browser.wait_for("document.body.dataset.ready");
    browser.wait_for("document.querySelectorAll('.domain').length === 3");
    browser
}

#[test]
fn an_empty_database_makes_a_calm_page() {
    let program = Program::on_sqlite();
    let worker = Served::start(&program, &[]);
    let mut browser = open(&worker);
    assert_eq!(browser.text("#state"), "up to date");
    assert!(browser.text(".domain.vitals .big").starts_with("0"));
    assert_eq!(browser.text("#failed"), "None.");
    assert_eq!(browser.text("#batches"), "No batch yet.");
    assert!(
        browser
            .text("#footer")
            .contains("read only: set http.token")
    );
    assert_eq!(
        browser.eval("document.querySelector('#banner').hidden"),
        true
    );
    browser.pictures("empty");
    browser.go(&format!("http://{}/#person", worker.address));
    browser.wait_for_text("#series-charts", "Nobody has aggregates yet.");
    // Nothing comes from another host, and no other host may be asked.
    let hosts =
        "new Set(performance.getEntriesByType('resource').map((e) => new URL(e.name).host)).size";
    assert_eq!(browser.eval(hosts), 1);
    let outside = "fetch('https://example.org/').then(() => 'asked', () => 'refused')";
    assert_eq!(browser.eval(outside), "refused");
}

#[test]
fn one_and_a_hundred_thousand_pending_rows() {
    let db = Database::postgres();
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    program.ok(&["pause"]);
    let rows = |from: u32, to: u32| {
        db.execute(&format!(
            "insert into raw_vitals (user_id, metric, value, unit, started_at, source) \
             select 1 + g % 500, 'heart_rate', 60 + g % 40, '/min', \
               timestamptz '2026-01-01 00:00:00Z' + make_interval(secs => g * 7), 'watch' \
             from generate_series({from}, {to}) g"
        ));
    };
    rows(1, 1);
    let worker = Served::start(&program, &[("HTTP__TOKEN", TOKEN)]);
    let mut browser = open(&worker);
    browser.wait_for_text(".domain.vitals .big", "1 row pending");
    assert_eq!(browser.text("#state"), "paused");
    assert!(browser.text("#banner").starts_with("Paused:"));
    browser.pictures("one");
    rows(2, 100_000);
    browser.wait_for_text(".domain.vitals .big", "100,000 rows pending");
    browser.pictures("many");

    // Resumed with the keyboard alone, by someone who has the token.
    assert_eq!(
        browser.eval("document.querySelector('#pause').disabled"),
        true
    );
    browser.eval("document.querySelector('#unlock').focus()");
    browser.key("Enter");
    browser.wait_for("document.querySelector('#token-dialog').open");
    browser.eval(&format!(
        "document.querySelector('#token').value = '{TOKEN}'"
    ));
    browser.key("Enter");
    browser.wait_for("!document.querySelector('#pause').disabled");
    browser.eval("document.querySelector('#pause').focus()");
    browser.key("Enter");
    wait_until("it is resumed", || {
        db.value("(select paused from worker_control)") == "false"
    });
    browser.wait_for("document.querySelectorAll('#batches tbody tr').length === 20");
    browser.wait_for("document.querySelectorAll('#rate .bar').length > 0");
    assert_eq!(browser.text("#pause"), "Pause");
    browser.pictures("folding");
    assert_eq!(worker.stop(), Some(0));
    browser.wait_for_text("#banner", "The worker does not answer");
    assert_eq!(
        browser.eval("document.body.classList.contains('stale')"),
        true
    );
}

#[test]
fn while_the_database_is_away_the_last_figures_stay() {
    let cluster = Cluster::start(&[]);
    let program = Program::on(&cluster.database());
    program.ok(&["migrate"]);
    let worker = Served::start(&program, &[]);
    let mut browser = open(&worker);
    cluster.stop();
    browser.wait_for_text("#banner", "The database does not answer");
    assert_eq!(browser.text("#state"), "database away");
    assert!(
        browser.text(".domain.vitals .big").starts_with("0"),
        "what it knew"
    );
    browser.pictures("away");
    cluster.boot();
    browser.wait_for("document.querySelector('#banner').hidden");
    assert_eq!(browser.text("#state"), "up to date");
    assert_eq!(
        browser.eval("document.body.classList.contains('stale')"),
        false
    );
}

#[test]
fn failed_groups_are_shown_retried_and_discarded() {
    let db = Database::postgres();
    let program = Program::on(db.url());
    program.ok(&["migrate"]);
    // The second user's group is waiting; a number that JavaScript would round.
    db.execute(
        "insert into failed_groups (user_id, domain, local_date, state, attempts, error, \
           error_class, next_attempt_at, rows, since) \
         values (1, 'vitals', '2026-01-01', 'dead', 5, 'fold group: <b>no</b> such thing', 'data', now(), 1, now()), \
           (9007199254740993, 'labs', '2026-01-02', 'waiting', 2, 'fold group: later', 'data', \
             now() + '1 hour', 1, now())",
    );
    let worker = Served::start(&program, &[("HTTP__TOKEN", TOKEN)]);
    let mut browser = open(&worker);
    browser.wait_for_text("#failed", "enter the token to see them");
    browser.eval(&format!("sessionStorage.setItem('token', '{TOKEN}')"));
    browser.wait_for("document.querySelectorAll('#failed tbody tr').length === 2");
    let text = browser.text("#failed");
    for part in [
        "dead",
        "vitals, user 1, 2026-01-01",
        "<b>no</b> such thing",
        "waiting",
        "9007199254740993",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    browser.pictures("failed");
    let press = |browser: &mut Browser, label: &str| {
        browser.eval(&format!(
            "document.querySelector('[aria-label=\"{label}\"]').focus()"
        ));
        browser.key("Enter");
    };
    press(
        &mut browser,
        "Retry labs of user 9007199254740993 on 2026-01-02",
    );
    wait_until("the group was retried", || {
        db.value("(select count(*) from failed_groups where domain = 'labs')") == "0"
    });
    press(&mut browser, "Discard vitals of user 1 on 2026-01-01");
    browser.wait_for("document.querySelector('#confirm-dialog').open");
    assert_eq!(
        db.value("(select count(*) from failed_groups)"),
        "1",
        "not before it is confirmed"
    );
    browser.eval("document.querySelector('#confirm-dialog .danger').focus()");
    browser.key("Enter");
    wait_until("the group was discarded", || {
        db.value("(select count(*) from failed_groups)") == "0"
    });
    browser.wait_for_text("#failed", "None.");
}

#[test]
fn a_person_is_shown_series_by_series() {
    let program = Program::on_sqlite();
    program.ok(&["demo"]);
    let demo = Program {
        url: format!(
            "sqlite://{}",
            program.dir.path().join("vitalfold-demo.db").display()
        ),
        dir: program.dir,
    };
    let file = demo.file(
        "meals.csv",
        "user_id,nutrient,amount,unit,meal,eaten_at\n\
         1,energy,420,kcal,breakfast,2026-03-14T08:00:00-05:00\n\
         1,energy,650,kcal,lunch,2026-03-14T12:30:00-05:00\n\
         1,energy,580,kcal,dinner,2026-03-15T19:00:00-05:00\n",
    );
    demo.ok(&["import", "csv", &file]);
    demo.ok(&["run-once"]);
    let worker = Served::start(&demo, &[]);
    let mut browser = open(&worker);
    browser.pictures("demo");
    let show = |browser: &mut Browser, hash: &str, text: &str| {
        browser.go(&format!("http://{}/#person?{hash}", worker.address));
        browser.wait_for_text("#series-charts h2", text);
        browser.wait_for("document.querySelector('#series-charts svg')");
    };
    // A discrete metric: a band and its mean.
    show(&mut browser, "user=1&series=heart_rate", "Heart rate");
    assert_eq!(
        browser.eval("document.querySelectorAll('#series-charts .area').length"),
        14
    );
    assert_eq!(browser.text("#range"), "2026-03-02 to 2026-03-15");
    browser.pictures("person-band");
    let chart = "document.querySelector('#series-charts .chart')";
    browser.wait_for(&format!("{chart}.drawn === {chart}.clientWidth"));
    // The cursor by arrow keys, and the same as a table.
    browser.eval("document.querySelector('#series-charts svg').focus()");
    browser.key("ArrowLeft");
    let tip = browser.text("#series-charts .tip");
    assert!(
        tip.starts_with("2026-03-15") && tip.contains("Mean:"),
        "{tip}"
    );
    browser.eval("document.querySelector('#series-charts summary').click()");
    browser.wait_for("document.querySelectorAll('#series-charts tbody tr').length === 14");
    let head = browser.text("#series-charts thead");
    assert!(head.contains("Mean") && head.contains("Samples"), "{head}");
    // By hour, chosen on the page, which the address follows.
    browser.eval("document.querySelector('#periods input[value=hour]').click()");
    browser.wait_for("location.hash.includes('period=hour')");
    browser.wait_for_text("#range", "2026-03-09 to 2026-03-15");
    browser.wait_for("document.querySelectorAll('#series-charts .area').length > 100");
    browser.pictures("person-hour");
    // An amount: bars.
    show(&mut browser, "user=2&series=steps&period=week", "Steps");
    assert_eq!(
        browser.eval("document.querySelectorAll('#series-charts .bar').length"),
        2
    );
    browser.pictures("person-bars");
    // A laboratory result against its range.
    show(&mut browser, "user=1&domain=labs&series=2339-0", "Glucose");
    assert_eq!(
        browser.eval("document.querySelectorAll('#series-charts .zone').length"),
        1
    );
    assert_eq!(
        browser.eval("document.querySelectorAll('#series-charts .k-warn .point').length"),
        1
    );
    assert!(browser.text("#series-charts .legend").contains("mg/dL"));
    browser.pictures("person-labs");
    // Meals.
    show(
        &mut browser,
        "user=1&domain=nutrition&series=energy",
        "Energy",
    );
    assert_eq!(
        browser.eval("document.querySelectorAll('#series-charts .bar').length"),
        2
    );
    browser.pictures("person-nutrition");
    browser.size(390, 844);
    assert_eq!(browser.eval(SIDEWAYS), false);
    browser.go(&format!("http://{}/#work", worker.address));
    browser.wait_for("document.querySelectorAll('#batches tbody tr').length > 0");
    assert_eq!(
        browser.eval(SIDEWAYS),
        false,
        "nothing but tables is wider than a phone"
    );
}
