//! The API, one file per resource. This file is the list of operations with what
//! each needs leave for; the public ones stand apart.

pub mod alerts;
pub mod api_keys;
pub mod audit;
pub mod auth;
pub mod commands;
pub mod export;
pub mod incidents;
pub mod invitations;
pub mod jaeger;
pub mod logs;
pub mod loki;
pub mod members;
pub mod monitoring_integrations;
pub mod projects;
pub mod prometheus;
pub mod refused_bodies;
pub mod saved_views;
pub mod service_accounts;
pub mod single_sign_on;
pub mod telemetry;
pub mod telemetry_limits;
pub mod tenant;
pub mod traces;
pub mod usage;

use access::permissions::Action;
use utoipa_axum::routes;

use crate::auth::{
    initial_password, join, leave, login, logout, password, prove, refresh, register,
    second_factor, sessions, single_sign_on as sign_on,
};
use crate::live::socket;
use crate::operations::Operations;
use crate::{openapi, ready};

pub(crate) fn all(operations: Operations) -> Operations {
    traces(logs(telemetry(monitoring(members(account(incidents(
        public(operations),
    )))))))
}

/// The live socket and the probes, for a port of their own.
pub(crate) fn live(operations: Operations) -> Operations {
    operations
        .public(routes!(ready::healthz))
        .public(routes!(ready::readyz))
        .socket(Action::UseSession, routes!(socket::ws))
}

/// What needs no credential.
fn public(operations: Operations) -> Operations {
    operations
        .entrance(routes!(register::register))
        .entrance(routes!(login::login))
        .entrance(routes!(initial_password::replace))
        .entrance(routes!(refresh::refresh))
        .entrance(routes!(sign_on::lookup::lookup))
        .entrance(routes!(sign_on::start::start))
        .entrance(routes!(sign_on::callback::callback))
        .entrance(routes!(sign_on::logout::logout))
        .entrance(routes!(join::see))
        .entrance(routes!(join::join))
        .public(routes!(logout::logout))
        .public(routes!(auth::actions))
        .public(routes!(auth::jwks))
        .public(routes!(ready::healthz))
        .public(routes!(ready::readyz))
        .public(routes!(ready::metrics))
        .public(routes!(openapi::document))
}

fn incidents(operations: Operations) -> Operations {
    use Action::{
        CommentIncidents, MergeIncidents, OpenIncidents, ReadAlerts, ReadIncidents, WorkIncidents,
    };
    operations
        .member(ReadIncidents, routes!(incidents::list))
        .member(OpenIncidents, routes!(incidents::declare))
        .member(ReadIncidents, routes!(incidents::stats))
        .member(ReadIncidents, routes!(incidents::get))
        .member(WorkIncidents, routes!(incidents::transitions::acknowledge))
        .member(WorkIncidents, routes!(incidents::transitions::investigate))
        .member(WorkIncidents, routes!(incidents::transitions::mitigate))
        .member(WorkIncidents, routes!(incidents::transitions::resolve))
        .member(WorkIncidents, routes!(incidents::transitions::learn))
        .member(WorkIncidents, routes!(incidents::transitions::reopen))
        .member(WorkIncidents, routes!(incidents::edits::set_severity))
        .member(WorkIncidents, routes!(incidents::edits::set_title))
        .member(WorkIncidents, routes!(incidents::edits::set_assignee))
        .member(MergeIncidents, routes!(incidents::edits::merge))
        .member(CommentIncidents, routes!(incidents::timeline::comment))
        .member(ReadIncidents, routes!(incidents::timeline::list))
        .member(ReadAlerts, routes!(incidents::alerts::list))
        .member(ReadAlerts, routes!(alerts::list))
        .member(ReadAlerts, routes!(alerts::get))
}

/// What a person does with their own account.
fn account(operations: Operations) -> Operations {
    use Action::UseSession;
    operations
        .member(UseSession, routes!(auth::me))
        .member(UseSession, routes!(auth::ws_ticket))
        .socket(UseSession, routes!(socket::ws))
        .member(UseSession, routes!(join::accept))
        .member(UseSession, routes!(leave::leave))
        .member(UseSession, routes!(prove::prove))
        .member(UseSession, routes!(password::change))
        .member(UseSession, routes!(sessions::list, sessions::end_others))
        .member(UseSession, routes!(sessions::end))
        .member(
            UseSession,
            routes!(
                second_factor::get,
                second_factor::propose,
                second_factor::disable
            ),
        )
        .member(UseSession, routes!(second_factor::confirm))
        .member(UseSession, routes!(second_factor::renew_recovery_codes))
}

fn members(operations: Operations) -> Operations {
    use Action::{
        EraseMembers, EraseTenant, ExportTenant, ManageApiKeys, ManageAudit, ManageMembers,
        ManageProjects, ManageSingleSignOn, ManageTelemetryLimits, ManageTenant, ReadApiKeys,
        ReadAudit, ReadCommands, ReadMembers, ReadProjects, ReadSavedViews, ReadTelemetryLimits,
        SaveViews,
    };
    operations
        .member(ReadProjects, routes!(tenant::get))
        .member(ManageTenant, routes!(tenant::rename))
        .member(EraseTenant, routes!(tenant::erasure::ask))
        .member(EraseTenant, routes!(tenant::erasure::call_off))
        .sensitive(ExportTenant, routes!(export::tenant))
        .member(EraseMembers, routes!(members::erase::erase))
        .member(ReadProjects, routes!(projects::list))
        .member(ManageProjects, routes!(projects::create))
        .member(ManageProjects, routes!(projects::rename))
        .looked_at(ReadMembers, routes!(members::list))
        .member(ManageProjects, routes!(projects::archive))
        .member(ManageProjects, routes!(projects::restore))
        .member(ManageMembers, routes!(members::create))
        .member(ManageMembers, routes!(members::change_role))
        .member(ManageMembers, routes!(members::set_project_role))
        .member(ManageMembers, routes!(members::remove))
        .looked_at(ManageMembers, routes!(invitations::list))
        .member(ManageMembers, routes!(invitations::create))
        .member(ManageMembers, routes!(invitations::revoke))
        .member(ManageMembers, routes!(invitations::send::send))
        .member(
            ManageSingleSignOn,
            routes!(
                single_sign_on::get,
                single_sign_on::set,
                single_sign_on::remove
            ),
        )
        .member(ManageSingleSignOn, routes!(single_sign_on::test::test))
        .member(ReadApiKeys, routes!(api_keys::list))
        .sensitive(ReadApiKeys, routes!(refused_bodies::list))
        .member(ReadApiKeys, routes!(service_accounts::list))
        .member(ManageApiKeys, routes!(service_accounts::create))
        .member(ManageApiKeys, routes!(service_accounts::disable))
        .member(ManageApiKeys, routes!(api_keys::create))
        .member(ManageApiKeys, routes!(api_keys::rotate::rotate))
        .member(ManageApiKeys, routes!(api_keys::change::change))
        .member(ManageApiKeys, routes!(api_keys::revoke))
        .member(ReadSavedViews, routes!(saved_views::list))
        .member(SaveViews, routes!(saved_views::save))
        .member(SaveViews, routes!(saved_views::delete))
        .member(ReadTelemetryLimits, routes!(telemetry_limits::get))
        .member(ManageTelemetryLimits, routes!(telemetry_limits::set))
        .member(ReadTelemetryLimits, routes!(usage::get))
        .member(ReadCommands, routes!(commands::get))
        .sensitive(ReadAudit, routes!(audit::list))
        .sensitive(ReadAudit, routes!(audit::stats))
        .sensitive(ReadAudit, routes!(audit::export::file))
        .member(ReadAudit, routes!(audit::retention::get))
        .member(ManageAudit, routes!(audit::retention::set))
}

fn monitoring(operations: Operations) -> Operations {
    use Action::{
        ManageMonitoringIntegrations, ReadMonitoringIntegrations, TestMonitoringIntegrations,
    };
    use monitoring_integrations as integrations;
    operations
        .member(ReadMonitoringIntegrations, routes!(integrations::list))
        .member(ReadMonitoringIntegrations, routes!(integrations::get))
        .member(ManageMonitoringIntegrations, routes!(integrations::create))
        .member(ManageMonitoringIntegrations, routes!(integrations::change))
        .member(
            ManageMonitoringIntegrations,
            routes!(integrations::rename::rename),
        )
        .member(ManageMonitoringIntegrations, routes!(integrations::remove))
        .member(
            TestMonitoringIntegrations,
            routes!(integrations::test::test),
        )
}

fn telemetry(operations: Operations) -> Operations {
    use Action::{ManageTelemetry, ReadTelemetry};
    use prometheus::{catalogue, query, status};
    operations
        .member(ReadTelemetry, routes!(self::telemetry::rules))
        .member(ManageTelemetry, routes!(self::telemetry::set_rule))
        .member(ManageTelemetry, routes!(self::telemetry::list_deletions))
        .member(ManageTelemetry, routes!(self::telemetry::delete))
        .member(ReadTelemetry, routes!(query::instant, query::post_instant))
        .member(ReadTelemetry, routes!(query::range, query::post_range))
        .member(ReadTelemetry, routes!(query::format, query::post_format))
        .member(
            ReadTelemetry,
            routes!(catalogue::series, catalogue::post_series),
        )
        .member(
            ReadTelemetry,
            routes!(catalogue::labels, catalogue::post_labels),
        )
        .member(ReadTelemetry, routes!(catalogue::label_values))
        .member(ReadTelemetry, routes!(catalogue::metadata))
        .member(
            ReadTelemetry,
            routes!(catalogue::exemplars, catalogue::post_exemplars),
        )
        .member(ReadTelemetry, routes!(status::build_info))
        .member(ReadTelemetry, routes!(status::rules))
        .member(ReadTelemetry, routes!(status::alerts))
}

fn logs(operations: Operations) -> Operations {
    use Action::ReadTelemetry;
    use loki::{detected, labels, status, volume};
    operations
        .member(ReadTelemetry, routes!(logs::list))
        .member(ReadTelemetry, routes!(logs::stats::over_time))
        .member(ReadTelemetry, routes!(logs::stats::services))
        .member(ReadTelemetry, routes!(logs::fields::names))
        .member(ReadTelemetry, routes!(logs::fields::values))
        .member(ReadTelemetry, routes!(logs::patterns::list))
        .sensitive(ReadTelemetry, routes!(logs::export::file))
        .member(ReadTelemetry, routes!(logs::context::get))
        .socket(ReadTelemetry, routes!(logs::tail::socket))
        .member(
            ReadTelemetry,
            routes!(loki::query_range, loki::post_query_range),
        )
        .member(ReadTelemetry, routes!(loki::query, loki::post_query))
        .member(ReadTelemetry, routes!(labels::names, labels::post_names))
        .member(
            ReadTelemetry,
            routes!(labels::older_names, labels::post_older_names),
        )
        .member(ReadTelemetry, routes!(labels::values, labels::post_values))
        .member(ReadTelemetry, routes!(labels::series, labels::post_series))
        .member(ReadTelemetry, routes!(volume::stats, volume::post_stats))
        .member(ReadTelemetry, routes!(volume::volume, volume::post_volume))
        .member(
            ReadTelemetry,
            routes!(volume::volume_range, volume::post_volume_range),
        )
        .member(
            ReadTelemetry,
            routes!(detected::labels, detected::post_labels),
        )
        .member(
            ReadTelemetry,
            routes!(detected::fields, detected::post_fields),
        )
        .member(
            ReadTelemetry,
            routes!(detected::values, detected::post_values),
        )
        .member(
            ReadTelemetry,
            routes!(loki::patterns::list, loki::patterns::post_list),
        )
        .member(
            ReadTelemetry,
            routes!(status::format_query, status::post_format_query),
        )
        .member(ReadTelemetry, routes!(status::drilldown_limits))
        .member(ReadTelemetry, routes!(status::build_info))
        .socket(ReadTelemetry, routes!(loki::tail::socket))
        .public(routes!(status::ready))
}

fn traces(operations: Operations) -> Operations {
    use Action::ReadTelemetry;
    operations
        .member(ReadTelemetry, routes!(traces::list))
        .member(ReadTelemetry, routes!(traces::get))
        .member(ReadTelemetry, routes!(traces::durations))
        .member(ReadTelemetry, routes!(traces::heatmap))
        .member(ReadTelemetry, routes!(traces::services))
        .member(ReadTelemetry, routes!(traces::operations))
        .member(ReadTelemetry, routes!(traces::red))
        .member(ReadTelemetry, routes!(traces::service_map))
        .member(ReadTelemetry, routes!(jaeger::services))
        .member(ReadTelemetry, routes!(jaeger::operations))
        .member(ReadTelemetry, routes!(jaeger::kinds_of_operations))
        .member(ReadTelemetry, routes!(jaeger::traces))
        .member(ReadTelemetry, routes!(jaeger::trace))
        .member(ReadTelemetry, routes!(jaeger::dependencies))
        .member(ReadTelemetry, routes!(jaeger::v3::services))
        .member(ReadTelemetry, routes!(jaeger::v3::operations))
        .member(ReadTelemetry, routes!(jaeger::v3::traces))
        .member(ReadTelemetry, routes!(jaeger::v3::trace))
}
