//! Files and batches: sealed under keys of their own, gone with them, and no line begun twice.

use std::time::Duration;

use domain::{
    Action, BatchEndpoint, BatchId, BatchState, Exit, FileId, Kind, LineState, RequestId,
};
use store::{
    AuditFilter, Batch, BatchRun, FileFilter, Handover, Inspector, NewBatch, NewFile, Page, Scope,
    Store, StoredFile,
};
use testkit::{Backend, each_backend};

use crate::{
    fixture::{self, House, event, house, presented, refusal},
    outside,
};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const TEXT: &str = "purple giraffe whispers\n";

/// A key of the house, as it calls.
pub(crate) async fn caller(store: &Store, house: &House) -> Scope {
    let (_, text) = fixture::key(store, house).await;
    store.api_key(&presented(&text)).unwrap()
}

fn new<'a>(house: &House, keep: Option<u64>, chunks: &[&'a str]) -> NewFile<'a> {
    NewFile {
        project: house.project.id,
        name: "giraffes.jsonl",
        keep: keep.map(Duration::from_secs),
        chunks: chunks.iter().map(|text| text.as_bytes()).collect(),
        lines: chunks.len() as u64,
        most_bytes: 10_000,
    }
}

pub(crate) async fn file(
    store: &Store,
    scope: &Scope,
    house: &House,
    keep: Option<u64>,
) -> StoredFile {
    let mut write = store.write(scope).await.unwrap();
    let file = write.file_create(new(house, keep, &[TEXT, "in the night\n"])).await.unwrap();
    write.commit(store::Write::file_event(&file)).await.unwrap();
    file
}

pub(crate) async fn batch(
    store: &Store,
    scope: &Scope,
    house: &House,
    input: FileId,
) -> (Batch, BatchRun) {
    let mut write = store.write(scope).await.unwrap();
    let order = NewBatch {
        project: house.project.id,
        input,
        endpoint: BatchEndpoint::Chat,
        metadata: Some("{\"about\":\"giraffes\"}".to_owned()),
        keep: None,
    };
    let batch = write.batch_create(order).await.unwrap();
    write.commit(store::Write::batch_event(&batch)).await.unwrap();
    let run = store.batch_run(scope, batch.id).await.unwrap();
    (batch, run)
}

async fn count(backend: &Backend, table: &str) -> String {
    outside::rows(backend, &format!("select cast(count(*) as text) from {table}")).await.remove(0)
}

/// The log's acts upon content, oldest first.
async fn acts(store: &Store, house: &House) -> Vec<String> {
    store.drain().await.unwrap();
    let mut read = store.read(&house.scope).await.unwrap();
    let rows = read.audit_list(&AuditFilter::default(), &Page::first(200)).await.unwrap().data;
    let about = ["file.", "batch.", "content_"];
    let mut acts: Vec<_> = rows.into_iter().map(|row| row.action).collect();
    acts.retain(|act| about.iter().any(|start| act.starts_with(start)));
    acts.reverse();
    acts
}

async fn read(store: &Store, scope: &Scope, id: FileId) -> String {
    let mut read = store.read(scope).await.unwrap();
    let (mut text, mut after) = (String::new(), None);
    while let Some((number, content)) = read.file_piece(id, after).await.unwrap() {
        text.push_str(std::str::from_utf8(content.expose_to(Exit::Caller)).unwrap());
        after = Some(number);
    }
    text
}

async fn fetch(
    store: &Store,
    scope: &Scope,
    house: &House,
    id: FileId,
) -> domain::Result<StoredFile> {
    store.read(scope).await.unwrap().file_fetch(house.project.id, id).await
}

async fn fetch_batch(store: &Store, scope: &Scope, house: &House, id: BatchId) -> Batch {
    store.read(scope).await.unwrap().batch_fetch(house.project.id, id).await.unwrap()
}

fn request(store: &Store) -> RequestId {
    RequestId::new(store.clock().now())
}

each_backend! {
    async fn a_file_is_sealed_under_its_own_key_and_gone_with_it(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let scope = caller(&store, &made).await;
        let (one, two) = (file(&store, &scope, &made, None).await, file(&store, &scope, &made, None).await);
        assert_eq!((one.bytes, one.lines, one.name.as_str()), (37, 2, "giraffes.jsonl"));
        assert_eq!(one.expires.since(one.created).as_secs(), DAY);
        assert_eq!(read(&store, &scope, one.id).await, format!("{TEXT}in the night\n"));
        let keys = |sealed: &[String]| -> std::collections::BTreeSet<String> {
            sealed.iter().map(|value| value[4..36].to_owned()).collect()
        };
        let sealed = outside::bytes(&backend, "file_chunk", "sealed").await;
        assert_eq!((sealed.len(), keys(&sealed).len()), (4, 2), "one key for each file");
        assert!(!sealed.concat().contains(&hex::encode("giraffe")));

        let mut write = store.write(&scope).await.unwrap();
        write.file_delete(made.project.id, one.id).await.unwrap();
        write.commit(event(Action::FileDelete)).await.unwrap();
        if !backend.is_postgres() {
            let log = backend.config.data_dir.join("probity.db-wal");
            assert_eq!(std::fs::metadata(log).unwrap().len(), 0, "no page from before is left in it");
        }
        assert_eq!(refusal(fetch(&store, &scope, &made, one.id).await), (Kind::NotFound, "not_found"));
        let left = outside::bytes(&backend, "file_chunk", "sealed").await;
        assert!(left.iter().all(|value| sealed.contains(value)), "the other was not touched");
        assert_eq!((left.len(), count(&backend, "content_key").await.as_str()), (2, "1"));
        assert_eq!(read(&store, &scope, two.id).await.len(), 37, "the other has its own");
        assert_eq!(acts(&store, &made).await, [
            "content_key.create", "file.create", "content_key.create", "file.create",
            "content_key.destroy", "file.delete",
        ]);
        let mut write = store.write(&scope).await.unwrap();
        let gone = write.file_delete(made.project.id, one.id).await;
        assert_eq!(refusal(gone), (Kind::NotFound, "not_found"));
    }

    async fn content_is_forgotten_when_its_time_is_over(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let scope = caller(&store, &made).await;
        let brief = file(&store, &scope, &made, Some(HOUR)).await;
        let input = file(&store, &scope, &made, None).await;
        let (order, run) = batch(&store, &scope, &made, input.id).await;
        backend.clock.advance(Duration::from_secs(HOUR - 1));
        store.drain().await.unwrap();
        fetch(&store, &scope, &made, brief.id).await.unwrap();
        backend.clock.advance(Duration::from_secs(1));
        store.drain().await.unwrap();
        assert_eq!(refusal(fetch(&store, &scope, &made, brief.id).await).1, "not_found");

        assert!(run.begin(2).await.unwrap());
        assert!(run.intend(1, request(&store)).await.unwrap());
        run.finish(1, LineState::Answered, b"an answer\n").await.unwrap();
        let input_until = fetch(&store, &scope, &made, input.id).await.unwrap().expires;
        assert!(input_until > order.expires, "a file outlives the batch that reads it");
        run.end(BatchState::Completed, &[]).await.unwrap();
        let done = fetch_batch(&store, &scope, &made, order.id).await;
        let output = done.output.unwrap();
        assert_eq!(read(&store, &scope, output).await, "an answer\n");
        assert_eq!(done.key_until().unwrap().since(done.ended.unwrap()).as_secs(), DAY);

        backend.clock.advance(Duration::from_secs(DAY));
        store.drain().await.unwrap();
        for id in [output, input.id] {
            assert_eq!(refusal(fetch(&store, &scope, &made, id).await).1, "not_found");
        }
        let done = fetch_batch(&store, &scope, &made, order.id).await;
        assert_eq!((done.metadata.as_deref(), done.completed, done.destroyed), (None, 1, Some(store.clock().now())));
        assert_eq!(count(&backend, "file_chunk").await, "0");
        let acts = acts(&store, &made).await;
        assert_eq!(acts.iter().filter(|act| *act == "content_key.create").count(), 4);
        assert_eq!(acts.iter().filter(|act| *act == "content_key.destroy").count(), 4);
        backend.clock.advance(Duration::from_secs(30 * DAY));
        store.drain().await.unwrap();
        for table in ["batch", "batch_line", "content_key", "content_due", "stored_file"] {
            assert_eq!(count(&backend, table).await, "0", "{table}");
        }
    }

    async fn a_line_begins_once_and_keeps_its_outcome(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let scope = caller(&store, &made).await;
        let input = file(&store, &scope, &made, None).await;
        let (order, run) = batch(&store, &scope, &made, input.id).await;
        assert!(run.begin(3).await.unwrap());
        assert!(run.intend(1, request(&store)).await.unwrap());
        assert!(!run.intend(1, request(&store)).await.unwrap(), "it was begun");
        run.withdraw(1).await.unwrap();
        assert!(run.intend(1, request(&store)).await.unwrap(), "nothing was sent");
        assert!(run.intend(2, request(&store)).await.unwrap());
        run.finish(1, LineState::Answered, b"first\n").await.unwrap();
        run.finish(1, LineState::Failed, b"again\n").await.unwrap();
        run.withdraw(1).await.unwrap();
        run.finish(3, LineState::Answered, b"never begun\n").await.unwrap();
        drop(run);
        store.close().await.unwrap();
        drop(store);

        let store = backend.open().await;
        let open = store.batches_open().await.unwrap();
        assert_eq!((open.len(), open[0].id, open[0].state), (1, order.id, BatchState::InProgress));
        let run = &open[0];
        let mut lines: Vec<_> = run.lines().await.unwrap().into_iter().collect();
        lines.sort_by_key(|(number, _)| *number);
        assert_eq!(lines, [(1, LineState::Answered), (2, LineState::Sending)]);
        run.finish(2, LineState::Unknown, b"who knows\n").await.unwrap();
        run.give_up(&[3], b"too late\n").await.unwrap();
        assert!(run.finalize().await.unwrap());
        run.end(BatchState::Expired, &[]).await.unwrap();
        assert!(!run.intend(4, request(&store)).await.unwrap(), "it is over");
        let done = fetch_batch(&store, &scope, &made, order.id).await;
        assert_eq!((done.state, done.total, done.completed, done.failed), (BatchState::Expired, 3, 1, 2));
        assert_eq!(read(&store, &scope, done.output.unwrap()).await, "first\n");
        assert_eq!(read(&store, &scope, done.errors.unwrap()).await, "who knows\ntoo late\n");
        let errors = fetch(&store, &scope, &made, done.errors.unwrap()).await.unwrap();
        assert_eq!((errors.lines, errors.bytes, errors.batch), (2, 19, Some(order.id)));
        assert!(store.batches_open().await.unwrap().is_empty());
    }

    async fn cancelling_takes_the_keys_and_nothing_is_kept_afterwards(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let scope = caller(&store, &made).await;
        let input = file(&store, &scope, &made, Some(10 * DAY)).await;
        let (order, run) = batch(&store, &scope, &made, input.id).await;
        let (other, _) = batch(&store, &scope, &made, input.id).await;
        run.begin(2).await.unwrap();
        for number in [1, 2] {
            assert!(run.intend(number, request(&store)).await.unwrap());
        }
        run.finish(1, LineState::Answered, b"first\n").await.unwrap();
        let mut write = store.write(&scope).await.unwrap();
        let used = write.file_delete(made.project.id, input.id).await;
        assert_eq!(refusal(used), (Kind::Conflict, "file_in_use"));
        write.batch_cancel(made.project.id, order.id).await.unwrap();
        write.commit(event(Action::BatchCancel)).await.unwrap();
        run.finish(2, LineState::Answered, b"second\n").await.unwrap();
        let done = fetch_batch(&store, &scope, &made, order.id).await;
        assert_eq!((done.state, done.completed, done.metadata), (BatchState::Cancelled, 1, None));
        assert!(fetch(&store, &scope, &made, done.output.unwrap()).await.is_err());
        fetch(&store, &scope, &made, input.id).await.unwrap();
        let mut write = store.write(&scope).await.unwrap();
        let again = write.batch_cancel(made.project.id, order.id).await;
        assert_eq!(refusal(again), (Kind::Conflict, "batch_over"));
        write.batch_cancel(made.project.id, other.id).await.unwrap();
        write.commit(event(Action::BatchCancel)).await.unwrap();
        assert!(fetch(&store, &scope, &made, input.id).await.is_err(), "nobody needs it any more");
        assert_eq!(count(&backend, "file_chunk").await, "0");
    }

    async fn a_project_that_may_store_nothing_loses_what_it_stored(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let scope = caller(&store, &made).await;
        let set = async |allowed| {
            let mut write = store.write(&made.scope).await.unwrap();
            let destroyed = write.content_storage_set(made.project.id, allowed).await.unwrap();
            write.commit(event(Action::ContentStorageSet)).await.unwrap();
            let storing = store.routing(&made.scope).await.unwrap().storing.contains(&made.project.id);
            (destroyed, storing)
        };
        assert!(!store.routing(&made.scope).await.unwrap().storing.contains(&made.project.id), "off at first");
        assert_eq!(set(true).await, (0, true));
        assert_eq!(set(true).await, (0, true));
        let input = file(&store, &scope, &made, None).await;
        let (order, _) = batch(&store, &scope, &made, input.id).await;
        assert_eq!(set(false).await, (2, false));
        assert_eq!(fetch_batch(&store, &scope, &made, order.id).await.state, BatchState::Cancelled);
        assert_eq!(count(&backend, "stored_file").await, "0");

        set(true).await;
        file(&store, &scope, &made, None).await;
        let mut write = store.write(&made.scope).await.unwrap();
        write.project_archive(made.project.id).await.unwrap();
        write.commit(event(Action::ProjectArchive)).await.unwrap();
        assert_eq!(count(&backend, "file_chunk").await, "0");
    }

    async fn nothing_is_shared_between_projects_and_organizations(backend: Backend) {
        let store = backend.open().await;
        let (one, two) = (house(&store, "one").await, house(&store, "two").await);
        let (mine, theirs) = (caller(&store, &one).await, caller(&store, &two).await);
        let input = file(&store, &mine, &one, None).await;
        let (order, _) = batch(&store, &mine, &one, input.id).await;
        for project in [one.project.id, two.project.id] {
            let mut read = store.read(&theirs).await.unwrap();
            assert_eq!(refusal(read.file_fetch(project, input.id).await), (Kind::NotFound, "not_found"));
            assert_eq!(refusal(read.file_piece(input.id, None).await), (Kind::NotFound, "not_found"));
            assert_eq!(refusal(read.batch_fetch(project, order.id).await), (Kind::NotFound, "not_found"));
            let filter = FileFilter::default();
            assert!(read.files_list(project, filter, &Page::default()).await.unwrap().data.is_empty());
            assert!(read.batches_list(project, &Page::default()).await.unwrap().data.is_empty());
            drop(read);
            let mut write = store.write(&theirs).await.unwrap();
            assert_eq!(refusal(write.file_delete(project, input.id).await), (Kind::NotFound, "not_found"));
            assert_eq!(refusal(write.batch_cancel(project, order.id).await), (Kind::NotFound, "not_found"));
        }
        let foreign = two.project.id;
        let mut read = store.read(&mine).await.unwrap();
        assert!(read.file_fetch(foreign, input.id).await.is_err(), "another project's");
        drop(read);
        assert_eq!(refusal(store.batch_run(&theirs, order.id).await), (Kind::NotFound, "not_found"));
        let mut write = store.write(&mine).await.unwrap();
        let big = NewFile { most_bytes: 40, ..new(&one, None, &[TEXT]) };
        assert_eq!(refusal(write.file_create(big).await), (Kind::Limited, "storage_full"));
        drop(write);
        let mut write = store.write(&one.scope).await.unwrap();
        let person = write.file_create(new(&one, None, &[TEXT])).await;
        assert_eq!(refusal(person).0, Kind::Forbidden, "people store nothing");
    }

    async fn the_search_opens_content_as_long_as_it_has_its_key(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let scope = caller(&store, &made).await;
        let input = file(&store, &scope, &made, None).await;
        batch(&store, &scope, &made, input.id).await;
        let line = store.hand_over().unwrap().to_line().unwrap();
        let inspector = Inspector::open(Handover::from_line(line.expose()).unwrap()).await.unwrap();
        let mut found = std::collections::BTreeSet::new();
        let coverage = inspector.values(&mut |seen| {
            if seen.value.windows(7).any(|part| part == b"giraffe") {
                found.insert((format!("{}.{}", seen.table, seen.column), seen.opened));
            }
        }).await.unwrap();
        let all = ["batch.metadata", "file_chunk.sealed", "stored_file.name"];
        assert_eq!(found, all.map(|column| (column.to_owned(), true)).into());
        assert_eq!((coverage.unopened, coverage.closed.len()), (0, 1), "{coverage:?}");
        if backend.is_postgres() {
            // As between the end of a key and the removal of what it sealed.
            backend.database().sql("update content_key set wrapped = null, commitment = null, destroyed_at = 1 where kind = 'file'");
            let coverage = inspector.values(&mut |seen| {
                assert!(!(seen.opened && seen.table == "file_chunk"));
            }).await.unwrap();
            assert_eq!((coverage.unopened, coverage.closed.len()), (0, 3), "{coverage:?}");
            assert!(fetch(&store, &scope, &made, input.id).await.is_err());
        }
    }
}

/// A piece that is moved, to another place of its file too, does not open.
#[tokio::test]
async fn moved_pieces_do_not_open() {
    let backend = Backend::postgres().await;
    let store = backend.open().await;
    let made = house(&store, "acme").await;
    let scope = caller(&store, &made).await;
    let input = file(&store, &scope, &made, None).await;
    backend.database().sql("update file_chunk set number = 5 - number");
    let mut read = store.read(&scope).await.unwrap();
    let error = read.file_piece(input.id, None).await.err().unwrap();
    assert_eq!((error.kind(), error.code()), (Kind::Internal, "sealed_value_refused"));
}
