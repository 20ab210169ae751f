//! A row that may be inserted into each table.

use crate::support::make::Site;

/// A new row of the site's first partner, beside those that are there.
pub fn insert(table: &str, site: &Site) -> String {
    let (id, partner, member) = (site.id, site.partner.id, site.coordinator);
    let referral = format!(
        "SELECT '{id}'::uuid, gen_random_uuid(), '{partner}'::uuid, '{}'::uuid, '{}'::uuid, 'secure_form', 't', 'verified',
            'permission_to_contact', 'site_record', 'x', '{member}'::uuid, 'received', 'acknowledge', now(), '{{}}'::text[], false, 1, now(), now(), now(), now()",
        site.study, site.partner.route
    );
    let values = match table {
        "sites" => "(site_id, name, time_zone, default_phone_region, intake_url, acknowledge_due_hours, contact_due_hours, follow_up_due_hours,
            suppression_threshold, is_sample, version, created_at, updated_at)
            VALUES (gen_random_uuid(), 'x', 'UTC', 'US', 'https://x.example', 1, 1, 1, 11, false, 1, now(), now())".into(),
        "members" => format!("VALUES ('{id}', gen_random_uuid(), 'x', 'x@x.example', 'viewer', false, true, 1, now(), now())"),
        "alerts" => format!("VALUES ('{id}', gen_random_uuid(), '{member}', 'test', null, now(), null)"),
        "alert_deliveries" => {
            format!("VALUES ('{id}', gen_random_uuid(), 'email', 'pending', 0, now(), null, null, null, null)")
        }
        "alert_channel_states" => format!("VALUES ('{id}', '{member}', 'webhook', now())"),
        "alert_webhooks" => format!(
            "VALUES ('{id}', 'https://x.example', gen_random_uuid(), '\\x0001020304050607', null, null, null, null, null, 1, now(), now())"
        ),
        "webhook_endpoints" => format!(
            "VALUES ('{id}', gen_random_uuid(), 'https://x.example', '{{}}', false, 0, gen_random_uuid(), '\\x0001020304050607', null, null, null, null, null, null, 1, now(), now())"
        ),
        "webhook_deliveries" => format!(
            "VALUES ('{id}', gen_random_uuid(), 1, gen_random_uuid(), 'referral.received', 'pending', 0, 0, now(), null, null, now(), null)"
        ),
        "referral_imports" => format!(
            "VALUES ('{id}', gen_random_uuid(), 'queued', null, 'csv', null, null, '{{}}', false, 'staff', '{member}', null, 1, 0, 0, 0, 1, now(), now(), null, null)"
        ),
        "referral_import_batches" => format!("VALUES ('{id}', gen_random_uuid(), 1, '[]')"),
        "referral_import_results" => format!("VALUES ('{id}', gen_random_uuid(), 1, 'unchanged', null, null)"),
        "referral_import_keys" => {
            format!("VALUES ('{id}', decode(repeat('01', 16), 'hex'), decode(repeat('00', 16), 'hex'), gen_random_uuid())")
        }
        "away_windows" => {
            format!("VALUES ('{id}', gen_random_uuid(), '{member}', now(), now() + interval '1 day', 1, now(), now())")
        }
        "partner_reviews" => format!("VALUES ('{id}', gen_random_uuid(), '{partner}', 'continue', 'routine', now(), '{member}')"),
        "test_runs" => format!(
            "VALUES ('{id}', gen_random_uuid(), '{}', '{partner}', null, repeat('0', 64), 'cancelled', '{member}', now(), now() + interval '7 days', now(), null, null, null, null, 1)",
            site.partner.route
        ),
        "test_run_steps" => format!("VALUES ('{id}', gen_random_uuid(), 'attribution', '{partner}', 'waiting', null, null)"),
        "member_studies" => format!("VALUES ('{id}', '{}', '{}')", site.admin, site.study),
        "studies" => format!("VALUES ('{id}', gen_random_uuid(), 'xx', 'x', 'x', 'x', null, 'open', 1, now(), now())"),
        "partners" => format!("VALUES ('{id}', gen_random_uuid(), 'xx', 'x', 'registry', 'US', 'none', 'draft', 1, now(), now())"),
        "api_keys" => format!(
            "VALUES ('{id}', gen_random_uuid(), '{partner}', 'x', '{partner}', '{{partner}}', false, sha256(gen_random_uuid()::text::bytea), now(), null, null)"
        ),
        "handoff_routes" => format!(
            "VALUES ('{id}', gen_random_uuid(), '{partner}', gen_random_uuid(), '{{secure_form}}', 'x', null, '{{x}}', '{member}', '{}', 'review_all',
             null, null, null, null, 'draft', 1, now(), now(), '{{mention_study}}',
             '{{imply_eligibility,enrol_or_consent,answer_consent_questions,collect_health_information}}', null)", site.admin
        ),
        "route_counts" => format!("VALUES ('{id}', '{}', '2026-07-01', '{partner}', 1)", site.partner.route),
        "route_configurations" => format!(
            "VALUES ('{id}', '{}', 9, repeat('a', 64), '{{secure_form}}', '{{x}}', 'x', 'https://x.example', '{member}', '{member}', 'review_all',
             null, null, null, null, now(), 'create_route', 'staff', null)", site.partner.route
        ),
        "referrals" => format!("(site_id, id, partner_id, study_id, route_id, channel, source_tag, attribution, contact_basis, contact_path,
            external_ref, owner_id, status, next_action, next_action_due_at, handoff_issues, is_test, version, received_at, recorded_at,
            clock_started_at, updated_at) {referral}"),
        "language_versions" => format!(
            "(site_id, id, study_id, locale, audience, public_name, short_description, who_may_contact, what_site_reviews, what_not_to_promise,
                where_to_go, who_handles_questions, grace_days, status, author_id, last_editor_id, version, created_at, updated_at)
             VALUES ('{id}', gen_random_uuid(), '{}', 'en', 'general_public', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 14, 'draft', '{member}', '{member}',
                1, now(), now())", site.study
        ),
        "language_acknowledgements" => {
            format!("VALUES ('{id}', gen_random_uuid(), '{partner}', gen_random_uuid(), gen_random_uuid(), now())")
        }
        "approved_processes" => format!(
            "VALUES ('{id}', gen_random_uuid(), '{}', '{partner}', '{{age_band}}', 'recruitment_plan', 'x', '{member}', '2026-06-01', '2026-12-31',
                null, null, null, 1, now(), now())", site.study
        ),
        "referral_digests" => format!("VALUES ('{id}', gen_random_uuid(), '{partner}', 'phone', sha256('x'))"),
        "sealed_details" => format!(
            "VALUES ('{id}', gen_random_uuid(), '{partner}', '{{age_band}}', '\\x0001020304050607', substr(sha256('x'), 1, 12),
                decode(repeat('00', 528), 'hex'), now())"
        ),
        "match_results" => format!("VALUES ('{id}', gen_random_uuid(), '{partner}', now(), null, null)"),
        "duplicate_reviews" => format!(
            "VALUES ('{id}', gen_random_uuid(), '{}', '{member}', '{{phone}}', 'open', false, now(), null, null, null, 1)",
            uuid::Uuid::nil()
        ),
        "contact_withdrawals" => {
            format!("VALUES ('{id}', gen_random_uuid(), 'phone', sha256('x'), null, false, now(), now())")
        }
        "erased_digests" => format!("VALUES ('{id}', 'phone', sha256('x'), null, now())"),
        "idempotency_keys" => format!("VALUES ('{id}', '{partner}', 'x', sha256('x'), sha256('x'), null, null, null, null, now())"),
        "refusals" => format!("VALUES ('{id}', gen_random_uuid(), '{partner}', '2026-06-02', 'unknown_field', 1)"),
        "audit_entries" => format!(
            "(site_id, id, recorded_at, actor_kind, partner_id, operation, subject_kind, subject_id, values_digest)
             VALUES ('{id}', gen_random_uuid(), now(), 'partner_key', '{partner}', 'x', 'referral', gen_random_uuid(), sha256('x'))"
        ),
        "audit_seals" => format!("VALUES ('{id}', 9, gen_random_uuid(), sha256('x'))"),
        "event_positions" => format!("VALUES ('{id}', false, 9, gen_random_uuid())"),
        "events" => format!(
            "(site_id, id, audit_id, event_type, is_test, subject_id, version, partner_id, occurred_at)
             VALUES ('{id}', gen_random_uuid(), gen_random_uuid(), 'referral.received', false, gen_random_uuid(), 1, '{partner}', now())"
        ),
        "report_heads" => format!("VALUES ('{id}', 0, 1, 'UTC', false, null)"),
        "report_facts" => format!(
            "VALUES ('{id}', gen_random_uuid(), '{}', '{partner}', 'secure_form', '{member}', false, '2026-06-02', '2026-06-02', 0, '')",
            site.study
        ),
        "report_cells" => {
            format!("VALUES ('{id}', 'recorded_day', '2026-06-02', '{}', '{partner}', 'secure_form', '{member}', false, '')", site.study)
        }
        "report_owner_cells" => {
            format!("VALUES ('{id}', 'recorded_day', '{member}', '2026-06-02', '{}', '{partner}', '')", site.study)
        }
        "report_channel_cells" => {
            format!("VALUES ('{id}', 'recorded_day', 'secure_form', '2026-06-02', '{}', '{partner}', '')", site.study)
        }
        "report_late_cells" => format!("VALUES ('{id}', 'recorded_day', false, '2026-06-02', '{}', '{partner}', '')", site.study),
        "report_source_cells" => format!("VALUES ('{id}', 'recorded_day', '2026-06-02', '{}', '{partner}', '')", site.study),
        "report_releases" => {
            format!("VALUES ('{id}', 'partner', '{}', '{partner}', '2026-07-31', '2026-07-01', now(), '{{}}')", site.study)
        }
        "job_leases" => format!("VALUES ('{id}', 'housekeeping', gen_random_uuid(), now(), 'done', 0, 0)"),
        "journal_heads" => format!("VALUES ('{id}', 0, 0, 0, sha256('x'))"),
        "journal_queue" => format!("(site_id, id, stream, partner_id) VALUES ('{id}', gen_random_uuid(), 'event', '{partner}')"),
        other => panic!("say in `insert` what a row of `{other}` is"),
    };
    format!("INSERT INTO {table} {values}")
}
