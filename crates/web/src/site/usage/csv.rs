//! Usage as a file: a row for each request, sent while it is read.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use domain::{Error, Result as DomainResult, tags::UsageRead};
use futures::stream;
use http::header;
use store::{Page, Scope, Store, UsageFilter, UsageRow as Row};

use super::{Selection, names::Names, took};
use crate::{Cx, refusal::Result};

const HEAD: &str = "request,started,project,key,model,requested_model,provider,region,status,error,input,cache_read,\
    cache_write,output,reasoning,provenance,cost_nano,currency,first_token_ms,took_ms,attempts\r\n";

/// A file on its way out. Between two pages no transaction is open: a slow reader holds up nobody.
struct Rows {
    store: Store,
    scope: Scope,
    filter: UsageFilter,
    names: Names,
    /// The next to read; none at the end.
    page: Option<Page>,
    head: bool,
}

impl Rows {
    async fn next(mut self) -> DomainResult<Option<(Bytes, Self)>> {
        let Some(page) = self.page.take() else { return Ok(None) };
        let listed = self.store.read(&self.scope).await?.usage_list(&self.filter, &page).await?;
        let mut text = String::new();
        if std::mem::take(&mut self.head) {
            text.push_str(HEAD);
        }
        listed.data.iter().for_each(|row| line(&mut text, row, &self.names));
        self.page = listed.next.map(|after| Page { after: Some(after), limit: Page::MOST });
        Ok(Some((Bytes::from(text), self)))
    }
}

pub(super) async fn csv(cx: Cx<UsageRead>, (): ()) -> Result<Response> {
    let (selection, now) = (Selection::of(&cx), cx.now());
    let mut read = cx.read().await?;
    let filter = selection.filter(&mut read, now).await?;
    let names = Names::read(&mut read, true).await?;
    drop(read);
    let rows = Rows {
        store: cx.app().store.clone(),
        scope: cx.scope()?.clone(),
        filter,
        names,
        page: Some(Page::first(Page::MOST)),
        head: true,
    };
    let name = format!("attachment; filename=\"usage-{}.csv\"", selection.period.as_str());
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    // A file that breaks off in the middle must not look whole: the error ends the connection.
    let body = Body::from_stream(stream::try_unfold(rows, |rows| async move {
        rows.next().await.inspect_err(|error: &Error| {
            tracing::warn!(code = error.code(), causes = %error.causes(), "usage file broken off");
        })
    }));
    Ok((headers, body).into_response())
}

fn line(text: &mut String, row: &Row, names: &Names) {
    let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    let usage = row.usage;
    let cells = [
        row.request.to_string(),
        row.started.rfc3339(),
        names.project(row.project),
        row.key.to_string(),
        row.model.clone(),
        row.requested_model.clone(),
        names.provider(row),
        names.region(row),
        row.status.to_string(),
        row.error_code.clone().unwrap_or_default(),
        number(usage.map(|usage| usage.input)),
        number(usage.map(|usage| usage.cache_read)),
        number(usage.map(|usage| usage.cache_write)),
        number(usage.map(|usage| usage.output)),
        number(usage.map(|usage| usage.reasoning)),
        usage.map_or("absent", |usage| usage.provenance.as_str()).to_owned(),
        number(row.cost_nano),
        row.currency.clone().unwrap_or_default(),
        number(row.first_token_ms),
        took(row).to_string(),
        row.attempts.to_string(),
    ];
    let cells: Vec<_> = cells.iter().map(|cell| cell_text(cell)).collect();
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

/// Quoted where needed; a cell that a spreadsheet would take for a formula is made plain text.
fn cell_text(cell: &str) -> String {
    let guarded = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if guarded.contains([',', ';', '"', '\n', '\r', '\t']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        assert_eq!(cell_text("=1+1"), "'=1+1");
        assert_eq!(cell_text("\r=1"), "\"'\r=1\"");
        // Where semicolons part cells, a formula could begin behind one.
        assert_eq!(cell_text("x;=1"), "\"x;=1\"");
        assert_eq!(cell_text("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(cell_text("plain"), "plain");
    }
}
