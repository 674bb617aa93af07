//! Files of a project, as its keys see them.

use bytes::Bytes;
use domain::{Action, Content, Error, Event, FileId, FilePurpose, Permission, ProjectId, Result};
use store::{FileFilter, Listed, NewFile, Page, Scope, StoredFile};

use super::{kept, project_of};
use crate::{Gateway, Inner};

/// Bytes of one sealed piece, about.
const PIECE: usize = 256 << 10;
/// Bytes of a file's name.
const LONGEST_NAME: usize = 255;

impl Gateway {
    /// Stores a file of requests that came as a form.
    ///
    /// # Errors
    /// `Forbidden` with code `storage_off` when the project stores nothing; `Invalid` for what cannot be read.
    pub async fn file_create(
        &self,
        scope: &Scope,
        content_type: Option<&str>,
        body: &Bytes,
    ) -> Result<StoredFile> {
        self.0.file_create(scope, content_type, body).await
    }

    /// Files of the key's project.
    pub async fn files_list(
        &self,
        scope: &Scope,
        filter: FileFilter,
        page: &Page,
    ) -> Result<Listed<StoredFile>> {
        let project = project_of(scope)?;
        self.0.store.read(scope).await?.files_list(project, filter, page).await
    }

    /// # Errors
    /// `NotFound` when the key's project has no such file, or not any more.
    pub async fn file_fetch(&self, scope: &Scope, id: FileId) -> Result<StoredFile> {
        let project = project_of(scope)?;
        self.0.store.read(scope).await?.file_fetch(project, id).await
    }

    /// The piece of a file after that number; none at its end.
    ///
    /// # Errors
    /// `NotFound` when the key's project has no such file, or not any more.
    pub async fn file_piece(
        &self,
        scope: &Scope,
        id: FileId,
        after: Option<u64>,
    ) -> Result<Option<(u64, Content)>> {
        let project = project_of(scope)?;
        let mut read = self.0.store.read(scope).await?;
        read.file_fetch(project, id).await?;
        read.file_piece(id, after).await
    }

    /// Destroys a file: first its key, then what the key sealed. A key does so in its project; a person where they may.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with code `file_in_use` while a batch needs it.
    pub async fn file_delete(
        &self,
        scope: &Scope,
        project: Option<ProjectId>,
        id: FileId,
    ) -> Result<()> {
        let project = whose(scope, project)?;
        let mut write = self.0.store.write(scope).await?;
        write.file_delete(project, id).await?;
        let event = Event::new(Action::FileDelete).on("file", id).on("project", project);
        write.commit(event).await.map(drop)
    }
}

/// The project that somebody may change what is stored of.
pub(super) fn whose(scope: &Scope, project: Option<ProjectId>) -> Result<ProjectId> {
    match project {
        None => project_of(scope),
        Some(project) => {
            identity::decide(scope, Permission::ContentManage, Some(project))?;
            Ok(project)
        }
    }
}

impl Inner {
    async fn file_create(
        &self,
        scope: &Scope,
        content_type: Option<&str>,
        body: &Bytes,
    ) -> Result<StoredFile> {
        let project = self.storing(scope).await?;
        let form = llm::upload(content_type, body).map_err(invalid)?;
        if FilePurpose::parse(form.purpose) != Some(FilePurpose::Batch) {
            return Err(Error::invalid("Files are stored for batches only: `purpose` is `batch`.")
                .with_code("unsupported_purpose"));
        }
        let keep = kept(form.keep_seconds)?;
        let content = body.get(form.content.clone()).unwrap_or_default();
        let lines = llm::batch_lines(content).count() as u64;
        let most = self.config.batch_lines;
        if lines == 0 || lines > most {
            return Err(Error::invalid(format!("A file has 1 to {most} requests, one a line."))
                .with_code("invalid_file"));
        }
        let name = form.name.trim();
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(
                Error::invalid("The name of a file has 1 to 255 bytes.").with_code("invalid_file")
            );
        }
        let new = NewFile {
            project,
            name,
            keep,
            chunks: llm::batch_pieces(content, PIECE),
            lines,
            most_bytes: self.config.batch_bytes,
        };
        let mut write = self.store.write(scope).await?;
        let file = write.file_create(new).await?;
        let event = store::Write::file_event(&file);
        write.commit(event).await?;
        Ok(file)
    }
}

pub(super) fn invalid(bad: llm::BadRequest) -> Error {
    Error::invalid(bad.message).with_code(bad.code)
}
