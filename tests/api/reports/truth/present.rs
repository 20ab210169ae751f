//! What waits and is due now, and whether the workflow improves.

use serde_json::Value;

use super::{asked, counts, source_truth, told};
use crate::support::App;

pub async fn open_work_is_true(app: &App, more: &str, condition: &str) {
    let now = app.clock.now().to_rfc3339();
    let base = format!("r.site_id = '{}' AND NOT r.is_test AND r.status <> 'closed' AND ({condition})", app.site.id);
    let report = app.coordinator().get(&format!("/v1/reports/blockers?{more}")).await.expect(200).body;
    let blockers = report["blockers"].as_array().unwrap().iter();
    let ages = |of: &Value, name: &str| {
        ["under_1_day", "days_1_to_3", "days_3_to_7", "over_7_days"]
            .map(|age| (format!("{name}/{age}"), of[age].as_i64().unwrap()))
    };
    let found = told(blockers.clone().flat_map(|one| ages(&one["ages"], one["blocker"].as_str().unwrap())));
    let age = |column: &str| {
        format!(
            "CASE WHEN extract(epoch FROM '{now}'::timestamptz - {column}) < 86400 THEN 'under_1_day' WHEN extract(epoch FROM '{now}'::timestamptz - {column}) < 3 * 86400 THEN 'days_1_to_3'
                  WHEN extract(epoch FROM '{now}'::timestamptz - {column}) < 7 * 86400 THEN 'days_3_to_7' ELSE 'over_7_days' END"
        )
    };
    let sql = format!(
        "SELECT r.blocker || '/' || {} AS name, count(*) AS count FROM referrals r WHERE {base} AND r.blocker IS NOT NULL GROUP BY 1",
        age("r.blocked_since")
    );
    assert_eq!(found, counts(app, &sql));
    let owners = report["owners"].as_array().unwrap().iter();
    let owners = told(owners.map(|one| (one["owner_id"].as_str().unwrap().to_owned(), one["open"].as_i64().unwrap())));
    let sql = format!(
        "SELECT r.owner_id::text AS name, count(*) AS count FROM referrals r WHERE {base} AND r.blocker IS NOT NULL GROUP BY 1"
    );
    assert_eq!(owners, counts(app, &sql));

    let report = app.coordinator().get(&format!("/v1/reports/next-actions?{more}")).await.expect(200).body;
    let actions = report["next_actions"].as_array().unwrap().iter();
    let found = told(actions.clone().flat_map(|one| {
        let name = one["next_action"].as_str().unwrap();
        let plain =
            ["open", "due_within_24_hours", "overdue"].map(|figure| (format!("{name}/{figure}"), one[figure].as_i64().unwrap()));
        plain.into_iter().chain(ages(&one["overdue_ages"], name))
    }));
    let sql = format!(
        "SELECT r.next_action || '/open' AS name, count(*) AS count FROM referrals r WHERE {base} GROUP BY 1
         UNION ALL SELECT r.next_action || '/overdue', count(*) FROM referrals r WHERE {base} AND r.next_action_due_at <= '{now}' GROUP BY 1
         UNION ALL SELECT r.next_action || '/due_within_24_hours', count(*) FROM referrals r WHERE {base} AND r.next_action_due_at > '{now}' AND r.next_action_due_at <= '{now}'::timestamptz + interval '24 hours' GROUP BY 1
         UNION ALL SELECT r.next_action || '/' || {}, count(*) FROM referrals r WHERE {base} AND r.next_action_due_at <= '{now}' GROUP BY 1",
        age("r.next_action_due_at")
    );
    assert_eq!(found, counts(app, &sql));
    let owners = report["owners"].as_array().unwrap().iter();
    let found = told(owners.flat_map(|one| {
        let owner = one["owner_id"].as_str().unwrap();
        let plain =
            ["open", "due_within_24_hours", "overdue"].map(|figure| (format!("{owner}/{figure}"), one[figure].as_i64().unwrap()));
        let aging = ["no_first_action", "stalled", "dependency_blocked"]
            .map(|aging| (format!("{owner}/{aging}"), one["aging"][aging].as_i64().unwrap()));
        plain.into_iter().chain(aging)
    }));
    let aged = format!(
        "CASE WHEN r.blocker IS NOT NULL THEN 'dependency_blocked' WHEN r.next_action_due_at > '{now}' THEN NULL
              WHEN r.status IN ('received', 'quarantined') THEN 'no_first_action' ELSE 'stalled' END"
    );
    let sql = format!(
        "SELECT r.owner_id || '/' || f.name AS name, count(*) FILTER (WHERE f.holds) AS count FROM referrals r, LATERAL (VALUES
             ('open', true), ('overdue', r.next_action_due_at <= '{now}'),
             ('due_within_24_hours', r.next_action_due_at > '{now}' AND r.next_action_due_at <= '{now}'::timestamptz + interval '24 hours'),
             ('no_first_action', {aged} = 'no_first_action'), ('stalled', {aged} = 'stalled'),
             ('dependency_blocked', {aged} = 'dependency_blocked')) AS f (name, holds)
           WHERE {base} GROUP BY 1"
    );
    assert_eq!(found, counts(app, &sql));
    let aging = told(
        ["no_first_action", "stalled", "dependency_blocked"]
            .map(|name| (name.to_owned(), report["aging"][name].as_i64().unwrap())),
    );
    let sql = format!(
        "SELECT CASE WHEN r.blocker IS NOT NULL THEN 'dependency_blocked' WHEN r.status IN ('received', 'quarantined') THEN 'no_first_action' ELSE 'stalled' END AS name, count(*) AS count
           FROM referrals r WHERE {base} AND (r.blocker IS NOT NULL OR r.next_action_due_at <= '{now}') GROUP BY 1"
    );
    assert_eq!(aging, counts(app, &sql));
}

pub async fn signal_is_true(app: &App, before: (&str, &str), after: (&str, &str)) {
    let query = format!("before_from={}&before_until={}&after_from={}&after_until={}", before.0, before.1, after.0, after.1);
    let report = app.coordinator().get(&format!("/v1/reports/workflow-signal?{query}")).await.expect(200).body;
    for (side, (from, until)) in [("before", before), ("after", after)] {
        let asked = asked(app, from, until, "", "true");
        let condition = &asked.where_recorded;
        let truth = source_truth(app, condition);
        assert_eq!(report[format!("referrals_{side}")], truth["volume"]);
        assert_eq!(report["incomplete"][side]["count"], truth["volume"] - truth["complete"]);
        assert_eq!(report["time_to_first_action"][side]["count"], truth["time_to_first_action"]);
        let steps = "(SELECT count(*) FROM events e WHERE e.site_id = r.site_id AND e.subject_id = r.id AND e.event_type = 'referral.escalated')";
        let sql = format!(
            "SELECT 'stalled' AS name, count(*) FILTER (WHERE {steps} > 0) AS count FROM referrals r WHERE {condition}
             UNION ALL SELECT 'steps', sum({steps})::bigint FROM referrals r WHERE {condition}"
        );
        let truth = counts(app, &sql);
        assert_eq!(report["stalled"][side]["count"].as_i64(), truth.get("stalled").copied());
        assert_eq!(report["escalations"][side].as_i64(), truth.get("steps").copied());
    }
}
