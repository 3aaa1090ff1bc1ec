//! The picture of a database: a bar for each median, with a line from the slowest round to the fastest.

use std::path::Path;

use plotters::prelude::*;

use crate::{
    Error,
    database::Engine,
    measure::Kind,
    report::{Results, Summary},
};

const WIDTH: u32 = 960;
const ROW: u32 = 30;
const SIGRA: RGBColor = RGBColor(180, 83, 9);
const BARE: RGBColor = RGBColor(148, 163, 184);

struct Bar {
    label: String,
    color: RGBColor,
    value: Summary,
}

/// Reports and requests a second. Files are MiB and stand in the table.
pub fn draw(file: &Path, results: &Results, engine: Engine) -> Result<(), Error> {
    let bars = bars(results, engine);
    let Some(longest) = bars.iter().map(|bar| bar.value.max).max_by(f64::total_cmp) else {
        return Ok(());
    };
    let count = i32::try_from(bars.len())?;
    let height = ROW * u32::try_from(bars.len())? + 110;
    let root = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let title = format!(
        "SIGRA con {}: por segundo ({})",
        engine.name(),
        &results.fecha[..10]
    );
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(230)
        .build_cartesian_2d(0.0..longest * 1.12, (0..count).into_segmented())?;
    let name = |segment: &SegmentValue<i32>| match segment {
        SegmentValue::CenterOf(i) => usize::try_from(count - 1 - i)
            .ok()
            .and_then(|i| bars.get(i))
            .map_or_else(String::new, |bar| bar.label.clone()),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(bars.len() + 1)
        .y_label_formatter(&name)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .x_desc(format!(
            "mediana de {} rondas, con la menor y la mayor",
            results.rondas
        ))
        .label_style(("sans-serif", 13))
        .draw()?;
    // The first stands on top.
    for (i, bar) in (0..count).rev().zip(&bars) {
        let Summary { mediana, min, max } = bar.value;
        let (bottom, middle, top) = (
            SegmentValue::Exact(i),
            SegmentValue::CenterOf(i),
            SegmentValue::Exact(i + 1),
        );
        let mut body = Rectangle::new([(0.0, bottom), (mediana, top)], bar.color.filled());
        body.set_margin(5, 5, 0, 0);
        chart.draw_series([body])?;
        let spread = PathElement::new(
            [(min, middle.clone()), (max, middle.clone())],
            BLACK.stroke_width(2),
        );
        chart.draw_series([spread])?;
        let place = EmptyElement::at((max, middle));
        chart.draw_series([
            place + Text::new(format!("{mediana:.0}"), (8, -6), ("sans-serif", 13))
        ])?;
    }
    Ok(root.present()?)
}

fn bars(results: &Results, engine: Engine) -> Vec<Bar> {
    let measurements = results.of(engine);
    let mut bars: Vec<Bar> = measurements
        .iter()
        .filter(|m| !matches!(m.operation.kind, Kind::Files { .. }))
        .filter_map(|m| {
            Some(Bar {
                label: m.operation.name.clone(),
                color: SIGRA,
                value: m.summary("por_segundo")?,
            })
        })
        .collect();
    for (figure, label) in [("base_1", "1"), ("base_100", "100"), ("base_1000", "1000")] {
        let rounds = measurements.iter().flat_map(|m| &m.rounds);
        bars.extend(
            Summary::new(rounds.filter_map(|r| r.get(figure).copied())).map(|value| Bar {
                label: format!("base sola, {label} por transacción"),
                color: BARE,
                value,
            }),
        );
    }
    bars
}
