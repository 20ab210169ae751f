//! What was asked of this process and what it answered, in counts and times by route: for `/metrics`, and about nobody.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use metrics::{counter, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

use crate::domain::ids::SiteId;

const TOOK: &str = "handoff_http_request_duration_seconds";
const ANSWERED: &str = "handoff_http_requests_total";
const REFUSED: &str = "handoff_http_problems_total";
const OF_SITE: &str = "handoff_site_requests_total";

/// Ends of the classes of time, in seconds.
const SECONDS: [f64; 13] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// Requests between two times that what they took is put into its classes: until then each is kept.
const UPKEEP: u32 = 1 << 12;

/// The requests of a process.
pub struct Requests {
    recorder: PrometheusRecorder,
    counted: AtomicU32,
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Requests")
    }
}

impl Default for Requests {
    fn default() -> Self {
        // The classes are in ascending order and not empty: nothing else can be wrong with them.
        let builder = PrometheusBuilder::new();
        let builder = builder.set_buckets_for_metric(Matcher::Full(TOOK.to_owned()), &SECONDS).unwrap_or_default();
        let recorder = builder.build_recorder();
        metrics::with_local_recorder(&recorder, || {
            metrics::describe_histogram!(TOOK, "How long requests took, by route.");
            metrics::describe_counter!(ANSWERED, "Requests by route and status.");
            metrics::describe_counter!(REFUSED, "Refusals and failures by code.");
            metrics::describe_counter!(OF_SITE, "Requests of known callers by site.");
        });
        Self { recorder, counted: AtomicU32::new(0) }
    }
}

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The method.
    pub method: &'static str,
    /// The route's pattern, never its path.
    pub route: &'a str,
    /// The status.
    pub status: u16,
    /// The code of the problem, if it is one.
    pub problem: Option<&'static str>,
    /// Whose caller it was, if it was known.
    pub site: Option<SiteId>,
    /// How long it took.
    pub took: Duration,
}

impl Requests {
    /// Counts a request.
    pub fn count(&self, answered: Answered<'_>) {
        let Answered { method, route, status, problem, site, took } = answered;
        let route = route.to_owned();
        metrics::with_local_recorder(&self.recorder, || {
            histogram!(TOOK, "method" => method, "route" => route.clone()).record(took.as_secs_f64());
            counter!(ANSWERED, "method" => method, "route" => route, "status" => status.to_string()).increment(1);
            if let Some(code) = problem {
                counter!(REFUSED, "code" => code).increment(1);
            }
            if let Some(site) = site {
                counter!(OF_SITE, "site" => site.to_string()).increment(1);
            }
        });
        if self.counted.fetch_add(1, Ordering::Relaxed) % UPKEEP == UPKEEP - 1 {
            self.recorder.handle().run_upkeep();
        }
    }

    /// The counts in Prometheus's text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.recorder.handle().render()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_and_status_and_their_times_in_classes() {
        let requests = Requests::default();
        let answered = Answered {
            method: "GET",
            route: "/v1/referrals/{id}",
            status: 404,
            problem: Some("not_found"),
            site: Some(SiteId(uuid::Uuid::from_u128(7))),
            took: Duration::from_millis(3),
        };
        requests.count(answered);
        requests.count(Answered { status: 200, problem: None, site: None, ..answered });
        let text = requests.render();
        for line in [
            "handoff_http_requests_total{method=\"GET\",route=\"/v1/referrals/{id}\",status=\"404\"} 1",
            "handoff_http_request_duration_seconds_bucket{method=\"GET\",route=\"/v1/referrals/{id}\",le=\"0.002\"} 0",
            "handoff_http_request_duration_seconds_bucket{method=\"GET\",route=\"/v1/referrals/{id}\",le=\"0.005\"} 2",
            "handoff_http_request_duration_seconds_count{method=\"GET\",route=\"/v1/referrals/{id}\"} 2",
            "handoff_http_problems_total{code=\"not_found\"} 1",
            "handoff_site_requests_total{site=\"00000000-0000-0000-0000-000000000007\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
