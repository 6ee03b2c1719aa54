import type { Page } from '@playwright/test';

/** The seed's project and its newest interesting incident, as the mock numbers them. */
export const PROJECT = '01981f00-0000-7000-8000-00000000000a';

/** Logs in to the mock's seed through the login page. */
export async function logIn(page: Page): Promise<void> {
  await page.goto('/login');
  await page.getByLabel('E-mail').fill('mira@nordlicht.example');
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
}

export interface ShownPage {
  name: string;
  signedIn: boolean;
  open: (page: Page) => Promise<void>;
}

const at = (path: string, heading: string): ShownPage['open'] => async (page) => {
  await page.goto(path);
  await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
  await settled(page);
};

/** Every page of the console, for the tests that hold on all of them. */
export const PAGES: readonly ShownPage[] = [
  { name: 'login', signedIn: false, open: at('/login', 'Log in') },
  { name: 'initial-password', signedIn: false, open: async (page) => {
    await page.goto('/login');
    await page.getByLabel('E-mail').fill('mira@nordlicht.example');
    await page.getByLabel('Password', { exact: true }).fill('given by somebody else');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'Choose your password', level: 1 }).waitFor();
    await settled(page);
  } },
  { name: 'register', signedIn: false, open: at('/register', 'Create an account') },
  { name: 'join', signedIn: false, open: at('/join#srei_mocklena', 'Join Nordlicht') },
  { name: 'overview', signedIn: true, open: at(`/p/${PROJECT}`, 'Overview') },
  { name: 'incidents', signedIn: true, open: at(`/p/${PROJECT}/incidents`, 'Incidents') },
  { name: 'incidents-all', signedIn: true, open: at(`/p/${PROJECT}/incidents?status=all`, 'Incidents') },
  { name: 'incidents-none', signedIn: true, open: at(`/p/${PROJECT}/incidents?q=zzz`, 'Incidents') },
  { name: 'declare', signedIn: true, open: at(`/p/${PROJECT}/incidents/new`, 'Declare an incident') },
  { name: 'incident', signedIn: true, open: openCheckout },
  { name: 'alerts', signedIn: true, open: at(`/p/${PROJECT}/alerts`, 'Alerts') },
  { name: 'alert', signedIn: true, open: openAlert },
  { name: 'metrics', signedIn: true, open: openMetrics },
  { name: 'metrics-table', signedIn: true, open: at(`/p/${PROJECT}/metrics?a=node_filesystem_avail_bytes&tab=table`, 'Metrics') },
  { name: 'metrics-error', signedIn: true, open: openBrokenQuery },
  { name: 'metrics-begin', signedIn: true, open: at(`/p/${PROJECT}/metrics`, 'Metrics') },
  { name: 'logs', signedIn: true, open: at(`/p/${PROJECT}/logs?q=connection&level=error,fatal&range=15m`, 'Logs') },
  { name: 'logs-line', signedIn: true, open: openLine },
  { name: 'logs-patterns', signedIn: true, open: at(`/p/${PROJECT}/logs?tab=patterns`, 'Logs') },
  { name: 'logs-none', signedIn: true, open: at(`/p/${PROJECT}/logs?q=zzz`, 'Logs') },
  { name: 'traces', signedIn: true, open: at(`/p/${PROJECT}/traces?service=payments&min=1s`, 'Traces') },
  { name: 'traces-heatmap', signedIn: true, open: async (page) => {
    await page.goto(`/p/${PROJECT}/traces?tab=heatmap&range=3h`);
    await page.getByRole('img', { name: /spans by time and duration/ }).waitFor();
  } },
  { name: 'trace', signedIn: true, open: openTrace },
  { name: 'trace-flame', signedIn: true, open: async (page) => {
    await openTrace(page);
    await page.getByText('Flame graph', { exact: true }).click();
    await page.getByRole('table', { name: 'Time by operation' }).waitFor();
  } },
  { name: 'trace-span', signedIn: true, open: async (page) => {
    await openTrace(page);
    await page.getByRole('treeitem', { name: /acquire connection/ }).click();
    await page.getByRole('dialog').getByText('Attributes').or(page.getByRole('dialog').getByText('Events')).first().waitFor();
  } },
  { name: 'services', signedIn: true, open: at(`/p/${PROJECT}/services?service=checkout`, 'Services') },
  { name: 'getting-started-metrics', signedIn: true, open: at(`/p/${PROJECT}/getting-started?tab=metrics`, 'Getting started') },
  { name: 'getting-started', signedIn: true, open: at(`/p/${PROJECT}/getting-started`, 'Getting started') },
  { name: 'api-keys', signedIn: true, open: at(`/p/${PROJECT}/settings/api-keys`, 'Settings') },
  { name: 'members', signedIn: true, open: at(`/p/${PROJECT}/settings/members`, 'Settings') },
  { name: 'single-sign-on', signedIn: true, open: at(`/p/${PROJECT}/settings/single-sign-on`, 'Settings') },
  { name: 'single-sign-on-form', signedIn: true, open: openSignOnForm },
  { name: 'login-refused', signedIn: false, open: openRefusedSignOn },
  { name: 'roles', signedIn: true, open: at(`/p/${PROJECT}/settings/roles`, 'Settings') },
  { name: 'security', signedIn: true, open: at(`/p/${PROJECT}/settings/security`, 'Settings') },
  { name: 'projects', signedIn: true, open: at(`/p/${PROJECT}/settings/projects`, 'Settings') },
  { name: 'integrations', signedIn: true, open: at(`/p/${PROJECT}/settings/integrations`, 'Settings') },
  { name: 'telemetry', signedIn: true, open: at(`/p/${PROJECT}/settings/telemetry`, 'Settings') },
  { name: 'telemetry-limits', signedIn: true, open: at(`/p/${PROJECT}/settings/telemetry-limits`, 'Settings') },
  { name: 'usage', signedIn: true, open: at(`/p/${PROJECT}/settings/usage`, 'Settings') },
  { name: 'audit', signedIn: true, open: at(`/p/${PROJECT}/settings/audit`, 'Settings') },
  { name: 'not-found', signedIn: true, open: async (page) => {
    await page.goto(`/p/${PROJECT}/nowhere`);
    await page.getByText('There is no such page').waitFor();
  } },
];

/** No skeleton is left: what is on the screen is data. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
  await page.waitForLoadState('networkidle');
}

async function openMetrics(page: Page): Promise<void> {
  const queries = new URLSearchParams({
    a: 'histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket[5m])))',
    b: 'avg by (service) (process_resident_memory_bytes)',
    hidden: 'b',
  });
  await page.goto(`/p/${PROJECT}/metrics?${queries}`);
  await page.getByRole('img', { name: /series over time/ }).waitFor();
  await page.getByRole('textbox', { name: 'Query B' }).waitFor();
  await settled(page);
}

async function openBrokenQuery(page: Page): Promise<void> {
  await page.goto(`/p/${PROJECT}/metrics?a=${encodeURIComponent('sum(rate(up[5m])')}`);
  await page.getByRole('alert').waitFor();
  await page.getByRole('textbox', { name: 'Query A' }).waitFor();
  await settled(page);
}

async function openLine(page: Page): Promise<void> {
  await page.goto(`/p/${PROJECT}/logs?level=fatal&range=15m`);
  await page.getByRole('list', { name: 'Lines', exact: true }).getByRole('button').first().click();
  await page.getByRole('button', { name: 'Show the lines around it' }).click();
  await page.getByRole('list', { name: 'Lines around this one' }).waitFor();
  await settled(page);
}

/** A trace of the seed's incident. */
async function openTrace(page: Page): Promise<void> {
  await page.goto(`/p/${PROJECT}/traces?errors=1&service=payments&min=1s`);
  await page.getByRole('table', { name: 'Traces' }).getByRole('link').first().click();
  await page.getByRole('tree', { name: 'Spans' }).waitFor();
  await settled(page);
}

async function openCheckout(page: Page): Promise<void> {
  await page.goto(`/p/${PROJECT}/incidents`);
  await page.getByRole('link', { name: /Checkout answers 502/ }).click();
  await page.getByRole('heading', { name: /Checkout answers 502/ }).waitFor();
  await settled(page);
}

async function openAlert(page: Page): Promise<void> {
  await page.goto(`/p/${PROJECT}/alerts`);
  await page.getByRole('link', { name: /^UpstreamTimeouts/ }).click();
  await page.getByRole('dialog').getByText('Fingerprint').waitFor();
}

async function openSignOnForm(page: Page): Promise<void> {
  await page.goto(`/p/${PROJECT}/settings/single-sign-on`);
  await page.getByRole('button', { name: 'Set up' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Add group' }).click();
  await settled(page);
}

async function openRefusedSignOn(page: Page): Promise<void> {
  await page.goto('/login?sign_on=no_access');
  await page.getByRole('button', { name: 'Continue with SSO' }).click();
  await page.getByLabel('Work e-mail').waitFor();
}
