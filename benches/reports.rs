//! Every report over HTTP by how many referrals the site has, with nine other sites in the same database (P3); with `-- --pages` the pages of
//! lists, of the queue and of the feed (P7: `-- --pages --sizes 100000,10000000`, which sows for an hour and takes 40 GB).
//!
//! `cargo bench --bench reports` sows and counts millions of referrals with their log, which takes most of its time; `-- --help` lists
//! what can be changed, and `-- --sizes 10000 --busy 0` is quick.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark"
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use clap::Parser as _;
use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection as _;
use handoff::db::{APP_ROLE, connect};
use handoff::domain::reports::DEFINITIONS;
use support::http::{Connection, write_request};
use support::latency::Latencies;
use support::load::{Counted, Load};
use support::place::Place;
use support::server::Server;
use support::{cpu, seed};

/// How long each report takes, by how many referrals the site has.
#[derive(Debug, clap::Parser)]
struct Arguments {
    /// Referrals of the site that is measured; each in a database of its own. The growth is from the last but one to the last.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000_u64, 100_000, 1_000_000])]
    sizes: Vec<u64>,
    /// Sites beside it.
    #[arg(long, default_value_t = 9)]
    others: usize,
    /// Referrals of each of these.
    #[arg(long, default_value_t = 20_000)]
    other_referrals: u64,
    /// Partners of each site, with a route each.
    #[arg(long, default_value_t = 40)]
    partners: usize,
    /// Requests of each report, by all clients together.
    #[arg(long, default_value_t = 200)]
    requests: u64,
    /// Clients, each of which sends its next request when it has the answer to the last; CSV is asked for by one.
    #[arg(long, default_value_t = 1)]
    clients: usize,
    /// Open referrals of a thousand in one more run at the largest size, for the reports of open work; 0: no such run.
    #[arg(long, default_value_t = 50.0)]
    busy: f64,
    /// Ask for pages instead of reports.
    #[arg(long)]
    pages: bool,
    /// Show the plans of the statements that read most.
    #[arg(long)]
    explain: bool,
    /// Cargo says so; nothing depends on it.
    #[arg(long, hide = true)]
    bench: bool,
}

const SOW: &str = include_str!("reports/sow.sql");
/// Days that the referrals are spread over.
const DAYS: u64 = 730;
/// Referrals that are open, however many there are: that is bounded by the people of a site and not by its history.
const OPEN: f64 = 5_000.0;
/// Requests of each client that come first and are not measured: they fill the statement caches.
const WARM_UP: u64 = 20;
/// What P3 asks for, in milliseconds.
const P99_AT_MOST: f64 = 50.0;
/// What P3 asks for, from one size to the tenfold one.
const GROWTH_AT_MOST: f64 = 1.5;
/// What P7 asks for, from the first size to the last.
const PAGE_GROWTH_AT_MOST: f64 = 2.0;
/// Whatever makes no progress for this long does not go on any more.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long nothing may change for the jobs to count as done.
const QUIET: Duration = Duration::from_secs(10);
/// How often that is looked at.
const GLANCE: Duration = Duration::from_millis(250);

/// What is sown takes the first positions of the site's log: what the seeding put there goes.
const CLEAR: &str = "DELETE FROM journal_queue; DELETE FROM event_positions; DELETE FROM events;
DELETE FROM report_facts; DELETE FROM report_cells; DELETE FROM report_source_cells; DELETE FROM report_owner_cells;
DELETE FROM report_channel_cells; DELETE FROM report_late_cells; DELETE FROM report_heads";

/// Of which events the feed has pages: two kinds, one of them rare. All five of a referral would be sown for hours.
const TOLD_FOR_PAGES: &str = "n IN (1, 21)";
/// Pages read no sums: as if all had been counted.
const COUNTED: &str = "INSERT INTO report_heads (site_id, position, definitions, time_zone, clearing)
SELECT j.site_id, j.live_position, {definitions}, s.time_zone, false FROM journal_heads j JOIN sites s USING (site_id)";

/// Millions of rows come in faster without their indexes, which are made of all of them afterwards.
const WITHOUT_INDEXES: &str = "SELECT pg_reload_conf();
CREATE TABLE sown_indexes AS
    SELECT i.indexrelid::regclass::text AS name, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') AS definition FROM pg_index i
     WHERE i.indrelid IN ('referrals'::regclass, 'events'::regclass, 'event_positions'::regclass) AND NOT i.indisunique;
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT * FROM sown_indexes LOOP EXECUTE 'DROP INDEX ' || one.name; END LOOP;
END $$";
const WITH_INDEXES: &str = "SET maintenance_work_mem = '1GB';
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT * FROM sown_indexes LOOP EXECUTE one.definition; END LOOP;
END $$;
DROP TABLE sown_indexes";

/// Another site with the same people, studies, partners and routes. The latter two are drafts: no job finds anything amiss there.
const TWIN: &str = r#"
INSERT INTO sites SELECT (jsonb_populate_record(s, '{"site_id": "{other}"}')).* FROM sites s WHERE site_id = '{site}';
INSERT INTO members SELECT (jsonb_populate_record(m, '{"site_id": "{other}"}')).* FROM members m WHERE site_id = '{site}';
INSERT INTO studies SELECT (jsonb_populate_record(s, '{"site_id": "{other}"}')).* FROM studies s WHERE site_id = '{site}';
INSERT INTO partners
    SELECT (jsonb_populate_record(p, '{"site_id": "{other}", "status": "draft"}')).* FROM partners p WHERE site_id = '{site}';
INSERT INTO handoff_routes
    SELECT (jsonb_populate_record(r, '{"site_id": "{other}", "status": "draft"}')).* FROM handoff_routes r WHERE site_id = '{site}'"#;

/// Events of sites that the rollup has not counted yet.
const UNCOUNTED: &str = "SELECT coalesce(sum(j.live_position - coalesce(h.position, 0)), 0)::text AS text
  FROM journal_heads j LEFT JOIN report_heads h USING (site_id)";

/// What changes as long as a job has something left of the time before: counting, sequencing, closing months.
const STATE: &str =
    "SELECT concat_ws(' ', (SELECT sum(position) FROM report_heads), (SELECT sum(live_position) FROM journal_heads),
    (SELECT count(*) FROM journal_queue), (SELECT count(*) FROM report_releases)) AS text";

/// Where the statement of the open work stands.
const OPEN_WORK: &str = include_str!("../src/store/reports/open_work.rs");

/// Who asks.
#[derive(Clone, Copy)]
enum By {
    SiteKey,
    Partner,
    Coordinator,
}

/// What is asked.
struct Report {
    name: &'static str,
    by: By,
    /// `{owner}` is the coordinator.
    path: String,
    /// Where the answer says how many it counted; `None`: it is asked for as CSV.
    counted: Option<&'static str>,
}

/// Milliseconds.
struct Figures {
    p50: f64,
    p99: f64,
    mean: f64,
}

/// The runs with their names, and the figures of each report in each.
type Runs = [(String, Vec<Figures>)];

fn main() {
    let arguments = Arguments::parse();
    let today = Utc::now().date_naive();
    if arguments.pages {
        let pages = pages();
        let runs: Vec<_> =
            arguments.sizes.iter().map(|size| run(&arguments, *size, open_of_thousand(*size), &pages, today)).collect();
        print_pages(&pages, &runs);
        return;
    }
    let reports = reports(today);
    let runs: Vec<_> =
        arguments.sizes.iter().map(|size| run(&arguments, *size, open_of_thousand(*size), &reports, today)).collect();
    print(&reports, &runs, true);
    let largest = arguments.sizes.iter().copied().max().unwrap_or_default();
    if arguments.busy > 0.0 {
        let reports: Vec<Report> = reports.into_iter().filter(|report| report.counted == Some("/open")).collect();
        let busy = run(&arguments, largest, arguments.busy, &reports, today);
        print(&reports, &[busy], false);
    }
}

fn open_of_thousand(referrals: u64) -> f64 {
    (OPEN * 1000.0 / referrals.max(1) as f64).min(1000.0)
}

fn reports(today: NaiveDate) -> Vec<Report> {
    let two_years = format!("?from={}&until={today}", today - Days::new(DAYS - 1));
    // The middle of last month, and of another: days have to be added to months at both ends.
    let middle = today - Days::new(u64::from(today.day()) + 16);
    let odd = format!("?from={}&until={middle}", middle - Days::new(92));
    let changed = format!("?changed_on={}", today - Days::new(60));
    let report = |name, path: &str, query: &str, counted| Report {
        name,
        by: By::SiteKey,
        path: format!("/v1/reports/{path}{query}"),
        counted,
    };
    let (quality, movement) = (Some("/total/volume"), Some("/received"));
    let of_owner = format!("{two_years}&owner={{owner}}");
    let summary = Report {
        by: By::Coordinator,
        ..report("sponsor-summary", "sponsor-summary", "?study=heart-2026", Some("/periods/0/movement/completed/at_most"))
    };
    let feedback =
        Report { name: "feedback", by: By::Partner, path: "/v1/feedback".into(), counted: Some("/periods/0/volume/at_most") };
    vec![
        summary,
        feedback,
        report("source-quality", "source-quality", "", quality),
        report("source-quality, 730 days", "source-quality", &two_years, quality),
        report("source-quality, 93 odd days", "source-quality", &odd, quality),
        report("source-quality, one partner", "source-quality", "?partner=partner-01", quality),
        report("source-quality, owner, 730 d", "source-quality", &of_owner, quality),
        report("source-quality, two filters", "source-quality", &format!("{of_owner}&channel=secure_form"), quality),
        report("source-quality as CSV", "source-quality", "", None),
        report("movement", "movement", "", movement),
        report("movement, 730 days", "movement", &two_years, movement),
        report("movement, owner, 730 days", "movement", &of_owner, movement),
        report("blockers", "blockers", "", Some("/open")),
        report("next-actions", "next-actions", "", Some("/open")),
        report("workflow-signal, 60 days", "workflow-signal", &changed, Some("/referrals_after")),
    ]
}

/// The first full page of each.
fn pages() -> Vec<Report> {
    let page = |name, by, path: &str| Report { name, by, path: path.into(), counted: Some("/data/49/id") };
    vec![
        page("referrals, a partner's", By::Partner, "/v1/referrals?limit=50"),
        page("referrals, the site's", By::SiteKey, "/v1/referrals?limit=50"),
        page("referrals, closed", By::SiteKey, "/v1/referrals?limit=50&status=closed"),
        page("referrals, an owner's", By::SiteKey, "/v1/referrals?limit=50&owner_id={owner}"),
        page("queue", By::Coordinator, "/v1/queue?limit=50"),
        page("queue, one's own", By::Coordinator, "/v1/queue?limit=50&owner=me"),
        page("events", By::SiteKey, "/v1/events?limit=50"),
        page("events, of one type", By::SiteKey, "/v1/events?limit=50&type=referral.reopened"),
    ]
}

/// Sows a fresh database, waits until the server has counted it (which pages do not need), and measures these reports.
fn run(arguments: &Arguments, referrals: u64, open: f64, reports: &[Report], today: NaiveDate) -> (String, Vec<Figures>) {
    println!();
    let place = Place::start();
    let server = Server::start(&place);
    let keys = seed::site(&place, &server, arguments.partners);
    // Nobody else may write to the log while it is sown.
    drop(server);
    let site = place.text("SELECT site_id::text AS text FROM sites");
    let (start, since) = (Instant::now(), Utc::now() - Days::new(DAYS));
    place.execute(CLEAR);
    place.execute("ALTER SYSTEM SET max_wal_size = '16GB'");
    place.execute(WITHOUT_INDEXES);
    let told = if arguments.pages { TOLD_FOR_PAGES } else { "true" };
    sow(&place, &site, referrals, open, since, told);
    for _ in 0..arguments.others {
        let other = uuid::Uuid::now_v7().to_string();
        place.execute(&TWIN.replace("{other}", &other).replace("{site}", &site));
        sow(&place, &other, arguments.other_referrals, open_of_thousand(arguments.other_referrals), since, told);
    }
    place.execute(WITH_INDEXES);
    if arguments.pages {
        place.execute(&COUNTED.replace("{definitions}", &DEFINITIONS.to_string()));
    }
    place.execute("VACUUM ANALYZE");
    let events = place.text(&format!("SELECT live_position::text AS text FROM journal_heads WHERE site_id = '{site}'"));
    println!("{referrals} referrals, {open} of 1000 open, with {events} events; {} sites beside", arguments.others);
    println!("sown in {:.1} s", start.elapsed().as_secs_f64());

    let start = Instant::now();
    let server = Server::start(&place);
    wait(&place, &format!("{UNCOUNTED} WHERE site_id = '{site}'"), |left, _| left == "0");
    if !arguments.pages {
        let took = start.elapsed().as_secs_f64();
        let (referrals_rate, events_rate) = (referrals as f64 / took, events.parse::<f64>().unwrap() / took);
        println!("counted in {took:.1} s: {referrals_rate:.0} referrals/s, {events_rate:.0} events/s");
    }
    wait(&place, UNCOUNTED, |left, _| left == "0");
    println!("resident after counting all sites: {}", resident(&server));
    // Jobs run at once after a start: what they have left of two years is done before anything is measured.
    drop(server);
    let server = Server::start(&place);
    wait(&place, STATE, |_, unchanged| unchanged >= QUIET);
    place.execute("VACUUM ANALYZE");
    place.execute("CHECKPOINT");

    println!("resident before the reports: {}", resident(&server));
    let token = place.run(&["token", "create", "--member", &keys.coordinator, "--ttl=1h"]).trim().to_owned();
    let credentials = |by: By| match by {
        By::SiteKey => &keys.site_key,
        By::Partner => &keys.partner_key,
        By::Coordinator => &token,
    };
    let asked = |report: &Report| Report { path: report.path.replace("{owner}", &keys.coordinator), ..*report };
    let figures = reports.iter().map(|report| measure(arguments, &server, credentials(report.by), &asked(report))).collect();
    println!("resident after the reports: {}", resident(&server));
    if arguments.explain {
        explain(&place, &site, today);
    }
    (referrals.to_string(), figures)
}

fn sow(place: &Place, site: &str, referrals: u64, open: f64, since: DateTime<Utc>, told: &str) {
    // A merged record looks for the one before it: without an index that is a scan of all for each.
    let sql = SOW.replace("{site}", site);
    let sql = sql.replace("{count}", &referrals.to_string()).replace("{days}", &DAYS.to_string());
    let sql = sql.replace("{since}", &since.to_rfc3339()).replace("{open}", &open.to_string()).replace("{told}", told);
    // What is sown fits together by its making: nothing looks its references up, which would take most of the time.
    place.execute(&format!("SET session_replication_role = replica; {sql} RESET session_replication_role"));
}

/// Waits until what a query tells is what is waited for, or has been the same for long enough.
fn wait(place: &Place, query: &str, is_over: impl Fn(&str, Duration) -> bool) {
    let (mut state, mut since) = (place.text(query), Instant::now());
    while !is_over(&state, since.elapsed()) {
        let said = || std::fs::read_to_string(place.directory().join("server.log")).unwrap_or_default();
        assert!(since.elapsed() < PATIENCE, "it stays at {state}: {}", said());
        std::thread::sleep(GLANCE);
        let now = place.text(query);
        if now != state {
            (state, since) = (now, Instant::now());
        }
    }
}

fn resident(server: &Server) -> String {
    let mebibytes =
        |name| cpu::memory(server.pid(), name).map_or_else(|| "–".to_owned(), |kib| format!("{:.1}", kib as f64 / 1024.0));
    format!("{} MiB, of which anonymous {}, peak {}", mebibytes("VmRSS"), mebibytes("RssAnon"), mebibytes("VmHWM"))
}

fn measure(arguments: &Arguments, server: &Server, key: &str, report: &Report) -> Figures {
    let mut request = Vec::new();
    let headers: &[(&str, &str)] = if report.counted.is_none() { &[("Accept", "text/csv")] } else { &[] };
    write_request(&mut request, "GET", &report.path, key, headers, "");
    if let Some(counted) = report.counted {
        let mut cursors = 0;
        while let Some(cursor) = check(server, report.name, counted, &request) {
            cursors += 1;
            assert!(cursors < 1_000, "{}: no page is full", report.name);
            request.clear();
            write_request(&mut request, "GET", &format!("{}&cursor={cursor}", report.path), key, headers, "");
        }
    }
    let load = Load { address: server.address, clients: arguments.clients, expected: 200 };
    let ask = |count| {
        if report.counted.is_none() {
            return read_csv(load.address, count, &request);
        }
        let outcome = load.run(&Counted::new(count), &|into| {
            into.clear();
            into.extend_from_slice(&request);
        });
        outcome.latencies
    };
    ask(WARM_UP * arguments.clients as u64);
    let mut latencies = ask(arguments.requests);
    // Each rank in turn is each latency in turn.
    let count = latencies.count() as f64;
    let sum: f64 = (0..latencies.count()).map(|rank| latencies.percentile((rank as f64 + 0.5) / count)).sum();
    let figures = Figures { p50: latencies.percentile(0.50), p99: latencies.percentile(0.99), mean: sum / count };
    println!("{}: p50 {:.2} ms, p99 {:.2} ms", report.name, figures.p50, figures.p99);
    figures
}

/// A figure for a report of nothing would be a good one: the answer is looked at before it is measured. A page of the feed that is short and
/// says that there is more answers where to go on.
fn check(server: &Server, name: &str, counted: &str, request: &[u8]) -> Option<String> {
    let mut connection = Connection::open(server.address).unwrap();
    let answer = connection.ask(request).unwrap();
    let (status, length, report) = (answer.status, answer.body.len(), answer.json());
    let counted = report.pointer(counted).cloned().unwrap_or_default();
    let is_full = counted.is_string() || counted.as_i64().is_some_and(|count| count > 0);
    if !is_full && report["has_more"] == true {
        return report["next_cursor"].as_str().map(str::to_owned);
    }
    assert!(status == 200 && is_full, "{name}: {status} {report}");
    println!("{name}: {counted}, {:.1} KiB", length as f64 / 1024.0);
    None
}

/// Asks, one client alone, for what is streamed: its length is not said beforehand, which the load's own connection would want.
fn read_csv(address: SocketAddr, count: u64, request: &[u8]) -> Latencies {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut latencies, mut answer, mut buffer) = (Latencies::default(), Vec::<u8>::new(), vec![0_u8; 64 * 1024]);
    for _ in 0..count {
        let start = Instant::now();
        answer.clear();
        stream.write_all(request).unwrap();
        while !answer.ends_with(b"\r\n0\r\n\r\n") {
            let read = stream.read(&mut buffer).expect("an answer");
            answer.extend_from_slice(&buffer[..read]);
            let goes_on = read > 0 && (answer.len() < 12 || answer.starts_with(b"HTTP/1.1 200"));
            assert!(goes_on, "an unexpected answer: {}", String::from_utf8_lossy(&answer));
        }
        latencies.record(start.elapsed());
    }
    latencies
}

fn print(reports: &[Report], runs: &Runs, with_growth: bool) {
    let titles: String = runs.iter().map(|(name, _)| format!(" {name:>7} referrals")).collect();
    let columns = format!(" {:>8} {:>8}", "p50", "p99").repeat(runs.len());
    println!();
    println!("{:28}{titles}   growth of", "milliseconds");
    println!("{:28}{columns} {:>8} {:>8}  p99 ≤ {P99_AT_MOST} ms  growth ≤ {GROWTH_AT_MOST}", "", "p50", "mean");
    for (place, report) in reports.iter().enumerate() {
        let of: Vec<&Figures> = runs.iter().map(|(_, figures)| &figures[place]).collect();
        let cells: String = of.iter().map(|figures| format!(" {:>8.2} {:>8.2}", figures.p50, figures.p99)).collect();
        let growth = match of.as_slice() {
            [.., small, large] if with_growth => Some((large.p50 / small.p50, large.mean / small.mean)),
            _ => None,
        };
        let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
        let (p50, mean) = (ratio(growth.map(|(p50, _)| p50)), ratio(growth.map(|(_, mean)| mean)));
        let holds = |holds: bool| if holds { "yes" } else { "NO" };
        let in_time = holds(of.iter().all(|figures| figures.p99 <= P99_AT_MOST));
        let flat = growth.map_or("–", |(p50, mean)| holds(p50.max(mean) <= GROWTH_AT_MOST));
        println!("{:28}{cells} {p50:>8} {mean:>8}  {in_time:>11}  {flat:>12}", report.name);
    }
}

fn print_pages(pages: &[Report], runs: &Runs) {
    println!();
    let titles: String = runs.iter().map(|(name, _)| format!(" {:>17}", format!("at {name}"))).collect();
    println!("{:28}{titles}", "p50 and p99, milliseconds");
    for (place, page) in pages.iter().enumerate() {
        let of: Vec<&Figures> = runs.iter().map(|(_, figures)| &figures[place]).collect();
        let cells: String = of.iter().map(|figures| format!(" {:>8.2} {:>8.2}", figures.p50, figures.p99)).collect();
        let growth = of.first().zip(of.last()).map_or(1.0, |(small, large)| large.p99 / small.p99);
        let holds = if growth <= PAGE_GROWTH_AT_MOST { "yes" } else { "NO" };
        println!("{:28}{cells}  p99 × {growth:.2}, ≤ {PAGE_GROWTH_AT_MOST}: {holds}", page.name);
    }
}

/// The plans of the statements that read most, as the server's role sees them.
fn explain(place: &Place, site: &str, today: NaiveDate) {
    #[derive(diesel::QueryableByName)]
    struct Line {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
        line: String,
    }
    let cells = |table: &str, basis: &str, more: &str| {
        let from = today - Days::new(DAYS);
        format!(
            "SELECT starts_on, study_id, partner_id, figures FROM {table}
              WHERE site_id = '{site}' AND basis = '{basis}' AND starts_on BETWEEN '{from}' AND '{today}'{more}"
        )
    };
    let of_owner = format!(" AND owner_id = (SELECT min(id::text)::uuid FROM members WHERE site_id = '{site}')");
    let cells = [
        cells("report_source_cells", "recorded_month", ""),
        cells("report_source_cells", "received_week", ""),
        cells("report_owner_cells", "received_week", &of_owner),
    ];
    let due = OPEN_WORK.split_once("const DUE: &str = \"").and_then(|(_, text)| text.split_once("\";")).expect("the statement").0;
    // Any third thing to group by plans alike.
    let due = due.replace("{aging}", "q.status AS aging");
    let due = due.replace("$1", &format!("uuid '{site}'")).replace("$2", &format!("timestamptz '{}'", Utc::now().to_rfc3339()));
    let mut conn = connect(&place.url(APP_ROLE)).unwrap();
    conn.batch_execute(&format!("SET app.site_id = '{site}'")).unwrap();
    for query in cells.into_iter().chain([format!("{due} GROUP BY 1, 2, 3")]) {
        println!();
        let plan = diesel::sql_query(format!("EXPLAIN (ANALYZE, BUFFERS) {query}")).load::<Line>(&mut conn).unwrap();
        plan.iter().for_each(|line| println!("{}", line.line));
    }
}
