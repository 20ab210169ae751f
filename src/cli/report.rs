//! `handoff report NAME`: the site's reports for whoever is on the box, as a plain table with bars. Live and exact, as staff reads them.

use std::io::{self, Write as _};

use clap::{Args, ValueEnum};

use super::Failure;
use super::backend::Backend;
use crate::api::reports::{
    BlockersReport, Funnel, GetOpenWorkReport, GetReport, GetWorkflowSignalReport, MovementReport, NextActionsReport,
    ReportPeriod, SourceQualityReport, Table, WorkflowSignalReport,
};
use crate::clock::Clock;
use crate::config::Config;
use crate::db;
use crate::domain::ids::SiteId;
use crate::domain::text::{CalendarDate, Code};
use crate::error::AppError;
use crate::ops::Context;
use crate::store;

/// Which report, of what.
#[derive(Debug, Args)]
pub(super) struct ReportCommand {
    /// The report.
    #[arg(value_enum)]
    name: Name,
    /// The site; may be left out where there is one.
    #[arg(long)]
    site: Option<SiteId>,
    /// The first day, on the site's calendar: for source-quality and movement.
    #[arg(long, value_name = "DAY")]
    from: Option<CalendarDate>,
    /// The last day, included: for source-quality and movement.
    #[arg(long, value_name = "DAY")]
    until: Option<CalendarDate>,
    /// The day of a change: for workflow-signal.
    #[arg(long, value_name = "DAY")]
    changed_on: Option<CalendarDate>,
    /// Only this study, by code.
    #[arg(long)]
    study: Option<Code>,
    /// Only this partner, by code.
    #[arg(long)]
    partner: Option<Code>,
    /// Every column, as CSV.
    #[arg(long)]
    csv: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    SourceQuality,
    Movement,
    Blockers,
    NextActions,
    WorkflowSignal,
}

impl Name {
    /// The columns that a terminal has room for; the bar is of the first that is marked.
    const fn columns(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::SourceQuality => (
                &[
                    "partner",
                    "study",
                    "volume",
                    "complete_share",
                    "wrong_study",
                    "connected_share",
                    "handed_off_share",
                    "time_to_first_action_p50_seconds",
                ],
                "volume",
            ),
            Self::Movement => {
                (&["week", "received", "acknowledged", "contacting", "connected", "handed_off", "completed", "open"], "received")
            }
            Self::Blockers => (&["blocker", "owner_id", "open", "over_7_days", "oldest_since"], "open"),
            Self::NextActions => (&["next_action", "owner_id", "aging", "open", "due_within_24_hours", "overdue"], "open"),
            Self::WorkflowSignal => (&["signal", "before_count", "before", "after_count", "after", "unit", "verdict", "p"], ""),
        }
    }
}

/// The longest bar, in characters.
const BAR: usize = 30;

pub(super) fn run(config: &Config, command: &ReportCommand) -> Result<(), Failure> {
    let backend = Backend::open(config)?;
    let mut conn = backend.connect()?;
    let known = db::in_directory(&mut conn, |conn| Ok(store::sites::list_all(conn)?))?;
    let site = match (command.site, known.as_slice()) {
        (Some(site), known) if known.contains(&site) => site,
        (Some(_), _) => return Err("there is no site with this id".into()),
        (None, [site]) => *site,
        (None, []) => return Err("there is no site yet".into()),
        (None, _) => return Err("there are several sites: name one with --site".into()),
    };
    let now = Clock::System.now();
    let counted = db::in_snapshot(&mut conn, site, |conn, scope| told(conn, &Context::of_operator(*scope, now), command));
    let told = counted.map_err(|error| -> Failure { explain(&error).into() })?;
    let mut out = io::stdout().lock();
    if command.csv {
        for line in &told.lines {
            out.write_all(&crate::api::csv::record(line.iter().map(String::as_str))?)?;
        }
    } else {
        writeln!(out, "site {site}, {}", told.about)?;
        out.write_all(drawn(&told.lines, command.name).as_bytes())?;
    }
    Ok(())
}

/// A report as it is printed.
struct Told {
    /// What it is about, in one line.
    about: String,
    /// The header and the lines.
    lines: Vec<Vec<String>>,
}

impl Told {
    fn of<T: Table>(report: &T, about: String) -> Self {
        Self { about, lines: std::iter::once(T::header()).chain(report.lines()).collect() }
    }

    /// Cohorts are drawn week by week, and exported figure by figure.
    fn of_cohorts(report: &MovementReport, about: String) -> Self {
        let header = std::iter::once("week").chain(Funnel::NAMES).map(str::to_owned).collect();
        let weeks = report.cohorts.iter().map(|cohort| {
            std::iter::once(cohort.week.to_string()).chain(cohort.funnel.counts().map(|count| count.to_string())).collect()
        });
        Self { about, lines: std::iter::once(header).chain(weeks).collect() }
    }
}

fn days(period: ReportPeriod) -> String {
    format!("{} to {}", period.from, period.until)
}

/// What was wrong with the question, in one sentence.
fn explain(error: &AppError) -> String {
    let faults: Vec<String> =
        error.faults().iter().map(|fault| format!("{}: {}", fault.pointer.trim_start_matches('/'), fault.message)).collect();
    if faults.is_empty() { error.to_string() } else { faults.join(" ") }
}

fn told(conn: &mut db::Conn, context: &Context, command: &ReportCommand) -> Result<Told, AppError> {
    let (study, partner) = (command.study.clone(), command.partner.clone());
    let of_period = GetReport {
        from: command.from.clone(),
        until: command.until.clone(),
        study: study.clone(),
        partner: partner.clone(),
        ..GetReport::default()
    };
    let of_work = GetOpenWorkReport { study: study.clone(), partner: partner.clone(), ..GetOpenWorkReport::default() };
    Ok(match command.name {
        Name::SourceQuality => {
            let report = SourceQualityReport::count(conn, context, &of_period)?;
            let about = format!("referrals recorded {}: {}", days(report.period), report.total.volume);
            Told::of(&report, about)
        }
        Name::Movement => {
            let report = MovementReport::count(conn, context, &of_period)?;
            let MovementReport { period, received, fell_through, reopened, escalated, .. } = &report;
            let about = format!(
                "{}: {received} recorded, {fell_through} handoffs fell through, {reopened} opened again, {escalated} escalations; how far each week came:",
                days(*period)
            );
            if command.csv { Told::of(&report, about) } else { Told::of_cohorts(&report, about) }
        }
        Name::Blockers => {
            let report = BlockersReport::count(conn, context, &of_work)?;
            Told::of(&report, format!("waiting now: {}", report.open))
        }
        Name::NextActions => {
            let report = NextActionsReport::count(conn, context, &of_work)?;
            Told::of(&report, format!("open now: {}, overdue: {}", report.open, report.overdue))
        }
        Name::WorkflowSignal => {
            let changed_on = command.changed_on.clone();
            let asked = GetWorkflowSignalReport { changed_on, study, partner, ..GetWorkflowSignalReport::default() };
            let report = WorkflowSignalReport::count(conn, context, &asked)?;
            let WorkflowSignalReport { referrals_before, referrals_after, .. } = report;
            let (before, after) = (days(report.before), days(report.after));
            Told::of(&report, format!("{before} ({referrals_before} referrals) beside {after} ({referrals_after})"))
        }
    })
}

/// The columns that fit, aligned, with a bar at the end of each line.
fn drawn(lines: &[Vec<String>], name: Name) -> String {
    let (columns, bar) = name.columns();
    let Some(header) = lines.first() else { return String::new() };
    let place = |column: &str| header.iter().position(|cell| cell == column);
    let places: Vec<usize> = columns.iter().filter_map(|column| place(column)).collect();
    let cell = |line: &[String], place: usize| line.get(place).cloned().unwrap_or_default();
    let widths: Vec<usize> =
        places.iter().map(|at| lines.iter().map(|line| cell(line, *at).chars().count()).max().unwrap_or(0)).collect();
    let measured = |line: &[String]| place(bar).and_then(|at| cell(line, at).parse::<usize>().ok());
    let most = lines.iter().filter_map(|line| measured(line)).max().unwrap_or(0).max(1);
    let mut text = String::new();
    for line in lines {
        let cells = places.iter().zip(&widths).map(|(at, width)| {
            let cell = cell(line, *at);
            let is_number = cell.parse::<f64>().is_ok();
            if is_number { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        let drawn = measured(line).map(|count| "█".repeat((count * BAR).div_ceil(most))).unwrap_or_default();
        let whole = cells.chain(std::iter::once(drawn)).collect::<Vec<_>>().join("  ");
        text.push_str(whole.trim_end());
        text.push('\n');
    }
    if lines.len() == 1 {
        text.push_str("nothing to show\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_its_bars_are_to_scale() {
        let line = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let lines = [
            line(&["blocker", "owner_id", "open", "under_1_day", "over_7_days", "oldest_since"]),
            line(&["awaiting_records", "a", "60", "1", "9", "2026-06-01T09:00:00Z"]),
            line(&["route_broken", "b", "2", "2", "0", ""]),
        ];
        let expected = format!(
            "blocker           owner_id  open  over_7_days  oldest_since\n\
             awaiting_records  a           60            9  2026-06-01T09:00:00Z  {}\n\
             route_broken      b            2            0                        █\n",
            "█".repeat(30)
        );
        assert_eq!(drawn(&lines, Name::Blockers), expected);
        assert!(drawn(&lines[..1], Name::Blockers).ends_with("nothing to show\n"));
    }
}
