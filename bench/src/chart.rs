//! The picture of a database: a bar for each median, with a line from the slowest round to the fastest.

use std::path::Path;

use plotters::prelude::*;

use crate::{
    Error,
    report::Summary,
    run::{Kind, Measurement},
};

const WIDTH: u32 = 960;
const ROW: u32 = 30;
const SIGRA: RGBColor = RGBColor(180, 83, 9);
const BARE: RGBColor = RGBColor(148, 163, 184);

/// Reports and requests a second; false when there are none. Photos are MiB and stand in the table.
pub fn draw(file: &Path, measurements: &[Measurement]) -> Result<bool, Error> {
    let bars = bars(measurements);
    let longest = bars
        .iter()
        .map(|(.., value)| value.max)
        .max_by(f64::total_cmp);
    let (Some(longest), Some(first)) = (longest, measurements.first()) else {
        return Ok(false);
    };
    let (count, engine) = (i32::try_from(bars.len())?, first.engine.name());
    let height = ROW * u32::try_from(bars.len())? + 110;
    let root = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let title = format!("SIGRA con {engine}: reportes o peticiones por segundo");
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(230)
        .build_cartesian_2d(0.0..longest * 1.12, (0..count - 1).into_segmented())?;
    // The first stands on top.
    let label = |segment: &SegmentValue<i32>| match segment {
        SegmentValue::CenterOf(i) => {
            let bar = usize::try_from(count - 1 - i)
                .ok()
                .and_then(|i| bars.get(i));
            bar.map_or_else(String::new, |(label, ..)| label.clone())
        }
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(bars.len())
        .y_label_formatter(&label)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .x_desc("mediana de las rondas, con la menor y la mayor")
        .label_style(("sans-serif", 13))
        .draw()?;
    for (i, (_, color, Summary { mediana, min, max })) in (0..count).rev().zip(&bars) {
        let corners = [
            (0.0, SegmentValue::Exact(i)),
            (*mediana, SegmentValue::Exact(i + 1)),
        ];
        let mut bar = Rectangle::new(corners, color.filled());
        bar.set_margin(5, 5, 0, 0);
        chart.draw_series([bar])?;
        let ends = [min, max].map(|x| (*x, SegmentValue::CenterOf(i)));
        chart.draw_series([PathElement::new(ends, BLACK.stroke_width(2))])?;
        let figure = Text::new(format!("{mediana:.0}"), (8, -6), ("sans-serif", 13));
        chart.draw_series([EmptyElement::at((*max, SegmentValue::CenterOf(i))) + figure])?;
    }
    root.present()?;
    Ok(true)
}

fn bars(measurements: &[Measurement]) -> Vec<(String, RGBColor, Summary)> {
    let counted = measurements
        .iter()
        .filter(|m| matches!(m.kind, Kind::Reportes(_) | Kind::Read));
    let of_sigra = counted.filter_map(|m| Some((m.name.clone(), SIGRA, m.summary("por_segundo")?)));
    let of_bare = [("base_1", 1), ("base_100", 100), ("base_1000", 1_000)];
    let of_bare = of_bare.into_iter().filter_map(|(figure, count)| {
        let rounds = measurements.iter().flat_map(|m| &m.rounds);
        let value = Summary::new(rounds.filter_map(|round| round.get(figure).copied()))?;
        Some((format!("base sola, {count} por transacción"), BARE, value))
    });
    of_sigra.chain(of_bare).collect()
}
