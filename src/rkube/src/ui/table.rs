//! Tables as minikube prints them, and plain columns.

use console::{Term, measure_text_width, truncate_str};

/// A column is cut to this, not further.
const NARROWEST: usize = 12;

/// Rows in a frame, the first one as the head; every row has as many cells. On a terminal that is too narrow, texts are cut.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let terminal = Term::stdout();
    let room = terminal
        .features()
        .is_attended()
        .then(|| usize::from(terminal.size().1));
    framed(rows, room)
}

/// Rows in columns, of which only the last one may be wider than the terminal.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let widths = widths(rows);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - measure_text_width(cell))))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn widths<const N: usize>(rows: &[[String; N]]) -> [usize; N] {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = measure_text_width(cell).max(*width);
        }
    }
    widths
}

/// Makes the widest columns narrower until all fit; the first one has the names, which stay whole.
fn fit<const N: usize>(widths: &mut [usize; N], room: usize) {
    let frame = 3 * N + 1;
    while widths.iter().sum::<usize>() + frame > room {
        let widest = widths.iter_mut().skip(1).max_by_key(|width| **width);
        match widest.filter(|width| **width > NARROWEST) {
            Some(width) => *width -= 1,
            None => return,
        }
    }
}

fn framed<const N: usize>(rows: &[[String; N]], room: Option<usize>) -> String {
    let mut widths = widths(rows);
    if let Some(room) = room {
        fit(&mut widths, room);
    }
    let rule = |left: &str, middle: &str, right: &str| {
        let parts: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
        format!("{left}{}{right}", parts.join(middle))
    };
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| {
                let cell = truncate_str(cell, width, "…");
                format!(" {cell}{} ", " ".repeat(width - measure_text_width(&cell)))
            })
            .collect();
        format!("│{}│", cells.join("│"))
    };
    let mut lines = vec![rule("┌", "┬", "┐")];
    for (index, row) in rows.iter().enumerate() {
        lines.push(line(row));
        if index == 0 {
            lines.push(rule("├", "┼", "┤"));
        }
    }
    lines.push(rule("└", "┴", "┘"));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{columns, framed};

    #[test]
    fn wide_letters_take_two_columns() {
        let rows = [["NAME", "TITLE"], ["dns", "集群"]].map(|row| row.map(str::to_owned));
        assert_eq!(
            framed(&rows, None),
            "┌──────┬───────┐\n│ NAME │ TITLE │\n├──────┼───────┤\n│ dns  │ 集群  │\n└──────┴───────┘"
        );
        assert_eq!(columns(&rows), "NAME  TITLE\ndns   集群");
    }

    #[test]
    fn a_narrow_terminal_gets_shorter_texts_and_whole_names() {
        let rows =
            [["NAME", "SUMMARY"], ["a-very-long-name", "What it does, at length"]].map(|row| row.map(str::to_owned));
        let text = framed(&rows, Some(40));
        assert!(
            text.lines().all(|line| console::measure_text_width(line) == 40),
            "{text}"
        );
        assert!(text.contains("│ a-very-long-name │ What it does, at… │"), "{text}");
    }
}
