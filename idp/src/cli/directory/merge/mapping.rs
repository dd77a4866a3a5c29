//! A mapping of records to their new keys, as a spreadsheet saves it: `kind,former,key`, for example
//! `person,5-2d-7100001,900001`. Commas or semicolons (French spreadsheets), quotes or none.

use std::path::Path;

use anyhow::{Context, bail};
use csv::StringRecord;
use directory::writer::merge::{Former, Mapped};

const HEADS: [&str; 3] = ["kind", "former", "key"];
/// Bad lines that are told.
const LISTED: usize = 20;

pub fn read(path: &Path) -> anyhow::Result<Vec<Mapped>> {
    let context = || format!("reading the mapping {}", path.display());
    let text = std::fs::read_to_string(path).with_context(context)?;
    parse(&text).with_context(context)
}

/// All lines, or all that is wrong with them. A line is told by its number, not by its words, which may be of people.
fn parse(text: &str) -> anyhow::Result<Vec<Mapped>> {
    let text = text.trim_start_matches('\u{feff}');
    let comma = if text.lines().next().is_some_and(|head| head.contains(';')) { b';' } else { b',' };
    // One by one, so that a line is told by the number that an editor shows.
    let mut lines = text.lines().zip(1_u64..).filter_map(|(line, number)| Some((record(line, comma)?, number)));
    let head = lines.next();
    if head.as_ref().and_then(|(head, _)| cells(head)).is_none_or(|head| head.map(str::to_lowercase) != HEADS) {
        bail!("the first line must be {}", HEADS.join(","));
    }
    let (mut mapping, mut wrong) = (Vec::new(), Vec::new());
    for (line, number) in lines {
        match mapped(&line) {
            Ok(one) => mapping.push(one),
            Err(what) => wrong.push(format!("line {number}: {what}")),
        }
    }
    if wrong.is_empty() {
        return Ok(mapping);
    }
    let more = wrong.len().saturating_sub(LISTED);
    wrong.truncate(LISTED);
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    bail!("{}{more}", wrong.join("; "))
}

fn mapped(line: &StringRecord) -> Result<Mapped, String> {
    let [kind, former, key] = cells(line).ok_or("expected three cells: kind, former, key")?;
    let told = |error: directory::model::Malformed| error.to_string();
    let from = match kind.to_lowercase().as_str() {
        "person" => Former::Person(former.parse().map_err(told)?),
        "school" => Former::School(former.parse().map_err(told)?),
        _ => return Err("the kind is neither person nor school".to_owned()),
    };
    Ok(Mapped { from, to_key: key.parse().map_err(told)? })
}

/// The cells of a line; `None` for one that has none: spreadsheets save the rows below the last one as separators only.
fn record(line: &str, comma: u8) -> Option<StringRecord> {
    let mut builder = csv::ReaderBuilder::new();
    let builder = builder.delimiter(comma).has_headers(false).trim(csv::Trim::All).buffer_capacity(line.len() + 1);
    let record = builder.from_reader(line.as_bytes()).into_records().next()?.ok()?;
    record.iter().any(|cell| !cell.is_empty()).then_some(record)
}

/// Three cells; those after the third must be empty.
fn cells(line: &StringRecord) -> Option<[&str; 3]> {
    let mut cells = line.iter();
    let first = [cells.next()?, cells.next()?, cells.next()?];
    cells.all(str::is_empty).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_read_however_a_spreadsheet_saves_it() {
        let expected = [
            Mapped { from: Former::Person("5-2d-7100001".parse().unwrap()), to_key: "900001".parse().unwrap() },
            Mapped { from: Former::School("21-2d-44".parse().unwrap()), to_key: "S44".parse().unwrap() },
        ];
        for text in [
            "kind,former,key\nperson,5-2d-7100001,900001\nschool,21-2d-44,S44\n",
            "\u{feff}Kind;Former;Key;\r\n\"person\";\"5-2d-7100001\";\"900001\";\r\nSCHOOL; 21-2d-44 ;S44\r\n;;;\r\n",
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
        assert_eq!(parse("kind,former,key\n").unwrap(), []);
    }

    #[test]
    fn every_bad_line_is_told_by_its_number() {
        let text = "kind,former,key\nperson,5-2d-1,A\n\nperson,DUPONT,B\nfamily,5-2d-1,C\nperson,5-2d-1\nschool,5-2d-2,é\n\
                    person,5-2d-3,D,E\n";
        let told = parse(text).unwrap_err().to_string();
        for number in [4, 5, 6, 7, 8] {
            assert!(told.contains(&format!("line {number}: ")), "{number}: {told}");
        }
        assert!(!told.contains("line 2:") && !told.contains("DUPONT"), "{told}");
        for headless in ["", "person,5-2d-1,A\n", "kind,key,former\n"] {
            assert!(parse(headless).unwrap_err().to_string().contains("kind,former,key"), "{headless}");
        }
        let many = format!("kind,former,key\n{}", "no\n".repeat(30));
        assert!(parse(&many).unwrap_err().to_string().ends_with("; and 10 more"));
    }
}
