//! TEN-01: every table of the database, held against the list of whose each is and against what keeps organizations
//! apart in those that hold rows of several.

use domain::Result;

use super::{Finding, Findings, Run};
use crate::evidence::{Reason, Verdict};

const CONTROL: &str = "TEN-01";

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let (seen, mistaken) = cx.site.inspector.separation().await?;
    for table in &seen.unlisted {
        tracing::warn!(table, "a table is on no list");
    }
    for (table, fault) in &seen.faults {
        tracing::warn!(table, fault, "a table does not keep organizations apart");
    }
    // With a list that leaves a table out and takes one for what it is not, both must be found.
    let planted =
        mistaken.unlisted.len() > seen.unlisted.len() && mistaken.faults.len() > seen.faults.len();
    let (subjects, population) = (seen.tables - seen.unlisted.len() as u64, seen.tables);
    let verdict = if seen.unlisted.is_empty() && seen.faults.is_empty() {
        Verdict::held(planted, subjects, population, cx.floor(CONTROL))
    } else {
        Verdict::Fail(Reason::BoundaryMissing)
    };
    let postgres = matches!(cx.site.inspector.engine_kind(), store::EngineKind::Postgres);
    let finding = Finding::new(verdict, planted, (subjects, population))
        .measure("tables with rows of organizations", seen.tenant, "tables")
        .measure(
            "of them with row-level security",
            if postgres { seen.tenant } else { 0 },
            "tables",
        );
    let rows = "which rows a statement reaches: this database knows no row-level security";
    Ok(vec![(CONTROL, finding.uncovered((!postgres).then(|| rows.to_owned())))])
}
