//! The table of how each class of data is protected, made from the classes themselves.

use domain::DataClass;

/// One class of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptionRow {
    pub class: &'static str,
    pub what: &'static str,
    /// Whether each value is encrypted on its own, under its organization's key.
    pub sealed: bool,
    pub at_rest: &'static str,
    pub in_transit: &'static str,
    /// `table.column` of everything that holds it; empty when nothing does.
    pub columns: Vec<String>,
}

/// The table for all classes. `columns` lists table, column and class of the whole database;
/// `file_encrypted` says whether the database file as a whole is encrypted by this program.
#[must_use]
pub fn encryption<'a>(
    columns: impl Iterator<Item = (&'a str, &'a str, DataClass)>,
    file_encrypted: bool,
) -> Vec<EncryptionRow> {
    let all: Vec<_> = columns.collect();
    DataClass::ALL
        .iter()
        .map(|class| {
            let held = all.iter().filter(|(_, _, found)| found == class);
            let columns: Vec<_> =
                held.map(|(table, column, _)| format!("{table}.{column}")).collect();
            EncryptionRow {
                class: class.as_str(),
                what: class.describe(),
                sealed: class.sealed(),
                at_rest: at_rest(*class, columns.is_empty(), file_encrypted),
                in_transit: in_transit(*class),
                columns,
            }
        })
        .collect()
}

const fn at_rest(class: DataClass, nowhere: bool, file_encrypted: bool) -> &'static str {
    match (nowhere, class, class.sealed(), file_encrypted) {
        (true, DataClass::Prompt, ..) => "Not stored: kept in memory while a request runs",
        (true, ..) => "Not stored in this release",
        (_, DataClass::Prompt, _, true) => {
            "Requests are not stored. Files and batches, where a project asks for them: AES-256-GCM piece by piece, each \
             file under a key of its own that is destroyed with it, in a database file encrypted with AES-256"
        }
        (_, DataClass::Prompt, _, false) => {
            "Requests are not stored. Files and batches, where a project asks for them: AES-256-GCM piece by piece, each \
             file under a key of its own that is destroyed with it; the database's disk is the operator's to encrypt"
        }
        (_, _, true, true) => {
            "AES-256-GCM value by value, in a database file encrypted with AES-256"
        }
        (_, _, true, false) => {
            "AES-256-GCM value by value; the database's disk is the operator's to encrypt"
        }
        (_, DataClass::Key, _, true) => {
            "Wrapped by the key above it with AES-256-GCM, in a database file encrypted with AES-256"
        }
        (_, DataClass::Key, _, false) => "Wrapped by the key above it with AES-256-GCM",
        (_, _, false, true) => "In a database file encrypted with AES-256",
        (_, _, false, false) => "The database's disk is the operator's to encrypt",
    }
}

const fn in_transit(class: DataClass) -> &'static str {
    match class {
        DataClass::Prompt | DataClass::Credential => {
            "To providers over TLS only; this server listens on its own machine only until TLS is built in"
        }
        DataClass::Key => "Never leaves this machine",
        _ => "This server listens on its own machine only until TLS is built in",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_row_and_absence_is_said() {
        let columns = [("user", "email", DataClass::Email), ("usage", "model", DataClass::Usage)];
        let rows = encryption(columns.into_iter(), true);
        assert_eq!(rows.len(), DataClass::ALL.len());
        let row = |class: &str| rows.iter().find(|row| row.class == class).unwrap();
        assert_eq!(row("email").columns, ["user.email"]);
        assert!(row("email").at_rest.starts_with("AES-256-GCM"));
        assert!(row("prompt").at_rest.starts_with("Not stored"));
        assert!(row("usage").at_rest.contains("AES-256"));
        let outside = encryption(columns.into_iter(), false);
        assert!(outside.iter().all(|row| !row.at_rest.contains("file encrypted")));
    }
}
