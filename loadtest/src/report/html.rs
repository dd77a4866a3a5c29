//! The page that a person opens: figures and two plots, in one file that loads nothing.

use std::fmt::Write as _;

use anyhow::Result;

use super::Report;
use crate::statistics::Second;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 60.0;
const BOTTOM: f64 = 30.0;
const TOP: f64 = 10.0;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #16202c; --paper: #ffffff; --line: #8492a3; --a: #1f4fbf; --b: #b3261e; --c: #1b6e3c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf3; --paper: #12181f; --line: #75859a; --a: #8fb0ff; --b: #ff9b92; --c: #7fd6a2; } }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: var(--ink); background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; }
table { border-collapse: collapse; } th, td { text-align: start; padding: .25rem 1rem .25rem 0; border-bottom: 1px solid var(--line); }
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 12px; } .axis { stroke: var(--line); fill: none; }
.a { stroke: var(--a); } .b { stroke: var(--b); } .c { stroke: var(--c); } .curve { fill: none; stroke-width: 2; }
.dash { stroke-dasharray: 6 3; } .dot { stroke-dasharray: 2 3; } pre { overflow-wrap: anywhere; white-space: pre-wrap; }
";

struct Curve {
    name: &'static str,
    class: &'static str,
    value: fn(&Second) -> Option<f64>,
}

pub fn page(report: &Report) -> Result<String> {
    let settings = &report.settings;
    let latency = plot(
        &report.totals.series,
        "milliseconds",
        &[
            Curve { name: "p50", class: "a", value: |second| second.p50_ms },
            Curve { name: "p99", class: "c dash", value: |second| second.p99_ms },
            Curve { name: "max", class: "b dot", value: |second| second.max_ms },
        ],
    )?;
    let throughput = plot(
        &report.totals.series,
        "flows a second",
        &[
            Curve { name: "offered", class: "a", value: |second| count(second.offered) },
            Curve { name: "completed", class: "c dash", value: |second| count(second.completed) },
            Curve { name: "failed", class: "b dot", value: |second| count(second.failed) },
        ],
    )?;
    let mut figures = String::new();
    for line in report.summary().lines() {
        writeln!(figures, "<li>{}</li>", escape(line))?;
    }
    let mut notes = String::new();
    for note in &settings.notes {
        writeln!(notes, "<li>{}</li>", escape(note))?;
    }
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>Load test report</title><style>{STYLE}</style></head>\n\
         <body><main>\n<h1>Load test report</h1>\n\
         <p>{:?}, {:?}, {} a second for {} s, at {}.</p>\n<ul>\n{figures}</ul>\n\
         <h2>Latency by second of the intended start</h2>\n{latency}\n\
         <h2>Flows by second of the intended start</h2>\n{throughput}\n\
         <h2>How it was played</h2>\n<ul>\n{notes}</ul>\n\
         <details><summary>Settings</summary><pre>{}</pre></details>\n</main></body>\n</html>\n",
        settings.mix,
        settings.protocol,
        settings.rate,
        settings.duration_s,
        escape(&settings.target),
        escape(&serde_json::to_string_pretty(settings)?),
    ))
}

fn count(number: usize) -> Option<f64> {
    u32::try_from(number).ok().map(f64::from)
}

fn plot(series: &[Second], unit: &str, curves: &[Curve]) -> Result<String> {
    let values = series.iter().flat_map(|second| curves.iter().filter_map(|curve| (curve.value)(second)));
    let top = ceiling(values.fold(0.0, f64::max));
    let last = series.last().map_or(1.0, |second| whole(second.at)).max(1.0);
    let x = |second: u64| LEFT + (WIDTH - LEFT - 10.0) * whole(second) / last;
    let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top;
    let names: Vec<&str> = curves.iter().map(|curve| curve.name).collect();
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{} in {unit}, second by second\">",
        names.join(", ")
    );
    for step in 0..=4 {
        let value = top * f64::from(step) / 4.0;
        write!(
            svg,
            "<path class=\"axis\" d=\"M{LEFT} {0:.1}H{WIDTH}\"/><text x=\"{1}\" y=\"{2:.1}\" text-anchor=\"end\">{value}</text>",
            y(value),
            LEFT - 6.0,
            y(value) + 4.0
        )?;
    }
    write!(svg, "<text x=\"{LEFT}\" y=\"{}\">0 s</text>", HEIGHT - 8.0)?;
    write!(svg, "<text x=\"{WIDTH}\" y=\"{}\" text-anchor=\"end\">{last} s</text>", HEIGHT - 8.0)?;
    for (at, curve) in (0_u8..).zip(curves) {
        let mut path = String::new();
        let mut is_drawing = false;
        for second in series {
            let value = (curve.value)(second);
            if let Some(value) = value {
                write!(path, "{}{:.1} {:.1}", if is_drawing { "L" } else { "M" }, x(second.at), y(value))?;
            }
            is_drawing = value.is_some();
        }
        write!(svg, "<path class=\"curve {}\" d=\"{path}\"/>", curve.class)?;
        let left = LEFT + 20.0 + 120.0 * f64::from(at);
        write!(
            svg,
            "<path class=\"curve {}\" d=\"M{left} 18h24\"/><text x=\"{}\" y=\"22\">{}</text>",
            curve.class,
            left + 30.0,
            curve.name
        )?;
    }
    svg.push_str("</svg>");
    Ok(svg)
}

/// The next round number, so that the lines of the grid have readable values.
fn ceiling(value: f64) -> f64 {
    let mut step = 1.0;
    loop {
        for factor in [1.0, 2.0, 4.0, 8.0] {
            if value <= step * factor {
                return step * factor;
            }
        }
        step *= 10.0;
    }
}

fn whole(second: u64) -> f64 {
    u32::try_from(second).map_or(f64::MAX, f64::from)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_ends_on_a_round_number() {
        assert!([(0.0, 1.0), (3.5, 4.0), (8.1, 10.0), (170.0, 200.0)].iter().all(|(v, top)| ceiling(*v) - top == 0.0));
    }

    #[test]
    fn a_second_without_flows_breaks_the_line_and_nothing_is_loaded() {
        let second = |at, p50_ms| Second {
            at,
            offered: 1,
            completed: 1,
            failed: 0,
            shed: 0,
            p50_ms,
            p99_ms: p50_ms,
            max_ms: p50_ms,
        };
        let series = [second(0, Some(5.0)), second(1, None), second(2, Some(7.0))];
        let curve = Curve { name: "p50", class: "a", value: |second| second.p50_ms };
        let svg = plot(&series, "milliseconds", &[curve]).unwrap();
        assert_eq!(svg.matches("M60.0 ").count(), 1);
        assert!(!svg.contains("http"));
    }
}
