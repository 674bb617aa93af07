//! The lines of a batch: read for the first time, when everything is checked, and once more to be sent.

use std::{collections::HashSet, hash::BuildHasher as _};

use bytes::Bytes;
use domain::{DataClass, Exit, Result};
use llm::BadRequest;
use store::{BatchProblem, BatchRun};

use crate::Inner;

/// Problems that are told of one file.
const PROBLEMS: usize = 50;

/// Reads a file piece by piece, so that a large one is never in memory as a whole.
pub(super) struct Lines<'a> {
    run: &'a BatchRun,
    piece: Option<u64>,
    /// What is left of the piece, last first.
    left: Vec<Bytes>,
    /// Of the line that was given out last, from 1 on.
    number: u64,
    ended: bool,
}

impl<'a> Lines<'a> {
    pub(super) const fn new(run: &'a BatchRun) -> Self {
        Self { run, piece: None, left: Vec::new(), number: 0, ended: false }
    }

    /// The next line with its number.
    pub(super) async fn next(&mut self) -> Result<Option<(u64, Bytes)>> {
        while self.left.is_empty() && !self.ended {
            match self.run.piece(self.piece).await? {
                None => self.ended = true,
                Some((number, content)) => {
                    self.piece = Some(number);
                    let content = content.expose_to(Exit::Store(DataClass::Prompt)).clone();
                    self.left =
                        llm::batch_lines(&content).map(|line| content.slice_ref(line)).collect();
                    self.left.reverse();
                }
            }
        }
        let Some(line) = self.left.pop() else { return Ok(None) };
        self.number += 1;
        Ok(Some((self.number, line)))
    }
}

impl Inner {
    /// Reads the whole file. Says how many requests there are, and what is wrong with it.
    pub(super) async fn check(&self, run: &BatchRun) -> Result<(u64, Vec<BatchProblem>)> {
        let (mut lines, mut ids) = (Lines::new(run), HashSet::new());
        let (mut total, mut problems) = (0, Vec::new());
        while let Some((number, line)) = lines.next().await? {
            total = number;
            // Two ids with one hash would be taken for the same: of 50,000 none has ever.
            let mut new = |id: &str| ids.insert(self.random.hash_one(id));
            if let Err(bad) = checked(run, &line, &mut new) {
                problems.push(problem(&bad, number));
                if problems.len() == PROBLEMS {
                    break;
                }
            }
        }
        Ok((total, problems))
    }
}

fn checked(
    run: &BatchRun,
    line: &[u8],
    new: &mut dyn FnMut(&str) -> bool,
) -> Result<(), BadRequest> {
    let line = llm::batch_line(line)?;
    let bad = |code, param: &str, message: &'static str| BadRequest {
        code,
        param: Some(param.to_owned()),
        message: message.into(),
    };
    if line.url != run.endpoint.as_str() {
        return Err(bad("invalid_url", "url", "The URL of a line is the endpoint of its batch."));
    }
    if !new(&line.custom_id) {
        return Err(bad("duplicate_custom_id", "custom_id", "Another line has this custom_id."));
    }
    Ok(())
}

fn problem(bad: &BadRequest, line: u64) -> BatchProblem {
    BatchProblem {
        code: bad.code.to_owned(),
        message: bad.message.clone().into_owned(),
        param: bad.param.clone().filter(|param| !param.is_empty()),
        line: Some(line),
    }
}
