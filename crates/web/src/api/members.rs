//! Members and invitations.

use axum::response::Response;
use domain::{
    InvitationId, OrgRole, UserId,
    tags::{MembersManage, MembersRead},
};

use super::{
    created, gone, list, one,
    types::{CreatedInvitation, Invitation, Member, NewInvitation, RoleChange},
    whole,
};
use crate::{Cx, json::Json, openapi::Operation, refusal::Result, route::Routes};

pub(super) fn routes() -> Routes {
    let each = "/api/v1/members/{member}";
    let invitations = "/api/v1/invitations";
    Routes::new()
        .api("GET", "/api/v1/members", Operation::new("Members").lists::<Member>(), index)
        .api("GET", each, Operation::new("One member").gives::<Member>(), fetch)
        .api(
            "PATCH",
            each,
            Operation::new("Change a member’s role").takes::<RoleChange>().gives::<Member>(),
            change,
        )
        .api(
            "DELETE",
            each,
            Operation::new("Remove a member with all their roles").removes(),
            remove,
        )
        .api(
            "GET",
            invitations,
            Operation::new("Open invitations").lists::<Invitation>(),
            invitations_index,
        )
        .api(
            "POST",
            invitations,
            Operation::new("Invite somebody; the link is in this answer only")
                .takes::<NewInvitation>()
                .creates::<CreatedInvitation>(),
            invite,
        )
        .api(
            "DELETE",
            "/api/v1/invitations/{invitation}",
            Operation::new("Withdraw an invitation").removes(),
            withdraw,
        )
}

async fn index(cx: Cx<MembersRead>, (): ()) -> Result<Response> {
    Ok(list::<_, Member>(cx.app().identity.members_list(cx.scope()?, &cx.list()?).await?))
}

async fn fetch(cx: Cx<MembersRead>, (): ()) -> Result<Response> {
    let id: UserId = cx.id("member")?;
    Ok(one(Member::from(cx.app().identity.member_fetch(cx.scope()?, id).await?)))
}

async fn change(cx: Cx<MembersManage>, Json(new): Json<RoleChange>) -> Result<Response> {
    let (id, identity): (UserId, _) = (cx.id("member")?, &cx.app().identity);
    identity.member_role_change(cx.scope()?, id, new.role.parse()?).await?;
    Ok(one(Member::from(identity.member_fetch(cx.scope()?, id).await?)))
}

async fn remove(cx: Cx<MembersManage>, (): ()) -> Result<Response> {
    let id: UserId = cx.id("member")?;
    cx.app().identity.member_remove(cx.scope()?, id).await?;
    Ok(gone())
}

async fn invitations_index(cx: Cx<MembersManage>, (): ()) -> Result<Response> {
    Ok(whole::<_, Invitation>(cx.app().identity.invitations_list(cx.scope()?).await?))
}

async fn invite(cx: Cx<MembersManage>, Json(new): Json<NewInvitation>) -> Result<Response> {
    let role: OrgRole = new.role.parse()?;
    let made = cx.app().identity.invitation_create(cx.scope()?, &new.email, role).await?;
    let link = format!("{}/invitations/{}", cx.app().public_url, made.token.expose());
    let sent = made.sent;
    Ok(created(CreatedInvitation { sent, invitation: made.invitation.into(), link }))
}

async fn withdraw(cx: Cx<MembersManage>, (): ()) -> Result<Response> {
    let id: InvitationId = cx.id("invitation")?;
    cx.app().identity.invitation_revoke(cx.scope()?, id).await?;
    Ok(gone())
}
