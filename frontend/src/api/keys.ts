/** Every query key of the console. The project comes first, so that switching projects never shows another's rows. */
export const keys = {
  me: ['me'] as const,
  everyIncidentList: (project: string) => ['p', project, 'incidents'] as const,
  incidentList: (project: string, filter: object) => ['p', project, 'incidents', 'list', filter] as const,
  incidentStats: (project: string, range: object) => ['p', project, 'incidents', 'stats', range] as const,
  incident: (project: string, id: string) => ['p', project, 'incident', id] as const,
  timeline: (project: string, id: string) => ['p', project, 'timeline', id] as const,
  everyIncidentAlerts: (project: string) => ['p', project, 'incident-alerts'] as const,
  incidentAlerts: (project: string, id: string) => ['p', project, 'incident-alerts', id] as const,
  everyAlertList: (project: string) => ['p', project, 'alerts'] as const,
  alertList: (project: string, filter: object) => ['p', project, 'alerts', filter] as const,
  alert: (project: string, id: string) => ['p', project, 'alert', id] as const,
  apiKeys: (project: string) => ['p', project, 'api-keys'] as const,
  refusedWebhooks: (project: string) => ['p', project, 'refused-webhooks'] as const,
  members: (project: string) => ['p', project, 'members'] as const,
  projects: (project: string) => ['p', project, 'projects'] as const,
  audit: (project: string, filter: object) => ['p', project, 'audit', filter] as const,
};
