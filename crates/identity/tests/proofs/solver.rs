//! cvc5 in a process of its own. The package for Python brings no executable: `solver.py` is one.

use std::path::Path;

use cedar_policy_symcc::solver::LocalSolver;
use tokio::process::Command;

/// A solver that waits for questions.
pub(crate) fn started() -> LocalSolver {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../../.cache/solver/bin/python");
    assert!(python.exists(), "The solver of the proofs is not installed: run ./dev solver");
    let program = here.join("tests/proofs/solver.py");
    LocalSolver::from_command(Command::new(python).arg(program).kill_on_drop(true)).unwrap()
}
