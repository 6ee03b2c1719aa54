import { expect, it } from 'vitest';
import type { Permission } from '../api/auth';
import { settingsTabAt, settingsTabs } from './settings-tabs';

const VIEWER: Permission[] = [];

function labels(permissions: readonly Permission[]): string[] {
  return settingsTabs(permissions).map(({ label }) => label);
}

it('a viewer begins where they may look, and is shown no door that is shut', () => {
  expect(labels(VIEWER)[0]).toBe('Members');
  for (const shut of ['API keys', 'Single sign-on', 'Audit']) expect(labels(VIEWER)).not.toContain(shut);
  expect(labels(VIEWER)).toContain('Your security');
});

it('who may see the keys begins with them', () => {
  expect(labels([...VIEWER, 'api_key.read'])[0]).toBe('API keys');
  expect(labels([...VIEWER, 'audit.read'])).toContain('Audit');
});

it('knows the settings at an address, and those from others that begin alike', () => {
  expect(settingsTabAt('/p/p1/settings/telemetry')?.label).toBe('Telemetry');
  expect(settingsTabAt('/p/p1/settings/telemetry-limits/')?.label).toBe('Telemetry limits');
  expect(settingsTabAt('/p/p1/settings')).toBeUndefined();
});
