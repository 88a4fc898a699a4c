//! Plots as SVG, readable on light and on dark paper.

use std::fmt::Write as _;

use super::table::number;

const WIDTH: f64 = 760.0;
/// Room for the names of bars, for the marks of an axis, and for the names of lines.
const NAMES: f64 = 150.0;
const MARKS: f64 = 84.0;
const RIGHT: f64 = 160.0;
const TOP: f64 = 34.0;
/// Between the bars of a chart, and the least between two labels.
const ROW: f64 = 26.0;
const LABEL: f64 = 14.0;

/// On light paper, and on dark: one colour for each series, told apart by people who see few colours too.
const COLOURS: [(&str, &str); 10] = [
    ("#8a8a8a", "#9a9a9a"),
    ("#1a1a1a", "#f2f2f2"),
    ("#56a0d3", "#7cc4f5"),
    ("#0058a8", "#3d9bff"),
    ("#00786b", "#2fc4b2"),
    ("#c77700", "#ffb347"),
    ("#c43d00", "#ff7a45"),
    ("#9c3a7c", "#e58cc6"),
    ("#7a6a00", "#d8c640"),
    ("#6b4a3a", "#c9a48f"),
];

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1a1a1a}.title{font-weight:600}.axis{stroke:#8a8a8a}\
    .grid{stroke:#8a8a8a;stroke-opacity:.3}.line{fill:none;stroke-width:2}.spread{stroke-width:1.5;stroke-opacity:.7}";

/// A line, or a bar: its name, and its points. Its place among all series decides its colour.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) colour: usize,
    pub(super) points: Vec<Point>,
}

/// A figure with its spread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

/// Both axes are logarithmic, since what is shown differs by orders of magnitude.
#[derive(Debug)]
pub(super) struct Axes<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
}

/// One line for each series, named at its end.
pub(super) fn lines(axes: &Axes<'_>, series: &[Series]) -> String {
    let height = 380.0;
    let (bottom, right) = (height - 48.0, WIDTH - RIGHT);
    let points = || series.iter().flat_map(|series| &series.points);
    let xs = Scale::new(points().map(|point| point.x), MARKS, right);
    let ys = Scale::new(points().flat_map(|point| [point.least, point.most]), bottom, TOP + 10.0);
    let mut svg = head(axes.title, height);
    for mark in ys.marks() {
        let y = ys.at(mark);
        let _ = write!(svg, r#"<path class="grid" d="M{} {y:.1}H{right}"/>"#, MARKS);
        text(&mut svg, MARKS - 6.0, y + 4.0, "end", &mark_name(mark));
    }
    let mut columns: Vec<f64> = points().map(|point| point.x).collect();
    columns.sort_by(f64::total_cmp);
    columns.dedup();
    for x in columns {
        text(&mut svg, xs.at(x), bottom + 18.0, "middle", &mark_name(x));
    }
    text(&mut svg, (MARKS + right) / 2.0, bottom + 38.0, "middle", axes.x);
    let mut labels = Vec::new();
    for Series { name, colour, points } in series {
        let mut path = String::new();
        for (at, point) in points.iter().enumerate() {
            let (x, y) = (xs.at(point.x), ys.at(point.y));
            let _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { 'M' } else { 'L' });
            let (least, most) = (ys.at(point.least), ys.at(point.most));
            let _ = write!(svg, r#"<path class="spread s{colour}" d="M{x:.1} {least:.1}V{most:.1}"/>"#);
            let _ = write!(svg, r#"<circle class="f{colour}" cx="{x:.1}" cy="{y:.1}" r="3"/>"#);
        }
        let _ = write!(svg, r#"<path class="line s{colour}" d="{path}"/>"#);
        if let Some(last) = points.last() {
            labels.push((ys.at(last.y), xs.at(last.x), name, *colour));
        }
    }
    labels.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut free = f64::NEG_INFINITY;
    for (y, x, name, colour) in labels {
        let place = y.max(free);
        free = place + LABEL;
        let _ = write!(
            svg,
            r#"<text class="f{colour}" x="{:.1}" y="{:.1}">{}</text>"#,
            x.max(right) + 10.0,
            place + 4.0,
            escaped(name)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// One bar for each series, which has one point, with its spread and its value.
pub(super) fn bars(title: &str, series: &[Series], shown: impl Fn(f64) -> String) -> String {
    let rows = series.iter().flat_map(|series| series.points.first().map(|point| (series, *point)));
    let most = rows.clone().map(|(_, point)| point.most).fold(0.0, f64::max);
    let height = TOP + ROW * rows.clone().fold(0.0, |count, _| count + 1.0) + 12.0;
    let width = |value: f64| value / most * (WIDTH - NAMES - 90.0);
    let mut svg = head(title, height);
    let mut y = TOP + 10.0;
    for (Series { name, colour, .. }, point) in rows {
        let middle = y + 8.0;
        text(&mut svg, NAMES - 8.0, middle + 4.0, "end", name);
        let _ = write!(
            svg,
            r#"<rect class="f{colour}" x="{NAMES}" y="{y:.1}" width="{:.1}" height="16"/>"#,
            width(point.y)
        );
        let (least, end) = (NAMES + width(point.least), NAMES + width(point.most));
        let _ = write!(svg, r#"<path class="axis" d="M{least:.1} {middle:.1}H{end:.1}"/>"#);
        text(&mut svg, end + 6.0, middle + 4.0, "start", &shown(point.y));
        y += ROW;
    }
    svg.push_str("</svg>\n");
    svg
}

/// From figures to places, by their logarithms.
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    fn new(figures: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (low, high) = figures.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), figure| {
            (low.min(figure), high.max(figure))
        });
        Self { low: low.log10(), high: high.log10(), from, to }
    }

    fn at(&self, figure: f64) -> f64 {
        let share =
            if self.high > self.low { (figure.log10() - self.low) / (self.high - self.low) } else { 0.5 };
        self.from + share * (self.to - self.from)
    }

    /// 1, 2 and 5 of each power of ten that is within.
    fn marks(&self) -> Vec<f64> {
        let mut marks = Vec::new();
        let mut power = self.low.floor();
        while power <= self.high {
            marks.extend([1.0, 2.0, 5.0].map(|digit: f64| digit * 10_f64.powf(power)));
            power += 1.0;
        }
        marks.retain(|mark| (self.low..=self.high).contains(&mark.log10()));
        marks
    }
}

fn head(title: &str, height: f64) -> String {
    let (mut light, mut dark) = (String::new(), String::new());
    for (at, (on_light, on_dark)) in COLOURS.iter().enumerate() {
        let _ = write!(light, ".s{at}{{stroke:{on_light}}}.f{at}{{fill:{on_light}}}");
        let _ = write!(dark, ".s{at}{{stroke:{on_dark}}}.f{at}{{fill:{on_dark}}}");
    }
    let title = escaped(title);
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">
<style>{STYLE}{light}@media(prefers-color-scheme:dark){{text{{fill:#f2f2f2}}{dark}}}</style>
<text class="title" x="8" y="20">{title}</text>
"#
    )
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let _ = write!(svg, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{}</text>"#, escaped(words));
}

/// A mark of an axis is a round number.
pub(super) fn mark_name(mark: f64) -> String {
    let name = number(mark);
    if name.contains('.') { name.trim_end_matches('0').trim_end_matches('.').to_owned() } else { name }
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, ys: [f64; 2]) -> Series {
        let point = |(x, y)| Point { x, y, least: y * 0.9, most: y * 1.1 };
        Series {
            name: name.to_owned(),
            colour: 3,
            points: [1.0, 10.0].into_iter().zip(ys).map(point).collect(),
        }
    }

    #[test]
    fn a_scale_marks_what_it_shows() {
        let scale = Scale::new([3.0, 80.0].into_iter(), 0.0, 100.0);
        assert_eq!(scale.marks().len(), 4); // 5, 10, 20, 50
        assert!(scale.at(3.0).abs() < 1e-9 && (scale.at(80.0) - 100.0).abs() < 1e-9);
        assert!((Scale::new([7.0].into_iter(), 0.0, 100.0).at(7.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn a_plot_has_each_series_by_name_once_and_labels_that_do_not_touch() {
        let axes = Axes { title: "a < b", x: "n" };
        let svg = lines(&axes, &[series("one", [1.0, 5.0]), series("two & more", [1.1, 5.0])]);
        assert!(svg.contains("a &lt; b") && svg.contains(">one<") && svg.contains(">two &amp; more<"));
        let places: Vec<f64> = svg
            .split("<text class=\"f3\"")
            .skip(1)
            .filter_map(|label| label.split("y=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        assert!(matches!(places.as_slice(), [one, two] if two - one >= LABEL), "{places:?}");
    }
}
