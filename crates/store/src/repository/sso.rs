//! Whom identity providers know here, and sign-ins that are under way with one.
//!
//! A person is found by the connection and a keyed index of issuer and subject, and by nothing else.

use domain::{ConnectionId, DataClass, Error, OrgId, Result, Secret, Timestamp, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, PaginatorTrait as _, QueryFilter, QueryOrder, sea_query::Expr,
};

use super::at;
use crate::{
    DeploymentRead, DeploymentWrite,
    entity::{connection_index, sso_flow, sso_identity},
    error::from_db,
    keyring::Place,
    tenant,
};

/// Sign-ins that may be under way at once from one network.
const MOST_UNDER_WAY: u64 = 100;

/// That a person signs in with a connection.
#[derive(Clone, Debug)]
pub struct LinkedIdentity {
    pub connection: ConnectionId,
    pub created: Timestamp,
    pub used: Timestamp,
}

/// A sign-in that leaves for an identity provider.
#[derive(Debug)]
pub struct NewFlow {
    /// SHA-256 of the token in the browser's cookie.
    pub digest: [u8; 32],
    pub connection: ConnectionId,
    /// What is needed when it comes back.
    pub body: Secret<String>,
    /// The keyed index of the network it comes from.
    pub address_index: Vec<u8>,
    pub expires: Timestamp,
}

const fn place(digest: &[u8]) -> Place<'_> {
    Place { class: DataClass::Credential, table: "sso_flow", column: "body", row: digest }
}

impl DeploymentRead {
    /// Who comes from a connection as this subject.
    pub async fn sso_identity_find(
        &mut self,
        connection: ConnectionId,
        subject_index: &[u8],
    ) -> Result<Option<UserId>> {
        let row = tenant::deployed::<sso_identity::Entity>()
            .filter(sso_identity::Column::ConnectionId.eq(connection.uuid()))
            .filter(sso_identity::Column::SubjectIndex.eq(subject_index.to_vec()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(row.map(|row| UserId::from_uuid(row.user_id)))
    }

    /// The connections a person signs in with, the oldest first.
    pub async fn sso_identities_list(&mut self, user: UserId) -> Result<Vec<LinkedIdentity>> {
        let rows = tenant::deployed::<sso_identity::Entity>()
            .filter(sso_identity::Column::UserId.eq(user.uuid()))
            .order_by_asc(sso_identity::Column::ConnectionId)
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        let shown = |row: sso_identity::Model| LinkedIdentity {
            connection: ConnectionId::from_uuid(row.connection_id),
            created: at(row.created_at),
            used: at(row.used_at),
        };
        Ok(rows.into_iter().map(shown).collect())
    }

    /// The sign-in that is under way under this digest: the connection it left for, and what it took along.
    pub async fn sso_flow_find(
        &mut self,
        digest: &[u8; 32],
    ) -> Result<Option<(ConnectionId, Secret<String>)>> {
        let now = self.store.clock().now().as_millis();
        let row = tenant::deployed::<sso_flow::Entity>()
            .filter(sso_flow::Column::Digest.eq(digest.to_vec()))
            .filter(sso_flow::Column::ExpiresAt.gt(now))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        row.map(|row| {
            let body = self.keys.open_text(place(&row.digest), &row.body)?;
            Ok((ConnectionId::from_uuid(row.connection_id), body))
        })
        .transpose()
    }
}

impl DeploymentWrite {
    /// Keeps a sign-in until it comes back; those that took too long are forgotten.
    ///
    /// # Errors
    /// `Limited` with code `too_many_attempts`.
    pub async fn sso_flow_create(&mut self, new: NewFlow) -> Result<()> {
        let now = self.store.clock().now().as_millis();
        tenant::deployed_delete::<sso_flow::Entity>()
            .filter(sso_flow::Column::ExpiresAt.lte(now))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        let under_way = tenant::deployed::<sso_flow::Entity>()
            .filter(sso_flow::Column::AddressIndex.eq(new.address_index.clone()))
            .count(self.tx.on())
            .await
            .map_err(from_db)?;
        if under_way >= MOST_UNDER_WAY {
            return Err(Error::limited("Too many attempts. Try again in ten minutes.")
                .with_code("too_many_attempts"));
        }
        let row = sso_flow::ActiveModel {
            body: Set(self.keys.seal(place(&new.digest), new.body.expose().as_bytes())?),
            digest: Set(new.digest.to_vec()),
            connection_id: Set(new.connection.uuid()),
            address_index: Set(new.address_index),
            created_at: Set(now),
            expires_at: Set(new.expires.as_millis()),
        };
        tenant::deployed_insert::<sso_flow::Entity>(&self.tx, row).await
    }

    /// Uses a sign-in up; whether it was there. Of two that try at once, one succeeds.
    pub async fn sso_flow_take(&mut self, digest: &[u8; 32]) -> Result<bool> {
        let done = tenant::deployed_delete::<sso_flow::Entity>()
            .filter(sso_flow::Column::Digest.eq(digest.to_vec()))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(done.rows_affected == 1)
    }

    /// From now on `user` is whom the connection means by this subject. The commit's event also enters the log of the
    /// connection's organization.
    ///
    /// # Errors
    /// `Conflict` with code `identity_taken` when somebody is already, or they come as somebody else from there.
    pub async fn sso_identity_create(
        &mut self,
        connection: ConnectionId,
        subject_index: Vec<u8>,
        user: UserId,
    ) -> Result<()> {
        let now = self.store.clock().now().as_millis();
        let row = sso_identity::ActiveModel {
            connection_id: Set(connection.uuid()),
            subject_index: Set(subject_index),
            user_id: Set(user.uuid()),
            created_at: Set(now),
            used_at: Set(now),
        };
        let made = tenant::deployed_insert::<sso_identity::Entity>(&self.tx, row).await;
        made.map_err(|error| match error.code() {
            "already_exists" => Error::conflict(
                "One of the two is linked already: this account to another one of the identity provider's, or that one to another account here.",
            )
            .with_code("identity_taken"),
            _ => error,
        })?;
        self.sso_concerns(connection).await
    }

    /// Notes that somebody came in that way.
    pub async fn sso_identity_used(
        &mut self,
        connection: ConnectionId,
        user: UserId,
    ) -> Result<()> {
        let now = self.store.clock().now().as_millis();
        tenant::deployed_update::<sso_identity::Entity>()
            .filter(sso_identity::Column::ConnectionId.eq(connection.uuid()))
            .filter(sso_identity::Column::UserId.eq(user.uuid()))
            .col_expr(sso_identity::Column::UsedAt, Expr::value(now))
            .exec(self.tx.on())
            .await
            .map_err(from_db)
            .map(drop)
    }

    /// From now on nobody comes from the connection as `user`.
    ///
    /// # Errors
    /// `NotFound` when nobody did.
    pub async fn sso_identity_remove(
        &mut self,
        connection: ConnectionId,
        user: UserId,
    ) -> Result<()> {
        let done = tenant::deployed_delete::<sso_identity::Entity>()
            .filter(sso_identity::Column::ConnectionId.eq(connection.uuid()))
            .filter(sso_identity::Column::UserId.eq(user.uuid()))
            .exec(self.tx.on())
            .await
            .map_err(from_db)?;
        if done.rows_affected == 0 {
            return Err(Error::not_found("identity"));
        }
        self.sso_concerns(connection).await
    }

    /// The commit's event also enters the log of this organization, whose connection it is about.
    pub const fn connection_concerned(&mut self, org: OrgId) {
        self.about = Some(org);
    }

    async fn sso_concerns(&mut self, connection: ConnectionId) -> Result<()> {
        let index = tenant::deployed::<connection_index::Entity>()
            .filter(connection_index::Column::Id.eq(connection.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(|| Error::not_found("connection"))?;
        self.connection_concerned(OrgId::from_uuid(index.org_id));
        Ok(())
    }
}
