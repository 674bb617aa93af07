//! Members, their roles and projects, and invitations.

use axum::response::Response;
use domain::{
    Error, InvitationId, OrgRole, Permission, ProjectRole, UserId,
    tags::{MembersManage, MembersRead},
};
use store::{Grant, Member, Page, Project, Scope};

use super::open::problems;
use crate::{
    Cx,
    fields::Fields,
    page::done,
    pages::{
        Confirm, Fact,
        members::{Change, Index, InvitationRow, Invite, Invited, MemberRow, ProjectRights},
    },
    refusal::Result,
    route::Routes,
    view::{Choice, Field, Link, Problem, When},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/o/{org}/members", index)
        .get("/o/{org}/members/invite", invite)
        .post("/o/{org}/members/invite", invite_carry)
        .post("/o/{org}/invitations/{invitation}/revoke", invitation_revoke)
        .get("/o/{org}/members/{member}", change)
        .post("/o/{org}/members/{member}", role_change)
        .post("/o/{org}/members/{member}/projects", grants_change)
        .get("/o/{org}/members/{member}/remove", confirm)
        .post("/o/{org}/members/{member}/remove", remove)
}

async fn index(cx: Cx<MembersRead>, (): ()) -> Result<Response> {
    let (scope, base) = (cx.scope()?, cx.base());
    let identity = &cx.app().identity;
    let may_manage = cx.may(Permission::MembersManage, None);
    let you = cx.somebody().map(store::Session::user);
    let members = identity.members_list(scope, &Page::first(Page::MOST)).await?.data;
    let invitations = if may_manage { identity.invitations_list(scope).await? } else { Vec::new() };
    let page = Index {
        members: members
            .into_iter()
            .map(|member| MemberRow {
                href: may_manage.then(|| format!("{base}/members/{}", member.user)),
                you: Some(member.user) == you,
                name: member.name,
                email: member.email,
                role: member.role.as_str().to_owned(),
                joined: When(member.joined),
            })
            .collect(),
        invitations: invitations
            .into_iter()
            .map(|one| InvitationRow {
                action: may_manage.then(|| format!("{base}/invitations/{}/revoke", one.id)),
                email: one.email,
                role: one.role.as_str().to_owned(),
                expires: When(one.expires),
            })
            .collect(),
        may_manage,
        base,
    };
    Ok(cx.page("Members", page).await?)
}

/// The roles that the caller may give: none above their own.
fn roles(scope: &Scope, chosen: OrgRole) -> Vec<Choice> {
    OrgRole::ALL
        .iter()
        .filter(|role| scope.org_role() >= Some(**role))
        .map(|role| {
            let (label, help) = match role {
                OrgRole::Member => ("Member", "Sees the projects they are given"),
                OrgRole::Admin => {
                    ("Admin", "Manages projects, providers, keys and members; reads the log")
                }
                OrgRole::Owner => ("Owner", "Everything, admin keys and other owners included"),
            };
            Choice::new(role.as_str(), label).help(help).chosen(*role == chosen)
        })
        .collect()
}

fn no_role() -> Error {
    Error::invalid("Choose a role.").with_code("unknown_role")
}

async fn invite(cx: Cx<MembersManage>, (): ()) -> Result<Response> {
    let page = Invite {
        base: cx.base(),
        problems: Vec::new(),
        email: Field::default(),
        roles: roles(cx.scope()?, OrgRole::Member),
    };
    Ok(cx.page("Invite somebody", page).await?)
}

async fn invite_carry(cx: Cx<MembersManage>, form: Fields) -> Result<Response> {
    let scope = cx.scope()?;
    let Ok(role) = form.text("role").parse::<OrgRole>() else {
        let page = Invite {
            problems: vec![Problem::at("role", no_role().message())],
            email: form.field("email"),
            roles: roles(scope, OrgRole::Member),
            base: cx.base(),
        };
        return Ok(cx.again(&no_role(), "Invite somebody", page).await?);
    };
    match cx.app().identity.invitation_create(scope, form.text("email"), role).await {
        Ok(created) => {
            let page = Invited {
                sent: created.sent,
                link: format!("{}/invitations/{}", cx.app().public_url, created.token.expose()),
                email: created.invitation.email,
                role: role.as_str().to_owned(),
                expires: When(created.invitation.expires),
                done: format!("{}/members?done=invited", cx.base()),
            };
            Ok(cx.page("Invitation", page).await?)
        }
        Err(error) if super::mendable(&error) => {
            let email = form.field("email").wrong(error.message());
            let problems = problems(&[("email", &email)], &error);
            let page = Invite { base: cx.base(), problems, email, roles: roles(scope, role) };
            Ok(cx.again(&error, "Invite somebody", page).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn invitation_revoke(cx: Cx<MembersManage>, _: Fields) -> Result<Response> {
    let id: InvitationId = cx.id("invitation")?;
    cx.app().identity.invitation_revoke(cx.scope()?, id).await?;
    Ok(done(&format!("{}/members", cx.base()), "invitation-revoked"))
}

async fn member<P>(cx: &Cx<P>) -> domain::Result<Member> {
    let id: UserId = cx.id("member")?;
    cx.app().identity.member_fetch(cx.scope()?, id).await
}

async fn change_page<P>(cx: &Cx<P>) -> domain::Result<Change> {
    let (scope, base) = (cx.scope()?, cx.base());
    let identity = &cx.app().identity;
    let member = member(cx).await?;
    let grants = identity.member_grants(scope, member.user).await?;
    let projects = identity.projects_list(scope, &Page::first(Page::MOST)).await?.data;
    let live = projects.into_iter().filter(|project| project.archived.is_none());
    let whose = (member.name.as_str(), "all keys that they made, in every project");
    Ok(Change {
        href: format!("{base}/members/{}", member.user),
        budgets: super::budgets::of_member(cx, member.user, whose).await?,
        set_budget: format!("{base}/budgets?whose={}#set", member.user),
        base,
        problems: Vec::new(),
        roles: roles(scope, member.role),
        everywhere: member.role >= OrgRole::Admin,
        projects: live.map(|project| rights(project, &grants)).collect(),
        name: member.name,
        email: member.email,
    })
}

fn rights(project: Project, grants: &[Grant]) -> ProjectRights {
    let held = grants.iter().find(|grant| grant.project == project.id).map(|grant| grant.role);
    let mut roles = vec![Choice::new("", "no access").chosen(held.is_none())];
    roles.extend(
        ProjectRole::ALL
            .iter()
            .map(|role| Choice::new(role.as_str(), role.as_str()).chosen(held == Some(*role))),
    );
    ProjectRights { id: project.id.to_string(), name: project.name, roles }
}

async fn change(cx: Cx<MembersManage>, (): ()) -> Result<Response> {
    let page = change_page(&cx).await?;
    let title = page.name.clone();
    Ok(cx.page(&title, page).await?)
}

/// The page again with what went wrong.
async fn again<P>(cx: &Cx<P>, error: &Error) -> Result<Response> {
    let problems = vec![Problem::whole(error.message())];
    let page = Change { problems, ..change_page(cx).await? };
    let title = page.name.clone();
    Ok(cx.again(error, &title, page).await?)
}

async fn role_change(cx: Cx<MembersManage>, form: Fields) -> Result<Response> {
    let id: UserId = cx.id("member")?;
    let Ok(role) = form.text("role").parse::<OrgRole>() else {
        return again(&cx, &no_role()).await;
    };
    match cx.app().identity.member_role_change(cx.scope()?, id, role).await {
        Ok(()) => Ok(done(&format!("{}/members", cx.base()), "role")),
        Err(error) if super::mendable(&error) || error.code() == "role_above_own" => {
            again(&cx, &error).await
        }
        Err(error) => Err(error.into()),
    }
}

/// One field per project, named by its id: a role, or nothing.
async fn grants_change(cx: Cx<MembersManage>, form: Fields) -> Result<Response> {
    let scope = cx.scope()?;
    let identity = &cx.app().identity;
    let member = member(&cx).await?;
    let grants = identity.member_grants(scope, member.user).await?;
    for (name, value) in form.pairs() {
        let Ok(project) = name.parse() else { continue };
        let held = grants.iter().find(|grant| grant.project == project).map(|grant| grant.role);
        let wanted: Option<ProjectRole> =
            if value.is_empty() { None } else { Some(value.parse()?) };
        match (held, wanted) {
            (held, wanted) if held == wanted => {}
            (_, Some(role)) => {
                identity.grant_set(scope, member.user, project, role).await?;
            }
            (_, None) => identity.grant_remove(scope, member.user, project).await?,
        }
    }
    Ok(done(&format!("{}/members", cx.base()), "grants"))
}

fn question<P>(cx: &Cx<P>, member: &Member) -> Confirm {
    let base = cx.base();
    Confirm {
        trail: vec![Link::new(format!("{base}/members"), "Members", false)],
        heading: format!("Remove {}?", member.name),
        problems: Vec::new(),
        facts: vec![
            Fact::new("E-mail", member.email.clone()),
            Fact::new("Role", member.role.as_str()),
            Fact::new("Joined", When(member.joined).text()),
        ],
        lost: "they lose access to this organization at once, with every role in its projects. Keys they created \
               keep working, within their budgets: revoke those apart."
            .to_owned(),
        action: format!("{base}/members/{}/remove", member.user),
        expected: member.name.clone(),
        confirm: Field::default(),
        verb: "Remove member".to_owned(),
        cancel: format!("{base}/members"),
    }
}

async fn confirm(cx: Cx<MembersManage>, (): ()) -> Result<Response> {
    let page = question(&cx, &member(&cx).await?);
    Ok(cx.page("Remove a member", page).await?)
}

async fn remove(cx: Cx<MembersManage>, form: Fields) -> Result<Response> {
    let member = member(&cx).await?;
    if let Some(again) = super::unconfirmed(&form, question(&cx, &member)) {
        return Ok(cx.again(&super::not_confirmed(), "Remove a member", again).await?);
    }
    match cx.app().identity.member_remove(cx.scope()?, member.user).await {
        Ok(()) => Ok(done(&format!("{}/members", cx.base()), "member-removed")),
        Err(error) if super::mendable(&error) || error.code() == "role_above_own" => {
            let problems = vec![Problem::whole(error.message())];
            let page = Confirm { problems, ..question(&cx, &member) };
            Ok(cx.again(&error, "Remove a member", page).await?)
        }
        Err(error) => Err(error.into()),
    }
}
