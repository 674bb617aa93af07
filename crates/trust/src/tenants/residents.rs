//! People of the first organization, one for each role that somebody can have in it.

use domain::{Action, OrgRole, Result, Secret, UserId};
use store::NewUser;

use super::{Kept, Landlord, event};
use crate::{Digest, seed::Seed, wire::Resident};

/// The roles, as the published table calls them: those of a project are given by the prober, which makes the project.
const ROLES: [(&str, OrgRole); 5] = [
    ("organization.member", OrgRole::Member),
    ("project.viewer", OrgRole::Member),
    ("project.editor", OrgRole::Member),
    ("project.owner", OrgRole::Member),
    ("organization.admin", OrgRole::Admin),
];

impl Landlord {
    /// Everybody with a fresh session; who is missing moves in.
    pub(super) async fn residents(
        &mut self,
        kept: &mut Kept,
        owner: &Secret<String>,
    ) -> Result<Vec<Resident>> {
        let mut all = Vec::new();
        for (role, rank) in ROLES {
            let user = match kept.residents.get(role) {
                Some(user) => *user,
                None => self.move_in(kept, owner, (role, rank)).await?,
            };
            let (token, _) = self.session(user).await?;
            let (role, session) = (role.to_owned(), token.expose().clone());
            all.push(Resident { role, user, session });
        }
        Ok(all)
    }

    async fn move_in(
        &self,
        kept: &mut Kept,
        owner: &Secret<String>,
        (role, rank): (&str, OrgRole),
    ) -> Result<UserId> {
        let seed = Seed::new(Digest::from_bytes(vault::random()?));
        let word = |what: &str| seed.text(what, 10).to_lowercase();
        let user = UserId::new(self.store.clock().now());
        let new = NewUser {
            id: user,
            email: format!("{}@{}.example", word("mailbox"), word("host")),
            name: word("person"),
            password: None,
            operator: false,
        };
        let mut write = self.deployment.write().await?;
        write.user_create(new).await?;
        write.commit(event(Action::UserCreate).on_user(user)).await?;
        let session = self.store.session(owner).await?;
        let scope = self.store.enter(&session, &kept.slug).await?;
        let mut write = self.store.write(&scope).await?;
        write.member_add(user, rank).await?;
        let joined = event(Action::MemberJoin).on_user(user).fact("role", rank.as_str());
        write.commit(joined).await?;
        kept.residents.insert(role.to_owned(), user);
        Ok(user)
    }
}
