//! The context of one transaction never reaches the next borrower of its connection.

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _};
use handoff::auth::operator_scope;
use handoff::db::{APP_ROLE, Db, Deadline, Limits, Whose};
use handoff::domain::ids::SiteId;
use handoff::error::{AppError, ErrorCode};

use super::rows::Sown;
use super::texts;
use crate::support::App;
use crate::support::app::Setup;
use crate::support::make;

/// What a transaction sees of its context, and of everybody's rows.
#[derive(QueryableByName, Debug, PartialEq, Eq)]
struct Seen {
    #[diesel(sql_type = diesel::sql_types::Text)]
    site: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    partner: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    sites_of_rows: String,
}

fn look(conn: &mut PgConnection) -> Result<Seen, AppError> {
    Ok(diesel::sql_query(
        "SELECT coalesce(current_setting('app.site_id', true), '') AS site, coalesce(current_setting('app.partner_id', true), '') AS partner,
                coalesce((SELECT string_agg(DISTINCT site_id::text, ' ') FROM referrals), '') AS sites_of_rows",
    )
    .get_result(conn)?)
}

fn expected(site: Option<SiteId>) -> Seen {
    let site = site.map(|site| site.to_string()).unwrap_or_default();
    Seen { site: site.clone(), partner: String::new(), sites_of_rows: site }
}

fn one_connection(sown: &Sown) -> Db {
    let limits = Limits { connections: 1, waiting: 10, deadline: Duration::from_secs(10), cache_statements: true };
    Db::new(&sown.db.url(APP_ROLE), limits)
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

#[actix_web::test]
async fn a_pool_of_one_keeps_nothing_between_sites_failures_and_panics() {
    keeps_nothing(600).await;
}

/// The long form: ten thousand transactions, a panic in every twelfth.
#[ignore = "long: cargo test --test api -- --ignored ten_thousand"]
#[actix_web::test]
async fn a_pool_of_one_keeps_nothing_over_ten_thousand_transactions() {
    keeps_nothing(5_000).await;
}

async fn keeps_nothing(rounds: usize) {
    let sown = Sown::sow();
    let db = one_connection(&sown);
    let mut panics = 0;
    for round in 0..rounds {
        let site = if round % 2 == 0 { sown.site.id } else { sown.other.id };
        let scope = operator_scope(site);
        match round % 6 {
            0 => {
                // Unwinds like a panic, without the noise of its message.
                let panicked = db
                    .transact(scope, soon(), |conn| -> Result<(), AppError> {
                        look(conn)?;
                        std::panic::resume_unwind(Box::new("in the middle of a transaction"))
                    })
                    .await;
                assert_eq!(panicked.unwrap_err().code, ErrorCode::Internal);
                panics += 1;
            }
            1 => {
                let refused = db
                    .transact(scope, soon(), |conn| -> Result<(), AppError> {
                        look(conn)?;
                        Err(AppError::new(ErrorCode::StateConflict))
                    })
                    .await;
                assert_eq!(refused.unwrap_err().code, ErrorCode::StateConflict);
            }
            2 => {
                let failed = db.transact(scope, soon(), |conn| Ok(diesel::sql_query("SELECT 1 / 0").execute(conn)?)).await;
                assert!(failed.is_err());
            }
            _ => assert_eq!(db.transact(scope, soon(), look).await.unwrap(), expected(Some(site)), "round {round}"),
        }
        assert_eq!(db.look_up(Whose::House, soon(), look).await.unwrap(), expected(None), "after round {round}");
    }
    println!("pool of one: {} transactions, {panics} panics, 0 leaks", 2 * rounds);
}

/// The negative control: what a session-wide `SET` would do, this test sees.
#[actix_web::test]
async fn a_session_wide_setting_would_be_seen_by_the_next_borrower() {
    let sown = Sown::sow();
    let db = one_connection(&sown);
    let site = sown.other.id;
    let set = move |conn: &mut PgConnection| {
        Ok(diesel::sql_query(format!("SELECT set_config('app.site_id', '{site}', false)")).execute(conn)?)
    };
    db.transact(operator_scope(sown.site.id), soon(), set).await.unwrap();
    assert_eq!(
        db.look_up(Whose::House, soon(), look).await.unwrap(),
        expected(Some(site)),
        "the leak that the rounds would find"
    );
}

/// Queries keep to the caller's own rows by themselves; whether the policies do so beside them is seen from inside the transaction.
#[actix_web::test]
async fn each_request_works_under_the_context_of_its_site_and_of_its_partner() {
    let app = App::start().await;
    make::sent(&app.partner()).await;
    make::sent(&app.sibling_partner()).await;
    app.db
        .superuser()
        .batch_execute(
            "CREATE TABLE public.seen (site text, partner text);
             GRANT INSERT ON public.seen TO PUBLIC;
             CREATE FUNCTION public.look() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
               BEGIN
                 INSERT INTO public.seen VALUES (current_setting('app.site_id', true), coalesce(current_setting('app.partner_id', true), ''));
                 RETURN true;
               END $$;
             GRANT EXECUTE ON FUNCTION public.look() TO PUBLIC;
             CREATE POLICY look ON referrals AS RESTRICTIVE FOR SELECT TO PUBLIC USING (public.look())",
        )
        .unwrap();
    let seen = || texts(&mut app.db.superuser(), "SELECT DISTINCT site || ' ' || partner AS text FROM public.seen ORDER BY text");
    for caller in [app.partner(), app.sibling_partner(), app.coordinator()] {
        caller.get("/v1/referrals").await.expect(200);
    }
    let (site, partners) = (app.site.id, [app.site.partner.id, app.site.sibling.id]);
    let mut partners = partners.map(|partner| format!("{site} {partner}"));
    partners.sort();
    let everybody: Vec<String> = std::iter::once(format!("{site} ")).chain(partners.clone()).collect();
    assert_eq!(seen(), everybody);
    // On its way a partner's referral asks what the partner must not know: the limit that was lifted for it is there again when it is written.
    app.db
        .superuser()
        .batch_execute(
            "TRUNCATE public.seen; DROP POLICY look ON referrals;
             CREATE POLICY look ON referrals AS RESTRICTIVE FOR INSERT TO PUBLIC WITH CHECK (public.look())",
        )
        .unwrap();
    for partner in [app.partner(), app.sibling_partner()] {
        make::sent(&partner).await;
    }
    assert_eq!(seen(), partners);
}

#[actix_web::test]
async fn partners_and_sites_that_share_one_connection_see_their_own() {
    let app = App::start_with(Setup { connections: 1, ..Setup::default() }).await;
    let own = make::sent(&app.partner()).await.id();
    let sibling = make::sent(&app.sibling_partner()).await.id();
    let other_admin = app.member(&app.other_site, app.other_site.admin);
    let mut requests = 0;
    for _ in 0..50 {
        for (person, sees) in [
            (app.partner(), vec![own.clone()]),
            (app.admin(), vec![sibling.clone(), own.clone()]),
            (app.sibling_partner(), vec![sibling.clone()]),
            (other_admin.clone(), vec![]),
        ] {
            let listed = person.get("/v1/referrals").await.expect(200);
            let ids: Vec<&str> = listed.body["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
            let mut sees = sees;
            sees.sort_by(|a, b| b.cmp(a));
            assert_eq!(ids, sees);
            requests += 1;
        }
    }
    println!("one connection over HTTP: {requests} requests of 4 callers, 0 leaks");
}
