//! CSV files whose bad rows are noted and passed over.

use std::collections::HashMap;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use kit::{Currency, Date, Decimal, Money};

use crate::Result;
use crate::failure::of_file;
use crate::load::{Origin, Problem};

/// A file with a header line.
pub struct Sheet {
    file: String,
    columns: HashMap<String, usize>,
    rows: Vec<(u64, ByteRecord)>,
    /// Rows that cannot be taken apart.
    pub problems: Vec<Problem>,
}

impl Sheet {
    /// Reads a file. Without the columns wanted it has no rows, and a problem says why.
    pub fn read(folder: &Path, file: &str, wanted: &[&str]) -> Result<Self> {
        let path = folder.join(file);
        let bytes = std::fs::read(&path).map_err(|error| {
            of_file("read", &path, error).next("name the folder with the CSV files: --from DIR")
        })?;
        Ok(Self::parse(file, &bytes, wanted))
    }

    /// Takes a file's text apart.
    pub fn parse(file: &str, bytes: &[u8], wanted: &[&str]) -> Self {
        let mut sheet =
            Self { file: file.to_owned(), columns: HashMap::new(), rows: Vec::new(), problems: Vec::new() };
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let mut lines = Lines { bytes, place: 0, line: 1 };
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(bytes);
        match reader.byte_headers() {
            Ok(header) => {
                let names = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned());
                sheet.columns = names.enumerate().map(|(place, name)| (name, place)).collect();
            }
            Err(error) => sheet.refuse(1, format!("the header cannot be read: {error}")),
        }
        let missing: Vec<&str> =
            wanted.iter().filter(|name| !sheet.columns.contains_key(**name)).copied().collect();
        if !missing.is_empty() {
            sheet.refuse(
                1,
                format!("the file has no column {}: none of its rows is loaded", missing.join(", ")),
            );
            return sheet;
        }
        let width = sheet.columns.len();
        for record in reader.byte_records() {
            match record {
                Ok(record) => {
                    let line = lines.of(record.position());
                    match fault_of(&record, width) {
                        None => sheet.rows.push((line, record)),
                        Some(reason) => sheet.refuse(line, reason),
                    }
                }
                Err(error) => {
                    let line = lines.of(error.position());
                    sheet.refuse(line, format!("cannot be read: {error}"));
                }
            }
        }
        sheet
    }

    fn refuse(&mut self, line: u64, reason: String) {
        self.problems.push(Problem { origin: Origin { file: self.file.clone(), line }, reason });
    }

    /// The rows that could be taken apart.
    pub fn rows(&self) -> impl Iterator<Item = Cells<'_>> {
        self.rows.iter().map(|(line, record)| Cells { sheet: self, line: *line, record })
    }
}

/// Counts lines. The reader's own count is one too low behind a carriage return.
struct Lines<'a> {
    bytes: &'a [u8],
    place: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of a position that lies behind all those asked for before.
    fn of(&mut self, position: Option<&csv::Position>) -> u64 {
        let begin = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(self.place);
        let rest = self.bytes.get(begin..).unwrap_or_default();
        let breaks = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = self.bytes.get(self.place..begin + breaks).unwrap_or_default();
        let count = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line += u64::try_from(count).unwrap_or(0);
        self.place = begin + breaks;
        self.line
    }
}

fn fault_of(record: &ByteRecord, width: usize) -> Option<String> {
    if record.len() != width {
        let hint =
            if record.len() < width { "is a quotation mark not closed?" } else { "is a comma not quoted?" };
        return Some(format!("has {} fields instead of {width} ({hint})", record.len()));
    }
    let broken = record.iter().position(|field| std::str::from_utf8(field).is_err())?;
    Some(format!("field {} is not UTF-8", broken + 1))
}

/// The cells of a row. Reading one fails with the reason for which the row is refused.
pub struct Cells<'a> {
    sheet: &'a Sheet,
    line: u64,
    record: &'a ByteRecord,
}

impl<'a> Cells<'a> {
    /// Where the row stands.
    pub fn origin(&self) -> Origin {
        Origin { file: self.sheet.file.clone(), line: self.line }
    }

    /// The text of a cell without blanks around it; empty for an empty one.
    pub fn text(&self, column: &str) -> &'a str {
        let field = self.sheet.columns.get(column).and_then(|place| self.record.get(*place));
        field.and_then(|field| std::str::from_utf8(field).ok()).unwrap_or_default().trim()
    }

    /// A text that must be there.
    pub fn required(&self, column: &str) -> Result<&'a str, String> {
        match self.text(column) {
            "" => Err(format!("{column} is empty")),
            text => Ok(text),
        }
    }

    /// A text of at most so many letters.
    pub fn at_most(&self, column: &str, letters: usize) -> Result<String, String> {
        let text = self.text(column);
        if text.chars().count() > letters {
            return Err(format!("{column} is longer than {letters} letters"));
        }
        Ok(text.to_owned())
    }

    /// A number.
    pub fn number(&self, column: &str) -> Result<Decimal, String> {
        let text = self.required(column)?;
        Decimal::from_str_exact(text).map_err(|_| format!("{column} is `{text}`, which is no number"))
    }

    /// A number of zero or more; zero for an empty cell.
    pub fn quantity(&self, column: &str) -> Result<Decimal, String> {
        if self.text(column).is_empty() {
            return Ok(Decimal::ZERO);
        }
        let number = self.number(column)?;
        if number.is_sign_negative() && !number.is_zero() {
            return Err(format!("{column} is negative: {number}"));
        }
        Ok(number)
    }

    /// An amount of zero or more, in whole minor units.
    pub fn amount(&self, column: &str, currency: Currency) -> Result<Money, String> {
        let number = self.quantity(column)?;
        let money = Money::round(number, currency, kit::Rounding::HalfUp)
            .map_err(|_| format!("{column} is too large: {number}"))?;
        if money.to_decimal() != number {
            return Err(format!("{column} is finer than a cent: {number}"));
        }
        Ok(money)
    }

    /// A day as `1996-07-04`.
    pub fn date(&self, column: &str) -> Result<Date, String> {
        let text = self.required(column)?;
        let format = time::macros::format_description!("[year]-[month]-[day]");
        Date::parse(text, format)
            .map_err(|_| format!("{column} is `{text}`, which is no day like 1996-07-04"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(text: &[u8]) -> Sheet {
        Sheet::parse("x.csv", text, &["id", "name"])
    }

    fn reasons(sheet: &Sheet) -> Vec<String> {
        sheet.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn broken_rows_are_noted_with_their_line() {
        // The others must be loaded all the same.
        let sheet = sheet(b"id,name\n1,one\n2\n3,three,more\n4,\xFFfour\n5,five\n");
        assert_eq!(sheet.rows().map(|row| row.text("id")).collect::<Vec<_>>(), ["1", "5"]);
        assert_eq!(
            reasons(&sheet),
            [
                "x.csv:3: has 1 fields instead of 2 (is a quotation mark not closed?)",
                "x.csv:4: has 3 fields instead of 2 (is a comma not quoted?)",
                "x.csv:5: field 2 is not UTF-8",
            ]
        );
    }

    #[test]
    fn a_quotation_mark_that_is_not_closed_swallows_rows_and_is_told() {
        // Taking the rest of the file for a name would lose rows without a word.
        let sheet = sheet(b"id,name\n1,one\n\"2,two\n3,three\n");
        assert_eq!(sheet.rows().count(), 1);
        assert_eq!(sheet.problems.len(), 1);
        assert_eq!(sheet.problems[0].origin.line, 3);
    }

    #[test]
    fn a_missing_column_is_told_once() {
        // One line for the file, not one for each of its rows.
        let sheet = sheet(b"id,title\n1,one\n2,two\n");
        assert_eq!(sheet.rows().count(), 0);
        assert_eq!(reasons(&sheet), ["x.csv:1: the file has no column name: none of its rows is loaded"]);
    }

    #[test]
    fn a_byte_order_mark_and_quoted_lines_are_read() {
        // Spreadsheets write the one, addresses contain the others.
        let sheet = sheet(b"\xEF\xBB\xBFid,name\r\n1,\"one\r\ntwo, three\"\r\n2,x\r\n");
        let rows: Vec<_> = sheet.rows().map(|row| (row.line, row.text("name"))).collect();
        assert_eq!(rows, [(2, "one\r\ntwo, three"), (4, "x")]);
    }

    #[test]
    fn cells_say_what_is_wrong_with_them() {
        // The reason stands alone in a list of many.
        let usd = Currency::parse("USD", "currency").unwrap();
        let sheet = Sheet::parse("x.csv", b"a,b,c,d\n-1,1996-13-01,1.005,x\n,,,\n", &["a"]);
        let rows: Vec<_> = sheet.rows().collect();
        assert_eq!(rows[0].quantity("a").unwrap_err(), "a is negative: -1");
        assert!(rows[0].date("b").unwrap_err().contains("no day"));
        assert_eq!(rows[0].amount("c", usd).unwrap_err(), "c is finer than a cent: 1.005");
        assert_eq!(rows[0].number("d").unwrap_err(), "d is `x`, which is no number");
        assert_eq!(rows[1].quantity("a").unwrap(), Decimal::ZERO);
        assert_eq!(rows[1].required("a").unwrap_err(), "a is empty");
    }
}
