//! What a message costs both processes, by its size and by the number of sessions.

use std::path::Path;

use korinet_bench::{Failure, Workload};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::case::{Case, Group, Placement};
use crate::figures::Figures;
use crate::plan::Plan;
use crate::table::Summary;

const WIDTH: u32 = 900;
const HEIGHT: u32 = 620;

/// One drawing of the file.
struct Panel {
    title: String,
    axis: &'static str,
    lines: Vec<Line>,
}

/// A row of the table, by what the panel goes along.
struct Line {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

pub(crate) fn write(figures: &Figures, plan: &Plan, file: &Path) -> Result<(), Failure> {
    let panels = panels(figures, plan);
    if panels.is_empty() {
        return Err(
            "nothing to plot, which needs stream with two sizes or sessions with two numbers"
                .into(),
        );
    }
    let height = HEIGHT * u32::try_from(panels.len())?;
    let area = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    let failed =
        |error: &dyn std::fmt::Display| Failure::from(format!("{}: {error}", file.display()));
    area.fill(&WHITE).map_err(|error| failed(&error))?;
    for (area, panel) in area.split_evenly((panels.len(), 1)).iter().zip(&panels) {
        draw(area, panel).map_err(|error| failed(&error))?;
    }
    area.present().map_err(|error| failed(&error))
}

fn panels(figures: &Figures, plan: &Plan) -> Vec<Panel> {
    let mut panels = Vec::new();
    for placement in Placement::ALL {
        let name = placement.name();
        let by_size = lines(figures, plan, |case| {
            let is_meant = case.group == Group::Stream && case.placement == placement;
            is_meant.then_some(case.size)
        });
        panels.push(Panel {
            title: format!("processor time for each message of a stream, by its size, {name}"),
            axis: "bytes",
            lines: by_size,
        });
        let by_sessions = lines(figures, plan, |case| {
            let is_meant = case.group == Group::Sessions
                && case.workload == Workload::Stream
                && case.placement == placement;
            is_meant.then_some(case.sessions)
        });
        panels.push(Panel {
            title: format!(
                "processor time for each message of 64 B, by the number of sessions, {name}"
            ),
            axis: "sessions",
            lines: by_sessions,
        });
    }
    panels.retain(|panel| !panel.lines.is_empty());
    panels
}

fn lines(figures: &Figures, plan: &Plan, along: impl Fn(&Case) -> Option<usize>) -> Vec<Line> {
    let line = |row: &&'static crate::rows::Row| {
        let points = plan.cases.iter().filter_map(|case| {
            let at = u32::try_from(along(case)?).ok()?;
            let [client, server] = Summary::of(figures, row, case)?.cpu_nanos;
            Some((f64::from(at), client + server))
        });
        let points: Vec<_> = points.collect();
        let name = row.name;
        // One point is no line.
        (points.len() > 1).then_some(Line { name, points })
    };
    plan.rows().iter().filter_map(line).collect()
}

fn draw(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    panel: &Panel,
) -> Result<(), Box<dyn std::error::Error>> {
    let all = || {
        panel
            .lines
            .iter()
            .flat_map(|line| line.points.iter().copied())
    };
    let bounds = |of: fn((f64, f64)) -> f64| {
        let least = all().map(of).fold(f64::INFINITY, f64::min);
        let most = all().map(of).fold(f64::NEG_INFINITY, f64::max);
        least * 0.8..most * 1.25
    };
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, ("sans-serif", 18))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(
            bounds(|point| point.0).log_scale(),
            bounds(|point| point.1).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc(panel.axis)
        .y_desc("ns, client + server")
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|value| format!("{value:.0}"))
        .light_line_style(WHITE)
        .draw()?;
    for (index, line) in panel.lines.iter().enumerate() {
        let style = Palette99::pick(index).stroke_width(2);
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), style).point_size(3))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}
