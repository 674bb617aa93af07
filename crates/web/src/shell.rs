//! The frame around every page.

use askama::Template;
use domain::{Error, Result};

use crate::view::Chrome;

/// The outer template; `content` is a page that is already rendered, so it is not escaped again.
#[derive(Template)]
#[template(path = "shell.html")]
pub struct Shell<'a> {
    pub chrome: &'a Chrome,
    pub title: &'a str,
    pub content: &'a str,
    /// A form of a few fields in the middle of the window.
    pub narrow: bool,
}

impl<'a> Shell<'a> {
    /// Renders `page` inside the frame.
    ///
    /// # Errors
    /// `Internal` when a template fails, which is a defect.
    pub fn wrap(
        chrome: &'a Chrome,
        title: &'a str,
        narrow: bool,
        page: &impl Template,
    ) -> Result<String> {
        let content = page.render().map_err(Error::internal)?;
        Shell { chrome, title, content: &content, narrow }.render().map_err(Error::internal)
    }
}
