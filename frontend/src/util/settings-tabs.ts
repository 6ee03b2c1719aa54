import type { Permission } from '../api/auth';

const ALL = [
  { label: 'API keys', to: '/p/$project/settings/api-keys', needs: 'api_key.read' },
  { label: 'Members', to: '/p/$project/settings/members', needs: null },
  { label: 'Single sign-on', to: '/p/$project/settings/single-sign-on', needs: 'single_sign_on.manage' },
  { label: 'Roles', to: '/p/$project/settings/roles', needs: null },
  { label: 'Projects', to: '/p/$project/settings/projects', needs: null },
  { label: 'Your security', to: '/p/$project/settings/security', needs: null },
  { label: 'Integrations', to: '/p/$project/settings/integrations', needs: null },
  { label: 'Telemetry', to: '/p/$project/settings/telemetry', needs: null },
  { label: 'Telemetry limits', to: '/p/$project/settings/telemetry-limits', needs: null },
  { label: 'Usage', to: '/p/$project/settings/usage', needs: null },
  { label: 'Audit', to: '/p/$project/settings/audit', needs: 'audit.read' },
] as const satisfies readonly { label: string; to: string; needs: Permission | null }[];

/** The settings at an address. */
export function settingsTabAt(path: string) {
  return ALL.find(({ to }) => path.replace(/\/$/, '').endsWith(to.replace('/p/$project', '')));
}

/** The settings that somebody may see; the first is where they begin. */
export function settingsTabs(permissions: readonly string[]) {
  return ALL.filter(({ needs }) => needs === null || permissions.includes(needs));
}
