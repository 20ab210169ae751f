//! Many referrals at once, sown in the database by the script of the benchmark.

use diesel::connection::SimpleConnection as _;

use crate::support::App;

/// Sows this many referrals of the app's site over these days.
pub fn sow(app: &App, count: u32, since: &str, days: u32, open: u32) {
    let script = include_str!("../../../benches/reports/sow.sql")
        .replace("{site}", &app.site.id.to_string())
        .replace("{count}", &count.to_string())
        .replace("{since}", since)
        .replace("{days}", &days.to_string())
        .replace("{open}", &open.to_string())
        .replace("{told}", "true");
    app.db.superuser().batch_execute(&script).unwrap();
}
