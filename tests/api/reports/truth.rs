//! Every figure of every report against a count of the test's own, in SQL over the rows themselves: before the rollup has counted anything,
//! with half of it counted, with all of it, and made anew. Among the rows: recorded late, opened again, merged, fallen through, from nobody
//! that is known, test, and a change of the clock.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Nullable, Text};
use handoff::auth::operator_scope;
use handoff::ops::{Context, roll_reports};
use serde_json::Value;

mod present;

use present::{open_work_is_true, signal_is_true};

use super::sown::sow;
use crate::support::App;

#[derive(Debug, QueryableByName)]
struct Count {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(Debug, QueryableByName)]
struct Quantile {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Double>)]
    value: Option<f64>,
}

/// A question to a report, and the same as a condition in SQL.
struct Asked {
    query: String,
    where_recorded: String,
    where_happened: String,
    from: NaiveDate,
    until: NaiveDate,
}

fn asked(app: &App, from: &str, until: &str, more: &str, condition: &str) -> Asked {
    let zone = "America/New_York";
    let site = app.site.id;
    let days = |column: &str| format!("({column} AT TIME ZONE '{zone}')::date BETWEEN '{from}' AND '{until}'");
    let base = format!("r.site_id = '{site}' AND NOT r.is_test AND ({condition})");
    Asked {
        query: format!("from={from}&until={until}{more}"),
        where_recorded: format!("{base} AND {}", days("r.recorded_at")),
        where_happened: format!("r.site_id = '{site}' AND NOT e.is_test AND ({condition}) AND {}", days("e.occurred_at")),
        from: from.parse().unwrap(),
        until: until.parse().unwrap(),
    }
}

fn counts(app: &App, sql: &str) -> BTreeMap<String, i64> {
    let rows: Vec<Count> = diesel::sql_query(sql).load(&mut app.db.superuser()).unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.into_iter().filter(|row| row.count != 0).map(|row| (row.name, row.count)).collect()
}

fn told(pairs: impl IntoIterator<Item = (String, i64)>) -> BTreeMap<String, i64> {
    pairs.into_iter().filter(|(_, count)| *count != 0).collect()
}

fn figures(figures: &Value) -> BTreeMap<String, i64> {
    let whole = |name: &str| (name.to_owned(), figures[name].as_i64().unwrap());
    let volume = figures["volume"].as_f64().unwrap();
    let part = |name: &str| {
        let count = figures[name]["count"].as_i64().unwrap();
        if let Some(share) = figures[name].get("share") {
            let exact = (volume > 0.0).then_some(count as f64 / volume);
            let (told, exact) = (share.as_f64(), exact.map(|share| (share * 10_000.0).round() / 10_000.0));
            assert_eq!(told, exact, "{name}: {count} of {volume}");
        }
        (name.to_owned(), count)
    };
    let parts = [
        "complete",
        "wrong_study",
        "duplicates",
        "connected",
        "handed_off",
        "attribution_verified",
        "time_to_first_action",
        "time_to_connection",
    ];
    let closed = figures["close_reasons"].as_array().unwrap().iter();
    let closed = closed.map(|one| (format!("closed_{}", one["close_reason"].as_str().unwrap()), one["count"].as_i64().unwrap()));
    told(std::iter::once(whole("volume")).chain(parts.map(part)).chain(closed))
}

/// The figures of source quality as conditions, written down here a second time.
const CONDITIONS: &[(&str, &str)] = &[
    ("volume", "true"),
    (
        "complete",
        "NOT (r.handoff_issues && ARRAY['incomplete_handoff', 'missing_source_tag'] OR r.close_reason IS NOT DISTINCT FROM 'incomplete_handoff' OR coalesce(r.held_blocker, r.blocker) IS NOT DISTINCT FROM 'awaiting_partner_completion')",
    ),
    ("wrong_study", "'wrong_study' = ANY (r.handoff_issues) OR r.close_reason IS NOT DISTINCT FROM 'wrong_study'"),
    ("duplicates", "r.close_reason = 'duplicate'"),
    ("connected", "r.connected_at IS NOT NULL"),
    ("handed_off", "r.handed_off_at IS NOT NULL"),
    ("attribution_verified", "r.attribution = 'verified'"),
    ("time_to_first_action", "r.acknowledged_at IS NOT NULL OR r.closed_at IS NOT NULL"),
    ("time_to_connection", "r.connected_at IS NOT NULL"),
];

fn source_truth(app: &App, condition: &str) -> BTreeMap<String, i64> {
    let each: Vec<String> = CONDITIONS
        .iter()
        .map(|(name, holds)| {
            format!("SELECT '{name}' AS name, count(*) AS count FROM referrals r WHERE {condition} AND ({holds})")
        })
        .collect();
    let mut truth = counts(app, &each.join(" UNION ALL "));
    truth.extend(counts(
        app,
        &format!("SELECT 'closed_' || r.close_reason AS name, count(*) AS count FROM referrals r WHERE {condition} AND r.close_reason IS NOT NULL GROUP BY 1"),
    ));
    truth
}

/// Bodies that were refused, where nothing but the study and the partner is asked for: of more than these a refused body tells nothing.
fn refused_are_true(app: &App, asked: &Asked, report: &Value) {
    let all = &report["total"]["refused_for_sensitive_content"];
    if ["channel=", "owner=", "late_logged="].iter().any(|filter| asked.query.contains(filter)) {
        assert_eq!(all, &Value::Null);
        return;
    }
    let of_partner = if asked.query.contains("partner=lakeside") { "p.code = 'lakeside'" } else { "true" };
    let refused = format!(
        "refusals f LEFT JOIN partners p ON p.site_id = f.site_id AND p.id = f.partner_id
           LEFT JOIN handoff_routes h ON h.site_id = f.site_id AND h.id = f.route_id LEFT JOIN studies s ON s.site_id = h.site_id AND s.id = h.study_id
         WHERE f.site_id = '{}' AND f.code IN ('sensitive_field', 'sensitive_content') AND f.day BETWEEN '{}' AND '{}' AND {of_partner}",
        app.site.id, asked.from, asked.until
    );
    let truth = counts(app, &format!("SELECT 'all' AS name, coalesce(sum(f.refused), 0)::bigint AS count FROM {refused}"));
    assert_eq!(all.as_i64(), Some(truth.get("all").copied().unwrap_or(0)), "{}", asked.query);
    let sql = format!(
        "SELECT p.code || '/' || s.code AS name, sum(f.refused)::bigint AS count FROM {refused} AND s.id IS NOT NULL GROUP BY 1"
    );
    let sources = report["sources"].as_array().unwrap().iter();
    let by_source = told(sources.map(|source| {
        let name = format!("{}/{}", source["partner"].as_str().unwrap_or(""), source["study"].as_str().unwrap());
        (name, source["figures"]["refused_for_sensitive_content"].as_i64().unwrap())
    }));
    assert_eq!(by_source, counts(app, &sql), "{}", asked.query);
}

async fn source_quality_is_true(app: &App, asked: &Asked) {
    let report = app.coordinator().get(&format!("/v1/reports/source-quality?{}", asked.query)).await.expect(200).body;
    refused_are_true(app, asked, &report);
    assert_eq!(figures(&report["total"]), source_truth(app, &asked.where_recorded), "{}", asked.query);
    let mut by_source = BTreeMap::new();
    for source in report["sources"].as_array().unwrap() {
        let name = format!("{}/{}", source["partner"].as_str().unwrap_or(""), source["study"].as_str().unwrap());
        by_source.insert(name, figures(&source["figures"]));
    }
    let sources = counts(
        app,
        &format!(
            "SELECT coalesce(p.code, '') || '/' || s.code AS name, count(*) AS count FROM referrals r JOIN studies s ON s.site_id = r.site_id AND s.id = r.study_id
               LEFT JOIN partners p ON p.site_id = r.site_id AND p.id = r.partner_id WHERE {} GROUP BY 1",
            asked.where_recorded
        ),
    );
    // A source that only had bodies refused stands there too, with figures of nothing.
    by_source.retain(|_, figures| figures.contains_key("volume"));
    assert_eq!(by_source.keys().collect::<Vec<_>>(), sources.keys().collect::<Vec<_>>());
    for (name, found) in by_source {
        let (partner, study) = name.split_once('/').unwrap();
        let of = format!(
            "{} AND r.study_id = (SELECT id FROM studies WHERE site_id = r.site_id AND code = '{study}') AND r.partner_id IS NOT DISTINCT FROM (SELECT id FROM partners WHERE site_id = r.site_id AND code = '{partner}')",
            asked.where_recorded
        );
        assert_eq!(found, source_truth(app, &of), "{name}");
    }
    // Quantiles by the nearest rank, told within two per cent.
    let sql = format!(
        "SELECT 'time_to_first_action.p50_seconds' AS name, percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM coalesce(r.acknowledged_at, r.closed_at) - r.clock_started_at))::float8 AS value FROM referrals r WHERE {0} AND (r.acknowledged_at IS NOT NULL OR r.closed_at IS NOT NULL)
         UNION ALL SELECT 'time_to_first_action.p90_seconds', percentile_disc(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM coalesce(r.acknowledged_at, r.closed_at) - r.clock_started_at))::float8 FROM referrals r WHERE {0} AND (r.acknowledged_at IS NOT NULL OR r.closed_at IS NOT NULL)
         UNION ALL SELECT 'time_to_connection.p50_seconds', percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM r.connected_at - r.clock_started_at))::float8 FROM referrals r WHERE {0} AND r.connected_at IS NOT NULL
         UNION ALL SELECT 'time_to_connection.p90_seconds', percentile_disc(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM r.connected_at - r.clock_started_at))::float8 FROM referrals r WHERE {0} AND r.connected_at IS NOT NULL",
        asked.where_recorded
    );
    let exact: Vec<Quantile> = diesel::sql_query(&sql).load(&mut app.db.superuser()).unwrap();
    for Quantile { name, value } in exact {
        let told = report["total"].pointer(&format!("/{}", name.replace('.', "/"))).unwrap().as_f64();
        match (told, value) {
            (Some(told), Some(exact)) => assert!((told - exact).abs() <= exact * 0.02 + 0.06, "{name}: {told} for {exact}"),
            (told, exact) => assert_eq!(told.is_some(), exact.is_some(), "{name}"),
        }
    }
}

async fn movement_is_true(app: &App, asked: &Asked) {
    let report = app.coordinator().get(&format!("/v1/reports/movement?{}", asked.query)).await.expect(200).body;
    let happened = |sql: &str| {
        format!(
            "{sql} FROM events e JOIN referrals r ON r.site_id = e.site_id AND r.id = e.subject_id WHERE {}",
            asked.where_happened
        )
    };
    let moved = report["transitions"].as_array().unwrap().iter();
    let moved = told(moved.map(|one| {
        (format!("{}>{}", one["from"].as_str().unwrap(), one["to"].as_str().unwrap()), one["count"].as_i64().unwrap())
    }));
    let sql = happened("SELECT e.status_before || '>' || e.status_after AS name, count(*) AS count")
        + " AND e.event_type = 'referral.transitioned' AND e.status_before <> e.status_after GROUP BY 1";
    assert_eq!(moved, counts(app, &sql), "{}", asked.query);
    let flows =
        ["received", "fell_through", "reopened", "escalated"].map(|name| (name.to_owned(), report[name].as_i64().unwrap()));
    let sql = happened(
        "SELECT CASE WHEN e.event_type = 'referral.transitioned' THEN 'fell_through' ELSE substr(e.event_type, 10) END AS name, count(*) AS count",
    ) + " AND (e.event_type IN ('referral.received', 'referral.reopened', 'referral.escalated') OR e.event_type = 'referral.transitioned' AND e.status_before = 'handed_off' AND e.status_after = 'connected') GROUP BY 1";
    assert_eq!(told(flows), counts(app, &sql), "{}", asked.query);
    // Cohorts: the weeks that begin in the period, whole.
    let names = ["received", "acknowledged", "contacting", "connected", "handed_off", "completed", "open"];
    let funnel = |of: &Value, name: &str| names.map(|step| (format!("{name}/{step}"), of[step].as_i64().unwrap()));
    let cohorts = report["cohorts"].as_array().unwrap().iter();
    let cohorts = told(cohorts.flat_map(|one| funnel(&one["funnel"], one["week"].as_str().unwrap())));
    let base = asked.where_recorded.split(" AND (r.recorded_at AT").next().unwrap();
    let week = "date_trunc('week', r.received_at AT TIME ZONE 'America/New_York')::date";
    let sql = format!(
        "SELECT w.week || '/' || v.step AS name, v.count AS count FROM (
             SELECT {week} AS week, count(*) AS received, count(r.acknowledged_at) AS acknowledged, count(r.contacting_at) AS contacting, count(r.connected_at) AS connected,
                    count(r.handed_off_at) AS handed_off, count(*) FILTER (WHERE r.close_reason = 'handoff_complete') AS completed, count(*) FILTER (WHERE r.status <> 'closed') AS open
               FROM referrals r WHERE {base} AND {week} BETWEEN '{}' AND '{}' GROUP BY 1) AS w,
         LATERAL (VALUES ('received', w.received), ('acknowledged', w.acknowledged), ('contacting', w.contacting), ('connected', w.connected), ('handed_off', w.handed_off), ('completed', w.completed), ('open', w.open)) AS v(step, count)",
        asked.from, asked.until
    );
    assert_eq!(cohorts, counts(app, &sql), "{}", asked.query);
}

async fn all_is_true(app: &App) {
    let partner = format!("r.partner_id = '{}'", app.site.partner.id);
    let owner = format!("r.owner_id = '{}'", app.site.coordinator);
    for (from, until) in
        [("2025-10-01", "2025-12-31"), ("2025-10-17", "2026-03-12"), ("2025-11-02", "2025-11-02"), ("2025-06-01", "2026-06-01")]
    {
        source_quality_is_true(app, &asked(app, from, until, "", "true")).await;
        movement_is_true(app, &asked(app, from, until, "", "true")).await;
    }
    let span = ("2025-09-15", "2026-04-10");
    for (more, condition) in [
        ("&partner=lakeside", partner.as_str()),
        ("&channel=phone_handoff&late_logged=exclude", "r.channel = 'phone_handoff' AND r.late_reason IS NULL"),
        ("&late_logged=only", "r.late_reason IS NOT NULL"),
        ("&channel=secure_form", "r.channel = 'secure_form'"),
    ] {
        source_quality_is_true(app, &asked(app, span.0, span.1, more, condition)).await;
        movement_is_true(app, &asked(app, span.0, span.1, more, condition)).await;
        open_work_is_true(app, &more[1..], condition).await;
    }
    let of_owner = format!("&owner={}&study=heart-2026", app.site.coordinator);
    source_quality_is_true(app, &asked(app, span.0, span.1, &of_owner, &owner)).await;
    open_work_is_true(app, &of_owner[1..], &owner).await;
    open_work_is_true(app, "", "true").await;
    signal_is_true(app, ("2025-10-01", "2025-12-31"), ("2026-01-01", "2026-03-31")).await;
}

/// The tail that a report counts by itself is bounded; what is sown goes through the rollup in parts.
async fn roll_some(app: &App, passes: usize, batch: i64) -> bool {
    let scope = operator_scope(app.site.id);
    for _ in 0..passes {
        let context = Context::of_system(scope, app.clock.now());
        let pass = app.state.db.transact(scope, app.state.deadline(), move |conn| roll_reports::pass(conn, &context, batch));
        let rolled = pass.await.unwrap();
        if rolled.count == 0 && !rolled.more {
            return false;
        }
    }
    true
}

async fn every_figure_is_true_for(count: u32) {
    let app = App::start().await;
    sow(&app, count, "2025-09-20T13:00:00+00", 200, 150);
    // Refused bodies of every route over the same days, some of no route that is known, and some for what reports do not count.
    let refused = format!(
        "INSERT INTO refusals (site_id, id, partner_id, day, code, refused, route_id)
         SELECT h.site_id, gen_random_uuid(), h.partner_id, '2025-09-20'::date + d, c.code, 1 + d % 3, CASE WHEN d % 5 = 0 THEN NULL ELSE h.id END
           FROM handoff_routes h, generate_series(0, 199, 3) AS d, (VALUES ('sensitive_field'), ('sensitive_content'), ('unknown_field')) AS c (code)
          WHERE h.site_id = '{}' ON CONFLICT DO NOTHING",
        app.site.id
    );
    app.db.superuser().batch_execute(&refused).unwrap();
    if count <= 2_500 {
        // Nothing is rolled up: all is counted from the log.
        all_is_true(&app).await;
        // A part is, in steps that end in the middle of what happened to a referral.
        assert!(roll_some(&app, 9, 417).await);
        all_is_true(&app).await;
    }
    while roll_some(&app, 10, roll_reports::BATCH).await {}
    all_is_true(&app).await;

    // Made anew from the log, every sum is the same.
    let kept = |app: &App| {
        let sums = "SELECT basis || starts_on || study_id || partner_id || channel || owner_id || is_late AS name, ('x' || substr(md5(figures), 1, 15))::bit(60)::bigint AS count FROM report_cells
             UNION ALL SELECT basis || starts_on || study_id || partner_id, ('x' || substr(md5(figures), 1, 15))::bit(60)::bigint FROM report_source_cells
             UNION ALL SELECT basis || starts_on || study_id || partner_id || owner_id, ('x' || substr(md5(figures), 1, 15))::bit(60)::bigint FROM report_owner_cells
             UNION ALL SELECT basis || starts_on || study_id || partner_id || channel, ('x' || substr(md5(figures), 1, 15))::bit(60)::bigint FROM report_channel_cells
             UNION ALL SELECT basis || starts_on || study_id || partner_id || is_late, ('x' || substr(md5(figures), 1, 15))::bit(60)::bigint FROM report_late_cells";
        let facts = "SELECT referral_id::text AS name, ('x' || substr(md5(figures || escalations::text::bytea), 1, 15))::bit(60)::bigint AS count FROM report_facts";
        (counts(app, sums), counts(app, facts))
    };
    let before = kept(&app);
    assert!(!before.0.is_empty() && before.1.len() > count as usize * 9 / 10);
    app.db.superuser().batch_execute("UPDATE report_heads SET definitions = 0").unwrap();
    // Meanwhile a report that is asked for counts what it can, or says that it cannot yet.
    let meanwhile = app.coordinator().get("/v1/reports/source-quality?from=2025-10-01&until=2025-12-31").await;
    if count <= 2_500 {
        meanwhile.expect(200)
    } else {
        meanwhile.expect_problem(503, "report_not_ready")
    };
    while roll_some(&app, 10, roll_reports::BATCH).await {}
    assert_eq!(kept(&app), before);

    // A sum that cannot be read is met when something is added to it, and mended with all others.
    app.db.superuser().batch_execute("UPDATE report_facts SET figures = '\\x80'").unwrap();
    app.db.superuser().batch_execute("UPDATE report_heads SET position = position - 1").unwrap();
    while roll_some(&app, 10, roll_reports::BATCH).await {}
    assert_eq!(kept(&app), before);

    // The control: one referral that changed behind the log's back is seen.
    app.db
        .superuser()
        .batch_execute(&format!(
            "UPDATE referrals SET attribution = CASE attribution WHEN 'verified' THEN 'unverified' ELSE 'verified' END
              WHERE (site_id, id) = (SELECT site_id, id FROM referrals WHERE site_id = '{}' AND NOT is_test AND partner_id IS NOT NULL ORDER BY id LIMIT 1)",
            app.site.id
        ))
        .unwrap();
    let all = asked(&app, "2025-06-01", "2026-06-01", "", "true");
    let report = app.coordinator().get(&format!("/v1/reports/source-quality?{}", all.query)).await.expect(200).body;
    assert_ne!(figures(&report["total"]), source_truth(&app, &all.where_recorded));
}

#[actix_web::test]
async fn every_figure_of_every_report_equals_a_count_over_the_rows() {
    every_figure_is_true_for(1_500).await;
}

#[actix_web::test]
#[ignore = "three minutes: cargo test --test api reports::truth -- --ignored"]
async fn every_figure_of_every_report_equals_a_count_over_a_hundred_thousand_rows() {
    every_figure_is_true_for(120_000).await;
}
