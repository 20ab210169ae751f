// @generated automatically by Diesel CLI.

diesel::table! {
    alert_channel_states (site_id, member_id, channel) {
        site_id -> Uuid,
        member_id -> Uuid,
        channel -> Text,
        failing_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    alert_deliveries (site_id, alert_id, channel) {
        site_id -> Uuid,
        alert_id -> Uuid,
        channel -> Text,
        status -> Text,
        attempts -> Int4,
        next_attempt_at -> Nullable<Timestamptz>,
        leased_until -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        first_failed_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    alert_webhooks (site_id) {
        site_id -> Uuid,
        url -> Text,
        secret_id -> Uuid,
        secret_key_id -> Bytea,
        previous_secret_id -> Nullable<Uuid>,
        previous_key_id -> Nullable<Bytea>,
        previous_until -> Nullable<Timestamptz>,
        disabled_at -> Nullable<Timestamptz>,
        disabled_reason -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    alerts (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        member_id -> Uuid,
        kind -> Text,
        referral_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        confirmed_at -> Nullable<Timestamptz>,
        taken_up_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    api_keys (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        principal_id -> Uuid,
        name -> Text,
        partner_id -> Nullable<Uuid>,
        scopes -> Array<Nullable<Text>>,
        is_test -> Bool,
        key_hash -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        version -> Int4,
        last_used_at -> Nullable<Timestamptz>,
        rotated_to_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    approved_processes (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        study_id -> Uuid,
        partner_id -> Nullable<Uuid>,
        fields -> Array<Nullable<Text>>,
        purpose -> Text,
        approval_reference -> Text,
        approved_by -> Uuid,
        valid_from -> Date,
        valid_until -> Date,
        revoked_at -> Nullable<Timestamptz>,
        revoked_by -> Nullable<Uuid>,
        revocation_reason -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    audit_entries (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        recorded_at -> Timestamptz,
        actor_kind -> Text,
        actor_id -> Nullable<Uuid>,
        api_key_id -> Nullable<Uuid>,
        partner_id -> Nullable<Uuid>,
        operation -> Text,
        subject_kind -> Text,
        subject_id -> Uuid,
        reason -> Nullable<Text>,
        request_id -> Nullable<Text>,
        before -> Nullable<Text>,
        after -> Nullable<Text>,
        salt -> Nullable<Bytea>,
        values_digest -> Bytea,
    }
}

diesel::table! {
    audit_seals (site_id, position) {
        site_id -> Uuid,
        position -> Int8,
        entry_id -> Uuid,
        hash -> Bytea,
    }
}

diesel::table! {
    away_windows (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        member_id -> Uuid,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    contact_withdrawals (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        digest -> Bytea,
        key_id -> Nullable<Bytea>,
        is_test -> Bool,
        received_at -> Timestamptz,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    duplicate_reviews (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        first_referral_id -> Uuid,
        second_referral_id -> Uuid,
        grounds -> Array<Nullable<Text>>,
        status -> Text,
        is_test -> Bool,
        opened_at -> Timestamptz,
        resolved_at -> Nullable<Timestamptz>,
        resolved_by -> Nullable<Uuid>,
        kept_referral_id -> Nullable<Uuid>,
        version -> Int4,
    }
}

diesel::table! {
    erased_digests (site_id, kind, digest) {
        site_id -> Uuid,
        kind -> Text,
        digest -> Bytea,
        key_id -> Nullable<Bytea>,
        erased_on -> Date,
    }
}

diesel::table! {
    event_positions (site_id, is_test, position) {
        site_id -> Uuid,
        is_test -> Bool,
        position -> Int8,
        event_id -> Uuid,
    }
}

diesel::table! {
    events (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        number -> Int8,
        audit_id -> Uuid,
        event_type -> Text,
        is_test -> Bool,
        subject_id -> Uuid,
        version -> Int4,
        partner_id -> Nullable<Uuid>,
        study_id -> Nullable<Uuid>,
        occurred_at -> Timestamptz,
        status_before -> Nullable<Text>,
        status_after -> Nullable<Text>,
        owner_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    handoff_routes (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        partner_id -> Uuid,
        study_id -> Uuid,
        channels -> Array<Nullable<Text>>,
        source_tag -> Text,
        intake_url -> Nullable<Text>,
        instruction -> Array<Nullable<Text>>,
        owner_id -> Uuid,
        backup_owner_id -> Uuid,
        duplicate_policy -> Text,
        approval_reference -> Nullable<Text>,
        acknowledge_due_hours -> Nullable<Int4>,
        contact_due_hours -> Nullable<Int4>,
        follow_up_due_hours -> Nullable<Int4>,
        status -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        may -> Array<Nullable<Text>>,
        may_not -> Array<Nullable<Text>>,
        monthly_capacity -> Nullable<Int4>,
    }
}

diesel::table! {
    idempotency_keys (site_id, principal_id, operation, key_digest) {
        site_id -> Uuid,
        principal_id -> Uuid,
        operation -> Text,
        key_digest -> Bytea,
        fingerprint -> Bytea,
        status -> Nullable<Int4>,
        location -> Nullable<Text>,
        etag -> Nullable<Text>,
        body -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    job_leases (site_id, job) {
        site_id -> Uuid,
        job -> Text,
        server_id -> Uuid,
        ran_at -> Timestamptz,
        outcome -> Text,
        done -> Int8,
        done_in_all -> Int8,
    }
}

diesel::table! {
    journal_heads (site_id) {
        site_id -> Uuid,
        live_position -> Int8,
        test_position -> Int8,
        audit_position -> Int8,
        audit_hash -> Bytea,
        kept_from -> Nullable<Date>,
        live_floor -> Int8,
        test_floor -> Int8,
        audit_floor -> Int8,
    }
}

diesel::table! {
    journal_queue (site_id, number) {
        site_id -> Uuid,
        number -> Int8,
        id -> Uuid,
        stream -> Text,
        partner_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    language_acknowledgements (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        partner_id -> Uuid,
        version_id -> Uuid,
        api_key_id -> Uuid,
        acknowledged_at -> Timestamptz,
    }
}

diesel::table! {
    language_versions (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        study_id -> Uuid,
        locale -> Text,
        audience -> Text,
        public_name -> Text,
        short_description -> Text,
        who_may_contact -> Text,
        what_site_reviews -> Text,
        what_not_to_promise -> Text,
        where_to_go -> Text,
        who_handles_questions -> Text,
        approval_reference -> Nullable<Text>,
        effective_on -> Nullable<Date>,
        expires_on -> Nullable<Date>,
        grace_days -> Int4,
        status -> Text,
        author_id -> Uuid,
        last_editor_id -> Uuid,
        submitted_at -> Nullable<Timestamptz>,
        return_reason -> Nullable<Text>,
        approved_by -> Nullable<Uuid>,
        approved_at -> Nullable<Timestamptz>,
        in_force_on -> Nullable<Date>,
        superseded_by_id -> Nullable<Uuid>,
        superseded_on -> Nullable<Date>,
        retired_on -> Nullable<Date>,
        retirement_reason -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    match_results (site_id, referral_id) {
        site_id -> Uuid,
        referral_id -> Uuid,
        partner_id -> Nullable<Uuid>,
        queued_at -> Timestamptz,
        matched_at -> Nullable<Timestamptz>,
        candidates -> Nullable<Int4>,
    }
}

diesel::table! {
    member_studies (site_id, member_id, study_id) {
        site_id -> Uuid,
        member_id -> Uuid,
        study_id -> Uuid,
    }
}

diesel::table! {
    members (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        display_name -> Text,
        email -> Text,
        role -> Text,
        is_site_lead -> Bool,
        active -> Bool,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        issuer -> Nullable<Text>,
        subject -> Nullable<Text>,
        alert_channels -> Array<Nullable<Text>>,
    }
}

diesel::table! {
    partner_reviews (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        partner_id -> Uuid,
        decision -> Text,
        reason -> Text,
        reviewed_at -> Timestamptz,
        reviewed_by -> Uuid,
    }
}

diesel::table! {
    partners (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        code -> Text,
        name -> Text,
        partner_type -> Text,
        jurisdiction -> Text,
        remuneration_basis -> Text,
        status -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        suspension_reason -> Nullable<Text>,
    }
}

diesel::table! {
    referral_digests (site_id, referral_id, kind) {
        site_id -> Uuid,
        referral_id -> Uuid,
        partner_id -> Nullable<Uuid>,
        kind -> Text,
        digest -> Bytea,
        key_id -> Nullable<Bytea>,
    }
}

diesel::table! {
    referral_import_batches (site_id, import_id, first_row) {
        site_id -> Uuid,
        import_id -> Uuid,
        first_row -> Int4,
        staged -> Text,
    }
}

diesel::table! {
    referral_import_keys (site_id, row_key) {
        site_id -> Uuid,
        row_key -> Bytea,
        content -> Bytea,
        referral_id -> Uuid,
    }
}

diesel::table! {
    referral_import_results (site_id, import_id, row_number) {
        site_id -> Uuid,
        import_id -> Uuid,
        row_number -> Int4,
        outcome -> Text,
        referral_id -> Nullable<Uuid>,
        faults -> Nullable<Text>,
    }
}

diesel::table! {
    referral_imports (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        status -> Text,
        stop_reason -> Nullable<Text>,
        format -> Text,
        encoding -> Nullable<Text>,
        delimiter -> Nullable<Text>,
        column_fields -> Array<Nullable<Text>>,
        dry_run -> Bool,
        actor_kind -> Text,
        actor_id -> Uuid,
        api_key_id -> Nullable<Uuid>,
        rows -> Int4,
        created -> Int4,
        unchanged -> Int4,
        refused -> Int4,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
        told_member_ids -> Array<Nullable<Uuid>>,
    }
}

wide_table! {
    referrals (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        partner_id -> Nullable<Uuid>,
        study_id -> Uuid,
        route_id -> Nullable<Uuid>,
        channel -> Text,
        source_tag -> Nullable<Text>,
        attribution -> Text,
        contact_basis -> Text,
        contact_path -> Text,
        handoff_code -> Nullable<Text>,
        partner_reference -> Nullable<Text>,
        external_ref -> Nullable<Text>,
        late_reason -> Nullable<Text>,
        owner_id -> Uuid,
        status -> Text,
        held_status -> Nullable<Text>,
        quarantine_reason -> Nullable<Text>,
        blocker -> Nullable<Text>,
        close_reason -> Nullable<Text>,
        reopen_reason -> Nullable<Text>,
        next_action -> Nullable<Text>,
        next_action_due_at -> Nullable<Timestamptz>,
        handoff_issues -> Array<Nullable<Text>>,
        is_test -> Bool,
        version -> Int4,
        received_at -> Timestamptz,
        recorded_at -> Timestamptz,
    }
    and {
        clock_started_at -> Timestamptz,
        acknowledged_at -> Nullable<Timestamptz>,
        contacting_at -> Nullable<Timestamptz>,
        connected_at -> Nullable<Timestamptz>,
        handed_off_at -> Nullable<Timestamptz>,
        closed_at -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
        partner_withdrawn_at -> Nullable<Timestamptz>,
        held_blocker -> Nullable<Text>,
        blocked_since -> Nullable<Timestamptz>,
        first_due_at -> Nullable<Timestamptz>,
        first_due_by_receipt_at -> Nullable<Timestamptz>,
        escalation -> Nullable<Text>,
        escalate_at -> Nullable<Timestamptz>,
        merged_into_id -> Nullable<Uuid>,
        language_version_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    refusals (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        partner_id -> Nullable<Uuid>,
        day -> Date,
        code -> Text,
        refused -> Int4,
        route_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    report_cells (site_id, basis, starts_on, study_id, partner_id, channel, owner_id, is_late) {
        site_id -> Uuid,
        basis -> Text,
        starts_on -> Date,
        study_id -> Uuid,
        partner_id -> Uuid,
        channel -> Text,
        owner_id -> Uuid,
        is_late -> Bool,
        figures -> Bytea,
    }
}

diesel::table! {
    report_channel_cells (site_id, basis, channel, starts_on, study_id, partner_id) {
        site_id -> Uuid,
        basis -> Text,
        channel -> Text,
        starts_on -> Date,
        study_id -> Uuid,
        partner_id -> Uuid,
        figures -> Bytea,
    }
}

diesel::table! {
    report_facts (site_id, referral_id) {
        site_id -> Uuid,
        referral_id -> Uuid,
        study_id -> Uuid,
        partner_id -> Uuid,
        channel -> Text,
        owner_id -> Uuid,
        is_late -> Bool,
        recorded_on -> Date,
        received_on -> Date,
        escalations -> Int4,
        figures -> Bytea,
    }
}

diesel::table! {
    report_heads (site_id) {
        site_id -> Uuid,
        position -> Int8,
        definitions -> Int4,
        time_zone -> Text,
        clearing -> Bool,
        closed_month -> Nullable<Date>,
    }
}

diesel::table! {
    report_late_cells (site_id, basis, is_late, starts_on, study_id, partner_id) {
        site_id -> Uuid,
        basis -> Text,
        is_late -> Bool,
        starts_on -> Date,
        study_id -> Uuid,
        partner_id -> Uuid,
        figures -> Bytea,
    }
}

diesel::table! {
    report_owner_cells (site_id, basis, owner_id, starts_on, study_id, partner_id) {
        site_id -> Uuid,
        basis -> Text,
        owner_id -> Uuid,
        starts_on -> Date,
        study_id -> Uuid,
        partner_id -> Uuid,
        figures -> Bytea,
    }
}

diesel::table! {
    report_releases (site_id, audience, study_id, partner_id, ends_on) {
        site_id -> Uuid,
        audience -> Text,
        study_id -> Uuid,
        partner_id -> Uuid,
        ends_on -> Date,
        starts_on -> Date,
        released_at -> Timestamptz,
        shown -> Text,
    }
}

diesel::table! {
    report_source_cells (site_id, basis, starts_on, study_id, partner_id) {
        site_id -> Uuid,
        basis -> Text,
        starts_on -> Date,
        study_id -> Uuid,
        partner_id -> Uuid,
        figures -> Bytea,
    }
}

diesel::table! {
    route_configurations (site_id, route_id, number) {
        site_id -> Uuid,
        route_id -> Uuid,
        number -> Int4,
        configuration_hash -> Text,
        channels -> Array<Nullable<Text>>,
        instruction -> Array<Nullable<Text>>,
        source_tag -> Text,
        intake_url -> Text,
        owner_id -> Uuid,
        backup_owner_id -> Uuid,
        duplicate_policy -> Text,
        approval_reference -> Nullable<Text>,
        acknowledge_due_hours -> Nullable<Int4>,
        contact_due_hours -> Nullable<Int4>,
        follow_up_due_hours -> Nullable<Int4>,
        recorded_at -> Timestamptz,
        operation -> Text,
        actor_kind -> Text,
        actor_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    route_counts (site_id, route_id, month) {
        site_id -> Uuid,
        route_id -> Uuid,
        month -> Date,
        partner_id -> Uuid,
        recorded -> Int4,
    }
}

diesel::table! {
    sealed_details (site_id, referral_id) {
        site_id -> Uuid,
        referral_id -> Uuid,
        partner_id -> Uuid,
        fields -> Array<Nullable<Text>>,
        key_id -> Bytea,
        nonce -> Bytea,
        ciphertext -> Bytea,
        sealed_at -> Timestamptz,
    }
}

diesel::table! {
    sites (site_id) {
        site_id -> Uuid,
        name -> Text,
        time_zone -> Text,
        default_phone_region -> Text,
        intake_url -> Text,
        acknowledge_due_hours -> Int4,
        contact_due_hours -> Int4,
        follow_up_due_hours -> Int4,
        suppression_threshold -> Int4,
        is_sample -> Bool,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        business_hours -> Array<Nullable<Text>>,
        holidays -> Array<Nullable<Text>>,
        escalation_hours -> Int4,
        sealed_details_retention_days -> Int4,
        contact_digests_retention_days -> Int4,
    }
}

diesel::table! {
    studies (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        code -> Text,
        public_name -> Text,
        short_description -> Text,
        protocol_code -> Text,
        registry_id -> Nullable<Text>,
        status -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    test_run_steps (site_id, run_id, step) {
        site_id -> Uuid,
        run_id -> Uuid,
        step -> Text,
        partner_id -> Uuid,
        result -> Text,
        failure -> Nullable<Text>,
        happened_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    test_runs (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        route_id -> Uuid,
        partner_id -> Uuid,
        persona -> Nullable<Text>,
        configuration_hash -> Text,
        status -> Text,
        opened_by -> Uuid,
        opened_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        referral_id -> Nullable<Uuid>,
        copy_referral_id -> Nullable<Uuid>,
        alert_id -> Nullable<Uuid>,
        looked_at -> Nullable<Timestamptz>,
        version -> Int4,
    }
}

diesel::table! {
    webhook_deliveries (site_id, endpoint_id, position) {
        site_id -> Uuid,
        endpoint_id -> Uuid,
        position -> Int8,
        event_id -> Uuid,
        event_type -> Text,
        status -> Text,
        attempts -> Int4,
        failures -> Int4,
        next_attempt_at -> Nullable<Timestamptz>,
        leased_until -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        created_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    webhook_endpoints (site_id, id) {
        site_id -> Uuid,
        id -> Uuid,
        url -> Text,
        event_types -> Array<Nullable<Text>>,
        is_test -> Bool,
        position -> Int8,
        secret_id -> Uuid,
        secret_key_id -> Bytea,
        previous_secret_id -> Nullable<Uuid>,
        previous_key_id -> Nullable<Bytea>,
        previous_until -> Nullable<Timestamptz>,
        failing_since -> Nullable<Timestamptz>,
        disabled_at -> Nullable<Timestamptz>,
        disabled_reason -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}
