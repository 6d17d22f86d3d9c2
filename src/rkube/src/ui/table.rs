//! Tables as minikube prints them.

use console::measure_text_width;

/// Rows in a frame, the first one as the head; every row has as many cells.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = measure_text_width(cell).max(*width);
        }
    }
    let rule = |left: &str, middle: &str, right: &str| {
        let parts: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
        format!("{left}{}{right}", parts.join(middle))
    };
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!(" {cell}{} ", " ".repeat(width - measure_text_width(cell))))
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
    use super::table;

    #[test]
    fn wide_letters_take_two_columns() {
        let rows = [["NAME", "TITLE"], ["dns", "集群"]].map(|row| row.map(str::to_owned));
        assert_eq!(
            table(&rows),
            "┌──────┬───────┐\n│ NAME │ TITLE │\n├──────┼───────┤\n│ dns  │ 集群  │\n└──────┴───────┘"
        );
    }
}
