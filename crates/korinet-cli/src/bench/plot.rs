//! The figures as a picture.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::figures::{Figures, Row, Spread, count};

const WIDTH: u32 = 720;
const HEIGHT: u32 = 400;

/// A line of the picture along the sizes, with the rounds around it.
struct Panel {
    title: &'static str,
    points: Vec<(f64, Spread)>,
}

/// The picture, as SVG.
pub(super) fn draw(figures: &Figures) -> Result<String, String> {
    let panels = [
        panel("round trip, µs", figures, |row| row.round_trip),
        panel("messages a second", figures, |row| row.rate),
        panel("MB/s", figures, Row::megabytes),
    ];
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT * 3)).into_drawing_area();
    area.fill(&WHITE).map_err(|error| error.to_string())?;
    for (area, panel) in area.split_evenly((panels.len(), 1)).iter().zip(&panels) {
        draw_panel(area, panel).map_err(|error| error.to_string())?;
    }
    area.present().map_err(|error| error.to_string())?;
    drop(area);
    Ok(svg)
}

fn panel(title: &'static str, figures: &Figures, of: impl Fn(&Row) -> Spread) -> Panel {
    let point = |row: &Row| (count(row.size), of(row));
    let mut points: Vec<_> = figures.rows.iter().map(point).collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    Panel { title, points }
}

fn draw_panel(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    panel: &Panel,
) -> Result<(), Box<dyn std::error::Error>> {
    let all = || panel.points.iter();
    let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min) * 0.8;
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max) * 1.25;
    let sizes = least(&mut all().map(|point| point.0))..most(&mut all().map(|point| point.0));
    let values =
        least(&mut all().map(|point| point.1.least))..most(&mut all().map(|point| point.1.most));
    let mut chart = ChartBuilder::on(area)
        .caption(
            format!("{}, by the size of messages", panel.title),
            ("sans-serif", 18),
        )
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d(sizes.log_scale(), values.log_scale())?;
    chart
        .configure_mesh()
        .x_desc("bytes; lines from the least to the most of the rounds")
        .y_desc(panel.title)
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|value| format!("{value:.0}"))
        .light_line_style(WHITE)
        .draw()?;
    let style = BLUE.stroke_width(2);
    let medians = all().map(|(size, spread)| (*size, spread.median));
    chart.draw_series(LineSeries::new(medians, style).point_size(3))?;
    let spreads = all().map(|(size, spread)| {
        PathElement::new(
            [(*size, spread.least), (*size, spread.most)],
            BLUE.stroke_width(1),
        )
    });
    chart.draw_series(spreads)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::figures::Round;
    use crate::bench::measure::Stream;

    #[test]
    fn every_figure_is_in_the_picture() {
        let round = Round {
            round_trips: vec![Duration::from_micros(30)],
            stream: Stream {
                messages: 100,
                took: Duration::from_millis(1),
            },
        };
        let row = |size| Row::of(size, std::slice::from_ref(&round));
        for sizes in [&[16][..], &[16, 4096, 65536]] {
            let figures = Figures {
                whom: "nobody".to_owned(),
                rounds: 1,
                duration: Duration::ZERO,
                rows: sizes.iter().copied().map(row).collect(),
            };
            let svg = draw(&figures).unwrap();
            assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
            assert!(svg.contains("messages a second, by the size"));
            assert!(svg.matches("<circle").count() >= 3 * sizes.len());
        }
    }
}
