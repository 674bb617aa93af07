//! Names of people that an organization wants to be found: how they are read.

use crate::{Error, Result, csv::Records, export::plain};

/// Names of one organization.
pub const NAMES_MOST: usize = 20_000;
/// Characters of one name.
pub const NAME_LONGEST: usize = 120;

/// What the column of whole names is called, and those of its parts, in the languages of exports.
const WHOLE: &[&str] = &[
    "name",
    "full_name",
    "fullname",
    "display_name",
    "displayname",
    "navn",
    "naam",
    "namn",
    "nom_complet",
];
const FIRST: &[&str] = &[
    "first_name",
    "firstname",
    "given_name",
    "given_names",
    "fornavn",
    "voornaam",
    "vorname",
    "prenom",
    "nombre",
    "nome",
    "imie",
    "etunimi",
];
const LAST: &[&str] = &[
    "last_name",
    "lastname",
    "family_name",
    "surname",
    "efternavn",
    "achternaam",
    "nachname",
    "nom",
    "apellidos",
    "cognome",
    "nazwisko",
    "sukunimi",
    "efternamn",
];

/// A name as it is kept: without blanks around it, on one line.
///
/// # Errors
/// `Invalid` with code `invalid_name`; it does not repeat the name.
pub fn name_checked(name: &str) -> Result<String> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let wrong = |why: &'static str| Err(Error::invalid(why).with_code("invalid_name"));
    if name.chars().count() > NAME_LONGEST {
        return wrong("A name has at most 120 characters.");
    }
    if name.chars().any(char::is_control) {
        return wrong("A name has no control characters.");
    }
    // Shorter ones are never found: they would be in every text.
    if !name.split(|one: char| !one.is_alphabetic()).any(|word| word.chars().nth(1).is_some()) {
        return wrong("A name has a word of two letters or more.");
    }
    Ok(name)
}

fn at(line: u64, error: &Error) -> Error {
    Error::invalid(format!("Line {line}: {}", error.message())).with_code("invalid_name")
}

/// One name a line. `Jensen, Anna` is a name too.
///
/// # Errors
/// `Invalid` with code `invalid_name` and the line.
pub fn names_in_lines(text: &str) -> Result<Vec<String>> {
    let lines = (1_u64..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(line, name)| name_checked(name).map_err(|error| at(line, &error))).collect()
}

/// A table with a heading: a column of whole names, or one of first and one of last names, whatever else there is.
/// What has one column only is read as [`names_in_lines`].
///
/// # Errors
/// `Invalid` with code `unreadable_csv`, `missing_column` or `invalid_name`.
pub fn names_in_csv(text: &str) -> Result<Vec<String>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut records = Records::new(text);
    let mut cells = Vec::new();
    if !records.next(&mut cells)? {
        return Ok(Vec::new());
    }
    let heads: Vec<String> = cells.iter().map(|cell| plain(cell)).collect();
    let place = |names: &[&str]| heads.iter().position(|head| names.contains(&head.as_str()));
    let columns: Vec<usize> = match (place(FIRST), place(LAST), place(WHOLE)) {
        (Some(first), Some(last), _) => vec![first, last],
        (_, _, Some(whole)) => vec![whole],
        _ if heads.len() == 1 => return names_in_lines(text),
        _ => {
            return Err(Error::invalid(
                "The first line of the table names its columns: name, or first name and last name.",
            )
            .with_code("missing_column"));
        }
    };
    let mut names = Vec::new();
    loop {
        let line = records.line;
        if !records.next(&mut cells)? {
            return Ok(names);
        }
        let parts = columns.iter().filter_map(|column| cells.get(*column)).map(|cell| cell.trim());
        let name = parts.collect::<Vec<_>>().join(" ");
        if !name.trim().is_empty() {
            names.push(name_checked(&name).map_err(|error| at(line, &error))?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_tables_give_names() {
        assert_eq!(
            names_in_lines("Anna  Jensen\n\n Kowalska, Zofia \r\n").unwrap(),
            ["Anna Jensen", "Kowalska, Zofia"]
        );
        let table = "\u{feff}Id;Vorname;E-Mail;Nachname\n1;Jörg;x@y;Müller\n2;;;\n3;\"Eva \"\"Evi\"\"\";;Beck\n";
        assert_eq!(names_in_csv(table).unwrap(), ["Jörg Müller", "Eva \"Evi\" Beck"]);
        assert_eq!(names_in_csv("Full name,Team\nLi Na,Ops\n").unwrap(), ["Li Na"]);
        assert_eq!(names_in_csv("Anna Jensen\nBo Ek\n").unwrap(), ["Anna Jensen", "Bo Ek"]);
        assert_eq!(names_in_csv("a,b\nc,d\n").expect_err("").code(), "missing_column");
        assert_eq!(names_in_csv("").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_name_is_refused_by_its_line_only() {
        for wrong in ["X", "7", "- -", "a\u{7}bc", &"a".repeat(121)] {
            let error = names_in_lines(&format!("Anna Jensen\n{wrong}")).expect_err(wrong);
            assert!(error.message().starts_with("Line 2: A name has"), "{error}");
        }
    }
}
