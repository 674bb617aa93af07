//! IDN-06 and IDN-08: wrong passwords for an account that nobody has, each from another address of this machine, until
//! the next is refused unread; then for another account, which must not suffer; and what the log says of it.

use std::{net::Ipv4Addr, time::Duration};

use domain::{OrgId, Result};
use ledger::Entry;
use tokio::time::Instant;

use super::{Finding, Findings, Run, plainly::Door, shadow::Shadow};
use crate::{
    evidence::{Reason, Verdict},
    registry::ParamValue,
};

const CONTROLS: [&str; 2] = ["IDN-06", "IDN-08"];
const ACT: &str = "session.refuse";
/// Entries are written within a second; a busy machine takes longer.
const WRITTEN: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(150);
/// What an entry holds of a person: the account that was tried, and from where.
const PERSONAL: usize = 2;

/// What came of the guesses at one account.
#[derive(Default)]
struct Guessed {
    wrong: u64,
    /// Whether one was refused without being looked at.
    stopped: bool,
    /// Something else got in the way.
    disturbed: bool,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let most = most(cx);
    let Some(door) = Door::of(cx.site.client.base()) else {
        let finding = || Finding::new(Verdict::Inconclusive(Reason::Unreachable), false, (0, 0));
        return Ok(CONTROLS.iter().map(|control| (*control, finding())).collect());
    };
    let log = cx.site.inspector.tree(OrgId::DEPLOYMENT);
    let before = log.entries().await?;
    let guessed = guess(cx, (&door, "guessed"), most).await?;
    let other = guess(cx, (&door, "other"), 1).await?;
    let tried = guessed.wrong + other.wrong;
    let until = Instant::now() + WRITTEN;
    let in_log = loop {
        let found = recorded(cx, before).await?;
        if found >= tried || Instant::now() >= until {
            break found;
        }
        tokio::time::sleep(LOOK).await;
    };
    // A server that lets everybody guess, whose attempts are in no log either.
    let shadow = Shadow::serve([("sign-in".to_owned(), "{}".to_owned())].into()).await?;
    let from = log.entries().await?;
    let careless = match Door::of(&shadow.base_url()) {
        Some(door) => guess(cx, (&door, "careless"), most).await?,
        None => Guessed::default(),
    };
    let unlogged = recorded(cx, from).await? < most;
    let budget = of_budget(cx, (&guessed, &other), !careless.stopped);
    let log = of_log(cx, (tried, in_log), unlogged);
    Ok(vec![("IDN-06", budget), ("IDN-08", log)])
}

/// How many wrong passwords one account may get at the most.
fn most(cx: Run<'_>) -> u64 {
    match cx.param("IDN-06", "attempts") {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 1000")]
        Some(ParamValue::Number(number)) => number.clamp(0.0, 1000.0) as u64,
        _ => 0,
    }
}

/// Guesses until one is refused unread, or more were let through than may be.
async fn guess(cx: Run<'_>, (door, name): (&Door, &str), most: u64) -> Result<Guessed> {
    let word = |what: &str| cx.seed.text(&format!("{name}|{what}"), 14).to_lowercase();
    let form = format!(
        "email={}%40{}.example&password={}",
        word("mailbox"),
        word("host"),
        word("password")
    );
    let mut guessed = Guessed::default();
    for round in 0..=most {
        let part = |what: &str| {
            let number = cx.seed.below(&format!("{name}|{what}|{round}"), 250);
            u8::try_from(number).unwrap_or(0) + 2
        };
        let from = Ipv4Addr::new(127, part("second"), part("third"), part("fourth"));
        let said = door.ask(Some(from), ("POST", "/sign-in"), "", &form).await?;
        match said.status {
            429 => guessed.stopped = true,
            500.. => guessed.disturbed = true,
            _ => guessed.wrong += 1,
        }
        // One is enough of an account that must not suffer.
        if guessed.stopped || guessed.disturbed || most == 1 {
            break;
        }
    }
    Ok(guessed)
}

/// Refused sign-ins in the deployment's log since it had that many entries.
async fn recorded(cx: Run<'_>, since: u64) -> Result<u64> {
    let log = cx.site.inspector.tree(OrgId::DEPLOYMENT);
    let mut found = 0;
    for seq in since..log.entries().await? {
        let entry = log.entry(seq).await?.and_then(|(leaf, _)| Entry::parse(&leaf).ok());
        found +=
            u64::from(entry.is_some_and(|entry| entry.action == ACT && entry.sd.len() >= PERSONAL));
    }
    Ok(found)
}

fn of_budget(cx: Run<'_>, (guessed, other): (&Guessed, &Guessed), planted: bool) -> Finding {
    let verdict = if guessed.disturbed || other.disturbed {
        Verdict::Error(Reason::Unreachable)
    } else if !guessed.stopped {
        Verdict::Fail(Reason::GuessedOn)
    } else if other.stopped {
        Verdict::Fail(Reason::OthersStopped)
    } else {
        Verdict::held(planted, guessed.wrong, guessed.wrong, cx.floor("IDN-06"))
    };
    Finding::new(verdict, planted, (guessed.wrong, guessed.wrong))
        .measure("wrong passwords until the next was refused", guessed.wrong, "attempts")
        .uncovered(["the budget of one address, which real people may share".to_owned()])
}

fn of_log(cx: Run<'_>, (tried, recorded): (u64, u64), planted: bool) -> Finding {
    let found = recorded.min(tried);
    let verdict = if recorded < tried {
        Verdict::Fail(Reason::NotLogged)
    } else {
        Verdict::held(planted, found, tried, cx.floor("IDN-08"))
    };
    Finding::new(verdict, planted, (found, tried))
}
