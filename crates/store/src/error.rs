//! Database errors as the house's own: what is the caller's, what is the machine's, what is ours.

use domain::Error;
use sea_orm::{DbErr, RuntimeErr};

/// Maps a database error; the message never carries a value of a row.
pub(crate) fn from_db(error: DbErr) -> Error {
    let mapped = match &error {
        DbErr::ConnectionAcquire(_) => {
            Error::unavailable("The database is busy. Try again in a moment.")
                .with_code("database_busy")
        }
        DbErr::Conn(inner) | DbErr::Exec(inner) | DbErr::Query(inner) => from_runtime(inner),
        _ => return Error::internal(error),
    };
    mapped.with_source(error)
}

fn internal() -> Error {
    Error::new(domain::Kind::Internal, "Something went wrong on our side.")
}

fn from_runtime(error: &RuntimeErr) -> Error {
    let RuntimeErr::SqlxError(error) = error else { return internal() };
    match error.as_ref() {
        sqlx::Error::Database(reported) => {
            reported.code().map_or_else(internal, |code| from_code(&code))
        }
        sqlx::Error::PoolTimedOut => busy(),
        sqlx::Error::Io(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::Tls(_)
        | sqlx::Error::WorkerCrashed => {
            Error::unavailable("The database cannot be reached.").with_code("database_unavailable")
        }
        _ => internal(),
    }
}

fn busy() -> Error {
    Error::unavailable("The database is busy. Try again in a moment.").with_code("database_busy")
}

fn full() -> Error {
    Error::unavailable("The disk is full: nothing was written. Free some space and try again.")
        .with_code("disk_full")
}

fn unreachable() -> Error {
    Error::unavailable("The database cannot be reached.").with_code("database_unavailable")
}

/// SQLite result codes are decimal numbers below 10000; PostgreSQL's are five characters.
fn from_code(code: &str) -> Error {
    if code.len() == 5 { from_sqlstate(code) } else { from_sqlite(code.parse().unwrap_or(0)) }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn from_sqlstate(code: &str) -> Error {
    match code {
        "23505" => taken(),
        "23503" => missing(),
        "53100" => full(),
        "40001" | "40P01" | "55P03" | "57014" | "53300" => busy(),
        _ if code.starts_with("08") || code.starts_with("57P") || code.starts_with("53") => {
            unreachable()
        }
        _ => internal(),
    }
}

/// <https://www.sqlite.org/rescode.html>
fn from_sqlite(code: u32) -> Error {
    const IOERR_WRITE: u32 = 10 | (3 << 8);
    const IOERR_FSYNC: u32 = 10 | (4 << 8);
    match code {
        1555 | 2067 => taken(),
        787 => missing(),
        13 | IOERR_WRITE | IOERR_FSYNC => full(),
        _ => match code & 0xff {
            5 | 6 => busy(),
            8 | 10 | 14 => unreachable(),
            _ => internal(),
        },
    }
}

fn taken() -> Error {
    Error::conflict("This already exists.").with_code("already_exists")
}

fn missing() -> Error {
    Error::conflict("Something this refers to does not exist, or is still in use.")
        .with_code("reference_missing")
}

#[cfg(test)]
mod tests {
    use domain::Kind;

    use super::from_code;

    #[test]
    fn each_code_has_its_kind() {
        for (code, kind, name) in [
            ("2067", Kind::Conflict, "already_exists"),
            ("23505", Kind::Conflict, "already_exists"),
            ("787", Kind::Conflict, "reference_missing"),
            ("13", Kind::Unavailable, "disk_full"),
            ("778", Kind::Unavailable, "disk_full"),
            ("53100", Kind::Unavailable, "disk_full"),
            ("5", Kind::Unavailable, "database_busy"),
            ("517", Kind::Unavailable, "database_busy"),
            ("40P01", Kind::Unavailable, "database_busy"),
            ("57P01", Kind::Unavailable, "database_unavailable"),
            ("42501", Kind::Internal, "internal"),
            ("1811", Kind::Internal, "internal"),
        ] {
            let error = from_code(code);
            assert_eq!((error.kind(), error.code()), (kind, name), "{code}");
        }
    }
}
