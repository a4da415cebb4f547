//! Contacts from a CSV file: read as it comes, line by line, bad lines told by their number.
//!
//! The first line names the columns, in any order and in any case. What separates them is found from it: comma, semicolon
//! or tabulator. Columns that are known by another name can be mapped; columns that nobody knows become fields.
//!
//! | column | also called |
//! | --- | --- |
//! | `id` | `contact_id`, `customer_id`, `kundennummer` |
//! | `name` | `full_name`, `display_name`; else `first_name` and `last_name` |
//! | `company` | `organisation`, `organization`, `firma` |
//! | `number` | `numbers`, `phone`, `telephone`, `tel`, `mobile`, `telefon`, `mobil`, with anything behind a blank, `_`, `-` or digit: `phone 2`, `mobile_private` |
//! | `agent` | `owner` |
//! | `url` | `link` |
//!
//! Without a column for it, the id is made of the first number and the name: the same file twice makes the same contacts.

use std::{collections::BTreeMap, io::Read};

use serde::Serialize;

use super::{Contact, Directory, DirectoryError, Put, contact::without_doubles};

/// Contacts that are written at once.
const BATCH: usize = 500;
/// Bad lines that are told one by one.
const TOLD: usize = 100;
/// Columns at most.
const COLUMNS: usize = 256;

/// Columns by the name they have in the file, and what they are.
pub type Mapping = BTreeMap<String, String>;

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ImportReport {
    /// Lines with contacts.
    pub read: u64,
    /// New ones.
    pub created: u64,
    /// Other than they were.
    pub changed: u64,
    /// As they were.
    pub unchanged: u64,
    /// Lines that could not be taken.
    pub refused: u64,
    /// The first of them.
    pub problems: Vec<ImportProblem>,
}

/// A line that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportProblem {
    /// Its number in the file, from 1; 0 for the file as a whole.
    pub line: u64,
    /// What is wrong.
    pub why: String,
    /// What would do.
    pub hint: String,
}

/// What a column is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Id,
    Name,
    FirstName,
    LastName,
    Company,
    Number,
    Agent,
    Url,
    Field(String),
    Ignored,
}

impl Directory {
    /// Reads contacts and writes them in the place of those with the same ids; others stay. What comes before a failure
    /// of the disk or of the reader is written.
    ///
    /// # Errors
    /// When the disk fails; what is wrong with the file is in the report.
    pub fn import(&self, source: impl Read, mapping: &Mapping) -> Result<ImportReport, DirectoryError> {
        let mut report = ImportReport::default();
        let mut source = source;
        let head = match peek(&mut source) {
            Ok(head) => head,
            Err(error) => {
                report.refuse(0, format!("the file cannot be read: {error}"), "try again");
                return Ok(report);
            }
        };
        let body = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter(body))
            .flexible(true)
            .has_headers(false)
            .from_reader(body.chain(source));
        let mut record = csv::ByteRecord::new();
        let columns = match reader.read_byte_record(&mut record) {
            Ok(true) => columns(&record, mapping),
            Ok(false) => {
                Err(("the file is empty".to_owned(), "the first line names the columns: id,name,number"))
            }
            Err(error) => Err((format!("the first line cannot be read: {error}"), "a file in CSV")),
        };
        let columns = match columns {
            Ok(columns) => columns,
            Err((why, hint)) => {
                report.refuse(1, why, hint);
                return Ok(report);
            }
        };
        let mut batch = Vec::new();
        loop {
            match reader.read_byte_record(&mut record) {
                Ok(true) => {
                    report.read += 1;
                    let line = record.position().map_or(0, csv::Position::line);
                    match contact(&record, &columns) {
                        Ok(contact) => batch.push(contact),
                        Err((why, hint)) => report.refuse(line, why, &hint),
                    }
                    if batch.len() == BATCH {
                        self.write(&mut batch, &mut report)?;
                    }
                }
                Ok(false) => break,
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    report.refuse(
                        line,
                        format!("reading ends here: {error}"),
                        "what stands before it was written",
                    );
                    break;
                }
            }
        }
        self.write(&mut batch, &mut report)?;
        Ok(report)
    }

    fn write(&self, batch: &mut Vec<Contact>, report: &mut ImportReport) -> Result<(), DirectoryError> {
        for put in self.put_all(batch)? {
            match put {
                Put::Created => report.created += 1,
                Put::Changed => report.changed += 1,
                Put::Unchanged => report.unchanged += 1,
            }
        }
        batch.clear();
        Ok(())
    }
}

impl ImportReport {
    fn refuse(&mut self, line: u64, why: String, hint: &str) {
        self.refused += 1;
        if self.problems.len() < TOLD {
            self.problems.push(ImportProblem { line, why, hint: hint.to_owned() });
        }
    }
}

/// The beginning of a file, at least its first line if that is not very long.
fn peek(source: &mut impl Read) -> std::io::Result<Vec<u8>> {
    const HEAD: usize = 64 * 1024;
    let mut head = vec![0; HEAD];
    let mut length = 0;
    while length < HEAD && !head[..length].contains(&b'\n') {
        match source.read(&mut head[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    head.truncate(length);
    Ok(head)
}

/// What stands most often in the first line.
fn delimiter(head: &[u8]) -> u8 {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: &u8| line.iter().filter(|byte| *byte == delimiter).count();
    // Of equals the last one wins: the comma.
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

fn columns(head: &csv::ByteRecord, mapping: &Mapping) -> Result<Vec<Column>, (String, &'static str)> {
    let text = |cell: &[u8]| String::from_utf8_lossy(cell).trim().to_owned();
    let mapping: BTreeMap<String, &str> =
        mapping.iter().map(|(name, meant)| (name.to_lowercase(), meant.as_str())).collect();
    let meant = |name: String| match mapping.get(&name.to_lowercase()) {
        Some(meant) => column(meant, meant),
        None => column(&name, &name),
    };
    let columns: Vec<Column> = head.iter().take(COLUMNS).map(text).map(meant).collect();
    let has = |wanted: &[Column]| columns.iter().any(|column| wanted.contains(column));
    if !has(&[Column::Name, Column::FirstName, Column::LastName, Column::Company]) {
        return Err((
            "the first line names no column with a name".to_owned(),
            "the first line names the columns, as in id,name,number; --map \"Kunde=name\" says what others are",
        ));
    }
    if !has(&[Column::Number]) {
        return Err((
            "the first line names no column with a number".to_owned(),
            "call it number, phone or mobile, or say it with --map \"Ruf=number\"",
        ));
    }
    Ok(columns)
}

fn column(name: &str, field: &str) -> Column {
    let plain = name.to_lowercase().replace([' ', '-'], "_");
    let stem = plain.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    match stem {
        "" | "ignore" => Column::Ignored,
        "id" | "contact_id" | "customer_id" | "kundennummer" => Column::Id,
        "name" | "full_name" | "display_name" => Column::Name,
        "first_name" | "firstname" | "given_name" | "vorname" => Column::FirstName,
        "last_name" | "lastname" | "surname" | "nachname" => Column::LastName,
        "company" | "organisation" | "organization" | "firma" => Column::Company,
        "agent" | "owner" => Column::Agent,
        "url" | "link" => Column::Url,
        _ if is_number(stem) => Column::Number,
        _ => Column::Field(field.to_lowercase()),
    }
}

fn is_number(stem: &str) -> bool {
    ["number", "numbers", "phone", "telephone", "tel", "mobile", "telefon", "mobil"]
        .iter()
        .any(|known| stem.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('_')))
}

fn contact(record: &csv::ByteRecord, columns: &[Column]) -> Result<Contact, (String, String)> {
    let mut contact = Contact::default();
    let (mut first, mut last) = (None, None);
    for (cell, column) in record.iter().zip(columns) {
        let text = std::str::from_utf8(cell)
            .map_err(|_| ("the line is not UTF-8".to_owned(), "save the file as UTF-8".to_owned()))?
            .trim();
        if text.is_empty() {
            continue;
        }
        match column {
            Column::Id => contact.id = text.to_owned(),
            Column::Name => contact.name = Some(text.to_owned()),
            Column::FirstName => first = Some(text),
            Column::LastName => last = Some(text),
            Column::Company => contact.company = Some(text.to_owned()),
            // Several in one cell are common: "030 1234; 0171 5678".
            Column::Number => {
                let numbers = text.split([';', ',', '|', '\n']).map(str::trim).filter(|one| !one.is_empty());
                contact.numbers.extend(numbers.map(str::to_owned));
            }
            Column::Agent => contact.agent = Some(text.to_owned()),
            Column::Url => contact.url = Some(text.to_owned()),
            Column::Field(name) => {
                contact.fields.insert(name.clone(), text.to_owned());
            }
            Column::Ignored => {}
        }
    }
    if contact.name.is_none() {
        let both: Vec<&str> = [first, last].into_iter().flatten().collect();
        contact.name = (!both.is_empty()).then(|| both.join(" "));
    }
    contact.numbers = without_doubles(contact.numbers);
    if contact.numbers.is_empty() {
        return Err(("the contact has no number".to_owned(), "nobody could be known by it".to_owned()));
    }
    if contact.id.is_empty() {
        contact.id = made_id(&contact);
    }
    contact.check().map_err(|problem| (problem.message, problem.hint.to_owned()))?;
    Ok(contact)
}

/// The same for the same number and name.
fn made_id(contact: &Contact) -> String {
    let digits: String = contact
        .numbers
        .first()
        .into_iter()
        .flat_map(|number| number.chars())
        .filter(char::is_ascii_digit)
        .collect();
    let name = contact
        .name
        .as_ref()
        .or(contact.company.as_ref())
        .map(|name| name.to_lowercase())
        .unwrap_or_default();
    format!("{digits}-{:08x}", crc32fast::hash(name.as_bytes()))
}
