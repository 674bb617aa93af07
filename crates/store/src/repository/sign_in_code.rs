//! Codes that were sent to people who sign in without a password. A code belongs to the browser in which it was asked
//! for: what is kept is an index of both under a key that is not in the database.

use std::time::Duration;

use domain::{Result, Timestamp, UserId};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, PaginatorTrait as _, QueryFilter, QuerySelect as _,
    sea_query::{Expr, ExprTrait as _},
};

use super::at;
use crate::{
    DeploymentRead, DeploymentWrite,
    entity::{sign_in_code as table, user_organization},
    error::from_db,
    keyring::OrgKeys,
    outgoing::probe_tenants,
    tenant,
};

/// Wrong codes are remembered for this long; a code of which none is remembered, for an hour.
const WRONG: Duration = Duration::from_secs(30 * 86_400);
const ASKED: Duration = Duration::from_secs(3_600);

/// Tries that one code allows.
pub(crate) const TRIES: i64 = 5;

/// Wrong tries at the codes of one address, within thirty days, after which six digits are not enough.
pub(crate) const SHORT: i64 = 10;

/// A code that is about to be sent.
#[derive(Clone, Copy, Debug)]
pub struct NewSignInCode<'a> {
    /// SHA-256 of what the browser keeps.
    pub browser: &'a [u8; 32],
    /// Nobody, where nobody has the address.
    pub user: Option<UserId>,
    pub email_index: &'a [u8],
    pub address_index: &'a [u8],
    /// As it is typed, without spaces and dashes.
    pub code: &'a str,
    pub long: bool,
    pub expires: Timestamp,
}

/// What was asked for and tried lately.
#[derive(Clone, Copy, Debug)]
pub struct CodesAsked {
    /// The last code for this e-mail address from this network address.
    pub last: Option<Timestamp>,
    /// Codes for this e-mail address from this network address within a quarter of an hour.
    pub here: u64,
    /// Codes for this e-mail address within an hour, from anywhere.
    pub anywhere: u64,
    /// Codes for any e-mail address from this network address within a quarter of an hour.
    pub from_here: u64,
    /// Whether so many wrong codes were tried that six digits are not enough.
    pub guessed: bool,
}

/// What came of typing a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    Right(UserId),
    Wrong,
    /// There is no code any more that this browser could type.
    Over,
}

pub(crate) fn index(keys: &OrgKeys, browser: &[u8; 32], code: &str) -> Vec<u8> {
    keys.index("code to sign in", &format!("{} {code}", hex::encode(browser)))
}

impl DeploymentRead {
    /// What was asked for and tried lately, for this e-mail address and from this network address.
    pub async fn sign_in_codes_asked(
        &mut self,
        email_index: &[u8],
        address_index: &[u8],
    ) -> Result<CodesAsked> {
        let now = self.store.clock().now();
        let since = |age| table::Column::CreatedAt.gt(now.minus(age).as_millis());
        let email = || table::Column::EmailIndex.eq(email_index.to_vec());
        let address = || table::Column::AddressIndex.eq(address_index.to_vec());
        let quarter = Duration::from_secs(900);
        let last = tenant::deployed::<table::Entity>()
            .filter(email().and(address()))
            .select_only()
            .column_as(table::Column::CreatedAt.max(), "last")
            .into_tuple::<Option<i64>>()
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .flatten();
        let here = self.codes(Condition::all().add(email()).add(address()).add(since(quarter)));
        let here = here.await?;
        let anywhere = self.codes(Condition::all().add(email()).add(since(ASKED))).await?;
        let from_here = self.codes(Condition::all().add(address()).add(since(quarter))).await?;
        let guessed = self.wrong(email_index).await? >= SHORT;
        Ok(CodesAsked { last: last.map(at), here, anywhere, from_here, guessed })
    }

    async fn codes(&self, which: Condition) -> Result<u64> {
        let found = tenant::deployed::<table::Entity>().filter(which);
        found.count(self.tx.on()).await.map_err(from_db)
    }

    /// Wrong codes for an e-mail address within thirty days.
    async fn wrong(&self, email_index: &[u8]) -> Result<i64> {
        let since = self.store.clock().now().minus(WRONG).as_millis();
        let tries = tenant::deployed::<table::Entity>()
            .filter(table::Column::EmailIndex.eq(email_index.to_vec()))
            .filter(table::Column::CreatedAt.gt(since))
            .filter(table::Column::Tries.gt(0))
            .select_only()
            .column(table::Column::Tries)
            .into_tuple::<i64>()
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(tries.into_iter().sum())
    }

    /// The e-mail index behind the code that this browser may still type, if there is one.
    pub async fn sign_in_code_waits(&mut self, browser: &[u8; 32]) -> Result<Option<Vec<u8>>> {
        let now = self.store.clock().now().as_millis();
        let row = tenant::deployed::<table::Entity>()
            .filter(table::Column::Digest.eq(browser.to_vec()))
            .filter(table::Column::ExpiresAt.gt(now))
            .filter(table::Column::UsedAt.is_null())
            .filter(table::Column::Tries.lt(TRIES))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(row.map(|row| row.email_index))
    }

    /// Whether somebody belongs to nothing but organizations of probes: nobody reads what is sent to them.
    pub async fn user_is_of_probes(&mut self, user: UserId) -> Result<bool> {
        let orgs = tenant::deployed::<user_organization::Entity>()
            .filter(user_organization::Column::UserId.eq(user.uuid()))
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        let named = probe_tenants(&self.tx).await?;
        let of_probes = |row: &user_organization::Model| {
            named.contains(&domain::OrgId::from_uuid(row.org_id).to_string())
        };
        Ok(!orgs.is_empty() && orgs.iter().all(of_probes))
    }
}

impl DeploymentWrite {
    /// Keeps a code, and forgets those that count for nothing any more.
    pub async fn sign_in_code_create(&mut self, new: NewSignInCode<'_>) -> Result<()> {
        let now = self.store.clock().now();
        let before = |age| table::Column::CreatedAt.lt(now.minus(age).as_millis());
        tenant::deployed_delete::<table::Entity>()
            .filter(before(WRONG).or(before(ASKED).and(table::Column::Tries.eq(0))))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        let row = table::ActiveModel {
            digest: Set(new.browser.to_vec()),
            user_id: Set(new.user.map(UserId::uuid)),
            email_index: Set(new.email_index.to_vec()),
            address_index: Set(new.address_index.to_vec()),
            code: Set(index(&self.keys, new.browser, new.code)),
            long: Set(i64::from(new.long)),
            tries: Set(0),
            created_at: Set(now.as_millis()),
            expires_at: Set(new.expires.as_millis()),
            used_at: Set(None),
        };
        tenant::deployed_insert::<table::Entity>(&self.tx, row).await
    }

    /// Tries a code as it was typed, in a transaction that has to be committed whatever comes of it: that is how tries
    /// are counted. Of many at once no more are compared than the code allows.
    pub async fn sign_in_code_try(&mut self, browser: &[u8; 32], code: &str) -> Result<Tried> {
        let now = self.store.clock().now().as_millis();
        let this = || table::Column::Digest.eq(browser.to_vec());
        let counted = tenant::deployed_update::<table::Entity>()
            .filter(this())
            .filter(table::Column::ExpiresAt.gt(now))
            .filter(table::Column::UsedAt.is_null())
            .filter(table::Column::Tries.lt(TRIES))
            .col_expr(table::Column::Tries, Expr::col(table::Column::Tries).add(1))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        if counted.rows_affected == 0 {
            return Ok(Tried::Over);
        }
        let row = tenant::deployed::<table::Entity>().filter(this()).one(self.tx.on()).await;
        let Some(row) = row.map_err(from_db)? else { return Ok(Tried::Over) };
        // Tries at other codes of the same address count, this one included.
        if row.long == 0 && self.wrong(&row.email_index).await? > SHORT {
            return Ok(Tried::Over);
        }
        let user = match row.user_id {
            Some(user) if vault::same(&row.code, &index(&self.keys, browser, code)) => user,
            _ => return Ok(Tried::Wrong),
        };
        tenant::deployed_update::<table::Entity>()
            .filter(this())
            .col_expr(table::Column::UsedAt, Expr::value(now))
            .col_expr(table::Column::Tries, Expr::col(table::Column::Tries).sub(1))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(Tried::Right(UserId::from_uuid(user)))
    }

    /// Every code of a person that waits to be typed.
    pub async fn sign_in_codes_forget(&mut self, user: UserId) -> Result<()> {
        let now = self.store.clock().now().as_millis();
        tenant::deployed_update::<table::Entity>()
            .filter(table::Column::UserId.eq(user.uuid()))
            .filter(table::Column::UsedAt.is_null())
            .col_expr(table::Column::UsedAt, Expr::value(now))
            .exec(self.tx.on())
            .await
            .map_err(from_db)
            .map(drop)
    }
}
