//! All figures in a file: each measurement as it was, and what the table makes of them.

use std::fs;
use std::path::Path;

use korinet_bench::Failure;
use serde_json::{Value, json};

use crate::case::Case;
use crate::figures::Figures;
use crate::plan::Plan;
use crate::table::Summary;

pub(crate) fn write(figures: &Figures, plan: &Plan, file: &Path) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(&value(figures, plan))?;
    fs::write(file, text + "\n").map_err(|error| format!("{}: {error}", file.display()).into())
}

fn value(figures: &Figures, plan: &Plan) -> Value {
    json!({
        "rounds": plan.rounds,
        "milliseconds": u64::try_from(plan.span.as_millis()).ok(),
        "summaries": summaries(figures, plan),
        "measurements": measurements(figures),
    })
}

fn summaries(figures: &Figures, plan: &Plan) -> Vec<Value> {
    let rows = plan.rows();
    let all = plan
        .cases
        .iter()
        .flat_map(|case| rows.iter().map(move |row| (*row, case)));
    all.filter_map(|(row, case)| {
        let summary = Summary::of(figures, row, case)?;
        Some(json!({
            "row": row.name,
            "case": shown(case),
            "rounds": summary.rounds,
            "headline": summary.headline,
            "spread": summary.spread,
            "floor": row.floor,
            "ratio_to_floor": summary.ratio.map(|[median, least, most]| {
                json!({ "median": median, "least": least, "most": most })
            }),
            "messages_per_second": summary.rate,
            "cpu_nanos_per_message": {
                "client": summary.cpu_nanos[0],
                "server": summary.cpu_nanos[1],
            },
        }))
    })
    .collect()
}

fn measurements(figures: &Figures) -> Vec<Value> {
    let all = figures.all().iter().map(|figure| {
        let mut value = json!({
            "row": figure.row.name,
            "case": shown(&figure.case),
            "round": figure.round,
        });
        match &figure.outcome {
            Ok(measured) => value["measured"] = json!(measured),
            Err(why) => value["failure"] = json!(why),
        }
        value
    });
    all.collect()
}

fn shown(case: &Case) -> Value {
    json!({
        "group": case.group.name(),
        "workload": case.workload.name(),
        "placement": case.placement.name(),
        "sessions": case.sessions,
        "size": case.size,
        "headline": case.unit(),
    })
}
