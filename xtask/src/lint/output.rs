//! What the linters print, read as findings. `None`: it is not what that linter prints.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Deserializer, Value};

use super::{linters::Finding, walk::join};

/// Redocly prints a document of JSON for each file.
pub(super) fn redocly(said: &str, root: &Path, files: &[PathBuf]) -> Option<Vec<Finding>> {
    let mut found = Vec::new();
    let mut documents = 0;
    for document in Deserializer::from_str(said).into_iter::<Value>() {
        documents += 1;
        for problem in document.ok()?.get("problems")?.as_array()? {
            let location = problem.get("location")?.get(0)?;
            let source = location.get("source")?.get("ref")?.as_str()?;
            let pointer = location.get("pointer").and_then(Value::as_str).unwrap_or_default();
            found.push(Finding {
                file: position(&root.join(source), files)?,
                line: location.get("start").and_then(|start| start.get("line")?.as_u64()),
                pointer: pointer.trim_start_matches('#').to_owned(),
                rule: text(problem, "ruleId")?,
                problem: text(problem, "message")?,
            });
        }
    }
    (documents == files.len()).then_some(found)
}

/// Spectral prints a list, and words after an empty one.
pub(super) fn spectral(said: &str, files: &[PathBuf]) -> Option<Vec<Finding>> {
    let list = Deserializer::from_str(said).into_iter::<Value>().next()?.ok()?;
    let read = |problem: &Value| {
        let parts = problem.get("path")?.as_array()?;
        let line = problem.get("range").and_then(|range| range.get("start")?.get("line")?.as_u64());
        Some(Finding {
            file: position(Path::new(problem.get("source")?.as_str()?), files)?,
            // It counts from 0.
            line: line.map(|line| line + 1),
            pointer: parts.iter().fold(String::new(), |pointer, part| match part.as_str() {
                Some(name) => join(&pointer, name),
                None => join(&pointer, &part.to_string()),
            }),
            rule: text(problem, "code")?,
            problem: text(problem, "message")?,
        })
    };
    list.as_array()?.iter().map(read).collect()
}

/// The list of `tests/lint/validate.py`.
pub(super) fn spec_validator(said: &str) -> Option<Vec<Finding>> {
    let list: Value = serde_json::from_str(said).ok()?;
    let read = |problem: &Value| {
        Some(Finding {
            file: usize::try_from(problem.get("file")?.as_u64()?).ok()?,
            line: None,
            pointer: text(problem, "pointer")?,
            rule: text(problem, "rule")?,
            problem: text(problem, "problem")?,
        })
    };
    list.as_array()?.iter().map(read).collect()
}

fn text(problem: &Value, member: &str) -> Option<String> {
    Some(problem.get(member)?.as_str()?.to_owned())
}

/// Which of the files it is, however it is written.
fn position(file: &Path, files: &[PathBuf]) -> Option<usize> {
    let whole = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let file = whole(file);
    files.iter().position(|other| whole(other) == file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn files() -> Vec<PathBuf> {
        vec!["/c/a.yaml".into(), "/c/b.yaml".into()]
    }

    #[test]
    fn redocly_prints_one_document_for_each_file() {
        let said = r##"{"problems": []}{"problems": [{"ruleId": "r", "severity": "error", "message": "m",
            "location": [{"source": {"ref": "b.yaml"}, "pointer": "#/info", "start": {"line": 3, "col": 1}}]}]}"##;
        let expected = Finding {
            file: 1,
            line: Some(3),
            pointer: "/info".to_owned(),
            rule: "r".to_owned(),
            problem: "m".to_owned(),
        };
        assert_eq!(redocly(said, Path::new("/c"), &files()).unwrap(), [expected]);
        assert_eq!(redocly("", Path::new("/c"), &files()), None, "it looked at no file");
        assert_eq!(redocly("{\"problems\": []}", Path::new("/c"), &files()), None, "it looked at one");
        assert_eq!(redocly("Cannot find", Path::new("/c"), &files()), None);
    }

    #[test]
    fn spectral_prints_words_after_an_empty_list() {
        assert_eq!(spectral("[]No results with a severity of 'hint'", &files()).unwrap(), []);
        let said = r#"[{"code": "r", "path": ["paths", "/a", 0], "message": "m", "severity": 1,
            "range": {"start": {"line": 2, "character": 1}}, "source": "/c/a.yaml"}]"#;
        let expected = Finding {
            file: 0,
            line: Some(3),
            pointer: "/paths/~1a/0".to_owned(),
            rule: "r".to_owned(),
            problem: "m".to_owned(),
        };
        assert_eq!(spectral(said, &files()).unwrap(), [expected]);
        assert_eq!(spectral("Error", &files()), None);
    }

    #[test]
    fn a_finding_in_a_file_that_was_not_given_is_no_report() {
        let said = r#"[{"code": "r", "path": [], "message": "m", "source": "/c/c.yaml"}]"#;
        assert_eq!(spectral(said, &files()), None);
    }
}
