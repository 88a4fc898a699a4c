//! The rows of an input, one after the other, with the properties that their columns are.

use std::{
    fmt,
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};

use csv::{ErrorKind, ReaderBuilder, StringRecord};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use super::{
    file::{Broken, Content, Format, Input, Inspected, MOST_OF_A_ROW},
    kind::{Form, Kind},
    mapping::Mapping,
};
use crate::exit::Failure;

/// A row as it stands in its file.
#[derive(Debug)]
pub(super) struct Row {
    /// The line at which it begins, from 1.
    pub(super) line: u64,
    /// By the names of the properties. What is empty is left out.
    pub(super) properties: Vec<(String, Value)>,
}

/// Reads the rows of a file.
pub(super) struct Rows<'a> {
    input: &'a Input,
    kind: Kind,
    mapping: &'a Mapping,
    source: Source,
}

enum Source {
    Csv { reader: Box<csv::Reader<Inspected<File>>>, record: StringRecord, columns: Vec<Column> },
    Lines { reader: Box<BufReader<Inspected<File>>>, buffer: Vec<u8>, line: u64 },
}

/// A column of a CSV file.
struct Column {
    name: String,
    /// None where it is left out.
    property: Option<(&'static str, Form)>,
}

impl<'a> Rows<'a> {
    pub(super) fn open(input: &'a Input, kind: Kind, mapping: &'a Mapping) -> Result<Self, Failure> {
        let reader = input.reader()?;
        let source = match input.format {
            Format::Csv => {
                // A line of another number of values is an error of the reader.
                let mut reader = Box::new(ReaderBuilder::new().has_headers(true).from_reader(reader));
                let header = reader.headers().map_err(|error| of_csv(input, &[], 1, &error))?;
                let columns = columns(input, kind, mapping, header)?;
                reader.get_mut().next_row();
                Source::Csv { reader, record: StringRecord::new(), columns }
            }
            Format::Lines => {
                Source::Lines { reader: Box::new(BufReader::new(reader)), buffer: Vec::new(), line: 0 }
            }
        };
        Ok(Self { input, kind, mapping, source })
    }

    /// The next row; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Failure> {
        match &mut self.source {
            Source::Csv { reader, record, columns } => {
                let read = reader.read_record(record);
                if let Ok(false) = read {
                    return Ok(None);
                }
                let line = reader.get_mut().next_row();
                read.map_err(|error| of_csv(self.input, columns, line, &error))?;
                let value = |(column, text): (&Column, &str)| {
                    let (name, form) = column.property.filter(|_| !text.is_empty())?;
                    Some((name.to_owned(), form.value(text)))
                };
                let properties = columns.iter().zip(record.iter()).filter_map(value).collect();
                Ok(Some(Row { line, properties }))
            }
            Source::Lines { reader, buffer, line } => loop {
                buffer.clear();
                *line += 1;
                let most = MOST_OF_A_ROW as u64 + 1;
                let read = reader
                    .by_ref()
                    .take(most)
                    .read_until(b'\n', buffer)
                    .map_err(|error| self.input.unreadable(&error))?;
                if read == 0 {
                    return Ok(None);
                }
                if read > MOST_OF_A_ROW {
                    return Err(self.input.broken(*line, "has more than 1 MiB: each line is to be one row"));
                }
                if !buffer.iter().all(u8::is_ascii_whitespace) {
                    let properties = members(self.input, self.kind, self.mapping, *line, buffer)?;
                    return Ok(Some(Row { line: *line, properties }));
                }
            },
        }
    }

    /// What the whole file held. After its last row.
    pub(super) fn content(&self) -> Content {
        match &self.source {
            Source::Csv { reader, .. } => reader.get_ref().content(),
            Source::Lines { reader, .. } => reader.get_ref().content(),
        }
    }

    pub(super) fn path(&self) -> &'a Path {
        &self.input.path
    }

    /// What the file calls a property.
    pub(super) fn column<'b>(&'b self, property: &'b str) -> &'b str {
        match &self.source {
            Source::Csv { columns, .. } => columns
                .iter()
                .find(|column| column.property.is_some_and(|(name, _)| name == property))
                .map_or(property, |column| &column.name),
            Source::Lines { .. } => property,
        }
    }
}

/// What the first line of a CSV file makes of its columns.
fn columns(
    input: &Input,
    kind: Kind,
    mapping: &Mapping,
    header: &StringRecord,
) -> Result<Vec<Column>, Failure> {
    let name = kind.name();
    let broken = |words: String| Err(input.broken(1, &words));
    if let Some(first) = header.get(0)
        && header.len() == 1
        && let Some(sign) = first.chars().find(|sign| [';', '\t', '|'].contains(sign))
    {
        return broken(format!("columns are separated by {sign:?}: export it with commas"));
    }
    let mut columns: Vec<Column> = Vec::with_capacity(header.len());
    for column in header {
        let property = match mapping.property(kind, column) {
            None => None,
            Some(property) => {
                let known = kind.properties().iter().find(|(name, _)| *name == property);
                let Some(known) = known else {
                    return broken(format!(
                        "column `{column}`: {name} have no property `{property}`. Leave it out by `--map '{name}.{column}='`, or say which of \
                         {} it is",
                        kind.choices()
                    ));
                };
                if let Some(other) = columns.iter().find(|other| other.property == Some(*known)) {
                    return broken(format!(
                        "columns `{}` and `{column}` are both `{property}`: leave one out by `--map '{name}.{column}='`",
                        other.name
                    ));
                }
                Some(*known)
            }
        };
        columns.push(Column { name: column.to_owned(), property });
    }
    for key in kind.keys() {
        if !columns.iter().any(|column| column.property.is_some_and(|(property, _)| property == *key)) {
            return broken(format!(
                "the first line names no column for `{key}`: say which it is by `--map {name}.COLUMN={key}`"
            ));
        }
    }
    Ok(columns)
}

/// What the reader of CSV says of the row at that line, in other words.
fn of_csv(input: &Input, columns: &[Column], line: u64, error: &csv::Error) -> Failure {
    match error.kind() {
        ErrorKind::Io(error) => match error.get_ref().and_then(|cause| cause.downcast_ref::<Broken>()) {
            Some(Broken { line, words }) => input.broken(*line, words),
            None => input.unreadable(error),
        },
        ErrorKind::Utf8 { err, .. } => {
            let column = columns.get(err.field()).map_or("the first line", |column| &column.name);
            input.broken(
                line,
                &format!("column `{column}` is not UTF-8: convert the file by `iconv -t UTF-8`"),
            )
        }
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let missing = usize::try_from(*len).ok().and_then(|len| columns.get(len));
            let place = match (missing, columns.last()) {
                (Some(column), _) => format!("none for `{}`", column.name),
                (None, Some(last)) => format!("one behind `{}`", last.name),
                (None, None) => "another number".to_owned(),
            };
            let words = format!(
                "has {len} values where the first line names {expected_len} columns, {place}: put values that hold a comma or a line end \
                 into quotes"
            );
            input.broken(line, &words)
        }
        _ => input.broken(line, &error.to_string()),
    }
}

/// The properties of an object in a line.
fn members(
    input: &Input,
    kind: Kind,
    mapping: &Mapping,
    line: u64,
    json: &[u8],
) -> Result<Vec<(String, Value)>, Failure> {
    let Members(members) = serde_json::from_slice(json).map_err(|error| {
        // The place is told by the line of the file, and the column in it.
        let words = error.to_string();
        let words = words.split(" at line ").next().unwrap_or_default();
        input.broken(line, &format!("column {}: {words}: each line is to be one JSON object", error.column()))
    })?;
    let mut properties: Vec<(String, Value)> = Vec::with_capacity(members.len());
    for (name, value) in members {
        let Some(property) = mapping.property(kind, &name) else { continue };
        if properties.iter().any(|(other, _)| other == property) {
            return Err(input.broken(line, &format!("`{property}` stands there twice")));
        }
        let value = match (kind.form(property), value) {
            (_, Value::Null) => continue,
            (Some(form @ Form::Time), Value::String(text)) => form.value(&text),
            (_, value) => value,
        };
        properties.push((property.to_owned(), value));
    }
    Ok(properties)
}

/// The members of an object, in order, those of the same name too.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::{Kind, Mapping, Rows};
    use crate::sync::{file::Input, folder::Folder, mapping::Rule};

    /// The rows of such a file, with their lines, or what is wrong with it.
    fn read(name: &str, text: &str, kind: Kind, rules: &[&str]) -> Result<Vec<(u64, Value)>, String> {
        let folder = Folder::new();
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        let rules: Vec<Rule> = rules.iter().map(|rule| Rule::parse(rule).unwrap()).collect();
        let mapping = Mapping::new(&rules);
        let words = |failure: crate::exit::Failure| {
            failure.words.replace(&folder.display().to_string(), "").trim_start_matches('/').to_owned()
        };
        let input = Input::open(&path).map_err(words)?;
        let mut rows = Rows::open(&input, kind, &mapping).map_err(words)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(words)? {
            found.push((row.line, row.properties.into_iter().collect()));
        }
        Ok(found)
    }

    #[test]
    fn csv_gives_rows_by_header_and_map_at_their_lines() {
        for end in ["\n", "\r\n"] {
            let text = "id,name,shoe,copilot_analysis_consent\nu1,\"a\nb\",1,t\n\nu2,,2,\nu3,x,3,false"
                .replace('\n', end)
                .replace(&format!("a{end}b"), "a\nb");
            let rules = ["id=user_id", "users.name=first_name", "shoe="];
            let rows = read("u.csv", &text, Kind::User, &rules).unwrap();
            let expected = [
                (2, json!({"user_id": "u1", "first_name": "a\nb", "copilot_analysis_consent": true})),
                (5, json!({"user_id": "u2"})),
                (6, json!({"user_id": "u3", "first_name": "x", "copilot_analysis_consent": false})),
            ];
            assert_eq!(rows, expected, "{end:?}");
        }
    }

    #[test]
    fn ndjson_gives_rows_at_their_lines() {
        let text = "{\"thing_id\":\"t1\",\"model\":null,\"original_creation_date\":\"2019-03-12T10:00:00.000Z\"}\r\n\n{\"id\":7,\"more\":[1]}";
        let rows = read("t.ndjson", text, Kind::Thing, &["id=thing_id"]).unwrap();
        let first = json!({"thing_id": "t1", "original_creation_date": 1_552_384_800_000_i64});
        assert_eq!(rows, [(1, first), (3, json!({"thing_id": 7, "more": [1]}))]);
    }

    #[test]
    fn what_cannot_be_read_is_named_by_file_line_and_rule() {
        let long = format!("{{\"user_id\":\"{}\"}}", "x".repeat(1 << 20));
        for (name, text, start, words) in [
            ("u.csv", "user_id,email\nu1\n", "u.csv:2: ", "1 values where the first line names 2 columns"),
            ("u.csv", "user_id,email\nu1,\"x\nu2,y\n", "u.csv:2: ", "never closed"),
            ("u.csv", "user_id\nu1\r\n", "u.csv:2: ", "dos2unix"),
            ("u.csv", "user_id;email\nu1;x\n", "u.csv:1: ", "commas"),
            ("u.csv", "user_id,shoe\nu1,2\n", "u.csv:1: column `shoe`", "--map 'users.shoe='"),
            ("u.csv", "email\nx\n", "u.csv:1: ", "--map users.COLUMN=user_id"),
            ("u.csv", "user_id,user_id\nu1,u1\n", "u.csv:1: ", "both `user_id`"),
            ("u.ndjson", "{\"user_id\":\"u1\"}\n{\"user_id\":", "u.ndjson:2: column 11", "EOF"),
            ("u.ndjson", "{}\n[]\n", "u.ndjson:2: ", "one JSON object"),
            ("u.ndjson", "{\"user_id\":\"1\",\"user_id\":\"2\"}\n", "u.ndjson:1: ", "twice"),
            ("u.ndjson", &long, "u.ndjson:1: ", "1 MiB"),
        ] {
            let error = read(name, text, Kind::User, &[]).unwrap_err();
            assert!(error.starts_with(start) && error.contains(words), "{error}");
        }
    }

    #[test]
    fn what_is_not_utf_8_is_named_by_its_column() {
        let folder = Folder::new();
        let path = folder.join("u.csv");
        fs::write(&path, b"user_id,first_name\nu1,Zo\xeb\n").unwrap();
        let (input, mapping) = (Input::open(&path).unwrap(), Mapping::default());
        let error = Rows::open(&input, Kind::User, &mapping).unwrap().next().unwrap_err();
        assert!(error.words.contains(":2: column `first_name` is not UTF-8"), "{}", error.words);
    }
}
