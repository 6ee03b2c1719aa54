//! Why a tenant refuses.

use schemas::ids::{InvitationId, ProjectId, UserId};
use schemas::time::Timestamp;

use crate::aggregate::Refuse;
use crate::fields::{self, InvalidField};

/// Why a tenant refused a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TenantRefusal {
    #[error("there is no such tenant")]
    NotFound,
    #[error("the tenant is registered already, with other values")]
    AlreadyRegistered,
    #[error("there is no project {0} in this tenant")]
    UnknownProject(ProjectId),
    #[error("project {0} exists already, with other values")]
    ProjectExists(ProjectId),
    #[error("the slug `{0}` belongs to another project of this tenant")]
    SlugTaken(String),
    #[error("another project of this tenant has the name `{0}`")]
    NameTaken(String),
    #[error("a tenant keeps at least one project that is not archived")]
    LastProject,
    #[error("the project is archived: restore it first")]
    ProjectArchived,
    #[error("user {0} is not a member of this tenant")]
    UnknownMember(UserId),
    #[error("user {0} is a member already, with another role")]
    AlreadyMember(UserId),
    #[error("a tenant keeps at least one owner")]
    LastOwner,
    #[error("an owner is one in every project")]
    OwnerEverywhere,
    #[error("nobody is the owner of a single project")]
    NoProjectOwner,
    #[error("there is no invitation {0} that waits for an answer")]
    UnknownInvitation(InvitationId),
    #[error("the invitation exists already, with other values")]
    InvitationExists,
    #[error("user {0} may not invite anybody as that")]
    MayNotInvite(UserId),
    #[error("the invitation has expired")]
    InvitationExpired,
    #[error("that is not the tenant's name")]
    OtherName,
    #[error("the tenant is to be erased at {} already", .0.datetime().to_rfc3339())]
    ErasureAsked(Timestamp),
    #[error("nobody has asked for this tenant's erasure")]
    NoErasure,
    #[error("the tenant is to be erased at {}, not before", .0.datetime().to_rfc3339())]
    ErasureNotDue(Timestamp),
    #[error("the invitation was sent within the last minute")]
    MailedJustNow,
    #[error("a tenant sends at most {most} invitations a day by mail: give the link instead")]
    TooManyMails { most: usize },
    #[error("a tenant has at most {most} {things}")]
    TooMany { things: &'static str, most: usize },
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}

impl Refuse for TenantRefusal {
    fn rule(&self) -> &'static str {
        match self {
            Self::NotFound
            | Self::UnknownProject(_)
            | Self::UnknownMember(_)
            | Self::UnknownInvitation(_) => "not_found",
            Self::AlreadyRegistered => "already_registered",
            Self::ProjectExists(_) => "project_exists",
            Self::SlugTaken(_) => "slug_taken",
            Self::NameTaken(_) => "name_taken",
            Self::LastProject => "last_project",
            Self::ProjectArchived => "project_archived",
            Self::AlreadyMember(_) => "already_member",
            Self::LastOwner => "last_owner",
            Self::OwnerEverywhere => "owner_everywhere",
            Self::NoProjectOwner => "no_project_owner",
            Self::InvitationExists => "invitation_exists",
            Self::MayNotInvite(_) => "may_not_invite",
            Self::InvitationExpired => "invitation_expired",
            Self::OtherName => "other_name",
            Self::ErasureAsked(_) => "erasure_asked",
            Self::NoErasure => "no_erasure",
            Self::ErasureNotDue(_) => "erasure_not_due",
            Self::MailedJustNow => "mailed_just_now",
            Self::TooManyMails { .. } => "mail_limit_reached",
            Self::TooMany { .. } => "limit_reached",
            Self::Invalid(_) => fields::RULE,
        }
    }
}
